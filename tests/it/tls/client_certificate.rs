//! Servers that ask for a client certificate.

use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy, duplex, split};
use tokio_rustls::TlsAcceptor;

use exchports::facts::{ClientCertificate, TlsVersion};
use exchports::net::{Alpn, Identity, TlsAsk};
use exchports::observation::Cause;
use exchports::plan::Host;

use super::{NAME, authority, cause, converse, issued, leaf_params, meet, serve, trusting};
use TlsVersion::{Tls12, Tls13};

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_is_understood() {
    let root = authority("Root", None, |_| ());
    let served = issued(&root, |_| ());
    for version in [Tls12, Tls13] {
        for required in [true, false] {
            let config = served.config_with_clients(version, root.der(), required);
            let ask = trusting(&[root.der()], NAME);
            let seen = converse(
                &ask,
                async |mut session| {
                    session.upgrade(Alpn::Silent).await?;
                    // In TLS 1.3 the refusal comes only now.
                    session.receive(|heard| Ok(Some(((), heard.len())))).await
                },
                async |stream| serve(config, stream).await,
            )
            .await;
            let tls = seen.tls.as_ref().expect("a handshake");
            assert_eq!(tls.client_certificate, Some(ClientCertificate::Requested));
            assert!(tls.certificate.is_some(), "{version:?}");
            if required {
                let failure = seen.failure.as_ref().expect("refused");
                assert_eq!(
                    failure.cause,
                    Cause::ClientCertificateRequired,
                    "{version:?}"
                );
                assert_eq!(
                    failure.detail,
                    Some("alert 116 certificate_required".into())
                );
            } else {
                assert_eq!(seen.failure, None, "{version:?}");
                assert_eq!(tls.version, Some(version));
            }
        }
    }
}

/// A certificate for clients, as a file has it.
fn identity(
    issuer: &rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    usage: rcgen::ExtendedKeyUsagePurpose,
) -> Identity {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = leaf_params();
    params.extended_key_usages = vec![usage];
    let leaf = params.signed_by(&key, issuer).expect("a leaf");
    let file = format!("{}{}", leaf.pem(), key.serialize_pem());
    Identity::read(file.as_bytes()).expect("both are there")
}

#[tokio::test]
async fn a_client_certificate_goes_to_who_asks_and_what_is_said_of_it_is_told() {
    use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    let (root, other) = (
        authority("Root", None, |_| ()),
        authority("Other", None, |_| ()),
    );
    let served = issued(&root, |_| ());
    for version in [Tls12, Tls13] {
        for (shown, expected) in [
            (identity(&root, ClientAuth), None),
            (identity(&other, ClientAuth), Some("alert 48 unknown_ca")),
            (
                identity(&root, ServerAuth),
                Some("alert 43 unsupported_certificate"),
            ),
        ] {
            let config = served.config_with_clients(version, root.der(), true);
            let ask = Arc::new(TlsAsk {
                identity: Some(shown),
                roots: Arc::clone(&trusting(&[root.der()], NAME).roots),
                host: Host::Name(NAME.to_owned()),
            });
            let seen = converse(
                &ask,
                async |mut session| {
                    session.upgrade(Alpn::Silent).await?;
                    session.receive(|heard| Ok(Some(((), heard.len())))).await
                },
                async |stream| serve(config, stream).await,
            )
            .await;
            let tls = seen.tls.as_ref().expect("a handshake");
            assert_eq!(tls.client_certificate, Some(ClientCertificate::Sent));
            let failure = seen.failure.as_ref();
            let told = failure.and_then(|failure| failure.detail.as_ref());
            assert_eq!(
                told.map(exchports::facts::Text::as_str),
                expected,
                "{version:?}"
            );
            let refused = expected.map(|_| Cause::ClientCertificateRefused);
            assert_eq!(cause(&seen), refused, "{version:?}");
        }
    }
}

#[tokio::test]
async fn a_client_certificate_is_sent_to_nobody_who_does_not_ask() {
    let root = authority("Root", None, |_| ());
    let shown = identity(&root, rcgen::ExtendedKeyUsagePurpose::ClientAuth);
    for version in [Tls12, Tls13] {
        let config = issued(&root, |_| ()).config(version);
        let ask = Arc::new(TlsAsk {
            identity: Some(shown.clone()),
            roots: Arc::clone(&trusting(&[root.der()], NAME).roots),
            host: Host::Name(NAME.to_owned()),
        });
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (seen, got) = {
            let (sender, got) = tokio::sync::oneshot::channel();
            let seen = converse(
                &ask,
                async |mut session| {
                    session.upgrade(Alpn::Silent).await?;
                    session.receive(|heard| Ok(Some(((), heard.len())))).await
                },
                async |stream| {
                    let mut stream = acceptor.accept(stream).await.expect("a handshake");
                    let got = stream.get_ref().1.peer_certificates().is_some();
                    sender.send(got).expect("it is waited for");
                    let _ = stream.write_all(b"x").await;
                    let _ = stream.flush().await;
                    let _ = stream.read(&mut [0; 1]).await;
                },
            )
            .await;
            (seen, got.await.expect("it was told"))
        };
        assert!(!got, "{version:?}");
        let tls = seen.tls.as_ref().expect("a handshake");
        assert_eq!(tls.client_certificate, None, "{version:?}");
    }
}

#[tokio::test]
async fn the_alerts_with_which_servers_refuse_to_go_without_a_client_certificate() {
    let root = authority("Root", None, |_| ());
    let served = issued(&root, |_| ());
    // OpenSSL and Schannel say 40 in TLS 1.2, others what they think of an empty certificate.
    for (alert, expected) in [
        (40, Cause::ClientCertificateRequired),
        (42, Cause::ClientCertificateRequired),
        (46, Cause::ClientCertificateRequired),
        (116, Cause::ClientCertificateRequired),
        (70, Cause::VersionTooOld),
        (80, Cause::Alert(80)),
    ] {
        let config = served.config_with_clients(Tls12, root.der(), true);
        let ask = trusting(&[root.der()], NAME);
        let seen = meet(&ask, Alpn::Silent, async |stream| {
            serve_with_alert(alert, config, stream).await;
        })
        .await;
        assert_eq!(cause(&seen), Some(expected), "{alert}");
    }
}

/// The same, with another number in the alert that it ends with, in the clear.
async fn serve_with_alert(alert: u8, config: ServerConfig, stream: DuplexStream) {
    let (near, far) = duplex(64 * 1024);
    let (mut from_client, mut to_client) = split(stream);
    let (mut from_server, mut to_server) = split(near);
    let relay = async {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_server.read(&mut chunk).await {
            if let [0x15, 3, 3, 0, 2, 2, number] = &mut chunk[..count] {
                *number = alert;
            }
            to_client
                .write_all(&chunk[..count])
                .await
                .expect("it listens");
        }
    };
    tokio::join!(
        async { drop(copy(&mut from_client, &mut to_server).await) },
        relay,
        serve(config, far)
    );
}
