//! One certificate, read and told: names, dates, key, signature; and the certificates of a file.

use std::net::IpAddr;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::nom::Parser as _;
use x509_parser::oid_registry::{
    OID_PKIX_AUTHORITY_INFO_ACCESS, OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER,
    OID_X509_EXT_EXTENDED_KEY_USAGE, OID_X509_EXT_SUBJECT_ALT_NAME, Oid,
};
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo, X509Name};

use crate::facts::{KeyFacts, SignatureStrength, Text};
use crate::net::der::{contents, rsa_bits};
use crate::plan::Limits;

/// Bytes of text, as escaped, that are kept of the places where an issuer can be fetched.
pub(super) const URLS_TEXT: usize = 4 * 1024;

/// Bytes of a serial number that are told; 20 is the most that one may have (RFC 5280 §4.1.2.2), and some have more.
const SERIAL_BYTES: usize = 32;

/// Bytes of an object identifier that are told; those of algorithms have ten.
const IDENTIFIER_BYTES: usize = 32;

/// Bytes of a subject or an issuer, and extensions of a certificate, that are read at the most. Read, each byte of
/// them can take fifty; those of the world's certificates have a few hundred, and ten.
const MAX_SUBJECT: usize = 4 * 1024;
const MAX_EXTENSIONS: usize = 64;

/// Why a file has no certificates that could be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotCertificates {
    /// It is neither text with PEM blocks nor one DER certificate.
    #[error("neither PEM nor DER")]
    UnknownForm,
    /// PEM, but no block of it is a certificate: a private key, a certificate request.
    #[error("no certificate in it")]
    NoneInside,
    /// A certificate is damaged.
    #[error("certificate {number} cannot be read")]
    Unreadable {
        /// Which, counted from 1.
        number: usize,
    },
}

/// Reads the certificates of a file, each as its DER: all `CERTIFICATE` blocks of a PEM file (RFC 7468; other blocks and
/// text around them are passed over), or one in DER.
///
/// # Errors
/// There is none, or one of them cannot be read.
pub fn certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, NotCertificates> {
    const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
    // Windows' editors put one in front, and the first block would not begin its line.
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if Parsed::read(bytes).is_some() {
        return Ok(vec![bytes.to_vec()]);
    }
    if bytes.first() == Some(&0x30) && contents(bytes).is_some() {
        return Err(NotCertificates::Unreadable { number: 1 });
    }
    let marker: &[u8] = b"-----BEGIN ";
    if !bytes.windows(marker.len()).any(|window| window == marker) {
        return Err(NotCertificates::UnknownForm);
    }
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(bytes) {
        match certificate {
            Ok(der) if Parsed::read(&der).is_some() => found.push(der.to_vec()),
            _ => {
                return Err(NotCertificates::Unreadable {
                    number: found.len() + 1,
                });
            }
        }
    }
    if found.is_empty() {
        return Err(NotCertificates::NoneInside);
    }
    Ok(found)
}

/// Whether a certificate can be read at all.
pub(in crate::net) fn is_readable(der: &CertificateDer<'_>) -> bool {
    Parsed::read(der).is_some()
}

/// A certificate's subject public key information, whole, as it stands there; also of one that webpki does not read.
pub(in crate::net) fn public_key(der: &CertificateDer<'_>) -> Option<Vec<u8>> {
    Some(
        Parsed::read(der)?
            .x509
            .tbs_certificate
            .subject_pki
            .raw
            .to_vec(),
    )
}

/// A certificate with the raw parts that a link is checked by.
pub(super) struct Parsed<'a> {
    pub(super) x509: X509Certificate<'a>,
    /// The contents of `signatureAlgorithm`.
    pub(super) algorithm: &'a [u8],
    /// Index into the chain.
    pub(super) at: usize,
}

impl<'a> Parsed<'a> {
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let (whole, _) = contents(der)?;
        let (tbs, after_tbs) = contents(whole)?;
        let (algorithm, _) = contents(after_tbs)?;
        if !is_moderate(tbs)? {
            return None;
        }
        // What is needed of the extensions is read where it is needed: a short one can have thousands of elements.
        let (rest, x509) = X509CertificateParser::new()
            .with_deep_parse_extensions(false)
            .parse(der)
            .ok()?;
        if !rest.is_empty() {
            return None;
        }
        Some(Self {
            x509,
            algorithm,
            at: 0,
        })
    }

    pub(super) fn subject(&self) -> &[u8] {
        name_contents(&self.x509.tbs_certificate.subject)
    }

    pub(super) fn issuer(&self) -> &[u8] {
        name_contents(&self.x509.tbs_certificate.issuer)
    }

    /// The contents of the subject's public key information, as trust anchors keep it.
    pub(super) fn public_key(&self) -> &[u8] {
        contents(self.x509.tbs_certificate.subject_pki.raw).map_or(&[], |(inside, _)| inside)
    }
}

/// Whether the parts of a certificate that are read into many are no longer than any authority makes them, given the
/// contents of its `tbsCertificate` (RFC 5280 §4.1).
fn is_moderate(tbs: &[u8]) -> Option<bool> {
    const VERSION: u8 = 0xa0;
    const EXTENSIONS: u8 = 0xa3;
    let mut parts = elements(tbs).skip_while(|(tag, _)| *tag == VERSION);
    // Serial number, signature.
    let (_, issuer) = parts.nth(2)?;
    // Validity.
    let (_, subject) = parts.nth(1)?;
    let mut extensions = parts.filter(|(tag, _)| *tag == EXTENSIONS);
    let count = extensions.next().map_or(0, |(_, explicit)| {
        elements(explicit)
            .flat_map(|(_, list)| elements(list))
            .count()
    });
    Some(issuer.len() <= MAX_SUBJECT && subject.len() <= MAX_SUBJECT && count <= MAX_EXTENSIONS)
}

/// The elements that follow each other, as far as they can be read: tag and contents.
fn elements(der: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = der;
    std::iter::from_fn(move || {
        let tag = *rest.first()?;
        let (inside, after) = contents(rest)?;
        rest = after;
        Some((tag, inside))
    })
}

/// What a certificate says in an extension; nothing where it has it twice.
pub(super) fn extension<'a>(
    certificate: &X509Certificate<'a>,
    identifier: &Oid<'_>,
) -> Option<&'a [u8]> {
    let found = certificate
        .tbs_certificate
        .get_extension_unique(identifier)
        .ok()??;
    Some(found.value)
}

fn name_contents<'a>(name: &'a X509Name<'_>) -> &'a [u8] {
    contents(name.as_raw()).map_or(&[], |(inside, _)| inside)
}

/// Whether a certificate may be a server's (RFC 5280 §4.2.1.12): webpki tells only where there is nothing worse.
pub(super) fn may_serve(leaf: &Parsed<'_>) -> bool {
    /// `id-kp-serverAuth`
    const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    extension(&leaf.x509, &OID_X509_EXT_EXTENDED_KEY_USAGE)
        .and_then(contents)
        .is_none_or(|(purposes, _)| elements(purposes).any(|(_, purpose)| purpose == SERVER))
}

/// Whether a certificate is made out to a name. One that webpki does not read (version 1, an unknown critical extension)
/// has names all the same.
pub(super) fn is_made_out_to(name: &ServerName<'_>, der: &CertificateDer<'_>) -> bool {
    if let Ok(certificate) = ParsedCertificate::try_from(der) {
        return verify_server_name(&certificate, name).is_ok();
    }
    let Some(leaf) = Parsed::read(der) else {
        return false;
    };
    names_of(&leaf.x509).any(|it| match (it, name) {
        (Name::Dns(pattern), ServerName::DnsName(asked)) => {
            is_name_of(pattern, asked.as_ref().as_bytes())
        }
        (Name::Address(address), ServerName::IpAddress(asked)) => address == IpAddr::from(*asked),
        _ => false,
    })
}

/// Whether a DNS name of a certificate is the one asked for; a wildcard stands for one whole label, and for none that is
/// directly below a top-level domain (RFC 6125 §6.4.3, and what browsers do).
fn is_name_of(pattern: &[u8], asked: &[u8]) -> bool {
    let asked = asked.strip_suffix(b".").unwrap_or(asked);
    let Some(domain) = pattern.strip_prefix(b"*.") else {
        return pattern.eq_ignore_ascii_case(asked);
    };
    let mut labels = asked.splitn(2, |byte| *byte == b'.');
    let first = labels.next().unwrap_or_default();
    let below = labels.next().unwrap_or_default();
    !first.is_empty() && below.contains(&b'.') && domain.eq_ignore_ascii_case(below)
}

/// How many bytes of text may still be kept.
pub(super) struct TextBudget(pub(super) usize);

impl TextBudget {
    fn keep(&mut self, bytes: &[u8], most: usize) -> Text {
        let text = Text::within(bytes, self.0.min(most));
        self.0 = self.0.saturating_sub(text.as_str().len());
        text
    }
}

pub(super) fn name_text(name: &X509Name<'_>, budget: &mut TextBudget) -> Text {
    budget.keep(name.to_string().as_bytes(), Limits::SUBJECT_TEXT)
}

/// A name that a certificate is made out to (RFC 5280 §4.2.1.6).
enum Name<'a> {
    /// A DNS name as it stands there, which need not be ASCII.
    Dns(&'a [u8]),
    Address(IpAddr),
}

/// All names that a certificate is made out to.
fn names_of<'a>(certificate: &X509Certificate<'a>) -> impl Iterator<Item = Name<'a>> {
    const DNS_NAME: u8 = 0x82;
    const IP_ADDRESS: u8 = 0x87;
    let names = extension(certificate, &OID_X509_EXT_SUBJECT_ALT_NAME).and_then(contents);
    elements(names.map_or(&[], |(names, _)| names)).filter_map(|(tag, name)| match tag {
        DNS_NAME => Some(Name::Dns(name)),
        IP_ADDRESS => <[u8; 4]>::try_from(name)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(name).map(IpAddr::from))
            .map(Name::Address)
            .ok(),
        _ => None,
    })
}

/// The names that are told, and how many more there are.
pub(super) fn names(certificate: &X509Certificate<'_>) -> (Vec<Text>, usize) {
    let mut all = names_of(certificate);
    let mut left = Limits::NAMES_TEXT;
    let mut told = Vec::new();
    for name in all.by_ref().take(Limits::CERTIFICATE_NAMES) {
        let text = match name {
            Name::Dns(name) => Text::from_bytes(name),
            Name::Address(address) => Text::from(address.to_string().as_str()),
        };
        let Some(room) = left.checked_sub(text.as_str().len()) else {
            return (told, 1 + all.count());
        };
        left = room;
        told.push(text);
    }
    (told, all.count())
}

pub(super) fn issuer_urls(certificate: &X509Certificate<'_>) -> Vec<Text> {
    /// `id-ad-caIssuers` (RFC 5280 §4.2.2.1).
    const CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    const URI: u8 = 0x86;
    let descriptions = extension(certificate, &OID_PKIX_AUTHORITY_INFO_ACCESS).and_then(contents);
    let mut budget = TextBudget(URLS_TEXT);
    elements(descriptions.map_or(&[], |(descriptions, _)| descriptions))
        .filter_map(|(_, description)| {
            let mut parts = elements(description);
            match (parts.next()?, parts.next()?) {
                ((_, CA_ISSUERS), (URI, uri)) => Some(uri),
                _ => None,
            }
        })
        .take(4)
        .map(|uri| budget.keep(uri, URLS_TEXT))
        .collect()
}

/// The contents of the name of the issuer's issuer, where the certificate has it (`authorityCertIssuer`, RFC 5280
/// §4.2.1.1).
pub(super) fn issuer_s_issuer<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    const AUTHORITY_CERT_ISSUER: u8 = 0xa1;
    const DIRECTORY_NAME: u8 = 0xa4;
    let value = extension(certificate, &OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER)?;
    let inside = |content: &'a [u8], tag: u8| {
        let mut all = elements(content);
        all.find_map(|(found, content)| (found == tag).then_some(content))
    };
    let names = inside(contents(value)?.0, AUTHORITY_CERT_ISSUER)?;
    let (name, _) = contents(inside(names, DIRECTORY_NAME)?)?;
    Some(name)
}

pub(super) fn serial(raw: &[u8]) -> String {
    let start = raw.iter().position(|byte| *byte != 0).unwrap_or(raw.len());
    let serial = raw.get(start..).unwrap_or_default();
    match serial.get(..SERIAL_BYTES) {
        Some(told) if told.len() < serial.len() => hex(told) + "…",
        _ if serial.is_empty() => "00".to_owned(),
        _ => hex(serial),
    }
}

/// An object identifier in dots; of an endless one as much as is told of those.
fn identifier_text(identifier: &Oid<'_>) -> String {
    let bytes = identifier.as_bytes();
    match bytes.get(..IDENTIFIER_BYTES) {
        Some(told) if told.len() < bytes.len() => Oid::new(told.into()).to_id_string() + "…",
        _ => identifier.to_id_string(),
    }
}

/// What Windows shows as the thumbprint. It names a certificate; nothing is trusted because of it.
pub(super) fn sha1(der: &[u8]) -> String {
    hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref())
}

pub(super) fn sha256(der: &[u8]) -> String {
    hex(digest(&SHA256, der).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

pub(super) fn key(public_key: &SubjectPublicKeyInfo<'_>) -> KeyFacts {
    let algorithm = identifier_text(&public_key.algorithm.algorithm);
    let fixed = |name: &str, bits| KeyFacts {
        algorithm: name.to_owned(),
        bits,
    };
    match algorithm.as_str() {
        "1.2.840.113549.1.1.1" => fixed("RSA", rsa_bits(&public_key.subject_public_key.data)),
        // for that one kind of signature only (RFC 4055 §1.2)
        "1.2.840.113549.1.1.10" => {
            fixed("RSASSA-PSS", rsa_bits(&public_key.subject_public_key.data))
        }
        "1.2.840.10045.2.1" => fixed("EC", curve_bits(public_key)),
        "1.2.840.10040.4.1" => fixed("DSA", None),
        "1.3.101.112" => fixed("Ed25519", Some(256)),
        "1.3.101.113" => fixed("Ed448", Some(456)),
        _ => KeyFacts {
            algorithm,
            bits: None,
        },
    }
}

fn curve_bits(public_key: &SubjectPublicKeyInfo<'_>) -> Option<u32> {
    let curve = public_key.algorithm.parameters.as_ref()?.as_oid().ok()?;
    match identifier_text(&curve).as_str() {
        "1.2.840.10045.3.1.7" | "1.3.132.0.10" | "1.3.36.3.3.2.8.1.1.7" => Some(256),
        "1.3.132.0.34" | "1.3.36.3.3.2.8.1.1.11" => Some(384),
        "1.3.132.0.35" => Some(521),
        "1.3.36.3.3.2.8.1.1.13" => Some(512),
        "1.3.132.0.33" => Some(224),
        "1.2.840.10045.3.1.1" => Some(192),
        _ => None,
    }
}

pub(super) fn signature(identifier: &AlgorithmIdentifier<'_>) -> (String, SignatureStrength) {
    use SignatureStrength::{Good, Weak};
    let known = match identifier_text(&identifier.algorithm).as_str() {
        "1.2.840.113549.1.1.2" => ("md2WithRSAEncryption", Weak),
        "1.2.840.113549.1.1.4" => ("md5WithRSAEncryption", Weak),
        "1.2.840.113549.1.1.5" => ("sha1WithRSAEncryption", Weak),
        "1.3.14.3.2.29" => ("sha1WithRSA", Weak),
        "1.2.840.113549.1.1.10" => ("rsassaPss", pss_strength(identifier)),
        "1.2.840.113549.1.1.11" => ("sha256WithRSAEncryption", Good),
        "1.2.840.113549.1.1.12" => ("sha384WithRSAEncryption", Good),
        "1.2.840.113549.1.1.13" => ("sha512WithRSAEncryption", Good),
        "1.2.840.113549.1.1.14" => ("sha224WithRSAEncryption", Good),
        "1.2.840.10045.4.1" => ("ecdsa-with-SHA1", Weak),
        "1.2.840.10045.4.3.1" => ("ecdsa-with-SHA224", Good),
        "1.2.840.10045.4.3.2" => ("ecdsa-with-SHA256", Good),
        "1.2.840.10045.4.3.3" => ("ecdsa-with-SHA384", Good),
        "1.2.840.10045.4.3.4" => ("ecdsa-with-SHA512", Good),
        "1.2.840.10040.4.3" => ("dsa-with-SHA1", Weak),
        "1.3.101.112" => ("ED25519", Good),
        "1.3.101.113" => ("ED448", Good),
        other => return (other.to_owned(), Good),
    };
    (known.0.to_owned(), known.1)
}

/// RSASSA-PSS names its hash in its parameters; where it names none it is SHA-1 (RFC 4055 §3.1).
fn pss_strength(identifier: &AlgorithmIdentifier<'_>) -> SignatureStrength {
    const SHA1: &str = "1.3.14.3.2.26";
    match SignatureAlgorithm::try_from(identifier) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters))
            if identifier_text(parameters.hash_algorithm_oid()) != SHA1 =>
        {
            SignatureStrength::Good
        }
        _ => SignatureStrength::Weak,
    }
}
