//! What the public interface promises, rule by rule and for arbitrary input.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod descriptor;
mod digest;
mod error;
mod hash_state;
mod manifest;
mod manifest_hostile;
mod manifest_reading;
mod manifest_type;
mod media_type;
mod names;
mod page;
mod range;

use std::fmt::{Debug, Display};
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Checks that a value survives its text and its JSON.
#[track_caller]
fn check_round_trip<T>(value: &T)
where
    T: Display + FromStr<Err: Debug> + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let text = value.to_string();
    assert_eq!(&text.parse::<T>().expect("parses its own text"), value);
    let json = serde_json::to_string(value).expect("serialises");
    assert_eq!(json, serde_json::to_string(&text).expect("a string"));
    assert_eq!(
        &serde_json::from_str::<T>(&json).expect("reads its own JSON"),
        value
    );
}

/// Checks that a text is refused, by parsing and by serde, with a sentence
/// that contains `problem`.
#[track_caller]
fn check_refused<T>(text: &str, problem: &str)
where
    T: FromStr<Err: Display> + DeserializeOwned + Debug,
{
    let error = text.parse::<T>().map_err(|error| error.to_string());
    let sentence = error.expect_err(text);
    assert!(sentence.contains(problem), "{text:?}: {sentence}");
    assert!(sentence.len() < 400, "{text:?}: {sentence}");
    let json = serde_json::to_string(text).expect("a string");
    let error = serde_json::from_str::<T>(&json).expect_err(text);
    assert!(error.to_string().contains(problem), "{text:?}: {error}");
}
