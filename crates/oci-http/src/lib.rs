//! oci-http
