//! Every endpoint, method and caller under thousands of random rule sets, held against a model
//! of the rules that shares nothing with their implementation: it works on text, and is written
//! from what the rules are said to mean.
//!
//! One registry stays the same throughout. What a permitted request changes in it is put back,
//! and what reads is held against the same registry without rules.

mod content;
mod model;
mod requests;

use std::collections::BTreeMap;
use std::sync::Arc;

use oci_auth::{
    BasicAuthenticator, Credentials, Rules, RulesConfig, TokenPeer, TokenRequest, UnixTime,
};
use oci_http::testing::{Answer, request, send};
use oci_http::{Access, RegistryRouter};
use serde_json::Value;

use self::content::Content;
use self::model::{Caller, Random, RuleSet, Shown, Told};
use self::requests::{Ask, Done, Undo};
use crate::fixture::MANIFEST;
use crate::guarded::{
    BASIC, BEARER, Guarded, Mode, PASSWORD, basic, basic_scheme, code, guarded_by,
};

const RULE_SETS: u64 = 2_500;
const CALLERS: usize = 4;
const REQUESTS: usize = 12;

/// Repositories that have content, and some that are not there.
const REPOSITORIES: [&str; 11] = [
    "a", "b", "ab", "a/a", "a/b", "a/ab", "b/a", "b/b/a", "a/b/a", "a/b/ab", "ab/a/b",
];
const MISSING: [&str; 3] = ["ba", "a/ba", "b/b"];

/// What permits everything, so that tokens for everything can be had.
const EVERYTHING: &str = r#"[[access]]
repos = ["**"]
who = ["anonymous"]
allow = ["pull", "push", "overwrite", "delete"]"#;

struct Matrix {
    content: Content,
    guarded: Guarded,
    basic: axum::Router,
    everything: Rules,
    /// How many answers were compared.
    compared: u64,
}

#[tokio::test]
async fn no_answer_differs_from_what_the_rules_mean() {
    let mut matrix = Matrix::new().await;
    for number in 0..RULE_SETS {
        let mut random = Random::new(number);
        let rules = RuleSet::random(&mut random);
        matrix.follow(&rules);
        for _ in 0..CALLERS {
            let (caller, login) = matrix.caller(&rules, &mut random).await;
            let context = format!("rule set {number}:\n{}\n{caller:?}", rules.to_toml());
            let at = At {
                rules: &rules,
                caller: &caller,
                login: login.as_deref(),
                context: &context,
            };
            matrix.check_lists(&at, &mut random).await;
            matrix.check_requests(&at, &mut random).await;
        }
    }
    println!(
        "{RULE_SETS} rule sets, {} combinations of a rule set, a caller and a request",
        matrix.compared
    );
    assert!(matrix.compared >= 100_000, "{}", matrix.compared);
}

/// Who asks under which rules.
struct At<'a> {
    rules: &'a RuleSet,
    caller: &'a Caller,
    login: Option<&'a str>,
    /// For messages.
    context: &'a str,
}

impl Matrix {
    async fn new() -> Self {
        let guarded = guarded_by(Mode::Bearer, "").await;
        let accounts = guarded.service.backends().accounts.clone();
        let authenticator = Arc::new(BasicAuthenticator::new(accounts));
        let access = Access::new(authenticator, guarded.policy.clone(), basic_scheme());
        let registry = RegistryRouter::new(guarded.world.registry.clone());
        Self {
            content: Content::make(&guarded.world, &REPOSITORIES).await,
            basic: registry.access(access).into_router(),
            everything: crate::guarded::rules(EVERYTHING).0,
            guarded,
            compared: 0,
        }
    }

    /// Puts the rules into force.
    fn follow(&self, rules: &RuleSet) {
        let text = rules.to_toml();
        let config: RulesConfig = toml::from_str(&text).expect("a configuration");
        self.guarded.groups.replace(config.groups.clone());
        let rules = config.try_into().unwrap_or_else(|e| panic!("{e}\n{text}"));
        self.guarded.policy.replace(rules);
    }

    /// Somebody, and the `Authorization` by which they ask.
    async fn caller(&self, rules: &RuleSet, random: &mut Random) -> (Caller, Option<String>) {
        let user = *random.pick(&["", "alice", "bob", "carol"]);
        let shown = match random.below(10) {
            0..4 => {
                let login = (!user.is_empty()).then(|| basic(user, PASSWORD));
                return (
                    Caller {
                        user,
                        shown: Shown::Basic,
                    },
                    login,
                );
            }
            4 => {
                let shown = Shown::NoToken;
                return (Caller { user: "", shown }, None);
            }
            // A token of now, or of a time when everything was allowed.
            way => self.token(rules, user, way < 7, random).await,
        };
        let (shown, token) = shown;
        (Caller { user, shown }, Some(format!("Bearer {token}")))
    }

    async fn token(
        &self,
        rules: &RuleSet,
        user: &str,
        now: bool,
        random: &mut Random,
    ) -> (Shown, String) {
        let (query, mut asked) =
            model::random_scope(random, &[&REPOSITORIES[..], &MISSING].concat());
        let in_force = self.guarded.policy.current();
        if now {
            asked.bound_by(rules, user);
        } else {
            self.guarded.policy.replace(self.everything.clone());
        }
        let login = basic(user, PASSWORD);
        let credentials = Credentials::parse(login.as_bytes()).expect("credentials");
        let peer = TokenPeer {
            credentials: (!user.is_empty()).then_some(&credentials),
            address: None,
            now: UnixTime::now(),
        };
        let request = TokenRequest::from_query(&query).expect("a request");
        let issued = self.guarded.service.issue(&request, peer).await;
        let issued = issued.expect("a token");
        self.guarded.policy.replace(Rules::clone(&in_force));
        let granted: Vec<_> = issued.scopes.iter().map(ToString::to_string).collect();
        assert_eq!(
            granted,
            asked.granted(),
            "{user}: {query}\n{}",
            rules.to_toml()
        );
        (Shown::Token(asked), issued.token.expose().clone())
    }

    async fn ask(&mut self, at: &At<'_>, method: &str, uri: &str, body: &str) -> Answer {
        self.compared += 1;
        let mut headers = vec![("content-type", MANIFEST)];
        headers.extend(at.login.map(|login| ("authorization", login)));
        let request = request(method, uri, &headers, body.to_owned());
        match at.caller.shown {
            Shown::Basic => send(&self.basic, request).await,
            Shown::NoToken | Shown::Token(_) => send(&self.guarded.app, request).await,
        }
    }

    /// `/v2/`, and all pages of the catalog.
    async fn check_lists(&mut self, at: &At<'_>, random: &mut Random) {
        let method = *random.pick(&["GET", "HEAD"]);
        let answer = self.ask(at, method, "/v2/", "").await;
        match at.caller.may_ping() {
            true => assert_eq!(answer.status, 200, "{method} /v2/ {}", at.context),
            false => challenged(at, method, &answer, ""),
        }
        let n = 1 + random.below(4);
        let head = self
            .ask(at, "HEAD", &format!("/v2/_catalog?n={n}"), "")
            .await;
        let first = format!("/v2/_catalog?n={n}");
        if !at.caller.may_list(at.rules) {
            let answer = self.ask(at, "GET", &first, "").await;
            challenged(at, "GET", &answer, r#",scope="registry:catalog:*""#);
            return challenged(at, "HEAD", &head, r#",scope="registry:catalog:*""#);
        }
        assert_eq!(head.status, 200);
        let mut expected = self.content.names(&self.guarded.world).await;
        expected.retain(|name| at.rules.rights(at.caller.user, name).contains("pull"));
        let mut found = Vec::new();
        let mut next = Some(first);
        while let Some(uri) = next {
            let answer = self.ask(at, "GET", &uri, "").await;
            let (names, link) = page(&answer);
            assert!(
                names.len() <= n && found.len() <= expected.len(),
                "{}",
                at.context
            );
            found.extend(names);
            next = link;
        }
        assert_eq!(found, expected, "the catalog by {n}; {}", at.context);
    }

    async fn check_requests(&mut self, at: &At<'_>, random: &mut Random) {
        let missing = random.below(8) == 0;
        let target = match missing {
            true => *random.pick(&MISSING),
            false => *random.pick(&REPOSITORIES),
        };
        let mut others = REPOSITORIES.to_vec();
        others.retain(|name| *name != target);
        let other = *random.pick(&others);
        let mut asks = requests::all(&self.content, target, other);
        for _ in 0..REQUESTS {
            let ask = random.pick(&asks);
            let told = at.caller.told(at.rules, target, ask.need);
            let writes = !matches!(ask.done, Done::AsWithoutRules);
            if missing && writes && matches!(told, Told::Do(_)) {
                continue; // It would be there then.
            }
            self.check_request(at, target, ask, &told).await;
            if matches!(ask.undo, Undo::Session) {
                // It may have another name.
                asks = requests::all(&self.content, target, other);
            }
        }
        let world = &self.guarded.world;
        for name in [target, other]
            .iter()
            .filter(|name| !MISSING.contains(name))
        {
            let changed = self.content.changed(world, name).await;
            assert_eq!(changed, None, "{name} {}", at.context);
        }
    }

    async fn check_request(&mut self, at: &At<'_>, target: &str, ask: &Ask, told: &Told) {
        let Ask { method, uri, .. } = ask;
        let oracle = match (told, &ask.done) {
            (Told::Do(_), Done::AsWithoutRules) => {
                let request = request(method, uri, &[], "");
                Some(send(&self.guarded.world.app, request).await)
            }
            _ => None,
        };
        let answer = self.ask(at, method, uri, &ask.body).await;
        let found = (answer.status.as_u16(), code(&answer));
        let refused =
            |status, code: &str| (status, if *method == "HEAD" { "" } else { code }.to_owned());
        let expected = match told {
            Told::LogIn => {
                let actions = ask.need.scope_actions();
                let scope = format!(r#",scope="repository:{target}:{actions}""#);
                return challenged(at, &format!("{method} {uri}"), &answer, &scope);
            }
            Told::Hidden => refused(404, "NAME_UNKNOWN"),
            Told::Denied => refused(403, "DENIED"),
            Told::Do(rights) => match &ask.done {
                Done::AsWithoutRules => {
                    let oracle = oracle.as_ref().expect("it was asked");
                    assert_eq!(answer.body, oracle.body, "{method} {uri} {}", at.context);
                    (oracle.status.as_u16(), code(oracle))
                }
                Done::Answers(status, code) => refused(*status, code),
                Done::Moves if rights.contains("overwrite") => (201, String::new()),
                Done::Moves => refused(403, "DENIED"),
                Done::Mounts { from, named } => {
                    match at.rules.reaches(at.caller.user, from, *named) {
                        Some(true) => (201, String::new()),
                        Some(false) => (202, String::new()),
                        None => found.clone(),
                    }
                }
            },
        };
        assert_eq!(
            found, expected,
            "{method} {uri} told {told:?}; {}",
            at.context
        );
        if answer.status.is_success() {
            self.content.undo(&self.guarded.world, ask, &answer).await;
        }
    }
}

/// The answer is a 401 with the one challenge that fits.
fn challenged(at: &At<'_>, name: &str, answer: &Answer, scope: &str) {
    let context = at.context;
    assert_eq!(answer.status, 401, "{name} {context}");
    let expected = match (&at.caller.shown, scope) {
        (Shown::Basic, _) => BASIC.to_owned(),
        (Shown::NoToken, scope) => format!("{BEARER}{scope}"),
        (Shown::Token(_), scope) => format!(r#"{BEARER}{scope},error="insufficient_scope""#),
    };
    let found: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(found, [&*expected], "{name} {context}");
}

/// The names on a page of the catalog, and where the next one is.
fn page(answer: &Answer) -> (Vec<String>, Option<String>) {
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let document: BTreeMap<String, Vec<String>> = serde_json::from_slice::<Value>(&answer.body)
        .and_then(serde_json::from_value)
        .expect("a catalog");
    let link = answer.header("link").strip_prefix('<');
    let next = link.and_then(|link| link.split_once('>'));
    let names = document["repositories"].clone();
    (names, next.map(|(next, _)| next.to_owned()))
}
