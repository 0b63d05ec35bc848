//! What asking who may do what costs, and that nobody makes it cost more.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::target::{Client, Server, image};

/// By what factor a pull may cost the server more where it asks who pulls.
const COST: f64 = 1.2;
/// What of their rate pulls keep while wrong passwords come in.
const KEPT: f64 = 0.8;
/// How many wrong passwords come in, in a second.
const WRONG_A_SECOND: u32 = 200;
/// The user `alice` with the password `wonderland`, in bcrypt of cost 12.
const USERS: &str = "alice:$2y$12$ndLBJeBXiNPfr53ztW1DneEIbgs1kxuNsOQA3n5vacqxR1Foowe5K\n";
/// `alice:wonderland`
const BASIC: &str = "Basic YWxpY2U6d29uZGVybGFuZA==";
/// The digest of `{}`.
const EMPTY: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const PATH: &str = "/v2/team/api/manifests/v1";
const RULES: &str = "
[[access]]
repos = ['team/**']
who = ['user:alice']
allow = ['pull', 'push', 'overwrite']
";

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    rounds: usize,
    pulls: usize,
    window: Duration,
    judge: bool,
}

impl Effort {
    pub(super) const FULL: Self = Self {
        rounds: 15,
        pulls: 2_000,
        window: Duration::from_secs(10),
        judge: true,
    };
    /// Shows that everything works: beside other work, ratios of times are noise.
    pub(super) const QUICK: Self = Self {
        rounds: 2,
        pulls: 100,
        window: Duration::from_millis(500),
        judge: false,
    };
}

/// Measures both, and fails where a promise does not hold.
pub(super) fn prove(binary: &Path, effort: Effort) -> Result<()> {
    cost(binary, effort)?;
    flood(binary, effort)
}

/// A server that asks for credentials, and those that it takes.
struct Site {
    name: &'static str,
    server: Server,
    credentials: Option<String>,
}

impl Site {
    /// A server over `dir`, with a manifest to pull.
    fn start(binary: &Path, dir: &Path, scheme: &'static str) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let users = dir.join("users");
        fs::write(&users, USERS)?;
        let settings = match scheme {
            "none" => String::new(),
            scheme => format!(
                "http.trusted_proxies = ['127.0.0.0/8']\n[auth]\nscheme = '{scheme}'\n\
                 htpasswd = '{}'\n{RULES}",
                users.display()
            ),
        };
        let file = dir.join("settings.toml");
        fs::write(&file, settings)?;
        let mut command = Command::new(binary);
        command.arg("--config").arg(file);
        let server = Server::run(command, &dir.join("data"))?;
        let mut site = Self {
            name: scheme,
            server,
            credentials: (scheme != "none").then(|| BASIC.to_owned()),
        };
        if scheme == "bearer" {
            site.credentials = Some(site.token()?);
        }
        let json = image(EMPTY, 2, "pulled");
        let kind = [("content-type", "application/vnd.oci.image.manifest.v1+json")];
        let headers: Vec<_> = kind.into_iter().chain(site.authorization()).collect();
        let client = site.server.client();
        client
            .send("PUT", PATH, &headers, json.as_bytes())?
            .expect(201)?;
        Ok(site)
    }

    fn authorization(&self) -> Option<(&str, &str)> {
        let credentials = self.credentials.as_deref()?;
        Some(("authorization", credentials))
    }

    fn token(&self) -> Result<String> {
        let path = "/token?scope=repository:team/api:pull,push";
        let client = self.server.client();
        let answer = client.send("GET", path, &[("authorization", BASIC)], &[])?;
        let answer: serde_json::Value = serde_json::from_slice(&answer.expect(200)?.body)?;
        let token = answer["token"].as_str().context("no token")?;
        Ok(format!("Bearer {token}"))
    }

    fn pull(&self, client: &Client) -> Result<()> {
        let headers: Vec<_> = self.authorization().into_iter().collect();
        client.send("GET", PATH, &headers, &[])?.expect(200)?;
        Ok(())
    }
}

/// Processor time of a pull, with and without asking who pulls.
fn cost(binary: &Path, effort: Effort) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let schemes = ["none", "basic", "bearer"];
    let sites = schemes.map(|scheme| Site::start(binary, &dir.path().join(scheme), scheme));
    let sites: Vec<_> = sites.into_iter().collect::<Result<_>>()?;
    let clients: Vec<_> = sites.iter().map(|site| site.server.client()).collect();
    let mut ratios = [Vec::new(), Vec::new()];
    for _ in 0..effort.rounds {
        let mut spent = Vec::new();
        for (site, client) in sites.iter().zip(&clients) {
            site.pull(client)?;
            let before = site.server.processor_time()?;
            for _ in 0..effort.pulls {
                site.pull(client)?;
            }
            spent.push((site.server.processor_time()? - before).as_secs_f64());
        }
        for (ratios, spent_asking) in ratios.iter_mut().zip(&spent[1..]) {
            ratios.push(spent_asking / spent[0]);
        }
    }
    for (site, ratios) in sites[1..].iter().zip(ratios) {
        let ratio = median(ratios);
        println!(
            "access: a pull with {} costs {ratio:.2} times the processor time of one without",
            site.name
        );
        let fits = ratio <= COST || !effort.judge;
        ensure!(
            fits,
            "with {} a pull costs more than {COST} times",
            site.name
        );
    }
    Ok(())
}

/// The rate of pulls while nobody guesses passwords, and while somebody does.
fn flood(binary: &Path, effort: Effort) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let site = Site::start(binary, &dir.path().join("basic"), "basic")?;
    // Six windows of ten seconds make a minute of wrong passwords.
    let windows = effort
        .rounds
        .div_ceil(3)
        .max(if effort.judge { 6 } else { 1 });
    let mut ratios = Vec::new();
    let mut wrong = 0;
    for _ in 0..windows {
        let calm = pulls(&site, effort.window, None)?;
        let guessed = AtomicU64::new(0);
        let flooded = pulls(&site, effort.window, Some(&guessed))?;
        wrong += guessed.into_inner();
        ratios.push(flooded / calm);
    }
    let ratio = median(ratios);
    let seconds = effort.window.as_secs_f64() * f64::from(u32::try_from(windows)?);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let rate = wrong as f64 / seconds;
    println!(
        "access: while {rate:.0} wrong passwords a second came in for {seconds:.0} s, pulls kept \
         {ratio:.2} of their rate"
    );
    ensure!(wrong > 0, "no wrong password came in");
    ensure!(
        ratio >= KEPT || !effort.judge,
        "pulls kept less than {KEPT} of their rate"
    );
    Ok(())
}

/// Pulls a second; with `wrong`, while wrong passwords come in that are counted in it.
fn pulls(site: &Site, window: Duration, wrong: Option<&AtomicU64>) -> Result<f64> {
    const CLIENTS: usize = 4;
    let over = AtomicBool::new(false);
    let done = AtomicU64::new(0);
    let until = |step: &(dyn Fn() -> Result<()> + Sync)| -> Result<()> {
        while !over.load(Ordering::Relaxed) {
            step()?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..CLIENTS {
            let (client, done, until) = (site.server.client(), &done, &until);
            workers.push(scope.spawn(move || {
                until(&|| {
                    site.pull(&client)?;
                    done.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                })
            }));
        }
        if let Some(wrong) = wrong {
            workers.push(scope.spawn(|| guess(site, wrong, &over)));
        }
        thread::sleep(window);
        over.store(true, Ordering::Relaxed);
        workers.into_iter().try_for_each(|worker| {
            let ended = worker.join();
            ended.map_err(|_| anyhow::anyhow!("a client panicked"))?
        })
    })?;
    #[expect(clippy::cast_precision_loss, reason = "a ratio is made of it")]
    let done = done.into_inner() as f64;
    Ok(done / window.as_secs_f64())
}

/// Guesses passwords, each from another address and half of them of a user who is there, without
/// waiting for what came of the guess before.
fn guess(site: &Site, wrong: &AtomicU64, over: &AtomicBool) -> Result<()> {
    // Some tens of them wait for a thread that checks passwords, at any time.
    const GUESSERS: u64 = 400;
    let between = Duration::from_secs(1) * u32::try_from(GUESSERS)? / WRONG_A_SECOND;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..GUESSERS)
            .map(|_| {
                let client = site.server.client();
                scope.spawn(move || -> Result<()> {
                    let mut next = Instant::now();
                    while !over.load(Ordering::Relaxed) {
                        let number = wrong.fetch_add(1, Ordering::Relaxed);
                        guess_once(&client, number)?;
                        next += between;
                        thread::sleep(next.saturating_duration_since(Instant::now()));
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            let ended = worker.join();
            ended.map_err(|_| anyhow::anyhow!("a client panicked"))?
        })
    })
}

fn guess_once(client: &Client, number: u64) -> Result<()> {
    let user = if number.is_multiple_of(2) {
        "alice"
    } else {
        "nobody"
    };
    let address = format!("10.{}.{}.1", number / 256 % 256, number % 256);
    let login = STANDARD.encode(format!("{user}:wrong{number:08}"));
    let headers = [
        ("authorization", &*format!("Basic {login}")),
        ("x-forwarded-for", &*address),
    ];
    let status = client.send("GET", PATH, &headers, &[])?.status;
    ensure!(
        status == 401 || status == 429,
        "a wrong password was answered {status}"
    );
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
