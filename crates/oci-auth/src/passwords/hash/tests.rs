//! Hashes that other programs have made.

use super::*;

fn check(hash: &str, password: &str) -> Checked {
    PasswordHash::parse(hash).unwrap().check(password)
}

#[test]
fn hashes_of_other_programs_are_known() {
    for (hash, password) in [
        // crypt_blowfish's and jBCrypt's own tests.
        (
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "U*U",
        ),
        (
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
            "U*U*",
        ),
        (
            "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a",
            "U*U*U",
        ),
        (
            "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
            "a",
        ),
        (
            "$2a$08$aTsUwsyowQuzRrDqFflhgekJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz.",
            "abcdefghijklmnopqrstuvwxyz",
        ),
        // libxcrypt's crypt(3).
        (
            "$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.",
            "hunter2",
        ),
        (
            "$2b$04$abcdefghijklmnopqrstuuyx2n0Zzopyr9QuYTMCfOJJOj526QVoC",
            "p\u{e4}ssw\u{f6}rd",
        ),
        (
            "$2y$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe",
            &"a".repeat(72),
        ),
        // The reference implementation's own tests.
        (
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "password",
        ),
        (
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            "password",
        ),
    ] {
        assert_eq!(check(hash, password), Checked::Right, "{hash}");
        assert_eq!(check(hash, "other"), Checked::Wrong, "{hash}");
    }
}

#[test]
fn bcrypt_sees_the_whole_password_or_refuses_it() {
    let hash = "$2y$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe";
    assert_eq!(check(hash, &"a".repeat(73)), Checked::Impossible);
    assert_eq!(check(hash, &"a".repeat(71)), Checked::Wrong);
    // To bcrypt, a password that goes on after a NUL with itself is the same one.
    let hash = "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";
    assert_eq!(check(hash, "a\0a"), Checked::Impossible);
}

#[test]
fn hashes_that_cannot_be_used_are_named() {
    let memory =
        "$argon2id$v=19$m=2097152,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let passes =
        "$argon2id$v=19$m=65536,t=1024,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    for (hash, error) in [
        ("", HashError::Unsupported),
        ("secret", HashError::Unsupported),
        (
            "$apr1$/Lz2PmPu$kfJZM9ZEZqIxJ7/cBSkBe/",
            HashError::Unsupported,
        ),
        ("{SHA}EfatjsUqKYTHqGMNdWAUxCw7bdQ=", HashError::Unsupported),
        (
            "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
            HashError::Unsupported,
        ),
        (
            "$2x$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.",
            HashError::Unsupported,
        ),
        ("$2y$05$abc", HashError::Bcrypt),
        (
            "$2y$03$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.",
            HashError::Bcrypt,
        ),
        (
            "$2y$32$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.",
            HashError::Bcrypt,
        ),
        (
            "$2y$17$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.",
            HashError::TooCostly,
        ),
        (
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
            HashError::Argon2,
        ),
        (
            "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            HashError::Argon2,
        ),
        (
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uI",
            HashError::Argon2,
        ),
        ("$argon2id$nonsense", HashError::Argon2),
        (memory, HashError::TooCostly),
        (passes, HashError::TooCostly),
    ] {
        assert_eq!(PasswordHash::parse(hash).err(), Some(error), "{hash}");
    }
}

#[test]
fn what_is_hashed_is_known_again() {
    let password = Secret::from(
        "correct horse battery staple, and then some more than bcrypt would see of it",
    );
    let (one, two) = (
        hash_password(&password).unwrap(),
        hash_password(&password).unwrap(),
    );
    assert_ne!(one, two, "each has a salt of its own");
    assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
    assert_eq!(check(&one, password.expose()), Checked::Right);
    assert_eq!(check(&one, &password.expose()[1..]), Checked::Wrong);
    for bad in ["", "a\nb", "a\0", &"a".repeat(1025)] {
        assert_eq!(hash_password(&Secret::from(bad)), Err(HashError::Password));
    }
}

#[test]
fn hashes_are_not_printed() {
    let text = "$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.";
    let printed = format!("{:?}", PasswordHash::parse(text).unwrap());
    assert_eq!(printed, "PasswordHash(Bcrypt(5))");
}
