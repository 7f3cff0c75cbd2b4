//! By what certificates and their keys are known to others: hashes, as TLSA records have them (RFC 6698 §2.1).

use std::sync::Arc;

use ring::digest::{Algorithm, SHA256, SHA512, digest};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::facts::Fingerprints;
use crate::plan::Limits;

/// Those of a chain, in its order.
pub(super) fn of(chain: &[CertificateDer<'_>]) -> Arc<[Fingerprints]> {
    chain.iter().take(Limits::CHAIN).map(one).collect()
}

fn one(der: &CertificateDer<'_>) -> Fingerprints {
    let read = X509Certificate::from_der(der).ok();
    let key = read.map(|(_, read)| read.tbs_certificate.subject_pki.raw);
    Fingerprints {
        certificate_sha256: hash(&SHA256, der),
        certificate_sha512: hash(&SHA512, der),
        key_sha256: key.map(|key| hash(&SHA256, key)),
        key_sha512: key.map(|key| hash(&SHA512, key)),
    }
}

/// INVARIANT: the algorithm's output is as long as asked for.
fn hash<const LENGTH: usize>(algorithm: &'static Algorithm, data: &[u8]) -> [u8; LENGTH] {
    let mut out = [0; LENGTH];
    for (to, from) in out.iter_mut().zip(digest(algorithm, data).as_ref()) {
        *to = *from;
    }
    out
}
