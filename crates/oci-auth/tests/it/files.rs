//! Users, groups and rules in files that change while requests go on.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use oci_auth::{
    Access, Accounts, Attempt, AuthError, Authenticator, BasicAuthenticator, Caller, Groups,
    Htpasswd, HtpasswdAccounts, Need, PasswordOptions, ReloadError, Reloading, Rules, RulesConfig,
    Verdict, authorize,
};

use crate::support::*;

struct Files {
    users: Reloading<Htpasswd>,
    groups: Reloading<Groups>,
    rules: Reloading<Rules>,
    authenticator: BasicAuthenticator,
}

fn parse_rules(text: &str) -> Result<Rules, Box<dyn std::error::Error + Send + Sync>> {
    Ok(toml::from_str::<RulesConfig>(text)?.try_into()?)
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

fn open(folder: &Path) -> Files {
    let users = Reloading::open(folder.join("users"), Htpasswd::parse).unwrap();
    let groups = Reloading::open(folder.join("groups"), Groups::parse).unwrap();
    let rules = Reloading::open(folder.join("rules"), parse_rules).unwrap();
    let options = PasswordOptions::default();
    let (live_users, live_groups) = (Arc::clone(users.live()), Arc::clone(groups.live()));
    let accounts = HtpasswdAccounts::start(live_users, live_groups, &options).unwrap();
    let accounts: Arc<dyn Accounts> = Arc::new(accounts);
    Files {
        users,
        groups,
        rules,
        authenticator: BasicAuthenticator::new(accounts),
    }
}

impl Files {
    /// What alice is told who wants to read `team/a`.
    async fn told(&self) -> &'static str {
        let credentials = basic("alice", "secret");
        let attempt = Attempt {
            credentials: Some(&credentials),
            address: None,
            now: NOW,
        };
        let caller: Caller = match self.authenticator.authenticate(attempt).await {
            Ok(caller) => caller,
            Err(AuthError::Password) => return "wrong password",
            Err(error) => panic!("{error}"),
        };
        let name = "team/a".parse().unwrap();
        let need = Need::Repository {
            name: &name,
            access: Access::Read,
        };
        match authorize(&**self.rules.live(), &caller, need)
            .await
            .unwrap()
        {
            Verdict::Allowed(_) => "allowed",
            Verdict::Hidden => "404",
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_change_holds_from_the_next_request_on_and_a_mistake_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "users", ALICE);
    write(folder, "groups", "team: alice");
    write(folder, "rules", RULES);
    let files = open(folder);
    assert_eq!(files.told().await, "allowed");

    write(folder, "groups", "team: bob");
    assert!(files.groups.refresh().unwrap());
    assert_eq!(files.told().await, "404");
    write(folder, "groups", "team: alice");
    assert!(files.groups.refresh().unwrap());

    write(folder, "rules", &RULES.replace("group:team", "group:other"));
    assert!(files.rules.refresh().unwrap());
    assert_eq!(files.told().await, "404");
    write(folder, "rules", RULES);
    assert!(files.rules.refresh().unwrap());
    assert_eq!(files.told().await, "allowed");

    write(folder, "rules", "[[access]]\nrepo = ['**']");
    assert!(matches!(
        files.rules.refresh(),
        Err(ReloadError::Content { .. })
    ));
    write(folder, "users", "alice:plain");
    assert!(matches!(
        files.users.refresh(),
        Err(ReloadError::Content { .. })
    ));
    assert_eq!(files.told().await, "allowed");

    write(folder, "users", BOB);
    assert!(files.users.refresh().unwrap());
    assert_eq!(files.told().await, "wrong password");
}
