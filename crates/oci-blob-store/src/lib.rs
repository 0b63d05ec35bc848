//! oci-blob-store
