//! zot CVE-2025-23208, GitLab CVE-2026-6515, Harbor #22900 and #23270: what was revoked stayed
//! good.

use oci_auth::Groups;

use crate::fixture::image;
use crate::guarded::{Guarded, Mode, OTHER_HASH, RULES, USERS, guarded, htpasswd, rules};

/// Asks with the same credentials as before, for reading, writing, removing and the catalog.
async fn told(guarded: &Guarded, login: Option<&str>, name: &str) -> [u16; 4] {
    let manifest = format!("/v2/{name}/manifests/v1");
    let gone = format!("/v2/{name}/manifests/none");
    let mut found = [0; 4];
    for (place, (method, uri)) in [
        ("GET", &*manifest),
        ("PUT", &manifest),
        ("DELETE", &gone),
        ("GET", "/v2/"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = guarded.ask_with(login, (method, uri), image("1")).await;
        // Who goes on with what is wrong now is slowed down.
        found[place] = match answer.status.as_u16() {
            429 => 401,
            status => status,
        };
    }
    found
}

#[tokio::test]
async fn what_is_revoked_is_gone_with_the_next_request() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        for name in ["own/a", "team/a"] {
            guarded.world.manifest(name, Some("v1"), &image("1")).await;
        }
        let scopes = [
            "repository:own/a:pull,push,delete",
            "repository:team/a:pull,push",
        ];
        // Remembered by the one, handed out by the other.
        let login = guarded.login("alice", &scopes).await;
        let all = [200, 201, 404, 200];
        let team = [200, 201, if mode == Mode::Basic { 403 } else { 401 }, 200];
        let hidden = [404, 404, if mode == Mode::Basic { 404 } else { 401 }, 200];
        let nobody = [401; 4];
        let holds = async |own: [u16; 4], of_team: [u16; 4], why: &str| {
            let login = login.as_deref();
            assert_eq!(
                told(&guarded, login, "own/a").await,
                own,
                "{mode:?} {why}: own"
            );
            assert_eq!(
                told(&guarded, login, "team/a").await,
                of_team,
                "{mode:?} {why}: team"
            );
        };
        holds(all, team, "as it was").await;

        let groups = Groups::clone(&guarded.groups.current());
        guarded.groups.replace(Groups::default());
        holds(all, hidden, "the group").await;
        guarded.groups.replace(groups);
        holds(all, team, "back in it").await;

        let without = RULES.replace("user:alice", "user:carol");
        guarded.policy.replace(rules(&without).0);
        holds([404, 404, 404, 200], team, "the rule").await;
        let reading = RULES.replace(
            r#"allow = ["pull", "push", "overwrite", "delete"]"#,
            r#"allow = ["pull"]"#,
        );
        guarded.policy.replace(rules(&reading).0);
        holds([200, 403, 403, 200], team, "but for reading").await;
        guarded.policy.replace(rules(RULES).0);
        holds(all, team, "back again").await;

        let mut others = USERS.to_vec();
        others.retain(|user| *user != "alice");
        guarded.users.replace(htpasswd(&others));
        holds(nobody, nobody, "the user").await;
        let other = format!("alice:{OTHER_HASH}");
        let other = oci_auth::Htpasswd::parse(&other).expect("a file");
        guarded.users.replace(other);
        holds(nobody, nobody, "the password").await;
    }
}
