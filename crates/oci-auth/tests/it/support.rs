//! A registry's authentication, put together as a server does it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oci_auth::{
    Access, Attempt, AuthError, Authenticator, BearerAuthenticator, BuiltinTokens, Caller,
    Credentials, Groups, Htpasswd, HtpasswdAccounts, KeyOptions, KeyRing, Live, Login,
    MemorySecrets, Need, PasswordOptions, Rules, RulesConfig, Secret, SharedSecrets, TokenBackends,
    TokenError, TokenOptions, TokenPeer, TokenRequest, TokenResponse, TokenService, UnixTime,
    Verdict, authorize,
};
use ring::signature::Ed25519KeyPair;
use serde_json::Value;

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
pub(crate) const ISSUER: &str = "https://registry.example";
pub(crate) const SERVICE: &str = "registry.example";

/// "secret", by `htpasswd -B`.
pub(crate) const ALICE: &str = "alice:$2y$04$TOMXGxwh1Pbrz3uWWyb4T.LL0MSdVGoTlH.q7FJCfd3BtmgasTLsy";
/// "hunter2", by crypt(3).
pub(crate) const BOB: &str = "bob:$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.";

pub(crate) const RULES: &str = r#"
[[access]]
repos = ["public/**"]
who = ["anonymous"]
allow = ["pull"]

[[access]]
repos = ["team/**"]
who = ["group:team"]
allow = ["pull", "push"]

[[access]]
repos = ["own/**"]
who = ["user:alice"]
allow = ["pull", "push", "overwrite", "delete"]
"#;

pub(crate) struct World {
    pub(crate) secrets: Arc<MemorySecrets>,
    pub(crate) users: Arc<Live<Htpasswd>>,
    pub(crate) groups: Arc<Live<Groups>>,
    pub(crate) policy: Arc<Live<Rules>>,
    pub(crate) accounts: Arc<HtpasswdAccounts>,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) service: TokenService,
    pub(crate) bearer: BearerAuthenticator,
}

pub(crate) fn rules(text: &str) -> Rules {
    let config: RulesConfig = toml::from_str(text).unwrap();
    config.try_into().unwrap()
}

pub(crate) async fn world() -> World {
    let secrets = Arc::new(MemorySecrets::new());
    let users = Arc::new(Live::new(
        Htpasswd::parse(&format!("{ALICE}\n{BOB}")).unwrap(),
    ));
    let groups = Arc::new(Live::new(Groups::parse("team: alice").unwrap()));
    let policy = Arc::new(Live::new(rules(RULES)));
    let options = PasswordOptions::default();
    let accounts = HtpasswdAccounts::start(Arc::clone(&users), Arc::clone(&groups), &options);
    let accounts = Arc::new(accounts.unwrap());
    let shared: Arc<dyn SharedSecrets> = Arc::<MemorySecrets>::clone(&secrets);
    let keys = KeyRing::open(Arc::clone(&shared), KeyOptions::default(), NOW);
    let keys = Arc::new(keys.await.unwrap());
    let backends = TokenBackends {
        accounts: Arc::<HtpasswdAccounts>::clone(&accounts),
        policy: Arc::<Live<Rules>>::clone(&policy),
        keys: Arc::clone(&keys),
        secrets: shared,
    };
    let service = TokenService::new(TokenOptions::new(ISSUER, SERVICE), backends).unwrap();
    let bearer = BearerAuthenticator::new(vec![Arc::new(BuiltinTokens::new(&service).unwrap())]);
    World {
        secrets,
        users,
        groups,
        policy,
        accounts,
        keys,
        service,
        bearer,
    }
}

pub(crate) fn basic(user: &str, password: &str) -> Credentials {
    Credentials::Basic(Login {
        user: user.to_owned(),
        password: Secret::from(password),
    })
}

pub(crate) fn bearer(token: &Secret<String>) -> Credentials {
    Credentials::Bearer(token.clone())
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    /// GET of the token endpoint.
    pub(crate) async fn get(
        &self,
        query: &str,
        credentials: Option<&Credentials>,
    ) -> Result<TokenResponse, TokenError> {
        let request = TokenRequest::from_query(query).unwrap();
        self.issue(&request, credentials, NOW).await
    }

    /// POST of the token endpoint.
    pub(crate) async fn post(&self, form: &str) -> Result<TokenResponse, TokenError> {
        let request = TokenRequest::from_form(form.as_bytes()).unwrap();
        self.issue(&request, None, NOW).await
    }

    pub(crate) async fn issue(
        &self,
        request: &TokenRequest,
        credentials: Option<&Credentials>,
        now: UnixTime,
    ) -> Result<TokenResponse, TokenError> {
        let peer = TokenPeer {
            credentials,
            address: None,
            now,
        };
        self.service.issue(request, peer).await
    }

    /// alice's token for these scopes.
    pub(crate) async fn alices(&self, scopes: &str) -> Secret<String> {
        let query = format!("scope={scopes}");
        let response = self.get(&query, Some(&basic("alice", "secret"))).await;
        response.unwrap().token
    }

    pub(crate) async fn who_is(
        &self,
        token: &Secret<String>,
        now: UnixTime,
    ) -> Result<Caller, AuthError> {
        let credentials = bearer(token);
        let attempt = Attempt {
            credentials: Some(&credentials),
            address: None,
            now,
        };
        self.bearer.authenticate(attempt).await
    }

    /// What a request with this token is told; `invalid` if the token is not believed.
    pub(crate) async fn told(
        &self,
        token: &Secret<String>,
        access: Access,
        repository: &str,
    ) -> &'static str {
        match self.who_is(token, NOW).await {
            Ok(caller) => self.verdict(&caller, access, repository).await,
            Err(AuthError::Token(_)) => "invalid",
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn verdict(
        &self,
        caller: &Caller,
        access: Access,
        repository: &str,
    ) -> &'static str {
        let name = repository.parse().unwrap();
        let need = Need::Repository {
            name: &name,
            access,
        };
        match authorize(&*self.policy, caller, need).await.unwrap() {
            Verdict::Allowed(_) => "allowed",
            Verdict::Challenge { .. } => "401",
            Verdict::Hidden => "404",
            Verdict::Denied => "403",
        }
    }

    /// A token with any claims, signed with the registry's own key.
    pub(crate) async fn signed(&self, claims: &Value) -> Secret<String> {
        let stored = self.secrets.signing_keys().await.unwrap().pop().unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(stored.pkcs8.expose()).unwrap();
        let header = serde_json::json!({"typ": "JWT", "alg": "EdDSA", "kid": stored.id.as_str()});
        sign(&header, claims, &pair)
    }
}

pub(crate) fn sign(header: &Value, claims: &Value, pair: &Ed25519KeyPair) -> Secret<String> {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()));
    Secret::new(format!("{signed}.{signature}"))
}

/// What a token says, without asking who has signed it.
pub(crate) fn claims(token: &Secret<String>) -> Value {
    part(token, 1)
}

pub(crate) fn header(token: &Secret<String>) -> Value {
    part(token, 0)
}

fn part(token: &Secret<String>, index: usize) -> Value {
    let text = token.expose().split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}
