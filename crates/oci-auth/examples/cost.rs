//! Measures what each way to log in costs a request, on one thread.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oci_auth::{
    Access, Accounts, Attempt, Authenticator, BasicAuthenticator, BearerAuthenticator,
    BuiltinTokens, Credentials, Groups, Htpasswd, HtpasswdAccounts, KeyOptions, KeyRing, Live,
    Login, MemorySecrets, Need, PasswordOptions, Policy, Rules, RulesConfig, Secret, SharedSecrets,
    TokenBackends, TokenOptions, TokenPeer, TokenRequest, TokenService, UnixTime, authorize,
    hash_password,
};

const RULES: &str = r#"
[[access]]
repos = ["public/**"]
who = ["anonymous"]
allow = ["pull"]

[[access]]
repos = ["team/**"]
who = ["group:team"]
allow = ["pull", "push"]
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let now = UnixTime::now();
    let login = Login {
        user: "alice".to_owned(),
        password: Secret::from("correct horse battery staple"),
    };
    let (service, accounts, policy) = service(&login.password, now).await?;
    let basic = BasicAuthenticator::new(accounts);
    let bearer = BearerAuthenticator::new(vec![Arc::new(BuiltinTokens::new(&service)?)]);

    let request = TokenRequest::from_query("scope=repository:team/api:pull,push")?;
    let with_password = Credentials::Basic(login);
    let peer = TokenPeer {
        credentials: Some(&with_password),
        address: None,
        now,
    };
    let token = service.issue(&request, peer).await?.token;
    let with_token = Credentials::Bearer(token);
    let nobody = TokenPeer {
        credentials: None,
        ..peer
    };

    measure("nobody", || ask(&basic, &*policy, None, now)).await?;
    measure("a password", || {
        ask(&basic, &*policy, Some(&with_password), now)
    })
    .await?;
    measure("a token", || ask(&bearer, &*policy, Some(&with_token), now)).await?;
    measure("a token, for the first time", || async {
        let first = BearerAuthenticator::new(vec![Arc::new(BuiltinTokens::new(&service)?)]);
        ask(&first, &*policy, Some(&with_token), now).await
    })
    .await?;
    measure("handing out a token", || async {
        service.issue(&request, nobody).await?;
        Ok(())
    })
    .await
}

type Parts = (TokenService, Arc<dyn Accounts>, Arc<dyn Policy>);

async fn service(password: &Secret<String>, now: UnixTime) -> Result<Parts, Box<dyn Error>> {
    let users = Htpasswd::parse(&format!("alice:{}", hash_password(password)?))?;
    let groups = Groups::parse("team: alice")?;
    let options = PasswordOptions::default();
    let accounts: Arc<dyn Accounts> = Arc::new(HtpasswdAccounts::start(
        Arc::new(Live::new(users)),
        Arc::new(Live::new(groups)),
        &options,
    )?);
    let rules = Rules::try_from(toml::from_str::<RulesConfig>(RULES)?)?;
    let policy: Arc<dyn Policy> = Arc::new(Live::new(rules));
    let secrets: Arc<dyn SharedSecrets> = Arc::new(MemorySecrets::new());
    let keys = KeyRing::open(Arc::clone(&secrets), KeyOptions::default(), now).await?;
    let backends = TokenBackends {
        accounts: Arc::clone(&accounts),
        policy: Arc::clone(&policy),
        keys: Arc::new(keys),
        secrets,
    };
    let options = TokenOptions::new("https://registry.example", "registry.example");
    Ok((TokenService::new(options, backends)?, accounts, policy))
}

/// Finds out who asks, and whether they may read.
async fn ask(
    authenticator: &dyn Authenticator,
    policy: &dyn Policy,
    credentials: Option<&Credentials>,
    now: UnixTime,
) -> Result<(), Box<dyn Error>> {
    let attempt = Attempt {
        credentials,
        address: None,
        now,
    };
    let caller = authenticator.authenticate(attempt).await?;
    let name = "team/api".parse()?;
    let need = Need::Repository {
        name: &name,
        access: Access::Read,
    };
    std::hint::black_box(authorize(policy, &caller, need).await?);
    Ok(())
}

async fn measure<F: Future<Output = Result<(), Box<dyn Error>>>>(
    what: &str,
    work: impl Fn() -> F,
) -> Result<(), Box<dyn Error>> {
    let (start, mut rounds) = (Instant::now(), 0u32);
    while start.elapsed() < Duration::from_secs(1) {
        for _ in 0..100 {
            work().await?;
        }
        rounds += 100;
    }
    let each = start.elapsed() / rounds;
    println!("{what:<30} {each:>12.2?}");
    Ok(())
}
