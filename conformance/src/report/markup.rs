//! Escaping, for XML and for HTML.

use std::fmt;

/// Text that is written with the markup characters escaped. Control characters that XML cannot
/// hold become U+FFFD.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' | '\n' | '\r' => f.write_char(c)?,
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                    f.write_char('\u{fffd}')?;
                }
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn nothing_gets_out_of_text() {
        let hostile = "<script>alert('x')</script> & \"quoted\" \u{0}\u{1b}[31m\n";
        let escaped = Escaped(hostile).to_string();
        assert!(
            !escaped.contains(['<', '>', '"', '\'', '\u{0}', '\u{1b}']),
            "{escaped}"
        );
        assert!(escaped.ends_with("[31m\n"));
        assert_eq!(Escaped("a&b").to_string(), "a&amp;b");
    }
}
