//! Text from the network, escaped.

use std::fmt;

use unicode_width::UnicodeWidthChar as _;

/// Text from the network, made safe to show.
///
/// It can only be made by escaping: a byte that is not UTF-8, a control character, and a character that would turn, hide
/// or pile up on the text around it (bidirectional and other format controls, combining marks and whatever else has no
/// width, every gap but the space) become `\xE4`, one for each byte; a backslash becomes `\\`. So does the first character
/// of what a CI runner would take for a command to itself (`::error::`, `##vso[`). Everything else stays as it is. At most
/// [`Text::LIMIT`] bytes of input are kept; an ellipsis marks the cut.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Text(String);

impl Text {
    /// How many bytes of input are kept.
    pub const LIMIT: usize = 2048;

    /// Escapes what a peer sent.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::within(bytes, usize::MAX)
    }

    /// Escapes what a peer sent, into `room` bytes at the most, the ellipsis aside: escaping can make four of one.
    #[must_use]
    pub fn within(bytes: &[u8], room: usize) -> Self {
        let kept = bytes.get(..Self::LIMIT).unwrap_or(bytes);
        let mut out = String::with_capacity(kept.len().min(room));
        let whole = kept.utf8_chunks().all(|chunk| {
            let mut valid = chunk.valid().char_indices();
            let mut invalid = chunk.invalid().iter();
            let is_command = |at: usize| chunk.valid().get(at..).is_some_and(begins_command);
            valid.all(|(at, it)| match it {
                ':' | '#' if is_command(at) => {
                    grows(&mut out, room, |out| escape_bytes(&[it as u8], out))
                }
                _ => grows(&mut out, room, |out| show(it, out)),
            }) && invalid.all(|it| grows(&mut out, room, |out| escape_bytes(&[*it], out)))
        });
        if !whole || kept.len() < bytes.len() {
            out.push('…');
        }
        out.shrink_to_fit();
        Self(out)
    }

    /// The same text with other words in it: whatever of those is not safe to show is escaped, and backslashes, which
    /// stand for what was escaped before, stay as they are.
    #[must_use]
    pub fn rewritten(&self, rewrite: impl FnOnce(&str) -> String) -> Self {
        let mut out = String::with_capacity(self.0.len());
        for character in rewrite(&self.0).chars() {
            match character {
                '\\' => out.push('\\'),
                _ => show(character, &mut out),
            }
        }
        Self(out)
    }

    /// The escaped text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from_bytes(text.as_bytes())
    }
}

/// Adds to a text, unless it would pass its room then; whether it was added.
fn grows(out: &mut String, room: usize, add: impl FnOnce(&mut String)) -> bool {
    let before = out.len();
    add(out);
    let fits = out.len() <= room;
    if !fits {
        out.truncate(before);
    }
    fits
}

/// Whether a CI runner that finds this in what a program prints would do as it says: a workflow command of GitHub
/// (`::error title=x::`, at the beginning of a line, where wrapping can put it), its older form (`##[error]`), or a logging
/// command of Azure Pipelines (`##vso[task.complete]`).
fn begins_command(text: &str) -> bool {
    if let Some(bracketed) = text.strip_prefix("##") {
        let name = bracketed.get(..4).unwrap_or_default();
        return bracketed.starts_with('[') || name.eq_ignore_ascii_case("vso[");
    }
    let Some(named) = text.strip_prefix("::") else {
        return false;
    };
    let rest = named.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '-');
    rest.len() < named.len() && (rest.starts_with("::") || rest.starts_with(' '))
}

fn show(character: char, out: &mut String) {
    match character {
        '\\' => out.push_str("\\\\"),
        _ if is_unsafe_to_show(character) => {
            escape_bytes(character.encode_utf8(&mut [0; 4]).as_bytes(), out);
        }
        _ => out.push(character),
    }
}

fn escape_bytes(bytes: &[u8], out: &mut String) {
    use fmt::Write as _;
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\x{byte:02X}");
    }
}

/// What has no width of its own (combining marks, joiners, fillers, selectors, controls), what only looks like a gap, and
/// what directs the text around it (general category Cf, where that has a width).
fn is_unsafe_to_show(character: char) -> bool {
    character.width().is_none_or(|columns| columns == 0)
        || (character.is_whitespace() && character != ' ')
        || matches!(
            character,
            '\u{00AD}'
                | '\u{0600}'..='\u{0605}'
                | '\u{061C}'
                | '\u{06DD}'
                | '\u{070F}'
                | '\u{0890}'..='\u{0891}'
                | '\u{08E2}'
                | '\u{115F}'..='\u{1160}'
                | '\u{180E}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFC}'
                | '\u{110BD}'
                | '\u{110CD}'
                | '\u{13430}'..='\u{1345F}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D159}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn what_could_harm_a_terminal_is_escaped() {
        for (bytes, shown) in [
            (&b"220 mail ready"[..], "220 mail ready"),
            (b"a\\b", "a\\\\b"),
            (b"\x1b[31mred", "\\x1B[31mred"),
            (b"caf\xe9", "caf\\xE9"),
            ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
            ("x\u{202e}y".as_bytes(), "x\\xE2\\x80\\xAEy"),
            ("\u{9b}1m".as_bytes(), "\\xC2\\x9B1m"),
            (b"a\0b\r\n", "a\\x00b\\x0D\\x0A"),
            ("e\u{301}\u{301}".as_bytes(), "e\\xCC\\x81\\xCC\\x81"),
            ("a\u{a0}b".as_bytes(), "a\\xC2\\xA0b"),
            ("\u{3164}".as_bytes(), "\\xE3\\x85\\xA4"),
            (
                "B\u{fc}ro \u{41f}\u{43e}\u{447}\u{442}\u{430} \u{90f5}\u{4ef6} \u{628}\u{631}"
                    .as_bytes(),
                "B\u{fc}ro \u{41f}\u{43e}\u{447}\u{442}\u{430} \u{90f5}\u{4ef6} \u{628}\u{631}",
            ),
        ] {
            assert_eq!(Text::from_bytes(bytes).as_str(), shown);
        }
    }

    #[test]
    fn nothing_is_a_command_to_a_ci_runner() {
        for (text, shown) in [
            ("::error::x", "\\x3A:error::x"),
            ("a ::add-mask title=x::y", "a \\x3A:add-mask title=x::y"),
            ("::Stop-Commands::t", "\\x3A:Stop-Commands::t"),
            ("##[group]x", "\\x23#[group]x"),
            ("###[group]x", "#\\x23#[group]x"),
            ("##VSO[task.complete]", "\\x23#VSO[task.complete]"),
            // What is no command stays as it is.
            ("::1", "::1"),
            ("fe80::a:b", "fe80::a:b"),
            (
                "2001:db8::ad, ::ffff:192.0.2.1",
                "2001:db8::ad, ::ffff:192.0.2.1",
            ),
            ("## vso", "## vso"),
            ("std::net", "std::net"),
        ] {
            assert_eq!(Text::from(text).as_str(), shown);
        }
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let text = Text::from_bytes(&[b'x'; 5000]);
        assert_eq!(text.as_str().chars().count(), Text::LIMIT + 1);
        assert!(text.as_str().ends_with('…'));
    }

    #[test]
    fn what_has_little_room_is_cut_between_two_escapes() {
        for (bytes, room, shown) in [
            (&b"mail"[..], 4, "mail"),
            (b"mail", 3, "mai…"),
            (b"a\xff\xff", 9, "a\\xFF\\xFF"),
            (b"a\xff\xff", 8, "a\\xFF…"),
            (b"a\\", 2, "a…"),
            ("\u{202e}".as_bytes(), 11, "…"),
            (b"", 0, ""),
            (b"x", 0, "…"),
        ] {
            assert_eq!(Text::within(bytes, room).as_str(), shown, "{bytes:x?}");
        }
    }
}
