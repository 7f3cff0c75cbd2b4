//! Certificates: what they say, and how they stand against a name and the roots.

use time::OffsetDateTime;

use super::text::Text;

/// What the server's own certificate says, and how it stands against name and roots. Dates are told, not judged:
/// that takes a clock.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateFacts {
    /// Subject, in RFC 4514 order as sent: `CN=mail.example.com`.
    pub subject: Text,
    /// Issuer, likewise.
    pub issuer: Text,
    /// Names it is made out to: DNS names and addresses of the subject alternative name.
    pub names: Vec<Text>,
    /// How many names more it is made out to than are kept.
    pub more_names: usize,
    /// Start of validity.
    pub not_before: OffsetDateTime,
    /// End of validity.
    pub not_after: OffsetDateTime,
    /// Serial number, lower-case hexadecimal without leading zeros; an ellipsis marks where an endless one is cut.
    pub serial: String,
    /// SHA-1 over the DER, 40 lower-case hexadecimal digits: the thumbprint that Windows and Exchange show.
    pub sha1: String,
    /// SHA-256 over the DER, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The public key.
    pub key: KeyFacts,
    /// The signature algorithm by its usual name: `sha256WithRSAEncryption`; else its object identifier.
    pub signature: String,
    /// Whether the signature algorithm is SHA-1, MD5 or older.
    pub signature_strength: SignatureStrength,
    /// Whether it is signed by its own key.
    pub self_signed: bool,
    /// Whether it is made out to the name that was asked for.
    pub name_matches: bool,
    /// How far trust reaches.
    pub trust: TrustFacts,
    /// Where its issuer's certificate can be fetched (AIA caIssuers), as it says.
    pub issuer_urls: Vec<Text>,
}

/// A public key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyFacts {
    /// `RSA`, `EC`, `Ed25519`, `Ed448`, `DSA`; else its object identifier.
    pub algorithm: String,
    /// Its size in bits, where that is known.
    pub bits: Option<u32>,
}

/// What a signature is worth today.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureStrength {
    /// SHA-2 or better.
    Good,
    /// SHA-1 or MD5.
    Weak,
}

/// Whether a chain leads to a root that is trusted, whatever the date.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustFacts {
    /// Which set of roots it leads to.
    pub anchor: Option<Anchor>,
    /// What is wrong with it apart from dates, keys and names; all that hold.
    pub defects: Vec<TrustDefect>,
    /// Certificates of the chain, up to and without the root, whose dates have to hold as well: index into
    /// `TlsFacts::chain`.
    pub path: Vec<usize>,
}

/// Where a root of trust comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Anchor {
    /// A file named with `--ca-file`.
    CaFile,
    /// Mozilla's roots, built in.
    Public,
    /// This machine's own store.
    System,
}

impl Anchor {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CaFile => "ca-file",
            Self::Public => "public",
            Self::System => "system",
        }
    }
}

/// Why a chain is not trusted, dates aside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TrustDefect {
    /// The last issuer is no known root.
    UnknownIssuer,
    /// It is signed by itself and is no known root.
    SelfSigned,
    /// The certificate between the one sent and a root known here was not sent.
    MissingIntermediate,
    /// It is not meant for servers (extended key usage).
    InvalidPurpose,
    /// It cannot be told here, and clients may think otherwise: why.
    Unproven(Text),
    /// Anything else, in the words of the verifier.
    Other(Text),
}

/// A certificate of the chain as sent.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainLink {
    /// Subject.
    pub subject: Text,
    /// Issuer.
    pub issuer: Text,
    /// SHA-256 over the DER, lower-case hexadecimal.
    pub sha256: String,
    /// Start of validity; `None` when the certificate cannot be read.
    pub not_before: Option<OffsetDateTime>,
    /// End of validity; `None` when the certificate cannot be read.
    pub not_after: Option<OffsetDateTime>,
    /// Its key; `None` when the certificate cannot be read.
    pub key: Option<KeyFacts>,
    /// How it was signed, by its usual name, and what that is worth; `None` when the certificate cannot be read.
    pub signature: Option<(String, SignatureStrength)>,
}

/// By what a certificate and its key are known to others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fingerprints {
    /// SHA-256 over the certificate's DER.
    pub certificate_sha256: [u8; 32],
    /// SHA-512 over the certificate's DER.
    pub certificate_sha512: [u8; 64],
    /// SHA-256 over the `SubjectPublicKeyInfo`; `None` when the certificate cannot be read.
    pub key_sha256: Option<[u8; 32]>,
    /// SHA-512 over the `SubjectPublicKeyInfo`; `None` when the certificate cannot be read.
    pub key_sha512: Option<[u8; 64]>,
}
