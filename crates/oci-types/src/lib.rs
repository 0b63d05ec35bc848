//! oci-types
