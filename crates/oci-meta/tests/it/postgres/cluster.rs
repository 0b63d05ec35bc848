//! Starts PostgreSQL servers in folders of their own.
//!
//! A shell stands between the tests and the server and waits for the end of its input, so that
//! the server ends and its folder goes however the tests end.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::{Client, NoTls};

/// What the superuser has to say over TCP.
pub(crate) const PASSWORD: &str = "correct-horse";

/// Runs the server until the input ends. A word in it keeps the folder: `stop`, or `crash`, which
/// leaves the server no time for anything.
const WATCH: &str = r#"
    "$1" -D "$2/data" >>"$2/log" 2>&1 &
    server=$!
    read -r word
    case "$word" in
        crash) kill -QUIT "$server" ;;
        *) kill -INT "$server" ;;
    esac
    # One that is only starting may miss it.
    (sleep 10; kill -KILL "$server") >/dev/null 2>&1 &
    wait "$server"
    kill "$!"
    [ -n "$word" ] || rm -rf "$2"
"#;

/// TCP is for those with a password and TLS.
const ACCESS: &str = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";

const SETTINGS: &str = "
    listen_addresses = '127.0.0.1'
    max_connections = 300
    shared_buffers = 32MB
    fsync = off
    ssl = on
    password_encryption = 'scram-sha-256'
";

/// A server and its folder.
#[derive(Debug)]
pub(crate) struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    server: Mutex<Option<Child>>,
    schemas: AtomicU32,
}

impl Cluster {
    /// The server of all tests that leave it alone.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// A new server. `None`, with words on standard error, where PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        let Some(binaries) = binaries() else {
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "PostgreSQL is not installed");
            eprintln!("\n!!! NOT RUN: PostgreSQL is not installed, nothing of it was tested !!!\n");
            return None;
        };
        let cluster = Self {
            binaries,
            folder: folder(),
            port: free_port(),
            server: Mutex::new(None),
            schemas: AtomicU32::new(0),
        };
        cluster.initialise();
        cluster.run();
        Some(cluster)
    }

    fn initialise(&self) {
        let password = self.folder.join("password");
        fs::write(&password, PASSWORD).unwrap();
        // In a locale that does not sort as bytes do, where there is one.
        let locales = [
            &[
                "--locale=C.UTF-8",
                "--locale-provider=icu",
                "--icu-locale=en-US",
            ][..],
            &["--locale=C.UTF-8"],
        ];
        let initialised = locales.iter().any(|locale| {
            let mut initdb = self.command(&self.binaries.join("initdb"));
            initdb.args(["--no-sync", "--username=postgres", "--encoding=UTF8"]);
            initdb.arg("--pwfile").arg(&password);
            initdb.arg("-D").arg(self.data()).args(*locale);
            initdb.output().unwrap().status.success()
        });
        assert!(
            initialised,
            "initdb has failed in {}",
            self.folder.display()
        );
        self.certify();
        let settings = self.data().join("postgresql.auto.conf");
        let socket = format!(
            "port = {}\nunix_socket_directories = '{}'\n",
            self.port,
            self.folder.display()
        );
        fs::write(settings, format!("{SETTINGS}{socket}")).unwrap();
        fs::write(self.data().join("pg_hba.conf"), ACCESS).unwrap();
    }

    /// A certificate for `localhost`, and none for the address.
    fn certify(&self) {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(self.certificate(), certified.cert.pem()).unwrap();
        let key = self.data().join("server.key");
        fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        for file in [self.certificate(), key] {
            give_away(&file);
        }
    }

    /// The server's certificate, which is its own authority.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.data().join("server.crt")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the server and waits until it answers.
    pub(crate) fn run(&self) {
        let mut server = self.lock();
        assert!(server.is_none(), "the server runs");
        let mut watch = self.command(Path::new("sh"));
        watch.args(["-c", WATCH, "watch"]);
        watch.arg(self.binaries.join("postgres")).arg(&self.folder);
        watch.stdin(Stdio::piped());
        *server = Some(watch.spawn().unwrap());
        let start = Instant::now();
        while !self.is_ready() {
            if start.elapsed() > Duration::from_secs(60) {
                let log = fs::read_to_string(self.folder.join("log"));
                panic!("the server does not start: {}", log.unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn is_ready(&self) -> bool {
        let mut ask = Command::new(self.binaries.join("pg_isready"));
        ask.arg("-h")
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()]);
        ask.output().unwrap().status.success()
    }

    /// Stops the server as an operator would: connections are closed.
    pub(crate) fn stop(&self) {
        self.end("stop\n");
    }

    /// Has the server die on the spot, as far as it can.
    pub(crate) fn crash(&self) {
        self.end("crash\n");
    }

    fn end(&self, word: &str) {
        let Some(mut server) = self.lock().take() else {
            return;
        };
        let mut input = server.stdin.take().unwrap();
        input.write_all(word.as_bytes()).unwrap();
        drop(input);
        server.wait().unwrap();
    }

    /// A command as the user that the server runs as: it refuses to run as root.
    fn command(&self, program: &Path) -> Command {
        let mut command = match owner() {
            None => Command::new(program),
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={user}"));
                command.arg(format!("--regid={group}"));
                command.arg("--clear-groups").arg(program);
                command
            }
        };
        command.current_dir(&self.folder).env("LC_ALL", "C.UTF-8");
        command
    }

    /// A new, empty schema.
    pub(crate) async fn schema(&self) -> Schema<'_> {
        let name = format!("s{}", self.schemas.fetch_add(1, Ordering::Relaxed));
        let schema = Schema {
            cluster: self,
            name,
        };
        schema.run(&format!("CREATE SCHEMA {}", schema.name)).await;
        schema
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end("\n");
    }
}

/// A part of the database that stands for a database.
#[derive(Debug)]
pub(crate) struct Schema<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl Schema<'_> {
    /// As the superuser, through the socket.
    pub(crate) fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// As some user, through the socket.
    pub(crate) fn url_of(&self, user: &str) -> String {
        let folder = self.cluster.folder.display();
        let port = self.cluster.port;
        format!(
            "postgres:///postgres?host={folder}&port={port}&user={user}&pool_size=8&{}",
            self.parameter()
        )
    }

    /// As the superuser, at an address.
    pub(crate) fn url_at(&self, user: &str, address: &str) -> String {
        format!("postgres://{user}@{address}/postgres?{}", self.parameter())
    }

    fn parameter(&self) -> String {
        format!("options=-csearch_path%3D{}", self.name)
    }

    /// The schema's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The socket that the server listens on.
    pub(crate) fn socket(&self) -> PathBuf {
        let name = format!(".s.PGSQL.{}", self.cluster.port);
        self.cluster.folder.join(name)
    }

    /// Runs SQL as the superuser.
    pub(crate) async fn run(&self, sql: &str) {
        self.session().await.batch_execute(sql).await.unwrap();
    }

    /// A session of the superuser.
    pub(crate) async fn session(&self) -> Client {
        let url = self.url().replace("&pool_size=8", "");
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

/// The folder of the newest server programs.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path);
    let mut packaged: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|v| v.path().join("bin")).collect())
        .unwrap_or_default();
    packaged.sort();
    // What is on the path may be links to some of the programs.
    on_path
        .filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok())
        .filter_map(|initdb| Some(initdb.parent()?.to_owned()))
        .chain(packaged.into_iter().rev())
        .find(|folder| {
            let programs = ["initdb", "pg_isready", "postgres"];
            programs
                .iter()
                .all(|program| folder.join(program).is_file())
        })
}

/// A new folder with a short path, as sockets need one.
fn folder() -> PathBuf {
    let folder = tempfile::Builder::new()
        .prefix("oci-meta-pg-")
        .tempdir_in("/tmp")
        .unwrap()
        .keep();
    give_away(&folder);
    folder
}

/// Gives a file to the user that the server runs as.
fn give_away(path: &Path) {
    if let Some((user, group)) = owner() {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

/// Whom the server belongs to, where that is not who runs the tests.
fn owner() -> Option<(u32, u32)> {
    let id = |args: &[&str]| {
        let output = Command::new("id").args(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim().parse::<u32>().unwrap()
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "nobody"]), id(&["-g", "nobody"])))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
