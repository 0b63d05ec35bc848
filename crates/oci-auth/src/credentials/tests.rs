//! Headers as clients write them.

use proptest::prelude::*;

use super::*;

fn parse(header: &str) -> Result<Credentials, CredentialsError> {
    Credentials::parse(header.as_bytes())
}

#[test]
fn names_and_passwords_are_read() {
    for (header, user, password) in [
        ("Basic YWxpY2U6c2VjcmV0", "alice", "secret"),
        ("basic YWxpY2U6c2VjcmV0", "alice", "secret"),
        ("BASIC   YWxpY2U6c2VjcmV0 ", "alice", "secret"),
        ("Basic YWxpY2U6YTpi", "alice", "a:b"),
        ("Basic YWxpY2U6", "alice", ""),
        ("Basic Og==", "", ""),
        ("Basic Og", "", ""),
        ("Basic dGVzdDoxMjPCow==", "test", "123\u{a3}"),
    ] {
        let Ok(Credentials::Basic(login)) = parse(header) else {
            panic!("{header} is not read");
        };
        assert_eq!(login.user, user, "{header}");
        assert_eq!(login.password.expose(), password, "{header}");
    }
}

#[test]
fn tokens_are_read() {
    for (header, token) in [
        ("Bearer abc.def-_~+/=", "abc.def-_~+/="),
        ("bearer  abc", "abc"),
    ] {
        let Ok(Credentials::Bearer(found)) = parse(header) else {
            panic!("{header} is not read");
        };
        assert_eq!(found.expose(), token);
    }
}

#[test]
fn everything_else_is_refused() {
    let long = format!("Bearer {}", "a".repeat(Credentials::MAX_LEN));
    for (header, error) in [
        ("", CredentialsError::Scheme),
        ("Basic", CredentialsError::Scheme),
        ("Bearer", CredentialsError::Scheme),
        ("Digest a=b", CredentialsError::Scheme),
        ("Basic !", CredentialsError::Basic),
        ("Basic YWxpY2U", CredentialsError::Basic),
        // "alice\0:secret", "alice:sec\nret", and bytes that are not UTF-8.
        ("Basic YWxpY2UAOnNlY3JldA==", CredentialsError::Basic),
        ("Basic YWxpY2U6c2VjCnJldA==", CredentialsError::Basic),
        ("Basic /zo=", CredentialsError::Basic),
        ("Bearer a b", CredentialsError::Bearer),
        ("Bearer a,b", CredentialsError::Bearer),
        ("Bearer =", CredentialsError::Bearer),
        (&long, CredentialsError::TooLong),
    ] {
        assert_eq!(parse(header).err(), Some(error), "{header:?}");
    }
    let not_utf8 = Credentials::parse(b"Basic \xff");
    assert_eq!(not_utf8.err(), Some(CredentialsError::Scheme));
}

#[test]
fn nothing_secret_is_printed() {
    for header in ["Basic Y2FuYXJ5OmNhbmFyeQ==", "Bearer canary"] {
        let credentials = parse(header).unwrap();
        let printed = format!("{credentials:?} {credentials:#?}");
        assert!(!printed.contains("canary"), "{printed}");
    }
}

proptest! {
    #[test]
    fn parsing_is_total(header in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Credentials::parse(&header);
        let _ = Credentials::parse(&[b"Basic ", &header[..]].concat());
        let _ = Credentials::parse(&[b"Bearer ", &header[..]].concat());
    }

    #[test]
    fn what_is_encoded_is_read(user in "[^:\\pC]{0,20}", password in "[^\\pC]{0,80}") {
        let header = format!("Basic {}", BASE64.encode(format!("{user}:{password}")));
        let Ok(Credentials::Basic(login)) = parse(&header) else {
            return Err(TestCaseError::fail("it is refused"));
        };
        prop_assert_eq!(login.user, user);
        prop_assert_eq!(login.password.expose(), &password);
    }
}
