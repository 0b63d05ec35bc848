//! Rules by tables, and against a naive model of their words.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::glob::tests::{any_glob, any_name, naive};
use crate::{External, GroupName, Workload};

const EXAMPLE: &str = r#"
[[access]]
repos = ["public/**"]
who = ["anonymous"]
allow = ["pull"]

[[access]]
repos = ["team-a/**"]
who = ["group:team-a"]
allow = ["pull", "push"]

[[access]]
repos = ["team-a/api"]
who = ["oidc:github"]
claims = { repository_id = "123", ref = "refs/heads/main" }
allow = ["push"]

[[access]]
repos = ["**"]
who = ["group:admin"]
allow = ["pull", "push", "overwrite", "delete"]

[[immutable]]
repos = ["prod/**"]
tags = ["v*"]

[groups]
admin = ["root"]
team-a = ["alice"]
"#;

fn config(text: &str) -> RulesConfig {
    toml::from_str(text).unwrap()
}

fn rules(text: &str) -> Rules {
    config(text).try_into().unwrap()
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn user(name: &str, groups: &[&str]) -> Identity {
    let groups: BTreeSet<GroupName> = groups.iter().map(|group| group.parse().unwrap()).collect();
    Identity::user(name.parse().unwrap(), groups)
}

fn external(issuer: &str, subject: &str) -> Identity {
    Identity::External(Arc::new(External {
        issuer: issuer.parse().unwrap(),
        subject: subject.into(),
    }))
}

fn workload(provider: &str, claims: &[(&str, &str)]) -> Identity {
    let claims = claims
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    Identity::Workload(Arc::new(Workload {
        provider: provider.parse().unwrap(),
        subject: "job".into(),
        claims: claims.collect(),
    }))
}

#[test]
fn the_example_means_what_it_says() {
    let rules = rules(EXAMPLE);
    let main = [
        ("repository_id", "123"),
        ("ref", "refs/heads/main"),
        ("x", "y"),
    ];
    let branch = [("repository_id", "123"), ("ref", "refs/heads/topic")];
    for (identity, repository, rights) in [
        (Identity::Anonymous, "public/a", "{Pull}"),
        (Identity::Anonymous, "public", "{}"),
        (Identity::Anonymous, "team-a/api", "{}"),
        (user("alice", &["team-a"]), "public/a/b", "{Pull}"),
        (user("alice", &["team-a"]), "team-a/web", "{Pull, Push}"),
        (user("alice", &["team-a"]), "team-b/web", "{}"),
        (user("alice", &[]), "team-a/web", "{}"),
        (user("team-a", &[]), "team-a/web", "{}"),
        (
            user("root", &["admin"]),
            "any/thing",
            "{Pull, Push, Overwrite, Delete}",
        ),
        (external("admin", "root"), "any/thing", "{}"),
        (workload("github", &main), "team-a/api", "{Push}"),
        (workload("github", &main), "team-a/web", "{}"),
        (workload("github", &branch), "team-a/api", "{}"),
        (workload("github", &main[..1]), "team-a/api", "{}"),
        (workload("gitlab", &main), "team-a/api", "{}"),
        (workload("github", &[]), "public/a", "{Pull}"),
    ] {
        let found = rules.rights(&identity, &name(repository));
        assert_eq!(format!("{found:?}"), rights, "{identity} in {repository}");
    }
}

#[test]
fn who_is_told_apart_by_kind() {
    for (who, yes, no) in [
        (
            "anonymous",
            vec![
                Identity::Anonymous,
                user("a", &[]),
                external("i", ""),
                workload("p", &[]),
            ],
            vec![],
        ),
        (
            "authenticated",
            vec![user("a", &[]), external("i", "a"), workload("p", &[])],
            vec![Identity::Anonymous, external("i", "")],
        ),
        (
            "user:a",
            vec![user("a", &[])],
            vec![
                user("b", &[]),
                user("A", &[]),
                external("i", "a"),
                workload("a", &[]),
            ],
        ),
        (
            "group:a",
            vec![user("x", &["b", "a"])],
            vec![user("a", &[]), user("x", &["b"]), external("a", "a")],
        ),
        (
            "issuer:i",
            vec![external("i", "a"), external("i", "")],
            vec![external("j", "a"), user("i", &[])],
        ),
        (
            "oidc:p",
            vec![workload("p", &[])],
            vec![workload("q", &[]), external("p", "p")],
        ),
    ] {
        let parsed: Who = who.parse().unwrap();
        assert_eq!(parsed.to_string(), who);
        for identity in yes {
            assert!(parsed.is(&identity), "{who} is {identity}");
        }
        for identity in no {
            assert!(!parsed.is(&identity), "{who} is not {identity}");
        }
    }
    for bad in [
        "",
        "everyone",
        "alice",
        "Anonymous",
        "user",
        "user:",
        "group:a b",
        "role:a",
        "anonymous:x",
    ] {
        assert!(bad.parse::<Who>().is_err(), "{bad:?}");
    }
}

#[test]
fn immutable_tags_bind_in_their_repositories() {
    let rules = rules(EXAMPLE);
    for (repository, tag, immutable) in [
        ("prod/a", "v1", true),
        ("prod/a/b", "v", true),
        ("prod/a", "latest", false),
        ("prod", "v1", false),
        ("public/a", "v1", false),
    ] {
        let (repository, tag) = (name(repository), tag.parse().unwrap());
        assert_eq!(
            rules.is_immutable(&repository, &tag),
            immutable,
            "{repository}:{tag}"
        );
        assert_eq!(rules.immutable_tags(&repository).contains(&tag), immutable);
    }
    assert!(rules.immutable_tags(&name("public/a")).is_empty());
}

#[test]
fn unknown_and_missing_keys_are_refused() {
    for (text, words) in [
        ("[[acess]]", "unknown field `acess`"),
        ("[[access]]\nrepo = ['a']", "unknown field `repo`"),
        (
            "[[access]]\nrepos = ['a']\nwho = ['anonymous']",
            "missing field `allow`",
        ),
        (
            "[[access]]\nrepos = ['a']\nwho = ['anonymous']\nallow = ['read']",
            "an action is one of",
        ),
        (
            "[[access]]\nrepos = ['A']\nwho = ['anonymous']\nallow = ['pull']",
            "no repository matches",
        ),
        (
            "[[access]]\nrepos = ['a']\nwho = ['alice']\nallow = ['pull']",
            "`alice` is nobody",
        ),
        (
            "[[access]]\nrepos = ['a']\nwho = ['anonymous']\nallow = ['pull']\ndeny = []",
            "unknown field `deny`",
        ),
        ("[[immutable]]\nrepos = ['a']\ntags = ['v?']", "'?'"),
        (
            "[[immutable]]\nrepos = ['a']\ntag = ['v']",
            "unknown field `tag`",
        ),
        ("[groups]\na = ['b:c']", "':'"),
    ] {
        let error = toml::from_str::<RulesConfig>(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn rules_that_never_match_are_refused() {
    for (text, error) in [
        (
            "repos = []\nwho = ['anonymous']\nallow = ['pull']",
            "access rule 1: `repos` is empty, so the rule never matches",
        ),
        (
            "repos = ['a']\nwho = []\nallow = ['pull']",
            "access rule 1: `who` is empty, so the rule never matches",
        ),
        (
            "repos = ['a']\nwho = ['anonymous']\nallow = []",
            "access rule 1: `allow` is empty, so the rule never matches",
        ),
        (
            "repos = ['a']\nwho = ['anonymous']\nallow = ['catalog']",
            "access rule 1: the catalog lists what may be pulled; `allow` cannot name it",
        ),
        (
            "repos = ['a']\nwho = ['oidc:x', 'user:y']\nallow = ['pull']\nclaims = { a = 'b' }",
            "access rule 1: `claims` are those of workloads; `user:y` never has any",
        ),
    ] {
        let found = Rules::try_from(config(&format!("[[access]]\n{text}"))).unwrap_err();
        assert_eq!(found.to_string(), error);
    }
    let immutable = config("[[immutable]]\nrepos = ['a']\ntags = []");
    let error = Rules::try_from(immutable).unwrap_err().to_string();
    assert_eq!(
        error,
        "immutable rule 1: `tags` is empty, so the rule never matches"
    );
}

#[test]
fn explanations_name_the_rule() {
    let rules = rules(EXAMPLE);
    let alice = user("alice", &["team-a"]);
    let explain = |identity: &Identity, action, repository| {
        rules
            .explain(identity, action, &name(repository))
            .to_string()
    };
    assert_eq!(
        explain(&alice, Action::Push, "team-a/api"),
        "user:alice may push team-a/api:\n  \
         access rule 2 allows it: repos = [\"team-a/**\"], who = [\"group:team-a\"], allow = [\"pull\", \"push\"]\n"
    );
    assert_eq!(
        explain(&alice, Action::Delete, "team-a/api"),
        "user:alice may not delete team-a/api: no rule allows it.\n  \
         access rule 2 covers the repository and allows other actions: repos = [\"team-a/**\"], who = [\"group:team-a\"], allow = [\"pull\", \"push\"]\n  \
         access rule 3 covers the repository and is for others: repos = [\"team-a/api\"], who = [\"oidc:github\"], allow = [\"push\"], claims = { ref = \"refs/heads/main\", repository_id = \"123\" }\n  \
         access rule 4 covers the repository and is for others: repos = [\"**\"], who = [\"group:admin\"], allow = [\"pull\", \"push\", \"overwrite\", \"delete\"]\n"
    );
    let root = user("root", &["admin"]);
    assert!(
        explain(&root, Action::Delete, "prod/a")
            .ends_with("  tags that nobody may move or remove there: [\"v*\"]\n")
    );
    let job = workload("github", &[("repository_id", "9")]);
    assert!(
        explain(&job, Action::Push, "team-a/api")
            .contains("rule 3 covers the repository and asks for other claims")
    );
    assert!(
        explain(&Identity::Anonymous, Action::Catalog, "public/a")
            .starts_with("anonymous may catalog public/a:\n  access rule 1")
    );
}

#[test]
fn odd_rules_are_found() {
    let rules = rules(
        "[[access]]\nrepos = ['**']\nwho = ['anonymous', 'group:gone', 'user:gone', 'issuer:gone']\nallow = ['pull', 'push']",
    );
    let groups = Groups::default();
    let (users, providers) = (BTreeSet::new(), BTreeSet::new());
    let known = Known {
        groups: &groups,
        users: Some(&users),
        providers: &providers,
    };
    let findings = rules.findings(&known);
    let texts: Vec<_> = findings
        .iter()
        .map(|finding| format!("{:?} {finding}", finding.severity()))
        .collect();
    assert_eq!(
        texts,
        [
            "Error access rule 1: there is no group `gone`",
            "Warning access rule 1: there is no user `gone`",
            "Error access rule 1: there is no token issuer `gone`",
            "Warning access rule 1: everyone may push without credentials",
        ]
    );
    assert!(rules.grants_anonymous());
    let example = config(EXAMPLE);
    let github = BTreeSet::from(["github".parse().unwrap()]);
    let known = Known {
        groups: &example.groups.clone(),
        users: None,
        providers: &github,
    };
    assert!(
        Rules::try_from(example)
            .unwrap()
            .findings(&known)
            .is_empty()
    );
}

#[tokio::test]
async fn a_live_policy_is_that_of_the_moment() {
    let live = Live::new(rules(EXAMPLE));
    let (repository, tag) = (name("public/a"), "v1".parse().unwrap());
    let policy: &dyn Policy = &live;
    let pull = policy
        .rights(&Identity::Anonymous, &repository)
        .await
        .unwrap();
    assert!(pull.contains(Action::Pull));
    assert!(live.current().is_immutable(&name("prod/a"), &tag));
    live.replace(Rules::default());
    let none = policy
        .rights(&Identity::Anonymous, &repository)
        .await
        .unwrap();
    assert!(none.is_empty());
    assert!(
        policy
            .pull_scope(&Identity::Anonymous)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(!live.current().is_immutable(&name("prod/a"), &tag));
}

/// A rule in the words of the configuration.
#[derive(Clone, Debug)]
struct Written {
    repos: Vec<String>,
    who: Vec<String>,
    allow: Vec<Action>,
}

fn any_rule() -> impl Strategy<Value = Written> {
    let who = prop::sample::select(vec![
        "anonymous",
        "authenticated",
        "user:a",
        "user:b",
        "group:g",
        "group:h",
        "issuer:i",
        "oidc:p",
    ]);
    let action = prop::sample::select(vec![
        Action::Pull,
        Action::Push,
        Action::Overwrite,
        Action::Delete,
    ]);
    let repos = prop::collection::vec(any_glob(), 1..3);
    let who = prop::collection::vec(who.prop_map(str::to_owned), 1..3);
    let allow = prop::collection::vec(action, 1..4);
    (repos, who, allow).prop_map(|(repos, who, allow)| Written { repos, who, allow })
}

fn any_identity() -> impl Strategy<Value = Identity> {
    prop::sample::select(vec![
        Identity::Anonymous,
        user("a", &[]),
        user("a", &["g"]),
        user("b", &["g", "h"]),
        user("c", &["h"]),
        external("i", "a"),
        external("i", ""),
        external("j", "a"),
        workload("p", &[]),
    ])
}

impl Written {
    /// The word of the rule, read one by one.
    fn grants(&self, identity: &Identity, action: Action, repository: &RepositoryName) -> bool {
        let components: Vec<_> = repository.components().collect();
        let label = identity.to_string();
        let covers = self
            .repos
            .iter()
            .any(|glob| naive(&glob.split('/').collect::<Vec<_>>(), &components));
        let names = self.who.iter().any(|who| match who.as_str() {
            "anonymous" => true,
            "authenticated" => label != "anonymous" && label != "issuer:i:",
            "group:g" => matches!(identity, Identity::User(user) if user.groups.iter().any(|g| g.as_str() == "g")),
            "group:h" => matches!(identity, Identity::User(user) if user.groups.iter().any(|g| g.as_str() == "h")),
            "issuer:i" => label.starts_with("issuer:i:"),
            "oidc:p" => label.starts_with("oidc:p:"),
            named => label == named,
        });
        let action = if action == Action::Catalog {
            Action::Pull
        } else {
            action
        };
        covers && names && self.allow.contains(&action)
    }

    fn parse(&self) -> AccessRule {
        AccessRule {
            repos: self
                .repos
                .iter()
                .map(|glob| glob.parse().unwrap())
                .collect(),
            who: self.who.iter().map(|who| who.parse().unwrap()).collect(),
            allow: self.allow.clone(),
            claims: BTreeMap::new(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn rules_grant_what_the_model_says(
        written in prop::collection::vec(any_rule(), 0..5),
        identity in any_identity(),
        repository in any_name(),
    ) {
        let parsed = written.iter().map(Written::parse).collect();
        let rules = Rules::new(parsed, Vec::new()).unwrap();
        let rights = rules.rights(&identity, &repository);
        for action in Action::ALL {
            let first = written.iter().position(|rule| rule.grants(&identity, action, &repository));
            let expected = first.map_or(Decision::Denied, |at| Decision::Allowed(RuleRef::Access(at + 1)));
            prop_assert_eq!(rules.decide(&identity, action, &repository), expected);
            prop_assert_eq!(rights.contains(action), first.is_some());
            let explanation = rules.explain(&identity, action, &repository);
            prop_assert_eq!(explanation.is_allowed(), first.is_some());
        }
        let scope = rules.pull_scope(&identity);
        prop_assert_eq!(scope.contains(&repository), rights.contains(Action::Pull));
    }

    #[test]
    fn rules_print_as_they_are_written(written in any_rule()) {
        let rule = written.parse();
        let line = rule.to_string().replace("], ", "]\n");
        prop_assert_eq!(toml::from_str::<AccessRule>(&line).unwrap(), rule);
    }
}
