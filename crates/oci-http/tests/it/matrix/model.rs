//! What rules mean, on text.
//!
//! Nothing is allowed by default. The fields of a rule all hold; grants add up, in any order.
//! `anonymous` covers everyone, `authenticated` everyone who is somebody. In patterns `*` stands
//! for any characters of a component, `**` for any number of components, at the end for at least
//! one. Reading takes `pull`; asking whether something is there takes `pull` or `push`; adding
//! takes `push`, and moving a tag `overwrite` besides; removing takes `delete`. A token grants
//! what it is for and the rules allow now; its `push` is for overwriting too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Numbers that look random and are the same each time.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x0c1d)
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Between one and `most` of these, perhaps some of them twice.
    fn some<T: Clone>(&mut self, most: usize, from: &[T]) -> Vec<T> {
        let count = 1 + self.below(most);
        (0..count).map(|_| self.pick(from).clone()).collect()
    }
}

pub(super) type Actions = BTreeSet<&'static str>;

const ALL: [&str; 4] = ["pull", "push", "overwrite", "delete"];
const WHO: [&str; 8] = [
    "anonymous",
    "authenticated",
    "user:alice",
    "user:bob",
    "user:carol",
    "group:one",
    "group:two",
    "group:none",
];
const COMPONENTS: [&str; 12] = [
    "a", "a", "b", "b", "ab", "*", "*", "**", "**", "a*", "*b", "*a*",
];

#[derive(Debug)]
struct Rule {
    repos: Vec<String>,
    who: Vec<&'static str>,
    allow: Vec<&'static str>,
}

/// Rules and groups.
#[derive(Debug)]
pub(super) struct RuleSet {
    rules: Vec<Rule>,
    groups: BTreeMap<&'static str, Vec<&'static str>>,
}

impl RuleSet {
    pub(super) fn random(random: &mut Random) -> Self {
        let rules = (0..random.below(7)).map(|_| {
            let count = 1 + random.below(3);
            let repos = (0..count).map(|_| random.some(4, &COMPONENTS).join("/"));
            Rule {
                repos: repos.collect(),
                who: random.some(2, &WHO),
                allow: random.some(3, &ALL),
            }
        });
        let rules = rules.collect();
        let mut members = || {
            let users = ["alice", "bob", "carol"];
            let mut members = users.to_vec();
            members.retain(|_| random.below(2) == 0);
            members
        };
        let groups = [("one", members()), ("two", members()), ("none", Vec::new())];
        Self {
            rules,
            groups: groups.into(),
        }
    }

    pub(super) fn to_toml(&self) -> String {
        let mut text = String::from("[groups]\n");
        for (group, users) in &self.groups {
            let _ = writeln!(text, "{group} = {users:?}");
        }
        for Rule { repos, who, allow } in &self.rules {
            let _ = writeln!(
                text,
                "[[access]]\nrepos = {repos:?}\nwho = {who:?}\nallow = {allow:?}"
            );
        }
        text
    }

    /// What `user` may do in a repository; the empty name is nobody's.
    pub(super) fn rights(&self, user: &str, repository: &str) -> Actions {
        let mut rights = Actions::new();
        for rule in &self.rules {
            let meant = rule.repos.iter().any(|pattern| fits(pattern, repository));
            if meant && self.is_for(rule, user) {
                rights.extend(&rule.allow);
            }
        }
        rights
    }

    fn is_for(&self, rule: &Rule, user: &str) -> bool {
        rule.who.iter().any(|who| match who.split_once(':') {
            None if *who == "anonymous" => true,
            None => !user.is_empty(),
            Some(("user", name)) => name == user,
            Some((_, group)) => self.groups[group].contains(&user),
        })
    }

    /// Whether some rule lets `user` pull something, be it there or not.
    fn pulls_anything(&self, user: &str) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| rule.allow.contains(&"pull") && self.is_for(rule, user))
    }

    /// Whether a blob that `from` alone has is mounted. Where no source is named, patterns that
    /// a query cannot express need not be searched: then there is no telling.
    pub(super) fn reaches(&self, user: &str, from: &str, named: bool) -> Option<bool> {
        if named || !self.rights(user, from).contains("pull") {
            return Some(self.rights(user, from).contains("pull"));
        }
        let pulling = self
            .rules
            .iter()
            .filter(|rule| rule.allow.contains(&"pull"));
        let simple = pulling
            .filter(|rule| self.is_for(rule, user))
            .flat_map(|rule| &rule.repos)
            .any(|pattern| is_simple(pattern) && fits(pattern, from));
        simple.then_some(true)
    }
}

/// `a/b`, `a/**` and `**`.
fn is_simple(pattern: &str) -> bool {
    let literal = pattern.strip_suffix("/**").unwrap_or(pattern);
    pattern == "**" || !literal.contains('*')
}

/// Whether a pattern means a repository.
pub(super) fn fits(pattern: &str, repository: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) = (
        pattern.split('/').collect(),
        repository.split('/').collect(),
    );
    components_fit(&pattern, &name)
}

fn components_fit(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        ([], name) => name.is_empty(),
        (["**"], name) => !name.is_empty(),
        (["**", rest @ ..], name) => {
            (0..=name.len()).any(|taken| components_fit(rest, &name[taken..]))
        }
        ([_, ..], []) => false,
        ([first, rest @ ..], [component, others @ ..]) => {
            characters_fit(first, component) && components_fit(rest, others)
        }
    }
}

fn characters_fit(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else {
        return text.is_empty();
    };
    let rest = &pattern[1..];
    if first == '*' {
        (0..=text.len()).any(|taken| characters_fit(rest, &text[taken..]))
    } else {
        text.starts_with(first) && characters_fit(rest, &text[1..])
    }
}

/// What a request is, as far as the rules go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Need {
    Read,
    Probe,
    Write,
    Delete,
}

impl Need {
    fn is_within(self, rights: &Actions) -> bool {
        match self {
            Self::Read => rights.contains("pull"),
            Self::Probe => rights.contains("pull") || rights.contains("push"),
            Self::Write => rights.contains("push"),
            Self::Delete => rights.contains("delete"),
        }
    }

    /// What a challenge asks for.
    pub(super) fn scope_actions(self) -> &'static str {
        match self {
            Self::Read | Self::Probe => "pull",
            Self::Write => "pull,push",
            Self::Delete => "delete",
        }
    }
}

/// Who asks.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) user: &'static str,
    pub(super) shown: Shown,
}

/// What they show.
#[derive(Debug)]
pub(super) enum Shown {
    /// A name and a password, or nothing where that is nobody.
    Basic,
    /// Nothing, where tokens are needed.
    NoToken,
    Token(Scope),
}

/// What a token is for.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// In the order in which they were asked for.
    repositories: Vec<(String, Actions)>,
    catalog: bool,
}

/// A query with some scopes, and what it asks for.
pub(super) fn random_scope(random: &mut Random, names: &[&str]) -> (String, Scope) {
    let (mut query, mut scope) = (String::from("account=x"), Scope::default());
    let mut names = names.to_vec();
    for _ in 0..random.below(9) {
        let name = names.swap_remove(random.below(names.len()));
        let words = random.some(3, &["pull", "push", "delete", "*", "other"]);
        let mut actions = Actions::new();
        for word in &words {
            match *word {
                "*" => actions.extend(["pull", "push", "delete"]),
                "other" => {}
                word => _ = actions.insert(word),
            }
        }
        let _ = write!(query, "&scope=repository:{name}:{}", words.join(","));
        scope.repositories.push((name.to_owned(), actions));
    }
    if random.below(2) == 0 {
        query.push_str("&scope=registry:catalog:*");
        scope.catalog = true;
    }
    (query, scope)
}

impl Scope {
    /// Leaves what the rules allow.
    pub(super) fn bound_by(&mut self, rules: &RuleSet, user: &str) {
        for (name, actions) in &mut self.repositories {
            let rights = rules.rights(user, name);
            actions.retain(|action| rights.contains(action));
        }
        self.catalog &= !user.is_empty() || rules.pulls_anything(user);
    }

    /// What the token endpoint says that it granted.
    pub(super) fn granted(&self) -> Vec<String> {
        let mut granted = Vec::new();
        for (name, actions) in &self.repositories {
            let named = ["pull", "push", "delete"].into_iter();
            let named: Vec<_> = named.filter(|action| actions.contains(action)).collect();
            if !named.is_empty() {
                granted.push(format!("repository:{name}:{}", named.join(",")));
            }
        }
        granted.extend(self.catalog.then(|| "registry:catalog:*".to_owned()));
        granted
    }

    fn rights(&self, repository: &str) -> Actions {
        let mut found = self.repositories.iter();
        let found = found.find(|(name, _)| name == repository);
        let mut rights = found
            .map(|(_, actions)| actions.clone())
            .unwrap_or_default();
        if rights.contains("push") {
            rights.insert("overwrite");
        }
        rights
    }
}

/// What is to become of a request.
#[derive(Debug)]
pub(super) enum Told {
    /// It is done, within these rights.
    Do(Actions),
    /// 401.
    LogIn,
    /// 404.
    Hidden,
    /// 403.
    Denied,
}

impl Caller {
    pub(super) fn told(&self, rules: &RuleSet, repository: &str, need: Need) -> Told {
        let may = rules.rights(self.user, repository);
        let shown: Actions = match &self.shown {
            Shown::Basic => ALL.into(),
            Shown::NoToken => Actions::new(),
            Shown::Token(scope) => scope.rights(repository),
        };
        let both: Actions = may.intersection(&shown).copied().collect();
        if need.is_within(&both) {
            Told::Do(both)
        } else if self.user.is_empty() || !need.is_within(&shown) {
            Told::LogIn
        } else if may.is_empty() {
            Told::Hidden
        } else {
            Told::Denied
        }
    }

    /// Whether `/v2/` is answered.
    pub(super) fn may_ping(&self) -> bool {
        match self.shown {
            Shown::Basic => !self.user.is_empty(),
            Shown::NoToken => false,
            Shown::Token(_) => true,
        }
    }

    /// Whether the catalog is answered: an empty list is an answer to somebody, not to nobody.
    pub(super) fn may_list(&self, rules: &RuleSet) -> bool {
        let shown = match &self.shown {
            Shown::Basic => true,
            Shown::NoToken => false,
            Shown::Token(scope) => scope.catalog,
        };
        shown && (!self.user.is_empty() || rules.pulls_anything(""))
    }
}

#[test]
fn the_model_means_what_is_written() {
    for (pattern, names, others) in [
        ("a", &["a"][..], &["b", "a/a", "ab"][..]),
        ("a/**", &["a/a", "a/b/c"], &["a", "ab/a", "b/a"]),
        ("**", &["a", "a/b/c"], &[]),
        ("a/*/b", &["a/x/b"], &["a/b", "a/x/y/b"]),
        ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a", "a/b/c"]),
        ("*x", &["x", "ax"], &["a/x", "xa"]),
        ("*a*", &["a", "bab"], &["b", "b/a"]),
    ] {
        for name in names {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for name in others {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
