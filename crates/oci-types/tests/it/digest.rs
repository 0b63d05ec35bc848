//! Digests: vectors of FIPS 180-4, grammar, order, round trips.

use oci_types::{Algorithm, Digest, DigestError, Hasher, Mismatch, Verifier};
use proptest::prelude::*;

use crate::{check_refused, check_round_trip};

const EMPTY_256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const EMPTY_512: &str = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                         47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

pub(crate) fn any_digest() -> impl Strategy<Value = Digest> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(|b| Digest::from_bytes(Algorithm::Sha256, &b).unwrap()),
        any::<[[u8; 32]; 2]>().prop_map(|b| Digest::from_bytes(
            Algorithm::Sha512,
            b.as_flattened()
        )
        .unwrap()),
    ]
}

#[test]
fn known_answers() {
    let million = vec![b'a'; 1_000_000];
    let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    let cases: [(Algorithm, &[u8], &str); 6] = [
        (Algorithm::Sha256, b"", EMPTY_256),
        (
            Algorithm::Sha256,
            b"abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            Algorithm::Sha256,
            two_blocks,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            Algorithm::Sha256,
            &million,
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
        ),
        (Algorithm::Sha512, b"", EMPTY_512),
        (
            Algorithm::Sha512,
            b"abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
    ];
    for (algorithm, content, hex) in cases {
        let digest = Digest::of(algorithm, content);
        assert_eq!(digest.hex().to_string(), hex);
        assert_eq!(digest.to_string(), format!("{algorithm}:{hex}"));
        assert_eq!(format!("{digest:?}"), digest.to_string());
        assert_eq!(digest.algorithm(), algorithm);
        assert_eq!(digest.as_bytes().len(), algorithm.digest_len());
        check_round_trip(&digest);
    }
    assert_eq!(Digest::sha256(b"x"), Digest::of(Algorithm::Sha256, b"x"));
}

#[test]
fn algorithms() {
    for algorithm in Algorithm::ALL {
        check_round_trip(&algorithm);
        assert_eq!(algorithm.as_str(), algorithm.to_string());
        assert_eq!(
            Digest::of(algorithm, b"").as_bytes().len(),
            algorithm.digest_len()
        );
    }
    check_refused::<Algorithm>("sha384", "sha384 is not supported");
    check_refused::<Algorithm>("SHA256", "\"SHA256\" is not a digest algorithm");
    check_refused::<Algorithm>("", "\"\" is not a digest algorithm");
}

#[test]
fn refusals() {
    let upper = EMPTY_256.to_uppercase();
    let long_name = "x".repeat(10_000);
    let cases = [
        (String::new(), "has the form algorithm:hash"),
        ("sha256".to_owned(), "has the form algorithm:hash"),
        (":".to_owned(), "\"\" is not a digest algorithm"),
        (format!(":{EMPTY_256}"), "\"\" is not a digest algorithm"),
        (format!("sha256 :{EMPTY_256}"), "\"sha256 \" is not a"),
        (format!("sha256\n:{EMPTY_256}"), "\"sha256\\n\" is not a"),
        (format!("SHA256:{EMPTY_256}"), "\"SHA256\" is not a"),
        (format!("sha256+:{EMPTY_256}"), "\"sha256+\" is not a"),
        (format!("sha384:{EMPTY_256}"), "sha384 is not supported"),
        (
            format!("sha256+b64u:{EMPTY_256}"),
            "sha256+b64u is not supported",
        ),
        (format!("{long_name}:00"), "x… is not supported"),
        (
            "sha256:".to_owned(),
            "64 hexadecimal characters, this one has 0",
        ),
        (format!("sha256:{}", &EMPTY_256[1..]), "this one has 63"),
        (format!("sha256:{EMPTY_256}0"), "this one has 65"),
        (
            format!("sha512:{EMPTY_256}"),
            "128 hexadecimal characters, this one has 64",
        ),
        (format!("sha256:{upper}"), "character 'E' at byte 7"),
        (
            format!("sha256:{}g", &EMPTY_256[1..]),
            "character 'g' at byte 70",
        ),
        (format!("sha256: {EMPTY_256}"), "character ' ' at byte 7"),
        (format!("sha256::{EMPTY_256}"), "character ':' at byte 7"),
        (
            format!("sha256:{}é", &EMPTY_256[2..]),
            "character 'é' at byte 69",
        ),
        (
            format!("sha256:{EMPTY_256}\0"),
            "character '\\0' at byte 71",
        ),
    ];
    for (text, problem) in cases {
        check_refused::<Digest>(&text, problem);
    }
}

#[test]
fn callers_can_tell_an_unsupported_algorithm() {
    let error = "blake3:af13".parse::<Digest>().unwrap_err();
    let algorithm = "blake3".to_owned();
    assert_eq!(error, DigestError::UnsupportedAlgorithm { algorithm });
}

#[test]
fn raw_bytes_of_another_length_are_refused() {
    for (algorithm, other) in [(Algorithm::Sha256, 64), (Algorithm::Sha512, 32)] {
        for len in [
            0,
            other,
            algorithm.digest_len() - 1,
            algorithm.digest_len() + 1,
        ] {
            let found = len * 2;
            assert_eq!(
                Digest::from_bytes(algorithm, &vec![0; len]),
                Err(DigestError::WrongLength { algorithm, found })
            );
        }
    }
}

#[test]
fn a_verifier_names_both_digests() {
    let expected = Digest::sha256(b"hello world");
    let mut verifier = Verifier::new(expected);
    assert!(verifier.is_empty());
    verifier.update(b"hello ");
    let mut wrong = verifier.clone();
    verifier.update(b"world");
    wrong.update(b"moon");
    assert_eq!((verifier.len(), verifier.expected()), (11, &expected));
    assert_eq!(verifier.verify(), Ok(expected));
    let actual = Digest::sha256(b"hello moon");
    let mismatch = wrong.verify().unwrap_err();
    assert_eq!(mismatch, Mismatch { expected, actual });
    let sentence = format!("the content has the digest {actual}, not {expected}");
    assert_eq!(mismatch.to_string(), sentence);
}

proptest! {
    #[test]
    fn digests_round_trip(digest in any_digest()) {
        check_round_trip(&digest);
        let again = Digest::from_bytes(digest.algorithm(), digest.as_bytes());
        prop_assert_eq!(again, Ok(digest));
    }

    #[test]
    fn digests_are_ordered_as_text(a in any_digest(), b in any_digest()) {
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn what_parses_is_the_text(text in "(sha256|sha512|md5)?:?[0-9a-fA-F]{0,130}|.*") {
        if let Ok(digest) = text.parse::<Digest>() {
            prop_assert_eq!(digest.to_string(), text);
        }
    }

    #[test]
    fn pieces_hash_as_the_whole(
        algorithm in prop::sample::select(&Algorithm::ALL),
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8),
    ) {
        let whole = pieces.concat();
        let mut hasher = Hasher::new(algorithm);
        for piece in &pieces {
            hasher.update(piece);
        }
        prop_assert_eq!(hasher.len(), whole.len() as u64);
        prop_assert_eq!(hasher.is_empty(), whole.is_empty());
        prop_assert_eq!(hasher.finish(), Digest::of(algorithm, &whole));
    }
}
