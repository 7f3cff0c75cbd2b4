//! Old TLS: how a server answered a `ClientHello` made by hand.

use super::tls::{ClientCertificate, TlsVersion};

/// How a server answered a `ClientHello` of TLS 1.2 made by hand, with all the suites that libraries no longer have.
///
/// The handshake ends there: the chain is what the server claims, and [`KeyProof`] tells how far that is proven.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LegacyFacts {
    /// In which way.
    pub answer: LegacyAnswer,
    /// The version that it chose, which can be an older one than was asked for.
    pub version: Option<TlsVersion>,
    /// The cipher suite that it chose, by its IANA name; `0xABCD` for one without.
    pub cipher_suite: Option<String>,
    /// How the key would be agreed on, for suites with a name.
    pub key_exchange: Option<KeyExchange>,
    /// With what would be encrypted, for suites with a name.
    pub cipher: Option<Cipher>,
    /// The key exchange group by its IANA name, where the server named one.
    pub group: Option<String>,
    /// Bits of the prime of Diffie-Hellman, where the server sent one.
    pub prime_bits: Option<u32>,
    /// The alert that it sent, be it the end or a warning.
    pub alert: Option<u8>,
    /// Whether it asked for a client certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Whether it showed that it holds the key of its certificate, where its answer was whole; `None` where it was cut
    /// short or is older than TLS 1.2.
    pub proof: Option<KeyProof>,
}

/// Whether a server showed that it holds the key of its certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyProof {
    /// It did: with that key it signed a key exchange made for this handshake.
    Shown,
    /// Its suite has it prove that only at the end of the handshake (RSA key exchange).
    Deferred,
    /// What it sent is not signed by that key.
    Broken,
    /// Nobody here can tell: an algorithm or a curve that no provider has.
    Unchecked,
}

/// In which way a server answered a `ClientHello` made by hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LegacyAnswer {
    /// It chose version and suite.
    Agreed,
    /// It sent an alert.
    Alert,
    /// It closed or reset, without a word.
    Closed,
    /// It said nothing in time.
    Silent,
    /// What came is not TLS.
    NotTls,
}

/// How a key is agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyExchange {
    /// Encrypted to the key of the certificate: no forward secrecy.
    Rsa,
    /// Ephemeral, finite field.
    Dhe,
    /// Ephemeral, elliptic curve; TLS 1.3 always.
    Ecdhe,
}

/// With what is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cipher {
    /// AES-GCM or ChaCha20-Poly1305.
    Aead,
    /// AES in CBC mode.
    Cbc,
    /// Triple DES.
    TripleDes,
    /// RC4.
    Rc4,
}

/// Whether a version of TLS is enabled on a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VersionAnswer {
    /// The server chose it.
    Accepted,
    /// The server refused, closed, or chose another one.
    Refused,
    /// It could not be learned.
    Unknown,
}

impl VersionAnswer {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}
