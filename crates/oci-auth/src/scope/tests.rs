//! Scopes as clients write them, and that they print as they parse.

use proptest::prelude::*;

use super::*;

fn scope(text: &str) -> ResourceScope {
    text.parse().unwrap()
}

#[test]
fn what_clients_send_is_read() {
    for (text, kind, class, name, actions) in [
        (
            "repository:a/b:pull,push",
            "repository",
            None,
            "a/b",
            "pull push",
        ),
        ("repository:a:*", "repository", None, "a", "*"),
        ("registry:catalog:*", "registry", None, "catalog", "*"),
        (
            "repository(plugin):a:pull",
            "repository",
            Some("plugin"),
            "a",
            "pull",
        ),
        (
            "repository:localhost:5000/a:push,pull,delete",
            "repository",
            None,
            "localhost:5000/a",
            "push pull delete",
        ),
        ("repository:a:pull,pull", "repository", None, "a", "pull"),
        ("repository:a:", "repository", None, "a", ""),
        (
            "repository:a:metadata_read",
            "repository",
            None,
            "a",
            "metadata_read",
        ),
        ("aws:x:y", "aws", None, "x", "y"),
    ] {
        let scope = scope(text);
        assert_eq!(scope.kind().as_str(), kind, "{text}");
        assert_eq!(scope.class(), class, "{text}");
        assert_eq!(scope.name(), name, "{text}");
        let words: Vec<_> = scope.actions().iter().map(ScopeAction::as_str).collect();
        assert_eq!(words.join(" "), actions, "{text}");
    }
}

#[test]
fn what_is_no_scope_is_refused() {
    let long = format!("repository:{}:pull", "a".repeat(MAX_LEN));
    for (text, error) in [
        ("", ScopeError::Parts),
        ("repository", ScopeError::Parts),
        ("repository:a", ScopeError::Parts),
        ("Repository:a:pull", ScopeError::Type),
        (":a:pull", ScopeError::Type),
        ("repository(:a:pull", ScopeError::Type),
        ("repository():a:pull", ScopeError::Type),
        ("repository)(x):a:pull", ScopeError::Type),
        ("repository::pull", ScopeError::Name),
        ("repository:a b:pull", ScopeError::Name),
        ("repository:a\":pull", ScopeError::Name),
        ("repository:a\r\nX-Evil: 1:pull", ScopeError::Name),
        ("repository:a:pull push", ScopeError::Action),
        ("repository:a:pull;push", ScopeError::Action),
        (&long, ScopeError::TooLong),
    ] {
        assert_eq!(text.parse::<ResourceScope>(), Err(error), "{text:?}");
    }
}

#[test]
fn a_scope_is_about_one_repository() {
    let name: RepositoryName = "a/b".parse().unwrap();
    for (text, rights) in [
        ("repository:a/b:pull", "{Pull}"),
        ("repository:a/b:push", "{Push, Overwrite}"),
        ("repository:a/b:delete", "{Delete}"),
        ("repository:a/b:*", "{Pull, Push, Overwrite, Delete}"),
        ("repository(image):a/b:pull", "{Pull}"),
        ("repository:a/b:overwrite", "{}"),
        ("repository:a:pull", "{}"),
        ("repository:a/b/c:pull", "{}"),
        ("repository:host/a/b:pull", "{}"),
        ("registry:a/b:*", "{}"),
    ] {
        let rights_in = scope(text).rights_in(&name);
        assert_eq!(format!("{rights_in:?}"), rights, "{text}");
    }
}

#[test]
fn the_catalog_has_a_scope_of_its_own() {
    assert_eq!(ResourceScope::catalog(), scope("registry:catalog:*"));
    assert!(scope("registry:catalog:*").is_catalog());
    assert!(!scope("repository:catalog:*").is_catalog());
}

#[test]
fn a_repository_named_twice_is_one() {
    let scopes = [
        "repository:a:pull",
        "repository:b:pull",
        "repository:a:push,pull",
    ];
    let merged = merge_scopes(scopes.map(scope));
    let texts: Vec<_> = merged.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["repository:a:pull,push", "repository:b:pull"]);
}

pub(crate) fn any_scope() -> impl Strategy<Value = ResourceScope> {
    let pattern = r"(repository|registry|[a-z0-9_-]{1,8})(\([a-z0-9]{1,8}\))?:([a-z0-9./_-]{1,20}(:[0-9]{1,5}(/[a-z]{1,9})?)?|\*):((pull|push|delete|\*|[a-zA-Z-]{1,5})(,(pull|push|[a-z]{1,4})){0,3})?";
    pattern.prop_map(|text| scope(&text))
}

proptest! {
    #[test]
    fn scopes_print_as_they_parse(scope in any_scope()) {
        prop_assert_eq!(&scope.to_string().parse::<ResourceScope>().unwrap(), &scope);
    }

    #[test]
    fn parsing_is_total(text in ".{0,60}") {
        if let Ok(scope) = text.parse::<ResourceScope>() {
            prop_assert!(scope.to_string().is_ascii());
        }
    }
}
