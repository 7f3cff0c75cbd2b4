//! POP3: answers in, commands out (RFC 1939 §3, RFC 2449, RFC 2595).
//!
//! [`status`] reads a one-line answer, [`listing`] one that goes on to a line with a dot.

use super::line::Lines;
use super::{Decoded, Violation};

/// Asks for the capabilities (RFC 2449 §5).
pub const CAPA: &[u8] = b"CAPA\r\n";

/// Asks for TLS (RFC 2595 §4).
pub const STLS: &[u8] = b"STLS\r\n";

/// Says goodbye (RFC 1939 §5).
pub const QUIT: &[u8] = b"QUIT\r\n";

/// The first line of an answer, and a greeting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusLine {
    /// Which of the two it is.
    pub indicator: Indicator,
    /// What follows, an extended response code included, raw; may be empty.
    pub text: Vec<u8>,
}

/// The two status indicators (RFC 1939 §3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Indicator {
    /// `+OK`
    Ok,
    /// `-ERR`
    Err,
}

/// An answer of several lines.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listing {
    /// Its first line. After `-ERR` there are no others.
    pub status: StatusLine,
    /// The lines up to the one with a dot, stuffed dots removed, raw.
    pub lines: Vec<Vec<u8>>,
}

/// A one-line answer or a greeting.
///
/// # Errors
///
/// Malformed when it begins with neither `+OK` nor `-ERR`, told by the first byte that differs. Too long over
/// [`MAX_LINE`](super::line::MAX_LINE), 8 KiB.
pub fn status(data: &[u8]) -> Decoded<StatusLine> {
    let mut lines = Lines::over(data);
    Ok(first_line(&mut lines)?.map(|status| (status, lines.used())))
}

/// An answer that ends with a line of one dot, or at once when it is `-ERR`.
///
/// # Errors
///
/// Malformed as [`status`]. Too long over the limits of [`line`](super::line): 8 KiB a line, 200 lines, 64 KiB.
pub fn listing(data: &[u8]) -> Decoded<Listing> {
    let mut lines = Lines::over(data);
    let Some(status) = first_line(&mut lines)? else {
        return Ok(None);
    };
    let mut texts = Vec::new();
    if status.indicator == Indicator::Ok {
        loop {
            match lines.next()? {
                None => return Ok(None),
                Some(b".") => break,
                Some(line) => texts.push(line.strip_prefix(b".").unwrap_or(line).to_vec()),
            }
        }
    }
    // Lines can be empty: the room that a growing list keeps in reserve would be most of what is kept.
    texts.shrink_to_fit();
    let listing = Listing {
        status,
        lines: texts,
    };
    Ok(Some((listing, lines.used())))
}

impl StatusLine {
    /// The extended response code, without its brackets: `IN-USE`, `SYS/TEMP` (RFC 2449 §8, RFC 3206).
    #[must_use]
    pub fn code(&self) -> Option<&[u8]> {
        let inside = self.text.strip_prefix(b"[")?;
        let end = inside.iter().position(|&byte| byte == b']')?;
        inside.get(..end)
    }
}

fn first_line(lines: &mut Lines<'_>) -> Result<Option<StatusLine>, Violation> {
    check_start(lines.rest())?;
    let Some(line) = lines.next()? else {
        return Ok(None);
    };
    let (indicator, rest) = if let Some(rest) = line.strip_prefix(b"+OK") {
        (Indicator::Ok, rest)
    } else if let Some(rest) = line.strip_prefix(b"-ERR") {
        (Indicator::Err, rest)
    } else {
        return Err(Violation::malformed(NO_STATUS, 0));
    };
    let text = match rest.split_first() {
        None => rest,
        Some((b' ', text)) => text,
        Some(_) => return Err(Violation::malformed(NO_STATUS, 0)),
    };
    Ok(Some(StatusLine {
        indicator,
        text: text.to_vec(),
    }))
}

/// Looks at as much as there is, so that a TLS alert or an IMAP greeting is told at once.
fn check_start(data: &[u8]) -> Result<(), Violation> {
    let expected: &[u8] = match data.first() {
        Some(b'-') => b"-ERR",
        _ => b"+OK",
    };
    match data
        .iter()
        .zip(expected)
        .position(|(got, want)| got != want)
    {
        Some(at) => Err(Violation::malformed(NO_STATUS, at)),
        None => Ok(()),
    }
}

const NO_STATUS: &str = "neither +OK nor -ERR";

#[cfg(test)]
mod tests {
    use super::super::ViolationKind;
    use super::super::line::{MAX_LINE, MAX_LINES};
    use super::*;

    fn say(indicator: Indicator, text: &str) -> StatusLine {
        StatusLine {
            indicator,
            text: text.into(),
        }
    }

    #[test]
    fn greetings_and_refusals_of_exchange() {
        for (data, indicator, text) in [
            (
                "+OK The Microsoft Exchange POP3 service is ready.\r\n",
                Indicator::Ok,
                "The Microsoft Exchange POP3 service is ready.",
            ),
            (
                "+OK The Microsoft Exchange POP3 service is ready. [SABFADEA]\r\n",
                Indicator::Ok,
                "The Microsoft Exchange POP3 service is ready. [SABFADEA]",
            ),
            (
                "+OK Begin TLS negotiation.\r\n",
                Indicator::Ok,
                "Begin TLS negotiation.",
            ),
            (
                "-ERR Connection is closed. 13\r\n",
                Indicator::Err,
                "Connection is closed. 13",
            ),
            (
                "-ERR BYE Connection refused\n",
                Indicator::Err,
                "BYE Connection refused",
            ),
            ("+OK\r\n", Indicator::Ok, ""),
            ("-ERR \r\n", Indicator::Err, ""),
        ] {
            let expected = say(indicator, text);
            assert_eq!(expected.code(), None);
            assert_eq!(status(data.as_bytes()), Ok(Some((expected, data.len()))));
        }
    }

    #[test]
    fn extended_response_codes() {
        let (got, _) = status(b"-ERR [SYS/TEMP] later\r\n")
            .expect("valid")
            .expect("whole");
        assert_eq!(got.code(), Some(&b"SYS/TEMP"[..]));
        assert_eq!(got.text, b"[SYS/TEMP] later");
        assert_eq!(say(Indicator::Err, "[open").code(), None);
    }

    #[test]
    fn capabilities_of_exchange() {
        let data = b"+OK\r\nTOP\r\nUIDL\r\nSASL NTLM GSSAPI PLAIN\r\nUSER\r\n.\r\nleft";
        let (got, used) = listing(data).expect("valid").expect("whole");
        assert_eq!(used, data.len() - 4);
        assert_eq!(got.status, say(Indicator::Ok, ""));
        assert_eq!(
            got.lines,
            [&b"TOP"[..], b"UIDL", b"SASL NTLM GSSAPI PLAIN", b"USER"]
        );
        for end in 0..used {
            assert_eq!(listing(&data[..end]), Ok(None), "{end}");
        }
    }

    #[test]
    fn listings_of_other_shapes() {
        let (got, used) = listing(b"-ERR Command is not valid in this state.\r\nTOP\r\n")
            .expect("valid")
            .expect("whole");
        assert_eq!((got.lines.len(), used), (0, 42));
        let (got, _) = listing(b"+OK\n..a\n...\n\n.\n")
            .expect("valid")
            .expect("whole");
        assert_eq!(got.lines, [&b".a"[..], b"..", b""]);
        let (got, _) = listing(b"+OK\r\n.\r\n").expect("valid").expect("whole");
        assert!(got.lines.is_empty());
    }

    #[test]
    fn empty_lines_keep_no_room_in_reserve() {
        let data = [&b"+OK\n"[..], &b"\n".repeat(33), b".\n"].concat();
        let (got, _) = listing(&data).expect("valid").expect("whole");
        assert_eq!((got.lines.len(), got.lines.capacity()), (33, 33));
    }

    #[test]
    fn what_is_no_answer_is_told_at_once() {
        for data in [
            &b"*"[..],
            b"+X",
            b"+ go",
            b"-O",
            b"+OKAY\r\n",
            b"-ERROR\r\n",
            b"\r\n",
            b"\x15\x03",
            b"220 a",
            b"+O\n",
            b"+ok\r\n",
        ] {
            for result in [status(data).map(drop), listing(data).map(drop)] {
                let violation = result.expect_err("no answer");
                assert_eq!(
                    violation.kind,
                    ViolationKind::Malformed,
                    "{}",
                    data.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn floods_end() {
        let long = [&b"+OK "[..], &[b'x'; MAX_LINE]].concat();
        assert_eq!(
            status(&long).expect_err("long").kind,
            ViolationKind::TooLong
        );
        let many = [&b"+OK\n"[..], &b"x\n".repeat(MAX_LINES)].concat();
        assert_eq!(
            listing(&many).expect_err("many").kind,
            ViolationKind::TooLong
        );
        assert!(status(&many).is_ok());
    }
}
