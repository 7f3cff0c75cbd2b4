//! The certification path: from the leaf to a root, link by link, by names and signatures (RFC 5280 §6.1).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use x509_parser::extensions::{BasicConstraints, GeneralName};
use x509_parser::oid_registry::OID_X509_EXT_BASIC_CONSTRAINTS;
use x509_parser::prelude::FromDer;

use super::certificate::{
    Parsed, extension, issuer_s_issuer, issuer_urls, may_serve, sha256, signature,
};
use super::roots::Roots;
use super::signatures::{self, Signature};
use crate::facts::{Anchor, Text, TrustDefect, TrustFacts};
use crate::plan::Limits;

pub(super) fn trust(
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
    let object = |candidate: &CertificationPath| {
        // A certificate that was itself named as trusted needs nobody to vouch for it.
        if candidate.certificates.len() == 1 && candidate.ends == PathEnd::AtItself {
            return Some(Vec::new());
        }
        objections(candidate, parsed, chain, roots)
    };
    let candidate = Walk::new(roots, parsed, Proof::Signatures, proofs).find_root(leaf, object);
    let (anchor, path) = if let Some((candidate, objections)) = candidate {
        objections.into_iter().for_each(&mut accuse);
        (Some(candidate.anchor), candidate.certificates)
    } else if self_signed {
        accuse(TrustDefect::SelfSigned);
        (None, vec![0])
    } else if let Some((candidate, _)) =
        Walk::new(roots, parsed, Proof::Names, proofs).find_root(leaf, |_| Some(Vec::new()))
    {
        accuse(TrustDefect::Unproven(unchecked(
            &candidate.certificates,
            parsed,
        )));
        (None, candidate.certificates)
    } else {
        accuse(TrustDefect::UnknownIssuer);
        if misses_intermediate(leaf, parsed, roots) {
            accuse(TrustDefect::MissingIntermediate);
        }
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

/// Whether what is missing is known to be a certificate between the last one sent and a root: it says that its issuer's
/// issuer is a root that is trusted here (RFC 5280 §4.2.1.1), or where its issuer's certificate is to be had (§4.2.2.1).
/// Certification authorities of Windows say the latter of their root as well, and name the directory besides (`ldap:`):
/// of these nothing is known by that.
fn misses_intermediate(leaf: &Parsed<'_>, parsed: &[Option<Parsed<'_>>], roots: &Roots) -> bool {
    let last = last_sent(leaf, parsed);
    let is_root = |name: &[u8]| {
        let mut sets = roots.sets();
        sets.any(|(_, store)| store.roots.iter().any(|root| root.subject.as_ref() == name))
    };
    // Who bears a root's name and is not signed by it is another matter.
    if last.subject() == last.issuer() || is_root(last.issuer()) {
        return false;
    }
    let urls = issuer_urls(&last.x509);
    let names = |scheme: &str| {
        urls.iter().any(|url| {
            let url = url.as_str().as_bytes();
            url.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
        })
    };
    issuer_s_issuer(&last.x509).is_some_and(is_root) || (names("http") && !names("ldap"))
}

/// The certificate at which the names of those that were sent end.
fn last_sent<'a>(leaf: &'a Parsed<'a>, parsed: &'a [Option<Parsed<'a>>]) -> &'a Parsed<'a> {
    let mut last = leaf;
    let mut way = vec![leaf.at];
    while let Some(next) = parsed
        .iter()
        .flatten()
        .find(|next| next.subject() == last.issuer() && !way.contains(&next.at))
    {
        way.push(next.at);
        last = next;
    }
    last
}

/// That the names lead to a root, but a signature on it cannot be checked: anybody could have made it.
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

/// What webpki objects to, at a moment at which every date of the path holds; `None` where there is no such moment: one
/// of the dates never holds then, and is told.
fn objections(
    candidate: &CertificationPath,
    parsed: &[Option<Parsed<'_>>],
    chain: &[CertificateDer<'_>],
    roots: &Roots,
) -> Option<Vec<TrustDefect>> {
    let dates = || {
        candidate
            .certificates
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
    let names_of_directories = || {
        let path = candidate.certificates.iter();
        path.filter_map(|index| parsed.get(*index)?.as_ref())
            .any(limits_directory_names)
    };
    let (_, store) = roots.sets().find(|(set, _)| *set == candidate.anchor)?;
    let mut path = candidate
        .certificates
        .iter()
        .filter_map(|index| chain.get(*index));
    let leaf = match ParsedCertificate::try_from(path.next()?) {
        Ok(leaf) => leaf,
        Err(error) => return Some(vec![objection(&error, &names_of_directories)]),
    };
    // Of the rest of the chain one could do what another on the path may not, at a moment that is over.
    let intermediates: Vec<_> = path.cloned().collect();
    let algorithms: Vec<_> = signatures::algorithms(roots.provider()).collect();
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
        Err(other) => vec![objection(&other, &names_of_directories)],
    })
}

/// What the verifier's objection is worth: clients accept some of what it does not.
fn objection(error: &rustls::Error, limits_directory_names: &impl Fn() -> bool) -> TrustDefect {
    let words = words(error);
    let is_unproven = match webpki_error(error) {
        // Schannel and OpenSSL take such a certificate, and extensions that webpki does not know.
        Some(webpki::Error::CaUsedAsEndEntity | webpki::Error::UnsupportedCriticalExtension) => {
            true
        }
        // webpki knows none of directories' names, so that any limit on them is broken to it.
        Some(webpki::Error::NameConstraintViolation) => limits_directory_names(),
        _ => false,
    };
    if is_unproven {
        TrustDefect::Unproven(words)
    } else {
        TrustDefect::Other(words)
    }
}

/// Whether an authority may vouch for some names of directories only, or not for some (RFC 5280 §4.2.1.10).
fn limits_directory_names(authority: &Parsed<'_>) -> bool {
    let Ok(Some(limits)) = authority.x509.name_constraints() else {
        return false;
    };
    let trees = [
        &limits.value.permitted_subtrees,
        &limits.value.excluded_subtrees,
    ];
    trees
        .into_iter()
        .flatten()
        .flatten()
        .any(|tree| matches!(tree.base, GeneralName::DirectoryName(_)))
}

/// webpki's own error, which rustls keeps within its own.
fn webpki_error(error: &rustls::Error) -> Option<&webpki::Error> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => other.0.downcast_ref(),
        _ => None,
    }
}

/// The verifier's objection in words; those that rustls keeps in webpki's form have none of their own.
fn words(error: &rustls::Error) -> Text {
    let words = match webpki_error(error) {
        Some(webpki::Error::CaUsedAsEndEntity) => {
            "it is marked as an authority's own (CA:TRUE), which OpenSSL accepts but this program does not"
        }
        Some(webpki::Error::NameConstraintViolation) => {
            "an authority in the chain is not allowed to issue for these names"
        }
        Some(webpki::Error::PathLenConstraintViolated) => {
            "an authority in the chain is not allowed to have another one below it"
        }
        Some(webpki::Error::UnsupportedCertVersion) => "it is not an X.509 version 3 certificate",
        Some(webpki::Error::UnsupportedCriticalExtension) => {
            "it has a critical extension that exchports does not know"
        }
        _ => return error.to_string().as_str().into(),
    };
    words.into()
}

/// A certification path (RFC 5280 §6.1): from the leaf to a root.
struct CertificationPath {
    anchor: Anchor,
    /// Indices into the chain, leaf first, root not included.
    certificates: Vec<usize>,
    ends: PathEnd,
}

/// How a path ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum PathEnd {
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

/// Looks for a path from the leaf to a root.
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
        object: impl Fn(&CertificationPath) -> Option<Vec<TrustDefect>>,
    ) -> Option<(CertificationPath, Vec<TrustDefect>)> {
        let roots = self.roots;
        let mut found = None;
        let mut left = Limits::WAYS;
        let parsed = self.parsed;
        let end = leaf.x509.validity().not_after;
        let outlasts_leaf = |index: &usize| matches!(parsed.get(*index), Some(Some(it)) if it.x509.validity().not_after >= end);
        for (anchor, store) in roots.sets() {
            let mut arrive = |path: &[usize], ends| {
                let candidate = CertificationPath {
                    anchor,
                    certificates: path.to_vec(),
                    ends,
                };
                let objections = object(&candidate);
                let is_good = objections.as_ref().is_some_and(Vec::is_empty)
                    && (found.is_none() || candidate.certificates.iter().all(&outlasts_leaf));
                if is_good || found.is_none() {
                    found = Some((candidate, objections.unwrap_or_default()));
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
        arrive: &mut dyn FnMut(&[usize], PathEnd) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        // The certificate may be the root itself: then it needs no signature.
        if store.roots.iter().any(|root| same_key(root, from)) {
            arrive(path, PathEnd::AtItself)?;
        }
        for root in &store.roots {
            if root.subject.as_ref() == from.issuer()
                && self.links(from, root.subject_public_key_info.as_ref())
            {
                arrive(path, PathEnd::AtIssuer)?;
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
pub(super) fn is_self_signed(certificate: &Parsed<'_>, roots: &Roots, proofs: &mut Proofs) -> bool {
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

/// The signatures of a chain that have been checked: a chain is walked more than once, and a check takes long.
#[derive(Default)]
pub(super) struct Proofs {
    /// By the index of what is signed and the hash of the key.
    pub(super) known: HashMap<(usize, String), Signature>,
}

impl Proofs {
    fn check(&mut self, signed: &Parsed<'_>, public_key: &[u8], roots: &Roots) -> Signature {
        *self
            .known
            .entry((signed.at, sha256(public_key)))
            .or_insert_with(|| {
                signatures::check(
                    roots.provider(),
                    signed.algorithm,
                    public_key,
                    signed.x509.tbs_certificate.as_ref(),
                    signed.x509.signature_value.data.as_ref(),
                )
            })
    }
}
