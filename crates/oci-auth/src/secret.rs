//! What must not be seen: wiped when it is dropped, and never printed.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// A password, a token or a key.
///
/// [`expose`](Self::expose) is the only way to it. It has no `Display`, and its `Debug` says
/// `Secret`; its memory is overwritten when it is dropped.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes `value` in.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// What it holds.
    #[must_use]
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl From<&str> for Secret<String> {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
