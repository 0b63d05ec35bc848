//! Registries around registries: policy as a precondition.

mod forward;
mod immutable;
mod read_only;

pub use immutable::ImmutableTags;
pub use read_only::ReadOnly;
