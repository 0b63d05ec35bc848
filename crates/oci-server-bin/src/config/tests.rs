//! Settings, their errors, and their reference.

use std::path::Path;

use super::keys::KEYS;
use super::{BlobsUrl, Config, ConfigError, ConfigErrors, MetadataUrl, RawConfig, resolve};
use crate::cli::ServeArgs;

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    resolve::resolve(
        ServeArgs::default(),
        RawConfig::parse(text, Path::new("x.toml"))?,
    )
}

fn sqlite(config: &Config) -> Option<&Path> {
    match &config.metadata {
        MetadataUrl::Sqlite(path) => Some(path),
        MetadataUrl::Postgres(_) | MetadataUrl::Memory => None,
    }
}

#[test]
fn nothing_at_all_is_enough() {
    let config = parse("").unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:5000");
    assert_eq!(sqlite(&config), Some("./oci-data/registry.db".as_ref()));
    assert_eq!(config.blobs, BlobsUrl::File("./oci-data".into()));
}

#[test]
fn flags_beat_the_file() {
    let raw = RawConfig::parse("listen = '127.0.0.1:1'\ndata_dir = '/a'", Path::new("x")).unwrap();
    let args = ServeArgs {
        listen: Some("127.0.0.1:2".into()),
        ..ServeArgs::default()
    };
    let config = resolve::resolve(args, raw).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.blobs, BlobsUrl::File("/a".into()));
}

#[test]
fn unknown_keys_are_named_with_the_nearest_known_one() {
    for (text, key, nearest) in [
        ("lisen = ''", "lisen", Some("listen")),
        (
            "http.page_sise = 1",
            "http.page_sise",
            Some("http.page_size"),
        ),
        ("[uplods]\nx = 1", "uplods", None),
        (
            "[[immutable]]\nrepo = []",
            "immutable[].repo",
            Some("immutable[].repos"),
        ),
        (
            "zzzzzzzzzzzzzzzzzzzzzzz = 1",
            "zzzzzzzzzzzzzzzzzzzzzzz",
            None,
        ),
    ] {
        let errors = parse(text).expect_err(text);
        let errors: Vec<_> = errors.iter().collect();
        let [
            ConfigError::UnknownKey {
                key: found,
                nearest: said,
                ..
            },
        ] = errors[..]
        else {
            panic!("{text}: {errors:?}");
        };
        assert_eq!(found, key);
        if nearest.is_some() || key.starts_with('z') {
            assert_eq!(said.as_deref(), nearest, "{text}");
        }
    }
}

#[test]
fn wrong_values_are_refused_with_a_reason() {
    for (text, expected) in [
        ("listen = 'nowhere'", "127.0.0.1:5000"),
        ("metadata = 'mysql://x'", "sqlite:PATH"),
        ("blobs = 'ftp://x'", "file:DIR"),
        ("http.page_size = 0", "at least 1"),
        ("http.max_streams = 0", "at least 1"),
        ("http.max_connections_per_address = 0", "at least 1"),
        ("http.max_header_size = '1KiB'", "at least 4KiB"),
        ("tls.cert = 'a.pem'", "tls.key is not"),
        ("tls.key = 'a.pem'", "tls.cert is not"),
        ("http.drain_timeout = 'soon'", "not a duration"),
        ("http.page_size = 'many'", "invalid type"),
        ("listen = '0.0.0.0:5000'", "--allow-unauthenticated"),
        ("listen = '[::]:5000'", "--allow-unauthenticated"),
        (
            "immutable = [{repos = ['A'], tags = []}]",
            "no repository matches",
        ),
        (
            "immutable = [{repos = ['a'], tags = ['v?']}]",
            "no name has the character",
        ),
        ("listen = ", "x.toml"),
    ] {
        let error = parse(text).expect_err(text);
        let said = crate::chain(&error);
        assert!(said.contains(expected), "{text}: {said}");
    }
    assert!(parse("listen = '0.0.0.0:0'\nallow_unauthenticated = true").is_ok());
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let names = |text: &str| -> Vec<_> {
        let errors = parse(text).expect_err(text);
        errors.iter().map(ConfigError::name).collect()
    };
    assert_eq!(names("lisen = 1\nbolbs = 2"), ["unknown-key"; 2]);
    let text = "listen = '0.0.0.0:5000'\nblobs = 'ftp://x'\ntls.cert = 'x'\n\
                immutable = [{repos = [], tags = ['v*']}]\naudit.max_size = '1KiB'";
    let all = [
        "unauthenticated",
        "invalid-value",
        "rule-never-matches",
        "invalid-value",
        "certificate-without-key",
    ];
    assert_eq!(names(text), all);
}

#[test]
fn urls_take_relative_and_absolute_paths() {
    for (url, path) in [
        ("sqlite:a/b.db", "a/b.db"),
        ("sqlite:/a/b.db", "/a/b.db"),
        ("sqlite:///a/b.db", "/a/b.db"),
    ] {
        let config = parse(&format!("metadata = '{url}'")).unwrap();
        assert_eq!(sqlite(&config), Some(path.as_ref()));
    }
    let config = parse("metadata = 'memory:'\nblobs = 'memory:'").unwrap();
    assert!(matches!(config.metadata, MetadataUrl::Memory));
    assert_eq!(config.blobs, BlobsUrl::Memory);
    assert!(config.registry.sole_owner);
    let config = parse("metadata = 'postgres://u:hush@h/d'\nblobs = 's3://bucket/prefix'").unwrap();
    assert!(matches!(config.metadata, MetadataUrl::Postgres(_)));
    assert_eq!(config.blobs, BlobsUrl::Object("s3://bucket/prefix".into()));
    assert!(!config.registry.sole_owner, "others may share the database");
    assert!(!format!("{config:?}").contains("hush"));
}

/// Each key with its default, written as a file, is a file that changes nothing.
#[test]
fn every_known_key_is_read() {
    let defaults = KEYS.iter().filter(|key| !key.default.is_empty());
    let text: String = defaults
        .map(|key| {
            format!(
                "{} = {}\n",
                key.name,
                key.default.replace("DATA_DIR", "./oci-data")
            )
        })
        .collect();
    let written = parse(&text).unwrap();
    assert_eq!(format!("{written:?}"), format!("{:?}", parse("").unwrap()));
    let others = "uploads.max_blob_size = '1GiB'\nmetrics.listen = '127.0.0.1:1'\n\
                  tls.cert = 'cert.pem'\ntls.key = 'key.pem'\n\
                  [[immutable]]\nrepos = ['**', 'a/**', 'b']\ntags = ['v*']\n";
    parse(others).unwrap();
}

/// The reference lists exactly the keys there are, with their defaults.
#[test]
fn the_reference_is_complete() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: Vec<_> = rows
        .filter_map(|row| {
            let (name, rest) = row.split_once("` | ")?;
            let (default, _) = rest.split_once(" | ")?;
            Some((name.to_owned(), default.trim_matches('`').to_owned()))
        })
        .filter(|(name, _)| !name.starts_with("--"))
        .collect();
    let known: Vec<_> = KEYS
        .iter()
        .map(|key| {
            let default = if key.default.is_empty() {
                "none"
            } else {
                key.default
            };
            (key.name.to_owned(), default.to_owned())
        })
        .collect();
    assert_eq!(documented, known);
}
