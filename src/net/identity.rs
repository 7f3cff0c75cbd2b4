//! The certificate of a client and its key (`--client-cert`), for servers that ask for one.
//!
//! Nobody else is sent it: the handshake sends what the server asked for, and only then. The key is shown nowhere.

use std::fmt;
use std::sync::Arc;

use rustls::Error;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::tls::provider;
use super::trust;

/// A certificate, those above it, and its key.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// Why a file is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoIdentity {
    /// PKCS#12 (RFC 7292), as Windows exports it.
    #[error("it is PKCS#12; make it PEM with `openssl pkcs12 -in FILE -nodes -out client.pem`")]
    Pkcs12,
    /// A key alone.
    #[error("it has no certificate in PEM; put the certificate and its key into one file")]
    NoCertificate,
    /// Certificates alone.
    #[error("it has no private key in PEM; put the certificate and its key into one file")]
    NoKey,
    /// A key that needs a password.
    #[error(
        "its key is encrypted; make a copy without a password with `openssl pkey -in FILE -out client.key`"
    )]
    EncryptedKey,
    /// What cannot be read, in words.
    #[error("{0}")]
    Unreadable(String),
    /// A key that TLS cannot sign with here.
    #[error("its key is of a kind that cannot be used; RSA, P-256, P-384 and Ed25519 can")]
    UnknownKey,
    /// Certificate and key do not belong together.
    #[error("its key does not belong to any certificate in it")]
    NotItsKey,
}

impl Identity {
    /// Reads certificates and the key of one of them, in PEM and in any order.
    ///
    /// # Errors
    /// Why these bytes are neither.
    pub fn read(bytes: &[u8]) -> Result<Self, NoIdentity> {
        if is_pkcs12(bytes) {
            return Err(NoIdentity::Pkcs12);
        }
        let key = private_key(bytes)?;
        let chain: Vec<CertificateDer<'static>> = match trust::certificates(bytes) {
            Ok(found) => found.into_iter().map(CertificateDer::from).collect(),
            Err(trust::NotCertificates::Unreadable { number }) => {
                return Err(NoIdentity::Unreadable(format!(
                    "certificate {number} in it cannot be read"
                )));
            }
            Err(_) => return Err(NoIdentity::NoCertificate),
        };
        let Some(key) = key else {
            return Err(NoIdentity::NoKey);
        };
        let signing = provider()
            .key_provider
            .load_private_key(key)
            .map_err(|_| NoIdentity::UnknownKey)?;
        for (place, leaf) in chain.iter().enumerate() {
            let above = chain
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != place);
            let ordered = std::iter::once(leaf).chain(above.map(|(_, other)| other));
            let certified = CertifiedKey::new(ordered.cloned().collect(), Arc::clone(&signing));
            match certified.keys_match() {
                Ok(()) | Err(Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
                    return Ok(Self(Arc::new(certified)));
                }
                Err(_) => {}
            }
        }
        Err(NoIdentity::NotItsKey)
    }

    pub(super) fn certified(&self) -> &Arc<CertifiedKey> {
        &self.0
    }
}

/// The first key; `None` where there is none.
fn private_key(bytes: &[u8]) -> Result<Option<PrivateKeyDer<'static>>, NoIdentity> {
    let has = |marker: &[u8]| bytes.windows(marker.len()).any(|window| window == marker);
    if has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED") {
        return Err(NoIdentity::EncryptedKey);
    }
    match PrivateKeyDer::pem_slice_iter(bytes).next() {
        None => Ok(None),
        Some(Ok(key)) => Ok(Some(key)),
        // What is wrong with it may quote it.
        Some(Err(_)) => Err(NoIdentity::Unreadable("its key cannot be read".to_owned())),
    }
}

/// A sequence that begins with the version of PKCS#12, 3 (RFC 7292 §4); a certificate begins with another sequence.
fn is_pkcs12(bytes: &[u8]) -> bool {
    let Some((0x30, rest)) = bytes.split_first().map(|(tag, rest)| (*tag, rest)) else {
        return false;
    };
    let length = match rest.first() {
        Some(length @ 0x81..=0x84) => usize::from(length & 0x7f) + 1,
        Some(_) => 1,
        None => return false,
    };
    rest.get(length..)
        .is_some_and(|rest| rest.starts_with(&[2, 1, 3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn pair() -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::default()
            .self_signed(&key)
            .expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn a_certificate_and_its_key_are_found_in_any_order() {
        let (certificate, key) = pair();
        let (other, _) = pair();
        for parts in [
            [&certificate, &key, &other],
            [&key, &other, &certificate],
            [&other, &certificate, &key],
        ] {
            let file = parts.map(String::as_str).concat();
            let read = Identity::read(file.as_bytes()).expect("both are there");
            let leaf = read.certified().cert.first().expect("a leaf").to_vec();
            let wanted = trust::certificates(certificate.as_bytes()).expect("it is one");
            assert_eq!((leaf, read.certified().cert.len()), (wanted[0].clone(), 2));
            assert_eq!(format!("{read:?}"), "Identity(..)");
        }
    }

    #[test]
    fn what_is_none_says_why_and_what_to_do() {
        let (certificate, key) = pair();
        let (other, _) = pair();
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let broken = "-----BEGIN PRIVATE KEY-----\nsecret!\n-----END PRIVATE KEY-----\n";
        let empty = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
        for (file, told) in [
            (certificate.clone(), "no private key"),
            (key.clone(), "no certificate"),
            (String::new(), "no certificate"),
            (format!("{other}{key}"), "does not belong"),
            (format!("{certificate}{encrypted}"), "openssl pkey"),
            (format!("{certificate}{broken}"), "its key cannot be read"),
            (format!("{certificate}{empty}"), "of a kind"),
            (
                format!("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n{key}"),
                "certificate 1 in it cannot be read",
            ),
        ] {
            let why = Identity::read(file.as_bytes()).expect_err(told).to_string();
            assert!(why.contains(told), "{why}");
            assert!(!why.contains("secret"), "{why}");
        }
        for pkcs12 in [
            &b"\x30\x82\x09\x01\x02\x01\x03\x30\x82"[..],
            b"\x30\x80\x02\x01\x03",
            b"\x30\x81\x90\x02\x01\x03",
        ] {
            // An indefinite length has no bytes of its own.
            let why = Identity::read(pkcs12).err();
            assert_eq!(why, Some(NoIdentity::Pkcs12), "{pkcs12:x?}");
        }
    }
}
