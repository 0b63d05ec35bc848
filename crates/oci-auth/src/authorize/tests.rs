//! What callers are told, by tables and against a model of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::glob::tests::any_name;
use crate::{External, Identity, Rules, RulesConfig, Secret};

const RULES: &str = r#"
[[access]]
repos = ["public/**"]
who = ["anonymous"]
allow = ["pull"]

[[access]]
repos = ["drop/**"]
who = ["user:alice"]
allow = ["push"]

[[access]]
repos = ["team/**"]
who = ["user:alice", "issuer:corp"]
allow = ["pull", "push"]

[[access]]
repos = ["own/**"]
who = ["user:alice"]
allow = ["pull", "push", "overwrite", "delete"]
"#;

fn rules() -> Rules {
    toml::from_str::<RulesConfig>(RULES)
        .unwrap()
        .try_into()
        .unwrap()
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn scopes(text: &str) -> Arc<[ResourceScope]> {
    text.split_whitespace()
        .map(|scope| scope.parse().unwrap())
        .collect()
}

/// `WHO` with no bound, `WHO!` without a token, `WHO SCOPES` with a token of this registry, and
/// `corp SCOPES` with one of another.
fn caller(text: &str) -> Caller {
    let (who, bound) = text.split_once(' ').unwrap_or((text, ""));
    let identity = match who.trim_end_matches(['!', '?']) {
        "anonymous" => Identity::Anonymous,
        "corp" => Identity::External(Arc::new(External {
            issuer: "corp".parse().unwrap(),
            subject: "bob".into(),
        })),
        user => Identity::user(user.parse().unwrap(), BTreeSet::new()),
    };
    let grant = match (who, bound) {
        ("corp", _) => Grant::External(scopes(bound)),
        (who, _) if who.ends_with('!') => Grant::NoToken,
        (who, _) if who.ends_with('?') => Grant::Builtin(scopes(bound)),
        _ => Grant::Unbounded,
    };
    Caller::new(identity, grant)
}

fn print(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allowed(rights) => format!("{rights:?}"),
        Verdict::Challenge { scopes, error } => {
            let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
            let error = error.map_or("", BearerError::as_str);
            format!("401 {} {error}", scopes.join(" "))
                .trim_end()
                .to_owned()
        }
        Verdict::Hidden => "404".to_owned(),
        Verdict::Denied => "403".to_owned(),
    }
}

async fn told(who: &str, access: Access, repository: &str) -> String {
    let name = name(repository);
    let need = Need::Repository {
        name: &name,
        access,
    };
    print(&authorize(&rules(), &caller(who), need).await.unwrap())
}

#[tokio::test]
async fn passwords_are_bounded_by_the_rules_alone() {
    for (who, access, repository, expected) in [
        ("anonymous", Access::Read, "public/a", "{Pull}"),
        ("anonymous", Access::Probe, "public/a", "{Pull}"),
        (
            "anonymous",
            Access::Write,
            "public/a",
            "401 repository:public/a:pull,push",
        ),
        (
            "anonymous",
            Access::Delete,
            "public/a",
            "401 repository:public/a:delete",
        ),
        (
            "anonymous",
            Access::Read,
            "team/a",
            "401 repository:team/a:pull",
        ),
        ("alice", Access::Read, "public/a", "{Pull}"),
        ("alice", Access::Write, "public/a", "403"),
        ("alice", Access::Read, "team/a", "{Pull, Push}"),
        ("alice", Access::Write, "team/a", "{Pull, Push}"),
        ("alice", Access::Delete, "team/a", "403"),
        (
            "alice",
            Access::Delete,
            "own/a",
            "{Pull, Push, Overwrite, Delete}",
        ),
        ("alice", Access::Write, "drop/a", "{Push}"),
        ("alice", Access::Probe, "drop/a", "{Push}"),
        ("alice", Access::Read, "drop/a", "403"),
        ("alice", Access::Read, "secret/a", "404"),
        ("alice", Access::Probe, "secret/a", "404"),
        ("alice", Access::Write, "secret/a", "404"),
        ("alice", Access::Delete, "secret/a", "404"),
        ("bob", Access::Read, "team/a", "404"),
    ] {
        assert_eq!(
            told(who, access, repository).await,
            expected,
            "{who} {access:?} {repository}"
        );
    }
}

#[tokio::test]
async fn tokens_open_what_they_are_for_and_the_rules_still_allow() {
    for (who, access, repository, expected) in [
        (
            "anonymous!",
            Access::Read,
            "public/a",
            "401 repository:public/a:pull",
        ),
        (
            "anonymous!",
            Access::Read,
            "missing/a",
            "401 repository:missing/a:pull",
        ),
        (
            "anonymous? repository:public/a:pull",
            Access::Read,
            "public/a",
            "{Pull}",
        ),
        (
            "anonymous? repository:public/a:pull",
            Access::Read,
            "public/b",
            "401 repository:public/b:pull insufficient_scope",
        ),
        (
            "anonymous? repository:team/a:pull",
            Access::Read,
            "team/a",
            "401 repository:team/a:pull insufficient_scope",
        ),
        (
            "alice? repository:team/a:pull",
            Access::Read,
            "team/a",
            "{Pull}",
        ),
        (
            "alice? repository:team/a:pull",
            Access::Write,
            "team/a",
            "401 repository:team/a:pull,push insufficient_scope",
        ),
        (
            "alice? repository:team/a:pull",
            Access::Delete,
            "team/a",
            "401 repository:team/a:delete insufficient_scope",
        ),
        (
            "alice? repository:team/a:*",
            Access::Write,
            "team/a",
            "{Pull, Push}",
        ),
        (
            "alice? repository:team/a:*",
            Access::Delete,
            "team/a",
            "403",
        ),
        (
            "alice? repository:own/a:push",
            Access::Write,
            "own/a",
            "{Push, Overwrite}",
        ),
        (
            "alice? repository:own/a:push",
            Access::Delete,
            "own/a",
            "401 repository:own/a:delete insufficient_scope",
        ),
        (
            "alice? repository:secret/a:*",
            Access::Read,
            "secret/a",
            "404",
        ),
        (
            "alice?",
            Access::Read,
            "secret/a",
            "401 repository:secret/a:pull insufficient_scope",
        ),
        (
            "alice?",
            Access::Read,
            "team/a",
            "401 repository:team/a:pull insufficient_scope",
        ),
        (
            "corp repository:team/a:pull",
            Access::Read,
            "team/a",
            "{Pull}",
        ),
        (
            "corp repository:team/a:pull",
            Access::Write,
            "team/a",
            "401 repository:team/a:pull,push insufficient_scope",
        ),
        ("corp repository:own/a:*", Access::Read, "own/a", "404"),
    ] {
        assert_eq!(
            told(who, access, repository).await,
            expected,
            "{who} {access:?} {repository}"
        );
    }
}

#[tokio::test]
async fn the_base_challenges_who_shows_nothing() {
    for (who, expected) in [
        ("anonymous", "401"),
        ("anonymous!", "401"),
        ("anonymous?", "{}"),
        ("alice", "{}"),
        ("alice?", "{}"),
        ("corp", "{}"),
    ] {
        let verdict = authorize(&rules(), &caller(who), Need::Base).await.unwrap();
        assert_eq!(print(&verdict), expected, "{who}");
    }
}

#[tokio::test]
async fn the_catalog_shows_everyone_their_part() {
    let nothing = Rules::default();
    for (who, expected, shown, without_rules) in [
        ("anonymous", "{}", "public/a", "401 registry:catalog:*"),
        (
            "anonymous!",
            "401 registry:catalog:*",
            "",
            "401 registry:catalog:*",
        ),
        (
            "anonymous? registry:catalog:*",
            "{}",
            "public/a",
            "401 registry:catalog:* insufficient_scope",
        ),
        ("alice", "{}", "public/a team/a own/a", "{}"),
        (
            "alice? registry:catalog:*",
            "{}",
            "public/a team/a own/a",
            "{}",
        ),
        (
            "alice? registry:catalog:pull",
            "401 registry:catalog:* insufficient_scope",
            "",
            "401 registry:catalog:* insufficient_scope",
        ),
        (
            "alice? repository:catalog:*",
            "401 registry:catalog:* insufficient_scope",
            "",
            "401 registry:catalog:* insufficient_scope",
        ),
        ("corp registry:catalog:*", "{}", "public/a team/a", "{}"),
    ] {
        let (rules, caller) = (rules(), caller(who));
        let verdict = authorize(&rules, &caller, Need::Catalog).await.unwrap();
        assert_eq!(print(&verdict), expected, "{who}");
        let scope = caller.catalog_scope(&rules).await.unwrap();
        let all = ["public/a", "team/a", "own/a", "drop/a", "secret/a"];
        let visible: Vec<_> = all
            .into_iter()
            .filter(|text| scope.contains(&name(text)))
            .collect();
        assert_eq!(visible.join(" "), shown, "{who}");
        let verdict = authorize(&nothing, &caller, Need::Catalog).await.unwrap();
        assert_eq!(print(&verdict), without_rules, "{who}");
    }
}

#[tokio::test]
async fn mounts_take_from_what_may_be_pulled() {
    for (who, source, allowed) in [
        ("anonymous", "public/a", true),
        ("anonymous", "team/a", false),
        ("anonymous!", "public/a", false),
        ("alice", "team/a", true),
        ("alice", "drop/a", false),
        ("alice", "secret/a", false),
        // Clients ask for a token for the target alone.
        ("alice? repository:own/a:push,pull", "team/a", true),
        ("alice? repository:own/a:push,pull", "secret/a", false),
        ("anonymous? repository:own/a:pull,push", "team/a", false),
        ("corp repository:team/a:push,pull", "team/a", true),
        ("corp repository:team/a:push,pull", "team/b", false),
        ("corp repository:team/a:push", "team/a", false),
        ("corp repository:own/a:pull", "own/a", false),
    ] {
        let (rules, caller, name) = (rules(), caller(who), name(source));
        let found = caller.may_mount_from(&rules, &name).await.unwrap();
        assert_eq!(found, allowed, "{who} from {source}");
        let scope = caller.mount_scope(&rules).await.unwrap();
        assert_eq!(
            scope.contains(&name),
            allowed,
            "{who} from anywhere, as {source}"
        );
    }
}

#[test]
fn callers_print_no_secrets() {
    let secret = Secret::from("canary");
    assert_eq!(format!("{secret:?} {secret:#?}"), "Secret Secret");
}

fn any_access() -> impl Strategy<Value = Access> {
    prop::sample::select(vec![
        Access::Read,
        Access::Probe,
        Access::Write,
        Access::Delete,
    ])
}

fn any_rights() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec!["pull", "push", "overwrite", "delete"], 0..=4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Nothing is allowed that the rules and the token do not both allow, nothing that they do
    /// is refused, and nobody learns of a repository that they may not see.
    #[test]
    fn verdicts_are_what_the_model_says(
        repository in any_name(),
        access in any_access(),
        rights in any_rights(),
        token in prop::option::of(any_rights()),
        known in any::<bool>(),
    ) {
        let who = if known { "user:u" } else { "anonymous" };
        let mut text = String::new();
        if !rights.is_empty() {
            text = format!("[[access]]\nrepos = ['{repository}']\nwho = ['{who}']\nallow = {rights:?}");
        }
        let rules: Rules = toml::from_str::<RulesConfig>(&text).unwrap().try_into().unwrap();
        let identity = if known { Identity::user("u".parse().unwrap(), BTreeSet::new()) } else { Identity::Anonymous };
        let grant = match &token {
            None => Grant::Unbounded,
            Some(words) => Grant::Builtin(scopes(&format!("repository:{repository}:{}", words.join(",")))),
        };
        let has = |word: &str| rights.contains(&word);
        let carries = |word: &str| token.as_ref().is_none_or(|words| words.contains(&word));
        let needed: &[&str] = match access {
            Access::Read => &["pull"],
            Access::Probe => &["pull", "push"],
            Access::Write => &["push"],
            Access::Delete => &["delete"],
        };
        let expected = if needed.iter().any(|word| has(word) && carries(word)) {
            "allowed"
        } else if !known || !needed.iter().any(|word| carries(word)) {
            "401"
        } else if rights.is_empty() {
            "404"
        } else {
            "403"
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let need = Need::Repository { name: &repository, access };
        let caller = Caller::new(identity, grant);
        let verdict = runtime.block_on(authorize(&rules, &caller, need)).unwrap();
        if let Verdict::Allowed(found) = &verdict {
            prop_assert_eq!(expected, "allowed");
            for (action, word) in [(Action::Pull, "pull"), (Action::Push, "push"), (Action::Delete, "delete")] {
                prop_assert_eq!(found.contains(action), has(word) && carries(word));
            }
            prop_assert_eq!(found.contains(Action::Overwrite), has("overwrite") && carries("push"));
        } else {
            prop_assert!(print(&verdict).starts_with(expected), "{:?} is not {}", verdict, expected);
        }
    }
}
