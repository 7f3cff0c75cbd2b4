//! The stand-in server as a client meets it: plain sockets, a TLS client that trusts the CA file, literal bytes.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod faults;
mod http;
mod ldap;
mod mailbox;
mod rdp;
mod server;
mod smtp;
mod starttls;
mod tls;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use exchports::catalog::{Role, ServiceId};
use exchports::simulate::{Settings, Simulation, Staged, start};

pub(super) const BOUND: Duration = Duration::from_secs(10);

pub(super) const ASK_STARTTLS: &[u8] =
    b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

pub(super) const AD_STARTTLS_SUCCESS: &[u8] =
    b"\x30\x84\x00\x00\x00\x28\x02\x01\x01\x78\x84\x00\x00\x00\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20037";

pub(super) const ASK_RDP: &[u8] = b"\x03\x00\x00\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0";

pub(super) const IMAP_GREETING: &str = "* OK The Microsoft Exchange IMAP4 service is ready.\r\n";

pub(super) const POP3_GREETING: &str = "+OK The Microsoft Exchange POP3 service is ready.\r\n";

pub(super) const POP3_SECURE: &str =
    "+OK\r\nTOP\r\nUIDL\r\nSASL NTLM GSSAPI PLAIN\r\nUSER\r\n.\r\n";

pub(super) async fn healthy() -> Simulation {
    with(&[]).await
}

pub(super) async fn with(faults: &[&str]) -> Simulation {
    let faults = faults
        .iter()
        .map(|fault| Staged::parse(fault).unwrap())
        .collect();
    start(Settings {
        faults,
        ..Settings::default()
    })
    .await
    .unwrap()
}

pub(super) async fn playing(role: Role) -> Simulation {
    start(Settings {
        role,
        ..Settings::default()
    })
    .await
    .unwrap()
}

pub(super) async fn dial(server: &Simulation, service: ServiceId) -> TcpStream {
    TcpStream::connect(server.endpoint(service).unwrap())
        .await
        .unwrap()
}

/// A handshake that trusts the CA file and nothing else, for the stand-in's name.
pub(super) async fn trusting(
    server: &Simulation,
    tcp: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).unwrap())
        .unwrap();
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let name = ServerName::try_from(server.target()).unwrap();
    bounded(TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
}

/// What the verifier did not like.
pub(super) fn defect(handshake: io::Result<TlsStream<TcpStream>>) -> CertificateError {
    let error = handshake.unwrap_err();
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(defect)) => defect.clone(),
        _ => panic!("{error}"),
    }
}

pub(super) async fn say<S: AsyncWrite + Unpin>(stream: &mut S, words: &[u8]) {
    bounded(stream.write_all(words)).await.unwrap();
    bounded(stream.flush()).await.unwrap();
}

pub(super) async fn hear<S: AsyncRead + Unpin>(stream: &mut S, count: usize) -> Vec<u8> {
    let mut heard = vec![0; count];
    bounded(stream.read_exact(&mut heard)).await.unwrap();
    heard
}

/// Everything until a clean end; a reset fails the test, and so does TLS without `close_notify`.
pub(super) async fn hear_all<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut heard = Vec::new();
    bounded(stream.read_to_end(&mut heard)).await.unwrap();
    heard
}

/// As [`hear_all`], with no bound of its own, which a paused clock would reach first, and how long that took.
pub(super) async fn hear_all_on_a_paused_clock(mut tcp: TcpStream) -> (Vec<u8>, Duration) {
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let mut heard = Vec::new();
    tcp.read_to_end(&mut heard).await.unwrap();
    let waited = begun.elapsed();
    tokio::time::resume();
    (heard, waited)
}

pub(super) async fn hear_until<S: AsyncRead + Unpin>(stream: &mut S, end: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    while !heard.ends_with(end) {
        heard.extend(hear(stream, 1).await);
        assert!(heard.len() < 65_536, "{}", heard.escape_ascii());
    }
    heard
}

pub(super) async fn hear_line<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    String::from_utf8(hear_until(stream, b"\r\n").await).unwrap()
}

pub(super) async fn ask<S: AsyncWrite + Unpin>(stream: &mut S, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: mail.example.test\r\n\r\n");
    say(stream, request.as_bytes()).await;
}

/// One message with a length in four bytes, as AD writes it.
pub(super) async fn ldap_message<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut message = hear(stream, 6).await;
    assert_eq!(message[..2], *b"\x30\x84");
    let length = u32::from_be_bytes(message[2..6].try_into().unwrap());
    message.extend(hear(stream, length.try_into().unwrap()).await);
    message
}

pub(super) async fn assert_heard<S: AsyncRead + Unpin>(stream: &mut S, words: &str) {
    let heard = hear(stream, words.len()).await;
    assert_eq!(String::from_utf8_lossy(&heard), words);
}

pub(super) async fn assert_ended<S: AsyncRead + Unpin>(stream: &mut S) {
    assert_eq!(hear_all(stream).await, b"");
}

/// `220 EX01.corp.example.test Microsoft ESMTP MAIL Service ready at Tue, 24 Sep 2024 04:21:14 +0000`
pub(super) fn assert_greeting(line: &str) {
    let date = line
        .strip_prefix("220 EX01.corp.example.test Microsoft ESMTP MAIL Service ready at ")
        .unwrap_or_else(|| panic!("{line}"));
    assert_eq!(
        date.len(),
        "Tue, 24 Sep 2024 04:21:14 +0000\r\n".len(),
        "{line}"
    );
    assert!(date.ends_with(" +0000\r\n"), "{line}");
}

/// `supportedExtension` and `isSynchronized`, by name, message 7.
pub(super) fn ask_root_dse() -> Vec<u8> {
    b"\x30\x49\x02\x01\x07\x63\x44\x04\0\x0a\x01\0\x0a\x01\0\x02\x01\0\x02\x01\x0a\x01\x01\0\x87\x0bobjectClass\
      \x30\x24\x04\x12supportedExtension\x04\x0eissynchronized"
        .to_vec()
}

pub(super) async fn assert_root_dse<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    say(stream, &ask_root_dse()).await;
    let entry = ldap_message(stream).await;
    let text = entry.escape_ascii().to_string();
    assert_eq!(entry[6..10], *b"\x02\x01\x07\x64", "{text}");
    assert!(text.contains("supportedExtension1\\x84"), "{text}");
    assert!(text.contains("1.3.6.1.4.1.1466.20037"), "{text}");
    assert!(
        text.contains("isSynchronized1\\x84\\x00\\x00\\x00\\x06\\x04\\x04TRUE"),
        "{text}"
    );
    assert!(!text.contains("dnsHostName"), "{text}");
    assert_eq!(
        ldap_message(stream).await,
        b"\x30\x84\0\0\0\x10\x02\x01\x07\x65\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0"
    );
}

pub(super) async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, work).await.expect("in time")
}
