//! Whose certificates are trusted: chains, paths, roots.

use std::process::Command;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertifiedIssuer, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, KeyPair, NameConstraints, SanType, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use exchports::facts::{Anchor, SignatureStrength, TlsVersion, TrustDefect};
use exchports::net::{Roots, TlsAsk};
use exchports::observation::Cause;
use exchports::plan::{Host, Stores, Trust};

use super::{
    FIXTURES, NAME, Served, asking, authority, authority_params, cause, common_name, facts,
    fixture, fixture_served, issued, issuer_urls, leaf_params, names, path_of, rsa, self_signed,
    self_signed_with, shake, trusting, with_critical_extension,
};
use TlsVersion::{Tls12, Tls13};

/// Two hosts with one certificate: it is looked at once, and compared with both names. With other roots it is another
/// matter, and so is a handshake that is signed with another key.
#[tokio::test]
async fn a_chain_that_two_hosts_show_is_looked_at_once() {
    let root = authority("Root", None, |_| ());
    let served = issued(&root, |_| ());
    let named = trusting(&[root.der()], NAME);
    let other = Arc::new(TlsAsk {
        host: Host::Name("other.example.net".to_owned()),
        identity: None,
        roots: Arc::clone(&named.roots),
    });
    for version in [Tls12, Tls13] {
        let (first, second) = (
            shake(&served, version, &named).await,
            shake(&served, version, &other).await,
        );
        let ((tls, certificate), (its_tls, its_certificate)) = (facts(&first), facts(&second));
        assert!(Arc::ptr_eq(&tls.chain, &its_tls.chain));
        assert!(certificate.name_matches && !its_certificate.name_matches);
        assert_eq!(certificate.trust, its_certificate.trust);
    }
    let known = shake(&served, Tls13, &named).await;
    let elsewhere = shake(&served, Tls13, &trusting(&[], NAME)).await;
    let ((tls, certificate), (its_tls, its_certificate)) = (facts(&known), facts(&elsewhere));
    assert!(!Arc::ptr_eq(&tls.chain, &its_tls.chain));
    assert_eq!(certificate.trust.anchor, Some(Anchor::CaFile));
    assert_eq!(its_certificate.trust.anchor, None);
    let thief = Served {
        chain: served.chain.clone(),
        key: self_signed(|_| ()).key,
    };
    for version in [Tls12, Tls13] {
        let stolen = shake(&thief, version, &named).await;
        assert_eq!(cause(&stolen), Some(Cause::HandshakeFailed), "{version:?}");
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
async fn every_defect_of_a_certificate_is_told_and_nothing_else() {
    let root = authority("Root", None, |_| ());
    let intermediate = authority("Intermediate", Some(&root), |_| ());
    let rsa_root = fixture("rsa-root");

    let rows = vec![
        Row::new("leaf and intermediate", issued(&intermediate, |_| ()))
            .with(&[intermediate.der()])
            .trusts(root.der())
            .path(&[0, 1]),
        Row::new("leaf of the root itself", issued(&root, |_| ())).trusts(root.der()),
        Row::new("the root is sent along", issued(&intermediate, |_| ()))
            .with(&[intermediate.der(), root.der()])
            .trusts(root.der())
            .path(&[0, 1]),
        Row::new(
            "in the wrong order, with strangers",
            issued(&intermediate, |_| ()),
        )
        .with(&[root.der(), &rsa_root, intermediate.der()])
        .trusts(root.der())
        .path(&[0, 3]),
        Row::new(
            "leaf without its intermediate",
            issued(&intermediate, |_| ()),
        )
        .trusts(root.der())
        .untrusted(TrustDefect::UnknownIssuer),
        Row::new("leaf and an unknown root", issued(&root, |_| ()))
            .with(&[root.der()])
            .untrusted(TrustDefect::UnknownIssuer),
        Row::new(
            "self-signed, an authority's",
            self_signed(|params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }),
        )
        .untrusted(TrustDefect::SelfSigned)
        .self_signed(),
        Row::new(
            "self-signed, as Exchange makes it",
            self_signed(|params| {
                params.subject_alt_names = names(&["EXCH01", "exch01.corp.local"]);
                params.distinguished_name = common_name("EXCH01");
            }),
        )
        .untrusted(TrustDefect::SelfSigned)
        .self_signed()
        .other_name(),
        Row::new(
            "expired",
            issued(&intermediate, |params| {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2021, 1, 1);
            }),
        )
        .with(&[intermediate.der()])
        .trusts(root.der())
        .path(&[0, 1]),
        Row::new(
            "not yet valid",
            issued(&root, |params| {
                params.not_before = date_time_ymd(3000, 1, 1);
                params.not_after = date_time_ymd(3001, 1, 1);
            }),
        )
        .trusts(root.der()),
        Row::new(
            "valid for less than no time",
            issued(&root, |params| {
                params.not_before = date_time_ymd(2030, 1, 1);
                params.not_after = date_time_ymd(2020, 1, 1);
            }),
        )
        .trusts(root.der()),
        Row::new(
            "expired, other name, unknown root",
            issued(&root, |params| {
                params.not_after = date_time_ymd(2021, 1, 1);
                params.subject_alt_names = names(&["other.example.test"]);
            }),
        )
        .untrusted(TrustDefect::UnknownIssuer)
        .other_name(),
        Row::new(
            "another name",
            issued(&root, |params| {
                params.subject_alt_names =
                    names(&["other.example.test", "mail.example.test.example"]);
            }),
        )
        .trusts(root.der())
        .other_name(),
        Row::new(
            "common name only",
            issued(&root, |params| {
                params.subject_alt_names = Vec::new();
            }),
        )
        .trusts(root.der())
        .other_name(),
        Row::new(
            "for clients only",
            issued(&root, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
        )
        .trusts(root.der())
        .defect(TrustDefect::InvalidPurpose),
        Row::new(
            "for clients only, of an unknown root",
            issued(&root, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
        )
        .untrusted(TrustDefect::UnknownIssuer)
        .defect(TrustDefect::InvalidPurpose),
        Row::new(
            "for anything named",
            issued(&root, |params| {
                params.extended_key_usages = Vec::new();
            }),
        )
        .trusts(root.der()),
        Row::new("SHA-1", rsa("sha1-leaf"))
            .trusts(&rsa_root)
            .key("RSA", 2048)
            .weak(),
        Row::new("RSA 2048 under an intermediate", rsa("rsa-leaf"))
            .with(&[&fixture("rsa-intermediate")])
            .trusts(&rsa_root)
            .path(&[0, 1])
            .key("RSA", 2048),
        Row::new(
            "RSA 4096",
            fixture_served("rsa4096-leaf", "rsa4096-leaf-key"),
        )
        .trusts(&rsa_root)
        .key("RSA", 4096),
        Row::new("RSASSA-PSS", rsa("pss-leaf"))
            .trusts(&rsa_root)
            .key("RSA", 2048),
        Row::new(
            "Ed25519, self-signed",
            self_signed_with(&rcgen::PKCS_ED25519, |_| ()),
        )
        .untrusted(TrustDefect::SelfSigned)
        .self_signed()
        .key("Ed25519", 256),
        Row::new(
            "P-384",
            self_signed_with(&rcgen::PKCS_ECDSA_P384_SHA384, |_| ()),
        )
        .untrusted(TrustDefect::SelfSigned)
        .self_signed()
        .key("EC", 384),
        Row::new("of an authority with RSA 1024", rsa("rsa1024-issued-leaf"))
            .trusts(&fixture("rsa1024-root"))
            .key("RSA", 2048),
        Row::new("version 1", rsa("v1-leaf"))
            .trusts(&rsa_root)
            .key("RSA", 2048)
            .defect(TrustDefect::Other(
                "it is not an X.509 version 3 certificate".into(),
            ))
            .other_name(),
        Row::new("of an authority of version 1", rsa("v1-issued-leaf"))
            .with(&[&fixture("v1-intermediate")])
            .trusts(&rsa_root)
            .key("RSA", 2048)
            .untrusted(TrustDefect::UnknownIssuer),
        Row::new("names of two bytes a character", rsa("bmp-leaf"))
            .trusts(&rsa_root)
            .key("RSA", 2048),
        Row::new(
            "an unknown critical extension",
            issued(&root, with_critical_extension),
        )
        .trusts(root.der())
        .defect(TrustDefect::Unproven(
            "it has a critical extension that exchports does not know".into(),
        )),
        Row::new(
            "a server with an authority's certificate",
            issued(&root, |params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }),
        )
        .trusts(root.der())
        .defect(TrustDefect::Unproven(
            "it is marked as an authority's own (CA:TRUE), which OpenSSL accepts but this program does not".into(),
        )),
    ];
    for row in rows {
        row.holds().await;
    }
}

#[tokio::test]
async fn a_root_may_be_whatever_the_file_names() {
    let root = authority("Root", None, |_| ());
    let intermediate = authority("Intermediate", Some(&root), |_| ());
    let namesake = authority("Root", None, |_| ());

    let leaf = issued(&intermediate, |_| ());
    let pinned = leaf.chain[0].clone();
    let lone = self_signed(|_| ());
    let lone_pinned = lone.chain[0].clone();
    let own_authority = self_signed(|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages = Vec::new();
    });
    let own_authority_pinned = own_authority.chain[0].clone();
    let for_clients = self_signed(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let for_clients_pinned = for_clients.chain[0].clone();

    // A new root under the old name signs the same intermediate again.
    let crossed = cross_signed("Intermediate", &intermediate, &namesake);

    let rows = vec![
        Row::new("the leaf itself", leaf).trusts(&pinned),
        Row::new("a self-signed leaf itself", lone)
            .trusts(&lone_pinned)
            .self_signed(),
        Row::new("a self-signed authority itself", own_authority)
            .trusts(&own_authority_pinned)
            .self_signed(),
        Row::new("a self-signed leaf for clients only", for_clients)
            .trusts(&for_clients_pinned)
            .self_signed()
            .defect(TrustDefect::InvalidPurpose),
        Row::new("an intermediate", issued(&intermediate, |_| ()))
            .with(&[intermediate.der()])
            .trusts(intermediate.der()),
        Row::new(
            "the root's namesake with another key",
            issued(&root, |_| ()),
        )
        .with(&[root.der()])
        .trusts(namesake.der())
        .untrusted(TrustDefect::UnknownIssuer),
        Row::new("the root beside its namesake", issued(&root, |_| ()))
            .trusts(namesake.der())
            .trusts(root.der()),
        Row::new(
            "a cross-signed intermediate, the good one last",
            issued(&intermediate, |_| ()),
        )
        .with(&[intermediate.der(), &crossed])
        .trusts(namesake.der())
        .path(&[0, 2]),
        Row::new(
            "a cross-signed intermediate, the good one first",
            issued(&intermediate, |_| ()),
        )
        .with(&[&crossed, intermediate.der()])
        .trusts(namesake.der())
        .path(&[0, 1]),
    ];
    for row in rows {
        row.holds().await;
    }
}

#[tokio::test]
async fn an_expired_intermediate_is_on_the_path_and_its_dates_are_told() {
    let root = authority("Root", None, |_| ());
    let expired = authority("Expired", Some(&root), |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    // The dates of leaf and intermediate never held together.
    let leaf = issued(&expired, |params| {
        params.not_before = date_time_ymd(2024, 1, 1);
    });
    let served = leaf.with(&[expired.der()]);
    for version in [Tls12, Tls13] {
        let seen = shake(&served, version, &trusting(&[root.der()], NAME)).await;
        let (tls, certificate) = facts(&seen);
        assert_eq!(certificate.trust.anchor, Some(Anchor::CaFile));
        assert_eq!(certificate.trust.path, [0, 1]);
        assert_eq!(certificate.trust.defects, []);
        assert_eq!(tls.chain[1].not_after, Some(date_time_ymd(2020, 1, 1)));
        assert_eq!(certificate.not_before, date_time_ymd(2024, 1, 1));
    }
}

#[tokio::test]
async fn of_an_old_and_a_new_intermediate_the_new_one_is_on_the_path() {
    let root = authority("Root", None, |_| ());
    let new = authority("Renewed", Some(&root), |_| ());
    let mut old = authority_params("Renewed");
    old.not_after = date_time_ymd(2021, 1, 1);
    let old = old.signed_by(new.key(), &root).expect("a certificate");
    for (sent, path) in [
        ([old.der(), new.der()], [0, 2]),
        ([new.der(), old.der()], [0, 1]),
    ] {
        Row::new("an old one beside it", issued(&new, |_| ()))
            .with(&sent)
            .trusts(root.der())
            .path(&path)
            .holds()
            .await;
    }
}

#[tokio::test]
async fn an_expired_root_that_is_sent_along_is_not_on_the_path() {
    let root = authority("Root", None, |params| {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2010, 1, 1);
    });
    Row::new("expired root", issued(&root, |_| ()))
        .with(&[root.der()])
        .trusts(root.der())
        .holds()
        .await;
}

#[tokio::test]
async fn name_constraints_are_kept() {
    let only = |domain: &str| NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
        excluded_subtrees: Vec::new(),
    };
    for (domain, kept) in [("example.test", true), ("example.com", false)] {
        let root = authority("Root", None, |_| ());
        let limited = authority("Limited", Some(&root), |params| {
            params.name_constraints = Some(only(domain));
        });
        let row = Row::new(domain, issued(&limited, |_| ()))
            .with(&[limited.der()])
            .trusts(root.der())
            .path(&[0, 1]);
        let row = if kept {
            row
        } else {
            row.defect(TrustDefect::Other(
                "an authority in the chain is not allowed to issue for these names".into(),
            ))
        };
        row.holds().await;
    }
}

/// An authority that may not vouch for a name is not helped by a certificate that it had before, and that is over; by one
/// that holds it is.
#[tokio::test]
async fn name_constraints_are_those_of_the_path() {
    let root = authority("Root", None, |_| ());
    let limited = authority("Limited", Some(&root), |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    let twin = |until| {
        let mut params = authority_params("Limited");
        params.not_after = date_time_ymd(until, 1, 1);
        let twin = params.signed_by(limited.key(), &root);
        twin.expect("a certificate").der().clone()
    };
    let objection = || {
        TrustDefect::Other(
            "an authority in the chain is not allowed to issue for these names".into(),
        )
    };
    let row = |what, sent: [&CertificateDer<'static>; 2]| {
        Row::new(what, issued(&limited, |_| ()))
            .with(&sent)
            .trusts(root.der())
    };
    let (over, holds) = (twin(2021), twin(2090));
    for row in [
        row("the old one first", [&over, limited.der()])
            .path(&[0, 2])
            .defect(objection()),
        row("the old one last", [limited.der(), &over])
            .path(&[0, 1])
            .defect(objection()),
        row("one that holds last", [limited.der(), &holds]).path(&[0, 2]),
        row("one that holds first", [&holds, limited.der()]).path(&[0, 1]),
    ] {
        row.holds().await;
    }
}

#[tokio::test]
async fn a_chain_is_trusted_by_signatures_and_never_by_names() {
    let root = fixture("rsa-root");
    let false_root = fixture("false-root");
    // The issuer's name is that of a trusted root. What can be checked is wrong; what cannot be checked proves nothing.
    for (fixture, checked) in [
        ("forged-sha256-leaf", true),
        ("forged-sha1-leaf", true),
        ("forged-p521-leaf", false),
        ("forged-ed448-leaf", false),
        ("md5-leaf", false),
        ("pss-sha1-leaf", false),
    ] {
        for sent_along in [
            vec![],
            vec![&false_root],
            vec![&root],
            vec![&false_root, &root],
        ] {
            let served = rsa(fixture).with(&sent_along);
            let seen = shake(&served, Tls13, &trusting(&[&root], NAME)).await;
            let trust = &facts(&seen).1.trust;
            assert_eq!(trust.anchor, None, "{fixture}");
            match trust.defects.as_slice() {
                [TrustDefect::UnknownIssuer] => assert!(checked, "{fixture}"),
                [TrustDefect::Unproven(words)] => {
                    assert!(!checked, "{fixture}");
                    assert!(words.as_str().contains("cannot be checked"), "{words}");
                }
                other => panic!("{fixture}: {other:?}"),
            }
        }
    }
    // The same with a root that is an honest one, of a curve that nobody here knows.
    let ed448 = fixture("ed448-root");
    let seen = shake(&rsa("ed448-issued-leaf"), Tls12, &trusting(&[&ed448], NAME)).await;
    let trust = &facts(&seen).1.trust;
    assert_eq!(trust.anchor, None);
    assert_eq!(
        trust.defects,
        [TrustDefect::Unproven(
            "its issuer is known by name, but a signature cannot be checked here (ED448)".into()
        )]
    );
    // Nobody trusts the authority: the usual words.
    let seen = shake(&rsa("ed448-issued-leaf"), Tls12, &trusting(&[&root], NAME)).await;
    assert_eq!(facts(&seen).1.trust.defects, [TrustDefect::UnknownIssuer]);
}

/// Windows issues such keys, and the provider does not know them.
#[tokio::test]
async fn an_authority_with_a_key_on_p521_is_believed_what_it_signed_and_no_more() {
    let p521 = fixture("p521-root");
    for version in [Tls12, Tls13] {
        let seen = shake(&rsa("p521-issued-leaf"), version, &trusting(&[&p521], NAME)).await;
        let trust = &facts(&seen).1.trust;
        assert_eq!(trust.anchor, Some(Anchor::CaFile));
        assert_eq!(trust.defects, []);
        let forged = rsa("forged-p521-issued-leaf");
        let seen = shake(&forged, version, &trusting(&[&p521], NAME)).await;
        let trust = &facts(&seen).1.trust;
        assert_eq!(trust.anchor, None);
        assert_eq!(trust.defects, [TrustDefect::UnknownIssuer]);
    }
}

/// What is missing is claimed where it is known, by the root that the certificate names or by an address; and not where a
/// certification authority of Windows would say the same of its root.
#[tokio::test]
async fn a_missing_intermediate_is_claimed_where_it_is_known() {
    use TrustDefect::{MissingIntermediate, UnknownIssuer};
    let root = authority("Root", None, |_| ());
    let intermediate = authority("Intermediate", Some(&root), |_| ());
    let http = issuer_urls(&["http://ca.example.test/intermediate.crt"]);
    let of_windows = issuer_urls(&["ldap:///CN=Intermediate,CN=AIA", "http://ca.example.test/x"]);
    // authorityKeyIdentifier: the issuer's issuer is CN=Root, and a serial number.
    let named = CustomExtension::from_oid_content(
        &[2, 5, 29, 35],
        b"\x30\x18\xa1\x13\xa4\x11\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04Root\x82\x01\x01".to_vec(),
    );
    let with = |extensions: &[CustomExtension]| {
        let extensions = extensions.to_vec();
        issued(&intermediate, move |params| {
            params.use_authority_key_identifier_extension = false;
            params.custom_extensions = extensions;
        })
    };
    let other = authority("Other", None, |_| ());
    for (served, trusted, is_claimed) in [
        (with(&[]), root.der(), false),
        (with(std::slice::from_ref(&http)), root.der(), true),
        (with(&[http]), other.der(), true),
        (with(&[of_windows]), root.der(), false),
        (with(std::slice::from_ref(&named)), root.der(), true),
        (with(&[named]), other.der(), false),
    ] {
        let seen = shake(&served, Tls13, &trusting(&[trusted], NAME)).await;
        let (_, certificate) = facts(&seen);
        let expected: &[TrustDefect] = if is_claimed {
            &[UnknownIssuer, MissingIntermediate]
        } else {
            &[UnknownIssuer]
        };
        assert_eq!(certificate.trust.defects, expected, "{certificate:?}");
    }
    // A root that nobody trusts is no intermediate, whatever it says.
    let served = issued(&other, |params| {
        params.custom_extensions = vec![issuer_urls(&["http://ca.example.test/other.crt"])];
    })
    .with(&[other.der()]);
    let seen = shake(&served, Tls13, &trusting(&[root.der()], NAME)).await;
    assert_eq!(facts(&seen).1.trust.defects, [UnknownIssuer]);
}

#[tokio::test]
async fn a_leaf_signs_for_nobody() {
    let root = authority("Root", None, |_| ());
    let key = KeyPair::generate().expect("a key");
    let mut params = leaf_params();
    params.distinguished_name = common_name("A leaf");
    let ordinary = CertifiedIssuer::signed_by(params, key, &root).expect("a leaf that signs");
    Row::new("of a leaf", issued(&ordinary, |_| ()))
        .with(&[&ordinary.der().clone()])
        .trusts(root.der())
        .untrusted(TrustDefect::UnknownIssuer)
        .holds()
        .await;
}

/// A chain can be longer than anybody's is, and right: webpki takes six certificates between, and beyond seven nobody
/// looks for the root.
#[tokio::test]
async fn a_way_to_a_root_is_followed_only_so_far() {
    for between in [6, 7, 8] {
        let root = authority("Root", None, |_| ());
        let mut sent: Vec<CertifiedIssuer<'static, KeyPair>> = Vec::new();
        for number in 0..between {
            let issuer = sent.last().unwrap_or(&root);
            let next = authority(&format!("Intermediate {number}"), Some(issuer), |_| ());
            sent.push(next);
        }
        let leaf = issued(sent.last().expect("some"), |_| ());
        let others: Vec<_> = sent.iter().rev().map(CertifiedIssuer::der).collect();
        let row = Row::new("a long chain", leaf)
            .with(&others)
            .trusts(root.der());
        let row = match between {
            8 => row.untrusted(TrustDefect::UnknownIssuer),
            _ => row.path(&(0..=between).collect::<Vec<_>>()),
        };
        let row = match between {
            7 => row.defect(TrustDefect::Other(
                "invalid peer certificate: Other(OtherError(MaximumPathDepthExceeded))".into(),
            )),
            _ => row,
        };
        row.holds().await;
    }
}

/// Many signatures can be right and lead nowhere: where there are too many of those, the right way behind them is not
/// found any more.
#[tokio::test]
async fn ways_that_lead_nowhere_are_followed_only_so_often() {
    let root = authority("Root", None, |_| ());
    for (astray, is_found) in [([1, 1, 1], true), ([3, 4, 5], false)] {
        let nowhere = authority("Nowhere", None, |_| ());
        let third = authority("Third", Some(&nowhere), |_| ());
        let second = authority("Second", Some(&third), |_| ());
        let first = authority("First", Some(&second), |_| ());
        let mut right = authority_params("First");
        // The one that lasts longest is tried first.
        right.not_after = date_time_ymd(2080, 1, 1);
        let right = right.signed_by(first.key(), &root).expect("a certificate");
        let mut sent = Vec::new();
        for (authority, copies) in [&first, &second, &third].into_iter().zip(astray) {
            sent.extend(std::iter::repeat_n(authority.der(), copies));
        }
        sent.push(right.der());
        let last = sent.len();
        let row = Row::new("ways that lead nowhere", issued(&first, |_| ()))
            .with(&sent)
            .trusts(root.der());
        let row = if is_found {
            row.path(&[0, last])
        } else {
            row.untrusted(TrustDefect::UnknownIssuer)
        };
        row.holds().await;
    }
}

#[tokio::test]
async fn hostile_chains_lead_nowhere() {
    let root = authority("Root", None, |_| ());
    let intermediate = authority("Twin", Some(&root), |_| ());

    // Hundreds of issuers with the right name and the wrong key, the right one behind them.
    let twins: Vec<CertificateDer<'static>> = (0..120)
        .map(|_| authority("Twin", Some(&root), |_| ()).der().clone())
        .collect();
    let mut many: Vec<&CertificateDer<'static>> = twins.iter().collect();
    many.push(intermediate.der());
    let leaf = issued(&intermediate, |_| ());

    // Two authorities that vouch for each other, many times.
    let one = authority("One", None, |_| ());
    let two = authority("Two", Some(&one), |_| ());
    let back = cross_signed("One", &one, &two);
    let ring: Vec<&CertificateDer<'static>> = (0..20).flat_map(|_| [two.der(), &back]).collect();

    // Copies of one self-signed authority: each could have signed each.
    let copies: Vec<&CertificateDer<'static>> = (0..60).map(|_| one.der()).collect();

    for (name, served) in [
        ("twins", leaf.with(&many)),
        ("a ring", issued(&two, |_| ()).with(&ring)),
        ("copies", issued(&one, |_| ()).with(&copies)),
    ] {
        let seen = shake(&served, Tls13, &trusting(&[root.der()], NAME)).await;
        let (tls, certificate) = facts(&seen);
        assert_eq!(certificate.trust.anchor, None, "{name}");
        assert_eq!(
            certificate.trust.defects,
            [TrustDefect::UnknownIssuer],
            "{name}"
        );
        assert_eq!(tls.chain.len(), 16, "{name}");
    }

    // A thousand names, and more places than anybody needs.
    let served = issued(&root, |params| {
        params.custom_extensions = vec![issuer_urls(&["http://a"; 5])];
        params.subject_alt_names = (0..1000)
            .map(|number| format!("host{number}.example.test"))
            .chain([NAME.to_owned()])
            .map(|name| SanType::DnsName(name.try_into().expect("ASCII")))
            .collect();
    });
    let seen = shake(&served, Tls13, &trusting(&[root.der()], NAME)).await;
    let certificate = facts(&seen).1;
    assert!(certificate.name_matches, "all are looked at");
    assert_eq!(certificate.names.len(), 200, "not all are told");
    assert_eq!(certificate.issuer_urls.len(), 4, "not all are told");

    // More than rustls takes: an error, not memory.
    let bulk = CertificateDer::from(vec![0x30; 70_000]);
    let seen = shake(&leaf.with(&[&bulk]), Tls13, &trusting(&[], NAME)).await;
    assert_eq!(cause(&seen), Some(Cause::HandshakeFailed));
}

#[test]
fn this_machines_store_leads_to_the_anchor_system() {
    let missing = format!("{FIXTURES}/no-such-file.pem");
    let cases = [
        (
            path_of("rsa-root"),
            "system",
            "anchor: Some(System), defects: []",
        ),
        (
            path_of("rsa-root"),
            "both",
            "anchor: Some(System), defects: []",
        ),
        (
            path_of("rsa-root"),
            "public",
            "anchor: None, defects: [UnknownIssuer]",
        ),
        // A store that is missing, empty or broken is no reason to fail here: the program says so (`cli`).
        (missing, "system", "anchor: None, defects: [UnknownIssuer]"),
        (
            format!("{FIXTURES}/make.sh"),
            "both",
            "anchor: None, defects: [UnknownIssuer]",
        ),
        (
            path_of("rsa-leaf-key"),
            "system",
            "anchor: None, defects: [UnknownIssuer]",
        ),
        (
            FIXTURES.to_owned(),
            "system",
            "anchor: None, defects: [UnknownIssuer]",
        ),
    ];
    // Half of it broken: it is used as far as it goes, in whatever order.
    let folder = tempfile::tempdir().expect("a folder");
    let good = std::fs::read_to_string(path_of("rsa-root")).expect("a fixture");
    let bad_text = "-----BEGIN CERTIFICATE-----\nMIIB!!!\n-----END CERTIFICATE-----\n";
    let bad_der = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let no_end = "-----BEGIN CERTIFICATE-----\nMIIB\n";
    let halves = [
        format!("{good}{bad_text}"),
        format!("{bad_text}{good}"),
        format!("{good}{bad_der}"),
        format!("{bad_der}{good}"),
        // The other way round nobody knows where the good one begins.
        format!("{good}{no_end}"),
    ];
    let halves = halves.into_iter().enumerate().map(|(at, text)| {
        let path = folder.path().join(format!("half-{at}.pem"));
        std::fs::write(&path, text).expect("a file");
        let path = path.to_str().expect("UTF-8").to_owned();
        (path, "system", "anchor: Some(System), defects: []")
    });
    let this = std::env::current_exe().expect("this program");
    for (file, stores, expected) in cases.into_iter().chain(halves) {
        let child = Command::new(&this)
            .args([
                "--exact",
                "tls::trust::as_a_child_with_a_store_of_its_own",
                "--ignored",
            ])
            .env("EXCHPORTS_TEST_EXPECTED", expected)
            .env("SSL_CERT_FILE", &file)
            .env_remove("SSL_CERT_DIR")
            .env("EXCHPORTS_TEST_STORES", stores)
            .output()
            .expect("a child");
        let said = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(child.status.success(), "{stores} {file}: {said}");
        assert!(said.contains("1 passed"), "{stores} {file}: {said}");
    }
}

#[tokio::test]
#[ignore = "run by this_machines_store_leads_to_the_anchor_system, which sets its environment"]
async fn as_a_child_with_a_store_of_its_own() {
    let stores = match std::env::var("EXCHPORTS_TEST_STORES").as_deref() {
        Ok("system") => Stores::System,
        Ok("public") => Stores::Public,
        _ => Stores::Both,
    };
    let trust = Trust {
        stores,
        ..Trust::default()
    };
    let served = rsa("rsa-leaf").with(&[&fixture("rsa-intermediate")]);
    let seen = shake(&served, Tls13, &asking(&trust, NAME)).await;
    let trust = &facts(&seen).1.trust;
    let told = format!("anchor: {:?}, defects: {:?}", trust.anchor, trust.defects);
    if let Ok(expected) = std::env::var("EXCHPORTS_TEST_EXPECTED") {
        assert_eq!(told, expected);
    }
}

#[test]
fn a_root_that_cannot_be_used_is_refused_by_number() {
    let trust = Trust {
        ca_certificates: vec![fixture("rsa-root").to_vec(), b"none".to_vec()],
        ..Trust::default()
    };
    let error = Roots::new(&trust).expect_err("the second is none");
    assert_eq!(error.number, 2);
    assert!(
        error
            .to_string()
            .starts_with("certificate 2 cannot be used as a root: ")
    );
}

/// What is presented, who is trusted, and what has to be told.
struct Row {
    name: &'static str,
    served: Served,
    trusted: Vec<CertificateDer<'static>>,
    anchor: Option<Anchor>,
    path: Vec<usize>,
    defects: Vec<TrustDefect>,
    self_signed: bool,
    name_matches: bool,
    key: (&'static str, u32),
    strength: SignatureStrength,
}

impl Row {
    fn new(name: &'static str, served: Served) -> Self {
        Self {
            name,
            served,
            trusted: Vec::new(),
            anchor: None,
            path: vec![0],
            defects: Vec::new(),
            self_signed: false,
            name_matches: true,
            key: ("EC", 256),
            strength: SignatureStrength::Good,
        }
    }

    fn with(mut self, others: &[&CertificateDer<'static>]) -> Self {
        self.served = self.served.with(others);
        self
    }

    fn trusts(mut self, root: &CertificateDer<'static>) -> Self {
        self.trusted.push(root.clone());
        self.anchor = Some(Anchor::CaFile);
        self
    }

    fn path(mut self, path: &[usize]) -> Self {
        self.path = path.to_vec();
        self
    }

    fn untrusted(mut self, why: TrustDefect) -> Self {
        self.anchor = None;
        self.defect(why)
    }

    fn defect(mut self, defect: TrustDefect) -> Self {
        self.defects.push(defect);
        self
    }

    fn self_signed(mut self) -> Self {
        self.self_signed = true;
        self
    }

    fn other_name(mut self) -> Self {
        self.name_matches = false;
        self
    }

    fn key(mut self, algorithm: &'static str, bits: u32) -> Self {
        self.key = (algorithm, bits);
        self
    }

    fn weak(mut self) -> Self {
        self.strength = SignatureStrength::Weak;
        self
    }

    /// The same in both versions.
    async fn holds(self) {
        let trusted: Vec<_> = self.trusted.iter().collect();
        let ask = trusting(&trusted, NAME);
        for version in [Tls12, Tls13] {
            let name = format!("{} ({version:?})", self.name);
            let seen = shake(&self.served, version, &ask).await;
            assert_eq!(seen.failure, None, "{name}");
            let (tls, certificate) = facts(&seen);
            assert_eq!(tls.version, Some(version), "{name}");
            assert_eq!(tls.chain.len(), self.served.chain.len(), "{name}");
            assert_eq!(certificate.trust.anchor, self.anchor, "{name}");
            assert_eq!(certificate.trust.defects, self.defects, "{name}");
            assert_eq!(certificate.trust.path, self.path, "{name}");
            assert_eq!(certificate.self_signed, self.self_signed, "{name}");
            assert_eq!(certificate.name_matches, self.name_matches, "{name}");
            let key = (certificate.key.algorithm.as_str(), certificate.key.bits);
            assert_eq!(key, (self.key.0, Some(self.key.1)), "{name}");
            assert_eq!(certificate.signature_strength, self.strength, "{name}");
        }
    }
}

/// Another certificate for an authority's name and key.
fn cross_signed(
    name: &str,
    authority: &CertifiedIssuer<'static, KeyPair>,
    issuer: &CertifiedIssuer<'static, KeyPair>,
) -> CertificateDer<'static> {
    let certificate = authority_params(name)
        .signed_by(authority.key(), issuer)
        .expect("a certificate");
    certificate.der().clone()
}
