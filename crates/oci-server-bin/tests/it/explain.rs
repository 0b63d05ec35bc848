//! `access explain` and `hash-password`.

use std::io::Write;
use std::process::{Output, Stdio};

use crate::program::command;
use crate::site::{BY_ITSELF, Site, basic, said, within};
use rustix::process::Signal;

const SETTINGS: &str = "data_dir = '{dir}/data'\n\
                        auth.scheme = 'basic'\n\
                        auth.htpasswd = '{dir}/htpasswd'\n\
                        auth.groups = '{dir}/groups'\n\
                        [[access]]\nrepos = ['team/**']\nwho = ['group:crew']\n\
                        allow = ['pull', 'push']\n\
                        [[immutable]]\nrepos = ['team/**']\ntags = ['v*']\n";

fn explain(site: &Site, question: [&str; 3], more: &[&str]) -> (Option<i32>, String) {
    let output = site.run(&[&["access", "explain"], &question[..], more].concat());
    (output.status.code(), said(&output))
}

#[test]
fn a_running_server_is_asked_and_else_the_configuration() {
    let site = Site::start(SETTINGS);
    let questions = [
        (["alice", "push", "team/a"], 0, "access rule 1 allows it"),
        (["user:boss", "pull", "team/a"], 1, "is for others"),
        (
            ["alice", "delete", "team/a"],
            1,
            "nobody may move or remove there: [\"v*\"]",
        ),
        (["anonymous", "pull", "other"], 1, "no rule allows it"),
    ];
    let asked = |origin: &str| {
        for (question, code, text) in questions {
            let (status, said) = explain(&site, question, &[]);
            assert_eq!(status, Some(code), "{said}");
            assert!(said.contains(text) && said.contains(origin), "{said}");
        }
    };
    asked("the server behind");
    // What is in force is not always what is in the file.
    let changed = site.read("config.toml").replace("'push'", "'lift'");
    site.write("config.toml", &changed);
    asked("the server behind");
    let (status, said) = explain(&site, ["carol", "pull", "team/a"], &[]);
    assert_eq!(status, Some(1));
    assert!(said.contains("there is no user `carol`"), "{said}");

    site.server.signal(Signal::KILL);
    within(BY_ITSELF, "its end", || {
        explain(&site, ["alice", "push", "team/a"], &[]).0 == Some(2)
    });
    site.write("config.toml", &changed.replace("'lift'", "'push'"));
    asked("no server is running; the rules of config.toml");
}

#[test]
fn what_cannot_be_answered_is_neither_yes_nor_no() {
    let site = Site::start(SETTINGS);
    for (question, text) in [
        (["role:x", "pull", "a"], "name"),
        (["alice", "fly", "a"], "pull, push"),
        (["alice", "pull", "UPPER"], "repository"),
    ] {
        let (status, said) = explain(&site, question, &[]);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains(text), "{said}");
    }
    let (status, said) = explain(&site, ["alice", "pull", "a"], &["--socket", "nowhere"]);
    assert_eq!(status, Some(2));
    assert!(said.contains("nowhere does not exist"), "{said}");
}

#[test]
fn without_logins_everybody_may_do_everything_but_what_is_read_only() {
    let site = Site::start("data_dir = '{dir}/data'\nread_only = true\n");
    let (status, said) = explain(&site, ["anonymous", "pull", "a"], &[]);
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = explain(&site, ["anonymous", "push", "a"], &[]);
    assert_eq!(status, Some(1));
    assert!(said.contains("read_only"), "{said}");
}

fn hash(args: &[&str], password: &[u8]) -> Output {
    let mut child = command()
        .arg("hash-password")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What is too long need not be read to its end.
    let _ = child.stdin.take().unwrap().write_all(password);
    child.wait_with_output().unwrap()
}

#[test]
fn a_hashed_password_is_one_to_log_in_with() {
    let site = Site::start(SETTINGS);
    for (end, number) in [("", 1), ("\n", 2), ("\r\n", 3)] {
        let password = format!("pass word {number}");
        let user = format!("new{number}");
        let output = hash(&["--user", &user], format!("{password}{end}").as_bytes());
        assert!(output.status.success(), "{}", said(&output));
        let line = String::from_utf8(output.stdout).unwrap();
        assert!(line.starts_with(&format!("{user}:$argon2id$")), "{line}");
        site.write("htpasswd", &line);
        site.reload();
        let status = |password: &str| {
            let header = basic(&user, password);
            site.send("GET", "/v2/", Some(&header), "").status
        };
        assert_eq!((status(&password), status("another")), (200, 401));
    }
    let output = hash(&[], b"x");
    assert!(output.stdout.starts_with(b"$argon2id$"));
    let other = hash(&[], b"x");
    assert_ne!(output.stdout, other.stdout, "no two have one salt");
}

#[test]
fn passwords_that_cannot_be_are_refused_and_not_shown() {
    let long = [b'x'; 1025];
    for password in [&b""[..], b"\n", &long, b"two\nlines\n", b"\xff\xfe", b"\0"] {
        let output = hash(&[], password);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty() && output.stderr.starts_with(b"error: "));
        assert!(!said(&output).contains("lines") && !said(&output).contains("xxxx"));
    }
    for user in ["a:b", "#a", " a", ""] {
        let output = hash(&["--user", user], b"password");
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{user}"
        );
    }
    // Whoever looks at the list of processes would see it.
    let output = hash(&["password"], b"");
    assert_eq!(output.status.code(), Some(2));
}
