//! Running the program.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// The program with a clean environment.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oci-server"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OCI_SERVER_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the program with arguments that make it end.
pub(crate) fn run(args: &[&str]) -> Output {
    command().args(args).output().unwrap()
}

/// A running server; dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts it on a free port over `data`.
    pub(crate) fn start(data: &Path, args: &[&str]) -> Self {
        let mut command = command();
        command.args(["--listen", "127.0.0.1:0", "--data-dir"]);
        command.arg(data).args(args);
        Self::spawn(command)
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stderr(Stdio::piped());
        Self::launch(command)
    }

    /// Starts it with its log in a file, where it can be read meanwhile, and be of any length.
    pub(crate) fn logging_to(mut command: Command, log: &Path) -> Self {
        command.stderr(File::create(log).unwrap());
        Self::launch(command)
    }

    fn launch(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            let mut said = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                stderr.read_to_string(&mut said).unwrap();
            }
            panic!("{line:?} {said}");
        };
        let url = url.to_owned();
        Self { child, url }
    }

    /// The host and the port that it serves on.
    pub(crate) fn addr(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end and answers what it logged.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut log = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut log).unwrap();
        }
        (self.child.wait().unwrap(), log)
    }

    pub(crate) fn stop(self) {
        self.signal(Signal::TERM);
        let (status, log) = self.wait();
        assert!(status.success(), "{log}");
    }

    /// Sends a request and answers the status and the body.
    pub(crate) fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, String) {
        let answer = self.exchange(method, path, kind, body);
        (answer.status, answer.body)
    }

    /// Sends a request and answers the whole answer.
    pub(crate) fn exchange(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .build();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("content-type", kind)
            .body(body)
            .unwrap();
        let mut response = ureq::Agent::from(config).run(request).unwrap();
        Answer {
            status: response.status().as_u16(),
            body: response.body_mut().read_to_string().unwrap(),
            headers: response.headers().clone(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let url = format!("{}{path}", self.url);
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build();
        let mut response = ureq::Agent::from(config).get(url).call().unwrap();
        let body = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), body)
    }
}

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    headers: ureq::http::HeaderMap,
}

impl Answer {
    /// The value of a header that has to be there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).expect(name);
        value.to_str().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
