//! TLS for those who ask us: the certificate of a listener, and whether it wants one of its clients.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
pub use tokio_rustls::server::TlsStream;

use super::tls::provider;

/// Shakes hands with clients.
#[derive(Clone)]
pub struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

/// What a listener shows and asks for, each as PEM.
#[derive(Clone, Debug, Default)]
pub struct ServerIdentity {
    /// The certificate, and those above it.
    pub certificate: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
    /// Who has to have issued the client's certificate; `None` asks for none.
    pub client_roots: Option<Vec<u8>>,
    /// Whether TLS 1.2 is refused.
    pub is_tls13_only: bool,
}

impl Acceptor {
    /// For this certificate.
    ///
    /// # Errors
    /// What cannot be used, in words.
    pub fn new(identity: &ServerIdentity) -> Result<Self, String> {
        let chain = certificates(&identity.certificate, "the certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&identity.key)
            .map_err(|error| format!("the key cannot be read: {error}"))?;
        let provider = provider();
        let versions: &[_] = if identity.is_tls13_only {
            &[&rustls::version::TLS13]
        } else {
            &[&rustls::version::TLS13, &rustls::version::TLS12]
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?;
        let builder = match &identity.client_roots {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for root in certificates(pem, "the clients' root")? {
                    roots
                        .add(root)
                        .map_err(|error| format!("the clients' root cannot be used: {error}"))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| error.to_string())?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("certificate and key do not fit: {error}"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// When that fails.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        self.0.accept(stream).await
    }
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(chain) if chain.is_empty() => {
            Err(format!("{what} is not there: no PEM with CERTIFICATE"))
        }
        Ok(chain) => Ok(chain),
        Err(error) => Err(format!("{what} cannot be read: {error}")),
    }
}

/// SHA-256, by which a password is known again that was found right before.
#[must_use]
pub fn sha256(data: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, data)
        .as_ref()
        .to_vec()
}
