//! Hash states: resuming anywhere, and refusing what no hasher wrote.

use oci_types::{Algorithm, Digest, HashState, HashStateError, Hasher};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The state after "abc", as this layout has always written it.
fn abc_state() -> Value {
    let chaining = "67e6096a85ae67bb72f36e3c3af54fa57f520e518c68059babd9831f19cde05b";
    let blocks = "0000000000000000";
    let block = format!("03616263{}", "00".repeat(60));
    json!({
        "algorithm": "sha256",
        "layout": "sha2-0.11",
        "length": 3,
        "state": format!("{chaining}{blocks}{block}"),
    })
}

fn resume(state: &Value) -> Result<Hasher, HashStateError> {
    let state: HashState = serde_json::from_value(state.clone()).expect("a hash state");
    Hasher::from_state(&state)
}

/// A change of the hash library's layout must come with another layout tag.
#[test]
fn the_layout_is_the_one_that_was_written_before() {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(b"abc");
    assert_eq!(
        serde_json::to_value(hasher.to_state()).unwrap(),
        abc_state()
    );

    let mut resumed = resume(&abc_state()).unwrap();
    resumed.update(b"def");
    assert_eq!(resumed.finish(), Digest::sha256(b"abcdef"));
}

#[test]
fn a_sha512_state_written_before_resumes() {
    let content: Vec<u8> = (0..=255).collect();
    let mut hasher = Hasher::new(Algorithm::Sha512);
    hasher.update(&content[..130]);
    let value = serde_json::to_value(hasher.to_state()).unwrap();
    let state = value["state"].as_str().unwrap();
    assert_eq!(state.len(), 2 * (64 + 16 + 128));
    // One block, then two bytes of the next: 0x80 and 0x81.
    let tail = format!("01{}028081{}", "00".repeat(15), "00".repeat(125));
    assert!(state.ends_with(&tail), "{state}");
    let mut resumed = resume(&value).unwrap();
    resumed.update(&content[130..]);
    assert_eq!(resumed.finish(), Digest::of(Algorithm::Sha512, &content));
}

#[test]
fn another_layout_is_named() {
    let mut state = abc_state();
    state["layout"] = json!("sha2-0.12");
    let found = "sha2-0.12".to_owned();
    assert_eq!(
        resume(&state).unwrap_err(),
        HashStateError::Layout { found }
    );
}

#[test]
fn what_no_hasher_wrote_is_corrupt() {
    let good = abc_state()["state"].as_str().unwrap().to_owned();
    let mut longer_block = good.clone();
    longer_block.replace_range(80..82, "40");
    let mut dirty_padding = good.clone();
    dirty_padding.replace_range(206..208, "01");
    let mut endless = good.clone();
    endless.replace_range(64..80, "ffffffffffffffff");
    let cases = [
        ("length", json!(4)),
        ("length", json!(67)),
        ("algorithm", json!("sha512")),
        ("state", json!("")),
        ("state", json!(good[2..])),
        ("state", json!(format!("{good}00"))),
        ("state", json!(longer_block)),
        ("state", json!(dirty_padding)),
        ("state", json!(endless)),
    ];
    for (member, value) in cases {
        let mut state = abc_state();
        state[member] = value;
        assert_eq!(
            resume(&state).unwrap_err(),
            HashStateError::Corrupt,
            "{state}"
        );
    }
}

#[test]
fn what_is_no_hexadecimal_does_not_deserialise() {
    for text in ["0", "0G", "AB", "é", "\u{0}"] {
        let mut state = abc_state();
        state["state"] = json!(text);
        let error = serde_json::from_value::<HashState>(state).expect_err(text);
        assert!(
            error.to_string().contains("not lower-case hexadecimal"),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn resuming_anywhere_gives_the_digest_of_the_whole(
        algorithm in prop::sample::select(&Algorithm::ALL),
        content in prop::collection::vec(any::<u8>(), 0..600),
        splits in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut splits: Vec<usize> = splits.iter().map(|i| i.index(content.len() + 1)).collect();
        splits.sort_unstable();
        let mut hasher = Hasher::new(algorithm);
        let mut start = 0;
        for end in splits {
            hasher.update(&content[start..end]);
            let state = hasher.to_state();
            let json = serde_json::to_string(&state).unwrap();
            let read: HashState = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&read, &state);
            prop_assert_eq!((read.algorithm(), read.len()), (algorithm, end as u64));
            prop_assert_eq!(read.is_empty(), end == 0);
            hasher = Hasher::from_state(&read).unwrap();
            prop_assert_eq!(hasher.len(), end as u64);
            start = end;
        }
        hasher.update(&content[start..]);
        prop_assert_eq!(hasher.finish(), Digest::of(algorithm, &content));
    }

    #[test]
    fn arbitrary_states_never_panic(
        algorithm in prop::sample::select(&Algorithm::ALL),
        length: u64,
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 104),
            prop::collection::vec(any::<u8>(), 208),
            prop::collection::vec(any::<u8>(), 0..300),
        ],
    ) {
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let state = json!({
            "algorithm": algorithm, "layout": "sha2-0.11", "length": length, "state": hex,
        });
        if let Ok(mut hasher) = resume(&state) {
            prop_assert_eq!(hasher.len(), length);
            hasher.update(b"more");
            let _ = hasher.finish();
        }
    }
}
