//! What is wrong with settings is told by name: by `config check`, and at the start.

use std::path::Path;
use std::process::{Command, Output};

use crate::authority::Authority;
use crate::program::{Server, command};
use crate::site::{ALICE, htpasswd, said};

/// A folder with everything that settings can name.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("htpasswd", &htpasswd(&[ALICE]));
        folder.write("groups", "team: alice\n");
        Authority::new().issue(folder.path());
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command();
        command.current_dir(self.path()).args(args);
        command.args(["--config", "config.toml"]);
        command
    }

    fn check(&self, args: &[&str]) -> Output {
        let output = self.command(&[&["config", "check"], args].concat());
        let output = { output }.output().unwrap();
        let left: Vec<_> = ["oci-data", "data", "admin.sock", "audit.log"]
            .into_iter()
            .filter(|name| self.path().join(name).exists())
            .collect();
        assert!(left.is_empty(), "it made {left:?}");
        output
    }
}

const BASIC: &str = "auth.scheme = 'basic'\nauth.htpasswd = 'htpasswd'\nauth.groups = 'groups'\n";
const BEARER: &str = "auth.scheme = 'bearer'\nauth.htpasswd = 'htpasswd'\n";

fn rule(who: &str, allow: &str) -> String {
    format!("[[access]]\nrepos = ['a/**']\nwho = [{who}]\nallow = [{allow}]\n")
}

/// Each is refused, by the same name in both ways.
#[track_caller]
fn refused(settings: &str, name: &str, texts: &[&str]) {
    let folder = Folder::new();
    folder.write("config.toml", settings);
    let checked = folder.check(&[]);
    assert_eq!(checked.status.code(), Some(1), "{}", said(&checked));
    let memory = ["--metadata", "memory:", "--blobs", "memory:"];
    let started = folder.command(&memory).output().unwrap();
    assert!(!started.status.success() && started.stdout.is_empty());
    for output in [&checked, &started] {
        let said = said(output);
        let lines = said.lines();
        let mut lines = lines.filter(|line| line.ends_with(&format!("[{name}]")));
        let line = lines.next().expect(&said);
        assert!(line.starts_with("error: "), "{said}");
        for text in texts {
            assert!(line.contains(text), "{text} is not in {line}");
        }
    }
}

/// Each is warned about, by the same name in both ways.
#[track_caller]
fn warned(settings: &str, name: &str, texts: &[&str]) {
    let folder = Folder::new();
    folder.write("config.toml", settings);
    let checked = folder.check(&[]);
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    let strict = folder.check(&["--strict"]);
    assert_eq!(strict.status.code(), Some(1), "{}", said(&strict));
    let listen = ["--listen", "127.0.0.1:0"];
    let log = folder.path().join("log");
    Server::logging_to(folder.command(&listen), &log).stop();
    let log = std::fs::read_to_string(log).unwrap();
    let shown = said(&checked);
    let warning = |line: &&str| line.starts_with("warning: ") && line.contains(name);
    let line = shown.lines().find(warning).expect(&shown);
    let logged = |line: &&str| line.contains("WARN") && line.contains(name);
    let logged = log.lines().find(logged).expect(&log);
    for text in texts {
        assert!(line.contains(text), "{text} is not in {line}");
        assert!(logged.contains(text), "{text} is not in {logged}");
    }
}

#[test]
fn good_settings() {
    let folder = Folder::new();
    let settings = format!(
        "tls.cert = 'cert.pem'\ntls.key = 'key.pem'\naudit.path = 'audit.log'\n{BASIC}{}",
        rule("'group:team'", "'pull', 'push'")
    );
    folder.write("config.toml", &settings);
    let checked = folder.check(&["--strict"]);
    assert_eq!(said(&checked), "config.toml: no errors, no warnings\n");
    assert!(checked.status.success());
    // Flags and the environment count as they do at a start.
    let folder = Folder::new();
    folder.write("config.toml", "");
    let checked = folder.check(&["--listen", "0.0.0.0:5000"]);
    assert!(said(&checked).contains("[unauthenticated]"));
    let mut command = folder.command(&["config", "check"]);
    let checked = command.env("OCI_SERVER_BLOBS", "ftp://x").output().unwrap();
    assert!(said(&checked).contains("[invalid-value]"));
}

#[test]
fn unreadable_keys() {
    let tls = "tls.cert = 'cert.pem'\ntls.key = 'nowhere.pem'";
    refused(tls, "unreadable-key", &["tls.key", "nowhere.pem"]);
    let folder = "tls.cert = 'cert.pem'\ntls.key = '.'";
    refused(folder, "unreadable-key", &["tls.key"]);
    let issuer = |keys: &str| {
        format!(
            "auth.scheme = 'bearer'\nauth.token_url = 'https://t.test'\nauth.service = 's'\n\
             [[auth.issuers]]\nname = 'corp'\nissuer = 'https://t.test'\nkeys = '{keys}'\n{}",
            rule("'issuer:corp'", "'pull'")
        )
    };
    refused(
        &issuer("none.json"),
        "unreadable-key",
        &["corp", "none.json"],
    );
    refused(&issuer("groups"), "invalid-key", &["corp", "groups"]);
    let swapped = "tls.cert = 'cert.pem'\ntls.key = 'cert.pem'";
    refused(swapped, "invalid-key", &["tls.key"]);
}

#[test]
fn a_certificate_without_a_key() {
    let text = "tls.cert = 'cert.pem'";
    refused(text, "certificate-without-key", &["tls.cert", "tls.key"]);
    let text = "tls.key = 'key.pem'";
    refused(text, "key-without-certificate", &["tls.cert", "tls.key"]);
}

#[test]
fn a_group_that_there_is_not() {
    let settings = format!("{BASIC}{}", rule("'group:teem'", "'pull'"));
    refused(&settings, "unknown-group", &["access rule 1", "`teem`"]);
}

#[test]
fn a_rule_that_can_never_match() {
    for rule in [
        rule("", "'pull'"),
        rule("'user:alice'", ""),
        rule("'user:alice'", "'pull'") + "claims = { ref = 'x' }\n",
    ] {
        let settings = format!("{BASIC}{rule}");
        refused(&settings, "rule-never-matches", &["access rule 1"]);
    }
    let nobody = format!("{BASIC}{}", rule("'issuer:corp'", "'pull'"));
    refused(&nobody, "unknown-issuer", &["access rule 1", "corp"]);
    let nobody = format!("{BASIC}{}", rule("'user:carol'", "'pull'"));
    warned(&nobody, "unknown-user", &["access rule 1", "carol"]);
    warned(BASIC, "no-rules", &["[[access]]"]);
}

#[test]
fn a_rule_that_lets_the_world_write() {
    for action in ["push", "overwrite", "delete"] {
        let rule = rule("'anonymous'", &format!("'pull', '{action}'"));
        let texts = ["access rule 1", action, "without credentials"];
        warned(&format!("{BEARER}{rule}"), "open-to-the-world", &texts);
    }
}

#[test]
fn basic_with_anonymous_pull() {
    let settings = format!("{BASIC}{}", rule("'anonymous'", "'pull'"));
    warned(
        &settings,
        "basic-with-anonymous",
        &["auth.scheme", "bearer"],
    );
}

#[test]
fn files_that_cannot_be_used() {
    let text = "auth.scheme = 'basic'\nauth.htpasswd = 'none'\n";
    refused(text, "unreadable-htpasswd", &["none"]);
    let text = "auth.scheme = 'basic'\nauth.htpasswd = 'cert.pem'\n";
    refused(text, "htpasswd", &["cert.pem", "line 1"]);
    let text = format!("{BEARER}auth.groups = 'cert.pem'\n");
    refused(&text, "groups", &["cert.pem", "line 1"]);
    refused(
        "audit.path = 'no/audit.log'",
        "audit-log",
        &["no", "folder"],
    );
    let text = format!("{BEARER}auth.tokens.lifetime = '5s'\n");
    refused(&text, "invalid-value", &["auth.tokens.lifetime", "1m"]);
    let text = format!("{BEARER}auth.tokens.lifetime = '2h'\n");
    refused(&text, "invalid-value", &["auth.tokens.lifetime", "58m"]);
}

#[test]
fn everything_is_told_at_once() {
    let folder = Folder::new();
    let settings = format!(
        "tls.cert = 'cert.pem'\ntls.key = 'none.pem'\naudit.path = 'no/audit.log'\n\
         log.filter = 'info,=,='\n{BASIC}{}{}{}",
        rule("'group:a'", "'pull'"),
        rule("'group:b'", "'pull'"),
        rule("'anonymous'", "'push'")
    );
    folder.write("config.toml", &settings);
    let checked = said(&folder.check(&[]));
    let names = checked.lines().filter_map(|line| line.strip_suffix(']'));
    let names: Vec<_> = names
        .filter_map(|line| Some(line.rsplit_once('[')?.1))
        .collect();
    let expected = [
        "invalid-value",
        "unreadable-key",
        "audit-log",
        "unknown-group",
        "unknown-group",
        "open-to-the-world",
        "basic-with-anonymous",
    ];
    assert_eq!(names, expected, "{checked}");
    assert!(
        checked.ends_with("config.toml: 5 errors, 2 warnings\n"),
        "{checked}"
    );
}
