//! Every key that the configuration file knows.

use toml::{Table, Value};

/// A key, what it is by default, and what it means.
pub(crate) struct Key {
    /// Dotted; `[]` follows the name of a list of tables, and `*` stands for any name.
    pub(crate) name: &'static str,
    /// As it would be written in the file; empty for none.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the reference is tested against it")
    )]
    pub(crate) default: &'static str,
}

const fn key(name: &'static str, default: &'static str) -> Key {
    Key { name, default }
}

/// All keys. The reference in docs/configuration.md is tested against this list.
pub(crate) const KEYS: &[Key] = &[
    key("listen", "\"127.0.0.1:5000\""),
    key("data_dir", "\"./oci-data\""),
    key("metadata", "\"sqlite:DATA_DIR/registry.db\""),
    key("blobs", "\"file:DATA_DIR\""),
    key("allow_unauthenticated", "false"),
    key("read_only", "false"),
    key("existence", "\"lax\""),
    key("public_url", ""),
    key("auth.scheme", "\"none\""),
    key("auth.htpasswd", ""),
    key("auth.groups", ""),
    key("auth.realm", "\"oci-server\""),
    key("auth.token_url", ""),
    key("auth.service", ""),
    key("auth.tokens.lifetime", "\"5m\""),
    key("auth.tokens.refresh_lifetime", "\"90days\""),
    key("auth.tokens.algorithm", "\"EdDSA\""),
    key("auth.tokens.rotate_after", "\"7days\""),
    key("auth.issuers[].name", ""),
    key("auth.issuers[].issuer", ""),
    key("auth.issuers[].audience", ""),
    key("auth.issuers[].keys", ""),
    key("auth.issuers[].ca", ""),
    key("access[].repos", ""),
    key("access[].who", ""),
    key("access[].allow", ""),
    key("access[].claims.*", ""),
    key("groups.*", ""),
    key("immutable[].repos", ""),
    key("immutable[].tags", ""),
    key("http.max_manifest_size", "\"4MiB\""),
    key("http.page_size", "1000"),
    key("http.max_page_size", "10000"),
    key("http.max_connections", "10000"),
    key("http.max_connections_per_address", "1000"),
    key("http.max_header_size", "\"32KiB\""),
    key("http.max_streams", "100"),
    key("http.trusted_proxies", "[]"),
    key("http.header_timeout", "\"30s\""),
    key("http.idle_timeout", "\"2m\""),
    key("http.body_idle_timeout", "\"60s\""),
    key("http.drain_timeout", "\"30s\""),
    key("tls.cert", ""),
    key("tls.key", ""),
    key("tls.handshake_timeout", "\"10s\""),
    key("uploads.max_sessions", "10000"),
    key("uploads.max_total_size", "\"1TiB\""),
    key("uploads.max_blob_size", ""),
    key("uploads.expire_after", "\"1day\""),
    key("collection.grace", "\"1day\""),
    key("collection.every", "\"60s\""),
    key("metrics.listen", ""),
    key("log.filter", "\"info\""),
    key("log.format", "\"text\""),
    key("audit.path", ""),
    key("audit.max_size", "\"100MiB\""),
    key("audit.keep", "10"),
    key("admin.socket", "\"DATA_DIR/admin.sock\""),
];

/// The keys of the file that are none of ours, and for each the one of ours that is most like it.
pub(crate) fn unknown(table: &Table) -> Vec<(String, Option<String>)> {
    let mut written = Vec::new();
    collect("", table, &mut written);
    let unknown = written.into_iter().filter(|name| !is_known(name));
    unknown
        .map(|name| {
            let nearest = nearest(&name);
            (name, nearest)
        })
        .collect()
}

fn nearest(unknown: &str) -> Option<String> {
    KEYS.iter()
        .map(|key| (strsim::damerau_levenshtein(key.name, unknown), key.name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().max(unknown.len()) / 2)
        .map(|(_, name)| name.to_owned())
}

/// What is said about an unknown key.
pub(crate) fn unknown_text(key: &str, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("unknown key `{key}`; did you mean `{nearest}`?"),
        None => format!("unknown key `{key}`; docs/configuration.md lists every key"),
    }
}

/// A key, or a table that has keys.
fn is_known(name: &str) -> bool {
    let matches = |key: &Key| match key.name.strip_suffix('*') {
        Some(table) if name.starts_with(table) => true,
        _ => key
            .name
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])),
    };
    KEYS.iter().any(matches)
}

/// The dotted names of everything in a table. What is below an unknown name is not looked at.
fn collect(prefix: &str, table: &Table, names: &mut Vec<String>) {
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        names.push(name.clone());
        if !is_known(&name) {
            continue;
        }
        match value {
            Value::Table(inner) => collect(&format!("{name}."), inner, names),
            Value::Array(items) => {
                for item in items {
                    if let Value::Table(inner) = item {
                        collect(&format!("{name}[]."), inner, names);
                    }
                }
            }
            _ => {}
        }
    }
}
