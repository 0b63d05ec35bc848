//! What is wrong or odd about the settings, by name.

use std::collections::BTreeSet;

use oci_auth::{FindingKind, Groups, KeySet, Known, ProviderName, UserName};

use super::Sources;
use super::jwks::JwksUrl;
use crate::config::{Config, KeysFrom, Ruleset, Scheme};
use crate::finding::Finding;

/// What is wrong or odd about the settings and the files that they name.
pub(crate) fn findings(config: &Config, sources: &Sources) -> Vec<Finding> {
    let users = sources.users().map(|users| users.current().users());
    let ruleset = sources.policies().current();
    let mut findings = rule_findings(&ruleset, None, users.as_ref(), &providers(config));
    let Some(auth) = &config.auth else {
        return findings;
    };
    let rules = &ruleset.rules;
    if rules.is_empty() {
        findings.push(Finding::warning(
            "no-rules",
            "there is no [[access]] rule, so that nobody may do anything",
        ));
    }
    if matches!(auth.scheme, Scheme::Basic { .. }) && rules.grants_anonymous() {
        findings.push(Finding::warning(
            "basic-with-anonymous",
            "auth.scheme is \"basic\" and a rule is for `anonymous`: docker and others send \
             credentials only where they are asked for, and once something is open to everyone \
             they cannot log in for the rest; set auth.scheme to \"bearer\"",
        ));
    }
    if users.is_some_and(|users| users.is_empty()) {
        findings.push(Finding::warning(
            "no-users",
            "the file of auth.htpasswd has no users, so that nobody can log in",
        ));
    }
    if config.allow_unauthenticated {
        findings.push(Finding::warning(
            "no-effect",
            "allow_unauthenticated has no effect while auth.scheme asks for credentials",
        ));
    }
    if sends_in_the_clear(config) {
        findings.push(Finding::warning("unencrypted", format!(
            "{} can be reached from other machines without TLS: passwords and tokens can be read \
             on the way; set tls.cert and tls.key, or public_url to the https URL of the proxy \
             before it",
            config.listen
        )));
    }
    findings
}

fn sends_in_the_clear(config: &Config) -> bool {
    let encrypted = config.tls.is_some()
        || config
            .public_url
            .as_ref()
            .is_some_and(|url| url.is_encrypted());
    !config.listen.ip().is_loopback() && !encrypted
}

/// The token servers that rules can name.
pub(super) fn providers(config: &Config) -> BTreeSet<ProviderName> {
    match config.auth.as_ref().map(|auth| &auth.scheme) {
        Some(Scheme::Bearer(bearer)) => {
            let issuers = bearer.issuers.iter();
            issuers.map(|issuer| issuer.name.clone()).collect()
        }
        Some(Scheme::Basic { .. }) | None => BTreeSet::new(),
    }
}

/// What is odd about rules, with the groups of `file` besides their own.
pub(super) fn rule_findings(
    ruleset: &Ruleset,
    file: Option<&Groups>,
    users: Option<&BTreeSet<UserName>>,
    providers: &BTreeSet<ProviderName>,
) -> Vec<Finding> {
    let merged = file.map(|file| ruleset.groups.merged(file));
    let known = Known {
        groups: merged.as_ref().unwrap_or(&ruleset.groups),
        users,
        providers,
    };
    let found = ruleset.rules.findings(&known).into_iter();
    found
        .map(|finding| Finding {
            severity: finding.severity(),
            name: match finding.kind {
                FindingKind::UnknownGroup(_) => "unknown-group",
                FindingKind::UnknownUser(_) => "unknown-user",
                FindingKind::UnknownProvider(_) => "unknown-issuer",
                FindingKind::OpenToTheWorld(_) => "open-to-the-world",
            },
            text: finding.to_string(),
        })
        .collect()
}

/// What is wrong with the keys of token servers, as far as they are on this machine.
pub(crate) fn key_findings(config: &Config) -> Vec<Finding> {
    let Some(Scheme::Bearer(bearer)) = config.auth.as_ref().map(|auth| &auth.scheme) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for issuer in &bearer.issuers {
        let at = |text: String| format!("auth.issuers `{}`: {text}", issuer.name);
        let finding = match &issuer.keys {
            KeysFrom::File(path) => match std::fs::read(path) {
                Err(error) => Finding::error(
                    "unreadable-key",
                    at(format!("could not read {}: {error}", path.display())),
                ),
                Ok(json) => match KeySet::parse(&json) {
                    Ok(_) => continue,
                    Err(error) => Finding::error(
                        "invalid-key",
                        at(format!("{}: {}", path.display(), crate::chain(&error))),
                    ),
                },
            },
            KeysFrom::Url { url, ca } => match JwksUrl::new(url, ca.as_deref()) {
                Ok(_) => continue,
                Err(error) => Finding::error("invalid-authority", at(error.to_string())),
            },
        };
        findings.push(finding);
    }
    findings
}
