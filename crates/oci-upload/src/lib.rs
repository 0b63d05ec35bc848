//! oci-upload
