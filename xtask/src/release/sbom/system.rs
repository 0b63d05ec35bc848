//! The libraries of the system that the image carries, by the packages that brought them here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use oci_types::Digest;
use serde_json::{Value, json};

use crate::Result;
use crate::process;
use crate::release::linkage::Library;

const LIMIT: Duration = Duration::from_secs(30);

/// Describes the libraries: one component a package where a package manager knows them, and
/// otherwise one a file.
///
/// # Errors
/// When a library cannot be read.
pub(super) fn components(libraries: &[Library]) -> Result<Vec<Value>> {
    let distribution = Distribution::read();
    let mut components = Vec::new();
    let mut named = BTreeSet::new();
    for library in libraries {
        let installed = distribution.as_ref().and_then(|_| Installed::of(library));
        match (&distribution, installed) {
            (Some(distribution), Some(installed)) => {
                if named.insert(installed.name.clone()) {
                    components.push(installed.component(distribution, library.license));
                }
            }
            _ => components.push(by_file(library)?),
        }
    }
    Ok(components)
}

/// Whose packages these are.
struct Distribution {
    id: String,
    version: String,
}

impl Distribution {
    fn read() -> Option<Distribution> {
        let text = std::fs::read_to_string("/etc/os-release").ok()?;
        let field = |name: &str| {
            let value = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            value.map(|value| value.trim_matches('"').to_owned())
        };
        Some(Distribution {
            id: field("ID")?,
            version: field("VERSION_ID").unwrap_or_default(),
        })
    }
}

/// A package as dpkg knows it.
struct Installed {
    name: String,
    version: String,
    architecture: String,
}

impl Installed {
    fn of(library: &Library) -> Option<Installed> {
        let query = |arguments: &[&str]| {
            let mut command = Command::new("dpkg-query");
            process::run(command.env("LC_ALL", "C").args(arguments), LIMIT)
                .ok()?
                .ok()
                .ok()
        };
        let form = "${binary:Package}\t${Version}\t${Architecture}";
        let said = query(&["--show", "--showformat", form, library.package])?;
        let mut fields = said.lines().next()?.split('\t');
        let name = fields.next()?.split(':').next()?.to_owned();
        let installed = Installed {
            name,
            version: fields.next()?.to_owned(),
            architecture: fields.next()?.to_owned(),
        };
        Some(installed)
    }

    fn component(&self, distribution: &Distribution, license: &str) -> Value {
        let Installed {
            name,
            version,
            architecture,
        } = self;
        let Distribution {
            id,
            version: release,
        } = distribution;
        let escaped = version
            .replace('+', "%2B")
            .replace(':', "%3A")
            .replace('~', "%7E");
        let purl =
            format!("pkg:deb/{id}/{name}@{escaped}?arch={architecture}&distro={id}-{release}");
        json!({
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "licenses": [{ "expression": license }],
            "purl": purl,
        })
    }
}

fn by_file(library: &Library) -> Result<Value> {
    let hash = Digest::sha256(&std::fs::read(&library.path)?)
        .hex()
        .to_string();
    let name = library.file_name();
    Ok(json!({
        "type": "library",
        "bom-ref": format!("file:{name}"),
        "name": name,
        "licenses": [{ "expression": library.license }],
        "hashes": [{ "alg": "SHA-256", "content": hash }],
    }))
}

/// The texts of the licences of the libraries, where the system keeps them.
pub(in crate::release) fn license_files(libraries: &[Library]) -> Vec<PathBuf> {
    let packages: BTreeSet<_> = libraries.iter().map(|library| library.package).collect();
    let place = |package: &str| Path::new("/usr/share/doc").join(package).join("copyright");
    packages
        .into_iter()
        .map(place)
        .filter(|path| path.exists())
        .collect()
}
