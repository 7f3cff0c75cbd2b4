//! Signatures made with the keys of certificates: what the provider checks, and the older RSA ones that private
//! authorities still make (SHA-1, keys of 1024 bits). What they are worth is for the rules; whether they hold is not a
//! matter of taste: a link of a chain that nobody checked could have been made by anybody, and so could a handshake.

use std::sync::Arc;

use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

use crate::net::der::{bit_string, contents, rsa_bits};
use crate::net::p521;

/// The provider of cryptography, with a curve that it lacks.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    p521::add_to(&mut provider);
    Arc::new(provider)
}

/// What is known of a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::net) enum Signature {
    /// The key made it.
    Holds,
    /// The key did not make it.
    Broken,
    /// Nobody here can tell: an algorithm, a curve or a key size that no provider has.
    Unchecked,
}

/// Checks the signature of a certificate. `algorithm` is the contents of its `signatureAlgorithm`, `public_key` the
/// contents of the signer's subject public key information.
pub(in crate::net) fn check(
    provider: &CryptoProvider,
    algorithm: &[u8],
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Signature {
    let able = algorithms(provider).find(|candidate| {
        candidate.signature_alg_id().as_ref() == algorithm && takes(*candidate, public_key)
    });
    match able {
        Some(able) if holds(able, public_key, message, signature) => Signature::Holds,
        Some(_) => Signature::Broken,
        None => Signature::Unchecked,
    }
}

/// Checks what the key signed of a handshake of TLS 1.2. There ECDSA is not tied to a curve (RFC 5246 §7.4.1.4.1),
/// and RSA may be of the older kind. `public_key` is the contents of the leaf's subject public key information.
pub(in crate::net) fn signed_handshake(
    provider: &CryptoProvider,
    public_key: &[u8],
    scheme: SignatureScheme,
    message: &[u8],
    signature: &[u8],
) -> Signature {
    let old = match scheme {
        SignatureScheme::RSA_PKCS1_SHA1 => Some(RSA_PKCS1_SHA1),
        SignatureScheme::RSA_PKCS1_SHA256 => Some(alg_id::RSA_PKCS1_SHA256),
        SignatureScheme::RSA_PKCS1_SHA512 => Some(alg_id::RSA_PKCS1_SHA512),
        _ => None,
    };
    let of_today = provider
        .signature_verification_algorithms
        .mapping
        .iter()
        .filter(|(of, _)| *of == scheme)
        .flat_map(|(_, algorithms)| algorithms.iter().copied());
    let mut able = of_today
        .chain(algorithms(provider).filter(|able| old == Some(able.signature_alg_id())))
        .filter(|able| takes(*able, public_key))
        .peekable();
    if able.peek().is_none() {
        Signature::Unchecked
    } else if able.any(|able| holds(able, public_key, message, signature)) {
        Signature::Holds
    } else {
        Signature::Broken
    }
}

/// Every algorithm that a certificate's signature can be checked with here. The older ones come first: they take every
/// key that the provider's take, and shorter ones.
pub(in crate::net) fn algorithms(
    provider: &CryptoProvider,
) -> impl Iterator<Item = &'static dyn SignatureVerificationAlgorithm> {
    OLD_RSA
        .iter()
        .map(|old| old as &dyn SignatureVerificationAlgorithm)
        .chain(
            provider
                .signature_verification_algorithms
                .all
                .iter()
                .copied(),
        )
}

/// Whether an algorithm is made for a key of that kind and size.
pub(in crate::net) fn takes(
    algorithm: &dyn SignatureVerificationAlgorithm,
    public_key: &[u8],
) -> bool {
    let Some((kind, _)) = contents(public_key) else {
        return false;
    };
    if algorithm.public_key_alg_id().as_ref() != kind {
        return false;
    }
    if kind != alg_id::RSA_ENCRYPTION.as_ref() {
        return true;
    }
    let is_old = OLD_RSA
        .iter()
        .any(|old| old.identifier.as_ref() == algorithm.signature_alg_id().as_ref());
    let least = if is_old { LEAST_OLD_RSA } else { LEAST_RSA };
    rsa_key_bits(public_key).is_some_and(|bits| (least..=MOST_RSA).contains(&bits))
}

/// The size of an RSA key; `None` for another kind. `public_key` is the contents of a subject public key information.
pub(in crate::net) fn rsa_key_bits(public_key: &[u8]) -> Option<u32> {
    let (kind, key) = contents(public_key)?;
    if kind != alg_id::RSA_ENCRYPTION.as_ref() {
        return None;
    }
    rsa_bits(bit_string(key)?)
}

/// Whether the key made the signature.
pub(in crate::net) fn holds(
    algorithm: &dyn SignatureVerificationAlgorithm,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    contents(public_key)
        .and_then(|(_, key)| bit_string(key))
        .is_some_and(|key| algorithm.verify_signature(key, message, signature).is_ok())
}

/// Bits of the RSA keys that the provider takes.
const LEAST_RSA: u32 = 2048;
const MOST_RSA: u32 = 8192;

/// Bits of the shortest RSA key that the older algorithms take.
const LEAST_OLD_RSA: u32 = 1024;

/// An RSA signature that no provider of TLS checks any more.
#[derive(Debug)]
struct OldRsa {
    identifier: AlgorithmIdentifier,
    algorithm: &'static dyn VerificationAlgorithm,
}

static OLD_RSA: [OldRsa; 3] = [
    OldRsa {
        identifier: RSA_PKCS1_SHA1,
        algorithm: &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
    },
    OldRsa {
        identifier: alg_id::RSA_PKCS1_SHA256,
        algorithm: &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    },
    OldRsa {
        identifier: alg_id::RSA_PKCS1_SHA512,
        algorithm: &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    },
];

/// `sha1WithRSAEncryption` (1.2.840.113549.1.1.5) with its NULL (RFC 3279 §2.2.1).
const RSA_PKCS1_SHA1: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00,
]);

impl SignatureVerificationAlgorithm for OldRsa {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.algorithm, public_key)
            .verify(message, signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.identifier
    }
}
