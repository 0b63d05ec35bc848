//! The sections of the specification that checks belong to.

use serde::Serialize;

/// Where the current text of the specification is.
const SPECIFICATION: &str = "https://github.com/opencontainers/distribution-spec/blob/main/spec.md";

/// A section of the specification, or a group of checks outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Section {
    /// Its place in reports.
    order: u8,
    /// Its heading.
    pub title: &'static str,
    /// The heading's anchor in the specification; empty for what is not a section of it.
    anchor: &'static str,
}

impl Section {
    /// A link to the section, if the specification has it.
    pub fn link(&self) -> Option<String> {
        let anchor = self.anchor;
        (!anchor.is_empty()).then(|| format!("{SPECIFICATION}#{anchor}"))
    }
}

impl Serialize for Section {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.title)
    }
}

macro_rules! sections {
    ($($order:literal $name:ident $title:literal $anchor:literal;)*) => {
        $(
            #[doc = $title]
            pub const $name: Section = Section { order: $order, title: $title, anchor: $anchor };
        )*
        /// Every section, in the order of reports.
        pub const ALL: &[Section] = &[$($name),*];
    };
}

sections! {
    0 DETERMINING_SUPPORT "Determining Support" "determining-support";
    1 PULLING_MANIFESTS "Pulling manifests" "pulling-manifests";
    2 PULLING_BLOBS "Pulling blobs" "pulling-blobs";
    3 EXISTENCE "Checking if content exists" "checking-if-content-exists-in-the-registry";
    4 PUSHING_BLOBS "Pushing blobs" "pushing-blobs";
    5 POST_THEN_PUT "POST then PUT" "post-then-put";
    6 SINGLE_POST "Single POST" "single-post";
    7 CHUNKED "Pushing a blob in chunks" "pushing-a-blob-in-chunks";
    8 CANCEL "Cancel a blob upload" "cancel-a-blob-upload";
    9 MOUNTING "Mounting a blob" "mounting-a-blob-from-another-repository";
    10 PUSHING_MANIFESTS "Pushing Manifests" "pushing-manifests";
    11 SUBJECT "Pushing Manifests with Subject" "pushing-manifests-with-subject";
    12 LISTING_TAGS "Listing Tags" "listing-tags";
    13 LISTING_REFERRERS "Listing Referrers" "listing-referrers";
    14 DELETING_TAGS "Deleting tags" "deleting-tags";
    15 DELETING_MANIFESTS "Deleting Manifests" "deleting-manifests";
    16 DELETING_BLOBS "Deleting Blobs" "deleting-blobs";
    17 PROXYING "Registry Proxying" "registry-proxying";
    18 ERRORS "Error Codes" "error-codes";
    19 WARNINGS "Warnings" "warnings";
    20 NAMES "Names and references" "pulling-manifests";
    21 HTTP "HTTP semantics" "api";
    22 CATALOG "Catalog" "";
    23 AUTHENTICATION "Authentication" "";
    24 ISOLATION "Isolation of repositories" "pulling-blobs";
    25 HOSTILE "Hostile requests" "";
}
