//! Cipher suites by number (IANA, TLS Cipher Suites): those that servers of Exchange's age can choose, old ones included.

/// A cipher suite.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Suite {
    /// Its number.
    pub number: u16,
    /// Its name as IANA and Microsoft write it.
    pub name: &'static str,
    /// How the key is agreed on.
    pub key_exchange: SuiteKeyExchange,
    /// With what is encrypted.
    pub cipher: SuiteCipher,
}

/// How the key is agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SuiteKeyExchange {
    /// Encrypted to the key of the certificate: who has that key reads all that was recorded.
    Rsa,
    /// Ephemeral, finite field.
    Dhe,
    /// Ephemeral, elliptic curve.
    Ecdhe,
    /// TLS 1.3: the suite does not say, and it is always ephemeral.
    Tls13,
}

/// With what is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SuiteCipher {
    /// AES-GCM or ChaCha20-Poly1305.
    Aead,
    /// AES in CBC mode.
    Cbc,
    /// RC4 (RFC 7465 forbids it).
    Rc4,
    /// Triple DES.
    TripleDes,
}

impl Suite {
    /// Whether clients of today have it: TLS 1.3's own, or ECDHE with an AEAD.
    #[must_use]
    pub fn is_modern(&self) -> bool {
        matches!(
            self.key_exchange,
            SuiteKeyExchange::Ecdhe | SuiteKeyExchange::Tls13
        ) && self.cipher == SuiteCipher::Aead
    }
}

/// The suite of that number, if it is one of those that are asked for.
#[must_use]
pub fn suite(number: u16) -> Option<&'static Suite> {
    SUITES.iter().find(|suite| suite.number == number)
}

/// The name of a suite; `0xABCD` for those that are not asked for.
#[must_use]
pub fn suite_name(number: u16) -> String {
    suite(number).map_or_else(
        || format!("{number:#06X}").replace("0X", "0x"),
        |suite| suite.name.to_owned(),
    )
}

/// The name of a key exchange group (IANA, TLS Supported Groups); `0xABCD` for those that are not asked for.
#[must_use]
pub fn group_name(number: u16) -> String {
    match number {
        0x0016 => "secp256k1".to_owned(),
        0x0017 => "secp256r1".to_owned(),
        0x0018 => "secp384r1".to_owned(),
        0x0019 => "secp521r1".to_owned(),
        0x001a => "brainpoolP256r1".to_owned(),
        0x001b => "brainpoolP384r1".to_owned(),
        0x001c => "brainpoolP512r1".to_owned(),
        0x001d => "X25519".to_owned(),
        0x001e => "x448".to_owned(),
        0x0100 => "ffdhe2048".to_owned(),
        0x0101 => "ffdhe3072".to_owned(),
        0x0102 => "ffdhe4096".to_owned(),
        0x0103 => "ffdhe6144".to_owned(),
        0x0104 => "ffdhe8192".to_owned(),
        other => format!("{other:#06X}").replace("0X", "0x"),
    }
}

/// What can be asked for, best first: a server that takes the client's order shows its best.
pub(super) const SUITES: &[Suite] = &[
    suite_of(
        0x1302,
        "TLS_AES_256_GCM_SHA384",
        SuiteKeyExchange::Tls13,
        SuiteCipher::Aead,
    ),
    suite_of(
        0x1301,
        "TLS_AES_128_GCM_SHA256",
        SuiteKeyExchange::Tls13,
        SuiteCipher::Aead,
    ),
    suite_of(
        0x1303,
        "TLS_CHACHA20_POLY1305_SHA256",
        SuiteKeyExchange::Tls13,
        SuiteCipher::Aead,
    ),
    suite_of(
        0xc02c,
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Aead,
    ),
    suite_of(
        0xc02b,
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Aead,
    ),
    suite_of(
        0xc030,
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Aead,
    ),
    suite_of(
        0xc02f,
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Aead,
    ),
    suite_of(
        0xcca9,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Aead,
    ),
    suite_of(
        0xcca8,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Aead,
    ),
    suite_of(
        0x009f,
        "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
        SuiteKeyExchange::Dhe,
        SuiteCipher::Aead,
    ),
    suite_of(
        0x009e,
        "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
        SuiteKeyExchange::Dhe,
        SuiteCipher::Aead,
    ),
    suite_of(
        0xccaa,
        "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        SuiteKeyExchange::Dhe,
        SuiteCipher::Aead,
    ),
    suite_of(
        0xc024,
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0xc023,
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0xc028,
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0xc027,
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0xc00a,
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0xc009,
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0xc014,
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0xc013,
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x006b,
        "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
        SuiteKeyExchange::Dhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x0067,
        "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
        SuiteKeyExchange::Dhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x0039,
        "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
        SuiteKeyExchange::Dhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x0033,
        "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
        SuiteKeyExchange::Dhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x006a,
        "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256",
        SuiteKeyExchange::Dhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x0040,
        "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256",
        SuiteKeyExchange::Dhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x0038,
        "TLS_DHE_DSS_WITH_AES_256_CBC_SHA",
        SuiteKeyExchange::Dhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x0032,
        "TLS_DHE_DSS_WITH_AES_128_CBC_SHA",
        SuiteKeyExchange::Dhe,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x009d,
        "TLS_RSA_WITH_AES_256_GCM_SHA384",
        SuiteKeyExchange::Rsa,
        SuiteCipher::Aead,
    ),
    suite_of(
        0x009c,
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        SuiteKeyExchange::Rsa,
        SuiteCipher::Aead,
    ),
    suite_of(
        0x003d,
        "TLS_RSA_WITH_AES_256_CBC_SHA256",
        SuiteKeyExchange::Rsa,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x003c,
        "TLS_RSA_WITH_AES_128_CBC_SHA256",
        SuiteKeyExchange::Rsa,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x0035,
        "TLS_RSA_WITH_AES_256_CBC_SHA",
        SuiteKeyExchange::Rsa,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0x002f,
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        SuiteKeyExchange::Rsa,
        SuiteCipher::Cbc,
    ),
    suite_of(
        0xc008,
        "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::TripleDes,
    ),
    suite_of(
        0xc012,
        "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::TripleDes,
    ),
    suite_of(
        0x0016,
        "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
        SuiteKeyExchange::Dhe,
        SuiteCipher::TripleDes,
    ),
    suite_of(
        0x0013,
        "TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA",
        SuiteKeyExchange::Dhe,
        SuiteCipher::TripleDes,
    ),
    suite_of(
        0x000a,
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        SuiteKeyExchange::Rsa,
        SuiteCipher::TripleDes,
    ),
    suite_of(
        0xc007,
        "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Rc4,
    ),
    suite_of(
        0xc011,
        "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
        SuiteKeyExchange::Ecdhe,
        SuiteCipher::Rc4,
    ),
    suite_of(
        0x0005,
        "TLS_RSA_WITH_RC4_128_SHA",
        SuiteKeyExchange::Rsa,
        SuiteCipher::Rc4,
    ),
    suite_of(
        0x0004,
        "TLS_RSA_WITH_RC4_128_MD5",
        SuiteKeyExchange::Rsa,
        SuiteCipher::Rc4,
    ),
];

const fn suite_of(
    number: u16,
    name: &'static str,
    key_exchange: SuiteKeyExchange,
    cipher: SuiteCipher,
) -> Suite {
    Suite {
        number,
        name,
        key_exchange,
        cipher,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_what_its_name_says() {
        for suite in SUITES {
            let name = suite.name;
            let key_exchange = match name {
                _ if name.starts_with("TLS_ECDHE_") => SuiteKeyExchange::Ecdhe,
                _ if name.starts_with("TLS_DHE_") => SuiteKeyExchange::Dhe,
                _ if name.starts_with("TLS_RSA_WITH_") => SuiteKeyExchange::Rsa,
                _ => SuiteKeyExchange::Tls13,
            };
            let cipher = match name {
                _ if name.contains("_GCM_") || name.contains("_POLY1305_") => SuiteCipher::Aead,
                _ if name.contains("_3DES_") => SuiteCipher::TripleDes,
                _ if name.contains("_RC4_") => SuiteCipher::Rc4,
                _ => SuiteCipher::Cbc,
            };
            assert_eq!(
                (suite.key_exchange, suite.cipher),
                (key_exchange, cipher),
                "{name}"
            );
            assert_eq!(
                suite.number >> 8 == 0x13,
                suite.key_exchange == SuiteKeyExchange::Tls13,
                "{name}"
            );
        }
    }

    #[test]
    fn no_suite_stands_twice() {
        for (index, one) in SUITES.iter().enumerate() {
            for other in &SUITES[index + 1..] {
                assert_ne!(one.number, other.number, "{}", one.name);
                assert_ne!(one.name, other.name);
            }
        }
    }

    #[test]
    fn what_is_unknown_is_told_by_number() {
        assert_eq!(suite_name(0xc028), "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384");
        assert_eq!(suite_name(0xabcd), "0xABCD");
        assert_eq!(suite_name(0x0084), "0x0084");
        assert_eq!(group_name(0x001d), "X25519");
        assert_eq!(group_name(0x001f), "0x001F");
    }

    #[test]
    fn modern_is_what_clients_of_today_have() {
        for (name, modern) in [
            (0x1301, true),
            (0xc02f, true),
            (0xcca9, true),
            (0x009f, false),
            (0x009d, false),
            (0xc028, false),
        ] {
            assert_eq!(suite(name).map(Suite::is_modern), Some(modern), "{name:x}");
        }
    }
}
