//! No secret is ever in a log, in the audit log or in the metrics, whatever is logged.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::site::{ALICE, BOSS, Site, basic};

const SETTINGS: &str = "data_dir = '{dir}/data'\n\
                        auth.scheme = '{scheme}'\n\
                        auth.htpasswd = '{dir}/htpasswd'\n\
                        audit.path = '{dir}/audit.log'\n\
                        log.filter = 'trace'\n\
                        [[access]]\nrepos = ['**']\nwho = ['authenticated']\n\
                        allow = ['pull', 'push', 'overwrite', 'delete']\n";
const SCOPE: &str = "repository:a/b:pull,push";

/// Everything that must not be seen, in the forms in which it was sent.
#[derive(Default)]
struct Canaries(Vec<String>);

impl Canaries {
    fn add(&mut self, text: impl Into<String>) {
        self.0.push(text.into());
    }

    /// A password, and a header with it.
    fn login(&mut self, name: &str, password: &str) -> String {
        let header = basic(name, password);
        self.add(password);
        self.add(password.replace(' ', "+"));
        self.add(password.replace(' ', "%20"));
        self.add(header.strip_prefix("Basic ").unwrap());
        header
    }

    /// A token or a header with one; the signature alone would be no secret worth keeping.
    fn token(&mut self, token: &str) {
        let token = token.trim_start_matches("Bearer ");
        self.add(token);
        if let Some(signature) = token.split('.').nth(2) {
            self.add(signature);
        }
    }

    #[track_caller]
    fn absent_from(&self, what: &str, text: &str) {
        assert!(text.len() > 100, "{what} has nothing in it");
        for canary in &self.0 {
            assert!(canary.len() > 8);
            if let Some(at) = text.find(canary) {
                let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
                panic!("{what} has {canary}: {}", &text[line..at + canary.len()]);
            }
        }
    }
}

fn everywhere(site: &Site, canaries: &Canaries) {
    let metrics = site.send("GET", "/metrics", None, "").body;
    let log = site.read("log");
    assert!(log.contains("DEBUG"), "{log}");
    canaries.absent_from("the log", &log);
    canaries.absent_from("the audit log", &site.read("audit.log"));
    canaries.absent_from("the metrics", &metrics);
}

#[test]
fn of_tokens_and_passwords() {
    let site = Site::start(&SETTINGS.replace("{scheme}", "bearer"));
    let mut canaries = Canaries::default();
    canaries.login(ALICE.name, ALICE.password);
    let service = site.service();
    let wrong = canaries.login("alice", "wrong canary");
    let unknown = canaries.login("nobody", "unknown canary");
    for header in [&wrong, &unknown] {
        let path = format!("/token?service={service}&scope={SCOPE}");
        let reply = site.send("GET", &path, Some(header), "");
        assert!([401, 429].contains(&reply.status), "{reply:?}");
        // Passwords are for the endpoint alone.
        assert_eq!(site.pull("a/b", Some(header)), 401);
    }
    let form = |password: &str| {
        format!(
            "grant_type=password&service={service}&client_id=test&scope={SCOPE}\
             &access_type=offline&username=boss&password={password}"
        )
    };
    canaries.login(BOSS.name, BOSS.password);
    let reply = site.post_form(&form(&BOSS.password.replace(' ', "+")));
    assert_eq!(reply.status, 200, "{reply:?}");
    let reply = reply.json();
    let (token, refresh) = (
        reply["access_token"].as_str(),
        reply["refresh_token"].as_str(),
    );
    let (token, refresh) = (token.unwrap(), refresh.unwrap());
    canaries.token(token);
    canaries.token(refresh);
    let header = format!("Bearer {token}");
    assert_eq!(site.push("a/b", Some(&header)), 201);
    assert_eq!(site.pull("a/b", Some(&header)), 200);
    assert_eq!(site.pull("other", Some(&header)), 401);
    let (again, _) = site.login(BOSS, SCOPE);
    canaries.token(&again);
    let renewed = site.refresh(refresh, SCOPE);
    assert_eq!(renewed.status, 200, "{renewed:?}");
    canaries.token(renewed.json()["token"].as_str().unwrap());

    canaries.login("boss", "posted canary");
    assert_eq!(site.post_form(&form("posted+canary")).status, 401);
    // What is malformed or means nothing is no less secret.
    let made_up = "made-up-refresh-canary";
    canaries.add(made_up);
    assert_eq!(site.refresh(made_up, SCOPE).status, 401);
    canaries.add("cut-short-canary");
    let cut = site.post_form("grant_type=password&password=cut-short-canary&%zz=%");
    assert!([400, 401].contains(&cut.status), "{cut:?}");
    for header in [
        "Bearer not-a-token-canary",
        "Bearer e30.e30.canary-signature",
        "Basic not*base64*canary",
        "Token another-scheme-canary",
        "lonely-word-canary",
    ] {
        canaries.add(header.rsplit_once(' ').map_or(header, |(_, secret)| secret));
        let status = site.pull("a/b", Some(header));
        assert!([400, 401].contains(&status), "{header}: {status}");
    }
    for args in [&["admin", "rotate-keys"][..], &["admin", "revoke", "boss"]] {
        assert!(site.run(args).status.success());
    }
    everywhere(&site, &canaries);
}

#[test]
fn of_basic() {
    let site = Site::start(&SETTINGS.replace("{scheme}", "basic"));
    let mut canaries = Canaries::default();
    let right = canaries.login(ALICE.name, ALICE.password);
    for _ in 0..2 {
        assert_eq!(site.push("a/b", Some(&right)), 201);
    }
    for (name, password) in [("alice", "wrong canary"), ("nobody", "unknown canary")] {
        let header = canaries.login(name, password);
        assert_eq!(site.pull("a/b", Some(&header)), 401);
    }
    canaries.add("without-colon-canary");
    let without_colon = format!("Basic {}", STANDARD.encode("without-colon-canary"));
    canaries.add(without_colon.trim_start_matches("Basic "));
    let status = site.pull("a/b", Some(&without_colon));
    assert!([400, 401].contains(&status), "{status}");
    // Hashes are for nobody to read either.
    for line in site.read("htpasswd").lines() {
        canaries.add(line.split_once(':').unwrap().1);
    }
    site.write("htpasswd", "alice:$2y$04$malformed-hash-canary\n");
    canaries.add("malformed-hash-canary");
    let refused = site.run(&["admin", "reload"]);
    assert_eq!(refused.status.code(), Some(1));
    everywhere(&site, &canaries);
}
