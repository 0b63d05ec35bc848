//! What a fault is, and all of them.

use ::http::request::Parts;

use crate::http::{Asked, Told};
use crate::registry::{self, Defect};
use crate::{answers, requests};

/// Something that a registry does wrong.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What it does.
    pub(crate) what: &'static str,
    /// The check that is there to notice.
    pub(crate) caught_by: &'static str,
    /// Where it sits.
    pub(crate) place: Place,
}

/// Where a fault sits.
#[derive(Debug)]
pub(crate) enum Place {
    /// In the registry's operations.
    Registry(Defect),
    /// In how a request is read.
    Request(fn(&mut Parts)),
    /// In how an answer is written.
    Answer(fn(&Asked, &mut Told)),
}

/// Every fault.
pub(crate) fn all() -> impl Iterator<Item = &'static Fault> {
    let tables = [registry::FAULTS, requests::FAULTS, answers::FAULTS];
    tables.into_iter().flatten()
}

/// The faults of one place, each with the check that is there for it.
macro_rules! faults {
    ($place:ident; $($what:literal => $check:literal, $fault:expr;)*) => {
        /// The faults of this file.
        pub(crate) const FAULTS: &[crate::fault::Fault] = &[
            $(crate::fault::Fault {
                what: $what,
                caught_by: $check,
                place: crate::fault::Place::$place($fault),
            },)*
        ];
    };
}
pub(crate) use faults;
