//! Real handshakes: what a server presents or does, and what the facts and the failure say of it.

mod certificate;
mod client_certificate;
mod handshake;
mod trust;

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType, date_time_ymd,
};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{
    RootCertStore, ServerConfig, SignatureAlgorithm, SignatureScheme, SupportedProtocolVersion,
    version,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;

use exchports::facts::{CertificateFacts, TlsFacts, TlsVersion};
use exchports::net::{Alpn, Bounds, Halt, Record, Roots, Session, TlsAsk};
use exchports::observation::{Cause, Failure, Observation};
use exchports::plan::{Host, Limits, Stores, Transcripts, Trust};

use TlsVersion::Tls12;

/// The name that is asked for.
pub(super) const NAME: &str = "mail.example.test";

pub(super) fn facts(seen: &Observation) -> (&TlsFacts, &CertificateFacts) {
    assert_eq!(seen.failure, None);
    let tls = seen.tls.as_ref().expect("a handshake");
    (tls, tls.certificate.as_ref().expect("a certificate"))
}

pub(super) fn cause(seen: &Observation) -> Option<Cause> {
    seen.failure.as_ref().map(|failure| failure.cause)
}

/// A chain, and the key that signs handshakes.
pub(super) struct Served {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: Arc<dyn SigningKey>,
}

pub(super) fn issued(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    adapt: impl FnOnce(&mut CertificateParams),
) -> Served {
    let key = KeyPair::generate().expect("a key");
    let mut params = leaf_params();
    adapt(&mut params);
    let leaf = params.signed_by(&key, issuer).expect("a leaf");
    Served::new(leaf.der().clone(), &key)
}

pub(super) fn self_signed(adapt: impl FnOnce(&mut CertificateParams)) -> Served {
    self_signed_with(&rcgen::PKCS_ECDSA_P256_SHA256, adapt)
}

pub(super) fn self_signed_with(
    algorithm: &'static rcgen::SignatureAlgorithm,
    adapt: impl FnOnce(&mut CertificateParams),
) -> Served {
    let key = KeyPair::generate_for(algorithm).expect("a key");
    let mut params = leaf_params();
    adapt(&mut params);
    let leaf = params.self_signed(&key).expect("a leaf");
    Served::new(leaf.der().clone(), &key)
}

pub(super) fn authority(
    name: &str,
    issuer: Option<&CertifiedIssuer<'static, KeyPair>>,
    adapt: impl FnOnce(&mut CertificateParams),
) -> CertifiedIssuer<'static, KeyPair> {
    let key = KeyPair::generate().expect("a key");
    let mut params = authority_params(name);
    adapt(&mut params);
    match issuer {
        Some(issuer) => CertifiedIssuer::signed_by(params, key, issuer),
        None => CertifiedIssuer::self_signed(params, key),
    }
    .expect("an authority")
}

pub(super) fn leaf_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(NAME);
    params.subject_alt_names = names(&[NAME]);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2090, 1, 1);
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

pub(super) fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2090, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

pub(super) fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

pub(super) fn names(names: &[&str]) -> Vec<SanType> {
    names
        .iter()
        .map(|name| SanType::DnsName((*name).try_into().expect("ASCII")))
        .collect()
}

pub(super) fn with_critical_extension(params: &mut CertificateParams) {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99], vec![5, 0]);
    extension.set_criticality(true);
    params.custom_extensions = vec![extension];
}

/// Where the issuer's certificate can be fetched (RFC 5280 §4.2.2.1).
pub(super) fn issuer_urls(urls: &[&str]) -> CustomExtension {
    const CA_ISSUERS: &[u8] = &[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    let short = |length: usize| u8::try_from(length).expect("it is short");
    let access = |url: &&str| {
        let location = [&[0x86, short(url.len())], url.as_bytes()].concat();
        let access = [CA_ISSUERS, &location].concat();
        [&[0x30, short(access.len())], access.as_slice()].concat()
    };
    let all = urls.iter().flat_map(access).collect::<Vec<u8>>();
    assert!(all.len() < 128, "a longer length has another form");
    let content = [&[0x30, short(all.len())], all.as_slice()].concat();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content)
}

pub(super) const FIXTURES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/certificates");

pub(super) fn path_of(name: &str) -> String {
    format!("{FIXTURES}/{name}.pem")
}

pub(super) fn fixture(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path_of(name)).expect("a fixture")
}

/// A fixture that was made for the key that most of them share.
pub(super) fn rsa(name: &str) -> Served {
    fixture_served(name, "rsa-leaf-key")
}

pub(super) fn fixture_served(name: &str, key: &str) -> Served {
    let key = PrivateKeyDer::from_pem_file(path_of(key)).expect("a fixture");
    Served {
        chain: vec![fixture(name)],
        key: ring::sign::any_supported_type(&key).expect("a key"),
    }
}

impl Served {
    pub(super) fn new(leaf: CertificateDer<'static>, key: &KeyPair) -> Self {
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Self {
            chain: vec![leaf],
            key: ring::sign::any_supported_type(&key).expect("a key"),
        }
    }

    /// The same with others behind it.
    pub(super) fn with(&self, others: &[&CertificateDer<'static>]) -> Self {
        let others = others.iter().map(|other| (*other).clone());
        Self {
            chain: self.chain.iter().cloned().chain(others).collect(),
            key: Arc::clone(&self.key),
        }
    }

    pub(super) fn config(&self, version: TlsVersion) -> ServerConfig {
        self.config_of(ring::default_provider(), &[supported(version)])
    }

    pub(super) fn config_of(
        &self,
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(self.resolver())
    }

    pub(super) fn config_with_clients(
        &self,
        version: TlsVersion,
        root: &CertificateDer<'static>,
        required: bool,
    ) -> ServerConfig {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(root.clone()).expect("a root");
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let verifier = if required {
            verifier
        } else {
            verifier.allow_unauthenticated()
        };
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[supported(version)])
            .expect("a version")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_cert_resolver(self.resolver())
    }

    /// Unchecked: a certificate and a key that do not belong together are what some tests are about.
    pub(super) fn resolver(&self) -> Arc<Presents> {
        let certified = CertifiedKey::new(self.chain.clone(), Arc::clone(&self.key));
        Arc::new(Presents(Arc::new(certified)))
    }
}

pub(super) fn supported(version: TlsVersion) -> &'static SupportedProtocolVersion {
    match version {
        Tls12 => &version::TLS12,
        _ => &version::TLS13,
    }
}

#[derive(Debug)]
pub(super) struct Presents(pub(super) Arc<CertifiedKey>);

impl ResolvesServerCert for Presents {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// An RSA key that is too short for ring to sign with.
#[derive(Clone, Debug)]
pub(super) struct ShortRsaKey {
    pub(super) modulus: Vec<u8>,
    pub(super) exponent: Vec<u8>,
    pub(super) honesty: Honesty,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Honesty {
    Signs,
    Lies,
}

impl ShortRsaKey {
    pub(super) fn read(name: &str) -> Self {
        let key = PrivateKeyDer::from_pem_file(path_of(name)).expect("a fixture");
        // PKCS #8: version, algorithm, and the RSAPrivateKey in an OCTET STRING: version, n, e, d, …
        let outer = elements(key.secret_der());
        let pkcs8 = elements(outer[0]);
        let rsa = elements(elements(pkcs8[2])[0]);
        Self {
            modulus: rsa[1].to_vec(),
            exponent: rsa[3].to_vec(),
            honesty: Honesty::Signs,
        }
    }

    pub(super) fn lying(self) -> Self {
        Self {
            honesty: Honesty::Lies,
            ..self
        }
    }
}

/// The contents of the DER elements that stand one behind the other.
pub(super) fn elements(mut der: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while der.len() > 1 {
        let (length, start) = match der[1] {
            0x81 => (usize::from(der[2]), 3),
            0x82 => (usize::from(der[2]) << 8 | usize::from(der[3]), 4),
            short => (usize::from(short), 2),
        };
        found.push(&der[start..start + length]);
        der = &der[start + length..];
    }
    found
}

impl SigningKey for ShortRsaKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        [
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PSS_SHA256,
        ]
        .into_iter()
        .find(|scheme| offered.contains(scheme))
        .map(|scheme| {
            let key = self.clone();
            Box::new(ShortRsaSigner { key, scheme }) as Box<dyn Signer>
        })
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

#[derive(Debug)]
pub(super) struct ShortRsaSigner {
    pub(super) key: ShortRsaKey,
    pub(super) scheme: SignatureScheme,
}

impl Signer for ShortRsaSigner {
    /// PKCS #1 (RFC 8017 §8.2.1); with RSA-PSS, which nobody can check anyway, it is no signature at all.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        const SHA256: &[u8] =
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
        let mut digest = ::ring::digest::digest(&::ring::digest::SHA256, message)
            .as_ref()
            .to_vec();
        if self.key.honesty == Honesty::Lies {
            digest.reverse();
        }
        let padding = vec![0xff; 128 - 3 - SHA256.len() - digest.len()];
        let encoded = [&[0, 1], padding.as_slice(), &[0], SHA256, &digest].concat();
        Ok(power(&encoded, &self.key.exponent, &self.key.modulus))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

/// `base ^ exponent mod modulus`, big-endian, by Montgomery's multiplication.
pub(super) fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let modulus = limbs(modulus);
    let size = modulus.len();
    // The inverse of the lowest limb, by Newton's iteration, and negated.
    let inverse = (0..5).fold(1_u32, |inverse, _| {
        inverse.wrapping_mul(2_u32.wrapping_sub(modulus[0].wrapping_mul(inverse)))
    });
    let inverse = inverse.wrapping_neg();
    let multiply = |left: &[u32], right: &[u32]| {
        let mut sum = vec![0_u32; size + 2];
        for limb in left {
            add_product(&mut sum, *limb, right);
            let quotient = sum[0].wrapping_mul(inverse);
            add_product(&mut sum, quotient, &modulus);
            sum.remove(0);
            sum.push(0);
        }
        reduce(&mut sum, &modulus);
        sum.truncate(size);
        sum
    };
    // R² mod n, by doubling 1.
    let mut square = vec![0; size + 1];
    square[0] = 1;
    for _ in 0..size * 64 {
        let mut carry = 0;
        for limb in &mut square {
            let doubled = *limb << 1 | carry;
            carry = *limb >> 31;
            *limb = doubled;
        }
        reduce(&mut square, &modulus);
    }
    square.truncate(size);
    let mut one = vec![0; size];
    one[0] = 1;
    let mut padded = limbs(base);
    padded.resize(size, 0);
    let base = multiply(&padded, &square);
    let mut result = multiply(&one, &square);
    for byte in exponent {
        for bit in (0..8).rev() {
            result = multiply(&result, &result);
            if byte >> bit & 1 == 1 {
                result = multiply(&result, &base);
            }
        }
    }
    let result = multiply(&result, &one);
    result
        .iter()
        .rev()
        .flat_map(|limb| limb.to_be_bytes())
        .collect()
}

pub(super) fn limbs(bytes: &[u8]) -> Vec<u32> {
    let start = bytes
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(bytes.len());
    bytes[start..]
        .rchunks(4)
        .map(|chunk| {
            chunk
                .iter()
                .fold(0, |limb, byte| limb << 8 | u32::from(*byte))
        })
        .collect()
}

pub(super) fn add_product(sum: &mut [u32], factor: u32, other: &[u32]) {
    let mut carry = 0_u64;
    for (index, limb) in sum.iter_mut().enumerate() {
        let other = other.get(index).copied().unwrap_or_default();
        let product = u64::from(factor) * u64::from(other) + u64::from(*limb) + carry;
        (*limb, carry) = (low(product), product >> 32);
    }
}

/// Takes the modulus away once, where the number is not smaller.
pub(super) fn reduce(number: &mut [u32], modulus: &[u32]) {
    let limb = |index: usize| modulus.get(index).copied().unwrap_or_default();
    let is_smaller = (0..number.len())
        .rev()
        .map(|index| number[index].cmp(&limb(index)))
        .find(|order| order.is_ne())
        .is_some_and(std::cmp::Ordering::is_lt);
    if is_smaller {
        return;
    }
    let mut borrow = 0_u64;
    for (index, digit) in number.iter_mut().enumerate() {
        let difference = u64::from(*digit)
            .wrapping_sub(u64::from(limb(index)))
            .wrapping_sub(borrow);
        (*digit, borrow) = (low(difference), difference >> 63);
    }
}

pub(super) fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).expect("it is masked")
}

/// Shakes hands with a server that presents this.
pub(super) async fn shake(served: &Served, version: TlsVersion, ask: &Arc<TlsAsk>) -> Observation {
    let config = served.config(version);
    meet(ask, Alpn::Silent, async |stream| {
        serve(config, stream).await;
    })
    .await
}

/// Shakes hands with whoever is on the other side.
pub(super) async fn meet(
    ask: &Arc<TlsAsk>,
    alpn: Alpn,
    server: impl AsyncFnOnce(DuplexStream),
) -> Observation {
    converse(ask, async |mut session| session.upgrade(alpn).await, server).await
}

/// A conversation over a pipe; the client's end of it is the end.
pub(super) async fn converse(
    ask: &Arc<TlsAsk>,
    client: impl for<'a> AsyncFnOnce(Session<'a, DuplexStream>) -> Result<(), Failure>,
    server: impl AsyncFnOnce(DuplexStream),
) -> Observation {
    let (near, far) = duplex(64 * 1024);
    let mut record = Record::new(Transcripts::Dropped);
    let limits = Limits::default();
    let bounds = Bounds {
        limits,
        until: tokio::time::Instant::now() + limits.check,
        deadline: None,
        halt: Halt::never(),
    };
    let failure = {
        let client = client(Session::new(near, &mut record, bounds, Arc::clone(ask)));
        let server = async {
            server(far).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = client => result.err(),
            () = server => None,
        }
    };
    record.into_observation(failure, None)
}

/// Asks for a name, and trusts these roots beside the public ones.
pub(super) fn trusting(roots: &[&CertificateDer<'static>], name: &str) -> Arc<TlsAsk> {
    let trust = Trust {
        stores: Stores::Public,
        ca_certificates: roots.iter().map(|root| root.to_vec()).collect(),
    };
    asking(&trust, name)
}

pub(super) fn asking(trust: &Trust, name: &str) -> Arc<TlsAsk> {
    let roots = Roots::new(trust).expect("roots that can be read");
    let host = name
        .parse()
        .map_or_else(|_| Host::Name(name.to_owned()), Host::Address);
    Arc::new(TlsAsk {
        host,
        identity: None,
        roots: Arc::new(roots),
    })
}

/// A server that shakes hands, says one byte and waits for the end.
pub(super) async fn serve(config: ServerConfig, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let Ok(mut stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else {
        return;
    };
    // The client may be gone already.
    let _ = stream.write_all(b"x").await;
    let _ = stream.flush().await;
    let _ = stream.read(&mut [0; 1]).await;
}
