//! A certificate chain, the roots that are trusted here and the name that was asked for, turned into facts.
//!
//! No clock is read: dates are told, and whether they hold is for the rules, which have the time. So the path from the
//! leaf to a root is walked here link by link, by names and signatures; only then is webpki asked, at a moment at which
//! every certificate of the path is valid, whether it has other objections (purpose, name constraints).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::extensions::BasicConstraints;
use x509_parser::nom::Parser as _;
use x509_parser::oid_registry::{
    OID_PKIX_AUTHORITY_INFO_ACCESS, OID_X509_EXT_BASIC_CONSTRAINTS,
    OID_X509_EXT_EXTENDED_KEY_USAGE, OID_X509_EXT_SUBJECT_ALT_NAME, Oid,
};
use x509_parser::prelude::FromDer;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo, X509Name};

use super::der::{contents, rsa_bits};
use super::session::Terms;
use super::signatures::{self, Signature};
use super::system_roots::{Reading, SystemRoots};
use crate::facts::{
    Anchor, CertificateFacts, ChainLink, KeyFacts, SignatureStrength, Text, TrustDefect, TrustFacts,
};
use crate::plan::{Limits, Stores, Trust};

/// Bytes of text, as escaped, that are kept of the places where an issuer can be fetched.
const URLS_ROOM: usize = 4 * 1024;

/// Bytes of a serial number that are told; 20 is the most that one may have (RFC 5280 §4.1.2.2), and some have more.
const SERIAL_BYTES: usize = 32;

/// Bytes of an object identifier that are told; those of algorithms have ten.
const IDENTIFIER_BYTES: usize = 32;

/// Bytes of a subject or an issuer, and extensions of a certificate, that are read at the most. Read, each byte of
/// them can take fifty; those of the world's certificates have a few hundred, and ten.
const MAX_SUBJECT: usize = 4 * 1024;
const MAX_EXTENSIONS: usize = 64;

/// Whom to trust, by where the root comes from.
#[derive(Debug)]
pub struct Roots {
    provider: Arc<CryptoProvider>,
    files: Arc<RootCertStore>,
    public: Option<Arc<RootCertStore>>,
    /// Read while the first handshakes are made.
    system: Option<SystemRoots>,
    /// Whether a certificate's issuer was looked for in this machine's store, in vain.
    missed: AtomicBool,
}

/// Why a file's certificates cannot be trusted.
#[derive(Debug, thiserror::Error)]
#[error("certificate {number} is none that could be trusted: {reason}")]
pub struct NotARoot {
    /// Which, counted from 1.
    pub number: usize,
    /// In webpki's words.
    pub reason: String,
}

impl Roots {
    /// The roots that a plan trusts.
    ///
    /// # Errors
    /// A certificate of `--ca-file` cannot be read.
    pub fn new(trust: &Trust) -> Result<Self, NotARoot> {
        let mut files = RootCertStore::empty();
        for (index, der) in trust.ca_certificates.iter().enumerate() {
            files
                .add(CertificateDer::from(der.clone()))
                .map_err(|error| NotARoot {
                    number: index + 1,
                    reason: error.to_string(),
                })?;
        }
        let public = (trust.stores != Stores::System).then(|| {
            Arc::new(RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            })
        });
        Ok(Self {
            provider: super::tls::provider(),
            files: Arc::new(files),
            public,
            system: (trust.stores != Stores::Public).then(SystemRoots::default),
            missed: AtomicBool::new(false),
        })
    }

    /// The provider of cryptography.
    #[must_use]
    pub fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
    }

    /// Why nobody at all is trusted, in words: this machine's store is all there is, and it is empty. Waits until it has
    /// been read, but not for longer than `patience`: what comes later is told of each certificate.
    pub async fn lack(&self, patience: Duration) -> Option<Text> {
        let system = self.system.as_ref()?;
        if self.public.is_some() || !self.files.is_empty() {
            return None;
        }
        let _ = tokio::time::timeout(patience, system.settled()).await;
        let is_empty = system.store()?.is_empty();
        system.trouble().filter(|_| is_empty)
    }

    /// What is missing in this machine's store, in words, where that mattered: an issuer was looked for in it, in vain.
    #[must_use]
    pub fn trouble(&self) -> Option<Text> {
        let missed = self.missed.load(Ordering::Relaxed);
        self.system.as_ref().filter(|_| missed)?.trouble()
    }

    /// Begins to read what takes long, so that it is there when a chain is assessed.
    pub(super) fn prepare(&self) {
        if let Some(system) = &self.system {
            system.begin();
        }
    }

    /// The sets of roots that are there, the one asked first in front.
    fn sets(&self) -> impl Iterator<Item = (Anchor, Arc<RootCertStore>)> {
        let files = std::iter::once((Anchor::CaFile, Arc::clone(&self.files)));
        let public = self
            .public
            .iter()
            .cloned()
            .map(|store| (Anchor::Public, store));
        let system = self
            .system
            .iter()
            .filter_map(SystemRoots::store)
            .map(|store| (Anchor::System, store));
        files.chain(public).chain(system)
    }
}

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

/// What a chain says.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) certificate: Option<CertificateFacts>,
    pub(super) chain: Vec<ChainLink>,
}

/// Turns a chain into facts. A name that no certificate can bear is `None`.
pub(super) fn assess(
    chain: &[CertificateDer<'_>],
    name: Option<&ServerName<'_>>,
    roots: &Roots,
    proofs: &mut Proofs,
) -> Told {
    let mut room = Room(Limits::CHAIN_TEXT);
    let links = chain
        .iter()
        .map(|der| link(der, roots, &mut room))
        .collect();
    let parsed: Vec<Option<Parsed<'_>>> = chain
        .iter()
        .enumerate()
        .map(|(at, der)| {
            Some(Parsed {
                at,
                ..Parsed::read(der)?
            })
        })
        .collect();
    let certificate = match parsed.first() {
        Some(Some(leaf)) => Some(certificate(leaf, &parsed, chain, name, roots, proofs)),
        _ => None,
    };
    Told {
        certificate,
        chain: links,
    }
}

/// [`assess`], and once more when this machine's store of roots was not there yet and could change the answer.
pub(super) async fn assess_in_time(
    chain: &[CertificateDer<'_>],
    name: Option<&ServerName<'_>>,
    roots: &Roots,
    terms: &mut Terms,
) -> Told {
    let mut proofs = Proofs::default();
    let is_whole = roots
        .system
        .as_ref()
        .is_none_or(|system| system.store().is_some());
    let mut told = assess(chain, name, roots, &mut proofs);
    let Some(system) = roots.system.as_ref().filter(|_| told.has_no_anchor()) else {
        return told;
    };
    if !is_whole {
        if system.reading() == Reading::UnderWay {
            let patience = terms.limits.reply;
            // Why it ended is told by how far the reading is.
            let _ = terms.bounded(patience, system.settled()).await;
        }
        told = assess(chain, name, roots, &mut proofs);
    }
    if let Some(certificate) = told
        .certificate
        .as_mut()
        .filter(|it| it.trust.anchor.is_none())
    {
        if system.reading() != Reading::Done {
            certificate.trust.defects.push(TrustDefect::Other(
                "this machine's own store of roots could not be read in time".into(),
            ));
        } else if !certificate.self_signed {
            roots.missed.store(true, Ordering::Relaxed);
        }
    }
    told
}

impl Told {
    fn has_no_anchor(&self) -> bool {
        self.certificate
            .as_ref()
            .is_some_and(|certificate| certificate.trust.anchor.is_none())
    }
}

/// Whether a certificate can be read at all.
pub(super) fn is_readable(der: &CertificateDer<'_>) -> bool {
    Parsed::read(der).is_some()
}

/// A certificate's subject public key information, whole, as it stands there; also of one that webpki does not read.
pub(super) fn public_key(der: &CertificateDer<'_>) -> Option<Vec<u8>> {
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
struct Parsed<'a> {
    x509: X509Certificate<'a>,
    /// The contents of `signatureAlgorithm`.
    algorithm: &'a [u8],
    /// Index into the chain.
    at: usize,
}

impl<'a> Parsed<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
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

    fn subject(&self) -> &[u8] {
        name_contents(&self.x509.tbs_certificate.subject)
    }

    fn issuer(&self) -> &[u8] {
        name_contents(&self.x509.tbs_certificate.issuer)
    }

    /// The contents of the subject's public key information, as trust anchors keep it.
    fn public_key(&self) -> &[u8] {
        contents(self.x509.tbs_certificate.subject_pki.raw).map_or(&[], |(inside, _)| inside)
    }
}

/// The signatures of a chain that have been checked: a chain is walked more than once, and a check takes long.
#[derive(Default)]
pub(super) struct Proofs {
    /// By the index of what is signed and the hash of the key.
    known: HashMap<(usize, String), Signature>,
}

impl Proofs {
    fn check(&mut self, signed: &Parsed<'_>, public_key: &[u8], roots: &Roots) -> Signature {
        *self
            .known
            .entry((signed.at, sha256(public_key, roots)))
            .or_insert_with(|| {
                signatures::check(
                    &roots.provider,
                    signed.algorithm,
                    public_key,
                    signed.x509.tbs_certificate.as_ref(),
                    signed.x509.signature_value.data.as_ref(),
                )
            })
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
fn extension<'a>(certificate: &X509Certificate<'a>, identifier: &Oid<'_>) -> Option<&'a [u8]> {
    let found = certificate
        .tbs_certificate
        .get_extension_unique(identifier)
        .ok()??;
    Some(found.value)
}

fn name_contents<'a>(name: &'a X509Name<'_>) -> &'a [u8] {
    contents(name.as_raw()).map_or(&[], |(inside, _)| inside)
}

fn certificate(
    leaf: &Parsed<'_>,
    parsed: &[Option<Parsed<'_>>],
    chain: &[CertificateDer<'_>],
    name: Option<&ServerName<'_>>,
    roots: &Roots,
    proofs: &mut Proofs,
) -> CertificateFacts {
    let tbs = &leaf.x509.tbs_certificate;
    let (signature, signature_strength) = signature(&leaf.x509.signature_algorithm);
    let self_signed = is_self_signed(leaf, roots, proofs);
    let (names, more_names) = names(&leaf.x509);
    CertificateFacts {
        subject: name_text(&tbs.subject, &mut Room(Limits::SUBJECT_TEXT)),
        issuer: name_text(&tbs.issuer, &mut Room(Limits::SUBJECT_TEXT)),
        names,
        more_names,
        not_before: tbs.validity.not_before.to_datetime(),
        not_after: tbs.validity.not_after.to_datetime(),
        serial: serial(tbs.raw_serial()),
        sha256: chain
            .first()
            .map_or_else(String::new, |der| sha256(der, roots)),
        key: key(&tbs.subject_pki),
        signature,
        signature_strength,
        self_signed,
        name_matches: name
            .zip(chain.first())
            .is_some_and(|(name, der)| is_made_out_to(name, der, leaf)),
        trust: trust(leaf, self_signed, parsed, chain, roots, proofs),
        issuer_urls: issuer_urls(&leaf.x509),
    }
}

fn trust(
    leaf: &Parsed<'_>,
    self_signed: bool,
    parsed: &[Option<Parsed<'_>>],
    chain: &[CertificateDer<'_>],
    roots: &Roots,
    proofs: &mut Proofs,
) -> TrustFacts {
    let mut defects = Vec::new();
    let mut accuse = |defect: TrustDefect| {
        if !defects.contains(&defect) {
            defects.push(defect);
        }
    };
    let object = |way: &Way| {
        // A certificate that was itself named as trusted needs nobody to vouch for it.
        if way.path.len() == 1 && way.ends == End::AtItself {
            return Some(Vec::new());
        }
        objections(way, parsed, chain, roots)
    };
    let way = Walk::new(roots, parsed, Proof::Signatures, proofs).find_root(leaf, object);
    let (anchor, path) = if let Some((way, objections)) = way {
        objections.into_iter().for_each(&mut accuse);
        (Some(way.anchor), way.path)
    } else if self_signed {
        accuse(TrustDefect::SelfSigned);
        (None, vec![0])
    } else if let Some((way, _)) =
        Walk::new(roots, parsed, Proof::Names, proofs).find_root(leaf, |_| Some(Vec::new()))
    {
        accuse(TrustDefect::Other(unchecked(&way.path, parsed)));
        (None, way.path)
    } else {
        accuse(TrustDefect::UnknownIssuer);
        (None, vec![0])
    };
    if !may_serve(leaf) {
        accuse(TrustDefect::InvalidPurpose);
    }
    TrustFacts {
        anchor,
        defects,
        path,
    }
}

/// That the names lead to a root, but a signature on the way cannot be checked: anybody could have made it.
fn unchecked(path: &[usize], parsed: &[Option<Parsed<'_>>]) -> Text {
    let mut algorithms: Vec<String> = path
        .iter()
        .filter_map(|index| parsed.get(*index)?.as_ref())
        .map(|parsed| signature(&parsed.x509.signature_algorithm).0)
        .collect();
    algorithms.dedup();
    let words = format!(
        "its issuer is known by name, but a signature cannot be checked here ({})",
        algorithms.join(", ")
    );
    words.as_str().into()
}

/// Whether a certificate may be a server's (RFC 5280 §4.2.1.12): webpki tells only where there is nothing worse.
fn may_serve(leaf: &Parsed<'_>) -> bool {
    /// `id-kp-serverAuth`
    const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    extension(&leaf.x509, &OID_X509_EXT_EXTENDED_KEY_USAGE)
        .and_then(contents)
        .is_none_or(|(purposes, _)| elements(purposes).any(|(_, purpose)| purpose == SERVER))
}

/// Whether a certificate is made out to a name. One that webpki does not read (version 1, an unknown critical extension)
/// has names all the same.
fn is_made_out_to(name: &ServerName<'_>, der: &CertificateDer<'_>, leaf: &Parsed<'_>) -> bool {
    if let Ok(certificate) = ParsedCertificate::try_from(der) {
        return verify_server_name(&certificate, name).is_ok();
    }
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

/// What webpki objects to, at a moment at which every date of the path holds; `None` where there is no such moment: one
/// of the dates never holds then, and is told.
fn objections(
    way: &Way,
    parsed: &[Option<Parsed<'_>>],
    chain: &[CertificateDer<'_>],
    roots: &Roots,
) -> Option<Vec<TrustDefect>> {
    let dates = || {
        way.path
            .iter()
            .filter_map(|index| parsed.get(*index)?.as_ref())
            .map(|parsed| parsed.x509.validity())
    };
    let from = dates().map(|dates| dates.not_before.timestamp()).max();
    let until = dates().map(|dates| dates.not_after.timestamp()).min();
    // What began before 1970 holds in 1970 as well.
    let from = from.unwrap_or_default().max(0);
    let moment = match u64::try_from(from) {
        Ok(moment) if from <= until.unwrap_or_default() => {
            UnixTime::since_unix_epoch(Duration::from_secs(moment))
        }
        _ => return None,
    };
    let (_, store) = roots.sets().find(|(set, _)| *set == way.anchor)?;
    let mut path = way.path.iter().filter_map(|index| chain.get(*index));
    let leaf = match ParsedCertificate::try_from(path.next()?) {
        Ok(leaf) => leaf,
        Err(error) => return Some(vec![TrustDefect::Other(words(&error))]),
    };
    // Of the rest of the chain one could do what another on the path may not, at a moment that is over.
    let intermediates: Vec<_> = path.cloned().collect();
    let algorithms: Vec<_> = signatures::algorithms(&roots.provider).collect();
    let verified = verify_server_cert_signed_by_trust_anchor(
        &leaf,
        &store,
        &intermediates,
        moment,
        &algorithms,
    );
    Some(match verified {
        Ok(()) => Vec::new(),
        Err(rustls::Error::InvalidCertificate(
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
        )) => vec![TrustDefect::InvalidPurpose],
        Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            vec![TrustDefect::UnknownIssuer]
        }
        Err(other) => vec![TrustDefect::Other(words(&other))],
    })
}

/// The verifier's objection in words; those that rustls keeps in webpki's form have none of their own.
fn words(error: &rustls::Error) -> Text {
    let own = match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            other.0.downcast_ref::<webpki::Error>()
        }
        _ => None,
    };
    let words = match own {
        Some(webpki::Error::CaUsedAsEndEntity) => {
            "a certificate authority's own certificate is used by a server"
        }
        Some(webpki::Error::NameConstraintViolation) => {
            "an authority on the way may not vouch for these names"
        }
        Some(webpki::Error::PathLenConstraintViolated) => {
            "an authority on the way may not have another below it"
        }
        Some(webpki::Error::UnsupportedCertVersion) => "the certificate is not of X.509 version 3",
        Some(webpki::Error::UnsupportedCriticalExtension) => {
            "a critical extension is not known here"
        }
        _ => return error.to_string().as_str().into(),
    };
    words.into()
}

/// A way from the leaf to a root.
struct Way {
    anchor: Anchor,
    /// Indices into the chain, leaf first, root not included.
    path: Vec<usize>,
    ends: End,
}

/// How a way ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// The last certificate of the path is signed by the root.
    AtIssuer,
    /// It is the root itself, or another certificate for the root's name and key.
    AtItself,
}

/// What makes a link between two certificates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Proof {
    /// The issuer's name and a signature that holds.
    Signatures,
    /// The issuer's name and a signature that holds or that nobody here can check: good for words, not for trust.
    Names,
}

/// Looks for a way from the leaf to a root.
struct Walk<'a> {
    roots: &'a Roots,
    parsed: &'a [Option<Parsed<'a>>],
    /// In which order issuers are tried: the one that ends last first, for an old one may be sent beside its successor.
    order: Vec<usize>,
    proof: Proof,
    proofs: &'a mut Proofs,
    signatures: usize,
}

impl<'a> Walk<'a> {
    fn new(
        roots: &'a Roots,
        parsed: &'a [Option<Parsed<'a>>],
        proof: Proof,
        proofs: &'a mut Proofs,
    ) -> Self {
        let end = |index: &usize| {
            let parsed = parsed.get(*index)?.as_ref()?;
            Some(parsed.x509.validity().not_after.timestamp())
        };
        let mut order: Vec<usize> = (0..parsed.len()).collect();
        order.sort_by_key(|index| Reverse(end(index)));
        Self {
            roots,
            parsed,
            order,
            proof,
            proofs,
            signatures: Limits::SIGNATURES,
        }
    }

    /// The first way, with what is objected to it; where something is, another one that nothing is objected to and that
    /// lasts as long as the leaf: without a clock nobody knows whether one that ends earlier has ended.
    fn find_root(
        mut self,
        leaf: &Parsed<'_>,
        object: impl Fn(&Way) -> Option<Vec<TrustDefect>>,
    ) -> Option<(Way, Vec<TrustDefect>)> {
        let roots = self.roots;
        let mut found = None;
        let mut left = Limits::WAYS;
        let parsed = self.parsed;
        let end = leaf.x509.validity().not_after;
        let outlasts_leaf = |index: &usize| matches!(parsed.get(*index), Some(Some(it)) if it.x509.validity().not_after >= end);
        for (anchor, store) in roots.sets() {
            let mut arrive = |path: &[usize], ends| {
                let way = Way {
                    anchor,
                    path: path.to_vec(),
                    ends,
                };
                let objections = object(&way);
                let is_good = objections.as_ref().is_some_and(Vec::is_empty)
                    && (found.is_none() || way.path.iter().all(&outlasts_leaf));
                if is_good || found.is_none() {
                    found = Some((way, objections.unwrap_or_default()));
                }
                left -= 1;
                if is_good || left == 0 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            if self
                .walk(leaf, &store, &mut vec![0], &mut arrive)
                .is_break()
            {
                break;
            }
        }
        found
    }

    /// Depth first: through the certificates that were sent, each used once.
    fn walk(
        &mut self,
        from: &Parsed<'_>,
        store: &RootCertStore,
        path: &mut Vec<usize>,
        arrive: &mut dyn FnMut(&[usize], End) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        // The certificate may be the root itself: then it needs no signature.
        if store.roots.iter().any(|root| same_key(root, from)) {
            arrive(path, End::AtItself)?;
        }
        for root in &store.roots {
            if root.subject.as_ref() == from.issuer()
                && self.links(from, root.subject_public_key_info.as_ref())
            {
                arrive(path, End::AtIssuer)?;
            }
        }
        let parsed = self.parsed;
        for turn in 0..self.order.len() {
            let Some(index) = self.order.get(turn).copied() else {
                continue;
            };
            let Some(Some(next)) = parsed.get(index) else {
                continue;
            };
            if path.contains(&index)
                || path.len() >= Limits::PATH
                || next.subject() != from.issuer()
                || !may_sign(next)
                || !self.links(from, next.public_key())
            {
                continue;
            }
            path.push(index);
            self.walk(next, store, path, arrive)?;
            path.pop();
        }
        ControlFlow::Continue(())
    }

    /// Whether a certificate is signed by a key; `public_key` is the contents of its subject public key information.
    fn links(&mut self, signed: &Parsed<'_>, public_key: &[u8]) -> bool {
        let Some(left) = self.signatures.checked_sub(1) else {
            return false;
        };
        self.signatures = left;
        match self.proofs.check(signed, public_key, self.roots) {
            Signature::Holds => true,
            Signature::Unchecked => self.proof == Proof::Names,
            Signature::Broken => false,
        }
    }
}

/// Whether a certificate is signed by its own key; where nobody can check that, names are believed: it is no praise.
fn is_self_signed(certificate: &Parsed<'_>, roots: &Roots, proofs: &mut Proofs) -> bool {
    certificate.subject() == certificate.issuer()
        && proofs.check(certificate, certificate.public_key(), roots) != Signature::Broken
}

fn same_key(root: &TrustAnchor<'_>, certificate: &Parsed<'_>) -> bool {
    root.subject.as_ref() == certificate.subject()
        && root.subject_public_key_info.as_ref() == certificate.public_key()
}

/// Whether a certificate may sign others; one of version 1 has no way to say so (RFC 5280 §6.1.4).
fn may_sign(certificate: &Parsed<'_>) -> bool {
    extension(&certificate.x509, &OID_X509_EXT_BASIC_CONSTRAINTS)
        .and_then(|value| BasicConstraints::from_der(value).ok())
        .is_some_and(|(_, constraints)| constraints.ca)
}

fn link(der: &CertificateDer<'_>, roots: &Roots, room: &mut Room) -> ChainLink {
    let sha256 = sha256(der, roots);
    match Parsed::read(der) {
        Some(parsed) => {
            let tbs = &parsed.x509.tbs_certificate;
            ChainLink {
                subject: name_text(&tbs.subject, room),
                issuer: name_text(&tbs.issuer, room),
                sha256,
                not_before: Some(tbs.validity.not_before.to_datetime()),
                not_after: Some(tbs.validity.not_after.to_datetime()),
                key: Some(key(&tbs.subject_pki)),
                signature: Some(signature(&parsed.x509.signature_algorithm)),
            }
        }
        None => ChainLink {
            subject: "unreadable certificate".into(),
            issuer: Text::default(),
            sha256,
            not_before: None,
            not_after: None,
            key: None,
            signature: None,
        },
    }
}

/// How many bytes of text may still be kept.
struct Room(usize);

impl Room {
    fn keep(&mut self, bytes: &[u8], most: usize) -> Text {
        let text = Text::within(bytes, self.0.min(most));
        self.0 = self.0.saturating_sub(text.as_str().len());
        text
    }
}

fn name_text(name: &X509Name<'_>, room: &mut Room) -> Text {
    room.keep(name.to_string().as_bytes(), Limits::SUBJECT_TEXT)
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
fn names(certificate: &X509Certificate<'_>) -> (Vec<Text>, usize) {
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

fn issuer_urls(certificate: &X509Certificate<'_>) -> Vec<Text> {
    /// `id-ad-caIssuers` (RFC 5280 §4.2.2.1).
    const CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    const URI: u8 = 0x86;
    let descriptions = extension(certificate, &OID_PKIX_AUTHORITY_INFO_ACCESS).and_then(contents);
    let mut room = Room(URLS_ROOM);
    elements(descriptions.map_or(&[], |(descriptions, _)| descriptions))
        .filter_map(|(_, description)| {
            let mut parts = elements(description);
            match (parts.next()?, parts.next()?) {
                ((_, CA_ISSUERS), (URI, uri)) => Some(uri),
                _ => None,
            }
        })
        .take(4)
        .map(|uri| room.keep(uri, URLS_ROOM))
        .collect()
}

fn serial(raw: &[u8]) -> String {
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

fn sha256(der: &[u8], roots: &Roots) -> String {
    roots
        .provider
        .cipher_suites
        .iter()
        .find_map(|suite| {
            suite
                .tls13()
                .map(|suite| suite.common.hash_provider)
                .filter(|hash| hash.output_len() == 32)
        })
        .map_or_else(String::new, |hash| hex(hash.hash(der).as_ref()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn key(public_key: &SubjectPublicKeyInfo<'_>) -> KeyFacts {
    let algorithm = identifier_text(&public_key.algorithm.algorithm);
    let fixed = |name: &str, bits| KeyFacts {
        algorithm: name.to_owned(),
        bits,
    };
    match algorithm.as_str() {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => {
            fixed("RSA", rsa_bits(&public_key.subject_public_key.data))
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

fn signature(identifier: &AlgorithmIdentifier<'_>) -> (String, SignatureStrength) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn certificate_and_key(name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .and_then(|params| params.self_signed(&key))
            .expect("a certificate");
        (certificate, key)
    }

    #[test]
    fn a_file_of_certificates_is_pem_or_der() {
        let (one, key) = certificate_and_key("one.example.test");
        let (two, _) = certificate_and_key("two.example.test");
        let bundle = format!(
            "# a comment\n{}\nsubject=two\n{}{}",
            one.pem(),
            key.serialize_pem(),
            two.pem().replace('\n', "\r\n")
        );
        let both = vec![one.der().to_vec(), two.der().to_vec()];
        assert_eq!(certificates(bundle.as_bytes()), Ok(both));
        assert_eq!(certificates(one.der()), Ok(vec![one.der().to_vec()]));
        let marked = format!("\u{feff}{}", one.pem());
        assert_eq!(
            certificates(marked.as_bytes()),
            Ok(vec![one.der().to_vec()])
        );
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_in_one_phrase() {
        let (one, key) = certificate_and_key("one.example.test");
        let damaged = one.pem().replacen("MII", "MIJ", 1);
        let cut = one.der().get(..one.der().len() - 1).expect("it is long");
        let longer = [one.der().as_ref(), b"x"].concat();
        for (bytes, words) in [
            (b"".as_slice(), "neither PEM nor DER"),
            (b"hello", "neither PEM nor DER"),
            (cut, "neither PEM nor DER"),
            (&longer, "certificate 1 cannot be read"),
            (key.serialize_pem().as_bytes(), "no certificate in it"),
            (key.serialized_der(), "certificate 1 cannot be read"),
            (
                format!("{}{damaged}", one.pem()).as_bytes(),
                "certificate 2 cannot be read",
            ),
            (
                format!("{}-----BEGIN CERTIFICATE-----\nMIIB", one.pem()).as_bytes(),
                "certificate 2 cannot be read",
            ),
        ] {
            assert_eq!(
                certificates(bytes).map_err(|error| error.to_string()),
                Err(words.to_owned()),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    /// ring cannot shake hands with a P-521 key: such a certificate is only met in a chain or on the raw hello.
    #[test]
    fn a_certificate_with_a_key_that_nobody_here_checks_is_told_all_the_same() {
        let pem = include_bytes!("../../tests/fixtures/certificates/p521-root.pem");
        let der = certificates(pem).expect("a fixture").remove(0);
        let chain = [CertificateDer::from(der.clone())];
        let name = ServerName::try_from("mail.example.test").ok();
        let told = |ca_certificates| {
            let trust = Trust {
                stores: Stores::Public,
                ca_certificates,
            };
            let roots = Roots::new(&trust).expect("roots");
            assess(&chain, name.as_ref(), &roots, &mut Proofs::default())
                .certificate
                .expect("it can be read")
        };
        let stranger = told(Vec::new());
        assert_eq!(stranger.key.algorithm, "EC");
        assert_eq!(stranger.key.bits, Some(521));
        assert!(stranger.self_signed);
        assert_eq!(stranger.trust.anchor, None);
        assert_eq!(stranger.trust.defects, [TrustDefect::SelfSigned]);
        let named = told(vec![der]);
        assert_eq!(named.trust.anchor, Some(Anchor::CaFile));
        assert_eq!(named.trust.defects, []);
    }

    #[test]
    fn a_chain_of_nothing_tells_nothing() {
        let roots = Roots::new(&Trust::default()).expect("no files to read");
        let told = assess(&[], None, &roots, &mut Proofs::default());
        assert_eq!(told.certificate, None);
        assert_eq!(told.chain, []);
    }

    fn tlv(tag: u8, inside: &[u8]) -> Vec<u8> {
        let length = u32::try_from(inside.len()).expect("short").to_be_bytes();
        [&[tag, 0x84], length.as_slice(), inside].concat()
    }

    /// A certificate that no authority would make; nobody has signed it.
    struct Forged {
        serial: Vec<u8>,
        algorithm: Vec<u8>,
        subject: Vec<u8>,
        names: Vec<u8>,
        more_extensions: Vec<u8>,
        version: Vec<u8>,
    }

    impl Forged {
        fn new() -> Self {
            Self {
                serial: vec![1],
                // sha256WithRSAEncryption
                algorithm: vec![0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b],
                subject: Self::common_name(b"mail.example.test"),
                names: tlv(0x82, b"mail.example.test"),
                more_extensions: Vec::new(),
                version: tlv(0xa0, &[2, 1, 2]),
            }
        }

        fn common_name(name: &[u8]) -> Vec<u8> {
            let attribute = [tlv(6, &[0x55, 4, 3]), tlv(12, name)].concat();
            tlv(0x31, &tlv(0x30, &attribute))
        }

        fn extension(identifier: &[u8], value: &[u8]) -> Vec<u8> {
            tlv(0x30, &[tlv(6, identifier), tlv(4, value)].concat())
        }

        fn der(&self) -> CertificateDer<'static> {
            let algorithm = tlv(0x30, &tlv(6, &self.algorithm));
            let moment = |year: &str| tlv(0x17, format!("{year}0101000000Z").as_bytes());
            let key = tlv(0x30, &[algorithm.clone(), tlv(3, &[0; 64])].concat());
            let names = Self::extension(&[0x55, 0x1d, 0x11], &tlv(0x30, &self.names));
            let extensions = tlv(0x30, &[names, self.more_extensions.clone()].concat());
            let tbs = [
                self.version.clone(),
                tlv(2, &self.serial),
                algorithm.clone(),
                tlv(0x30, &self.subject),
                tlv(0x30, &[moment("25"), moment("35")].concat()),
                tlv(0x30, &self.subject),
                key,
                tlv(0xa3, &extensions),
            ]
            .concat();
            let whole = [tlv(0x30, &tbs), algorithm, tlv(3, &[0; 64])].concat();
            CertificateDer::from(tlv(0x30, &whole))
        }

        fn told(&self) -> Told {
            let roots = Roots::new(&Trust {
                stores: Stores::Public,
                ca_certificates: Vec::new(),
            });
            let name = ServerName::try_from("mail.example.test").ok();
            let roots = roots.expect("roots");
            assess(&[self.der()], name.as_ref(), &roots, &mut Proofs::default())
        }

        fn facts(&self) -> CertificateFacts {
            self.told().certificate.expect("it can be read")
        }
    }

    #[test]
    fn of_what_is_endless_in_a_certificate_the_beginning_is_kept() {
        let serial = |length| Forged {
            serial: vec![0x7f; length],
            ..Forged::new()
        };
        assert_eq!(serial(32).facts().serial, "7f".repeat(32));
        assert_eq!(serial(33).facts().serial, "7f".repeat(32) + "…");
        for identifier in [vec![0x2a; 60_000], vec![0xff; 60_000]] {
            let endless = Forged {
                algorithm: identifier,
                ..Forged::new()
            };
            let facts = endless.facts();
            for told in [&facts.signature, &facts.key.algorithm] {
                assert!(told.len() < 128 && told.ends_with('…'), "{told}");
            }
        }
        let url = [
            tlv(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 2]),
            tlv(0x86, &[0xff; 9_000]),
        ]
        .concat();
        let urls = tlv(0x30, &tlv(0x30, &url).repeat(8));
        let endless = Forged {
            subject: Forged::common_name(&"\u{202e}".repeat(1_000).into_bytes()),
            more_extensions: Forged::extension(&[0x2b, 6, 1, 5, 5, 7, 1, 1], &urls),
            ..Forged::new()
        };
        let facts = endless.facts();
        let urls: usize = facts.issuer_urls.iter().map(|it| it.as_str().len()).sum();
        assert!((URLS_ROOM / 2..URLS_ROOM + 16).contains(&urls), "{urls}");
        let subject = facts.subject.as_str();
        assert!(subject.starts_with("CN=\\xE2\\x80\\xAE") && subject.ends_with('…'));
        assert!(subject.len() <= Limits::SUBJECT_TEXT + '…'.len_utf8());
    }

    #[test]
    fn the_names_of_a_certificate_have_a_bound_and_all_of_them_count() {
        let ours = tlv(0x82, b"mail.example.test");
        let with = |names: Vec<Vec<u8>>| Forged {
            names: [names.concat(), ours.clone()].concat(),
            ..Forged::new()
        };
        let many: Vec<_> = (0..300)
            .map(|number| tlv(0x82, format!("mail{number}.example.test").as_bytes()))
            .collect();
        let facts = with(many).facts();
        assert_eq!((facts.names.len(), facts.more_names), (200, 101));
        assert!(facts.name_matches);
        let long = vec![tlv(0x82, &[0xff; 2040]); 25];
        let facts = with(long).facts();
        assert_eq!((facts.names.len(), facts.more_names), (2, 24));
        let told: usize = facts.names.iter().map(|it| it.as_str().len()).sum();
        assert!(told <= Limits::NAMES_TEXT);
        let facts = with(Vec::new()).facts();
        assert_eq!((facts.names.len(), facts.more_names), (1, 0));
    }

    #[test]
    fn what_would_be_read_into_thousands_of_pieces_is_not_read() {
        let unreadable = |forged: Forged| {
            let told = forged.told();
            told.certificate.is_none() && told.chain[0].subject.as_str() == "unreadable certificate"
        };
        assert!(!unreadable(Forged::new()));
        assert!(unreadable(Forged {
            subject: Forged::common_name(b"a").repeat(400),
            ..Forged::new()
        }));
        let extensions = |count: u8| Forged {
            more_extensions: (0..count)
                .flat_map(|number| Forged::extension(&[0x2b, 6, number], b""))
                .collect(),
            ..Forged::new()
        };
        assert!(!unreadable(extensions(63)));
        assert!(unreadable(extensions(64)));
    }

    #[test]
    fn a_certificate_that_webpki_does_not_read_is_compared_by_the_same_rules() {
        // Version 1 has no extensions; this one has them all the same.
        let matches = |names: &[Vec<u8>], asked: &str| {
            let forged = Forged {
                version: Vec::new(),
                names: names.concat(),
                ..Forged::new()
            };
            let der = forged.der();
            assert!(ParsedCertificate::try_from(&der).is_err());
            let leaf = Parsed::read(&der).expect("it can be read");
            let asked = ServerName::try_from(asked).expect("a name");
            is_made_out_to(&asked, &der, &leaf)
        };
        let dns = |name: &str| tlv(0x82, name.as_bytes());
        let address = tlv(0x87, &[192, 0, 2, 1]);
        for (name, asked, expected) in [
            (dns("mail.example.test"), "mail.example.test", true),
            (dns("MAIL.example.test"), "mail.EXAMPLE.test", true),
            (dns("*.example.test"), "mail.example.test", true),
            (dns("*.example.test"), "a.mail.example.test", false),
            (dns("*.example.test"), "example.test", false),
            (dns("*.test"), "example.test", false),
            (dns("*"), "example", false),
            (dns("192.0.2.1"), "192.0.2.1", false),
            (dns("*.0.2.1"), "192.0.2.1", false),
            (address.clone(), "192.0.2.1", true),
            (address, "192.0.2.2", false),
        ] {
            assert_eq!(matches(&[name], asked), expected, "{asked}");
        }
        let many: Vec<_> = (0..300)
            .map(|number| dns(&format!("m{number}.example.test")))
            .collect();
        assert!(matches(&many, "m299.example.test"));
    }

    #[test]
    fn a_signature_is_checked_once() {
        let mut forged = Forged::new();
        forged.more_extensions = Forged::extension(&[0x55, 0x1d, 0x13], &[0x30, 3, 1, 1, 0xff]);
        // Sixteen that could all have signed each other, with one key.
        let chain: Vec<_> = (0..16)
            .map(|serial| {
                forged.serial = vec![serial];
                forged.der()
            })
            .collect();
        let trust = Trust {
            stores: Stores::Public,
            ca_certificates: Vec::new(),
        };
        let roots = Roots::new(&trust).expect("roots");
        let mut proofs = Proofs::default();
        let first = assess(&chain, None, &roots, &mut proofs);
        let count = proofs.known.len();
        assert!((1..=16).contains(&count), "{count}");
        // What is known is believed, and nothing is asked again.
        proofs
            .known
            .values_mut()
            .for_each(|it| *it = Signature::Broken);
        let again = assess(&chain, None, &roots, &mut proofs);
        assert_eq!(proofs.known.len(), count);
        let self_signed = |told: Told| told.certificate.map(|it| it.self_signed);
        assert_eq!(self_signed(first), Some(true));
        assert_eq!(self_signed(again), Some(false));
    }
}
