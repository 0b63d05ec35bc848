//! oci-registry
