//! TLS handshakes: the real one, and those that go wrong, which are literal bytes.
//!
//! What goes wrong does so at the first word: nothing here is ever encrypted. Up to TLS 1.2 a server shows its
//! certificate in clear (RFC 5246 §7.4.2), and in TLS 1.2 it signs how the key is to be agreed on: who did not could be
//! anybody, so the real key does it here as well.

use super::extent::Extent;
use super::faults::Fault;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// The longest record there is (RFC 5246 §6.2.1), with its header; a `ClientHello` is in one.
pub(super) const LONGEST_RECORD: usize = 5 + 16_384;

const TLS_1_0: u16 = 0x0301;
const TLS_1_2: u16 = 0x0303;

const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;
const UNRECOGNIZED_NAME: u8 = 112;

/// The stand-in's keys are P-256, so the old suites are those for ECDSA:
/// `TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384` and `TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA`.
const CBC_OF_1_2: u16 = 0xc024;
const CBC_OF_1_0: u16 = 0xc00a;

/// `TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384`.
const GCM_OF_1_2: u16 = 0xc02c;

/// How a client says that it knows secure renegotiation (RFC 5746 §3.3, §3.4): as a suite or as an extension.
const SECURE_RENEGOTIATION: u16 = 0x00ff;
const RENEGOTIATION_INFO: u16 = 0xff01;
const SUPPORTED_VERSIONS: u16 = 0x002b;
const SUPPORTED_GROUPS: u16 = 0x000a;

/// The server's random bytes: nothing is encrypted with them.
const RANDOM: [u8; 32] = [0x5a; 32];

/// The generator of P-256 as an uncompressed point (FIPS 186-4 §D.1.2.3): it stands where a fresh key belongs.
const POINT: &[u8; 65] = b"\x04\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\
\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\
\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";

/// Two numbers where a signature belongs, before TLS 1.2: nobody is to believe it.
const SIGNATURE: &[u8] = b"\x30\x06\x02\x01\x01\x02\x01\x01";

/// How a service goes about TLS.
pub(super) enum Handshake {
    /// As it should.
    Real(TlsAcceptor),
    /// As it should, and then in clear.
    Torn(TlsAcceptor),
    /// It closes the connection at the first word.
    Closed,
    /// It ends at the first word, with this alert.
    Refused(u8),
    /// It speaks one old version with one old suite, as far as that goes without cryptography.
    Old(Old),
}

/// A server that is behind the times, or ahead of its client.
pub(super) struct Old {
    version: u16,
    suite: u16,
    curve: Curve,
    chain: Vec<CertificateDer<'static>>,
    /// The leaf's key, where it signs.
    key: Option<Arc<dyn SigningKey>>,
}

/// On which curve the key would be agreed on.
#[derive(Clone, Copy)]
struct Curve {
    number: u16,
    /// A point: it stands where a fresh key belongs.
    point: &'static [u8],
}

const P256: Curve = Curve {
    number: 0x0017,
    point: POINT,
};

/// Not many clients have it (RFC 7748 §5): the generator.
const X448: Curve = Curve {
    number: 0x001e,
    point: &{
        let mut point = [0; 56];
        point[0] = 5;
        point
    },
};

/// What is said to a `ClientHello`.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Word {
    /// Nothing: the connection is closed.
    Nothing,
    /// An alert, the last word.
    Alert(Vec<u8>),
    /// A first flight; the client's is awaited, then given up.
    Flight(Vec<u8>),
}

impl Handshake {
    /// The one that goes wrong in the way of the first of these faults, if one of them concerns the handshake.
    pub(super) fn broken(
        has: impl Fn(Fault) -> bool,
        chain: &[CertificateDer<'static>],
        key: &PrivateKeyDer<'static>,
    ) -> Result<Option<Self>, rustls::Error> {
        let old = |version, suite, curve, key| {
            Self::Old(Old {
                version,
                suite,
                curve,
                chain: chain.to_vec(),
                key,
            })
        };
        let broken = if has(Fault::TlsClosedOnHello) {
            Some(Self::Closed)
        } else if has(Fault::TlsNameNotRecognised) {
            Some(Self::Refused(UNRECOGNIZED_NAME))
        } else if has(Fault::TlsVersionTooOld) {
            Some(old(TLS_1_0, CBC_OF_1_0, P256, None))
        } else if has(Fault::TlsLegacySuites) {
            let key = any_ecdsa_type(key)?;
            Some(old(TLS_1_2, CBC_OF_1_2, P256, Some(key)))
        } else if has(Fault::TlsUnverified) {
            let key = any_ecdsa_type(key)?;
            Some(old(TLS_1_2, GCM_OF_1_2, X448, Some(key)))
        } else if has(Fault::TlsNoCommonCipher) {
            Some(Self::Refused(HANDSHAKE_FAILURE))
        } else {
            None
        };
        Ok(broken)
    }
}

/// What a handshake that goes wrong says to a record; nothing when that holds no whole `ClientHello`.
pub(super) fn word(handshake: &Handshake, record: &[u8]) -> Word {
    let Some(hello) = ClientHello::read(record) else {
        return Word::Nothing;
    };
    match handshake {
        Handshake::Real(_) | Handshake::Torn(_) | Handshake::Closed => Word::Nothing,
        Handshake::Refused(description) => Word::Alert(alert(TLS_1_2, *description)),
        Handshake::Old(old) if !hello.versions.contains(old.version) => {
            Word::Alert(alert(old.version, PROTOCOL_VERSION))
        }
        Handshake::Old(old) if !hello.offers(old.suite) || !hello.has_curve(old.curve) => {
            Word::Alert(alert(old.version, HANDSHAKE_FAILURE))
        }
        Handshake::Old(old) => Word::Flight(old.flight(&hello)),
    }
}

/// A fatal alert that ends a handshake which cannot go on.
pub(super) fn given_up() -> Vec<u8> {
    alert(TLS_1_2, HANDSHAKE_FAILURE)
}

impl Old {
    /// `ServerHello`, `Certificate`, `ServerKeyExchange` and `ServerHelloDone` in one record, as Schannel sends them.
    fn flight(&self, hello: &ClientHello) -> Vec<u8> {
        let mut server_hello = self.version.to_be_bytes().to_vec();
        // The random bytes, a session that is not resumed, the suite, no compression.
        server_hello.extend(RANDOM);
        server_hello.push(0);
        server_hello.extend(self.suite.to_be_bytes());
        server_hello.push(0);
        if hello.renegotiates_securely {
            server_hello.extend([0, 5, 0xff, 1, 0, 1, 0]);
        }

        let certificates: Vec<u8> = self
            .chain
            .iter()
            .flat_map(|certificate| with_length(certificate))
            .collect();

        // A named curve and the point; from TLS 1.2 on the signature says what it is: ecdsa_secp256r1_sha256.
        let mut key_exchange = vec![3];
        key_exchange.extend(self.curve.number.to_be_bytes());
        key_exchange.push(u8::try_from(self.curve.point.len()).unwrap_or(u8::MAX));
        key_exchange.extend(self.curve.point);
        let signature = self.signature(hello, &key_exchange);
        if self.version == TLS_1_2 {
            key_exchange.extend([4, 3]);
        }
        let length = u16::try_from(signature.len()).unwrap_or(u16::MAX);
        key_exchange.extend(length.to_be_bytes());
        key_exchange.extend(signature);

        let mut messages = message(2, &server_hello);
        messages.extend(message(11, &with_length(&certificates)));
        messages.extend(message(12, &key_exchange));
        messages.extend(message(14, &[]));
        record(22, self.version, &messages)
    }
}

impl Old {
    /// Over both random numbers and the parameters (RFC 5246 §7.4.3).
    fn signature(&self, hello: &ClientHello, parameters: &[u8]) -> Vec<u8> {
        let message = [hello.random.as_slice(), &RANDOM, parameters].concat();
        self.key
            .as_ref()
            .and_then(|key| key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]))
            .and_then(|signer| signer.sign(&message).ok())
            .unwrap_or_else(|| SIGNATURE.to_vec())
    }
}

fn alert(version: u16, description: u8) -> Vec<u8> {
    record(21, version, &[2, description])
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(with_length(body));
    message
}

/// The bytes after their length in three bytes.
fn with_length(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut counted = length.to_be_bytes()[1..].to_vec();
    counted.extend(bytes);
    counted
}

/// INVARIANT: what is said here is far shorter than a record may be: two certificates of a few hundred bytes.
fn record(kind: u8, version: u16, content: &[u8]) -> Vec<u8> {
    let mut record = vec![kind];
    record.extend(version.to_be_bytes());
    record.extend(
        u16::try_from(content.len())
            .unwrap_or(u16::MAX)
            .to_be_bytes(),
    );
    record.extend(content);
    record
}

// What is heard.

/// A record of a handshake from its first byte to its last (RFC 5246 §6.2.1).
pub(super) fn handshake_record(bytes: &[u8]) -> Extent {
    match bytes {
        [] | [22] | [22, 3] | [22, 3, _] | [22, 3, _, _] => Extent::Unfinished,
        [22, 3, _, high, low, ..] => {
            let end = 5 + usize::from(u16::from_be_bytes([*high, *low]));
            if bytes.len() < end {
                Extent::Unfinished
            } else {
                Extent::Whole(end)
            }
        }
        _ => Extent::Foreign,
    }
}

/// What counts of a `ClientHello` (RFC 5246 §7.4.1.2).
struct ClientHello {
    random: [u8; 32],
    versions: Versions,
    suites: Vec<u16>,
    groups: Vec<u16>,
    renegotiates_securely: bool,
}

enum Versions {
    /// Every one up to this.
    UpTo(u16),
    /// These alone (RFC 8446 §4.2.1).
    Listed(Vec<u16>),
}

impl ClientHello {
    /// The `ClientHello` in a record; `None` when it is none, or is not whole.
    fn read(record: &[u8]) -> Option<Self> {
        let (kind, rest) = record.get(5..)?.split_first()?;
        let (length, rest) = rest.split_at_checked(3)?;
        let length = length
            .iter()
            .fold(0, |sum, octet| (sum << 8) | usize::from(*octet));
        let body = rest.get(..length)?;
        if *kind != 1 {
            return None;
        }
        let (version, rest) = number(body)?;
        let (random, rest) = rest.split_first_chunk()?;
        let (_session, rest) = counted(rest, 1)?;
        let (suites, rest) = counted(rest, 2)?;
        let (_compression, rest) = counted(rest, 1)?;
        let mut hello = Self {
            random: *random,
            versions: Versions::UpTo(version),
            suites: numbers(suites),
            groups: Vec::new(),
            renegotiates_securely: false,
        };
        hello.renegotiates_securely = hello.offers(SECURE_RENEGOTIATION);
        let mut extensions = counted(rest, 2).map_or(&[][..], |(extensions, _)| extensions);
        while !extensions.is_empty() {
            let (kind, rest) = number(extensions)?;
            let (content, rest) = counted(rest, 2)?;
            extensions = rest;
            match kind {
                SUPPORTED_VERSIONS => {
                    let (versions, _) = counted(content, 1)?;
                    hello.versions = Versions::Listed(numbers(versions));
                }
                SUPPORTED_GROUPS => {
                    let (groups, _) = counted(content, 2)?;
                    hello.groups = numbers(groups);
                }
                RENEGOTIATION_INFO => hello.renegotiates_securely = true,
                _ => {}
            }
        }
        Some(hello)
    }

    fn offers(&self, suite: u16) -> bool {
        self.suites.contains(&suite)
    }

    /// Old clients name none and have the usual ones.
    fn has_curve(&self, curve: Curve) -> bool {
        self.groups.contains(&curve.number)
            || (curve.number == P256.number && self.groups.is_empty())
    }
}

impl Versions {
    fn contains(&self, version: u16) -> bool {
        match self {
            Self::UpTo(highest) => version <= *highest,
            Self::Listed(versions) => versions.contains(&version),
        }
    }
}

fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes
        .chunks_exact(2)
        .filter_map(|two| number(two).map(|(number, _)| number))
        .collect()
}

/// What stands behind its length in `width` bytes, and what follows it.
fn counted(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(width)?;
    let length = length
        .iter()
        .fold(0, |sum, octet| (sum << 8) | usize::from(*octet));
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TLS 1.0 to 1.2 with AES-CBC and the renegotiation suite.
    const OLD_HELLO: &[u8] = b"\x16\x03\x01\0\x31\x01\0\0\x2d\x03\x03\
        rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\0\0\x06\xc0\x24\xc0\x0a\0\xff\x01\0";

    /// TLS 1.2 and 1.3, each with a suite, and an empty list of groups.
    const NEW_HELLO: &[u8] = b"\x16\x03\x01\0\x40\x01\0\0\x3c\x03\x03\
        rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\0\0\x04\x13\x01\xc0\x2f\x01\0\
        \0\x0f\0\x0a\0\x02\0\0\0\x2b\0\x05\x04\x03\x04\x03\x03";

    fn old(version: u16, suite: u16) -> Handshake {
        Handshake::Old(Old {
            version,
            suite,
            curve: P256,
            chain: vec![CertificateDer::from(vec![0xce; 300])],
            key: None,
        })
    }

    #[test]
    fn a_record_is_found_at_every_cut() {
        for cut in 0..OLD_HELLO.len() {
            assert_eq!(
                handshake_record(&OLD_HELLO[..cut]),
                Extent::Unfinished,
                "{cut}"
            );
        }
        assert_eq!(handshake_record(OLD_HELLO), Extent::Whole(OLD_HELLO.len()));
        assert_eq!(handshake_record(b"EHLO me\r\n"), Extent::Foreign);
        assert_eq!(
            handshake_record(b"\x15\x03\x01\0\x02\x02\x28"),
            Extent::Foreign
        );
    }

    #[test]
    fn a_hello_that_is_cut_is_none() {
        for cut in 0..OLD_HELLO.len() {
            assert!(ClientHello::read(&OLD_HELLO[..cut]).is_none(), "{cut}");
        }
        let hello = ClientHello::read(OLD_HELLO).expect("a hello");
        assert_eq!(hello.suites, [0xc024, 0xc00a, 0x00ff]);
        assert!(hello.renegotiates_securely);
        let hello = ClientHello::read(NEW_HELLO).expect("a hello");
        assert!(!hello.renegotiates_securely);
        assert!(hello.versions.contains(0x0304) && !hello.versions.contains(TLS_1_0));
    }

    #[test]
    fn old_servers_answer_whom_they_can() {
        for (handshake, hello, expected) in [
            (
                old(TLS_1_0, CBC_OF_1_0),
                NEW_HELLO,
                b"\x15\x03\x01\0\x02\x02\x46",
            ),
            (
                old(TLS_1_2, CBC_OF_1_2),
                NEW_HELLO,
                b"\x15\x03\x03\0\x02\x02\x28",
            ),
            (
                old(TLS_1_0, 0x002f),
                OLD_HELLO,
                b"\x15\x03\x01\0\x02\x02\x28",
            ),
        ] {
            assert_eq!(word(&handshake, hello), Word::Alert(expected.to_vec()));
        }
        let mut hello_of_1_1 = OLD_HELLO.to_vec();
        hello_of_1_1[10] = 2;
        assert_eq!(
            word(&old(TLS_1_2, CBC_OF_1_2), &hello_of_1_1),
            Word::Alert(b"\x15\x03\x03\0\x02\x02\x46".to_vec())
        );
        assert!(matches!(
            word(&old(TLS_1_0, CBC_OF_1_0), &hello_of_1_1),
            Word::Flight(_)
        ));
    }

    #[test]
    fn a_flight_is_server_hello_certificate_key_and_done() {
        for (version, suite, low) in [(TLS_1_2, CBC_OF_1_2, 3), (TLS_1_0, CBC_OF_1_0, 1)] {
            let Word::Flight(flight) = word(&old(version, suite), OLD_HELLO) else {
                panic!("no flight");
            };
            let content = flight.len() - 5;
            let length = u16::try_from(content).expect("short").to_be_bytes();
            assert_eq!(flight[..5], [22, 3, low, length[0], length[1]]);
            // ServerHello: 2 + 32 + 1 + 2 + 1, and seven for the extension.
            assert_eq!(flight[5..11], [2, 0, 0, 45, 3, low]);
            assert_eq!(
                flight[43..47],
                [0, suite.to_be_bytes()[0], suite.to_be_bytes()[1], 0]
            );
            assert_eq!(flight[47..54], [0, 5, 0xff, 1, 0, 1, 0]);
            // Certificate: one of 300 bytes in a list of 303.
            assert_eq!(flight[54..64], [11, 0, 1, 50, 0, 1, 47, 0, 1, 44]);
            assert_eq!(flight[64..364], [0xce; 300]);
            // ServerKeyExchange, its signature with or without a name.
            let signed = if version == TLS_1_2 { 2 } else { 0 };
            assert_eq!(flight[364..368], [12, 0, 0, 79 + signed]);
            assert_eq!(flight[368..373], [3, 0, 0x17, 65, 4]);
            assert!(flight.ends_with(b"\0\x08\x30\x06\x02\x01\x01\x02\x01\x01\x0e\0\0\0"));
            assert_eq!(flight.len(), 368 + 79 + usize::from(signed) + 4);
        }
    }

    #[test]
    fn whoever_says_no_hello_is_told_nothing() {
        let finished = b"\x16\x03\x03\0\x04\x14\0\0\0";
        assert_eq!(
            word(&Handshake::Refused(HANDSHAKE_FAILURE), finished),
            Word::Nothing
        );
        assert_eq!(word(&Handshake::Closed, OLD_HELLO), Word::Nothing);
    }
}
