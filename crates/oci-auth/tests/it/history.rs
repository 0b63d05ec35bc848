//! What happened to other registries, as far as it is a matter of this crate, and that it does
//! not happen here. Advisories are named where there are any.

use oci_auth::{
    Access, Action, Attempt, AuthError, Authenticator, BasicAuthenticator, Caller, Credentials,
    Groups, Htpasswd, Identity, Need, Policy, Secret, TokenRejection, Verdict, authorize,
};
use serde_json::json;

use crate::support::*;

async fn rejected(world: &World, token: &Secret<String>) -> TokenRejection {
    match world.who_is(token, NOW).await {
        Err(AuthError::Token(rejection)) => rejection,
        other => panic!("{other:?}"),
    }
}

/// CVE-2025-24976: the key was taken from the token.
#[tokio::test]
async fn a_token_cannot_bring_its_key() {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    let world = world().await;
    let real = world.alices("repository:own/a:*").await;
    let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    let x = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        pair.public_key(),
    );
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": header(&real)["kid"]});
    for (member, value) in [
        ("jwk", jwk),
        ("x5c", json!(["MIIB"])),
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("x5u", json!("http://127.0.0.1:1/chain")),
    ] {
        let mut header = header(&real);
        header[member] = value;
        let forged = sign(&header, &claims(&real), &pair);
        assert_eq!(
            rejected(&world, &forged).await,
            TokenRejection::EmbeddedKey,
            "{member}"
        );
    }
    let forged = sign(&header(&real), &claims(&real), &pair);
    assert_eq!(rejected(&world, &forged).await, TokenRejection::Signature);
}

/// CVE-2025-30204: splitting a token at its dots took memory for each of them.
#[tokio::test]
async fn a_megabyte_of_dots_is_refused_unread() {
    let world = world().await;
    let dots = Secret::new(".".repeat(1024 * 1024));
    assert_eq!(rejected(&world, &dots).await, TokenRejection::TooLong);
    let header = [b"Bearer ".as_slice(), dots.expose().as_bytes()].concat();
    assert!(Credentials::parse(&header).is_err());
}

/// GHSA-qg67-7m6v-qg25: who could push could delete.
#[tokio::test]
async fn pushing_does_not_delete() {
    let world = world().await;
    let push = world.alices("repository:own/a:pull,push").await;
    assert_eq!(world.told(&push, Access::Write, "own/a").await, "allowed");
    assert_eq!(world.told(&push, Access::Delete, "own/a").await, "401");
    let all = world.alices("repository:team/a:*").await;
    assert_eq!(world.told(&all, Access::Write, "team/a").await, "allowed");
    assert_eq!(world.told(&all, Access::Delete, "team/a").await, "401");
}

/// CVE-2026-31801: who could create could overwrite.
#[tokio::test]
async fn creating_does_not_overwrite() {
    let world = world().await;
    for (repository, overwrites) in [("team/a", false), ("own/a", true)] {
        let token = world
            .alices(&format!("repository:{repository}:pull,push"))
            .await;
        let caller = world.who_is(&token, NOW).await.unwrap();
        let name = repository.parse().unwrap();
        let need = Need::Repository {
            name: &name,
            access: Access::Write,
        };
        let verdict = authorize(&*world.policy, &caller, need).await.unwrap();
        let Verdict::Allowed(rights) = verdict else {
            panic!("{verdict:?}");
        };
        assert_eq!(
            rights.contains(Action::Overwrite),
            overwrites,
            "{repository}"
        );
    }
}

/// CVE-2024-39897, CVE-2026-35172: a blob of another repository could be had through a mount.
#[tokio::test]
async fn a_mount_takes_nothing_that_may_not_be_pulled() {
    let world = world().await;
    let token = world
        .alices("repository:own/a:pull,push repository:secret/a:pull")
        .await;
    let caller = world.who_is(&token, NOW).await.unwrap();
    for (source, allowed) in [("own/b", true), ("public/a", true), ("secret/a", false)] {
        let name = source.parse().unwrap();
        assert_eq!(
            caller.may_mount_from(&*world.policy, &name).await.unwrap(),
            allowed
        );
        let anywhere = caller.mount_scope(&*world.policy).await.unwrap();
        assert_eq!(anywhere.narrowed().contains(&name), allowed);
    }
}

/// CVE-2026-27771, CVE-2020-29662: private content and the catalog without a login.
#[tokio::test]
async fn nobody_sees_nothing_private() {
    let world = world().await;
    let nobody = Caller::unbounded(Identity::Anonymous);
    for access in [Access::Read, Access::Probe, Access::Write, Access::Delete] {
        for repository in ["team/a", "own/a", "missing/a"] {
            assert_eq!(
                world.verdict(&nobody, access, repository).await,
                "401",
                "{access:?}"
            );
        }
    }
    let catalog = nobody.catalog_scope(&*world.policy).await.unwrap();
    assert!(catalog.contains(&"public/a".parse().unwrap()));
    assert!(!catalog.cover().contains(&"team/a".parse().unwrap()));
}

/// CVE-2025-23208, CVE-2026-6515: what was revoked stayed good.
#[tokio::test]
async fn revocation_holds_from_the_next_request_on() {
    let world = world().await;
    let own = world.alices("repository:own/a:*").await;
    let team = world.alices("repository:team/a:*").await;
    for token in [&own, &team] {
        assert!(world.who_is(token, NOW).await.is_ok());
    }
    assert_eq!(world.told(&team, Access::Read, "team/a").await, "allowed");

    world.groups.replace(Groups::default());
    assert_eq!(
        world.told(&team, Access::Read, "team/a").await,
        "404",
        "the group"
    );

    world
        .policy
        .replace(rules(&RULES.replace("user:alice", "user:carol")));
    assert_eq!(
        world.told(&own, Access::Read, "own/a").await,
        "404",
        "the rule"
    );
    world.policy.replace(rules(RULES));
    assert_eq!(world.told(&own, Access::Read, "own/a").await, "allowed");

    world
        .users
        .replace(Htpasswd::parse(&BOB.replace("bob", "alice")).unwrap());
    assert_eq!(
        world.told(&own, Access::Read, "own/a").await,
        "invalid",
        "the password"
    );
    world.users.replace(Htpasswd::parse(BOB).unwrap());
    assert_eq!(
        world.told(&own, Access::Read, "own/a").await,
        "invalid",
        "the user"
    );
}

/// The same for passwords, which are remembered.
#[tokio::test]
async fn revocation_holds_for_remembered_passwords() {
    let world = world().await;
    let basic_auth = BasicAuthenticator::new(world.accounts.clone());
    let credentials = basic("alice", "secret");
    let ask = || {
        let attempt = Attempt {
            credentials: Some(&credentials),
            address: None,
            now: NOW,
        };
        basic_auth.authenticate(attempt)
    };
    let caller = ask().await.unwrap();
    assert_eq!(
        world.verdict(&caller, Access::Read, "team/a").await,
        "allowed"
    );
    world.groups.replace(Groups::default());
    let caller = ask().await.unwrap();
    assert_eq!(world.verdict(&caller, Access::Read, "team/a").await, "404");
    world.users.replace(Htpasswd::parse(BOB).unwrap());
    assert!(matches!(ask().await, Err(AuthError::Password)));
}

/// CVE-2025-68944, CVE-2023-49947: a token for reading could push.
#[tokio::test]
async fn a_token_for_reading_does_not_push() {
    let world = world().await;
    let token = world.alices("repository:own/a:pull").await;
    for access in [Access::Write, Access::Delete] {
        assert_eq!(world.told(&token, access, "own/a").await, "401");
    }
}

/// CVE-2026-44428: a token for another service was taken.
#[tokio::test]
async fn a_token_for_another_service_is_refused() {
    let world = world().await;
    let mut claims = claims(&world.alices("repository:own/a:*").await);
    for audience in [
        json!("other.example"),
        json!(["other.example"]),
        json!("REGISTRY.example"),
    ] {
        claims["aud"] = audience;
        let token = world.signed(&claims).await;
        assert_eq!(rejected(&world, &token).await, TokenRejection::Audience);
    }
}

/// CVE-2023-20902, CVE-2019-19030: who exists could be told. The work of a failed login is
/// counted where it is done; here, that the answers are the same.
#[tokio::test]
async fn known_and_unknown_users_are_told_the_same() {
    let world = world().await;
    let mut answers = Vec::new();
    for user in ["alice", "nobody"] {
        let mut told = Vec::new();
        for attempt in 0..7 {
            let credentials = basic(user, &format!("guess-{attempt}"));
            let error = world.get("", Some(&credentials)).await.unwrap_err();
            told.push((error.to_string(), error.oauth_code()));
        }
        answers.push(told);
    }
    assert_eq!(answers[0], answers[1]);
    let hidden = Caller::unbounded(Identity::user(
        "bob".parse().unwrap(),
        std::collections::BTreeSet::new(),
    ));
    for access in [Access::Read, Access::Write, Access::Delete] {
        let exists = world.verdict(&hidden, access, "team/a").await;
        assert_eq!(exists, world.verdict(&hidden, access, "missing/a").await);
    }
}

/// CVE-2026-4404: there was a password to begin with.
#[tokio::test]
async fn nothing_is_granted_by_default() {
    let nothing = oci_auth::Rules::default();
    for identity in [
        Identity::Anonymous,
        Identity::user("admin".parse().unwrap(), std::collections::BTreeSet::new()),
    ] {
        let rights = Policy::rights(&nothing, &identity, &"a".parse().unwrap())
            .await
            .unwrap();
        assert!(rights.is_empty());
    }
    assert!(Htpasswd::default().users().is_empty());
}
