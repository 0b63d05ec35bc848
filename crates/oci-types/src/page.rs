//! Pagination: the query of a list, and the `Link` to its next page
//! (specification: "Listing Tags", RFC 8288).

use std::fmt;
use std::str::FromStr;

mod link;
mod percent;

pub use link::{Link, LinkError};
pub use percent::PercentError;

use percent::decode;

/// What a client asks of a list: `?n=…&last=…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageQuery {
    /// The most items to return. A number beyond `u64` reads as `u64::MAX`:
    /// the server has a limit of its own.
    pub n: Option<u64>,
    /// The last item of the page before: items after it, in the order of
    /// bytes, are returned. It may name nothing that exists, and is not empty.
    pub last: Option<String>,
}

impl PageQuery {
    /// Reads the query of a request, without its `?`. Other parameters are
    /// ignored; of a repeated one the first counts.
    ///
    /// # Errors
    /// [`PageError::Number`] if `n` is not a number without sign,
    /// [`PageError::Encoding`] if `last` is not percent-encoded UTF-8.
    pub fn parse(query: &str) -> Result<PageQuery, PageError> {
        let mut page = PageQuery::default();
        let (mut seen_n, mut seen_last) = (false, false);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "n" if !seen_n => {
                    seen_n = true;
                    page.n = Some(number(value)?);
                }
                "last" if !seen_last => {
                    seen_last = true;
                    page.last = Some(decode(value)?).filter(|last| !last.is_empty());
                }
                _ => {}
            }
        }
        Ok(page)
    }
}

fn number(value: &str) -> Result<u64, PageError> {
    let value = decode(value)?;
    crate::range::digits(&value).ok_or_else(|| PageError::Number {
        value: crate::text::excerpt(&value),
    })
}

impl FromStr for PageQuery {
    type Err = PageError;

    fn from_str(query: &str) -> Result<Self, Self::Err> {
        PageQuery::parse(query)
    }
}

impl fmt::Display for PageQuery {
    /// The query without its `?`; empty where nothing is asked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(n) = self.n {
            write!(f, "n={n}")?;
            separator = "&";
        }
        match &self.last {
            Some(last) => write!(f, "{separator}last={}", percent::query_value(last)),
            None => Ok(()),
        }
    }
}

/// Why a query asks for no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// `n` is not a number without sign.
    #[error("the page size n must be a whole number from 0, not \"{value}\"")]
    Number {
        /// Its value, escaped and bounded.
        value: String,
    },
    /// A value is not percent-encoded UTF-8.
    #[error("the query is malformed: {0}")]
    Encoding(#[from] PercentError),
}
