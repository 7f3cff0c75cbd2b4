//! What a peer shows of itself in TLS.

use std::sync::{Arc, OnceLock};

use exchports::net::{Roots, tls};
use exchports::plan::{Stores, Trust};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::kx_group::SECP384R1;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, RootCertStore, ServerConfig, SupportedProtocolVersion};

/// The name that is asked for, and that the certificate is made out to.
pub(crate) const HOST: &str = "mail.example.com";

/// A certificate for [`HOST`], and who signed it: one for all tests.
pub(crate) struct Identity {
    authority: CertificateDer<'static>,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
}

pub(crate) fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Test Authority");
        let authority = params.self_signed(&authority_key).expect("an authority");
        let issuer = rcgen::Issuer::new(params, authority_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(vec![HOST.to_owned()]).expect("a name");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, HOST);
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        Identity {
            authority: authority.der().clone(),
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        }
    })
}

/// The public ones, and the authority of [`identity`].
pub(crate) fn roots() -> Arc<Roots> {
    static ROOTS: OnceLock<Arc<Roots>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let trust = Trust {
            stores: Stores::Public,
            ca_certificates: vec![identity().authority.to_vec()],
        };
        Arc::new(Roots::new(&trust).expect("a root"))
    });
    Arc::clone(roots)
}

/// How a peer shakes hands in that version, with the usual certificate.
pub(crate) fn config(version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
    usual(match version.version {
        ProtocolVersion::TLSv1_2 => Handshake::Tls12,
        _ => Handshake::Tls13,
    })
}

/// How a peer shakes hands that shows this chain, whosever key that is.
pub(crate) fn showing(
    chain: Vec<CertificateDer<'static>>,
    version: &'static SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_no_client_auth()
        .with_cert_resolver(resolver(chain));
    Arc::new(config)
}

fn resolver(chain: Vec<CertificateDer<'static>>) -> Arc<SingleCertAndKey> {
    let key = tls::provider()
        .key_provider
        .load_private_key(identity().key.clone_key())
        .expect("a key");
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)))
}

/// A way to shake hands with the usual certificate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handshake {
    Tls12,
    Tls13,
    /// The server wants another group than the first one offered.
    Retried,
    /// The server wants a certificate.
    Wanting12,
    Wanting13,
}

/// The same for every handshake of that kind.
pub(super) fn usual(handshake: Handshake) -> Arc<ServerConfig> {
    use Handshake::{Retried, Tls12, Tls13, Wanting12, Wanting13};
    static USUAL: OnceLock<[Arc<ServerConfig>; 5]> = OnceLock::new();
    let all = USUAL.get_or_init(|| [Tls12, Tls13, Retried, Wanting12, Wanting13].map(configured));
    Arc::clone(&all[handshake as usize])
}

fn configured(handshake: Handshake) -> Arc<ServerConfig> {
    let mut provider = CryptoProvider::clone(&tls::provider());
    if let Handshake::Retried = handshake {
        provider.kx_groups = vec![SECP384R1];
    }
    let provider = Arc::new(provider);
    let version = match handshake {
        Handshake::Tls12 | Handshake::Wanting12 => &TLS12,
        Handshake::Tls13 | Handshake::Retried | Handshake::Wanting13 => &TLS13,
    };
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .expect("a version");
    let config = match handshake {
        Handshake::Tls12 | Handshake::Tls13 | Handshake::Retried => config.with_no_client_auth(),
        Handshake::Wanting12 | Handshake::Wanting13 => {
            let mut roots = RootCertStore::empty();
            roots.add(identity().authority.clone()).expect("a root");
            let wants = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(wants.build().expect("a verifier"))
        }
    };
    let mut config = config.with_cert_resolver(resolver(vec![identity().certificate.clone()]));
    config.enable_secret_extraction = true;
    Arc::new(config)
}
