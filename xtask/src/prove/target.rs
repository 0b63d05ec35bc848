//! The server under test, and a client that asks it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use ureq::http::{HeaderMap, Request};
use ureq::{Agent, SendBody};

/// How long one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(120);

/// Builds the server in release mode and answers where it is.
pub(super) fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--package", "oci-server-bin"])
        .args(["--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .context("could not run cargo")?;
    ensure!(output.status.success(), "the server does not build");
    for line in output.stdout.lines() {
        let message: serde_json::Value = serde_json::from_str(&line?)?;
        if let Some(path) = message["executable"].as_str() {
            return Ok(PathBuf::from(path));
        }
    }
    bail!("cargo did not say where it put the server")
}

/// A running server; dropped, it is killed.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    /// The process that serves, which is not the child where that is a tracer.
    pid: u32,
    pub(super) url: String,
    /// From the start of the process to its ready line.
    pub(super) started_in: Duration,
}

impl Server {
    /// Starts `binary` over `data` on a free port.
    pub(super) fn start(binary: &Path, data: &Path) -> Result<Self> {
        Self::run(Command::new(binary), data)
    }

    /// Starts the server by a command that ends in its path.
    pub(super) fn run(mut command: Command, data: &Path) -> Result<Self> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(data.with_extension("log"))?;
        let began = Instant::now();
        let mut child = command
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("could not start the server")?;
        let out = child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let started_in = began.elapsed();
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            child.kill()?;
            bail!("the server did not say where it listens, but {line:?}");
        };
        let pid = children(child.id())?.first().copied();
        Ok(Self {
            pid: pid.unwrap_or(child.id()),
            url: url.to_owned(),
            child,
            started_in,
        })
    }

    pub(super) fn client(&self) -> Client {
        Client::new(self.url.clone())
    }

    /// Kills it as the loss of the process would.
    pub(super) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop and waits for it.
    pub(super) fn stop(mut self) -> Result<()> {
        let pid = Pid::from_raw(self.pid.try_into()?).context("no process has the number 0")?;
        kill_process(pid, Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }

    /// The processor time that its threads have spent.
    pub(super) fn processor_time(&self) -> Result<Duration> {
        let mut nanos = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.pid))? {
            // A thread may end meanwhile.
            let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            let spent = text.split_whitespace().next().context("no time")?;
            nanos += spent.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Its resident memory in bytes: now, and at its highest.
    pub(super) fn resident(&self) -> Result<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
            Ok(kib.context("no such field")?.trim().parse::<u64>()? << 10)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn children(pid: u32) -> Result<Vec<u32>> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    Ok(text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?)
}

/// A client of one server that keeps its connections.
#[derive(Clone, Debug)]
pub(super) struct Client {
    url: String,
    agent: Agent,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Fails unless the status is `expected`.
    pub(super) fn expect(self, expected: u16) -> Result<Self> {
        ensure!(
            self.status == expected,
            "answered {} instead of {expected}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        Ok(self)
    }

    pub(super) fn location(&self) -> Result<String> {
        Ok(self.header("location").context("no Location")?.to_owned())
    }
}

impl Client {
    fn new(url: String) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(REQUEST_LIMIT))
            .build();
        Self {
            url,
            agent: config.into(),
        }
    }

    pub(super) fn get(&self, path: &str) -> Result<Reply> {
        self.send("GET", path, &[], &[])
    }

    /// Sends a request with a body that is in memory and reads the whole answer.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match method {
            "GET" | "HEAD" => self.agent.run(request.body(())?)?,
            _ => self.agent.run(request.body(body)?)?,
        };
        let (head, mut body) = response.into_parts();
        Ok(Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.with_config().limit(u64::MAX).read_to_vec()?,
        })
    }

    /// Sends `len` bytes of `body` as they are read.
    pub(super) fn stream(
        &self,
        method: &str,
        path: &str,
        mut body: impl Read,
        len: u64,
    ) -> Result<Reply> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("content-length", len)
            .body(SendBody::from_reader(&mut body))?;
        let (head, mut body) = self.agent.run(request)?.into_parts();
        Ok(Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.read_to_vec()?,
        })
    }

    /// Reads an answer's body without keeping it; answers its length.
    pub(super) fn drain(&self, path: &str) -> Result<u64> {
        let response = self.agent.get(format!("{}{path}", self.url)).call()?;
        ensure!(response.status() == 200, "answered {}", response.status());
        Ok(std::io::copy(
            &mut response.into_body().into_reader(),
            &mut std::io::sink(),
        )?)
    }

    /// Pushes a blob in one request.
    pub(super) fn push_blob(&self, repo: &str, digest: &str, data: &[u8]) -> Result<Reply> {
        let path = format!("/v2/{repo}/blobs/uploads/?digest={digest}");
        let octets = [("content-type", "application/octet-stream")];
        self.send("POST", &path, &octets, data)?.expect(201)
    }

    /// Pushes an image manifest under a tag or digest.
    pub(super) fn push_manifest(&self, repo: &str, reference: &str, json: &str) -> Result<Reply> {
        let path = format!("/v2/{repo}/manifests/{reference}");
        let kind = [("content-type", "application/vnd.oci.image.manifest.v1+json")];
        self.send("PUT", &path, &kind, json.as_bytes())?.expect(201)
    }
}

/// An image manifest whose config is the blob `digest` of `size` bytes.
pub(super) fn image(digest: &str, size: usize, salt: &str) -> String {
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest,
            "size": size,
        },
        "layers": [],
        "annotations": {"salt": salt},
    })
    .to_string()
}
