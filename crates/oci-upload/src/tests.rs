//! The state machine against a naive model.

use std::time::Duration;

use oci_types::{Algorithm, ContentRange, Digest};
use proptest::prelude::*;

use crate::{Commit, DurableError, Holder, Refusal, Session, Terms, UnixMillis, UploadId, Writing};

const NOW: UnixMillis = UnixMillis(1_000_000);

fn terms() -> Terms {
    Terms {
        lease: Duration::from_millis(100),
        expiry: Duration::from_millis(1_000),
        max_bytes: 10_000,
    }
}

fn open(announced: Option<Algorithm>) -> Session<u64> {
    Session::open(UploadId::random(), announced, 0, NOW, &terms())
}

fn holder() -> Holder {
    Holder::random()
}

fn range(text: &str) -> ContentRange {
    text.parse().unwrap()
}

/// The end of a chunk that came whole.
fn finish(writing: &Writing<u64>) -> Result<Session<u64>, Refusal> {
    writing.complete()?;
    Ok(interrupt(writing))
}

/// The end of a chunk whose client went away.
fn interrupt(writing: &Writing<u64>) -> Session<u64> {
    writing
        .checkpoint(writing.offset(), NOW, &terms())
        .release()
}

/// Writes `data` as one chunk.
fn append(session: Session<u64>, data: &[u8]) -> Session<u64> {
    let terms = terms();
    let admission = session.admit(None, None, &terms).unwrap();
    let mut writing = session
        .lease(holder(), NOW, &terms)
        .unwrap()
        .write(admission)
        .unwrap();
    writing.advance(data).unwrap();
    finish(&writing).unwrap()
}

#[test]
fn a_chunk_has_to_start_at_the_end() {
    let session = append(open(None), b"0123456789");
    for (text, start) in [("0-9", 0), ("9-12", 9), ("11-12", 11)] {
        assert_eq!(
            session
                .admit(Some(&range(text)), None, &terms())
                .unwrap_err(),
            Refusal::Offset { offset: 10, start },
            "{text}"
        );
    }
    assert!(
        session
            .admit(Some(&range("10-12")), Some(3), &terms())
            .is_ok()
    );
}

#[test]
fn a_range_and_a_length_have_to_agree() {
    assert_eq!(
        open(None)
            .admit(Some(&range("0-9")), Some(9), &terms())
            .unwrap_err(),
        Refusal::Length {
            offset: 0,
            announced: 10,
            received: 9
        }
    );
}

#[test]
fn no_more_and_no_less_than_announced() {
    let terms = terms();
    let session = open(None);
    let admission = session.admit(Some(&range("0-4")), None, &terms).unwrap();
    let mut writing = session
        .lease(holder(), NOW, &terms)
        .unwrap()
        .write(admission)
        .unwrap();
    writing.advance(b"abc").unwrap();
    assert!(matches!(
        finish(&writing),
        Err(Refusal::Length {
            announced: 5,
            received: 3,
            ..
        })
    ));
    assert!(matches!(
        writing.advance(b"def"),
        Err(Refusal::Length {
            announced: 5,
            received: 6,
            ..
        })
    ));
    let left = writing.abandon();
    assert_eq!((left.offset(), left.staged()), (0, &0));
    assert!(
        left.lease(holder(), NOW, &terms).is_ok(),
        "the lease is given up"
    );
}

#[test]
fn one_writer_at_a_time() {
    let terms = terms();
    let leased = open(None).lease(holder(), NOW, &terms).unwrap();
    assert_eq!(leased.epoch(), 1);
    let soon = UnixMillis(NOW.0 + 60);
    assert_eq!(
        leased.clone().lease(holder(), soon, &terms).unwrap_err(),
        Refusal::Busy {
            retry_after: Duration::from_millis(40)
        }
    );
    let later = UnixMillis(NOW.0 + 100);
    assert_eq!(leased.lease(holder(), later, &terms).unwrap().epoch(), 2);
}

#[test]
fn the_only_process_outlives_every_other_holder() {
    let terms = terms();
    let me = holder();
    let dead = open(None).lease(holder(), NOW, &terms).unwrap();
    assert!(dead.outlive(me).lease(me, NOW, &terms).is_ok());
    let mine = open(None).lease(me, NOW, &terms).unwrap();
    assert!(mine.outlive(me).lease(me, NOW, &terms).is_err());
}

#[test]
fn a_checkpoint_renews_the_lease_and_an_interruption_ends_it() {
    let terms = terms();
    let session = open(None);
    let admission = session.admit(None, Some(10), &terms).unwrap();
    let mut writing = session
        .lease(holder(), NOW, &terms)
        .unwrap()
        .write(admission)
        .unwrap();
    writing.advance(b"half").unwrap();
    let later = UnixMillis(NOW.0 + 90);
    let recorded = writing.checkpoint(4, later, &terms);
    assert!(
        recorded
            .lease(holder(), UnixMillis(NOW.0 + 150), &terms)
            .is_err()
    );
    let left = writing.checkpoint(4, later, &terms).release();
    assert_eq!(left.offset(), 4);
    assert!(left.lease(holder(), later, &terms).is_ok());
}

#[test]
fn an_admission_is_good_for_its_own_session_and_state_only() {
    let terms = terms();
    let (one, other) = (open(None), open(None));
    let admission = one.admit(None, None, &terms).unwrap();
    assert!(matches!(
        other.write(admission),
        Err(Refusal::Offset { .. })
    ));
    let stale = one.admit(None, None, &terms).unwrap();
    assert!(matches!(
        append(one, b"x").write(stale),
        Err(Refusal::Offset {
            offset: 1,
            start: 0
        })
    ));
}

#[test]
fn sessions_expire_after_their_last_write_and_not_under_a_lease() {
    let terms = Terms {
        lease: Duration::from_millis(5_000),
        ..terms()
    };
    let session = open(None);
    assert!(!session.is_expired(UnixMillis(NOW.0 + 999)));
    assert!(session.is_expired(UnixMillis(NOW.0 + 1_000)));
    let leased = session.lease(holder(), NOW, &terms).unwrap();
    assert!(!leased.is_expired(UnixMillis(NOW.0 + 4_999)));
    assert!(leased.is_expired(UnixMillis(NOW.0 + 5_000)));
}

#[test]
fn too_much_is_refused_before_and_while_it_arrives() {
    let terms = terms();
    assert_eq!(
        open(None).admit(None, Some(10_001), &terms).unwrap_err(),
        Refusal::TooLarge { limit: 10_000 }
    );
    let huge = range("0-18446744073709551614");
    assert!(open(None).admit(Some(&huge), None, &terms).is_err());
    let session = open(None);
    let admission = session.admit(None, None, &terms).unwrap();
    let writing = session.write(admission).unwrap();
    assert!(writing.fits(10_000, &terms).is_ok());
    assert!(writing.fits(10_001, &terms).is_err());
}

#[test]
fn the_digest_decides() {
    let session = append(open(None), b"hello");
    assert_eq!(
        session.commit(&Digest::sha256(b"hello")),
        Ok(Commit::Proved)
    );
    assert_eq!(
        session.commit(&Digest::sha256(b"other")),
        Err(Refusal::Mismatch {
            expected: Digest::sha256(b"other"),
            actual: Digest::sha256(b"hello"),
        })
    );
    let sha512 = Digest::of(Algorithm::Sha512, b"hello");
    assert_eq!(
        session.commit(&sha512),
        Ok(Commit::Rehash(Algorithm::Sha512))
    );
    let announced = append(open(Some(Algorithm::Sha512)), b"hello");
    assert_eq!(announced.commit(&sha512), Ok(Commit::Proved));
    assert_eq!(
        announced.commit(&Digest::sha256(b"hello")),
        Ok(Commit::Proved)
    );
}

#[test]
fn an_algorithm_may_be_announced_until_the_first_byte() {
    let sha512 = Digest::of(Algorithm::Sha512, b"hello");
    let mut early = open(None);
    early.announce(Algorithm::Sha512);
    assert_eq!(append(early, b"hello").commit(&sha512), Ok(Commit::Proved));
    let mut late = append(open(None), b"hel");
    late.announce(Algorithm::Sha512);
    assert!(matches!(
        append(late, b"lo").commit(&sha512),
        Ok(Commit::Rehash(_))
    ));
}

#[test]
fn other_versions_of_the_record_are_named() {
    let bytes = open(None).to_bytes().unwrap();
    let newer = String::from_utf8(bytes)
        .unwrap()
        .replacen("\"version\":1", "\"version\":2", 1);
    assert!(matches!(
        Session::<u64>::from_bytes(newer.as_bytes()),
        Err(DurableError::Version { found: 2 })
    ));
    assert!(matches!(
        Session::<u64>::from_bytes(b"{}"),
        Err(DurableError::Malformed(_))
    ));
}

#[test]
fn an_id_has_one_spelling() {
    let id = UploadId::random();
    assert_eq!(id.to_string().parse(), Ok(id));
    for other in [
        id.to_string().to_uppercase(),
        id.as_uuid().simple().to_string(),
        id.as_uuid().urn().to_string(),
        String::new(),
        "../../etc/passwd".into(),
    ] {
        // A UUID of digits alone has no upper case to differ by.
        assert!(
            other == id.to_string() || other.parse::<UploadId>().is_err(),
            "{other}"
        );
    }
}

/// What a client may do with a session, one request each.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u8>),
    Ranged {
        start: u64,
        data: Vec<u8>,
        announced: u64,
    },
    Interrupted(Vec<u8>),
    Lost(Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let data = || proptest::collection::vec(any::<u8>(), 0..50);
    prop_oneof![
        data().prop_map(Step::Append),
        (0..200_u64, data(), 1..60_u64).prop_map(|(start, data, announced)| Step::Ranged {
            start,
            data,
            announced
        }),
        data().prop_map(Step::Interrupted),
        data().prop_map(Step::Lost),
    ]
}

proptest! {
    /// Whatever a client does, the session holds exactly the bytes of the accepted requests, and
    /// a round trip through the durable form between any two requests changes nothing.
    #[test]
    fn the_session_agrees_with_a_plain_buffer(steps in proptest::collection::vec(step(), 0..30)) {
        let terms = terms();
        let mut session = open(None);
        let mut model = Vec::new();
        for step in steps {
            session = Session::from_bytes(&session.to_bytes().unwrap()).unwrap();
            let (range, data) = match &step {
                Step::Ranged { start, data, announced } => {
                    (Some(range(&format!("{start}-{}", start + announced - 1))), data)
                }
                Step::Append(data) | Step::Interrupted(data) | Step::Lost(data) => (None, data),
            };
            let admission = match session.admit(range.as_ref(), None, &terms) {
                Ok(admission) => admission,
                Err(Refusal::Offset { offset, start }) => {
                    prop_assert_eq!(offset, model.len() as u64);
                    prop_assert_ne!(offset, start);
                    continue;
                }
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            };
            let recorded = session.clone();
            let mut writing = session.lease(holder(), NOW, &terms).unwrap().write(admission).unwrap();
            let advanced = writing.advance(data);
            session = match step {
                // The process died: what was recorded last is what there is.
                Step::Lost(_) => recorded,
                Step::Interrupted(_) => {
                    model.extend_from_slice(data);
                    interrupt(&writing)
                }
                _ => match advanced.and_then(|()| finish(&writing)) {
                    Ok(rest) => {
                        model.extend_from_slice(data);
                        rest
                    }
                    Err(Refusal::Length { announced, received, .. }) => {
                        prop_assert_ne!(announced, received);
                        writing.abandon()
                    }
                    Err(other) => return Err(TestCaseError::fail(other.to_string())),
                },
            };
            prop_assert_eq!(session.offset(), model.len() as u64);
            prop_assert_eq!(*session.staged(), model.len() as u64);
        }
        prop_assert_eq!(session.commit(&Digest::sha256(&model)), Ok(Commit::Proved));
    }

    #[test]
    fn arbitrary_records_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Session::<u64>::from_bytes(&bytes);
    }
}
