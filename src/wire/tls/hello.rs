//! The first word of a client, made by hand: it asks for what no library speaks any more, and needs no cryptography.

use super::suites::{SUITES, SuiteKeyExchange};
use super::version::ProtocolVersion;

/// `TLS_EMPTY_RENEGOTIATION_INFO_SCSV` (RFC 5746 §3.3): some servers hang up on clients without it.
const SECURE_RENEGOTIATION: u16 = 0x00ff;

/// Groups: X25519, secp256r1, secp384r1, secp521r1, X448, the curves of Brainpool (RFC 7027), secp256k1, and the finite
/// fields (ffdhe2048 to ffdhe8192, RFC 7919).
const GROUPS: [u16; 14] = [
    0x001d, 0x0017, 0x0018, 0x0019, 0x001e, 0x001a, 0x001b, 0x001c, 0x0016, 0x0100, 0x0101, 0x0102,
    0x0103, 0x0104,
];

/// Signature algorithms, SHA-1 ones included; TLS 1.2 reads them as hash and key, TLS 1.3 as schemes.
const SIGNATURES: [u16; 19] = [
    0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601, 0x0807, 0x0808, 0x0809,
    0x080a, 0x080b, 0x0301, 0x0303, 0x0203, 0x0201, 0x0202,
];

/// The record with a `ClientHello` that asks for one version (RFC 6101 §5.6.1.2, RFC 5246 §7.4.1.2, RFC 8446 §4.1.2).
///
/// Up to TLS 1.2 that is the highest one offered: a server that has only lower ones answers with one of these. TLS 1.3
/// is offered alone and without a key, so that a server which speaks it has to ask for one (`HelloRetryRequest`).
/// `server_name` goes as SNI (RFC 6066 §3); an address must not. `random` should be 32 random bytes.
#[must_use]
pub fn client_hello(
    version: ProtocolVersion,
    server_name: Option<&str>,
    random: [u8; 32],
) -> Vec<u8> {
    let legacy_version = version.min(ProtocolVersion::Tls12);
    let mut body = legacy_version.number().to_be_bytes().to_vec();
    body.extend(random);
    // no session to resume
    body.push(0);
    let suites = suites_for(version);
    body.extend(with_length(&suites));
    // no compression
    body.extend([1, 0]);
    if version > ProtocolVersion::Ssl3 {
        body.extend(with_length(&extensions(version, server_name)));
    }
    let [_, high, middle, low] = length_of(&body);
    let message = [&[1, high, middle, low], body.as_slice()].concat();
    // RFC 8446 §5.1: an initial hello says 1.0 on its record, whatever it asks for.
    let record_version = version.min(ProtocolVersion::Tls10);
    let [record_high, record_low] = record_version.number().to_be_bytes();
    [
        &[22, record_high, record_low],
        with_length(&message).as_slice(),
    ]
    .concat()
}

/// What a client says that goes: the alert `close_notify` (RFC 5246 §7.2.1).
#[must_use]
pub fn close_notify(version: ProtocolVersion) -> [u8; 7] {
    let [high, low] = version.min(ProtocolVersion::Tls12).number().to_be_bytes();
    [21, high, low, 0, 2, 1, 0]
}

fn suites_for(version: ProtocolVersion) -> Vec<u8> {
    let is_for_13 = |key_exchange| key_exchange == SuiteKeyExchange::Tls13;
    let mut suites: Vec<u8> = SUITES
        .iter()
        .filter(|suite| is_for_13(suite.key_exchange) == (version == ProtocolVersion::Tls13))
        .flat_map(|suite| suite.number.to_be_bytes())
        .collect();
    if version < ProtocolVersion::Tls13 {
        suites.extend(SECURE_RENEGOTIATION.to_be_bytes());
    }
    suites
}

fn extensions(version: ProtocolVersion, server_name: Option<&str>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut add = |kind: u16, content: &[u8]| {
        all.extend(kind.to_be_bytes());
        all.extend(with_length(content));
    };
    if let Some(name) = server_name {
        // one name, of the type host_name
        let entry = [&[0], with_length(name.as_bytes()).as_slice()].concat();
        add(0x0000, &with_length(&entry));
    }
    add(0x000a, &with_length(&numbers(&GROUPS)));
    if version < ProtocolVersion::Tls13 {
        // uncompressed points only
        add(0x000b, &[1, 0]);
        // extended master secret (RFC 7627): some servers insist
        add(0x0017, &[]);
    }
    if version >= ProtocolVersion::Tls12 {
        add(0x000d, &with_length(&numbers(&SIGNATURES)));
    }
    if version == ProtocolVersion::Tls13 {
        add(0x002b, &[2, 3, 4]);
        // a list of no key shares (RFC 8446 §4.2.8)
        add(0x0033, &[0, 0]);
    }
    all
}

fn numbers(all: &[u16]) -> Vec<u8> {
    all.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// The bytes after their length in two bytes.
fn with_length(bytes: &[u8]) -> Vec<u8> {
    let [_, _, high, low] = length_of(bytes);
    [&[high, low], bytes].concat()
}

/// INVARIANT: a hello is a few hundred bytes; a name is at most 255.
fn length_of(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or_default().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fit_each_other() {
        for version in ProtocolVersion::ALL {
            for name in [None, Some("mail.example.com")] {
                let hello = client_hello(version, name, [7; 32]);
                let record = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
                assert_eq!(record, hello.len() - 5, "{version:?}");
                let message = usize::from(u16::from_be_bytes([hello[7], hello[8]]));
                assert_eq!((hello[5], hello[6], message), (1, 0, hello.len() - 9));
                let suites = usize::from(u16::from_be_bytes([hello[44], hello[45]]));
                let extensions = 46 + suites + 2;
                if version == ProtocolVersion::Ssl3 {
                    assert_eq!(hello.len(), extensions, "SSL 3.0 knows no extensions");
                } else {
                    let length = [hello[extensions], hello[extensions + 1]];
                    let length = usize::from(u16::from_be_bytes(length));
                    assert_eq!(hello.len(), extensions + 2 + length, "{version:?}");
                }
            }
        }
    }

    #[test]
    fn each_version_asks_for_itself() {
        for (version, record, hello_version) in [
            (ProtocolVersion::Ssl3, [3, 0], [3, 0]),
            (ProtocolVersion::Tls10, [3, 1], [3, 1]),
            (ProtocolVersion::Tls11, [3, 1], [3, 2]),
            (ProtocolVersion::Tls12, [3, 1], [3, 3]),
            (ProtocolVersion::Tls13, [3, 1], [3, 3]),
        ] {
            let hello = client_hello(version, None, [7; 32]);
            assert_eq!(hello[1..3], record, "{version:?}");
            assert_eq!(hello[9..11], hello_version, "{version:?}");
            assert_eq!(hello[11..43], [7; 32]);
            let asks_13 = hello
                .windows(7)
                .any(|bytes| bytes == [0, 0x2b, 0, 3, 2, 3, 4]);
            assert_eq!(asks_13, version == ProtocolVersion::Tls13);
        }
    }

    #[test]
    fn a_name_goes_as_sni() {
        let hello = client_hello(ProtocolVersion::Tls12, Some("mail.example.com"), [0; 32]);
        let sni = b"\0\0\0\x15\0\x13\0\0\x10mail.example.com";
        assert!(hello.windows(sni.len()).any(|bytes| bytes == sni));
        let without = client_hello(ProtocolVersion::Tls12, None, [0; 32]);
        assert_eq!(hello.len(), without.len() + 4 + 21);
    }

    #[test]
    fn goodbye_is_a_warning() {
        assert_eq!(close_notify(ProtocolVersion::Tls10), [21, 3, 1, 0, 2, 1, 0]);
        assert_eq!(close_notify(ProtocolVersion::Tls13), [21, 3, 3, 0, 2, 1, 0]);
    }
}
