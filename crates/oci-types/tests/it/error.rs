//! Error codes and the envelope.

use std::collections::HashSet;

use oci_types::{ErrorCode, ErrorEnvelope, ErrorInfo};
use proptest::prelude::*;
use serde_json::json;

use crate::check_round_trip;

#[test]
fn codes_are_the_specifications() {
    let texts: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(
        texts,
        [
            "BLOB_UNKNOWN",
            "BLOB_UPLOAD_INVALID",
            "BLOB_UPLOAD_UNKNOWN",
            "DIGEST_INVALID",
            "MANIFEST_BLOB_UNKNOWN",
            "MANIFEST_INVALID",
            "MANIFEST_UNKNOWN",
            "NAME_INVALID",
            "NAME_UNKNOWN",
            "SIZE_INVALID",
            "UNAUTHORIZED",
            "DENIED",
            "UNSUPPORTED",
            "TOOMANYREQUESTS",
            "UNKNOWN",
        ]
    );
    assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len());
    ErrorCode::ALL.iter().for_each(check_round_trip);
}

#[test]
fn a_foreign_code_is_refused_as_text_and_read_as_unknown_in_json() {
    let error = "PAGINATION_NUMBER_INVALID"
        .parse::<ErrorCode>()
        .unwrap_err();
    assert!(
        error.to_string().contains("\"PAGINATION_NUMBER_INVALID\""),
        "{error}"
    );
    assert!("blob_unknown".parse::<ErrorCode>().is_err());
    let read: ErrorCode = serde_json::from_value(json!("PAGINATION_NUMBER_INVALID")).unwrap();
    assert_eq!(read, ErrorCode::Unknown);
    assert!(serde_json::from_value::<ErrorCode>(json!(1)).is_err());
}

#[test]
fn the_envelope_has_its_form() {
    let envelope = ErrorEnvelope::new(ErrorCode::NameUnknown, "no such repository");
    assert_eq!(
        serde_json::to_string(&envelope).unwrap(),
        r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository"}]}"#
    );
    assert!(envelope.has(ErrorCode::NameUnknown) && !envelope.has(ErrorCode::Denied));
    let envelope = envelope.with_detail(json!({"name": "a"}));
    assert_eq!(
        serde_json::to_value(&envelope).unwrap(),
        json!({"errors": [{
            "code": "NAME_UNKNOWN", "message": "no such repository", "detail": {"name": "a"},
        }]})
    );
    assert_eq!(
        envelope.errors[0].to_string(),
        "NAME_UNKNOWN: no such repository"
    );
}

#[test]
fn what_others_answer_can_be_read() {
    let value = json!({
        "errors": [{"code": "TEAPOT"}, {"code": "DENIED", "message": null, "detail": null, "x": 1}],
        "more": true,
    });
    let envelope: ErrorEnvelope = serde_json::from_value(value).unwrap();
    let info = |code| ErrorInfo {
        code,
        message: String::new(),
        detail: None,
    };
    assert_eq!(
        envelope.errors,
        [info(ErrorCode::Unknown), info(ErrorCode::Denied)]
    );
    for body in ["", "null", "[]", "{}", "<html>", r#"{"errors":[{}]}"#] {
        assert!(
            serde_json::from_str::<ErrorEnvelope>(body).is_err(),
            "{body}"
        );
    }
}

proptest! {
    #[test]
    fn envelopes_round_trip(
        code in prop::sample::select(ErrorCode::ALL),
        message in ".*",
        detail in prop::option::of(".*"),
    ) {
        let mut envelope = ErrorEnvelope::new(code, message);
        if let Some(detail) = detail {
            envelope = envelope.with_detail(detail);
        }
        let json = serde_json::to_string(&envelope).unwrap();
        prop_assert_eq!(serde_json::from_str::<ErrorEnvelope>(&json).unwrap(), envelope);
    }
}
