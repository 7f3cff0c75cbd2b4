//! Lines, as SMTP, IMAP and POP3 have them.
//!
//! A line ends with LF; one CR before it belongs to the ending. Everything else, NUL and a lone CR included, is opaque
//! and stays in the text: that it is not allowed there (RFC 5321 §2.3.8) says nothing about whether the port works.

use super::{Decoded, Violation};

/// The longest line taken, ending included, in bytes.
///
/// RFC 5321 §4.5.3.1.5 says 512, RFC 2449 §4 the same; Exchange goes to 2000 characters.
pub const MAX_LINE: usize = 8 * 1024;

/// The most lines taken in one reply. Exchange sends up to 50.
pub const MAX_LINES: usize = 200;

/// The longest reply taken, all its lines and their endings together, in bytes.
pub const MAX_REPLY: usize = 64 * 1024;

/// One line, without its ending.
///
/// # Errors
///
/// [`ViolationKind::TooLong`](super::ViolationKind::TooLong) when [`MAX_LINE`] bytes hold no LF.
pub fn split(data: &[u8]) -> Decoded<&[u8]> {
    let mut lines = Lines::over(data);
    Ok(lines.next()?.map(|text| (text, lines.used())))
}

/// Goes over the lines of one reply and keeps its limits.
///
/// INVARIANT: what it says depends on the bytes up to the end of the line only, so that an answer does not change when
/// more arrives.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    data: &'a [u8],
    used: usize,
    taken: usize,
}

impl<'a> Lines<'a> {
    /// Over these bytes, from their front.
    pub(super) fn over(data: &'a [u8]) -> Self {
        Self {
            data,
            used: 0,
            taken: 0,
        }
    }

    /// The next line without its ending, or `None` when its LF is still to come.
    pub(super) fn next(&mut self) -> Result<Option<&'a [u8]>, Violation> {
        if self.taken >= MAX_LINES {
            return Err(Violation::too_long("more than 200 lines", self.used));
        }
        let left = MAX_REPLY.saturating_sub(self.used);
        let window = left.min(MAX_LINE);
        let rest = self.rest();
        let seen = rest.get(..window).unwrap_or(rest);
        let Some(end) = seen.iter().position(|&byte| byte == b'\n') else {
            return if seen.len() < window {
                Ok(None)
            } else if left < MAX_LINE {
                Err(Violation::too_long("reply over 65536 bytes", MAX_REPLY))
            } else {
                Err(Violation::too_long("line over 8192 bytes", self.used))
            };
        };
        self.used = self.used.saturating_add(end).saturating_add(1);
        self.taken = self.taken.saturating_add(1);
        let text = seen.get(..end).unwrap_or_default();
        Ok(Some(text.strip_suffix(b"\r").unwrap_or(text)))
    }

    /// The next `length` bytes, whatever they are, or `None` when they are still to come.
    pub(super) fn take(&mut self, length: usize) -> Result<Option<&'a [u8]>, Violation> {
        if length > MAX_REPLY.saturating_sub(self.used) {
            return Err(Violation::too_long("literal over 65536 bytes", self.used));
        }
        let Some(taken) = self.rest().get(..length) else {
            return Ok(None);
        };
        self.used = self.used.saturating_add(length);
        Ok(Some(taken))
    }

    /// What follows the lines taken so far.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.data.get(self.used..).unwrap_or_default()
    }

    /// How many bytes the lines taken so far had, endings included.
    pub(super) fn used(&self) -> usize {
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_go_everything_else_stays() {
        for (given, text, used) in [
            (&b"a\r\nb"[..], &b"a"[..], 3),
            (b"a\nb", b"a", 2),
            (b"\n", b"", 1),
            (b"\r\n", b"", 2),
            (b"a\r\r\n", b"a\r", 4),
            (b"a\rb\0c\xff\r\n", b"a\rb\0c\xff", 8),
        ] {
            assert_eq!(split(given), Ok(Some((text, used))));
        }
        for given in [&b""[..], b"a", b"a\r"] {
            assert_eq!(split(given), Ok(None));
        }
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
        let mut line = vec![b'x'; MAX_LINE - 1];
        assert_eq!(split(&line), Ok(None));
        line.push(b'\n');
        assert_eq!(
            split(&line).map(|got| got.map(|(_, used)| used)),
            Ok(Some(MAX_LINE))
        );
        line.insert(0, b'x');
        let over = Violation::too_long("line over 8192 bytes", 0);
        assert_eq!(split(&line), Err(over));
        line.truncate(MAX_LINE);
        assert_eq!(split(&line), Err(over));
    }

    #[test]
    fn a_reply_ends_at_its_limits() {
        let many = b"\n".repeat(MAX_LINES + 1);
        let mut lines = Lines::over(&many);
        for _ in 0..MAX_LINES {
            assert_eq!(lines.next(), Ok(Some(&b""[..])));
        }
        assert!(lines.next().is_err());

        let mut long = vec![b'x'; MAX_LINE - 1];
        long.push(b'\n');
        let long = long.repeat(9);
        let mut lines = Lines::over(&long);
        for _ in 0..8 {
            assert!(matches!(lines.next(), Ok(Some(_))));
        }
        assert_eq!(
            lines.next(),
            Err(Violation::too_long("reply over 65536 bytes", MAX_REPLY))
        );
    }
}
