//! The TLS handshake, with a verifier that records and lets it finish.
//!
//! The signature over the handshake stays checked: a peer has to own the key of the certificate it shows. Whether that
//! certificate is any good is left to [`trust`](super::trust) and to the rules.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, InvalidMessage, PeerIncompatible,
    ProtocolVersion, SignatureScheme,
};
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::session::{Stream, Tap, Terms, first_line};
use super::trust::{self, Roots};
use crate::facts::{ClientCertificate, Text, TlsFacts, TlsVersion};
use crate::observation::Cause;
use crate::plan::Host;
use crate::wire::sniff::{Spoken, sniff};
use crate::wire::tls::alert_name;

/// With what TLS is asked for: the name to send and to compare, and the roots to trust.
#[derive(Debug)]
pub struct TlsAsk {
    /// The name for SNI (none for an address) and for the certificate.
    pub host: Host,
    /// Whom to trust.
    pub roots: Arc<Roots>,
}

/// The application protocol to offer (RFC 7301).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Alpn {
    /// None: STARTTLS protocols have no names that servers know.
    Silent,
    /// `http/1.1`, and not HTTP/2: NTLM and Negotiate are bound to a connection.
    Http11,
}

/// The provider of cryptography; this function is the only place that names it.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What a handshake came to.
pub(super) struct Shaken<S> {
    /// The secure stream, or why there is none.
    pub(super) result: Result<Box<TlsStream<Tap<S>>>, Trouble>,
    /// What was seen, in either case.
    pub(super) facts: TlsFacts,
}

/// Why a handshake failed.
pub(super) struct Trouble {
    pub(super) cause: Cause,
    pub(super) detail: Option<Text>,
    /// What came in clear instead.
    pub(super) heard: Vec<u8>,
}

/// How long the rest of a line is waited for that came where a TLS record belongs.
const REST_OF_LINE: Duration = Duration::from_millis(500);

pub(super) async fn shake_hands<S: Stream>(
    tap: Tap<S>,
    ask: &TlsAsk,
    alpn: Alpn,
    terms: &mut Terms,
    patience: Duration,
) -> Shaken<S> {
    let seen = Arc::new(Seen::default());
    let config = client_config(ask, alpn, &seen);
    let name = server_name(&ask.host);
    let mut facts = TlsFacts {
        server_name: match (&ask.host, &name) {
            (Host::Name(host), ServerName::DnsName(_)) => Some(host.clone()),
            _ => None,
        },
        ..TlsFacts::default()
    };
    let connect = TlsConnector::from(config).connect(name.clone(), tap);
    let result = match terms.bounded(patience, connect.into_fallible()).await {
        Ok(Ok(stream)) => {
            agreed(stream.get_ref().1, &mut facts);
            Ok(Box::new(stream))
        }
        Ok(Err((error, tap))) => Err(explain(&error, tap, &seen, terms).await),
        Err(over) => Err(Trouble {
            cause: over.cause(if seen.has_certificate() {
                Cause::Stalled
            } else {
                Cause::Silent
            }),
            detail: None,
            heard: Vec::new(),
        }),
    };
    seen.tell(ask, &name, &mut facts);
    Shaken { result, facts }
}

fn client_config(ask: &TlsAsk, alpn: Alpn, seen: &Arc<Seen>) -> Arc<ClientConfig> {
    let provider = Arc::clone(ask.roots.provider());
    let verifier = Arc::new(Recorder {
        seen: Arc::clone(seen),
        provider: Arc::clone(&provider),
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("the provider has suites for TLS 1.2 and 1.3"))
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::clone(seen) as Arc<dyn ResolvesClientCert>);
    config.resumption = Resumption::disabled();
    if alpn == Alpn::Http11 {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
    }
    Arc::new(config)
}

pub(super) fn server_name(host: &Host) -> ServerName<'static> {
    match host {
        Host::Address(address) => ServerName::from(*address),
        // A name that TLS cannot carry goes without SNI, as an address does.
        Host::Name(name) => ServerName::try_from(name.clone())
            .unwrap_or_else(|_| ServerName::from(std::net::IpAddr::from([0, 0, 0, 0]))),
    }
}

fn agreed(connection: &rustls::ClientConnection, facts: &mut TlsFacts) {
    facts.version = connection.protocol_version().and_then(version);
    facts.cipher_suite = connection.negotiated_cipher_suite().map(|suite| {
        // IANA knows no TLS13_ prefix.
        let name = format!("{:?}", suite.suite());
        match name.strip_prefix("TLS13_") {
            Some(rest) => format!("TLS_{rest}"),
            None => name,
        }
    });
    facts.group = connection
        .negotiated_key_exchange_group()
        .map(|group| format!("{:?}", group.name()));
    facts.alpn = connection.alpn_protocol().map(Text::from_bytes);
}

fn version(version: ProtocolVersion) -> Option<TlsVersion> {
    match version {
        ProtocolVersion::SSLv3 => Some(TlsVersion::Ssl3),
        ProtocolVersion::TLSv1_0 => Some(TlsVersion::Tls10),
        ProtocolVersion::TLSv1_1 => Some(TlsVersion::Tls11),
        ProtocolVersion::TLSv1_2 => Some(TlsVersion::Tls12),
        ProtocolVersion::TLSv1_3 => Some(TlsVersion::Tls13),
        _ => None,
    }
}

/// What a failed handshake means, the bytes that came instead included.
async fn explain<S: Stream>(
    error: &io::Error,
    mut tap: Tap<S>,
    seen: &Seen,
    terms: &mut Terms,
) -> Trouble {
    let trouble = |cause, detail: Option<Text>| Trouble {
        cause,
        detail,
        heard: Vec::new(),
    };
    let asked_for_certificate = seen.asked_for_certificate.load(Ordering::Relaxed);
    match rustls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) => {
            let number = u8::from(*alert);
            let cause = if *alert == AlertDescription::ProtocolVersion {
                Cause::VersionTooOld
            } else if is_certificate_demand(*alert, asked_for_certificate) {
                Cause::ClientCertificateRequired
            } else {
                Cause::Alert(number)
            };
            trouble(cause, Some(alert_text(number)))
        }
        Some(rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)) => {
            trouble(Cause::VersionTooOld, None)
        }
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            finish_line(&mut tap, terms).await;
            let heard = tap.heard().to_vec();
            Trouble {
                cause: said_in_clear(&heard),
                detail: Some(Text::from_bytes(first_line(&heard))),
                heard,
            }
        }
        Some(other) => trouble(
            Cause::HandshakeFailed,
            Some(other.to_string().as_str().into()),
        ),
        None if tap.heard().is_empty() => trouble(
            Cause::ClosedOnHello,
            Some(if error.kind() == io::ErrorKind::UnexpectedEof {
                "closed".into()
            } else {
                "reset".into()
            }),
        ),
        None if !matches!(tap.heard().first(), Some(0x14..=0x18)) => {
            let heard = tap.heard().to_vec();
            Trouble {
                cause: said_in_clear(&heard),
                detail: Some(Text::from_bytes(first_line(&heard))),
                heard,
            }
        }
        None if error.kind() == io::ErrorKind::UnexpectedEof => trouble(Cause::Closed, None),
        None => trouble(Cause::Reset, None),
    }
}

/// What cleartext in place of a TLS record means.
fn said_in_clear(heard: &[u8]) -> Cause {
    let line = first_line(heard);
    // Exchange's POP3 and IMAP4 services without a certificate say so in clear on their TLS ports.
    if line.starts_with(b"* BYE Connection is closed. 14")
        || line.starts_with(b"-ERR Connection is closed. 13")
    {
        return Cause::NoCertificate;
    }
    match sniff(heard) {
        Some(Spoken::TlsHandshake | Spoken::TlsAlert { .. }) => Cause::HandshakeFailed,
        _ => Cause::Cleartext,
    }
}

/// Reads on until the line that began in clear is whole.
async fn finish_line<S: Stream>(tap: &mut Tap<S>, terms: &mut Terms) {
    let read = async {
        let mut chunk = [0; 256];
        while tap.heard().len() < 512 && !tap.heard().contains(&b'\n') {
            match tap.read(&mut chunk).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
    };
    let _ = terms.bounded(REST_OF_LINE, read).await;
}

/// What an error on reading means; in a secure session it may be the late end of a handshake (TLS 1.3 tells only then
/// that it wanted a client certificate).
pub(super) fn read_cause(error: &io::Error, tls: Option<&TlsFacts>) -> (Cause, Option<Text>) {
    let requested = tls.is_some_and(|tls| tls.client_certificate.is_some());
    match rustls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) => {
            let number = u8::from(*alert);
            let cause = if is_certificate_demand(*alert, requested) {
                Cause::ClientCertificateRequired
            } else {
                Cause::Alert(number)
            };
            (cause, Some(alert_text(number)))
        }
        Some(other) => (
            Cause::NotTheProtocol,
            Some(other.to_string().as_str().into()),
        ),
        None if error.kind() == io::ErrorKind::UnexpectedEof => (Cause::Closed, None),
        None => (Cause::Reset, None),
    }
}

fn is_certificate_demand(alert: AlertDescription, asked: bool) -> bool {
    match alert {
        AlertDescription::CertificateRequired => true,
        AlertDescription::HandshakeFailure
        | AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied
        | AlertDescription::UnknownCA => asked,
        _ => false,
    }
}

fn alert_text(number: u8) -> Text {
    Text::from(format!("alert {number} {}", alert_name(number)).as_str())
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// What the verifier and the handshake noted; one for each handshake.
#[derive(Debug, Default)]
struct Seen {
    chain: Mutex<Vec<CertificateDer<'static>>>,
    asked_for_certificate: AtomicBool,
}

impl Seen {
    fn has_certificate(&self) -> bool {
        !self.chain().is_empty()
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn tell(&self, ask: &TlsAsk, name: &ServerName<'_>, facts: &mut TlsFacts) {
        let chain = self.chain();
        let told = trust::assess(&chain, name, &ask.roots);
        facts.certificate = told.certificate;
        facts.chain = told.chain;
        if self.asked_for_certificate.load(Ordering::Relaxed) {
            facts.client_certificate = Some(ClientCertificate::Requested);
        }
    }
}

impl ResolvesClientCert for Seen {
    fn resolve(
        &self,
        _: &[&[u8]],
        _: &[SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        self.asked_for_certificate.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Records the chain and lets the handshake go on.
#[derive(Debug)]
struct Recorder {
    seen: Arc<Seen>,
    provider: Arc<CryptoProvider>,
}

impl Recorder {
    /// Accepts what the provider cannot check (an RSA key under 2048 bits, a certificate of version 1): the rules tell
    /// of it. Any other wrong signature is a peer that does not own the key.
    fn tolerate(
        checked: Result<HandshakeSignatureValid, rustls::Error>,
        certificate: &CertificateDer<'_>,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if checked.is_ok()
            || ParsedCertificate::try_from(certificate).is_err()
            || trust::has_short_rsa_key(certificate)
        {
            return Ok(HandshakeSignatureValid::assertion());
        }
        checked
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity)
            .chain(intermediates)
            .take(trust::MAX_CHAIN)
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        *self
            .seen
            .chain
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = chain;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Self::tolerate(
            verify_tls12_signature(message, certificate, signature, algorithms),
            certificate,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Self::tolerate(
            verify_tls13_signature(message, certificate, signature, algorithms),
            certificate,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
