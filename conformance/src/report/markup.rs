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

/// Sentences with the few marks of Markdown that the specification's have: code between
/// backticks becomes `code` elements, and of links only the text is left.
pub(super) struct Prose<'a>(pub(super) &'a str);

impl fmt::Display for Prose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = without_links(self.0);
        let mut parts = text.split('`').peekable();
        let mut code = false;
        while let Some(part) = parts.next() {
            match (code, parts.peek().is_some()) {
                (true, true) => write!(f, "<code>{}</code>", Escaped(part))?,
                // A backtick without its partner is a backtick.
                (true, false) => write!(f, "`{}", Escaped(part))?,
                (false, _) => write!(f, "{}", Escaped(part))?,
            }
            code = !code;
        }
        Ok(())
    }
}

fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let link = after.split_once("](").and_then(|(name, tail)| {
            let (_, rest) = tail.split_once(')')?;
            (!name.contains(']')).then_some((name, rest))
        });
        plain.push_str(before);
        match link {
            Some((name, tail)) => {
                plain.push_str(name);
                rest = tail;
            }
            None => {
                plain.push('[');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::{Escaped, Prose};

    #[test]
    fn prose_shows_code_and_drops_links() {
        let text = "The `<name>` [pushed as](#x), see [RFC 9110 (section 5)](https://r/x) `a` b`";
        let expected =
            "The <code>&lt;name&gt;</code> pushed as, see RFC 9110 (section 5) <code>a</code> b`";
        assert_eq!(Prose(text).to_string(), expected);
        assert_eq!(
            Prose("tags [\"a\"] are").to_string(),
            "tags [&quot;a&quot;] are"
        );
        assert_eq!(Prose("<b>").to_string(), "&lt;b&gt;");
    }

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
