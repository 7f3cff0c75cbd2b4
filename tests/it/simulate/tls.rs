//! Handshakes that fail, and certificates with a defect.

use std::io;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use exchports::catalog::{SERVICES, ServiceId};
use exchports::simulate::Simulation;

use super::{
    AD_STARTTLS_SUCCESS, ASK_RDP, ASK_STARTTLS, assert_ended, bounded, defect, dial, healthy, hear,
    hear_all, hear_line, hear_until, say, trusting, with,
};
use ServiceId::{
    Http, Https, Imap, Imaps, Ldap, Ldaps, Pop3, Pop3s, Rdp, Smtp, Submission, Submissions,
};

/// Up to TLS 1.2, with AES-CBC for ECDSA and without extensions.
const OLD_HELLO: &[u8] = b"\x16\x03\x01\0\x31\x01\0\0\x2d\x03\x03\
    rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\0\0\x06\xc0\x24\xc0\x0a\0\xff\x01\0";

#[tokio::test]
async fn handshakes_fail_in_their_own_way_wherever_there_is_tls() {
    use rustls::AlertDescription::{HandshakeFailure, ProtocolVersion, UnrecognisedName};
    for (fault, alert) in [
        ("tls-closed-on-hello", None),
        ("tls-name-not-recognised", Some(UnrecognisedName)),
        ("tls-version-too-old", Some(ProtocolVersion)),
        ("tls-legacy-suites", Some(HandshakeFailure)),
        ("tls-no-common-cipher", Some(HandshakeFailure)),
        ("tls-unverified", Some(HandshakeFailure)),
    ] {
        let server = with(&[fault]).await;
        for service in SERVICES.iter().map(|row| row.id).filter(|id| *id != Http) {
            let tcp = on_the_brink(&server, service).await;
            let error = trusting(&server, tcp).await.unwrap_err();
            let found = error.get_ref().and_then(|inner| inner.downcast_ref());
            match (found, alert) {
                (Some(rustls::Error::AlertReceived(found)), Some(alert)) => {
                    assert_eq!(*found, alert, "{fault} {service}");
                }
                // A FIN, no reset.
                (None, None) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof),
                _ => panic!("{fault} {service}: {error}"),
            }
        }
    }
}

/// TLS 1.2 with AES-GCM for ECDSA and the group x448 alone.
const HELLO_FOR_X448: &[u8] = b"\x16\x03\x01\0\x39\x01\0\0\x35\x03\x03\
    rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\0\0\x04\xc0\x2c\0\xff\x01\0\0\x08\0\x0a\0\x04\0\x02\0\x1e";

#[tokio::test]
async fn who_has_x448_is_shown_the_certificate_and_a_key_on_it() {
    let server = with(&["tls-unverified@443"]).await;
    let leaf = presented(&server, Imaps).await.remove(0);
    let mut tcp = on_the_brink(&server, Https).await;
    say(&mut tcp, HELLO_FOR_X448).await;
    let header = hear(&mut tcp, 5).await;
    assert_eq!(header[..3], *b"\x16\x03\x03");
    let length = u16::from_be_bytes(header[3..].try_into().unwrap());
    let flight = hear(&mut tcp, length.into()).await;
    assert!(flight.windows(leaf.len()).any(|window| window == &leaf[..]));
    // A named curve, x448, a point of 56 bytes, and how it is signed: ECDSA with SHA-256.
    let key = [b"\x03\0\x1e\x38\x05".as_slice(), &[0; 55], b"\x04\x03"].concat();
    assert!(flight.windows(key.len()).any(|window| window == key));
    assert!(flight.ends_with(b"\x0e\0\0\0"));
}

#[tokio::test]
async fn a_session_that_breaks_does_so_after_its_handshake() {
    let server = with(&["tls-broken"]).await;
    for service in SERVICES
        .iter()
        .map(|row| row.id)
        .filter(|id| ![Http, Rdp].contains(id))
    {
        let tcp = on_the_brink(&server, service).await;
        let mut tls = trusting(&server, tcp).await.unwrap();
        say(&mut tls, b"x").await;
        let error = bounded(tls.read_u8()).await.unwrap_err();
        let found = error.get_ref().and_then(|inner| inner.downcast_ref());
        assert!(
            matches!(found, Some(rustls::Error::InvalidMessage(_))),
            "{service}: {error}"
        );
    }
}

#[tokio::test]
async fn a_client_certificate_is_demanded_at_the_end_of_the_handshake() {
    let server = with(&["client-certificate-required"]).await;
    for service in SERVICES
        .iter()
        .map(|row| row.id)
        .filter(|id| ![Http, Rdp].contains(id))
    {
        let tcp = on_the_brink(&server, service).await;
        // TLS 1.3: the client is done before the server has seen that there is none.
        let mut tls = trusting(&server, tcp).await.unwrap();
        let error = bounded(tls.read_u8()).await.unwrap_err();
        let found = error.get_ref().and_then(|inner| inner.downcast_ref());
        assert!(
            matches!(
                found,
                Some(rustls::Error::AlertReceived(
                    rustls::AlertDescription::CertificateRequired
                ))
            ),
            "{service}: {error}"
        );
    }
}

#[tokio::test]
async fn old_servers_show_their_certificate_to_whom_they_understand() {
    for (fault, start) in [
        ("tls-version-too-old", b"\x16\x03\x01"),
        ("tls-legacy-suites", b"\x16\x03\x03"),
    ] {
        let server = with(&[&format!("{fault}@443,25,389,3389")]).await;
        // The same that the healthy services show.
        let leaf = presented(&server, Imaps).await.remove(0);
        for (service, goes_on) in [(Https, true), (Smtp, false), (Ldap, false), (Rdp, false)] {
            let mut tcp = on_the_brink(&server, service).await;
            say(&mut tcp, OLD_HELLO).await;
            let header = hear(&mut tcp, 5).await;
            assert_eq!(header[..3], *start, "{fault} {service}");
            let length = u16::from_be_bytes(header[3..].try_into().unwrap());
            let flight = hear(&mut tcp, length.into()).await;
            let shows_leaf = flight.windows(leaf.len()).any(|window| window == &leaf[..]);
            assert_eq!(shows_leaf, service != Rdp, "{fault} {service}");
            assert!(flight.ends_with(b"\x0e\0\0\0"));
            if goes_on {
                // A ClientKeyExchange: there is nobody to work with it.
                say(&mut tcp, b"\x16\x03\x01\0\x04\x10\0\0\0").await;
                assert_eq!(hear_all(&mut tcp).await, b"\x15\x03\x03\0\x02\x02\x28");
            } else {
                say(&mut tcp, b"\x15\x03\x01\0\x02\x01\0").await;
                assert_ended(&mut tcp).await;
            }
        }
    }
}

#[tokio::test]
async fn certificate_faults_are_what_a_verifier_finds() {
    for (fault, expected) in [
        ("certificate-expired", "Expired"),
        ("certificate-not-yet-valid", "NotValidYet"),
        ("certificate-self-signed", "UnknownIssuer"),
        ("certificate-unknown-issuer", "UnknownIssuer"),
        ("tls-inspected", "UnknownIssuer"),
        ("certificate-wrong-name", "NotValidForName"),
    ] {
        let server = with(&[fault]).await;
        for service in [Https, Submissions, Ldaps, Imaps, Pop3s] {
            let found = defect(trusting(&server, dial(&server, service).await).await);
            assert!(
                format!("{found:?}").starts_with(expected),
                "{fault}: {found:?}"
            );
        }
    }
    // Behind STARTTLS too, and only where it was asked for.
    let server = with(&["certificate-expired@imap"]).await;
    let mut tcp = dial(&server, Imap).await;
    say(&mut tcp, b"a STARTTLS\r\n").await;
    hear_until(&mut tcp, b"a OK Begin TLS negotiation now.\r\n").await;
    assert!(format!("{:?}", defect(trusting(&server, tcp).await)).starts_with("Expired"));
    trusting(&server, dial(&server, Imaps).await).await.unwrap();
}

#[tokio::test]
async fn each_certificate_has_the_defect_asked_for_and_no_other() {
    let day = 86_400;
    let now = x509_parser::time::ASN1Time::now().timestamp();
    for (fault, from, to, issuer_is_subject, chain, names_fit) in [
        (None, -30, 365, false, 2, true),
        (Some("certificate-expired"), -368, -3, false, 2, true),
        (Some("certificate-expires-soon"), -355, 10, false, 2, true),
        (Some("certificate-not-yet-valid"), 7, 372, false, 2, true),
        (Some("certificate-self-signed"), -30, 1825, true, 1, true),
        (Some("certificate-unknown-issuer"), -30, 365, false, 2, true),
        (Some("tls-inspected"), -30, 365, false, 2, true),
        (Some("certificate-wrong-name"), -30, 365, false, 2, false),
        (Some("certificate-differs@443"), -200, 165, false, 2, true),
    ] {
        let server = with(fault.as_slice()).await;
        let presented = presented(&server, Https).await;
        assert_eq!(presented.len(), chain, "{fault:?}");
        let (rest, leaf) = x509_parser::parse_x509_certificate(&presented[0]).unwrap();
        assert!(rest.is_empty());
        for (moment, days) in [
            (leaf.validity().not_before, from),
            (leaf.validity().not_after, to),
        ] {
            assert!(
                (moment.timestamp() - now - days * day).abs() < 120,
                "{fault:?}"
            );
        }
        assert_eq!(
            leaf.subject() == leaf.issuer(),
            issuer_is_subject,
            "{fault:?}"
        );
        let names = leaf.subject_alternative_name().unwrap().unwrap();
        let names = format!("{:?}", names.value.general_names);
        assert_eq!(
            names,
            if names_fit {
                "[DNSName(\"mail.example.test\"), DNSName(\"autodiscover.example.test\"), DNSName(\"localhost\"), \
                 IPAddress([127, 0, 0, 1]), IPAddress([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])]"
            } else {
                "[DNSName(\"EX01.corp.example.test\"), DNSName(\"EX01\")]"
            },
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn services_share_one_certificate_and_two_servers_do_not() {
    let server = healthy().await;
    let chain = presented(&server, Https).await;
    for service in [Submissions, Ldaps, Imaps, Pop3s] {
        assert_eq!(presented(&server, service).await, chain, "{service}");
    }
    let other = healthy().await;
    assert_ne!(server.ca_pem(), other.ca_pem());
    assert_ne!(server.ca_file(), other.ca_file());
}

#[tokio::test]
async fn smtp_keeps_the_certificate_of_before_the_renewal() {
    let server = with(&["certificate-differs"]).await;
    let new = presented(&server, Https).await.remove(0);
    assert_eq!(presented(&server, Imaps).await[0], new);
    let old = presented(&server, Submissions).await.remove(0);
    assert_ne!(old, new);
    for service in [Smtp, Submission] {
        // It is as trusted as the new one.
        let tcp = on_the_brink(&server, service).await;
        let tls = trusting(&server, tcp).await.unwrap();
        assert_eq!(tls.get_ref().1.peer_certificates().unwrap()[0], old);
    }
    let [old, new] = [&old, &new].map(|der| x509_parser::parse_x509_certificate(der).unwrap().1);
    assert_eq!(old.issuer(), new.issuer());
    assert_eq!(old.subject(), new.subject());
    assert!(old.validity().not_before < new.validity().not_before);
}

#[tokio::test]
async fn an_inspector_is_known_by_name() {
    let server = with(&["tls-inspected"]).await;
    for service in [Https, Imaps, Submissions] {
        for der in presented(&server, service).await {
            let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
            assert_eq!(
                certificate.issuer().to_string(),
                "CN=Zscaler Root CA, O=Zscaler Inc."
            );
        }
    }
}

/// A connection on which the next word is the `ClientHello`.
async fn on_the_brink(server: &Simulation, service: ServiceId) -> TcpStream {
    let mut tcp = dial(server, service).await;
    match service {
        Smtp | Submission => {
            hear_line(&mut tcp).await;
            say(&mut tcp, b"EHLO me\r\nSTARTTLS\r\n").await;
            hear_until(&mut tcp, b"\n220 2.0.0 SMTP server ready\r\n").await;
        }
        Imap => {
            say(&mut tcp, b"a STARTTLS\r\n").await;
            hear_until(&mut tcp, b"\na OK Begin TLS negotiation now.\r\n").await;
        }
        Pop3 => {
            say(&mut tcp, b"STLS\r\n").await;
            hear_until(&mut tcp, b"\n+OK Begin TLS negotiation.\r\n").await;
        }
        Ldap => {
            say(&mut tcp, ASK_STARTTLS).await;
            assert_eq!(hear(&mut tcp, 46).await, AD_STARTTLS_SUCCESS);
        }
        Rdp => {
            say(&mut tcp, ASK_RDP).await;
            assert_eq!(hear(&mut tcp, 19).await[11], 2);
        }
        _ => {}
    }
    tcp
}

/// The chain of an implicit-TLS service, whatever it is worth.
async fn presented(server: &Simulation, service: ServiceId) -> Vec<CertificateDer<'static>> {
    let mut config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(AnyCertificate));
    let name = ServerName::try_from("whoever.example.test").unwrap();
    let tcp = dial(server, service).await;
    let tls = bounded(TlsConnector::from(Arc::new(config)).connect(name, tcp))
        .await
        .unwrap();
    let chain = tls.get_ref().1.peer_certificates().unwrap();
    chain.iter().map(|one| one.clone().into_owned()).collect()
}

#[derive(Debug)]
struct AnyCertificate;

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        vec![rustls::SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
