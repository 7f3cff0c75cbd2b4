//! A certificate chain, the roots that are trusted here and the name that was asked for, turned into facts.
//!
//! No clock is read: dates are told, and whether they hold is for the rules, which have the time. So the path from the
//! leaf to a root is walked here link by link, by names and signatures; only then is webpki asked, at a moment at which
//! every certificate of the path is valid, whether it has other objections (purpose, name constraints).

mod certificate;
mod known;
mod path;
mod roots;
pub(super) mod signatures;
mod system_roots;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustls::pki_types::{CertificateDer, ServerName};

pub use self::certificate::{NotCertificates, certificates};
pub(super) use self::certificate::{is_readable, public_key};
pub(super) use self::known::{ChainFacts, PresentedChain};
pub use self::roots::{NotARoot, Roots};

use self::certificate::{
    Parsed, TextBudget, issuer_urls, key, name_text, names, serial, sha1, sha256, signature,
};
use self::known::KnownChain;
use self::path::{Proofs, is_self_signed, trust};
use self::system_roots::StoreReading;
use super::bounds::Bounds;
use super::fingerprints;
use crate::facts::{CertificateFacts, ChainLink, Text, TrustDefect};
use crate::plan::Limits;

/// Turns a chain into facts, those of its certificate as for a name that it is not made out to.
fn assess(chain: &[CertificateDer<'_>], roots: &Roots, proofs: &mut Proofs) -> Assessed {
    let mut budget = TextBudget(Limits::CHAIN_TEXT);
    let links = chain.iter().map(|der| link(der, &mut budget)).collect();
    let parsed: Vec<Option<Parsed<'_>>> = chain
        .iter()
        .enumerate()
        .map(|(at, der)| {
            Some(Parsed {
                at,
                ..Parsed::read(der)?
            })
        })
        .collect();
    let certificate = match parsed.first() {
        Some(Some(leaf)) => Some(certificate(leaf, &parsed, chain, roots, proofs)),
        _ => None,
    };
    Assessed { certificate, links }
}

/// Turns a chain into facts, against a name; one that no certificate can bear is `None`.
pub(super) async fn assess_in_time(
    presented: PresentedChain,
    name: Option<&ServerName<'_>>,
    roots: &Roots,
    bounds: &mut Bounds,
) -> ChainFacts {
    let known = match presented {
        PresentedChain::Known(known) => known,
        PresentedChain::New(chain) => look_at(chain.into(), roots, bounds).await,
    };
    known.told(name)
}

/// Looks at a chain that may be known; and once more when this machine's store of roots was not there yet and could
/// change the answer.
async fn look_at(
    chain: Arc<[CertificateDer<'static>]>,
    roots: &Roots,
    bounds: &mut Bounds,
) -> Arc<KnownChain> {
    if let Some(known) = roots.known.get(&chain) {
        return known;
    }
    let mut proofs = Proofs::default();
    let mut are_whole = roots.are_whole();
    let mut told = assess(&chain, roots, &mut proofs);
    if let Some(system) = roots.system.as_ref().filter(|_| told.has_no_anchor()) {
        if !are_whole {
            if system.reading() == StoreReading::UnderWay {
                let patience = bounds.limits.reply;
                // Why it ended is told by how far the reading is.
                let _ = bounds.bounded(patience, system.settled()).await;
                if let Some(known) = roots.known.get(&chain) {
                    return known;
                }
            }
            are_whole = roots.are_whole();
            told = assess(&chain, roots, &mut proofs);
        }
        if let Some(certificate) = told
            .certificate
            .as_mut()
            .filter(|it| it.trust.anchor.is_none())
        {
            if system.reading() != StoreReading::Done {
                certificate.trust.defects.push(TrustDefect::Unproven(
                    "this machine's own store of roots could not be read in time".into(),
                ));
            } else if !certificate.self_signed {
                roots.missed.store(true, Ordering::Relaxed);
            }
        }
    }
    let is_final = are_whole || told.is_beyond_doubt();
    let known = Arc::new(told.known(chain));
    // What roots that are still to come could change is looked at again.
    if is_final {
        roots.known.keep(&known);
    }
    known
}

/// What was found of a chain.
struct Assessed {
    certificate: Option<CertificateFacts>,
    links: Arc<[ChainLink]>,
}

impl Assessed {
    fn known(self, chain: Arc<[CertificateDer<'static>]>) -> KnownChain {
        let facts = ChainFacts {
            certificate: self.certificate.map(Arc::new),
            chain: self.links,
            fingerprints: fingerprints::of(&chain),
        };
        KnownChain::new(chain, facts)
    }

    fn has_no_anchor(&self) -> bool {
        self.certificate
            .as_ref()
            .is_some_and(|certificate| certificate.trust.anchor.is_none())
    }

    /// Whether a root was found to which nothing is objected: no further one is asked then.
    fn is_beyond_doubt(&self) -> bool {
        self.certificate.as_ref().is_some_and(|certificate| {
            certificate.trust.anchor.is_some() && certificate.trust.defects.is_empty()
        })
    }
}

fn certificate(
    leaf: &Parsed<'_>,
    parsed: &[Option<Parsed<'_>>],
    chain: &[CertificateDer<'_>],
    roots: &Roots,
    proofs: &mut Proofs,
) -> CertificateFacts {
    let tbs = &leaf.x509.tbs_certificate;
    let (signature, signature_strength) = signature(&leaf.x509.signature_algorithm);
    let self_signed = is_self_signed(leaf, roots, proofs);
    let (names, more_names) = names(&leaf.x509);
    CertificateFacts {
        subject: name_text(&tbs.subject, &mut TextBudget(Limits::SUBJECT_TEXT)),
        issuer: name_text(&tbs.issuer, &mut TextBudget(Limits::SUBJECT_TEXT)),
        names,
        more_names,
        not_before: tbs.validity.not_before.to_datetime(),
        not_after: tbs.validity.not_after.to_datetime(),
        serial: serial(tbs.raw_serial()),
        sha1: chain.first().map_or_else(String::new, |der| sha1(der)),
        sha256: chain.first().map_or_else(String::new, |der| sha256(der)),
        key: key(&tbs.subject_pki),
        signature,
        signature_strength,
        self_signed,
        name_matches: false,
        trust: trust(leaf, self_signed, parsed, chain, roots, proofs),
        issuer_urls: issuer_urls(&leaf.x509),
    }
}

fn link(der: &CertificateDer<'_>, budget: &mut TextBudget) -> ChainLink {
    let sha256 = sha256(der);
    match Parsed::read(der) {
        Some(parsed) => {
            let tbs = &parsed.x509.tbs_certificate;
            ChainLink {
                subject: name_text(&tbs.subject, budget),
                issuer: name_text(&tbs.issuer, budget),
                sha256,
                not_before: Some(tbs.validity.not_before.to_datetime()),
                not_after: Some(tbs.validity.not_after.to_datetime()),
                key: Some(key(&tbs.subject_pki)),
                signature: Some(signature(&parsed.x509.signature_algorithm)),
            }
        }
        None => ChainLink {
            subject: "unreadable certificate".into(),
            issuer: Text::default(),
            sha256,
            not_before: None,
            not_after: None,
            key: None,
            signature: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::certificate::{URLS_TEXT, is_made_out_to};
    use super::signatures::Signature;
    use super::system_roots::SystemRoots;
    use super::*;
    use crate::facts::Anchor;
    use crate::net::Halt;
    use crate::plan::{Stores, Trust};
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::server::ParsedCertificate;
    use std::time::Duration;
    use tokio::time::Instant;

    fn certificate_and_key(name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .and_then(|params| params.self_signed(&key))
            .expect("a certificate");
        (certificate, key)
    }

    #[test]
    fn a_file_of_certificates_is_pem_or_der() {
        let (one, key) = certificate_and_key("one.example.test");
        let (two, _) = certificate_and_key("two.example.test");
        let bundle = format!(
            "# a comment\n{}\nsubject=two\n{}{}",
            one.pem(),
            key.serialize_pem(),
            two.pem().replace('\n', "\r\n")
        );
        let both = vec![one.der().to_vec(), two.der().to_vec()];
        assert_eq!(certificates(bundle.as_bytes()), Ok(both));
        assert_eq!(certificates(one.der()), Ok(vec![one.der().to_vec()]));
        let marked = format!("\u{feff}{}", one.pem());
        assert_eq!(
            certificates(marked.as_bytes()),
            Ok(vec![one.der().to_vec()])
        );
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_in_one_phrase() {
        let (one, key) = certificate_and_key("one.example.test");
        let damaged = one.pem().replacen("MII", "MIJ", 1);
        let cut = one.der().get(..one.der().len() - 1).expect("it is long");
        let longer = [one.der().as_ref(), b"x"].concat();
        for (bytes, words) in [
            (b"".as_slice(), "neither PEM nor DER"),
            (b"hello", "neither PEM nor DER"),
            (cut, "neither PEM nor DER"),
            (&longer, "certificate 1 cannot be read"),
            (key.serialize_pem().as_bytes(), "no certificate in it"),
            (key.serialized_der(), "certificate 1 cannot be read"),
            (
                format!("{}{damaged}", one.pem()).as_bytes(),
                "certificate 2 cannot be read",
            ),
            (
                format!("{}-----BEGIN CERTIFICATE-----\nMIIB", one.pem()).as_bytes(),
                "certificate 2 cannot be read",
            ),
        ] {
            assert_eq!(
                certificates(bytes).map_err(|error| error.to_string()),
                Err(words.to_owned()),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn a_certificate_with_a_key_on_p521_is_told() {
        let pem = include_bytes!("../../../tests/fixtures/certificates/p521-root.pem");
        let der = certificates(pem).expect("a fixture").remove(0);
        let chain = [CertificateDer::from(der.clone())];
        let told = |ca_certificates| {
            let trust = Trust {
                stores: Stores::Public,
                ca_certificates,
            };
            let roots = Roots::new(&trust).expect("roots");
            assess(&chain, &roots, &mut Proofs::default())
                .certificate
                .expect("it can be read")
        };
        let stranger = told(Vec::new());
        assert_eq!(stranger.key.algorithm, "EC");
        assert_eq!(stranger.key.bits, Some(521));
        assert!(stranger.self_signed);
        assert_eq!(stranger.trust.anchor, None);
        assert_eq!(stranger.trust.defects, [TrustDefect::SelfSigned]);
        let named = told(vec![der]);
        assert_eq!(named.trust.anchor, Some(Anchor::CaFile));
        assert_eq!(named.trust.defects, []);
    }

    #[test]
    fn a_chain_of_nothing_tells_nothing() {
        let roots = Roots::new(&Trust::default()).expect("no files to read");
        let told = assess(&[], &roots, &mut Proofs::default());
        assert_eq!(told.certificate, None);
        assert_eq!(told.links.as_ref(), []);
    }

    fn tlv(tag: u8, inside: &[u8]) -> Vec<u8> {
        let length = u32::try_from(inside.len()).expect("short").to_be_bytes();
        [&[tag, 0x84], length.as_slice(), inside].concat()
    }

    /// A certificate that no authority would make; nobody has signed it.
    struct Forged {
        serial: Vec<u8>,
        algorithm: Vec<u8>,
        subject: Vec<u8>,
        names: Vec<u8>,
        more_extensions: Vec<u8>,
        version: Vec<u8>,
    }

    impl Forged {
        fn new() -> Self {
            Self {
                serial: vec![1],
                // sha256WithRSAEncryption
                algorithm: vec![0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b],
                subject: Self::common_name(b"mail.example.test"),
                names: tlv(0x82, b"mail.example.test"),
                more_extensions: Vec::new(),
                version: tlv(0xa0, &[2, 1, 2]),
            }
        }

        fn common_name(name: &[u8]) -> Vec<u8> {
            let attribute = [tlv(6, &[0x55, 4, 3]), tlv(12, name)].concat();
            tlv(0x31, &tlv(0x30, &attribute))
        }

        fn extension(identifier: &[u8], value: &[u8]) -> Vec<u8> {
            tlv(0x30, &[tlv(6, identifier), tlv(4, value)].concat())
        }

        fn der(&self) -> CertificateDer<'static> {
            let algorithm = tlv(0x30, &tlv(6, &self.algorithm));
            let moment = |year: &str| tlv(0x17, format!("{year}0101000000Z").as_bytes());
            let key = tlv(0x30, &[algorithm.clone(), tlv(3, &[0; 64])].concat());
            let names = Self::extension(&[0x55, 0x1d, 0x11], &tlv(0x30, &self.names));
            let extensions = tlv(0x30, &[names, self.more_extensions.clone()].concat());
            let tbs = [
                self.version.clone(),
                tlv(2, &self.serial),
                algorithm.clone(),
                tlv(0x30, &self.subject),
                tlv(0x30, &[moment("25"), moment("35")].concat()),
                tlv(0x30, &self.subject),
                key,
                tlv(0xa3, &extensions),
            ]
            .concat();
            let whole = [tlv(0x30, &tbs), algorithm, tlv(3, &[0; 64])].concat();
            CertificateDer::from(tlv(0x30, &whole))
        }

        fn told(&self) -> ChainFacts {
            let roots = Roots::new(&Trust {
                stores: Stores::Public,
                ca_certificates: Vec::new(),
            });
            let name = ServerName::try_from("mail.example.test").ok();
            let roots = roots.expect("roots");
            let chain = Arc::from([self.der()]);
            let told = assess(&chain, &roots, &mut Proofs::default());
            told.known(chain).told(name.as_ref())
        }

        fn facts(&self) -> Arc<CertificateFacts> {
            self.told().certificate.expect("it can be read")
        }
    }

    #[test]
    fn of_what_is_endless_in_a_certificate_the_beginning_is_kept() {
        let serial = |length| Forged {
            serial: vec![0x7f; length],
            ..Forged::new()
        };
        assert_eq!(serial(32).facts().serial, "7f".repeat(32));
        assert_eq!(serial(33).facts().serial, "7f".repeat(32) + "…");
        for identifier in [vec![0x2a; 60_000], vec![0xff; 60_000]] {
            let endless = Forged {
                algorithm: identifier,
                ..Forged::new()
            };
            let facts = endless.facts();
            for told in [&facts.signature, &facts.key.algorithm] {
                assert!(told.len() < 128 && told.ends_with('…'), "{told}");
            }
        }
        let url = [
            tlv(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 2]),
            tlv(0x86, &[0xff; 9_000]),
        ]
        .concat();
        let urls = tlv(0x30, &tlv(0x30, &url).repeat(8));
        let endless = Forged {
            subject: Forged::common_name(&"\u{202e}".repeat(1_000).into_bytes()),
            more_extensions: Forged::extension(&[0x2b, 6, 1, 5, 5, 7, 1, 1], &urls),
            ..Forged::new()
        };
        let facts = endless.facts();
        let urls: usize = facts.issuer_urls.iter().map(|it| it.as_str().len()).sum();
        assert!((URLS_TEXT / 2..URLS_TEXT + 16).contains(&urls), "{urls}");
        let subject = facts.subject.as_str();
        assert!(subject.starts_with("CN=\\xE2\\x80\\xAE") && subject.ends_with('…'));
        assert!(subject.len() <= Limits::SUBJECT_TEXT + '…'.len_utf8());
    }

    #[test]
    fn the_names_of_a_certificate_have_a_bound_and_all_of_them_count() {
        let ours = tlv(0x82, b"mail.example.test");
        let with = |names: Vec<Vec<u8>>| Forged {
            names: [names.concat(), ours.clone()].concat(),
            ..Forged::new()
        };
        let many: Vec<_> = (0..300)
            .map(|number| tlv(0x82, format!("mail{number}.example.test").as_bytes()))
            .collect();
        let facts = with(many).facts();
        assert_eq!((facts.names.len(), facts.more_names), (200, 101));
        assert!(facts.name_matches);
        let long = vec![tlv(0x82, &[0xff; 2040]); 25];
        let facts = with(long).facts();
        assert_eq!((facts.names.len(), facts.more_names), (2, 24));
        let told: usize = facts.names.iter().map(|it| it.as_str().len()).sum();
        assert!(told <= Limits::NAMES_TEXT);
        let facts = with(Vec::new()).facts();
        assert_eq!((facts.names.len(), facts.more_names), (1, 0));
    }

    #[test]
    fn what_would_be_read_into_thousands_of_pieces_is_not_read() {
        let unreadable = |forged: Forged| {
            let told = forged.told();
            told.certificate.is_none() && told.chain[0].subject.as_str() == "unreadable certificate"
        };
        assert!(!unreadable(Forged::new()));
        assert!(unreadable(Forged {
            subject: Forged::common_name(b"a").repeat(400),
            ..Forged::new()
        }));
        let extensions = |count: u8| Forged {
            more_extensions: (0..count)
                .flat_map(|number| Forged::extension(&[0x2b, 6, number], b""))
                .collect(),
            ..Forged::new()
        };
        assert!(!unreadable(extensions(63)));
        assert!(unreadable(extensions(64)));
    }

    #[test]
    fn a_certificate_that_webpki_does_not_read_is_compared_by_the_same_rules() {
        // Version 1 has no extensions; this one has them all the same.
        let matches = |names: &[Vec<u8>], asked: &str| {
            let forged = Forged {
                version: Vec::new(),
                names: names.concat(),
                ..Forged::new()
            };
            let der = forged.der();
            assert!(ParsedCertificate::try_from(&der).is_err());
            assert!(Parsed::read(&der).is_some());
            let asked = ServerName::try_from(asked).expect("a name");
            is_made_out_to(&asked, &der)
        };
        let dns = |name: &str| tlv(0x82, name.as_bytes());
        let address = tlv(0x87, &[192, 0, 2, 1]);
        for (name, asked, expected) in [
            (dns("mail.example.test"), "mail.example.test", true),
            (dns("MAIL.example.test"), "mail.EXAMPLE.test", true),
            (dns("*.example.test"), "mail.example.test", true),
            (dns("*.example.test"), "a.mail.example.test", false),
            (dns("*.example.test"), "example.test", false),
            (dns("*.test"), "example.test", false),
            (dns("*"), "example", false),
            (dns("192.0.2.1"), "192.0.2.1", false),
            (dns("*.0.2.1"), "192.0.2.1", false),
            (address.clone(), "192.0.2.1", true),
            (address, "192.0.2.2", false),
        ] {
            assert_eq!(matches(&[name], asked), expected, "{asked}");
        }
        let many: Vec<_> = (0..300)
            .map(|number| dns(&format!("m{number}.example.test")))
            .collect();
        assert!(matches(&many, "m299.example.test"));
    }

    #[test]
    fn a_signature_is_checked_once() {
        let mut forged = Forged::new();
        forged.more_extensions = Forged::extension(&[0x55, 0x1d, 0x13], &[0x30, 3, 1, 1, 0xff]);
        // Sixteen that could all have signed each other, with one key.
        let chain: Vec<_> = (0..16)
            .map(|serial| {
                forged.serial = vec![serial];
                forged.der()
            })
            .collect();
        let trust = Trust {
            stores: Stores::Public,
            ca_certificates: Vec::new(),
        };
        let roots = Roots::new(&trust).expect("roots");
        let mut proofs = Proofs::default();
        let first = assess(&chain, &roots, &mut proofs);
        let count = proofs.known.len();
        assert!((1..=16).contains(&count), "{count}");
        // What is known is believed, and nothing is asked again.
        proofs
            .known
            .values_mut()
            .for_each(|it| *it = Signature::Broken);
        let again = assess(&chain, &roots, &mut proofs);
        assert_eq!(proofs.known.len(), count);
        let self_signed = |told: Assessed| told.certificate.map(|it| it.self_signed);
        assert_eq!(self_signed(first), Some(true));
        assert_eq!(self_signed(again), Some(false));
    }

    fn bounds() -> Bounds {
        let moment = Duration::from_millis(20);
        Bounds {
            limits: Limits::for_check(moment, moment),
            until: Instant::now() + Duration::from_secs(5),
            deadline: None,
            halt: Halt::never(),
        }
    }

    fn trusting(authority: &CertificateDer<'_>) -> Roots {
        let trust = Trust {
            stores: Stores::Public,
            ca_certificates: vec![authority.to_vec()],
        };
        Roots::new(&trust).expect("roots")
    }

    /// An authority, a certificate of it for `mail.example.com`, and one that is signed by itself.
    fn issued() -> [CertificateDer<'static>; 3] {
        let key = || KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, key()).expect("an authority");
        let names = vec!["mail.example.com".to_owned()];
        let params = CertificateParams::new(names).expect("names");
        let leaf = params.signed_by(&key(), &authority).expect("a leaf");
        let (stranger, _) = certificate_and_key("mail.example.com");
        [
            authority.der().clone(),
            leaf.der().clone(),
            stranger.der().clone(),
        ]
    }

    async fn told(chain: &[CertificateDer<'static>], name: &str, roots: &Roots) -> ChainFacts {
        let name = ServerName::try_from(name).expect("a name");
        let presented = roots.presented(chain.iter());
        assess_in_time(presented, Some(&name), roots, &mut bounds()).await
    }

    /// Whether the second was not looked at anew.
    fn is_shared(first: &ChainFacts, second: &ChainFacts) -> bool {
        Arc::ptr_eq(&first.chain, &second.chain)
    }

    #[tokio::test]
    async fn a_chain_is_looked_at_once_and_compared_with_each_name() {
        let [authority, leaf, stranger] = issued();
        let roots = trusting(&authority);
        for (chain, has_root) in [([leaf], true), ([stranger], false)] {
            let first = told(&chain, "mail.example.com", &roots).await;
            let again = told(&chain, "mail.example.com", &roots).await;
            let other = told(&chain, "other.example.com", &roots).await;
            for seen in [&again, &other] {
                assert!(is_shared(&first, seen));
            }
            assert!(Arc::ptr_eq(&first.fingerprints, &other.fingerprints));
            let of = |seen: &ChainFacts| Arc::clone(seen.certificate.as_ref().expect("one"));
            assert!(Arc::ptr_eq(&of(&first), &of(&again)));
            assert!(of(&first).name_matches && !of(&other).name_matches);
            assert_eq!(of(&first).trust, of(&other).trust);
            assert_eq!(of(&first).trust.anchor.is_some(), has_root);
        }
    }

    #[tokio::test]
    async fn a_chain_is_known_by_every_byte_and_under_its_own_roots_only() {
        let [authority, leaf, stranger] = issued();
        let roots = trusting(&authority);
        let chain = [leaf.clone(), stranger.clone()];
        let first = told(&chain, "mail.example.com", &roots).await;
        // In the signature, in a name, in the certificate behind it; one more, one less, another order.
        let name = leaf
            .windows(7)
            .position(|part| part == b"example")
            .expect("a name");
        let changed = |der: &CertificateDer<'_>, at: usize| {
            let mut der = der.to_vec();
            der[at] ^= 1;
            CertificateDer::from(der)
        };
        for other in [
            vec![changed(&leaf, leaf.len() - 1), stranger.clone()],
            vec![changed(&leaf, name), stranger.clone()],
            vec![leaf.clone(), changed(&stranger, stranger.len() - 1)],
            vec![leaf.clone()],
            vec![leaf.clone(), stranger.clone(), authority.clone()],
            vec![stranger.clone(), leaf.clone()],
        ] {
            let seen = told(&other, "mail.example.com", &roots).await;
            assert!(!is_shared(&first, &seen));
            let is_whole = other[0] == leaf;
            let anchor = seen.certificate.as_ref().and_then(|it| it.trust.anchor);
            assert_eq!(anchor.is_some(), is_whole, "{other:?}");
        }
        let [another, ..] = issued();
        let elsewhere = told(&chain, "mail.example.com", &trusting(&another)).await;
        assert!(!is_shared(&first, &elsewhere));
        let anchor = |seen: &ChainFacts| seen.certificate.as_ref().map(|it| it.trust.anchor);
        assert_eq!(anchor(&first), Some(Some(Anchor::CaFile)));
        assert_eq!(anchor(&elsewhere), Some(None));
    }

    /// What this machine's own roots could change is not remembered before they are there.
    #[tokio::test(start_paused = true)]
    async fn what_is_not_the_last_word_is_looked_at_again() {
        let [authority, leaf, stranger] = issued();
        let mut roots = trusting(&authority);
        roots.system = Some(SystemRoots::that_never_come());
        for (chain, is_final) in [([leaf], true), ([stranger], false)] {
            let first = told(&chain, "mail.example.com", &roots).await;
            let again = told(&chain, "mail.example.com", &roots).await;
            assert_eq!(is_shared(&first, &again), is_final);
        }
    }
}
