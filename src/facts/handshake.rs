//! What a TLS handshake showed.

use std::sync::Arc;

use super::certificate::{CertificateFacts, ChainLink, Fingerprints};
use super::old_tls::{LegacyFacts, VersionAnswer};
use super::text::Text;
use super::tls::{ClientCertificate, TlsVersion};

/// What a TLS handshake showed, also one that failed half-way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsFacts {
    /// The version agreed on; `None` when the handshake did not get there.
    pub version: Option<TlsVersion>,
    /// The cipher suite by its IANA name.
    pub cipher_suite: Option<String>,
    /// The key exchange group by its IANA name.
    pub group: Option<String>,
    /// The application protocol agreed on.
    pub alpn: Option<Text>,
    /// The name sent as SNI; `None` for an address literal.
    pub server_name: Option<String>,
    /// The certificate, judged against the name and the roots. It is shared by all that were shown it.
    pub certificate: Option<Arc<CertificateFacts>>,
    /// The chain as sent, leaf first.
    pub chain: Arc<[ChainLink]>,
    /// By what each certificate of the chain is known to others (TLSA records), in the same order.
    pub fingerprints: Arc<[Fingerprints]>,
    /// Whether the server asked for a client certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// What the server would speak in old TLS, where the handshake failed and a second look asked.
    pub legacy: Option<LegacyFacts>,
    /// Which versions are enabled, oldest first; empty where nobody asked (`--audit`).
    pub versions: Vec<(TlsVersion, VersionAnswer)>,
}
