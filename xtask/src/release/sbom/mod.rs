//! The bill of materials: everything that the program contains, with its version, licence and
//! checksum, in CycloneDX's JSON. That of the image has the system's libraries as well.

mod bundled;
mod packages;
pub(super) mod system;
#[cfg(test)]
mod tests;

use oci_types::Digest;
use serde_json::{Value, json};

use self::bundled::Bundled;
use self::packages::{Key, Linked};
use super::linkage::Library;
use super::source::{PROGRAM, Source};
use crate::Result;

/// The media type of such a document.
pub(super) const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// What the documents describe.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    /// RFC 3339.
    pub(super) timestamp: String,
    pub(super) version: &'a str,
    pub(super) commit: &'a str,
    /// The program itself.
    pub(super) program: &'a [u8],
}

/// The document of the program for a target.
///
/// # Errors
/// When cargo fails, or a package states no licence.
pub(super) fn of_program(source: &Source, target: &str, program: &[u8]) -> Result<Value> {
    let subject = Subject {
        timestamp: source.timestamp()?,
        version: &source.version,
        commit: &source.commit,
        program,
    };
    let linked = packages::linked(target)?;
    let bundled = bundled::of(&linked)?;
    Ok(numbered(document(&subject, &linked, &bundled)))
}

/// The document of an image that carries the program and libraries of the system.
///
/// # Errors
/// When a library cannot be read.
pub(super) fn of_image(program: &Value, libraries: &[Library]) -> Result<Value> {
    let mut document = program.clone();
    let system = system::components(libraries)?;
    let references: Vec<_> = system.iter().map(|one| one["bom-ref"].clone()).collect();
    extend(&mut document["components"], system);
    let leaves = references
        .iter()
        .map(|one| json!({ "ref": one, "dependsOn": [] }))
        .collect();
    extend(&mut document["dependencies"], leaves);
    let root = document["metadata"]["component"]["bom-ref"].clone();
    if let Value::Array(edges) = &mut document["dependencies"] {
        for edge in edges.iter_mut().filter(|edge| edge["ref"] == root) {
            extend(&mut edge["dependsOn"], references.clone());
        }
    }
    document["metadata"]["component"]["type"] = "container".into();
    Ok(numbered(document))
}

fn extend(list: &mut Value, more: Vec<Value>) {
    if let Value::Array(list) = list {
        list.extend(more);
    }
}

/// A document as it is written to a file.
///
/// # Errors
/// Never in practice: JSON is written to memory.
pub(super) fn written(document: &Value) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn document(subject: &Subject<'_>, linked: &[Linked], bundled: &[Bundled]) -> Value {
    let own = |package: &&Linked| package.key.0 == PROGRAM;
    let mut components: Vec<_> = linked
        .iter()
        .filter(|package| !own(package))
        .map(component)
        .collect();
    let mut dependencies: Vec<_> = linked
        .iter()
        .map(|package| edges(package, bundled))
        .collect();
    for one in bundled {
        components.push(one.component());
        dependencies.push(json!({ "ref": one.purl(), "dependsOn": [] }));
    }
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": subject.timestamp,
            "lifecycles": [{ "phase": "build" }],
            "component": program(subject, linked.iter().find(own)),
        },
        "components": components,
        "dependencies": dependencies,
    })
}

fn program(subject: &Subject<'_>, package: Option<&Linked>) -> Value {
    let purl = purl(&(PROGRAM.to_owned(), subject.version.to_owned()));
    json!({
        "type": "application",
        "bom-ref": purl,
        "name": "oci-server",
        "version": subject.version,
        "description": package.and_then(|package| package.description.as_deref()),
        "licenses": [{ "expression": package.map(|package| package.license.as_str()) }],
        "purl": purl,
        "hashes": [sha256(&Digest::sha256(subject.program).hex().to_string())],
        "properties": [{ "name": "vcs:commit", "value": subject.commit }],
    })
}

fn component(package: &Linked) -> Value {
    let (name, version) = &package.key;
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(&package.key),
        "name": name,
        "version": version,
        "licenses": [{ "expression": spdx(&package.license) }],
        "purl": purl(&package.key),
    });
    if let Some(description) = &package.description {
        component["description"] = description.trim().into();
    }
    if let Some(checksum) = &package.checksum {
        component["hashes"] = json!([sha256(checksum)]);
    }
    component
}

fn edges(package: &Linked, bundled: &[Bundled]) -> Value {
    let mut depends: Vec<_> = package.depends.iter().map(purl).collect();
    let carried = bundled.iter().filter(|one| one.carrier == package.key.0);
    depends.extend(carried.map(Bundled::purl));
    json!({ "ref": purl(&package.key), "dependsOn": depends })
}

fn purl((name, version): &Key) -> String {
    // A version's build part begins with a plus sign.
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// Old manifests write the slash for OR.
fn spdx(expression: &str) -> String {
    expression
        .split('/')
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" OR ")
}

fn sha256(hex: &str) -> Value {
    json!({ "alg": "SHA-256", "content": hex })
}

/// Gives a document its serial number, which is the same for the same content.
fn numbered(mut document: Value) -> Value {
    document["serialNumber"] = Value::Null;
    let hex = Digest::sha256(document.to_string().as_bytes())
        .hex()
        .to_string();
    // The form of a UUID of version 8, whose bits are anybody's.
    document["serialNumber"] = format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
    .into();
    document
}
