//! The admin socket and its API.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Server, command, run};
use crate::site::{ALICE, Site, said};
use rustix::process::Signal;

const SETTINGS: &str = "data_dir = '{dir}/data'\n\
                        auth.scheme = 'bearer'\n\
                        auth.htpasswd = '{dir}/htpasswd'\n\
                        auth.groups = '{dir}/groups'\n\
                        audit.path = '{dir}/audit.log'\n\
                        [[access]]\nrepos = ['a/**']\nwho = ['group:crew']\n\
                        allow = ['pull', 'push']\n\
                        [[access]]\nrepos = ['a/**']\nwho = ['authenticated']\nallow = ['pull']\n";

/// Sends a request over the socket and answers the status and the body.
fn ask(socket: &Path, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // A body that is too long need not be read to its end.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.get(9..12).expect(&answer).parse().unwrap();
    (status, body.to_owned())
}

fn description() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/admin-api.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Follows a reference within the description.
fn resolved<'a>(all: &'a Value, mut value: &'a Value) -> &'a Value {
    while let Some(reference) = value.get("$ref").and_then(Value::as_str) {
        value = all.pointer(&reference[1..]).expect(reference);
    }
    value
}

/// Holds a value against a schema, as far as the description's schemas go.
#[track_caller]
fn conforms(all: &Value, schema: &Value, value: &Value) {
    let schema = resolved(all, schema);
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    assert!(types.contains(&json!(kind)), "{value} is not of {types:?}");
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        assert!(values.contains(value), "{value} is none of {values:?}");
    }
    for item in value.as_array().into_iter().flatten() {
        conforms(all, &schema["items"], item);
    }
    let Value::Object(fields) = value else { return };
    for name in schema["required"].as_array().unwrap() {
        assert!(
            fields.contains_key(name.as_str().unwrap()),
            "{value} lacks {name}"
        );
    }
    for (name, field) in fields {
        let known = schema["properties"].get(name);
        conforms(
            all,
            known.unwrap_or_else(|| panic!("{name} is not described")),
            field,
        );
    }
}

/// Asks, and holds the answer against what is described for the path and the status.
#[track_caller]
fn described(socket: &Path, method: &str, template: &str, path: &str, body: &str) -> (u16, Value) {
    let all = description();
    let (status, text) = ask(socket, method, path, body);
    let described = &all["paths"][template][method.to_lowercase()]["responses"];
    let response = described.get(status.to_string());
    let response = response.unwrap_or(&described["default"]);
    let Some(content) = resolved(&all, response).get("content") else {
        assert_eq!(text, "");
        return (status, Value::Null);
    };
    let value: Value = serde_json::from_str(&text).expect(&text);
    conforms(&all, &content["application/json"]["schema"], &value);
    (status, value)
}

#[test]
fn answers_are_those_of_the_description() {
    let site = Site::start(SETTINGS);
    let socket = site.path("data/admin.sock");
    let (status, answer) = described(&socket, "GET", "/v1/status", "/v1/status", "");
    assert_eq!(status, 200);
    let expected = json!({
        "version": env!("CARGO_PKG_VERSION"), "uptime_seconds": answer["uptime_seconds"],
        "url": site.server.url, "draining": false, "scheme": "bearer",
        "access_rules": 2, "immutable_rules": 0, "groups": 1, "users": 2,
    });
    assert_eq!(answer, expected);

    site.write("groups", "crew alice\n");
    let (status, answer) = described(&socket, "POST", "/v1/reload", "/v1/reload", "");
    assert_eq!(status, 200);
    let outcomes: Vec<_> = answer["files"].as_array().unwrap().iter().collect();
    let outcomes: Vec<_> = outcomes.iter().map(|file| &file["outcome"]).collect();
    assert_eq!(outcomes, ["unchanged", "refused", "unchanged"], "{answer}");

    let explain = "/v1/access/explain";
    let question = json!({"who": "alice", "action": "push", "repository": "a/b"});
    let (status, answer) = described(&socket, "POST", explain, explain, &question.to_string());
    assert_eq!((status, &answer["allowed"]), (200, &json!(true)));
    assert_eq!(answer["rules"].as_array().unwrap().len(), 2, "{answer}");
    assert_eq!(answer["rules"][1]["miss"], "action", "{answer}");
    for body in [
        "",
        "{}",
        "[1]",
        r#"{"who": "alice", "action": "push", "repository": "a", "more": 1}"#,
        r#"{"who": "role:x", "action": "push", "repository": "a"}"#,
        r#"{"who": "alice", "action": "fly", "repository": "a"}"#,
        r#"{"who": "alice", "action": "push", "repository": "/a"}"#,
    ] {
        assert_eq!(
            described(&socket, "POST", explain, explain, body).0,
            400,
            "{body}"
        );
    }
    let long = "x".repeat(65 << 10);
    assert_eq!(described(&socket, "POST", explain, explain, &long).0, 413);

    let rotate = "/v1/keys/rotate";
    assert_eq!(described(&socket, "POST", rotate, rotate, "").0, 204);
    let revoke = "/v1/refresh-tokens/{user}";
    site.login(ALICE, "repository:a/b:pull");
    let (status, answer) = described(&socket, "DELETE", revoke, "/v1/refresh-tokens/alice", "");
    assert_eq!((status, answer), (200, json!({"removed": 1})));
    let strange = "/v1/refresh-tokens/Ada%20Lovelace%2F.";
    assert_eq!(described(&socket, "DELETE", revoke, strange, "").0, 200);
    let no_name = "/v1/refresh-tokens/a%3Ab";
    assert_eq!(described(&socket, "DELETE", revoke, no_name, "").0, 400);
}

#[test]
fn what_is_not_there_is_said_in_the_same_form() {
    let site = Site::start("data_dir = '{dir}/data'\n");
    let socket = site.path("data/admin.sock");
    let all = description();
    for (method, path, expected) in [
        ("GET", "/", 404),
        ("GET", "/v2/", 404),
        ("GET", "/v1/refresh-tokens/", 404),
        ("GET", "/v1/reload", 405),
        ("DELETE", "/v1/status", 405),
        ("POST", "/v1/keys/rotate", 409),
        ("DELETE", "/v1/refresh-tokens/alice", 409),
    ] {
        let (status, body) = ask(&socket, method, path, "");
        assert_eq!(status, expected, "{method} {path}");
        let body = serde_json::from_str(&body).unwrap();
        conforms(&all, &json!({"$ref": "#/components/schemas/Error"}), &body);
    }
    // The API is on the socket alone.
    assert_eq!(site.send("GET", "/v1/status", None, "").status, 404);
}

#[test]
fn what_is_changed_is_in_the_audit_log() {
    let site = Site::start(SETTINGS);
    site.reload();
    site.write("htpasswd", "broken\n");
    for args in [
        &["reload"][..],
        &["rotate-keys"],
        &["revoke", "alice"],
        &["status"],
    ] {
        site.run(&[&["admin"], args].concat());
    }
    let uid = std::fs::metadata(site.path("config.toml")).unwrap().uid();
    let lines = site.audit().into_iter();
    let lines: Vec<_> = lines.filter(|line| line["event"] == "admin").collect();
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            assert_eq!(line["uid"], uid, "{line}");
            assert!(
                line["time"].is_string() && line["status"].is_u64(),
                "{line}"
            );
            (&line["action"], &line["outcome"], &line["user"])
        })
        .collect();
    let (done, refused, null) = (json!("done"), json!("refused"), Value::Null);
    let expected = [
        (&json!("reload"), &done, &null),
        (&json!("reload"), &refused, &null),
        (&json!("rotate_keys"), &done, &null),
        (&json!("revoke_refresh_tokens"), &done, &json!("alice")),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn the_socket_is_its_owners_and_goes_with_the_server() {
    let site = Site::start(SETTINGS);
    let socket = site.path("data/admin.sock");
    let metadata = std::fs::symlink_metadata(&socket).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.mode() & 0o777, 0o600);
    let Site { dir, server } = site;
    server.stop();
    assert!(!socket.exists());
    drop(dir);
}

#[test]
fn the_socket_of_a_dead_server_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("admin.sock");
    let server = Server::start(dir.path(), &[]);
    server.signal(Signal::KILL);
    server.wait();
    assert!(socket.exists());
    let data = ["--data-dir", dir.path().to_str().unwrap()];
    let status = |expected: &str| {
        let output = run(&[&["admin", "status"], &data[..]].concat());
        let said = said(&output);
        assert!(said.contains(expected), "{said}");
        output.status.code()
    };
    assert_eq!(status("the one that made it has ended"), Some(1));
    let server = Server::start(dir.path(), &[]);
    assert_eq!(status(&server.url), Some(0));
    server.stop();
    assert_eq!(status("no server is there"), Some(1));
}

#[test]
fn the_socket_of_another_server_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let memory = ["--metadata", "memory:", "--blobs", "memory:"];
    let data = [
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        dir.path().to_str().unwrap(),
    ];
    let output = run(&[&memory[..], &data].concat());
    assert!(!output.status.success());
    let said = said(&output);
    assert!(said.contains("another server answers at"), "{said}");
    assert_eq!(
        ask(&dir.path().join("admin.sock"), "GET", "/v1/status", "").0,
        200
    );
    server.stop();
}

#[test]
fn there_is_a_socket_only_where_there_can_be_one() {
    let dir = tempfile::tempdir().unwrap();
    let start = |settings: &str| {
        let file = dir.path().join("config.toml");
        std::fs::write(&file, settings).unwrap();
        let mut command = command();
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--metadata",
            "memory:",
            "--blobs",
            "memory:",
        ]);
        command.arg("--config").arg(&file).current_dir(dir.path());
        let log = dir.path().join("log");
        Server::logging_to(command, &log).stop();
        std::fs::read_to_string(log).unwrap()
    };
    for none in ["data_dir = 'none'", "admin.socket = ''"] {
        let log = start(none);
        assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    }
    assert!(!dir.path().join("none").exists());
    let long = "x".repeat(108);
    let log = start(&format!("admin.socket = '{long}'"));
    for text in [
        "WARN",
        "admin.socket",
        "107 bytes",
        "without an admin socket",
    ] {
        assert!(log.contains(text), "{text} is not in {log}");
    }
    let memory = ["--metadata", "memory:", "--blobs", "memory:", "--config"];
    let file = dir.path().join("config.toml");
    for (socket, expected) in [
        ("none/s", "there is no folder none"),
        ("log", "is no socket"),
    ] {
        let text = format!("listen = '127.0.0.1:0'\nadmin.socket = '{socket}'");
        std::fs::write(&file, text).unwrap();
        let mut command = command();
        command.current_dir(dir.path()).args(memory).arg(&file);
        let output = command.output().unwrap();
        assert!(!output.status.success());
        assert!(said(&output).contains(expected), "{}", said(&output));
    }
}

#[test]
fn a_broken_configuration_does_not_hide_the_server() {
    let site = Site::start(SETTINGS);
    let broken = site.read("config.toml").replace("[[access]]", "[[excess]]");
    site.write("config.toml", &broken);
    let output = site.run(&["admin", "reload"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("refused    config.toml") && said.contains("excess"),
        "{said}"
    );
}

/// Whoever sends nothing takes a place, and not all of them.
#[test]
fn idle_clients_keep_nobody_out() {
    let site = Site::start(SETTINGS);
    let socket = site.path("data/admin.sock");
    let idle: Vec<_> = (0..15)
        .map(|_| UnixStream::connect(&socket).unwrap())
        .collect();
    for _ in 0..3 {
        assert_eq!(ask(&socket, "GET", "/v1/status", "").0, 200);
    }
    for mut stream in idle {
        let limit = Duration::from_secs(20);
        stream.set_read_timeout(Some(limit)).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("it is cut off");
    }
}

/// Another account gets nowhere, and is told why.
#[test]
fn a_socket_that_may_not_be_opened() {
    let site = Site::start(SETTINGS);
    let socket = site.path("data/admin.sock");
    let mut denied = command();
    if std::fs::metadata(&socket).unwrap().uid() == 0 {
        // For root nothing is forbidden. The program has to be where others find it.
        let everybody = Permissions::from_mode(0o755);
        let program = site.path("oci-server");
        std::fs::copy(env!("CARGO_BIN_EXE_oci-server"), &program).unwrap();
        for path in [site.dir.path(), &site.path("data"), &program] {
            std::fs::set_permissions(path, everybody.clone()).unwrap();
        }
        denied = Command::new(program);
        denied.uid(65534).gid(65534);
    } else {
        std::fs::set_permissions(&socket, Permissions::from_mode(0o000)).unwrap();
    }
    denied.args(["admin", "status", "--socket"]).arg(&socket);
    let output = denied.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(
        said.contains("only by the account that the server runs as"),
        "{said}"
    );
}
