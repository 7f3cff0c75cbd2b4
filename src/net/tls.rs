//! The TLS handshake, with a verifier that records and lets it finish.
//!
//! The signature over the handshake stays checked: a peer has to own the key of the certificate it shows. Whether that
//! certificate is any good is left to [`trust`] and to the rules.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, InvalidMessage,
    PeerIncompatible, ProtocolVersion, SignatureScheme,
};
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::bounds::{Bounds, Interruption};
use super::der;
use super::identity::Identity;
use super::recording::{REST_OF_LINE, Recording, RecordingStream, Stream, first_line, is_whole};
pub use super::trust::signatures::provider;
use super::trust::signatures::{self, Signature};
use super::trust::{self, ChainFacts, PresentedChain, Roots};
use crate::facts::{ClientCertificate, Text, TlsFacts, TlsVersion, alert_name};
use crate::observation::Cause;
use crate::plan::Host;
use crate::wire::sniff::{Spoken, sniff};
use crate::wire::tls::flight;

/// With what TLS is asked for: the name to send and to compare, and the roots to trust.
#[derive(Debug)]
pub struct TlsAsk {
    /// The name for SNI (none for an address) and for the certificate.
    pub host: Host,
    /// Whom to trust.
    pub roots: Arc<Roots>,
    /// What we show to a server that asks for a certificate.
    pub identity: Option<Identity>,
}

/// The application protocol to offer (RFC 7301).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Alpn {
    /// None: STARTTLS protocols have no names that servers know.
    Silent,
    /// `http/1.1`, and not HTTP/2: NTLM and Negotiate are bound to a connection.
    Http11,
}

/// What a handshake came to.
pub(super) struct Shaken<S> {
    /// The secure stream, or why there is none.
    pub(super) result: Result<Box<TlsStream<RecordingStream<S>>>, Trouble>,
    /// What was seen, in either case; the chain is still to be assessed.
    pub(super) facts: TlsFacts,
    /// The chain as sent.
    pub(super) chain: PresentedChain,
}

/// Why a handshake failed.
pub(super) struct Trouble {
    pub(super) cause: Cause,
    pub(super) detail: Option<Text>,
    /// What came in clear instead.
    pub(super) heard: Vec<u8>,
}

pub(super) async fn shake_hands<S: Stream>(
    mut tap: RecordingStream<S>,
    ask: &TlsAsk,
    alpn: Alpn,
    bounds: &mut Bounds,
    patience: Duration,
) -> Shaken<S> {
    ask.roots.prepare();
    let seen = Arc::new(HandshakeSeen {
        identity: ask.identity.clone(),
        ..HandshakeSeen::default()
    });
    let config = client_config(ask, alpn, &seen);
    let mut facts = TlsFacts {
        server_name: indicated_name(&ask.host).map(str::to_owned),
        ..TlsFacts::default()
    };
    // A name that TLS cannot carry goes without SNI, as an address does.
    let indicated =
        server_name(&ask.host).unwrap_or_else(|| ServerName::from(IpAddr::from([0, 0, 0, 0])));
    let heard = tap.listen();
    let connect = TlsConnector::from(config).connect(indicated, tap);
    let result = match bounds.bounded(patience, connect.into_fallible()).await {
        Ok(Ok(stream)) => {
            agreed(stream.get_ref().1, &mut facts);
            Ok(Box::new(stream))
        }
        Ok(Err((error, tap))) => Err(explain(&error, tap, &heard, &seen, bounds).await),
        Err(over) => Err(cut_short(over, &heard.bytes())),
    };
    facts.client_certificate = seen.client_certificate();
    Shaken {
        result,
        facts,
        chain: seen.take_chain(),
    }
}

/// Turns a chain into facts, against the name and the roots that were asked for.
pub(super) async fn assess(chain: PresentedChain, ask: &TlsAsk, bounds: &mut Bounds) -> ChainFacts {
    let name = server_name(&ask.host);
    trust::assess_in_time(chain, name.as_ref(), &ask.roots, bounds).await
}

fn client_config(ask: &TlsAsk, alpn: Alpn, seen: &Arc<HandshakeSeen>) -> Arc<ClientConfig> {
    let provider = Arc::clone(ask.roots.provider());
    let verifier = Arc::new(Recorder {
        seen: Arc::clone(seen),
        roots: Arc::clone(&ask.roots),
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

/// The name as TLS has it; `None` for one that it cannot carry.
pub(super) fn server_name(host: &Host) -> Option<ServerName<'static>> {
    match host {
        Host::Address(address) => Some(ServerName::from(*address)),
        Host::Name(name) => ServerName::try_from(name.clone()).ok(),
    }
}

/// The name that goes as SNI: one that TLS can carry, and no address (RFC 6066 §3).
pub(super) fn indicated_name(host: &Host) -> Option<&str> {
    match (host, server_name(host)) {
        (Host::Name(name), Some(ServerName::DnsName(_))) => Some(name),
        _ => None,
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

/// What a handshake means that did not come to its end in time.
fn cut_short(over: Interruption, heard: &[u8]) -> Trouble {
    let patience = if heard.is_empty() {
        Cause::Silent
    } else {
        Cause::Stalled
    };
    Trouble {
        cause: over.cause(patience),
        detail: None,
        heard: Vec::new(),
    }
}

/// What a failed handshake means, the bytes that came instead included.
async fn explain<S: Stream>(
    error: &io::Error,
    mut tap: RecordingStream<S>,
    heard: &Recording,
    seen: &HandshakeSeen,
    bounds: &mut Bounds,
) -> Trouble {
    let trouble = |cause, detail: Option<Text>| Trouble {
        cause,
        detail,
        heard: Vec::new(),
    };
    let rustls_error = rustls_error(error);
    if rustls_error.is_none() && heard.bytes().is_empty() {
        // A peer that said its word and hung up did not take our ClientHello; its word is still there.
        finish_line(&mut tap, heard, bounds).await;
    }
    match rustls_error {
        Some(rustls::Error::AlertReceived(alert)) => {
            let number = u8::from(*alert);
            let cause = if *alert == AlertDescription::ProtocolVersion {
                Cause::VersionTooOld
            } else {
                certificate_cause(*alert, seen.client_certificate()).unwrap_or(Cause::Alert(number))
            };
            trouble(cause, Some(alert_text(number)))
        }
        Some(rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13))
            if !is_later_version(&heard.bytes()) =>
        {
            trouble(Cause::VersionTooOld, None)
        }
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            finish_line(&mut tap, heard, bounds).await;
            in_clear(heard.bytes())
        }
        Some(other) => trouble(
            Cause::HandshakeFailed,
            Some(other.to_string().as_str().into()),
        ),
        None if heard.bytes().is_empty() => trouble(
            Cause::ClosedOnHello,
            Some(if is_end(error) {
                "closed".into()
            } else {
                "reset".into()
            }),
        ),
        None if is_cleartext(&heard.bytes()) => in_clear(heard.bytes()),
        None if is_too_much(error) => trouble(Cause::Flood, None),
        None if is_end(error) => trouble(Cause::Closed, None),
        None => trouble(Cause::Reset, None),
    }
}

/// Whether a `ServerHello` names a version that is none of the known ones, in its first field (RFC 8446 §4.1.3) or in the
/// extension that has the last word (§4.2.1).
fn is_later_version(heard: &[u8]) -> bool {
    const TLS_1_3: &[u8] = &[3, 4];
    heard.get(9..11).is_some_and(|version| version > TLS_1_3)
        || hello_alone(heard).is_some_and(|hello| flight(&hello).is_err())
}

/// The `ServerHello` in a record of its own: what else stands in its record may not have been kept.
fn hello_alone(heard: &[u8]) -> Option<Vec<u8>> {
    let length = u16::from_be_bytes(heard.get(7..9)?.try_into().ok()?);
    let hello = heard.get(5..9 + usize::from(length))?;
    let length = length.checked_add(4)?.to_be_bytes();
    Some([&[0x16, 3, 3], &length[..], hello].concat())
}

/// Whether a peer hung up in good order. It may show on writing only: what is said after its end comes back, and the
/// system tells of a broken pipe.
fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe
    )
}

/// Whether these bytes are not even the beginning of a TLS record (RFC 8446 §5.1).
fn is_cleartext(heard: &[u8]) -> bool {
    !matches!(heard.first(), None | Some(0x14..=0x18))
}

fn in_clear(heard: Vec<u8>) -> Trouble {
    Trouble {
        cause: said_in_clear(&heard),
        detail: Some(Text::from_bytes(first_line(&heard))),
        heard,
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
        _ if !is_cleartext(heard) => Cause::HandshakeFailed,
        _ => Cause::Cleartext,
    }
}

/// Reads on until the line that began in clear is whole.
async fn finish_line<S: Stream>(
    tap: &mut RecordingStream<S>,
    heard: &Recording,
    bounds: &mut Bounds,
) {
    let read = async {
        let mut chunk = [0; 256];
        while !is_whole(&heard.bytes()) {
            match tap.read(&mut chunk).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
    };
    let _ = bounds.bounded(REST_OF_LINE, read).await;
}

/// What an error on reading means; in a secure session it may be the late end of a handshake (TLS 1.3 tells only then
/// that it wanted a client certificate).
pub(super) fn read_cause(error: &io::Error, tls: Option<&TlsFacts>) -> (Cause, Option<Text>) {
    match rustls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) => {
            let number = u8::from(*alert);
            let certificate = tls.and_then(|tls| tls.client_certificate);
            let cause = certificate_cause(*alert, certificate).unwrap_or(Cause::Alert(number));
            (cause, Some(alert_text(number)))
        }
        Some(other) => (Cause::TlsBroken, Some(other.to_string().as_str().into())),
        None if is_end(error) => (Cause::Closed, None),
        None if is_too_much(error) => (Cause::Flood, None),
        None => (Cause::Reset, None),
    }
}

/// Whether a limit was passed: that of the connection, or that of rustls for messages which are not whole.
fn is_too_much(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::QuotaExceeded | io::ErrorKind::InvalidData
    )
}

/// Whether an alert is about the certificate that we were asked for: that there was none, or that it was no good.
fn certificate_cause(
    alert: AlertDescription,
    certificate: Option<ClientCertificate>,
) -> Option<Cause> {
    if alert == AlertDescription::CertificateRequired {
        return Some(Cause::ClientCertificateRequired);
    }
    match (alert, certificate) {
        (
            AlertDescription::HandshakeFailure
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied
            | AlertDescription::UnknownCA,
            Some(ClientCertificate::Requested),
        ) => Some(Cause::ClientCertificateRequired),
        (
            AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied
            | AlertDescription::UnknownCA
            | AlertDescription::DecryptError,
            Some(ClientCertificate::Sent),
        ) => Some(Cause::ClientCertificateRefused),
        _ => None,
    }
}

pub(super) fn alert_text(number: u8) -> Text {
    Text::from(format!("alert {number} {}", alert_name(number).unwrap_or("unknown")).as_str())
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// What the verifier and the handshake noted; one for each handshake.
#[derive(Debug, Default)]
struct HandshakeSeen {
    chain: Mutex<PresentedChain>,
    asked_for_certificate: AtomicBool,
    identity: Option<Identity>,
    sent_certificate: AtomicBool,
}

impl HandshakeSeen {
    fn take_chain(&self) -> PresentedChain {
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *chain)
    }

    fn client_certificate(&self) -> Option<ClientCertificate> {
        if !self.asked_for_certificate.load(Ordering::Relaxed) {
            None
        } else if self.sent_certificate.load(Ordering::Relaxed) {
            Some(ClientCertificate::Sent)
        } else {
            Some(ClientCertificate::Requested)
        }
    }
}

impl ResolvesClientCert for HandshakeSeen {
    fn resolve(
        &self,
        _: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        self.asked_for_certificate.store(true, Ordering::Relaxed);
        let certified = self.identity.as_ref()?.certified();
        // One that can sign nothing that the server takes is not sent.
        certified.key.choose_scheme(schemes)?;
        self.sent_certificate.store(true, Ordering::Relaxed);
        Some(Arc::clone(certified))
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}

/// Records the chain and lets the handshake go on.
#[derive(Debug)]
struct Recorder {
    seen: Arc<HandshakeSeen>,
    roots: Arc<Roots>,
}

impl Recorder {
    fn provider(&self) -> &CryptoProvider {
        self.roots.provider()
    }
}

/// Whether a signature can be checked by nobody here: RSA-PSS with a key under 2048 bits. The rules tell of the key; a
/// peer whose signature is wrong, though it could be right, does not own the key of the certificate that it shows.
fn is_beyond_checking(public_key: &[u8], signed: &DigitallySignedStruct) -> bool {
    let is_pss = matches!(
        signed.scheme,
        SignatureScheme::RSA_PSS_SHA256
            | SignatureScheme::RSA_PSS_SHA384
            | SignatureScheme::RSA_PSS_SHA512
            // No SHA-384 with PKCS #1 for short keys either.
            | SignatureScheme::RSA_PKCS1_SHA384
    );
    let bits = der::contents(public_key).and_then(|(inside, _)| signatures::rsa_key_bits(inside));
    // Under 1024 bits there is no algorithm at all.
    bits.is_some_and(|bits| bits < 1024 || (bits < 2048 && is_pss))
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
        let chain = self
            .roots
            .presented(std::iter::once(end_entity).chain(intermediates));
        let is_readable = match &chain {
            PresentedChain::Known(known) => known.is_readable(),
            PresentedChain::New(_) => trust::is_readable(end_entity),
        };
        *self
            .seen
            .chain
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = chain;
        // What cannot be read cannot be judged, and must not pass unjudged.
        if !is_readable {
            return Err(CertificateError::BadEncoding.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms).or_else(|error| {
            // Once more, for certificates that webpki does not read (version 1, an unknown critical extension) and for
            // short RSA keys.
            let key = trust::public_key(certificate).ok_or_else(|| error.clone())?;
            let (inside, _) = der::contents(&key).ok_or_else(|| error.clone())?;
            let signature = signed.signature();
            let told = signatures::signed_handshake(
                self.provider(),
                inside,
                signed.scheme,
                message,
                signature,
            );
            if told == Signature::Holds || is_beyond_checking(&key, signed) {
                Ok(HandshakeSignatureValid::assertion())
            } else {
                Err(error)
            }
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms).or_else(|error| {
            let Some(key) = trust::public_key(certificate) else {
                return Err(error);
            };
            let raw = SubjectPublicKeyInfoDer::from(key.as_slice());
            match verify_tls13_signature_with_raw_key(message, &raw, signed, algorithms) {
                Err(_) if !is_beyond_checking(&key, signed) => Err(error),
                _ => Ok(HandshakeSignatureValid::assertion()),
            }
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
