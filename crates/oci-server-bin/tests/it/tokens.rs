//! Tokens of the built-in endpoint over the life of a server, and where requests come from.

use crate::program::run;
use crate::site::{ALICE, BOSS, Site};

const SETTINGS: &str = "data_dir = '{dir}/data'\n\
                        public_url = 'http://registry.test'\n\
                        auth.scheme = 'bearer'\n\
                        auth.htpasswd = '{dir}/htpasswd'\n\
                        audit.path = '{dir}/audit.log'\n\
                        [[access]]\nrepos = ['**']\nwho = ['authenticated']\n\
                        allow = ['pull', 'push']\n";
const SCOPE: &str = "repository:a:pull,push";

#[test]
fn a_restart_keeps_tokens_and_refresh_tokens() {
    let site = Site::start(SETTINGS);
    let (token, refresh) = site.login(ALICE, SCOPE);
    assert_eq!(site.push("a", Some(&token)), 201);
    let site = site.restart();
    assert_eq!(site.pull("a", Some(&token)), 200);
    let reply = site.refresh(&refresh, SCOPE);
    assert_eq!(reply.status, 200, "{reply:?}");
    let token = format!("Bearer {}", reply.json()["token"].as_str().unwrap());
    assert_eq!(site.push("a", Some(&token)), 201);
}

#[test]
fn new_keys_end_all_tokens_and_no_refresh_token() {
    let site = Site::start(SETTINGS);
    let (token, refresh) = site.login(ALICE, SCOPE);
    assert_eq!(site.push("a", Some(&token)), 201);
    let output = site.run(&["admin", "rotate-keys"]);
    assert!(output.status.success());
    assert_eq!(site.pull("a", Some(&token)), 401);
    let reply = site.refresh(&refresh, SCOPE);
    assert_eq!(reply.status, 200, "{reply:?}");
    let token = format!("Bearer {}", reply.json()["token"].as_str().unwrap());
    assert_eq!(site.pull("a", Some(&token)), 200);
}

#[test]
fn revoked_refresh_tokens_are_those_of_one_user() {
    let site = Site::start(SETTINGS);
    let alice: Vec<_> = (0..2).map(|_| site.login(ALICE, SCOPE).1).collect();
    let boss = site.login(BOSS, SCOPE).1;
    for expected in [
        "removed 2 refresh tokens of alice",
        "removed 0 refresh tokens",
    ] {
        let output = site.run(&["admin", "revoke", "alice"]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && said.starts_with(expected),
            "{said}"
        );
        for token in &alice {
            assert_eq!(site.refresh(token, SCOPE).status, 401);
        }
    }
    assert_eq!(site.refresh(&boss, SCOPE).status, 200);
}

/// Whose word is taken on where a request comes from.
#[test]
fn forwarded_addresses_are_believed_of_proxies_alone() {
    for (trusted, address) in [("", "127.0.0.1"), ("'127.0.0.0/8'", "203.0.113.9")] {
        let settings = format!("http.trusted_proxies = [{trusted}]\n{SETTINGS}");
        let site = Site::start(&settings);
        let forwarded = ("x-forwarded-for", "198.51.100.1, 203.0.113.9");
        let login = ALICE.basic();
        let path = format!("/token?service={}", site.service());
        for (path, headers) in [
            (&*path, &[forwarded, ("authorization", &*login)][..]),
            ("/v2/a/manifests/v1", &[forwarded]),
        ] {
            let before = site.audit().len();
            let reply = site.request("GET", path, headers, "");
            let lines = site.audit();
            assert_eq!(lines.len(), before + 1, "{reply:?}");
            assert_eq!(lines[before]["address"], address, "{}", lines[before]);
        }
    }
}

#[test]
fn tokens_beyond_this_machine_take_a_public_url() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    let text = "listen = '0.0.0.0:0'\nauth.scheme = 'bearer'\nauth.htpasswd = '/htpasswd'\n";
    std::fs::write(&file, text).unwrap();
    let output = run(&["--config", file.to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && said.contains("public_url"),
        "{said}"
    );
}
