//! A certificate chain, the roots that are trusted here and the name that was asked for, turned into facts.
//!
//! No clock is read: dates are told, and whether they hold is for the rules, which have the time. So the path from the
//! leaf to a root is walked here link by link, by names and signatures; only then is webpki asked, at a moment at which
//! every certificate of the path is valid, whether it has other objections (purpose, name constraints).

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
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

/// Whom to trust, by where the root comes from.
#[derive(Debug)]
pub struct Roots {
    provider: Arc<CryptoProvider>,
    files: Arc<RootCertStore>,
    public: Option<Arc<RootCertStore>>,
    /// Read while the first handshakes are made.
    system: Option<SystemRoots>,
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
        })
    }

    /// The provider of cryptography.
    #[must_use]
    pub fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
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
) -> Told {
    let links = chain.iter().map(|der| link(der, roots)).collect();
    let parsed: Vec<Option<Parsed<'_>>> = chain.iter().map(|der| Parsed::read(der)).collect();
    let certificate = match parsed.first() {
        Some(Some(leaf)) => Some(certificate(leaf, &parsed, chain, name, roots)),
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
    let missing = roots.system.as_ref().filter(|it| it.store().is_none());
    let told = assess(chain, name, roots);
    let Some(system) = missing.filter(|_| told.has_no_anchor()) else {
        return told;
    };
    if system.reading() == Reading::UnderWay {
        let patience = terms.limits.reply;
        // Why it ended is told by how far the reading is.
        let _ = terms.bounded(patience, system.settled()).await;
    }
    let mut told = assess(chain, name, roots);
    if system.reading() != Reading::Done
        && let Some(certificate) = told
            .certificate
            .as_mut()
            .filter(|it| it.trust.anchor.is_none())
    {
        certificate.trust.defects.push(TrustDefect::Other(
            "this machine's own store of roots could not be read in time".into(),
        ));
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
}

impl<'a> Parsed<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let (rest, x509) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let (whole, _) = contents(der)?;
        let (_, after_tbs) = contents(whole)?;
        let (algorithm, _) = contents(after_tbs)?;
        Some(Self { x509, algorithm })
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

    fn is_signed_by(&self, public_key: &[u8], roots: &Roots) -> Signature {
        signatures::check(
            &roots.provider,
            self.algorithm,
            public_key,
            self.x509.tbs_certificate.as_ref(),
            self.x509.signature_value.data.as_ref(),
        )
    }
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
) -> CertificateFacts {
    let tbs = &leaf.x509.tbs_certificate;
    let (signature, signature_strength) = signature(&leaf.x509.signature_algorithm);
    let self_signed = is_self_signed(leaf, roots);
    CertificateFacts {
        subject: name_text(&tbs.subject),
        issuer: name_text(&tbs.issuer),
        names: names(&leaf.x509),
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
        trust: trust(leaf, self_signed, parsed, chain, roots),
        issuer_urls: issuer_urls(&leaf.x509),
    }
}

fn trust(
    leaf: &Parsed<'_>,
    self_signed: bool,
    parsed: &[Option<Parsed<'_>>],
    chain: &[CertificateDer<'_>],
    roots: &Roots,
) -> TrustFacts {
    let mut defects = Vec::new();
    let mut accuse = |defect: TrustDefect| {
        if !defects.contains(&defect) {
            defects.push(defect);
        }
    };
    let way = Walk::new(roots, parsed, Proof::Signatures).find_root(leaf);
    let (anchor, path) = if let Some(Way { anchor, path, ends }) = way {
        // A certificate that was itself named as trusted needs nobody to vouch for it.
        let trusted_by_itself = path.len() == 1 && ends == End::AtItself;
        if !trusted_by_itself {
            objections(anchor, &path, parsed, chain, roots)
                .into_iter()
                .for_each(&mut accuse);
        }
        (Some(anchor), path)
    } else if self_signed {
        accuse(TrustDefect::SelfSigned);
        (None, vec![0])
    } else if let Some(way) = Walk::new(roots, parsed, Proof::Names).find_root(leaf) {
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
    match leaf.x509.extended_key_usage() {
        Ok(Some(usage)) => usage.value.server_auth,
        Ok(None) | Err(_) => true,
    }
}

/// Whether a certificate is made out to a name. One that webpki does not read (version 1, an unknown critical extension)
/// has names all the same.
fn is_made_out_to(name: &ServerName<'_>, der: &CertificateDer<'_>, leaf: &Parsed<'_>) -> bool {
    if let Ok(certificate) = ParsedCertificate::try_from(der) {
        return verify_server_name(&certificate, name).is_ok();
    }
    let asked = name.to_str();
    let (_, domain) = asked.split_once('.').unwrap_or_default();
    names(&leaf.x509).iter().any(|made_out_to| {
        let made_out_to = made_out_to.as_str();
        let wildcard = made_out_to.strip_prefix("*.");
        made_out_to.eq_ignore_ascii_case(&asked)
            || (matches!(name, ServerName::DnsName(_))
                && wildcard.is_some_and(|rest| rest.eq_ignore_ascii_case(domain)))
    })
}

/// What webpki objects to, at a moment at which every date of the path holds; nothing where there is no such moment, for
/// then one of the dates never holds, and is told.
fn objections(
    anchor: Anchor,
    path: &[usize],
    parsed: &[Option<Parsed<'_>>],
    chain: &[CertificateDer<'_>],
    roots: &Roots,
) -> Vec<TrustDefect> {
    let dates = || {
        path.iter()
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
        _ => return Vec::new(),
    };
    let Some((_, store)) = roots.sets().find(|(set, _)| *set == anchor) else {
        return Vec::new();
    };
    let Some((leaf, intermediates)) = chain.split_first() else {
        return Vec::new();
    };
    let leaf = match ParsedCertificate::try_from(leaf) {
        Ok(leaf) => leaf,
        Err(error) => return vec![TrustDefect::Other(words(&error))],
    };
    let algorithms: Vec<_> = signatures::algorithms(&roots.provider).collect();
    let verified = verify_server_cert_signed_by_trust_anchor(
        &leaf,
        &store,
        intermediates,
        moment,
        &algorithms,
    );
    match verified {
        Ok(()) => Vec::new(),
        Err(rustls::Error::InvalidCertificate(
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
        )) => vec![TrustDefect::InvalidPurpose],
        Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            vec![TrustDefect::UnknownIssuer]
        }
        Err(other) => vec![TrustDefect::Other(words(&other))],
    }
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
    signatures: usize,
}

impl<'a> Walk<'a> {
    fn new(roots: &'a Roots, parsed: &'a [Option<Parsed<'a>>], proof: Proof) -> Self {
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
            signatures: Limits::SIGNATURES,
        }
    }

    fn find_root(mut self, leaf: &Parsed<'_>) -> Option<Way> {
        let roots = self.roots;
        for (anchor, store) in roots.sets() {
            let mut path = vec![0];
            if let Some(ends) = self.reaches(leaf, &store, &mut path) {
                return Some(Way { anchor, path, ends });
            }
        }
        None
    }

    /// Depth first: through the certificates that were sent, each used once.
    fn reaches(
        &mut self,
        from: &Parsed<'_>,
        store: &RootCertStore,
        path: &mut Vec<usize>,
    ) -> Option<End> {
        // The certificate may be the root itself: then it needs no signature.
        if store.roots.iter().any(|root| same_key(root, from)) {
            return Some(End::AtItself);
        }
        for root in &store.roots {
            if root.subject.as_ref() == from.issuer()
                && self.links(from, root.subject_public_key_info.as_ref())
            {
                return Some(End::AtIssuer);
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
            if let Some(ends) = self.reaches(next, store, path) {
                return Some(ends);
            }
            path.pop();
        }
        None
    }

    /// Whether a certificate is signed by a key; `public_key` is the contents of its subject public key information.
    fn links(&mut self, signed: &Parsed<'_>, public_key: &[u8]) -> bool {
        let Some(left) = self.signatures.checked_sub(1) else {
            return false;
        };
        self.signatures = left;
        match signed.is_signed_by(public_key, self.roots) {
            Signature::Holds => true,
            Signature::Unchecked => self.proof == Proof::Names,
            Signature::Broken => false,
        }
    }
}

/// Whether a certificate is signed by its own key; where nobody can check that, names are believed: it is no praise.
fn is_self_signed(certificate: &Parsed<'_>, roots: &Roots) -> bool {
    certificate.subject() == certificate.issuer()
        && certificate.is_signed_by(certificate.public_key(), roots) != Signature::Broken
}

fn same_key(root: &TrustAnchor<'_>, certificate: &Parsed<'_>) -> bool {
    root.subject.as_ref() == certificate.subject()
        && root.subject_public_key_info.as_ref() == certificate.public_key()
}

/// Whether a certificate may sign others; one of version 1 has no way to say so (RFC 5280 §6.1.4).
fn may_sign(certificate: &Parsed<'_>) -> bool {
    match certificate.x509.basic_constraints() {
        Ok(Some(constraints)) => constraints.value.ca,
        Ok(None) | Err(_) => false,
    }
}

fn link(der: &CertificateDer<'_>, roots: &Roots) -> ChainLink {
    let sha256 = sha256(der, roots);
    match Parsed::read(der) {
        Some(parsed) => {
            let tbs = &parsed.x509.tbs_certificate;
            ChainLink {
                subject: name_text(&tbs.subject),
                issuer: name_text(&tbs.issuer),
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

fn name_text(name: &X509Name<'_>) -> Text {
    Text::from(name.to_string().as_str())
}

fn names(certificate: &X509Certificate<'_>) -> Vec<Text> {
    /// The tag of `dNSName` (RFC 5280 §4.2.1.6).
    const DNS_NAME: u32 = 2;
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(Text::from(*name)),
        // A DNS name that is not ASCII, as it stands there.
        GeneralName::Invalid(tag, bytes) if tag.0 == DNS_NAME => Some(Text::from_bytes(bytes)),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes)
                .ok()
                .map(|octets| Text::from(std::net::Ipv4Addr::from(octets).to_string().as_str())),
            16 => <[u8; 16]>::try_from(*bytes)
                .ok()
                .map(|octets| Text::from(std::net::Ipv6Addr::from(octets).to_string().as_str())),
            _ => None,
        },
        _ => None,
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(name)
        .take(Limits::CERTIFICATE_NAMES)
        .collect()
}

fn issuer_urls(certificate: &X509Certificate<'_>) -> Vec<Text> {
    const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
    certificate
        .extensions()
        .iter()
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => Some(&access.accessdescs),
            _ => None,
        })
        .flatten()
        .filter(|access| access.access_method.to_id_string() == CA_ISSUERS)
        .filter_map(|access| match &access.access_location {
            GeneralName::URI(uri) => Some(Text::from(*uri)),
            _ => None,
        })
        .take(4)
        .collect()
}

fn serial(raw: &[u8]) -> String {
    let start = raw.iter().position(|byte| *byte != 0).unwrap_or(raw.len());
    let serial = hex(raw.get(start..).unwrap_or_default());
    if serial.is_empty() {
        "00".to_owned()
    } else {
        serial
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
    let algorithm = public_key.algorithm.algorithm.to_id_string();
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
    match curve.to_id_string().as_str() {
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
    let known = match identifier.algorithm.to_id_string().as_str() {
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
            if parameters.hash_algorithm_oid().to_id_string() != SHA1 =>
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
            assess(&chain, name.as_ref(), &roots)
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
        let told = assess(&[], None, &roots);
        assert_eq!(told.certificate, None);
        assert_eq!(told.chain, []);
    }
}
