//! Whether the time of a failed login tells who exists.
//!
//! Wrong passwords for a user with a cheap hash, for one with a dear hash and for nobody are sent
//! in turn, and the times of each two of them are held against each other by the rank test of
//! Mann and Whitney, which asks nothing of how they are distributed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::random::Random;
use super::target::{Client, Server};

/// Two users, of bcrypt's cost 6 and of its cost 9.
const USERS: &str = "\
    alice:$2y$06$ddLJsCf.ko4PHMlI/HBoaOJK11oTAeP.c4DupgknGX6lFPmUuCFxe\n\
    carol:$2y$09$dOdX6yA/WvCNzpF4BdV2peWKuMy83NKZy0hF/RMu1omVKVsxd2UWm\n";
const WHO: [&str; 3] = ["alice", "carol", "nobody"];
/// Of times that are of one kind, one comparison in 16,000 comes out further from zero.
const LIMIT: f64 = 4.0;

/// Measures, and fails where two can be told apart. Without `judge` it only measures.
pub(super) fn prove(binary: &Path, logins: usize, judge: bool) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (users, settings) = (dir.path().join("users"), dir.path().join("settings.toml"));
    fs::write(&users, USERS)?;
    fs::write(
        &settings,
        format!(
            "http.trusted_proxies = ['127.0.0.0/8']\n[auth]\nscheme = 'basic'\nhtpasswd = '{}'\n",
            users.display()
        ),
    )?;
    let mut command = Command::new(binary);
    command.arg("--config").arg(settings);
    let server = Server::run(command, &dir.path().join("data"))?;
    let times = measure(&server.client(), logins)?;
    for (first, second) in [(0, 1), (0, 2), (1, 2)] {
        let z = rank_test(&times[first], &times[second]);
        println!(
            "timing: a wrong password of {} takes {:.1?}, of {} {:.1?}: z = {z:.2}",
            WHO[first],
            median(&times[first]),
            WHO[second],
            median(&times[second]),
        );
        ensure!(
            z.abs() < LIMIT || !judge,
            "{} and {} can be told apart by time",
            WHO[first],
            WHO[second]
        );
    }
    Ok(())
}

/// The times of failed logins, in random order and each from another address.
fn measure(client: &Client, logins: usize) -> Result<[Vec<Duration>; 3]> {
    let mut times: [Vec<Duration>; 3] = Default::default();
    let mut random = Random::new(7);
    for number in 0..logins {
        const ORDERS: [[usize; 3]; 6] = [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ];
        let order = usize::try_from(random.below(6))?;
        for who in ORDERS[order] {
            let login = STANDARD.encode(format!("{}:wrong{number:08}", WHO[who]));
            let address = format!("10.{who}.{}.{}", number / 256, number % 256);
            let headers = [
                ("authorization", &*format!("Basic {login}")),
                ("x-forwarded-for", &*address),
            ];
            let began = Instant::now();
            client.send("GET", "/v2/", &headers, &[])?.expect(401)?;
            times[who].push(began.elapsed());
        }
    }
    Ok(times)
}

/// How far the ranks of `first` among both are from those of one kind, in standard deviations.
#[expect(clippy::cast_precision_loss, reason = "ranks are small")]
fn rank_test(first: &[Duration], second: &[Duration]) -> f64 {
    let (n, m) = (first.len() as f64, second.len() as f64);
    let below: usize = first
        .iter()
        .map(|time| second.iter().filter(|other| *other < time).count())
        .sum();
    let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
    (below as f64 - n * m / 2.0) / deviation
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rank_test_tells_shifted_times_apart_and_no_others() {
        let times = |shift: u64| -> Vec<_> {
            let spread = (0..200).map(|at| (at * 7_919 % 200) * 5 + shift);
            spread.map(Duration::from_micros).collect()
        };
        assert!(rank_test(&times(0), &times(2)).abs() < 1.0);
        assert!(rank_test(&times(300), &times(0)) > LIMIT);
        assert!(rank_test(&times(0), &times(300)) < -LIMIT);
    }
}
