//! Registries around registries: policy as a precondition.

mod forward;
mod immutable;
mod pattern;
mod read_only;

pub use immutable::{ImmutableRule, ImmutableTags};
pub use pattern::{TagPattern, TagPatternError};
pub use read_only::ReadOnly;
