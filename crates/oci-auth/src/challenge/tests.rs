//! Challenges as clients read them.

use proptest::prelude::*;

use super::*;
use crate::scope::tests::any_scope;

fn quotable(text: &str) -> Quotable {
    text.parse().unwrap()
}

fn bearer(scopes: &[&str], error: Option<BearerError>) -> Challenge {
    Challenge::Bearer {
        realm: quotable("https://registry.example/token"),
        service: quotable("registry.example"),
        scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
        error,
    }
}

#[test]
fn challenges_have_the_form_that_clients_know() {
    let realm = quotable(r#"the "best" \ registry"#);
    for (challenge, text) in [
        (
            Challenge::Basic { realm },
            r#"Basic realm="the \"best\" \\ registry""#,
        ),
        (
            bearer(&[], None),
            r#"Bearer realm="https://registry.example/token",service="registry.example""#,
        ),
        (
            bearer(
                &["repository:a/b:pull,push", "repository:c:pull"],
                Some(BearerError::InsufficientScope),
            ),
            r#"Bearer realm="https://registry.example/token",service="registry.example",scope="repository:a/b:pull,push repository:c:pull",error="insufficient_scope""#,
        ),
        (
            bearer(&["registry:catalog:*"], Some(BearerError::InvalidToken)),
            r#"Bearer realm="https://registry.example/token",service="registry.example",scope="registry:catalog:*",error="invalid_token""#,
        ),
    ] {
        assert_eq!(challenge.to_string(), text);
        assert_eq!(text.parse(), Ok(challenge));
    }
}

#[test]
fn a_scheme_makes_its_challenges() {
    let scopes = || vec!["repository:a:pull".parse().unwrap()];
    let error = Some(BearerError::InvalidToken);
    let basic = LoginScheme::Basic {
        realm: quotable("r"),
    };
    assert_eq!(
        basic.challenge(scopes(), error).to_string(),
        "Basic realm=\"r\""
    );
    let scheme = LoginScheme::Bearer {
        realm: quotable("https://registry.example/token"),
        service: quotable("registry.example"),
    };
    assert_eq!(
        scheme.challenge(scopes(), error),
        bearer(&["repository:a:pull"], error)
    );
}

#[test]
fn challenges_of_others_are_read() {
    let expected = Ok(bearer(&["repository:a:pull"], None));
    for text in [
        r#"bearer  scope="repository:a:pull" , service=registry.example, realm="https://registry.example/token""#,
        r#"Bearer realm="https://registry.example/token",service="registry.example",scope="repository:a:pull",error="unheard_of",x=y"#,
    ] {
        assert_eq!(text.parse(), expected, "{text}");
    }
}

#[test]
fn what_is_no_challenge_is_refused() {
    for (text, error) in [
        ("", ChallengeError::Syntax),
        ("Basic", ChallengeError::Syntax),
        ("Negotiate abc=d", ChallengeError::Scheme),
        ("Basic realm", ChallengeError::Syntax),
        ("Basic realm=", ChallengeError::Syntax),
        ("Basic realm=\"a", ChallengeError::Syntax),
        ("Basic realm=\"a\\", ChallengeError::Syntax),
        ("Basic realm=\"a\"b", ChallengeError::Syntax),
        (
            "Basic realm=\"a\", Bearer realm=\"b\"",
            ChallengeError::Syntax,
        ),
        ("Basic realm=a,realm=b", ChallengeError::Repeated),
        ("Basic x=y", ChallengeError::Missing { name: "realm" }),
        (
            "Bearer realm=a",
            ChallengeError::Missing { name: "service" },
        ),
        (
            "Bearer realm=a,service=\"\u{e9}\"",
            ChallengeError::Value(QuotableError),
        ),
        (
            "Bearer realm=a,service=b,scope=c",
            ChallengeError::Scope(ScopeError::Parts),
        ),
    ] {
        assert_eq!(text.parse::<Challenge>(), Err(error), "{text:?}");
    }
}

#[test]
fn no_header_is_smuggled_in() {
    for text in ["a\r\nSet-Cookie: b", "a\nb", "\0", "é", &"a".repeat(1025)] {
        assert_eq!(text.parse::<Quotable>(), Err(QuotableError), "{text:?}");
    }
}

proptest! {
    #[test]
    fn challenges_print_as_they_parse(
        realm in "[ -~]{0,40}",
        service in "[ -~]{0,40}",
        scopes in prop::collection::vec(any_scope(), 0..4),
        error in prop::option::of(prop::sample::select(&BearerError::ALL[..])),
    ) {
        let (realm, service) = (quotable(&realm), quotable(&service));
        for challenge in [
            Challenge::Basic { realm: realm.clone() },
            Challenge::Bearer { realm, service, scopes, error },
        ] {
            let text = challenge.to_string();
            prop_assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert_eq!(text.parse(), Ok(challenge));
        }
    }

    #[test]
    fn parsing_is_total(text in r#"(Basic |Bearer )?[ -~é]{0,60}"#) {
        let _ = text.parse::<Challenge>();
    }
}
