//! Servers that speak old TLS only, or none that fits: `openssl s_server`, behind a relay that speaks the preamble of
//! STARTTLS where one is needed, and canned bytes for what OpenSSL no longer does.
//!
//! Where there is no OpenSSL 3 the tests that need it pass and say that they were skipped. Under
//! `EXCHPORTS_REQUIRE_DAEMONS=1` a skip is a failure.

mod servers;

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use exchports::catalog::{self, Expectation, Role, ServiceId};
use exchports::facts::{
    Cipher, ClientCertificate, KeyExchange, KeyProof, LegacyAnswer, LegacyFacts, Nla, PeerFacts,
    SignatureStrength, TlsVersion, VersionAnswer,
};
use exchports::finding::{Code, Finding, Status};
use exchports::judge::{Context, judge};
use exchports::net::{Halt, Roots, SocketLimits, TcpDial, TlsAsk};
use exchports::observation::{Cause, Stage};
use exchports::plan::{
    Audit, Check, Depth, Host, Limits, Reach, Standards, Stores, Transcripts, Trust,
};
use exchports::probe::{Ask, probe};
use serde_json::{Value, json};
use time::OffsetDateTime;

use servers::{
    Author, Canned, EVERYTHING, IMAP, Identity, LDAP, NAME, OpensslServer, POP3, RDP, RDP_NLA,
    Relay, Reply, SMTP, alert, flight_2012, identities, offers,
};

use TlsVersion::{Tls10, Tls11, Tls12, Tls13};
use VersionAnswer::{Accepted, Refused, Unknown};

// -- against OpenSSL

#[tokio::test]
async fn old_versions_are_named() {
    for (option, version) in [("-tls1", Tls10), ("-tls1_1", Tls11)] {
        let options = [option, "-cipher", EVERYTHING];
        let Some(server) = OpensslServer::start(Identity::Rsa, &options) else {
            return;
        };
        let finding = look(ServiceId::Https, server.port).await;
        assert_failed(&finding, Cause::VersionTooOld, Code::TlsVersionTooOld);
        assert_eq!(finding.status, Status::Fail);
        let legacy = legacy(&finding);
        assert_eq!(legacy.answer, LegacyAnswer::Agreed);
        assert_eq!(legacy.version, Some(version));
        assert_eq!(legacy.key_exchange, Some(KeyExchange::Ecdhe));
        assert_eq!(legacy.cipher, Some(Cipher::Cbc));
        assert_certificate(&finding);
    }
}

#[tokio::test]
async fn suites_of_old_are_named() {
    for (cipher, suite, key_exchange, kind) in [
        (
            "ECDHE-RSA-AES256-SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
            KeyExchange::Ecdhe,
            Cipher::Cbc,
        ),
        (
            "AES128-GCM-SHA256",
            "TLS_RSA_WITH_AES_128_GCM_SHA256",
            KeyExchange::Rsa,
            Cipher::Aead,
        ),
        (
            "AES256-SHA256",
            "TLS_RSA_WITH_AES_256_CBC_SHA256",
            KeyExchange::Rsa,
            Cipher::Cbc,
        ),
        (
            "DHE-RSA-AES256-GCM-SHA384",
            "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
            KeyExchange::Dhe,
            Cipher::Aead,
        ),
    ] {
        let options = ["-tls1_2", "-cipher", cipher];
        let Some(server) = OpensslServer::start(Identity::Rsa, &options) else {
            return;
        };
        let finding = look(ServiceId::Imaps, server.port).await;
        assert_failed(&finding, Cause::LegacySuitesOnly, Code::TlsLegacySuites);
        let legacy = legacy(&finding);
        assert_eq!(legacy.version, Some(Tls12));
        assert_eq!(legacy.cipher_suite.as_deref(), Some(suite));
        assert_eq!(legacy.key_exchange, Some(key_exchange));
        assert_eq!(legacy.cipher, Some(kind));
        assert_eq!(legacy.group.is_some(), key_exchange == KeyExchange::Ecdhe);
        assert_eq!(
            legacy.prime_bits.is_some(),
            key_exchange == KeyExchange::Dhe
        );
        assert!(legacy.prime_bits.is_none_or(|bits| bits >= 1024));
        let proof = match key_exchange {
            KeyExchange::Rsa => KeyProof::Deferred,
            _ => KeyProof::Shown,
        };
        assert_eq!(legacy.proof, Some(proof), "{suite}");
        assert_certificate(&finding);
    }
}

/// Windows issues such keys.
#[tokio::test]
async fn a_key_on_p521_passes() {
    for options in [
        &["-tls1_3"][..],
        &["-tls1_2"],
        &["-tls1_2", "-sigalgs", "ECDSA+SHA512"],
        &["-tls1_2", "-sigalgs", "ECDSA+SHA256"],
        // the curve for the key exchange as well
        &["-tls1_3", "-groups", "P-521"],
        &["-tls1_2", "-groups", "P-521"],
    ] {
        let Some(server) = OpensslServer::start(Identity::P521, options) else {
            return;
        };
        let looked = |roots| {
            let limits = Limits::default();
            look_trusting(roots, ServiceId::Https, server.port, Audit::No, limits)
        };
        let finding = looked(vec![Identity::P521.root()]).await;
        let tls = finding.observation.tls.as_ref().expect("a handshake");
        assert!(tls.version.is_some(), "{options:?}: {tls:?}");
        assert_eq!(tls.legacy, None, "{options:?}");
        assert_certificate(&finding);
        let certificate = tls.certificate.as_ref().expect("a certificate");
        assert_eq!(certificate.key.bits, Some(521));
        assert_eq!(certificate.trust.defects, [], "{options:?}");
        let is_of_the_curve = tls.group.as_deref() == Some("secp521r1");
        assert_eq!(is_of_the_curve, options.contains(&"P-521"), "{tls:?}");
        assert_eq!(connections(&finding), 1, "{options:?}");

        let finding = looked(Vec::new()).await;
        let tls = finding.observation.tls.as_ref().expect("a handshake");
        let certificate = tls.certificate.as_ref().expect("a certificate");
        assert!(certificate.self_signed, "{certificate:?}");
        assert!(told(&finding, Code::CertificateSelfSigned).is_some());
    }
}

/// What nobody here can verify is not said to work, and not said to be something else.
#[tokio::test]
async fn keys_and_groups_beyond_this_client_are_told_as_such() {
    const KEY_OR_SIGNATURE: &str = "with a kind of key or signature that exchports cannot verify";
    const PSS: &str = "with a key of the kind RSASSA-PSS, which exchports cannot verify";
    const ED448: &str = "with a key of the kind Ed448, which exchports cannot verify";
    for (identity, options, version, what) in [
        (Identity::RsaPss, &[][..], "TLS 1.2", PSS),
        (Identity::RsaPss, &["-tls1_2"], "TLS 1.2", PSS),
        (Identity::RsaPss, &["-tls1_3"], "TLS 1.3", KEY_OR_SIGNATURE),
        (Identity::Ed448, &[], "TLS 1.2", ED448),
        (Identity::Ed448, &["-tls1_2"], "TLS 1.2", ED448),
        (Identity::Ed448, &["-tls1_3"], "TLS 1.3", KEY_OR_SIGNATURE),
        (
            Identity::Secp256k1,
            &["-tls1_2"],
            "TLS 1.2",
            "with a key on a rare curve, which exchports cannot verify",
        ),
        (
            Identity::Rsa,
            &["-tls1_3", "-groups", "ffdhe2048:ffdhe3072"],
            "TLS 1.3",
            "with the key exchange group ffdhe2048 only, which exchports does not have",
        ),
        (
            Identity::Rsa,
            &["-tls1_3", "-groups", "X448"],
            "TLS 1.3",
            "with the key exchange group x448 only, which exchports does not have",
        ),
        (
            Identity::Rsa,
            &["-tls1_2", "-groups", "X448"],
            "TLS 1.2",
            "with the key exchange group x448 only, which exchports does not have",
        ),
    ] {
        let Some(server) = OpensslServer::start(identity, options) else {
            return;
        };
        let roots = vec![identity.root()];
        let limits = Limits::default();
        let service = ServiceId::Imaps;
        let finding = look_trusting(roots, service, server.port, Audit::No, limits).await;
        assert_failed(&finding, Cause::BeyondThisClient, Code::TlsUnverified);
        assert_eq!(finding.status, Status::Warn, "{identity:?} {options:?}");
        let message = told(&finding, Code::TlsUnverified).expect("told");
        let expected = format!("the server speaks {version} {what}");
        assert_eq!(message, expected, "{identity:?} {options:?}");
        let legacy = legacy(&finding);
        assert_eq!(legacy.version.map(TlsVersion::name), Some(version));
        if version == "TLS 1.2" {
            // TLS 1.3 shows it encrypted only.
            assert_certificate(&finding);
        }
    }
}

/// TLS 1.2 with finite fields alone is what old clients speak.
#[tokio::test]
async fn finite_fields_in_tls_1_2_are_old_suites() {
    let options = ["-tls1_2", "-groups", "ffdhe2048"];
    let Some(server) = OpensslServer::start(Identity::Rsa, &options) else {
        return;
    };
    let finding = look(ServiceId::Imaps, server.port).await;
    assert_failed(&finding, Cause::LegacySuitesOnly, Code::TlsLegacySuites);
    assert_eq!(legacy(&finding).key_exchange, Some(KeyExchange::Dhe));
    assert_certificate(&finding);
}

/// A server for HTTP/2 alone.
#[tokio::test]
async fn a_server_that_takes_no_http_1_is_told_as_such() {
    let Some(server) = OpensslServer::start(Identity::Rsa, &["-alpn", "h2"]) else {
        return;
    };
    let finding = look(ServiceId::Https, server.port).await;
    assert_failed(&finding, Cause::Alert(120), Code::TlsAlert);
    let hint = hint(&finding, Code::TlsAlert);
    assert!(hint.contains("only HTTP/2"), "{hint}");
    assert!(hint.contains("http/1.1"), "{hint}");
}

/// The server has two sites and refuses what is neither.
#[tokio::test]
async fn a_name_that_the_server_does_not_know_is_told_as_such() {
    let Some(folder) = identities() else {
        return;
    };
    let (certificate, key) = (folder.join("p521.pem"), folder.join("p521.key"));
    let paths = [certificate.to_string_lossy(), key.to_string_lossy()];
    let options = ["-servername", "one.example.test", "-servername_fatal"];
    let options = [&options[..], &["-cert2", &paths[0], "-key2", &paths[1]]].concat();
    let Some(server) = OpensslServer::start(Identity::Rsa, &options) else {
        return;
    };
    let finding = look(ServiceId::Https, server.port).await;
    assert_failed(&finding, Cause::Alert(112), Code::TlsNameNotRecognised);
    assert_eq!(
        told(&finding, Code::TlsNameNotRecognised),
        Some(
            "the server has no site for the name \"mail.example.test\" and ended the handshake with alert 112 \
             (unrecognized_name)"
        )
    );
    assert!(hint(&finding, Code::TlsNameNotRecognised).contains("`--servername`"));
    assert_eq!(
        connections(&finding),
        1,
        "the second look has no other name"
    );
    let finding = look_as(Host::Name("one.example.test".to_owned()), server.port).await;
    let tls = finding.observation.tls.as_ref().expect("a handshake");
    assert!(tls.version.is_some(), "{tls:?}");
}

/// Some servers say so of a client that sends no name: Go and Java with 80, others with 112.
#[tokio::test]
async fn a_server_that_wants_a_name_is_told_as_such() {
    let address = Host::Address(Ipv4Addr::LOCALHOST.into());
    for (number, code) in [(80, Code::TlsAlert), (112, Code::TlsNameNotRecognised)] {
        let server = Canned::start(move |_| Reply::Bytes(alert(number))).await;
        let finding = look_as(address.clone(), server.port).await;
        assert_failed(&finding, Cause::Alert(number), code);
        let by_address = hint(&finding, code);
        assert!(by_address.starts_with("No name was sent"), "{by_address}");
        assert!(by_address.contains("`--servername`"), "{by_address}");
        let finding = look(ServiceId::Https, server.port).await;
        let by_name = hint(&finding, code);
        assert!(!by_name.contains("No name was sent"), "{by_name}");
    }
}

#[tokio::test]
async fn a_demand_for_a_client_certificate_is_no_old_tls() {
    let options = ["-tls1_2", "-Verify", "1"];
    let Some(server) = OpensslServer::start(Identity::Rsa, &options) else {
        return;
    };
    let finding = look(ServiceId::Https, server.port).await;
    assert_failed(
        &finding,
        Cause::ClientCertificateRequired,
        Code::ClientCertificateRequired,
    );
    assert_eq!(connections(&finding), 1, "it is known already");
    assert_certificate(&finding);
    let finding = look_with(ServiceId::Https, server.port, Audit::Yes, Limits::default()).await;
    assert_eq!(versions(&finding), [Refused, Refused, Accepted, Refused]);

    // The same behind old suites: both are told.
    let options = ["-tls1_2", "-Verify", "1", "-cipher", "AES256-SHA"];
    let Some(server) = OpensslServer::start(Identity::Rsa, &options) else {
        return;
    };
    let finding = look(ServiceId::Https, server.port).await;
    assert_failed(&finding, Cause::LegacySuitesOnly, Code::TlsLegacySuites);
    assert_eq!(
        legacy(&finding).client_certificate,
        Some(ClientCertificate::Requested)
    );
}

#[tokio::test]
async fn a_certificate_seen_in_old_tls_is_judged_as_any_other() {
    let options = ["-tls1", "-cipher", EVERYTHING];
    let Some(server) = OpensslServer::start(Identity::Sha1Rsa1024, &options) else {
        return;
    };
    let finding = look(ServiceId::Pop3s, server.port).await;
    assert_failed(&finding, Cause::VersionTooOld, Code::TlsVersionTooOld);
    let tls = finding.observation.tls.as_ref().expect("a handshake");
    let certificate = tls.certificate.as_ref().expect("a certificate");
    assert_eq!(certificate.key.bits, Some(1024));
    assert_eq!(certificate.signature_strength, SignatureStrength::Weak);
    assert!(certificate.self_signed && certificate.name_matches);
    let codes: Vec<Code> = finding.diagnoses.iter().map(|told| told.code).collect();
    for code in [
        Code::CertificateSelfSigned,
        Code::CertificateWeakKey,
        Code::CertificateWeakSignature,
    ] {
        assert!(codes.contains(&code), "{code} is not among {codes:?}");
    }
}

#[tokio::test]
async fn behind_starttls_it_is_the_same() {
    for (service, preamble) in [
        (ServiceId::Submission, SMTP),
        (ServiceId::Imap, IMAP),
        (ServiceId::Pop3, POP3),
        (ServiceId::Ldap, LDAP),
        (ServiceId::Rdp, RDP),
    ] {
        let options = ["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"];
        let Some(server) = OpensslServer::start(Identity::Rsa, &options) else {
            return;
        };
        let relay = Relay::start(preamble, server.port).await;
        let finding = look(service, relay.port).await;
        assert_failed(&finding, Cause::LegacySuitesOnly, Code::TlsLegacySuites);
        assert_eq!(legacy(&finding).version, Some(Tls12));
        assert_certificate(&finding);
        assert_eq!(relay.connections(), 2, "{service:?}");

        let options = ["-tls1", "-cipher", EVERYTHING];
        let Some(server) = OpensslServer::start(Identity::Rsa, &options) else {
            return;
        };
        let relay = Relay::start(preamble, server.port).await;
        let finding = look(service, relay.port).await;
        assert_failed(&finding, Cause::VersionTooOld, Code::TlsVersionTooOld);
        assert_eq!(legacy(&finding).version, Some(Tls10));
    }
}

#[tokio::test]
async fn a_web_service_names_it_as_443_does_and_is_not_audited() {
    let options = ["-tls1_2", "-cipher", "AES256-SHA"];
    let Some(server) = OpensslServer::start(Identity::Rsa, &options) else {
        return;
    };
    let finding = look_with(ServiceId::Owa, server.port, Audit::Yes, Limits::default()).await;
    assert_failed(&finding, Cause::LegacySuitesOnly, Code::TlsLegacySuites);
    assert_eq!(connections(&finding), 2);
    let tls = finding.observation.tls.as_ref().expect("a handshake");
    assert_eq!(tls.versions, []);
}

#[tokio::test]
async fn a_healthy_server_gets_no_second_look() {
    let Some(server) = OpensslServer::start(Identity::Rsa, &[]) else {
        return;
    };
    let finding = look(ServiceId::Https, server.port).await;
    assert_eq!(finding.observation.failure, None);
    assert_eq!(connections(&finding), 1);
    let tls = finding.observation.tls.as_ref().expect("a handshake");
    assert_eq!((&tls.legacy, tls.versions.len()), (&None, 0));
}

#[tokio::test]
async fn an_audit_tells_every_version() {
    let everything = ["-cipher", EVERYTHING, "-min_protocol", "TLSv1"];
    for (options, answers) in [
        (&everything[..], [Accepted; 4]),
        (&["-tls1_2"], [Refused, Refused, Accepted, Refused]),
        (&["-tls1_3"], [Refused, Refused, Refused, Accepted]),
        (
            &["-tls1_1", "-cipher", EVERYTHING],
            [Refused, Accepted, Refused, Refused],
        ),
    ] {
        let Some(server) = OpensslServer::start(Identity::Rsa, options) else {
            return;
        };
        let finding = look_with(ServiceId::Https, server.port, Audit::Yes, Limits::default()).await;
        assert_eq!(versions(&finding), answers, "{options:?}");
        let looks = match finding.observation.failure {
            None => 1,
            Some(_) => 2,
        };
        assert_eq!(connections(&finding), looks, "the audit's are not timed");
    }
}

#[tokio::test]
async fn an_audit_walks_to_the_go_ahead_each_time() {
    let Some(server) = OpensslServer::start(Identity::Rsa, &["-tls1_3"]) else {
        return;
    };
    let relay = Relay::start(SMTP, server.port).await;
    let finding = look_with(
        ServiceId::Submission,
        relay.port,
        Audit::Yes,
        Limits::default(),
    )
    .await;
    assert_eq!(
        versions(&finding),
        [Refused, Refused, Refused, Accepted],
        "{:?}",
        finding.observation
    );
    assert_eq!(relay.connections(), 4, "TLS 1.3 is known already");
    let stages: Vec<Stage> = finding
        .observation
        .steps
        .iter()
        .map(|step| step.stage)
        .collect();
    assert_eq!(
        stages,
        [
            Stage::Connect,
            Stage::Greeting,
            Stage::Capabilities,
            Stage::Starttls,
            Stage::TlsHandshake,
            Stage::SecureCapabilities
        ]
    );
}

#[tokio::test]
async fn an_audit_asks_whether_nla_is_required() {
    for (preamble, nla) in [(RDP_NLA, Nla::Required), (RDP, Nla::Supported)] {
        let Some(server) = OpensslServer::start(Identity::Rsa, &[]) else {
            return;
        };
        let relay = Relay::start(preamble, server.port).await;
        for (audit, told) in [(Audit::No, Nla::Supported), (Audit::Yes, nla)] {
            let finding = look_with(ServiceId::Rdp, relay.port, audit, Limits::default()).await;
            let Some(PeerFacts::Rdp(facts)) = &finding.observation.peer else {
                panic!("no facts of RDP");
            };
            assert_eq!(facts.nla, Some(told), "{audit:?}");
        }
    }
}

#[tokio::test]
async fn the_option_and_the_document() {
    let options = ["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"];
    let Some(server) = OpensslServer::start(Identity::Rsa, &options) else {
        return;
    };
    let output = Command::new(env!("CARGO_BIN_EXE_exchports"))
        .args(["check", NAME, "--address", "127.0.0.1", "--json", "--audit"])
        .args(["--service", "https", "--trust", "public", "--map"])
        .arg(format!("https={}", server.port))
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let row = &document["targets"][0]["checks"][0];
    assert_eq!(row["failure"]["code"], "tls-legacy-suites");
    assert_eq!(row["failure"]["stage"], "tls-handshake");
    assert_eq!(
        row["tls"]["legacy"],
        json!({
            "version": "TLSv1.2",
            "cipher_suite": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
            "alert": null
        })
    );
    assert_eq!(
        row["tls"]["versions"],
        json!({
            "TLSv1.0": "refused",
            "TLSv1.1": "refused",
            "TLSv1.2": "accepted",
            "TLSv1.3": "refused"
        })
    );
    assert_eq!(row["tls"]["certificate"]["subject"], format!("CN={NAME}"));
}

// -- against canned bytes

/// SSL 3.0 with RC4 and no certificate, whatever is asked: Debian's OpenSSL has no such server.
const SSL3: &[u8] = b"\x16\x03\x00\x00\x35\x02\x00\x00\x26\x03\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x05\x00\x0b\x00\x00\x03\x00\x00\x00\x0e\x00\x00\x00";

#[tokio::test]
async fn ssl_3_is_too_old() {
    let server = Canned::start(|_| Reply::Bytes(SSL3.to_vec())).await;
    let finding = look(ServiceId::Https, server.port).await;
    assert_failed(&finding, Cause::VersionTooOld, Code::TlsVersionTooOld);
    let legacy = legacy(&finding);
    assert_eq!(legacy.version, Some(TlsVersion::Ssl3));
    assert_eq!(
        legacy.cipher_suite.as_deref(),
        Some("TLS_RSA_WITH_RC4_128_SHA")
    );
    assert_eq!(legacy.cipher, Some(Cipher::Rc4));
}

/// Windows Server 2012 R2 with an RSA certificate: no suite of rustls' is there, and Schannel hangs up; asked for
/// ECDHE with CBC it answers in one record.
#[tokio::test]
async fn windows_server_2012_r2() {
    for reply in [Reply::Close, Reply::Reset, Reply::Bytes(alert(40))] {
        let server = Canned::start(move |hello| {
            if offers(hello, [0xc0, 0x28]) {
                Reply::Bytes(flight_2012(hello, Author::Itself))
            } else {
                reply.clone()
            }
        })
        .await;
        let finding = look(ServiceId::Https, server.port).await;
        assert_failed(&finding, Cause::LegacySuitesOnly, Code::TlsLegacySuites);
        assert_eq!(
            legacy(&finding).cipher_suite.as_deref(),
            Some("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384")
        );
        assert_eq!(legacy(&finding).group.as_deref(), Some("secp384r1"));
        assert_eq!(legacy(&finding).proof, Some(KeyProof::Shown));
        assert_certificate(&finding);
        assert_eq!(server.connections(), 2);
    }
}

/// Who cannot show that the certificate is its own is not usable, whatever it says: the first failure stays, and nobody
/// else's certificate is told as its.
#[tokio::test]
async fn a_server_without_the_key_does_not_pass_for_an_old_one() {
    for (author, answer, proof, is_shown) in [
        (
            Author::Parrot,
            LegacyAnswer::Agreed,
            Some(KeyProof::Broken),
            false,
        ),
        (
            Author::Unsigned,
            LegacyAnswer::Agreed,
            Some(KeyProof::Broken),
            false,
        ),
        (Author::Bare, LegacyAnswer::Agreed, None, false),
        (Author::OfAnotherSuite, LegacyAnswer::NotTls, None, false),
        (Author::OfAnotherVersion, LegacyAnswer::NotTls, None, false),
        (Author::Unfinished, LegacyAnswer::Agreed, None, true),
    ] {
        let server = Canned::start(move |hello| {
            Reply::Bytes(if offers(hello, [0xc0, 0x28]) {
                flight_2012(hello, author)
            } else {
                alert(40)
            })
        })
        .await;
        let limits = Limits::for_check(Duration::from_secs(3), Duration::from_secs(1));
        let finding = look_with(ServiceId::Https, server.port, Audit::No, limits).await;
        assert_failed(&finding, Cause::Alert(40), Code::TlsNoCommonCipher);
        assert_eq!(finding.status, Status::Fail, "{author:?}");
        assert_eq!(legacy(&finding).answer, answer, "{author:?}");
        assert_eq!(legacy(&finding).proof, proof, "{author:?}");
        let tls = finding.observation.tls.as_ref().expect("a handshake");
        assert_eq!(tls.certificate.is_some(), is_shown, "{author:?}");
        assert_eq!(tls.chain.is_empty(), !is_shown, "{author:?}");
    }
}

#[tokio::test]
async fn who_hangs_up_on_both_has_no_certificate_bound() {
    for reply in [Reply::Close, Reply::Reset] {
        let server = Canned::start(move |_| reply.clone()).await;
        let finding = look(ServiceId::Https, server.port).await;
        assert_failed(&finding, Cause::ClosedOnHello, Code::TlsClosedOnHello);
        let legacy = legacy(&finding);
        assert_eq!(legacy.answer, LegacyAnswer::Closed);
        assert_eq!((legacy.version, legacy.alert), (None, None));
        // With our hello, with one made by hand, and after a PROXY header.
        assert_eq!(server.connections(), 3);
    }
}

#[tokio::test]
async fn alerts_stay_what_they_are() {
    for (number, code, looks) in [
        (40, Code::TlsNoCommonCipher, 2),
        (80, Code::TlsAlert, 2),
        (70, Code::TlsVersionTooOld, 2),
        (112, Code::TlsNameNotRecognised, 1),
        (116, Code::ClientCertificateRequired, 1),
    ] {
        let server = Canned::start(move |_| Reply::Bytes(alert(number))).await;
        let finding = look(ServiceId::Https, server.port).await;
        assert_eq!(finding.failure_code, Some(code), "alert {number}");
        assert_eq!(server.connections(), looks, "alert {number}");
        if looks == 2 {
            assert_eq!(legacy(&finding).answer, LegacyAnswer::Alert);
            assert_eq!(legacy(&finding).alert, Some(number));
        }
    }
}

#[tokio::test]
async fn what_is_no_handshake_gets_no_second_look() {
    let server =
        Canned::start(|_| Reply::Bytes(b"* BYE Connection is closed. 14\r\n".to_vec())).await;
    let finding = look(ServiceId::Imaps, server.port).await;
    assert_eq!(finding.failure_code, Some(Code::NoCertificate));
    assert_eq!(server.connections(), 1);
}

/// Whatever the peer does on the second look: the first failure stays, and the check keeps its bound.
#[tokio::test]
async fn a_hostile_second_look_costs_its_patience_and_no_more() {
    let warnings = b"\x15\x03\x03\x00\x02\x01\x5a".repeat(60_000);
    let mut endless = b"\x16\x03\x03\x40\x00\x0b\x03\xff\xff".to_vec();
    endless.resize(400_000, 0);
    for (second, answer) in [
        (Reply::Silence, LegacyAnswer::Silent),
        (Reply::Trickle, LegacyAnswer::Silent),
        (
            Reply::Bytes(b"220 ready\r\n".to_vec()),
            LegacyAnswer::NotTls,
        ),
        (Reply::Bytes(vec![0x16; 400_000]), LegacyAnswer::NotTls),
        (Reply::Bytes(warnings), LegacyAnswer::Alert),
        (Reply::Bytes(endless), LegacyAnswer::NotTls),
    ] {
        let count = AtomicUsize::new(0);
        let server = Canned::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::Bytes(alert(40)),
            _ => second.clone(),
        })
        .await;
        let limits = Limits {
            second_look: Duration::from_millis(500),
            ..Limits::for_check(Duration::from_secs(20), Duration::from_secs(1))
        };
        let begun = Instant::now();
        let finding = look_with(ServiceId::Https, server.port, Audit::No, limits).await;
        let took = begun.elapsed();
        // Its patience, a goodbye, and what a busy machine adds; the check would go on for long.
        assert!(took < Duration::from_secs(10), "{took:?}");
        assert_failed(&finding, Cause::Alert(40), Code::TlsNoCommonCipher);
        assert_eq!(legacy(&finding).answer, answer);
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test]
async fn an_audit_ends_with_its_check() {
    let count = AtomicUsize::new(0);
    let server = Canned::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => Reply::Bytes(alert(40)),
        _ => Reply::Silence,
    })
    .await;
    let limits = Limits::for_check(Duration::from_secs(3), Duration::from_secs(1));
    let begun = Instant::now();
    let finding = look_with(ServiceId::Https, server.port, Audit::Yes, limits).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(4500), "{took:?}");
    assert_eq!(versions(&finding), [Unknown; 4]);
}

// -- the client's side

async fn look(service: ServiceId, port: u16) -> Finding {
    look_with(service, port, Audit::No, Limits::default()).await
}

async fn look_with(service: ServiceId, port: u16, audit: Audit, limits: Limits) -> Finding {
    look_trusting(Vec::new(), service, port, audit, limits).await
}

/// As another name, or as an address, which goes without a name.
async fn look_as(host: Host, port: u16) -> Finding {
    let limits = Limits::default();
    look_whole(host, Vec::new(), ServiceId::Https, port, Audit::No, limits).await
}

async fn look_trusting(
    ca_certificates: Vec<Vec<u8>>,
    service: ServiceId,
    port: u16,
    audit: Audit,
    limits: Limits,
) -> Finding {
    let host = Host::Name(NAME.to_owned());
    look_whole(host, ca_certificates, service, port, audit, limits).await
}

async fn look_whole(
    host: Host,
    ca_certificates: Vec<Vec<u8>>,
    service: ServiceId,
    port: u16,
    audit: Audit,
    limits: Limits,
) -> Finding {
    let trust = Trust {
        stores: Stores::Public,
        ca_certificates,
    };
    let dial = TcpDial::new(
        vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()],
        Reach::default(),
        limits,
        None,
        Halt::never(),
        SocketLimits::new(8, 8),
        Arc::new(TlsAsk {
            host: host.clone(),
            identity: None,
            roots: Arc::new(Roots::new(&trust).expect("no file to read")),
        }),
    );
    let mut services = catalog::all();
    let service = services.find(|row| row.id == service).expect("a service");
    let ask = Ask {
        service,
        port,
        host: host.clone(),
        ehlo_name: None,
        depth: Depth::Full,
        audit,
        transcripts: Transcripts::Kept,
    };
    let observation = probe(&dial, &ask).await;
    let check = Check {
        service,
        port,
        expect: Expectation::Required,
    };
    let context = Context {
        standards: &Standards::default(),
        role: Role::Any,
        unused_proxy: None,
        server_name: &host,
        now: OffsetDateTime::now_utc(),
    };
    judge(check, observation, &context)
}

fn assert_failed(finding: &Finding, cause: Cause, code: Code) {
    let failure = finding.observation.failure.as_ref().expect("a failure");
    assert_eq!(
        failure.stage,
        Stage::TlsHandshake,
        "{:?}",
        finding.observation
    );
    assert_eq!(failure.cause, cause, "{:?}", finding.observation);
    assert_eq!(finding.failure_code, Some(code));
    assert!(finding.diagnoses.iter().any(|told| told.code == code));
}

fn assert_certificate(finding: &Finding) {
    let tls = finding.observation.tls.as_ref().expect("a handshake");
    let certificate = tls.certificate.as_ref().expect("a certificate");
    assert!(certificate.name_matches);
    assert_eq!(tls.chain.len(), 1);
}

/// The message of a code.
fn told(finding: &Finding, code: Code) -> Option<&str> {
    let diagnosis = finding.diagnoses.iter().find(|told| told.code == code)?;
    Some(diagnosis.message.as_str())
}

/// What is to be done about a code.
fn hint(finding: &Finding, code: Code) -> &str {
    let mut all = finding.diagnoses.iter();
    &all.find(|told| told.code == code).expect("told").hint
}

fn legacy(finding: &Finding) -> &LegacyFacts {
    let tls = finding.observation.tls.as_ref().expect("a handshake");
    tls.legacy.as_ref().expect("a second look")
}

fn versions(finding: &Finding) -> [VersionAnswer; 4] {
    let tls = finding.observation.tls.as_ref().expect("a handshake");
    let (versions, answers): (Vec<_>, Vec<_>) = tls.versions.iter().copied().unzip();
    assert_eq!(versions, [Tls10, Tls11, Tls12, Tls13]);
    answers.try_into().expect("four")
}

fn connections(finding: &Finding) -> u8 {
    let steps = finding.observation.steps.iter();
    steps.map(|step| step.connection).max().expect("a step")
}
