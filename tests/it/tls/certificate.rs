//! What a certificate says: names, fields, signatures, its key.

use std::net::IpAddr;
use std::sync::Arc;

use ::ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rcgen::{CustomExtension, SanType, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;

use exchports::facts::{Anchor, SignatureStrength, Text, TlsVersion};
use exchports::observation::Cause;

use super::{
    NAME, Served, ShortRsaKey, authority, cause, facts, fixture, fixture_served, issued,
    issuer_urls, names, rsa, self_signed, shake, trusting, with_critical_extension,
};
use TlsVersion::{Tls12, Tls13};

#[tokio::test]
async fn names_match_as_clients_match_them() {
    let address = |text: &str| SanType::IpAddress(text.parse().expect("an address"));
    let long = format!("{}.example.test", "x".repeat(63));
    let too_long = format!("{}.example.test", "x".repeat(64));
    let wild = || names(&["*.example.test"]);
    let rows: Vec<(Vec<SanType>, &str, bool)> = vec![
        (names(&["mail.example.test"]), "mail.example.test", true),
        (names(&["MAIL.Example.Test"]), "mail.example.test", true),
        (
            names(&["a.example.test", "mail.example.test"]),
            "mail.example.test",
            true,
        ),
        (wild(), "mail.example.test", true),
        (wild(), "example.test", false),
        (wild(), "a.mail.example.test", false),
        (names(&["*.test"]), "mail.example.test", false),
        (names(&["m*.example.test"]), "mail.example.test", false),
        (names(&["*"]), "mail", false),
        (
            names(&["exch_01.example.test"]),
            "exch_01.example.test",
            true,
        ),
        (wild(), "exch_01.example.test", true),
        (names(&["EXCH01"]), "exch01", true),
        (names(&[""]), "mail.example.test", false),
        // A name with a blank, as people type it into requests, hides nothing behind it.
        (
            names(&["mail example", "mail.example.test"]),
            "mail.example.test",
            true,
        ),
        (vec![address("192.0.2.10")], "192.0.2.10", true),
        (vec![address("192.0.2.10")], "192.0.2.11", false),
        (vec![address("2001:db8::10")], "2001:db8::10", true),
        (names(&["192.0.2.10"]), "192.0.2.10", false),
        (vec![address("192.0.2.10")], "mail.example.test", false),
        (names(&[&long]), &long, true),
        // Names that TLS cannot carry: no SNI, and no certificate bears them.
        (names(&[&too_long]), &too_long, false),
        (vec![address("0.0.0.0")], &too_long, false),
        (names(&["mail..example.test"]), "mail..example.test", false),
        (vec![address("0.0.0.0")], "server.12", false),
    ];
    let root = authority("Root", None, |_| ());
    for (subject_alt_names, asked, matches) in rows {
        let shown = format!("{subject_alt_names:?} for {asked}");
        let served = issued(&root, |params| params.subject_alt_names = subject_alt_names);
        let seen = shake(&served, Tls13, &trusting(&[root.der()], asked)).await;
        let (tls, certificate) = facts(&seen);
        assert_eq!(certificate.name_matches, matches, "{shown}");
        assert_eq!(certificate.trust.defects, [], "{shown}");
        let carried = asked.parse::<IpAddr>().is_err()
            && ![too_long.as_str(), "mail..example.test", "server.12"].contains(&asked);
        let expected = carried.then(|| asked.to_owned());
        assert_eq!(tls.server_name, expected, "{shown}");
    }
}

#[tokio::test]
async fn a_certificate_is_told_field_by_field() {
    let root = authority("Root", None, |_| ());
    let served = issued(&root, |params| {
        params.subject_alt_names = vec![
            names(&["mail.example.test"]).remove(0),
            SanType::IpAddress("2001:db8::1".parse().expect("an address")),
            SanType::Rfc822Name("a@example.test".try_into().expect("ASCII")),
        ];
        params.serial_number = Some(vec![0x00, 0x0a, 0x1b].into());
        params.custom_extensions = vec![issuer_urls(&["http://ca.example.test/root.crt"])];
    });
    let seen = shake(&served, Tls13, &trusting(&[root.der()], NAME)).await;
    let (tls, certificate) = facts(&seen);
    assert_eq!(certificate.subject.as_str(), "CN=mail.example.test");
    assert_eq!(certificate.issuer.as_str(), "CN=Root");
    assert_eq!(
        texts(&certificate.names),
        ["mail.example.test", "2001:db8::1"]
    );
    assert_eq!(certificate.serial, "0a1b");
    assert_eq!(certificate.not_before, date_time_ymd(2020, 1, 1));
    assert_eq!(certificate.not_after, date_time_ymd(2090, 1, 1));
    assert_eq!(certificate.signature, "ecdsa-with-SHA256");
    assert_eq!(
        texts(&certificate.issuer_urls),
        ["http://ca.example.test/root.crt"]
    );
    let thumbprint = digest(&SHA1_FOR_LEGACY_USE_ONLY, &served.chain[0]);
    let sha256 = ring::cipher_suite::TLS13_AES_128_GCM_SHA256
        .tls13()
        .expect("it is one")
        .common
        .hash_provider
        .hash(&served.chain[0]);
    let hex = |byte: &u8| format!("{byte:02x}");
    let sha256: String = sha256.as_ref().iter().map(hex).collect();
    assert_eq!(certificate.sha256, sha256);
    let thumbprint: String = thumbprint.as_ref().iter().map(hex).collect();
    assert_eq!(certificate.sha1, thumbprint);
    assert_eq!(tls.chain[0].sha256, sha256);
    assert_eq!(tls.chain[0].subject, certificate.subject);
    assert_eq!(tls.chain[0].not_after, Some(certificate.not_after));

    // A name that no request should have had: DNS:m\u{fc}ller.example.test in Latin-1, beside a good one.
    let served = issued(&root, |params| {
        params.subject_alt_names = Vec::new();
        let names = b"\x30\x28\x82\x13m\xfcller.example.test\x82\x11mail.example.test".to_vec();
        params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 17], names)];
    });
    let seen = shake(&served, Tls13, &trusting(&[root.der()], NAME)).await;
    let certificate = facts(&seen).1;
    assert_eq!(
        texts(&certificate.names),
        ["m\\xFCller.example.test", "mail.example.test"]
    );
    assert!(certificate.name_matches);

    let seen = shake(&rsa("bmp-leaf"), Tls13, &trusting(&[], NAME)).await;
    let subject = facts(&seen).1.subject.as_str().to_owned();
    assert_eq!(subject, "O=Müller & Söhne, CN=mail.example.test");
}

#[tokio::test]
async fn signatures_are_told_by_their_usual_names() {
    for (fixture, name, strength) in [
        (
            "rsa-leaf",
            "sha256WithRSAEncryption",
            SignatureStrength::Good,
        ),
        (
            "sha1-leaf",
            "sha1WithRSAEncryption",
            SignatureStrength::Weak,
        ),
        ("md5-leaf", "md5WithRSAEncryption", SignatureStrength::Weak),
        ("pss-leaf", "rsassaPss", SignatureStrength::Good),
        ("pss-sha1-leaf", "rsassaPss", SignatureStrength::Weak),
        (
            "p521-issued-leaf",
            "ecdsa-with-SHA512",
            SignatureStrength::Good,
        ),
        ("forged-ed448-leaf", "ED448", SignatureStrength::Good),
    ] {
        let seen = shake(&rsa(fixture), Tls13, &trusting(&[], NAME)).await;
        let (tls, certificate) = facts(&seen);
        assert_eq!(certificate.signature, name);
        assert_eq!(certificate.signature_strength, strength, "{fixture}");
        // Of every certificate that was sent.
        let link = tls.chain.first().expect("a chain");
        assert_eq!(link.signature, Some((name.to_owned(), strength)));
        assert_eq!(link.key.as_ref(), Some(&certificate.key));
    }
}

#[tokio::test]
async fn a_server_has_to_own_the_key_of_its_certificate() {
    let short = || ShortRsaKey::read("rsa1024-leaf-key");
    let short_leaf = || vec![fixture("rsa1024-leaf")];
    let root = authority("Root", None, |_| ());
    let stranger = self_signed(|_| ()).key;
    let stranger_rsa = fixture_served("rsa4096-leaf", "rsa4096-leaf-key").key;

    let rows: Vec<(&str, Served, &[TlsVersion], bool)> = vec![
        (
            "EC",
            Served {
                key: stranger,
                ..issued(&root, |_| ())
            },
            &[Tls12, Tls13],
            false,
        ),
        (
            "RSA",
            Served {
                key: Arc::clone(&stranger_rsa),
                ..rsa("rsa-leaf")
            },
            &[Tls12, Tls13],
            false,
        ),
        (
            "version 1",
            Served {
                key: Arc::clone(&stranger_rsa),
                ..rsa("v1-leaf")
            },
            &[Tls12, Tls13],
            false,
        ),
        (
            "an unknown critical extension",
            Served {
                key: stranger_rsa,
                ..issued(&root, with_critical_extension)
            },
            &[Tls12, Tls13],
            false,
        ),
        (
            "RSA 1024, its own",
            Served {
                key: Arc::new(short()),
                chain: short_leaf(),
            },
            &[Tls12],
            true,
        ),
        (
            "RSA 1024, a lie",
            Served {
                key: Arc::new(short().lying()),
                chain: short_leaf(),
            },
            &[Tls12],
            false,
        ),
        (
            // No algorithm for RSA-PSS takes so short a key; the rules tell of the key.
            "RSA 1024 in TLS 1.3, beyond checking",
            Served {
                key: Arc::new(short().lying()),
                chain: short_leaf(),
            },
            &[Tls13],
            true,
        ),
    ];
    for (name, served, versions, accepted) in rows {
        for version in versions {
            let seen = shake(&served, *version, &trusting(&[&fixture("rsa-root")], NAME)).await;
            if accepted {
                assert_eq!(seen.failure, None, "{name} {version:?}");
                assert_eq!(facts(&seen).0.version, Some(*version));
                assert_eq!(facts(&seen).1.key.bits, Some(1024));
                assert_eq!(facts(&seen).1.trust.anchor, Some(Anchor::CaFile));
            } else {
                assert_eq!(
                    cause(&seen),
                    Some(Cause::HandshakeFailed),
                    "{name} {version:?}"
                );
                let tls = seen.tls.as_ref().expect("what was seen is kept");
                assert_eq!(tls.version, None, "{name} {version:?}");
                assert_eq!(tls.chain.len(), served.chain.len(), "{name} {version:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_does_not_pass_unread() {
    let root = authority("Root", None, |_| ());
    let leaf = issued(&root, |_| ());
    let good = leaf.chain[0].to_vec();
    let cut = good[..good.len() - 1].to_vec();
    let longer = [good.as_slice(), b"x"].concat();
    for bad in [
        b"".to_vec(),
        b"not a certificate".to_vec(),
        vec![0x30; 60_000],
        cut,
        longer,
    ] {
        for version in [Tls12, Tls13] {
            let served = Served {
                chain: vec![CertificateDer::from(bad.clone()), root.der().clone()],
                key: Arc::clone(&leaf.key),
            };
            let seen = shake(&served, version, &trusting(&[root.der()], NAME)).await;
            assert_eq!(cause(&seen), Some(Cause::HandshakeFailed), "{version:?}");
        }
    }
    // One further up is only shown.
    let bad = CertificateDer::from(b"not a certificate".to_vec());
    let served = issued(&root, |_| ()).with(&[&bad, root.der()]);
    let seen = shake(&served, Tls13, &trusting(&[root.der()], NAME)).await;
    let (tls, certificate) = facts(&seen);
    assert_eq!(certificate.trust.defects, []);
    assert_eq!(tls.chain.len(), 3);
    assert_eq!(tls.chain[1].subject.as_str(), "unreadable certificate");
    assert_eq!(tls.chain[1].not_after, None);
}

fn texts(texts: &[Text]) -> Vec<&str> {
    texts.iter().map(Text::as_str).collect()
}
