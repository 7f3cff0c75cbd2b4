//! P-521 (secp521r1, FIPS 186-5): Windows issues such keys and speaks TLS with them, and the provider does not know the
//! curve. So it is given what it lacks: signatures of certificates and handshakes, and the key exchange group, without
//! which a server of TLS 1.2 must not use such a key (RFC 8422 §5.1).

use std::sync::LazyLock;

use p521::ecdsa::signature::hazmat::PrehashVerifier as _;
use p521::ecdsa::{DerSignature, VerifyingKey};
use p521::elliptic_curve::sec1::ToSec1Point as _;
use p521::{PublicKey, SecretKey};
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SharedSecret, SupportedKxGroup,
    WebPkiSupportedAlgorithms,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use rustls::{Error, NamedGroup, PeerMisbehaved, SignatureScheme};

/// Gives a provider the curve, behind what it has: a server that follows the client's order chooses as before.
pub(super) fn add_to(provider: &mut CryptoProvider) {
    static ALGORITHMS: LazyLock<WebPkiSupportedAlgorithms> =
        LazyLock::new(|| with_p521(&rustls::crypto::ring::default_provider()));
    provider.signature_verification_algorithms = *ALGORITHMS;
    provider.kx_groups.push(&P521Group);
}

/// INVARIANT: called once; what is joined here lives as long as the program.
fn with_p521(provider: &CryptoProvider) -> WebPkiSupportedAlgorithms {
    let known = provider.signature_verification_algorithms;
    let all = [known.all, &[SHA256, SHA384, SHA512]].concat().leak();
    let mut mapping: Vec<_> = known.mapping.to_vec();
    for (scheme, algorithms) in &mut mapping {
        // TLS 1.2 ties no curve to a hash, TLS 1.3 takes the first (RFC 8446 §4.2.3).
        let of_this_hash = match scheme {
            SignatureScheme::ECDSA_NISTP256_SHA256 => SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384 => SHA384,
            _ => continue,
        };
        *algorithms = [algorithms, &[of_this_hash][..]].concat().leak();
    }
    mapping.push((SignatureScheme::ECDSA_NISTP521_SHA512, &[SHA512]));
    WebPkiSupportedAlgorithms {
        all,
        mapping: mapping.leak(),
    }
}

const SHA256: &dyn SignatureVerificationAlgorithm = &Ecdsa {
    identifier: alg_id::ECDSA_SHA256,
    hash: &digest::SHA256,
};
const SHA384: &dyn SignatureVerificationAlgorithm = &Ecdsa {
    identifier: alg_id::ECDSA_SHA384,
    hash: &digest::SHA384,
};
const SHA512: &dyn SignatureVerificationAlgorithm = &Ecdsa {
    identifier: alg_id::ECDSA_SHA512,
    hash: &digest::SHA512,
};

/// ECDSA with a key on this curve.
#[derive(Debug)]
struct Ecdsa {
    identifier: AlgorithmIdentifier,
    hash: &'static digest::Algorithm,
}

impl SignatureVerificationAlgorithm for Ecdsa {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = uncompressed(public_key)
            .and_then(|point| VerifyingKey::from_sec1_bytes(point).ok())
            .ok_or(InvalidSignature)?;
        let signature = DerSignature::try_from(signature).map_err(|_| InvalidSignature)?;
        let hash = digest::digest(self.hash, message);
        key.verify_prehash(hash.as_ref(), &signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.identifier
    }
}

/// Bytes of a number of 521 bits.
const NUMBER: usize = 66;

/// The one form of a point that TLS knows (RFC 8446 §4.2.8.2).
fn uncompressed(point: &[u8]) -> Option<&[u8]> {
    (point.len() == 1 + 2 * NUMBER && point.first() == Some(&4)).then_some(point)
}

/// The key exchange group secp521r1.
#[derive(Debug)]
struct P521Group;

impl SupportedKxGroup for P521Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut random = [0; NUMBER];
        SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| GetRandomFailed)?;
        // 521 bits; that they are zero, or not below the order of the curve, has odds of one to 2^256.
        random[0] &= 1;
        let secret = SecretKey::from_slice(&random).map_err(|_| GetRandomFailed)?;
        let public = secret.public_key().to_sec1_point(false);
        Ok(Box::new(Exchange {
            public: public.as_bytes().to_vec(),
            secret,
        }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

/// A key exchange that waits for the other side.
struct Exchange {
    secret: SecretKey,
    public: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = uncompressed(peer)
            .and_then(|point| PublicKey::from_sec1_bytes(point).ok())
            .ok_or(PeerMisbehaved::InvalidKeyShare)?;
        let shared = p521::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
        Ok(SharedSecret::from(shared.raw_secret_bytes().as_slice()))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sides_come_to_the_same_secret() {
        let (ours, theirs) = (
            P521Group.start().expect("ours"),
            P521Group.start().expect("theirs"),
        );
        let (to_them, to_us) = (ours.pub_key().to_vec(), theirs.pub_key().to_vec());
        assert_ne!(to_them, to_us);
        let ours = ours.complete(&to_us).expect("a point");
        let theirs = theirs.complete(&to_them).expect("a point");
        assert_eq!(ours.secret_bytes(), theirs.secret_bytes());
        assert_eq!(ours.secret_bytes().len(), NUMBER);
    }

    #[test]
    fn what_is_no_point_of_the_curve_is_refused() {
        let point = P521Group.start().expect("a key").pub_key().to_vec();
        let compressed = [&[2], &point[1..=NUMBER]].concat();
        let mut beside = point.clone();
        beside[2 * NUMBER] ^= 1;
        for bad in [&[], &[0][..], &point[1..], &compressed, &beside, &[4; 133]] {
            let ours = P521Group.start().expect("a key");
            assert!(ours.complete(bad).is_err(), "{bad:02x?}");
            let told = Ecdsa {
                identifier: alg_id::ECDSA_SHA512,
                hash: &digest::SHA512,
            }
            .verify_signature(bad, b"", b"");
            assert!(told.is_err());
        }
    }
}
