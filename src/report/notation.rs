//! JSON in ASCII, indented or on one line, and the notation of times and durations.
//!
//! ASCII because PowerShell 5.1 decodes what a program prints by the console's code page, not as UTF-8.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::ser::Formatter;
use time::{OffsetDateTime, UtcOffset};

/// Where the line breaks are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout {
    /// There are none.
    Compact,
    /// Every member on a line of its own, two blanks a level; begins so many levels deep.
    Indented(usize),
}

/// Adds a value to the buffer.
///
/// # Errors
///
/// When the value cannot be told in JSON; ours all can.
pub(super) fn push_json(
    value: &impl Serialize,
    layout: Layout,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    let ascii = Ascii {
        layout,
        holds: Holds::Nothing,
    };
    value.serialize(&mut serde_json::Serializer::with_formatter(buffer, ascii))?;
    Ok(())
}

/// Milliseconds with up to three decimals.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// RFC 3339 in UTC, to the second: `2026-11-21T20:00:00Z`.
pub(super) fn rfc3339(at: OffsetDateTime) -> String {
    let at = at.checked_to_offset(UtcOffset::UTC).unwrap_or(at);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// Adds line breaks, and writes everything that is not printable ASCII as `\uXXXX`.
struct Ascii {
    layout: Layout,
    holds: Holds,
}

/// Whether the array or object at hand has anything in it yet.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Holds {
    Nothing,
    Something,
}

impl Ascii {
    fn open<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: u8) -> io::Result<()> {
        if let Layout::Indented(level) = &mut self.layout {
            *level += 1;
        }
        self.holds = Holds::Nothing;
        writer.write_all(&[bracket])
    }

    fn next<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        self.break_line(writer)
    }

    fn close<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: u8) -> io::Result<()> {
        if let Layout::Indented(level) = &mut self.layout {
            *level -= 1;
        }
        if self.holds == Holds::Something {
            self.break_line(writer)?;
        }
        self.holds = Holds::Something;
        writer.write_all(&[bracket])
    }

    fn break_line<W: ?Sized + Write>(&self, writer: &mut W) -> io::Result<()> {
        /// A line break, and blanks for as many levels as there usually are.
        const BREAK: &[u8] = b"\n                                ";
        let Layout::Indented(level) = self.layout else {
            return Ok(());
        };
        let line = 1 + 2 * level;
        writer.write_all(BREAK.get(..line).unwrap_or(BREAK))?;
        for _ in BREAK.len()..line {
            writer.write_all(b" ")?;
        }
        Ok(())
    }
}

impl Formatter for Ascii {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b'[')
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b']')
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.next(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.holds = Holds::Something;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b'{')
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b'}')
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(match self.layout {
            Layout::Compact => b":",
            Layout::Indented(_) => b": ",
        })
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.holds = Holds::Something;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|byte| byte < 0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        let is_plain = |c: char| c.is_ascii() && c != '\x7f';
        for run in fragment.split_inclusive(|c| !is_plain(c)) {
            let plain = run.trim_end_matches(|c| !is_plain(c));
            writer.write_all(plain.as_bytes())?;
            for unit in run[plain.len()..].encode_utf16() {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &impl Serialize, layout: Layout) -> String {
        let mut buffer = Vec::new();
        push_json(value, layout, &mut buffer).expect("plain values");
        String::from_utf8(buffer).expect("ASCII")
    }

    #[test]
    fn everything_beyond_printable_ascii_is_escaped() {
        let said = json(&"a\u{7f}é€\u{1f600}b\u{1b}\"\\\n", Layout::Compact);
        assert_eq!(said, r#""a\u007f\u00e9\u20ac\ud83d\ude00b\u001b\"\\\n""#);
        let read: String = serde_json::from_str(&said).expect("JSON");
        assert_eq!(read, "a\u{7f}é€\u{1f600}b\u{1b}\"\\\n");
    }

    #[test]
    fn indented_json_looks_as_serde_json_makes_it() {
        let value = serde_json::json!({"a": [], "b": {}, "c": [1, [2], {"d": null}], "e": "x"});
        let usual = serde_json::to_string_pretty(&value).expect("JSON");
        assert_eq!(json(&value, Layout::Indented(0)), usual);
        let deeper = usual.replace('\n', "\n    ");
        assert_eq!(json(&value, Layout::Indented(2)), deeper);
        assert_eq!(json(&value, Layout::Compact), value.to_string());
        let far = usual.replace('\n', &format!("\n{}", " ".repeat(50)));
        assert_eq!(json(&value, Layout::Indented(25)), far);
    }

    #[test]
    fn durations_have_at_most_three_decimals() {
        for (nanos, said) in [
            (0, "0.0"),
            (50_100_000, "50.1"),
            (1_234_567, "1.235"),
            (15_000_000_001, "15000.0"),
        ] {
            let ms = milliseconds(Duration::from_nanos(nanos));
            assert_eq!(json(&ms, Layout::Compact), said);
        }
    }

    #[test]
    fn times_are_told_in_utc_to_the_second() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_795_291_200_999_999_999)
            .expect("a date")
            .to_offset(UtcOffset::from_hms(1, 0, 0).expect("an offset"));
        assert_eq!(rfc3339(at), "2026-11-21T20:00:00Z");
    }
}
