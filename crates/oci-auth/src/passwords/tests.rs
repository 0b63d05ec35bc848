//! Files and logins as a whole.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::{Groups, Live, Login, Secret, UnixTime};

/// "secret" and "hunter2", made by `htpasswd -B` and crypt(3).
const ALICE: &str = "alice:$2y$04$TOMXGxwh1Pbrz3uWWyb4T.LL0MSdVGoTlH.q7FJCfd3BtmgasTLsy";
const BOB: &str = "bob:$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.";

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const HERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
const ELSEWHERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

struct Setup {
    users: Arc<Live<Htpasswd>>,
    groups: Arc<Live<Groups>>,
    accounts: HtpasswdAccounts,
}

fn setup(lines: &[&str], options: &PasswordOptions) -> Setup {
    let users = Arc::new(Live::new(Htpasswd::parse(&lines.join("\n")).unwrap()));
    let groups = Arc::new(Live::new(Groups::parse("staff: alice bob").unwrap()));
    let accounts =
        HtpasswdAccounts::start(Arc::clone(&users), Arc::clone(&groups), options).unwrap();
    Setup {
        users,
        groups,
        accounts,
    }
}

fn login(user: &str, password: &str) -> Login {
    Login {
        user: user.to_owned(),
        password: Secret::from(password),
    }
}

impl Setup {
    async fn try_at(
        &self,
        user: &str,
        password: &str,
        now: UnixTime,
    ) -> Result<Account, LoginError> {
        self.accounts.login(&login(user, password), HERE, now).await
    }

    async fn outcome(&self, user: &str, password: &str) -> &'static str {
        outcome(&self.try_at(user, password, NOW).await)
    }

    fn set_users(&self, lines: &[&str]) {
        self.users
            .replace(Htpasswd::parse(&lines.join("\n")).unwrap());
    }
}

fn outcome(result: &Result<Account, LoginError>) -> &'static str {
    match result {
        Ok(_) => "in",
        Err(LoginError::Wrong) => "wrong",
        Err(LoginError::TooMany { .. }) => "too many",
        Err(LoginError::Unavailable(_)) => "unavailable",
    }
}

#[test]
fn files_are_read_and_errors_name_the_line() {
    let text = format!("# users\n\n{ALICE}\r\n{BOB}:further:fields\n");
    let names: Vec<_> = Htpasswd::parse(&text)
        .unwrap()
        .users()
        .into_iter()
        .collect();
    assert_eq!(
        names.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
        ["alice", "bob"]
    );
    for (text, error) in [
        (
            "alice".to_owned(),
            "line 1: a line has the form `user:hash`",
        ),
        (
            format!("\n{ALICE}\n{BOB}\n{ALICE}"),
            "line 4: the user is in line 2 already",
        ),
        (":x".to_owned(), "line 1: a name must not be empty"),
        (
            format!("{BOB}\ncarol:$apr1$/Lz2PmPu$kfJZM9ZEZqIxJ7/cBSkBe/"),
            "line 2: the password is not hashed with bcrypt or argon2id: use `htpasswd -B` or hash-password",
        ),
        (
            "a:$2y$10$canary".to_owned(),
            "line 1: the bcrypt hash is malformed",
        ),
    ] {
        assert_eq!(Htpasswd::parse(&text).unwrap_err().to_string(), error);
    }
}

#[tokio::test]
async fn passwords_are_checked() {
    let setup = setup(&[ALICE, BOB], &PasswordOptions::default());
    for (user, password, expected) in [
        ("alice", "secret", "in"),
        ("alice", "secret", "in"),
        ("bob", "hunter2", "in"),
        ("alice", "hunter2", "wrong"),
        ("Alice", "secret", "wrong"),
        ("carol", "secret", "wrong"),
        ("alice", "", "wrong"),
        ("", "", "wrong"),
        ("", "secret", "wrong"),
        ("alice", &"a".repeat(80), "wrong"),
        ("alice", &"a".repeat(2_000), "wrong"),
        (&"a".repeat(2_000), "secret", "wrong"),
        ("alice", "secret\0secret", "wrong"),
    ] {
        assert_eq!(
            setup.outcome(user, password).await,
            expected,
            "{user} {password}"
        );
    }
    let account = setup.try_at("alice", "secret", NOW).await.unwrap();
    assert_eq!(account.identity.to_string(), "user:alice");
    let same = setup.accounts.account(&account.name).await.unwrap();
    assert_eq!(same, Some(account));
    assert_eq!(
        setup
            .accounts
            .account(&"carol".parse().unwrap())
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn nobody_is_let_in_by_an_empty_file() {
    let setup = setup(&[], &PasswordOptions::default());
    for (user, password) in [
        ("admin", "admin"),
        ("admin", "password"),
        ("root", "root"),
        ("", ""),
    ] {
        assert_eq!(setup.outcome(user, password).await, "wrong");
    }
}

#[tokio::test]
async fn revocation_holds_from_the_next_login_on() {
    let setup = setup(&[ALICE, BOB], &PasswordOptions::default());
    let before = setup.try_at("alice", "secret", NOW).await.unwrap();
    assert_eq!(setup.outcome("bob", "hunter2").await, "in");

    setup.groups.replace(Groups::new(BTreeMap::new()));
    let without = setup.try_at("alice", "secret", NOW).await.unwrap();
    assert_ne!(without.identity, before.identity, "the group is gone");

    let changed = BOB.replace("bob", "alice");
    setup.set_users(&[&changed]);
    assert_eq!(
        setup.outcome("alice", "secret").await,
        "wrong",
        "remembered for another hash"
    );
    assert_eq!(setup.outcome("bob", "hunter2").await, "wrong", "removed");
    let after = setup.try_at("alice", "hunter2", NOW).await.unwrap();
    assert_ne!(after.version, before.version);
}

/// A third of the least time that checking a hash of `hash_password` takes. Checking takes longer
/// however busy the machine is, and finding something remembered does not.
fn tells_work() -> Duration {
    let password = Secret::from("secret");
    let times = (0..5).map(|_| {
        let before = Instant::now();
        hash_password(&password).unwrap();
        before.elapsed()
    });
    times.min().unwrap() / 3
}

#[tokio::test]
async fn only_what_was_right_is_remembered_and_not_for_long() {
    let hash = hash_password(&Secret::from("secret")).unwrap();
    let setup = setup(&[&format!("alice:{hash}")], &PasswordOptions::default());
    let work = tells_work();
    let ask = async |password, now| {
        let before = Instant::now();
        let outcome = outcome(&setup.try_at("alice", password, now).await);
        (outcome, before.elapsed())
    };
    assert_eq!(ask("secret", NOW).await.0, "in");
    let later = NOW.after(Duration::from_secs(299));
    let mut least = Duration::MAX;
    for _ in 0..10 {
        let (again, time) = ask("secret", later).await;
        assert_eq!(again, "in");
        least = least.min(time);
    }
    assert!(least < work, "remembered: {least:?} {work:?}");
    for now in [
        NOW.after(Duration::from_secs(300)),
        NOW.before(Duration::from_secs(900)),
    ] {
        let (outcome, time) = ask("secret", now).await;
        assert_eq!(outcome, "in");
        assert!(time > work, "checked again: {time:?} {work:?}");
    }
    for _ in 0..2 {
        let (outcome, time) = ask("wrong", NOW).await;
        assert_eq!(outcome, "wrong");
        assert!(time > work, "not remembered: {time:?} {work:?}");
    }
}

/// The amount of work is counted where it is planned; here, that it is done.
#[tokio::test]
async fn a_failed_login_takes_its_time_whoever_it_is_for() {
    let hash = hash_password(&Secret::from("secret")).unwrap();
    let lines = [&format!("carol:{hash}"), ALICE];
    let setup = setup(&lines, &PasswordOptions::default());
    let work = tells_work();
    // One whose hash is dear, one whose hash is cheap, one whose hash cannot be that of so long a
    // password, one who is not there, and one who cannot be.
    for (user, password) in [
        ("carol", "guess"),
        ("alice", "guess"),
        ("alice", &"a".repeat(73)),
        ("nobody", "guess"),
        ("no\nbody", "guess"),
    ] {
        let before = Instant::now();
        assert_eq!(setup.outcome(user, password).await, "wrong");
        let time = before.elapsed();
        assert!(time > work, "{user} {password}: {time:?} {work:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_credential_is_checked_once_at_a_time() {
    let options = PasswordOptions {
        workers: 1,
        queue: 3,
        ..PasswordOptions::default()
    };
    let dear = hash_password(&Secret::from("secret")).unwrap();
    let setup = Arc::new(setup(&[&format!("alice:{dear}")], &options));
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        for (password, tasks) in [("secret", &mut right), ("other", &mut wrong)] {
            let setup = Arc::clone(&setup);
            tasks.push(tokio::spawn(async move {
                setup.outcome("alice", password).await
            }));
        }
    }
    // One address may have two logins waiting: a hundred of two credentials fit by sharing alone.
    for task in right {
        assert_eq!(task.await.unwrap(), "in");
    }
    for task in wrong {
        assert!(["wrong", "too many"].contains(&task.await.unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_refused_and_harms_nobody_who_is_in() {
    let options = PasswordOptions {
        workers: 1,
        queue: 4,
        ..PasswordOptions::default()
    };
    let dear = hash_password(&Secret::from("secret")).unwrap();
    let setup = Arc::new(setup(&[&format!("alice:{dear}")], &options));
    assert_eq!(setup.outcome("alice", "secret").await, "in");
    let mut flood = Vec::new();
    for number in 0..200 {
        let setup = Arc::clone(&setup);
        let user = format!("user-{number}");
        flood.push(tokio::spawn(async move {
            let login = login(&user, "guess");
            outcome(&setup.accounts.login(&login, ELSEWHERE, NOW).await)
        }));
    }
    assert_eq!(setup.outcome("alice", "secret").await, "in");
    let mut refused = 0;
    for task in flood {
        let outcome = task.await.unwrap();
        assert!(["wrong", "too many"].contains(&outcome), "{outcome}");
        refused += usize::from(outcome == "too many");
    }
    assert!(refused > 100, "{refused}");
}

#[tokio::test]
async fn guessing_is_slowed_down_by_user_and_address() {
    let setup = setup(&[ALICE, BOB], &PasswordOptions::default());
    assert_eq!(setup.outcome("bob", "hunter2").await, "in");
    for user in ["alice", "nobody"] {
        for guess in 0..5 {
            assert_eq!(
                setup.outcome(user, &format!("guess-{guess}")).await,
                "wrong"
            );
        }
        let error = setup.try_at(user, "secret", NOW).await.unwrap_err();
        let LoginError::TooMany { retry_after } = error else {
            panic!("{error}");
        };
        assert_eq!(
            retry_after,
            Duration::from_secs(1),
            "the same for known and unknown"
        );
    }
    assert_eq!(setup.outcome("bob", "hunter2").await, "in", "another user");
    let elsewhere = setup
        .accounts
        .login(&login("alice", "secret"), ELSEWHERE, NOW)
        .await;
    assert_eq!(outcome(&elsewhere), "in", "another address");
    assert_eq!(setup.outcome("alice", "secret").await, "in", "remembered");
    let later = NOW.after(Duration::from_secs(1));
    assert_eq!(outcome(&setup.try_at("nobody", "x", later).await), "wrong");
}

#[tokio::test]
async fn nothing_secret_is_printed() {
    let setup = setup(
        &["alice:$2y$04$abcdefghijklmnopqrstuuag0.YlF7tv7WKWN7rgqJ5KkJ9XU2wny"],
        &PasswordOptions::default(),
    );
    let login = login("canary-user", "canary-password");
    let error = setup.accounts.login(&login, HERE, NOW).await.unwrap_err();
    let account = setup.try_at("alice", "canary-password", NOW).await.unwrap();
    let users = setup.users.current();
    let printed = format!(
        "{login:?} {error:?} {error} {account:?} {users:?} {:?}",
        setup.accounts
    );
    for canary in ["canary", "abcdefghijklmnopqrstuu", "ag0.YlF7"] {
        assert!(!printed.contains(canary), "{printed}");
    }
}
