//! A server with users, groups and rules that change while it runs, and those who use it.

use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Server, command};

pub(crate) const KIND: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;

/// How soon a change holds that nobody has told the server of.
pub(crate) const BY_ITSELF: Duration = Duration::from_secs(2);

const FORM: &str = "application/x-www-form-urlencoded";

/// A user of the file, with a password.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
    hash: &'static str,
}

pub(crate) const ALICE: User = User {
    name: "alice",
    password: "correct horse",
    hash: "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
};
pub(crate) const ALICE_LATER: User = User {
    password: "battery staple",
    hash: "$2y$04$abcdefghijklmnopqrstuuhfdSToe28Z2OzxmmHxfI3lnNDfjxoF6",
    ..ALICE
};
pub(crate) const BOSS: User = User {
    name: "boss",
    password: "open sesame",
    hash: "$2y$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy",
};

impl User {
    /// The `Authorization` of Basic.
    pub(crate) fn basic(self) -> String {
        basic(self.name, self.password)
    }
}

pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// A server with its files in a folder.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) server: Server,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) challenge: Option<String>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Site {
    /// Starts a server with these settings, of which `{dir}` is the folder; with ALICE and BOSS
    /// in the file of users, and `crew: alice` in that of groups.
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_with(settings, &[])
    }

    /// The same with more files.
    pub(crate) fn start_with(settings: &str, files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("htpasswd", &htpasswd(&[ALICE, BOSS]));
        write("groups", "crew: alice\n");
        for (name, text) in files {
            write(name, text);
        }
        let text = settings.replace("{dir}", dir.path().to_str().unwrap());
        write("config.toml", &text);
        let server = Self::serve(&dir);
        Self { dir, server }
    }

    fn serve(dir: &TempDir) -> Server {
        let mut command = command();
        command.current_dir(dir.path());
        command.args(["--config", "config.toml", "--listen", "127.0.0.1:0"]);
        Server::logging_to(command, &dir.path().join("log"))
    }

    /// Ends the server, and starts another one over the same files.
    pub(crate) fn restart(self) -> Self {
        let Self { dir, server } = self;
        server.stop();
        let server = Self::serve(&dir);
        Self { dir, server }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces a file in one step.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let text = text.replace("{dir}", self.dir.path().to_str().unwrap());
        let new = self.path("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, self.path(name)).unwrap();
    }

    /// Runs the program in the folder, with the server's settings.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = command();
        command.current_dir(self.dir.path()).args(args);
        command.env("OCI_SERVER_CONFIG", "config.toml");
        command.output().unwrap()
    }

    /// Makes it read its files, all of which are good.
    pub(crate) fn reload(&self) {
        let output = self.run(&["admin", "reload"]);
        assert!(output.status.success(), "{}", said(&output));
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        authorization: Option<&str>,
        body: &str,
    ) -> Reply {
        let headers = [
            ("authorization", authorization),
            ("content-type", Some(KIND)),
        ];
        let headers = headers.into_iter();
        let headers: Vec<_> = headers
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        self.request(method, path, &headers, body)
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .build();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.server.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.as_bytes()).unwrap();
        let mut response = ureq::Agent::from(config).run(request).unwrap();
        let challenge = response.headers().get("www-authenticate");
        let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
        Reply {
            status: response.status().as_u16(),
            challenge,
            body: response.body_mut().read_to_string().unwrap(),
        }
    }

    pub(crate) fn pull(&self, repo: &str, authorization: Option<&str>) -> u16 {
        let path = format!("/v2/{repo}/manifests/v1");
        self.send("GET", &path, authorization, "").status
    }

    pub(crate) fn push(&self, repo: &str, authorization: Option<&str>) -> u16 {
        let path = format!("/v2/{repo}/manifests/v1");
        self.send("PUT", &path, authorization, INDEX).status
    }

    /// Asks for a token, and for a refresh token.
    pub(crate) fn login(&self, user: User, scope: &str) -> (String, String) {
        let service = self.service();
        let path = format!("/token?service={service}&scope={scope}&offline_token=true");
        let reply = self.send("GET", &path, Some(&user.basic()), "");
        assert_eq!(reply.status, 200, "{reply:?}");
        let (token, refresh) = (&reply.json()["token"], &reply.json()["refresh_token"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (format!("Bearer {}", text(token)), text(refresh))
    }

    /// Sends a form to the token endpoint.
    pub(crate) fn post_form(&self, form: &str) -> Reply {
        self.request("POST", "/token", &[("content-type", FORM)], form)
    }

    /// Exchanges a refresh token.
    pub(crate) fn refresh(&self, token: &str, scope: &str) -> Reply {
        let service = self.service();
        self.post_form(&format!(
            "grant_type=refresh_token&service={service}&client_id=test&scope={scope}&\
             refresh_token={token}"
        ))
    }

    /// The audience that the challenge names.
    pub(crate) fn service(&self) -> String {
        let challenge = self.send("GET", "/v2/", None, "").challenge.unwrap();
        let (_, rest) = challenge.split_once("service=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// The lines of the audit log.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let lines = self.read("audit.log");
        let lines = lines.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// A file of users.
pub(crate) fn htpasswd(users: &[User]) -> String {
    let lines = users.iter();
    lines
        .map(|user| format!("{}:{}\n", user.name, user.hash))
        .collect()
}

/// What a command said.
pub(crate) fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(&[&out[..], &err[..]].concat()).into_owned()
}

/// Waits until something holds, and for no longer than `limit`.
#[track_caller]
pub(crate) fn within(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
