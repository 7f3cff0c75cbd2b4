//! What a server answers to a `ClientHello`: records, the handshake messages in them, up to where cryptography begins.

use super::suites::{SuiteKeyExchange, suite};
use super::version::ProtocolVersion;
use crate::wire::{Decoded, Violation};

/// Bytes of one answer that are read at the most.
pub const MAX_FLIGHT: usize = 64 * 1024;

/// Bytes of one record at the most (RFC 5246 §6.2.3).
const MAX_RECORD: usize = 16 * 1024 + 2048;

/// Certificates of one chain that are read at the most.
pub const MAX_CERTIFICATES: usize = 64;

/// The random of a `ServerHello` that is a `HelloRetryRequest` (RFC 8446 §4.1.3): SHA-256 of that word.
const HELLO_RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// The first answer of a server, as far as it comes in clear.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Flight {
    /// What the server chose.
    pub hello: Option<ServerHello>,
    /// Its chain as sent, leaf first, each in DER.
    pub certificates: Vec<Vec<u8>>,
    /// How the key is to be agreed on, where the server says.
    pub agreement: Option<Agreement>,
    /// What it signed of that, in TLS 1.2.
    pub signed: Option<Signed>,
    /// Whether it asks for a client certificate.
    pub certificate_requested: bool,
    /// The last alert: the one that ended it, or a warning before.
    pub alert: Option<Alert>,
    /// How it ended; `None` while more is to come.
    pub end: Option<End>,
}

/// What a server chose (RFC 5246 §7.4.1.3, RFC 8446 §4.1.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ServerHello {
    /// The version.
    pub version: ProtocolVersion,
    /// The suite by its number.
    pub cipher_suite: u16,
    /// The server's random bytes.
    pub random: [u8; 32],
}

/// How the key is to be agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Agreement {
    /// In the group of that number.
    Group(u16),
    /// Diffie-Hellman with a prime of so many bits.
    Prime(u32),
}

/// A signed key exchange (RFC 5246 §7.4.3): over the client's random bytes, the server's, and the parameters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signed {
    /// The parameters as they came.
    pub parameters: Vec<u8>,
    /// How they are signed, by its number (RFC 8446 §4.2.3; in TLS 1.2 a hash and a kind of key).
    pub scheme: u16,
    /// The signature.
    pub signature: Vec<u8>,
}

/// An alert in clear.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Alert {
    /// 1 warning, 2 fatal.
    pub level: u8,
    /// What it says, by its number (RFC 8446 §6).
    pub description: u8,
}

/// How a flight ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// `ServerHelloDone`: it is the client's turn.
    HelloDone,
    /// TLS 1.3: the server asks for another `ClientHello`.
    HelloRetry,
    /// TLS 1.3: the rest is encrypted.
    Encrypted,
    /// A fatal alert, or a goodbye.
    Alert,
}

/// Decodes a whole flight: up to its end, in whole records.
///
/// # Errors
/// What came is not TLS, breaks its grammar, or is over a limit.
pub fn flight(data: &[u8]) -> Decoded<Flight> {
    let mut reader = Reader::default();
    match reader.read(data)? {
        Some(used) => Ok(Some((reader.flight, used))),
        None => Ok(None),
    }
}

/// What has come of a flight that will not go on: the whole messages before the end, or before what is wrong.
#[must_use]
pub fn flight_so_far(data: &[u8]) -> Flight {
    let mut reader = Reader::default();
    let _ = reader.read(data);
    reader.flight
}

#[derive(Debug, Default)]
struct Reader {
    flight: Flight,
    /// Handshake messages that are not whole yet: they may span records.
    unread: Vec<u8>,
}

impl Reader {
    /// Reads records until the flight ends; the bytes used then.
    fn read(&mut self, data: &[u8]) -> Result<Option<usize>, Violation> {
        let mut at = 0;
        loop {
            let Some((kind, length)) = header(data, at)? else {
                return Ok(None);
            };
            let begin = at + HEADER;
            let Some(content) = data.get(begin..begin + length) else {
                return Ok(None);
            };
            match kind {
                ALERT => self.alert(content),
                _ => self.messages(content),
            }
            .map_err(|violation| Violation { at, ..violation })?;
            at = begin + length;
            if self.flight.end.is_some() {
                return Ok(Some(at));
            }
        }
    }

    fn alert(&mut self, content: &[u8]) -> Result<(), Violation> {
        let &[level @ 1..=2, description] = content else {
            return Err(malformed("an alert that is none"));
        };
        self.flight.alert = Some(Alert { level, description });
        // close_notify is a warning, and the end
        if level == 2 || description == 0 {
            self.flight.end = Some(End::Alert);
        }
        Ok(())
    }

    fn messages(&mut self, content: &[u8]) -> Result<(), Violation> {
        let mut unread = std::mem::take(&mut self.unread);
        unread.extend(content);
        let mut rest = Bytes(&unread);
        while self.flight.end.is_none() {
            let mut next = rest;
            let (Some(kind), Some(length)) = (next.u8(), next.u24()) else {
                break;
            };
            if length > MAX_FLIGHT {
                return Err(Violation::too_long("a handshake message over 64 KiB", 0));
            }
            let Some(body) = next.take(length) else {
                break;
            };
            self.message(kind, body)?;
            rest = next;
        }
        let read = unread.len() - rest.0.len();
        unread.drain(..read);
        self.unread = unread;
        Ok(())
    }

    /// One whole handshake message (RFC 5246 §7.4).
    fn message(&mut self, kind: u8, body: Bytes<'_>) -> Result<(), Violation> {
        match (kind, self.flight.hello) {
            (HELLO_REQUEST | CERTIFICATE_STATUS | SUPPLEMENTAL_DATA, _) => Ok(()),
            (SERVER_HELLO, None) => self.server_hello(body),
            (SERVER_HELLO, Some(_)) => Err(malformed("a second ServerHello")),
            (_, None) => Err(malformed("a handshake that begins with no ServerHello")),
            (CERTIFICATE, Some(_)) if self.flight.certificates.is_empty() => {
                self.certificates(body)
            }
            (SERVER_KEY_EXCHANGE, Some(hello)) => {
                self.flight.agreement = agreement(body, hello.cipher_suite);
                self.flight.signed = (hello.version == ProtocolVersion::Tls12)
                    .then(|| signed(body, hello.cipher_suite))
                    .flatten();
                Ok(())
            }
            (CERTIFICATE_REQUEST, Some(_)) => {
                self.flight.certificate_requested = true;
                Ok(())
            }
            (SERVER_HELLO_DONE, Some(_)) => {
                self.flight.end = Some(End::HelloDone);
                Ok(())
            }
            _ => Err(malformed("a handshake message that is not due")),
        }
    }

    fn server_hello(&mut self, mut body: Bytes<'_>) -> Result<(), Violation> {
        let cut = || malformed("a ServerHello that is cut short");
        let version = body.u16().ok_or_else(cut)?;
        let random = body.array().ok_or_else(cut)?;
        let session = body.u8().ok_or_else(cut)?;
        body.take(usize::from(session)).ok_or_else(cut)?;
        let cipher_suite = body.u16().ok_or_else(cut)?;
        let _compression = body.u8().ok_or_else(cut)?;
        // None of them is allowed to be there up to SSL 3.0, and none has to be up to TLS 1.2.
        let mut extensions = match body.u16() {
            Some(length) => body.take(usize::from(length)).ok_or_else(cut)?,
            None => Bytes(&[]),
        };
        let mut chosen = ProtocolVersion::from_number(version);
        let mut group = None;
        while !extensions.0.is_empty() {
            let kind = extensions.u16().ok_or_else(cut)?;
            let length = extensions.u16().ok_or_else(cut)?;
            let mut content = extensions.take(usize::from(length)).ok_or_else(cut)?;
            match kind {
                SUPPORTED_VERSIONS => chosen = content.u16().and_then(ProtocolVersion::from_number),
                KEY_SHARE => group = content.u16(),
                _ => {}
            }
        }
        let version = chosen.ok_or_else(|| malformed("a version that nobody asked for"))?;
        self.flight.hello = Some(ServerHello {
            version,
            cipher_suite,
            random,
        });
        if version == ProtocolVersion::Tls13 {
            self.flight.agreement = group.map(Agreement::Group);
            self.flight.end = Some(if random == HELLO_RETRY {
                End::HelloRetry
            } else {
                End::Encrypted
            });
        }
        Ok(())
    }

    fn certificates(&mut self, mut body: Bytes<'_>) -> Result<(), Violation> {
        let cut = || malformed("a chain that is cut short");
        let length = body.u24().ok_or_else(cut)?;
        let mut list = body.take(length).ok_or_else(cut)?;
        let mut found = Vec::new();
        while !list.0.is_empty() {
            if found.len() == MAX_CERTIFICATES {
                return Err(Violation::too_long("more than 64 certificates", 0));
            }
            let length = list.u24().ok_or_else(cut)?;
            let certificate = list.take(length).ok_or_else(cut)?;
            if certificate.0.is_empty() {
                return Err(malformed("an empty certificate"));
            }
            found.push(certificate.0.to_vec());
        }
        self.flight.certificates = found;
        Ok(())
    }
}

/// The parameters that begin a `ServerKeyExchange` (RFC 5246 §7.4.3, RFC 8422 §5.4).
fn agreement(mut body: Bytes<'_>, cipher_suite: u16) -> Option<Agreement> {
    const NAMED_CURVE: u8 = 3;
    match suite(cipher_suite)?.key_exchange {
        SuiteKeyExchange::Ecdhe => match body.u8()? {
            NAMED_CURVE => body.u16().map(Agreement::Group),
            _ => None,
        },
        SuiteKeyExchange::Dhe => {
            let length = body.u16()?;
            let prime = body.take(usize::from(length))?.0;
            let leading = prime.iter().take_while(|byte| **byte == 0).count();
            let significant = prime.get(leading..)?;
            let unused = significant.first()?.leading_zeros();
            let bits = u32::try_from(significant.len()).ok()?.checked_mul(8)?;
            bits.checked_sub(unused).map(Agreement::Prime)
        }
        SuiteKeyExchange::Rsa | SuiteKeyExchange::Tls13 => None,
    }
}

/// The parameters of a `ServerKeyExchange` and what signs them (RFC 5246 §7.4.3, RFC 8422 §5.4).
fn signed(body: Bytes<'_>, cipher_suite: u16) -> Option<Signed> {
    let mut rest = body;
    match suite(cipher_suite)?.key_exchange {
        SuiteKeyExchange::Ecdhe => {
            // the kind of curve, and its number
            rest.take(3)?;
            let point = rest.u8()?;
            rest.take(usize::from(point))?;
        }
        SuiteKeyExchange::Dhe => {
            // prime, generator, public value
            for _ in 0..3 {
                let length = rest.u16()?;
                rest.take(usize::from(length))?;
            }
        }
        SuiteKeyExchange::Rsa | SuiteKeyExchange::Tls13 => return None,
    }
    let parameters = body.0.get(..body.0.len() - rest.0.len())?.to_vec();
    let scheme = rest.u16()?;
    let length = rest.u16()?;
    let signature = rest.take(usize::from(length))?.0.to_vec();
    rest.0.is_empty().then_some(Signed {
        parameters,
        scheme,
        signature,
    })
}

const HEADER: usize = 5;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

const HELLO_REQUEST: u8 = 0;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;
const CERTIFICATE_STATUS: u8 = 22;
const SUPPLEMENTAL_DATA: u8 = 23;

const SUPPORTED_VERSIONS: u16 = 0x002b;
const KEY_SHARE: u16 = 0x0033;

/// Kind and length of the record that begins there; wrong bytes are told as soon as they come.
fn header(data: &[u8], at: usize) -> Result<Option<(u8, usize)>, Violation> {
    let not_tls = |at| Violation::malformed("no TLS record", at);
    if at + HEADER > MAX_FLIGHT {
        return Err(Violation::too_long("a handshake over 64 KiB", at));
    }
    let byte = |offset: usize| data.get(at + offset).copied();
    let Some(kind) = byte(0) else {
        return Ok(None);
    };
    if !matches!(kind, ALERT | HANDSHAKE) {
        return Err(not_tls(at));
    }
    if byte(1).is_some_and(|major| major != 3) {
        return Err(not_tls(at));
    }
    if byte(2).is_some_and(|minor| minor > 4) {
        return Err(not_tls(at));
    }
    let (Some(high), Some(low)) = (byte(3), byte(4)) else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length == 0 {
        return Err(Violation::malformed("an empty TLS record", at));
    }
    if length > MAX_RECORD {
        return Err(Violation::malformed("a TLS record over 18 KiB", at));
    }
    if at + HEADER + length > MAX_FLIGHT {
        return Err(Violation::too_long("a handshake over 64 KiB", at));
    }
    Ok(Some((kind, length)))
}

fn malformed(what: &'static str) -> Violation {
    Violation::malformed(what, 0)
}

/// Bytes that are read from the front.
#[derive(Clone, Copy, Debug)]
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take(&mut self, length: usize) -> Option<Self> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Bytes(taken))
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.0.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.0.try_into().ok()
    }

    fn u24(&mut self) -> Option<usize> {
        let &[high, middle, low] = self.take(3)?.0 else {
            return None;
        };
        usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ViolationKind;

    /// TLS 1.2, ECDHE-RSA-AES256-SHA384, as Windows Server 2012 R2 answers: all messages in one record.
    fn server_2012() -> Vec<u8> {
        let hello = message(
            SERVER_HELLO,
            &server_hello([3, 3], 0xc028, &[0xff, 1, 0, 1, 0]),
        );
        let chain = message(CERTIFICATE, b"\0\0\x0a\0\0\x03abc\0\0\x01d");
        let key = message(SERVER_KEY_EXCHANGE, b"\x03\x00\x18rest");
        let done = message(SERVER_HELLO_DONE, b"");
        record(HANDSHAKE, &[hello, chain, key, done].concat())
    }

    fn server_hello(version: [u8; 2], suite: u16, extensions: &[u8]) -> Vec<u8> {
        let mut body = [version.as_slice(), &[9; 32], &[2, 7, 7]].concat();
        body.extend(suite.to_be_bytes());
        body.push(0);
        if !extensions.is_empty() {
            body.extend([0, u8::try_from(extensions.len()).expect("few")]);
            body.extend(extensions);
        }
        body
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let [_, high, middle, low] = u32::try_from(body.len()).expect("few").to_be_bytes();
        [&[kind, high, middle, low], body].concat()
    }

    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(content.len()).expect("few").to_be_bytes();
        [&[kind, 3, 3, high, low], content].concat()
    }

    #[test]
    fn coalesced_messages() {
        let bytes = server_2012();
        let (flight, used) = flight(&bytes).expect("TLS").expect("whole");
        assert_eq!(used, bytes.len());
        assert_eq!(
            flight.hello,
            Some(ServerHello {
                version: ProtocolVersion::Tls12,
                cipher_suite: 0xc028,
                random: [9; 32]
            })
        );
        assert_eq!(flight.certificates, [b"abc".to_vec(), b"d".to_vec()]);
        assert_eq!(flight.agreement, Some(Agreement::Group(0x18)));
        assert_eq!(flight.end, Some(End::HelloDone));
        assert!(!flight.certificate_requested);
    }

    #[test]
    fn fragmented_messages() {
        let whole = server_2012();
        for size in [1, 2, 3, 7, 50] {
            let records: Vec<u8> = whole[HEADER..]
                .chunks(size)
                .flat_map(|chunk| record(HANDSHAKE, chunk))
                .collect();
            let in_parts = flight(&records).expect("TLS").expect("whole");
            assert_eq!(in_parts.1, records.len());
            assert_eq!(
                Some(in_parts.0),
                flight(&whole).expect("TLS").map(|(flight, _)| flight)
            );
        }
    }

    #[test]
    fn no_extensions_and_ssl_3() {
        let bytes = record(
            HANDSHAKE,
            &[
                message(SERVER_HELLO, &server_hello([3, 0], 0x0005, &[])),
                message(CERTIFICATE, b"\0\0\0"),
                message(CERTIFICATE_REQUEST, b"\x01\x01\0\0"),
                message(SERVER_HELLO_DONE, b""),
            ]
            .concat(),
        );
        let (flight, _) = flight(&bytes).expect("TLS").expect("whole");
        let hello = flight.hello.expect("a hello");
        assert_eq!(
            (hello.version, hello.cipher_suite),
            (ProtocolVersion::Ssl3, 5)
        );
        assert!(flight.certificate_requested && flight.certificates.is_empty());
        assert_eq!(flight.agreement, None);
    }

    #[test]
    fn bits_of_a_prime() {
        let hello = message(SERVER_HELLO, &server_hello([3, 1], 0x0039, &[]));
        for (prime, bits) in [
            (&b"\0\x04\x80\0\0\0"[..], Some(Agreement::Prime(32))),
            (b"\0\x04\0\0\x01\0", Some(Agreement::Prime(9))),
            (b"\0\x02\0\0", None),
            (b"\0\x09\x01", None),
        ] {
            let key = message(SERVER_KEY_EXCHANGE, prime);
            let bytes = record(HANDSHAKE, &[hello.as_slice(), &key].concat());
            assert_eq!(flight_so_far(&bytes).agreement, bits);
        }
    }

    #[test]
    fn what_is_signed_is_read_in_tls_1_2_and_only_whole() {
        let ecdhe = b"\x03\x00\x17\x02ab\x04\x03\x00\x03sig";
        let dhe = b"\0\x01p\0\x01g\0\x01y\x04\x01\x00\x03sig";
        let read = |version, suite, key: &[u8]| {
            let hello = message(SERVER_HELLO, &server_hello(version, suite, &[]));
            let key = message(SERVER_KEY_EXCHANGE, key);
            flight_so_far(&record(HANDSHAKE, &[hello, key].concat())).signed
        };
        for (suite, key, scheme) in [
            (0xc028, ecdhe.as_slice(), 0x0403),
            (0x0067, dhe.as_slice(), 0x0401),
        ] {
            let signed = read([3, 3], suite, key).expect("it is signed");
            assert_eq!(signed.parameters, key[..key.len() - 7], "{suite:#x}");
            assert_eq!(
                (signed.scheme, signed.signature.as_slice()),
                (scheme, &b"sig"[..])
            );
            for cut in 0..key.len() {
                assert_eq!(read([3, 3], suite, &key[..cut]), None, "{cut}");
            }
            assert_eq!(read([3, 3], suite, &[key, b"more"].concat()), None);
            // TLS 1.1 does not say how; a suite with RSA key exchange signs nothing.
            assert_eq!(read([3, 2], suite, key), None);
            assert_eq!(read([3, 3], 0x003c, key), None);
        }
    }

    #[test]
    fn tls_13_asks_for_a_key() {
        let mut body = server_hello(
            [3, 3],
            0x1302,
            &[0, 0x2b, 0, 2, 3, 4, 0, 0x33, 0, 2, 0, 0x1d],
        );
        let bytes = record(HANDSHAKE, &message(SERVER_HELLO, &body));
        let (encrypted, _) = flight(&bytes).expect("TLS").expect("whole");
        assert_eq!(encrypted.end, Some(End::Encrypted));
        body[2..34].copy_from_slice(&HELLO_RETRY);
        let bytes = record(HANDSHAKE, &message(SERVER_HELLO, &body));
        let (retry, _) = flight(&bytes).expect("TLS").expect("whole");
        assert_eq!(retry.end, Some(End::HelloRetry));
        assert_eq!(
            retry.hello.map(|hello| hello.version),
            Some(ProtocolVersion::Tls13)
        );
        assert_eq!(retry.agreement, Some(Agreement::Group(0x1d)));
    }

    #[test]
    fn alerts_end_it_and_warnings_do_not() {
        let fatal = record(ALERT, &[2, 40]);
        let (alone, used) = flight(&fatal).expect("TLS").expect("whole");
        assert_eq!(
            (alone.alert, used),
            (
                Some(Alert {
                    level: 2,
                    description: 40
                }),
                7
            )
        );
        assert_eq!(alone.end, Some(End::Alert));

        let warning = record(ALERT, &[1, 112]);
        assert_eq!(flight(&warning), Ok(None));
        assert_eq!(
            flight_so_far(&warning).alert,
            Some(Alert {
                level: 1,
                description: 112
            })
        );
        let (warned, _) = flight(&[warning, server_2012()].concat())
            .expect("TLS")
            .expect("whole");
        assert_eq!(warned.alert.map(|alert| alert.description), Some(112));
        assert_eq!(warned.end, Some(End::HelloDone));

        let goodbye = record(ALERT, &[1, 0]);
        assert!(matches!(flight(&goodbye), Ok(Some(_))));
    }

    #[test]
    fn what_came_before_the_end_is_kept() {
        let bytes = server_2012();
        let hello_only = record(HANDSHAKE, &bytes[HEADER..HEADER + 60]);
        assert_eq!(flight(&hello_only), Ok(None));
        let so_far = flight_so_far(&hello_only);
        assert_eq!(so_far.hello.map(|hello| hello.cipher_suite), Some(0xc028));
        assert_eq!(so_far.end, None);
        let wrong_later = [hello_only.as_slice(), b"220 ready"].concat();
        assert!(flight(&wrong_later).is_err());
        assert_eq!(flight_so_far(&wrong_later), so_far);
    }

    #[test]
    fn what_is_not_tls() {
        for (bytes, at) in [
            (&b"220 mail ready\r\n"[..], 0),
            (b"\x16\x02", 0),
            (b"\x16\x03\x09", 0),
            (b"\x16\x03\x01\0\0", 0),
            (b"\x16\x03\x01\xff\xff", 0),
            (b"\x17\x03\x03\0\x02ab", 0),
            (b"\x15\x03\x03\0\x02\x03\x28", 0),
            (b"\x15\x03\x03\0\x03\x02\x28\0", 0),
            (b"\x16\x03\x03\0\x04\x0e\0\0\0", 0),
            (b"\x15\x03\x03\0\x02\x01\x70HTTP/1.1", 7),
        ] {
            let violation = flight(bytes).expect_err("no TLS");
            assert_eq!(
                (violation.kind, violation.at),
                (ViolationKind::Malformed, at),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn limits() {
        let hello = message(SERVER_HELLO, &server_hello([3, 3], 0xc028, &[]));
        let many = |count: usize| {
            let list = b"\0\0\x01x".repeat(count);
            let [_, high, middle, low] = u32::try_from(list.len()).expect("few").to_be_bytes();
            let chain = message(
                CERTIFICATE,
                &[&[high, middle, low], list.as_slice()].concat(),
            );
            record(HANDSHAKE, &[hello.as_slice(), &chain].concat())
        };
        assert_eq!(flight_so_far(&many(64)).certificates.len(), 64);
        assert_eq!(
            flight(&many(65)).expect_err("too many").kind,
            ViolationKind::TooLong
        );
        let huge = record(HANDSHAKE, &[CERTIFICATE, 0xff, 0xff, 0xff]);
        assert_eq!(
            flight(&huge).expect_err("too long").kind,
            ViolationKind::TooLong
        );
        let warning = record(ALERT, &[1, 90]);
        let endless = warning.repeat(MAX_FLIGHT / warning.len() + 1);
        assert_eq!(
            flight(&endless).expect_err("too long").kind,
            ViolationKind::TooLong
        );
    }
}
