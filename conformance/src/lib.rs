//! A black-box conformance runner.
