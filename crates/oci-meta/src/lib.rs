//! oci-meta
