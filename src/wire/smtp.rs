//! SMTP: replies in, commands out (RFC 5321 §4.2, enhanced codes RFC 2034 and 3463).
//!
//! Start at [`reply`]. What Cisco's inspection leaves of a greeting or a keyword is recognised by
//! [`is_masked_greeting`] and [`is_overwritten_keyword`].

use std::fmt;
use std::net::IpAddr;

use super::line::Lines;
use super::{Decoded, Violation};

/// Asks for TLS (RFC 3207 §4).
pub const STARTTLS: &[u8] = b"STARTTLS\r\n";

/// Says goodbye (RFC 5321 §4.1.1.10).
pub const QUIT: &[u8] = b"QUIT\r\n";

/// What the server answers: a code and at least one line of text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// 200 to 599, the same on all lines.
    pub code: u16,
    /// The enhanced code at the start of the first line's text, where there is one.
    pub enhanced: Option<Enhanced>,
    /// The text of each line after the code and its separator, raw; the enhanced code is left in. Never empty.
    pub lines: Vec<Vec<u8>>,
}

/// An enhanced status code: `5.7.3` (RFC 3463).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Enhanced {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

/// A line of the reply to EHLO: a keyword and what follows it (RFC 5321 §4.1.1.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Extension<'a> {
    /// `STARTTLS`, `SIZE`, `X-ANONYMOUSTLS`, as the server wrote it: compare without case.
    pub keyword: &'a [u8],
    /// What follows, `37748736` or `GSSAPI NTLM`; empty when nothing does.
    pub parameters: &'a [u8],
}

/// One reply, all its lines.
///
/// # Errors
///
/// Malformed when a line does not begin with a code from 200 to 599, or with another code than the first; this is told
/// by the first bytes, without waiting for the end of the line. Too long over the limits of [`line`](super::line):
/// 8 KiB a line, 200 lines, 64 KiB.
pub fn reply(data: &[u8]) -> Decoded<Reply> {
    let mut lines = Lines::over(data);
    let mut code = None;
    let mut texts = Vec::new();
    loop {
        let start = lines.used();
        check_start(lines.rest(), code, start)?;
        let Some(line) = lines.next()? else {
            return Ok(None);
        };
        let (number, more, text) = parts(line, start)?;
        code = Some(number);
        texts.push(text.to_vec());
        if matches!(more, More::Last) {
            let enhanced = texts.first().and_then(|text| enhanced(number, text));
            let reply = Reply {
                code: number,
                enhanced,
                lines: texts,
            };
            return Ok(Some((reply, lines.used())));
        }
    }
}

/// Our greeting. What is not printable ASCII is left out of the name, so that none can bring a second command.
#[must_use]
pub fn ehlo(name: &str) -> Vec<u8> {
    let mut command = b"EHLO ".to_vec();
    command.extend(name.bytes().filter(u8::is_ascii_graphic));
    command.extend(b"\r\n");
    command
}

/// An address as EHLO takes it: `[192.0.2.5]`, `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
#[must_use]
pub fn address_literal(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}

/// Whether a keyword of an EHLO reply was written over on the way: `XXXXXXXA` where `STARTTLS` stood, `XXXB`.
///
/// Cisco's ESMTP inspection replaces what it does not know by as many X, the last letter counting up. No registered
/// keyword looks like that.
#[must_use]
pub fn is_overwritten_keyword(keyword: &[u8]) -> bool {
    let Some((last, rest)) = keyword.split_last() else {
        return false;
    };
    last.is_ascii_uppercase() && rest.len() >= 3 && rest.iter().all(|&byte| byte == b'X')
}

/// Whether the text of a greeting was masked on the way: `****************0*2******0*****`.
///
/// Cisco PIX and ASA leave asterisks, digits and spaces of the greeting (`mask-banner`).
#[must_use]
pub fn is_masked_greeting(text: &[u8]) -> bool {
    text.windows(4).any(|four| four == b"****")
        && text
            .iter()
            .all(|byte| matches!(byte, b'*' | b' ') || byte.is_ascii_digit())
}

impl Reply {
    /// 2xx and 3xx: done, or go on.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// 4xx: not now.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// 5xx: not at all.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// All lines, joined by a space, raw: to be escaped before it is shown.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        self.lines.join(&b' ')
    }

    /// What a reply to EHLO offers: all lines but the first, which is the server's name.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'_>> {
        self.lines.iter().skip(1).map(|line| extension(line))
    }

    /// What the reply to EHLO says of one keyword, its case aside.
    #[must_use]
    pub fn extension(&self, keyword: &str) -> Option<Extension<'_>> {
        self.extensions()
            .find(|offered| offered.keyword.eq_ignore_ascii_case(keyword.as_bytes()))
    }
}

impl fmt::Display for Enhanced {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Whether another line follows.
enum More {
    Follows,
    Last,
}

/// Looks at as much of a line as there is, so that a TLS alert or an IMAP greeting is told at once.
fn check_start(rest: &[u8], code: Option<u16>, at: usize) -> Result<(), Violation> {
    let mut number = 0;
    for (place, &byte) in rest.iter().take(3).enumerate() {
        let fits = match place {
            0 => (b'2'..=b'5').contains(&byte),
            _ => byte.is_ascii_digit(),
        };
        if !fits {
            return Err(Violation::malformed(NO_CODE, at.saturating_add(place)));
        }
        number = number * 10 + u16::from(byte - b'0');
    }
    if rest.len() >= 3 && code.is_some_and(|code| code != number) {
        return Err(Violation::malformed(
            "lines of one reply differ in their code",
            at,
        ));
    }
    match rest.get(3) {
        None | Some(b' ' | b'-' | b'\r' | b'\n') => Ok(()),
        Some(_) => Err(Violation::malformed(NO_CODE, at.saturating_add(3))),
    }
}

const NO_CODE: &str = "no reply code from 200 to 599 at the start of the line";

/// Code, whether more follows, and text of one whole line. A code alone is a line too: `220`.
fn parts(line: &[u8], at: usize) -> Result<(u16, More, &[u8]), Violation> {
    let bad = || Violation::malformed(NO_CODE, at);
    let (digits, rest) = line.split_at_checked(3).ok_or_else(bad)?;
    let number = decimal(digits).ok_or_else(bad)?;
    match rest.split_first() {
        None => Ok((number, More::Last, rest)),
        Some((b' ', text)) => Ok((number, More::Last, text)),
        Some((b'-', text)) => Ok((number, More::Follows, text)),
        Some(_) => Err(bad()),
    }
}

/// The enhanced code that a text begins with, if it fits the reply's code.
fn enhanced(code: u16, text: &[u8]) -> Option<Enhanced> {
    let word = text.split(|&byte| byte == b' ').next()?;
    let mut numbers = word.split(|&byte| byte == b'.');
    let class = decimal(numbers.next()?)?;
    let subject = decimal(numbers.next()?)?;
    let detail = decimal(numbers.next()?)?;
    if numbers.next().is_some() || !quirk_class_fits(code, class) {
        return None;
    }
    Some(Enhanced {
        class: u8::try_from(class).ok()?,
        subject,
        detail,
    })
}

/// RFC 2034 §4 wants the class to be the code's first digit. Exchange mixes failures:
/// `451 5.7.3 STARTTLS is required to send mail`.
fn quirk_class_fits(code: u16, class: u16) -> bool {
    match class {
        2 => code < 300,
        4 | 5 => code >= 400,
        _ => false,
    }
}

/// One to three digits.
fn decimal(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 3 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0, |number, &digit| number * 10 + u16::from(digit - b'0')),
    )
}

fn extension(line: &[u8]) -> Extension<'_> {
    let line = line.trim_ascii();
    let end = line
        .iter()
        .position(|&byte| byte == b' ' || quirk_separates(byte))
        .unwrap_or(line.len());
    let (keyword, parameters) = line.split_at_checked(end).unwrap_or((line, &[]));
    Extension {
        keyword,
        parameters: parameters.get(1..).unwrap_or_default().trim_ascii(),
    }
}

/// `AUTH=LOGIN`: Postfix with `broken_sasl_auth_clients`, for an Outlook of old.
fn quirk_separates(byte: u8) -> bool {
    byte == b'='
}

#[cfg(test)]
mod tests {
    use super::super::ViolationKind;
    use super::super::line::{MAX_LINE, MAX_LINES};
    use super::*;

    const EXCHANGE_EHLO: &[u8] = b"250-mail01.hiboxy.com Hello [10.254.252.3]\r\n\
        250-SIZE 37748736\r\n\
        250-PIPELINING\r\n\
        250-DSN\r\n\
        250-ENHANCEDSTATUSCODES\r\n\
        250-STARTTLS\r\n\
        250-X-ANONYMOUSTLS\r\n\
        250-AUTH NTLM\r\n\
        250-X-EXPS GSSAPI NTLM\r\n\
        250-8BITMIME\r\n\
        250-BINARYMIME\r\n\
        250-CHUNKING\r\n\
        250-SMTPUTF8\r\n\
        250 XRDST\r\n";

    fn whole(data: &[u8]) -> Reply {
        match reply(data) {
            Ok(Some((reply, used))) => {
                assert_eq!(used, data.len());
                reply
            }
            other => panic!("{other:?} for {}", data.escape_ascii()),
        }
    }

    fn kind(data: &[u8]) -> ViolationKind {
        reply(data).expect_err("a violation").kind
    }

    #[test]
    fn greetings_of_exchange() {
        for text in [
            &b"mail01.hiboxy.com Microsoft ESMTP MAIL Service ready at Tue, 24 Sep 2024 04:21:14 +0000"[..],
            b"PN4P287CA0064.outlook.office365.com Microsoft ESMTP MAIL Service ready at Sat, 26 Apr 2025 18:08:13 +0000 \
              [08DD84B323498C1A]",
            b"MAIL01 MICROSOFT ESMTP MAIL SERVICE READY AT Tue, 24 Sep 2024 04:21:14 +0000",
        ] {
            let got = whole(&[b"220 ", text, b"\r\n"].concat());
            assert_eq!((got.code, got.enhanced), (220, None));
            assert_eq!(got.lines, [text]);
            assert!(got.is_positive());
        }
    }

    #[test]
    fn the_offer_of_exchange_2019() {
        let got = whole(EXCHANGE_EHLO);
        assert_eq!(got.code, 250);
        assert_eq!(got.lines.len(), 14);
        let size = got.extension("size").expect("SIZE");
        assert_eq!(size.parameters, b"37748736");
        assert_eq!(
            got.extension("X-EXPS").expect("X-EXPS").parameters,
            b"GSSAPI NTLM"
        );
        assert_eq!(got.extension("XRDST").expect("XRDST").parameters, b"");
        assert!(got.extension("starttls").is_some());
        assert!(got.extension("mail01.hiboxy.com").is_none());
    }

    #[test]
    fn odd_offers() {
        let got =
            whole(b"250-me\r\n250-AUTH=LOGIN PLAIN\r\n250-SIZE\r\n250-\r\n250  STARTTLS \r\n");
        let offers: Vec<_> = got.extensions().collect();
        assert_eq!(
            offers.iter().map(|offer| offer.keyword).collect::<Vec<_>>(),
            [&b"AUTH"[..], b"SIZE", b"", b"STARTTLS"]
        );
        assert_eq!(
            got.extension("auth").expect("AUTH").parameters,
            b"LOGIN PLAIN"
        );
    }

    #[test]
    fn enhanced_codes() {
        for (line, code) in [
            ("220 2.0.0 SMTP server ready", Some("2.0.0")),
            ("421 4.3.2 Service not available", Some("4.3.2")),
            ("451 5.7.3 STARTTLS is required to send mail", Some("5.7.3")),
            ("550 5.7.506 Access Denied, Bad HELO", Some("5.7.506")),
            ("500 5.3.3", Some("5.3.3")),
            ("250 4.1.1 no", None),
            ("220 10.0.0.1 ready", None),
            ("220 2.0 ready", None),
            ("220 2.0.0.0 ready", None),
            ("220 2.0.1000 ready", None),
            ("220 2..0 ready", None),
            ("550 2.0.0 no", None),
            ("220", None),
        ] {
            let got = whole(format!("{line}\r\n").as_bytes());
            assert_eq!(
                got.enhanced.map(|code| code.to_string()).as_deref(),
                code,
                "{line}"
            );
        }
    }

    #[test]
    fn endings_and_empty_texts() {
        assert_eq!(whole(b"220\r\n").lines, [b""]);
        assert_eq!(whole(b"220 \r\n").lines, [b""]);
        assert_eq!(whole(b"220-\n220-a\n220 b\n").text(), b" a b");
        assert_eq!(whole(b"220-a\r\n220\r\n").lines, [&b"a"[..], b""]);
        assert_eq!(whole(b"220 \0\r\x80\r\n").lines, [b"\0\r\x80"]);
    }

    #[test]
    fn takes_one_reply_and_leaves_the_rest() {
        let (first, used) = reply(b"220 ready\r\n500 what\r\n")
            .expect("valid")
            .expect("whole");
        assert_eq!((first.code, used), (220, 11));
    }

    #[test]
    fn waits_for_the_rest() {
        for end in 0..EXCHANGE_EHLO.len() {
            assert_eq!(reply(&EXCHANGE_EHLO[..end]), Ok(None), "{end}");
        }
    }

    #[test]
    fn what_is_no_reply_is_told_at_once() {
        for data in [
            &b"* OK"[..],
            b"+",
            b"\x15\x03\x03\x00\x02\x02\x28",
            b"199 a\r\n",
            b"600 a\r\n",
            b"099",
            b"22a",
            b"2200 a",
            b"220\ta",
            b"22\r\n",
            b"\r\n",
            b"220-a\r\n250",
            b"220-a\r\n\r\n",
            b"220\ra\n",
            b"HTTP/1.1 400",
        ] {
            assert_eq!(
                kind(data),
                ViolationKind::Malformed,
                "{}",
                data.escape_ascii()
            );
        }
        assert_eq!(reply(b"220-a\r\n250 b\r\n").expect_err("differs").at, 7);
    }

    #[test]
    fn floods_end() {
        assert_eq!(
            kind(&[&b"220 "[..], &[b'x'; MAX_LINE]].concat()),
            ViolationKind::TooLong
        );
        assert_eq!(
            kind(&b"220-\n".repeat(MAX_LINES + 1)),
            ViolationKind::TooLong
        );
    }

    #[test]
    fn commands() {
        assert_eq!(ehlo("[192.0.2.5]"), b"EHLO [192.0.2.5]\r\n");
        assert_eq!(ehlo("a\r\nMAIL FROM:<>"), b"EHLO aMAILFROM:<>\r\n");
        for (address, literal) in [
            ("192.0.2.5", "[192.0.2.5]"),
            ("2001:db8::1", "[IPv6:2001:db8::1]"),
            ("::1", "[IPv6:::1]"),
            ("::ffff:192.0.2.5", "[192.0.2.5]"),
        ] {
            assert_eq!(address_literal(address.parse().expect("address")), literal);
        }
    }

    #[test]
    fn what_cisco_leaves() {
        for keyword in ["XXXXXXXA", "XXXB", "XXXXXXXXXXXXXXXXXXXXXC"] {
            assert!(is_overwritten_keyword(keyword.as_bytes()), "{keyword}");
        }
        for keyword in [
            "", "A", "XXA", "STARTTLS", "XRDST", "XSHADOW", "X-EXPS", "XXXAA", "XXX1", "xxxa",
        ] {
            assert!(!is_overwritten_keyword(keyword.as_bytes()), "{keyword}");
        }
        for text in [
            "********************************",
            "****************0*2******0****************200* **0*00",
        ] {
            assert!(is_masked_greeting(text.as_bytes()), "{text}");
        }
        for text in ["", "***", "220 200", "**** mail.example.com"] {
            assert!(!is_masked_greeting(text.as_bytes()), "{text}");
        }
    }
}
