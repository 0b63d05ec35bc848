//! Requests as clients write them.

use proptest::prelude::*;

use super::*;

fn scopes(request: &TokenRequest) -> String {
    let texts: Vec<_> = request.scopes.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

fn grant(request: &TokenRequest) -> String {
    match &request.grant {
        GrantRequest::Header => "header".to_owned(),
        GrantRequest::Password(login) => format!("{}:{}", login.user, login.password.expose()),
        GrantRequest::Refresh(token) => format!("refresh {}", token.expose()),
    }
}

#[test]
fn queries_of_clients_are_read() {
    for (what, query, expected_scopes, offline, client) in [
        ("nothing", "", "", false, None),
        (
            "docker login",
            "account=alice&client_id=docker&offline_token=true&service=registry.example",
            "",
            true,
            Some("docker"),
        ),
        (
            "docker push",
            "account=alice&scope=repository%3Aa%2Fb%3Apush%2Cpull&service=registry.example",
            "repository:a/b:push,pull",
            false,
            None,
        ),
        (
            "a mount, repeated",
            "scope=repository:a:pull&scope=repository:b:pull,push&service=registry.example",
            "repository:a:pull repository:b:pull,push",
            false,
            None,
        ),
        (
            "oras, with spaces",
            "scope=repository%3Aa%3Apull+repository%3Aa%3Apull%2Cpush%20registry:catalog:*",
            "repository:a:pull,push registry:catalog:*",
            false,
            None,
        ),
        (
            "what is no scope",
            "scope=&scope=nonsense+repository:a:pull",
            "repository:a:pull",
            false,
            None,
        ),
        (
            "what is not known",
            "x=y&scope=repository:a:pull&x=z&account=a&account=b",
            "repository:a:pull",
            false,
            None,
        ),
        (
            "a port",
            "scope=repository:localhost:5000/a:pull",
            "repository:localhost:5000/a:pull",
            false,
            None,
        ),
        ("not offline", "offline_token=false", "", false, None),
    ] {
        let request = TokenRequest::from_query(query).unwrap();
        assert_eq!(scopes(&request), expected_scopes, "{what}");
        assert_eq!(request.offline, offline, "{what}");
        assert_eq!(request.client.as_deref(), client, "{what}");
        assert_eq!(grant(&request), "header", "{what}");
    }
}

#[test]
fn a_query_hands_over_no_password() {
    let query = "grant_type=password&username=alice&password=secret";
    let request = TokenRequest::from_query(query).unwrap();
    assert_eq!(grant(&request), "header");
}

#[test]
fn forms_of_clients_are_read() {
    for (what, form, expected_grant, expected_scopes, offline) in [
        (
            "containerd",
            "client_id=containerd-client&grant_type=password&password=p%26w+d&scope=repository%3Aa%3Apull&service=registry.example&username=alice",
            "alice:p&w d",
            "repository:a:pull",
            false,
        ),
        (
            "docker with a refresh token",
            "client_id=docker&grant_type=refresh_token&refresh_token=ocirt_x&scope=repository:a:pull+repository:b:pull&service=registry.example",
            "refresh ocirt_x",
            "repository:a:pull repository:b:pull",
            false,
        ),
        (
            "offline",
            "access_type=offline&grant_type=password&username=a&password=b",
            "a:b",
            "",
            true,
        ),
    ] {
        let request = TokenRequest::from_form(form.as_bytes()).unwrap();
        assert_eq!(grant(&request), expected_grant, "{what}");
        assert_eq!(scopes(&request), expected_scopes, "{what}");
        assert_eq!(request.offline, offline, "{what}");
    }
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let missing = |name| TokenRequestError::Missing { name };
    for (form, error) in [
        ("", missing("grant_type")),
        ("grant_type=password&username=a", missing("password")),
        ("grant_type=password&password=a", missing("username")),
        ("grant_type=refresh_token", missing("refresh_token")),
        (
            "grant_type=client_credentials",
            TokenRequestError::GrantType,
        ),
        (
            "grant_type=password&username=a&username=b&password=c",
            TokenRequestError::Repeated { name: "username" },
        ),
        (
            "grant_type=password&service=a&service=b",
            TokenRequestError::Repeated { name: "service" },
        ),
    ] {
        assert_eq!(
            TokenRequest::from_form(form.as_bytes()).unwrap_err(),
            error,
            "{form}"
        );
    }
    let many = format!("scope={}", "a ".repeat(101));
    assert_eq!(
        TokenRequest::from_query(&many).unwrap_err(),
        TokenRequestError::TooManyScopes
    );
    let many = "scope=repository:a:pull&".repeat(101);
    assert_eq!(
        TokenRequest::from_query(&many).unwrap_err(),
        TokenRequestError::TooManyScopes
    );
    let long = "a".repeat(64 * 1024 + 1);
    assert_eq!(
        TokenRequest::from_query(&long).unwrap_err(),
        TokenRequestError::TooLong
    );
    assert_eq!(
        TokenRequest::from_form(long.as_bytes()).unwrap_err(),
        TokenRequestError::TooLong
    );
    let codes = [TokenRequestError::GrantType, TokenRequestError::TooLong]
        .map(TokenRequestError::oauth_code);
    assert_eq!(codes, ["unsupported_grant_type", "invalid_request"]);
}

#[test]
fn long_names_of_clients_are_cut() {
    let query = format!("client_id={}", "%C3%A9".repeat(200));
    let client = TokenRequest::from_query(&query).unwrap().client.unwrap();
    assert_eq!(client, "\u{e9}".repeat(127));
}

#[test]
fn nothing_secret_is_printed() {
    for form in [
        "grant_type=password&username=canary&password=canary",
        "grant_type=refresh_token&refresh_token=canary",
    ] {
        let printed = format!("{:?}", TokenRequest::from_form(form.as_bytes()).unwrap());
        assert!(!printed.contains("canary"), "{printed}");
    }
}

proptest! {
    #[test]
    fn reading_is_total(form in prop::collection::vec(any::<u8>(), 0..200), query in ".{0,200}") {
        let _ = TokenRequest::from_form(&form);
        let _ = TokenRequest::from_form(&[b"grant_type=password&username=a&password=", &form[..]].concat());
        let _ = TokenRequest::from_query(&query);
    }
}
