//! IMAP: responses in, commands out (RFC 3501 §7, RFC 9051 §7).
//!
//! Start at [`response`]; a server's greeting is one as well.

use super::line::Lines;
use super::{Decoded, Violation};

/// One response of the server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Response {
    /// The end of a command: `A1 OK CAPABILITY completed.`
    Tagged {
        /// The tag the command was sent with.
        tag: Vec<u8>,
        /// OK, NO or BAD, and why.
        condition: Condition,
    },
    /// A greeting, a goodbye or a remark: `* OK The Microsoft Exchange IMAP4 service is ready.`
    Untagged(Condition),
    /// `* CAPABILITY IMAP4 IMAP4rev1 …`: the words after `CAPABILITY`, raw. Compare without case.
    Capability(Vec<Vec<u8>>),
    /// Any other untagged data, after `* ` and without the last line ending; literals stand in it as they came.
    Data(Vec<u8>),
    /// `+ …`: the server waits for more.
    Continuation(Vec<u8>),
}

/// How something stands, and the server's words on it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Condition {
    /// OK, NO, BAD, PREAUTH or BYE.
    pub status: StatusWord,
    /// What follows, a response code in brackets included, raw; may be empty.
    pub text: Vec<u8>,
}

/// The status words (RFC 3501 §7.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StatusWord {
    /// Done, or greetings.
    Ok,
    /// Refused.
    No,
    /// Not understood.
    Bad,
    /// A greeting to someone already logged in: STARTTLS is over (RFC 3501 §6.2.1).
    PreAuth,
    /// The server is closing the connection.
    Bye,
}

/// One response.
///
/// # Errors
///
/// Malformed when it begins with neither `* `, `+`, nor a tag and a status; the first byte is judged without waiting
/// for the end of the line. Too long over the limits of [`line`](super::line): 8 KiB a line, 64 KiB in all, literals
/// included: `{4294967295}` is a violation as soon as it is announced.
pub fn response(data: &[u8]) -> Decoded<Response> {
    check_start(data)?;
    let mut lines = Lines::over(data);
    let Some(line) = lines.next()? else {
        return Ok(None);
    };
    let response = match line.split_first() {
        Some((b'*', rest)) => {
            let rest = rest.strip_prefix(b" ").unwrap_or(rest);
            let (word, text) = split_word(rest);
            match status(word) {
                Some(status) => Response::Untagged(condition(status, text)),
                None if word.eq_ignore_ascii_case(b"CAPABILITY") => {
                    Response::Capability(words(text))
                }
                None => match literals(line, &mut lines)? {
                    Some(()) => Response::Data(untagged_data(data, lines.used())),
                    None => return Ok(None),
                },
            }
        }
        Some((b'+', rest)) => {
            Response::Continuation(rest.strip_prefix(b" ").unwrap_or(rest).to_vec())
        }
        _ => tagged(line)?,
    };
    Ok(Some((response, lines.used())))
}

/// `A1 CAPABILITY`. What is not printable ASCII is left out.
#[must_use]
pub fn command(tag: &str, verb: &str) -> Vec<u8> {
    let mut command = Vec::new();
    command.extend(tag.bytes().filter(u8::is_ascii_graphic));
    command.push(b' ');
    command.extend(verb.bytes().filter(|byte| matches!(byte, b' '..=b'~')));
    command.extend(b"\r\n");
    command
}

impl Condition {
    /// The response code, without its brackets: `CAPABILITY IMAP4rev1 STARTTLS`, `ALERT` (RFC 3501 §7.1).
    #[must_use]
    pub fn code(&self) -> Option<&[u8]> {
        let inside = self.text.strip_prefix(b"[")?;
        let end = inside.iter().position(|&byte| byte == b']')?;
        inside.get(..end)
    }

    /// The capabilities that Dovecot and others put into a greeting: `[CAPABILITY …]`.
    #[must_use]
    pub fn capabilities(&self) -> Option<Vec<Vec<u8>>> {
        let (word, rest) = split_word(self.code()?);
        word.eq_ignore_ascii_case(b"CAPABILITY")
            .then(|| words(rest))
    }
}

/// Looks at as much as there is, so that a TLS alert or a POP3 greeting is told at once.
fn check_start(data: &[u8]) -> Result<(), Violation> {
    match data {
        // RFC 3501 §9 wants a space after the plus; a plus alone is understood as well
        [] | [b'*' | b'+'] | [b'*' | b'+', b' ', ..] | [b'+', b'\r' | b'\n', ..] => Ok(()),
        [b'*' | b'+', ..] => Err(Violation::malformed(NO_RESPONSE, 1)),
        [first, ..] if is_tag(*first) => Ok(()),
        _ => Err(Violation::malformed(NO_RESPONSE, 0)),
    }
}

const NO_RESPONSE: &str = "neither an untagged nor a tagged response";

fn tagged(line: &[u8]) -> Result<Response, Violation> {
    let (tag, rest) = split_word(line);
    if tag.is_empty() || !tag.iter().copied().all(is_tag) {
        return Err(Violation::malformed(NO_RESPONSE, 0));
    }
    let (word, text) = split_word(rest);
    match status(word) {
        Some(status @ (StatusWord::Ok | StatusWord::No | StatusWord::Bad)) => {
            Ok(Response::Tagged {
                tag: tag.to_vec(),
                condition: condition(status, text),
            })
        }
        _ => Err(Violation::malformed(
            "no OK, NO or BAD after the tag",
            tag.len().saturating_add(1),
        )),
    }
}

/// Goes on over the literals of a response: each announced at a line's end, followed by the rest of the line.
/// `None` when they are still to come.
fn literals(line: &[u8], lines: &mut Lines<'_>) -> Result<Option<()>, Violation> {
    let mut line = line;
    while let Some(length) = literal(line, lines.used())? {
        if lines.take(length)?.is_none() {
            return Ok(None);
        }
        match lines.next()? {
            Some(next) => line = next,
            None => return Ok(None),
        }
    }
    Ok(Some(()))
}

/// The length that a line announces at its end: `{310}` or `{310+}`.
fn literal(line: &[u8], at: usize) -> Result<Option<usize>, Violation> {
    let Some(inside) = line.strip_suffix(b"}") else {
        return Ok(None);
    };
    let Some(start) = inside.iter().rposition(|&byte| byte == b'{') else {
        return Ok(None);
    };
    let digits = inside.get(start.saturating_add(1)..).unwrap_or_default();
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    let length = digits.iter().try_fold(0_usize, |length, &digit| {
        length
            .checked_mul(10)?
            .checked_add(usize::from(digit - b'0'))
    });
    match length {
        Some(length) => Ok(Some(length)),
        None => Err(Violation::too_long("literal over 65536 bytes", at)),
    }
}

/// The bytes between `* ` and the last line ending.
fn untagged_data(data: &[u8], used: usize) -> Vec<u8> {
    let all = data.get(..used).unwrap_or_default();
    let all = all.strip_prefix(b"* ").unwrap_or(all);
    let all = all.strip_suffix(b"\n").unwrap_or(all);
    all.strip_suffix(b"\r").unwrap_or(all).to_vec()
}

fn condition(status: StatusWord, text: &[u8]) -> Condition {
    Condition {
        status,
        text: text.to_vec(),
    }
}

fn status(word: &[u8]) -> Option<StatusWord> {
    [
        ("OK", StatusWord::Ok),
        ("NO", StatusWord::No),
        ("BAD", StatusWord::Bad),
        ("PREAUTH", StatusWord::PreAuth),
        ("BYE", StatusWord::Bye),
    ]
    .into_iter()
    .find_map(|(name, status)| word.eq_ignore_ascii_case(name.as_bytes()).then_some(status))
}

/// The first word, and what follows the space after it.
fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|&byte| byte == b' ')
        .unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    (word, rest.strip_prefix(b" ").unwrap_or(rest))
}

fn words(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

/// What a tag is made of (RFC 3501 §9).
fn is_tag(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b'+')
}

#[cfg(test)]
mod tests {
    use super::super::ViolationKind;
    use super::*;

    fn whole(data: &[u8]) -> Response {
        match response(data) {
            Ok(Some((response, used))) => {
                assert_eq!(used, data.len());
                response
            }
            other => panic!("{other:?} for {}", data.escape_ascii()),
        }
    }

    fn untagged(status: StatusWord, text: &[u8]) -> Response {
        Response::Untagged(condition(status, text))
    }

    fn bytes(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn greetings_and_goodbyes() {
        for (data, expected) in [
            (
                &b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n"[..],
                untagged(
                    StatusWord::Ok,
                    b"The Microsoft Exchange IMAP4 service is ready.",
                ),
            ),
            (
                b"* BYE Connection is closed. 14\r\n",
                untagged(StatusWord::Bye, b"Connection is closed. 14"),
            ),
            (
                b"* PREAUTH hello\n",
                untagged(StatusWord::PreAuth, b"hello"),
            ),
            (b"* OK\r\n", untagged(StatusWord::Ok, b"")),
            (
                b"* ok bereit f\xfcr Sie\r\n",
                untagged(StatusWord::Ok, b"bereit f\xfcr Sie"),
            ),
            // the text of a condition has no literals, whatever it looks like
            (
                b"* OK ready {5}\r\n",
                untagged(StatusWord::Ok, b"ready {5}"),
            ),
        ] {
            assert_eq!(whole(data), expected);
        }
    }

    #[test]
    fn capabilities_of_exchange() {
        assert_eq!(
            whole(b"* CAPABILITY IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS UIDPLUS CHILDREN IDLE NAMESPACE LITERAL+\r\n"),
            Response::Capability(bytes(&[
                "IMAP4",
                "IMAP4rev1",
                "LOGINDISABLED",
                "STARTTLS",
                "UIDPLUS",
                "CHILDREN",
                "IDLE",
                "NAMESPACE",
                "LITERAL+"
            ]))
        );
        assert_eq!(whole(b"* CAPABILITY\r\n"), Response::Capability(vec![]));
        assert_eq!(
            whole(b"* capability  A \r\n"),
            Response::Capability(bytes(&["A"]))
        );
    }

    #[test]
    fn capabilities_in_the_greeting_of_dovecot() {
        let Response::Untagged(greeting) =
            whole(b"* OK [CAPABILITY IMAP4rev1 SASL-IR STARTTLS LOGINDISABLED] Dovecot ready.\r\n")
        else {
            panic!("no condition");
        };
        assert_eq!(
            greeting.capabilities(),
            Some(bytes(&[
                "IMAP4rev1",
                "SASL-IR",
                "STARTTLS",
                "LOGINDISABLED"
            ]))
        );
        let alert = condition(StatusWord::Ok, b"[ALERT] soon down");
        assert_eq!(
            (alert.code(), alert.capabilities()),
            (Some(&b"ALERT"[..]), None)
        );
        assert_eq!(
            condition(StatusWord::Ok, b"[CAPABILITY A").capabilities(),
            None
        );
    }

    #[test]
    fn ends_of_commands() {
        for (data, tag, status, text) in [
            (
                &b"A1 OK CAPABILITY completed.\r\n"[..],
                "A1",
                StatusWord::Ok,
                "CAPABILITY completed.",
            ),
            (
                b"A2 OK Begin TLS negotiation now.\r\n",
                "A2",
                StatusWord::Ok,
                "Begin TLS negotiation now.",
            ),
            (
                b"A2 BAD Could not establish TLS connection.\r\n",
                "A2",
                StatusWord::Bad,
                "Could not establish TLS connection.",
            ),
            (b"A3 NO\r\n", "A3", StatusWord::No, ""),
        ] {
            assert_eq!(
                whole(data),
                Response::Tagged {
                    tag: tag.into(),
                    condition: condition(status, text.as_bytes())
                }
            );
        }
    }

    #[test]
    fn other_data_and_its_literals() {
        assert_eq!(
            whole(b"* ID (\"name\" \"Microsoft.Exchange.Imap4.Imap4Server\" \"version\" \"15.20\")\r\n"),
            Response::Data(b"ID (\"name\" \"Microsoft.Exchange.Imap4.Imap4Server\" \"version\" \"15.20\")".to_vec())
        );
        assert_eq!(
            whole(b"* 23 EXISTS\r\n"),
            Response::Data(b"23 EXISTS".to_vec())
        );
        assert_eq!(
            whole(b"* 1 FETCH (BODY {4}\r\na\r\nb X {0+}\r\n)\r\n"),
            Response::Data(b"1 FETCH (BODY {4}\r\na\r\nb X {0+}\r\n)".to_vec())
        );
        assert_eq!(whole(b"* X {}\r\n"), Response::Data(b"X {}".to_vec()));
        assert_eq!(whole(b"* \r\n"), Response::Data(vec![]));
        assert_eq!(response(b"* X {3}\r\nabc"), Ok(None));
        assert_eq!(response(b"* X {65000}\r\nabc\r\n"), Ok(None));
    }

    #[test]
    fn huge_literals_are_refused_when_announced() {
        for data in [
            "* X {4294967295}\r\n".to_owned(),
            "* X {65536}\r\n".to_owned(),
            format!("* X {{{}}}\r\n", "9".repeat(100)),
            format!("* X {{60000}}\r\n{}{{60000}}\r\n", "x".repeat(60000)),
        ] {
            let violation = response(data.as_bytes()).expect_err("too long");
            assert_eq!(violation.kind, ViolationKind::TooLong);
        }
    }

    #[test]
    fn continuations() {
        assert_eq!(
            whole(b"+ go ahead\r\n"),
            Response::Continuation(b"go ahead".to_vec())
        );
        assert_eq!(whole(b"+\r\n"), Response::Continuation(vec![]));
    }

    #[test]
    fn what_is_no_response() {
        for data in [
            &b"+OK POP3 ready"[..],
            b"*OK",
            b"\x15\x03\x03",
            b"\r\n",
            b" ",
            b"220 mail.example.com ESMTP\r\n",
            b"A1\r\n",
            b"A1 BYE\r\n",
            b"A(1 OK\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
        ] {
            let violation = response(data).expect_err("no response");
            assert_eq!(
                violation.kind,
                ViolationKind::Malformed,
                "{}",
                data.escape_ascii()
            );
        }
        for data in [&b""[..], b"*", b"+", b"* ", b"A", b"* OK ready\r"] {
            assert_eq!(response(data), Ok(None));
        }
    }

    #[test]
    fn commands() {
        assert_eq!(command("A1", "CAPABILITY"), b"A1 CAPABILITY\r\n");
        assert_eq!(command("A1\r\n", "X\r\nY"), b"A1 XY\r\n");
    }
}
