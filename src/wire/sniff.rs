//! What the first bytes look like when something else was expected: the diagnosis of a wrong port in one word.

/// What a peer seems to speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Spoken {
    /// `220 …`, and any other reply code. FTP greets the same way.
    Smtp,
    /// `* OK`, `* BYE`, `* PREAUTH`.
    Imap,
    /// `+OK`, `-ERR`.
    Pop3,
    /// `HTTP/`.
    Http,
    /// A page without a head: `<!DOCTYPE`, `<html`.
    Html,
    /// `SSH-`.
    Ssh,
    /// A TLS record with a handshake message.
    TlsHandshake,
    /// A TLS record with an alert.
    TlsAlert {
        /// 1 warning, 2 fatal; `None` when not yet there, or encrypted.
        level: Option<u8>,
        /// What it says, by its number (RFC 8446 §6); `None` as above.
        description: Option<u8>,
    },
    /// TPKT.
    Rdp,
    /// A BER sequence that begins with a number.
    Ldap,
}

/// Judges by the first bytes, of which only the first 32 are looked at.
///
/// `None` when they are unknown, or too few to tell. More bytes can turn `None` into an answer and complete an alert;
/// no answer turns into another.
#[must_use]
pub fn sniff(first: &[u8]) -> Option<Spoken> {
    let first = first.get(..32).unwrap_or(first);
    match first {
        [0x15, 3, 0..=4, rest @ ..] => Some(alert(rest)),
        [0x16, 3, 0..=4, ..] => Some(Spoken::TlsHandshake),
        [3, 0, high, _, ..] if *high < 2 => Some(Spoken::Rdp),
        [0x30, rest @ ..] => is_numbered_sequence(rest).then_some(Spoken::Ldap),
        [b'2'..=b'5', tens, ones, b' ' | b'-' | b'\r' | b'\n', ..]
            if tens.is_ascii_digit() && ones.is_ascii_digit() =>
        {
            Some(Spoken::Smtp)
        }
        [b'+', b'O', b'K', ..] | [b'-', b'E', b'R', b'R', ..] => Some(Spoken::Pop3),
        [b'*', b' ', rest @ ..] => ["OK", "BYE", "PREAUTH", "NO", "BAD"]
            .iter()
            .any(|word| begins(rest, word))
            .then_some(Spoken::Imap),
        [b'H', b'T', b'T', b'P', b'/', ..] => Some(Spoken::Http),
        [b'S', b'S', b'H', b'-', ..] => Some(Spoken::Ssh),
        _ => is_page(first).then_some(Spoken::Html),
    }
}

/// After type and version: two bytes of length, which are 2 when the alert is in clear.
fn alert(rest: &[u8]) -> Spoken {
    let (level, description) = match rest {
        [0, 2, level, description, ..] => (Some(*level), Some(*description)),
        [0, 2, level] => (Some(*level), None),
        _ => (None, None),
    };
    Spoken::TlsAlert { level, description }
}

/// After the sequence's tag: a length in any definite form, then an INTEGER.
fn is_numbered_sequence(rest: &[u8]) -> bool {
    match rest.split_first() {
        Some((0..=0x7f, content)) => content.first() == Some(&2),
        Some((&form @ 0x81..=0x84, rest)) => rest.get(usize::from(form & 0x7f)) == Some(&2),
        _ => false,
    }
}

/// White space and a byte order mark aside, an angle bracket and a name.
fn is_page(first: &[u8]) -> bool {
    let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    let text = text.trim_ascii_start();
    ["<!DOCTYPE", "<!--", "<html", "<head", "<body", "<?xml"]
        .iter()
        .any(|start| begins(text, start))
}

fn begins(text: &[u8], word: &str) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_peers_begin_with() {
        let alert = |level, description| Spoken::TlsAlert { level, description };
        for (first, spoken) in [
            (
                &b"220 mail01 Microsoft ESMTP MAIL Service ready"[..],
                Some(Spoken::Smtp),
            ),
            (b"421 4.3.2 Service not available", Some(Spoken::Smtp)),
            (b"554-gateway", Some(Spoken::Smtp)),
            (
                b"* OK The Microsoft Exchange IMAP4 service is ready.",
                Some(Spoken::Imap),
            ),
            (b"* BYE Connection is closed. 14", Some(Spoken::Imap)),
            (
                b"+OK The Microsoft Exchange POP3 service is ready.",
                Some(Spoken::Pop3),
            ),
            (b"-ERR Connection is closed. 13", Some(Spoken::Pop3)),
            (b"HTTP/1.1 400 Bad Request", Some(Spoken::Http)),
            (b"\r\n<!doctype html>", Some(Spoken::Html)),
            (b"\xef\xbb\xbf<HTML>", Some(Spoken::Html)),
            (b"SSH-2.0-OpenSSH_9.2", Some(Spoken::Ssh)),
            (b"\x16\x03\x03\x00\x7a\x02", Some(Spoken::TlsHandshake)),
            (
                b"\x15\x03\x03\x00\x02\x02\x28",
                Some(alert(Some(2), Some(40))),
            ),
            (b"\x15\x03\x01\x00\x02\x02", Some(alert(Some(2), None))),
            (b"\x15\x03\x03", Some(alert(None, None))),
            (b"\x15\x03\x03\x00\x1a\x00\x00", Some(alert(None, None))),
            (b"\x03\x00\x00\x13\x0e\xd0", Some(Spoken::Rdp)),
            (b"\x30\x0c\x02\x01\x01\x78", Some(Spoken::Ldap)),
            (b"\x30\x24\x02\x01\x00\x78", Some(Spoken::Ldap)),
            (b"\x30\x84\x00\x00\x00\x28\x02\x01\x01", Some(Spoken::Ldap)),
        ] {
            assert_eq!(sniff(first), spoken, "{}", first.escape_ascii());
        }
    }

    #[test]
    fn what_is_unknown_or_too_short() {
        for first in [
            &b""[..],
            b"2",
            b"220",
            b"2200 ",
            b"999 x",
            b"* ",
            b"* HELLO",
            b"+",
            b"HTTP",
            b"<3",
            b"\x16\x03",
            b"\x16\x02\x00",
            b"\x03\x00\xff\xff",
            b"0123",
            b"\x30\x80\x02",
            b"\x30\x84\x00\x00",
            b"\0\0\0\0",
        ] {
            assert_eq!(sniff(first), None, "{}", first.escape_ascii());
        }
    }
}
