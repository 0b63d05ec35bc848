//! Rules that every check in the list is held to.

use std::collections::HashSet;

use oci_conformance::checks;
use oci_conformance::level::Level;

#[test]
fn names_are_unique_and_fit_into_a_repository() {
    let mut seen = HashSet::new();
    for check in checks::all() {
        let name = check.name;
        assert!(seen.insert(name), "{name} is there twice");
        assert!(name.contains('.') && name.len() <= 60, "{name}");
        let parts = name.split(['.', '-']);
        let good = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        assert!(parts.clone().all(good), "{name} is not a repository's name");
    }
    assert!(seen.len() > 150);
}

#[test]
fn every_check_says_what_it_asks_and_why() {
    for check in checks::all() {
        let name = check.name;
        assert!(
            check.title.ends_with('.') && check.title.len() > 20,
            "{name}: {}",
            check.title
        );
        assert!(check.basis.len() > 5, "{name}");
        let binding = match check.level {
            Level::Must | Level::Should => true,
            Level::May | Level::Draft | Level::Client => false,
        };
        let outside = check.section.link().is_none();
        assert!(!(binding && outside), "{name} binds without a section");
    }
}

#[test]
fn every_level_and_section_has_checks() {
    for level in Level::ALL {
        assert!(checks::all().any(|check| check.level == level), "{level}");
    }
    for section in oci_conformance::section::ALL {
        assert!(
            checks::all().any(|check| check.section == *section),
            "{}",
            section.title
        );
    }
}
