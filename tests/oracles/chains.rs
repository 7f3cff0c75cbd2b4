//! What must hold of whatever comes in the place of certificates.

use std::sync::Arc;

use exchports::catalog::{Expectation, ServiceId, service};
use exchports::facts::{LegacyAnswer, Text, TlsFacts, TlsVersion, TrustDefect};
use exchports::net::trust::{NotCertificates, certificates};
use exchports::net::{Alpn, Bounds, Dial, Halt, Record};
use exchports::plan::{Check, Host, Limits, Transcripts};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use tokio::time::Instant;

use super::told;
use crate::peer::{Act, HOST, PeerDial, Pipe, act, on_a_clock_that_stands_still, showing};

/// A file named with `--ca-file`: what is read out of it can be read again.
pub(crate) fn trust_certificates(data: &[u8]) {
    match certificates(data) {
        Ok(all) => {
            assert!(!all.is_empty());
            for der in all {
                assert_eq!(certificates(&der), Ok(vec![der.clone()]));
            }
        }
        Err(NotCertificates::Unreadable { number }) => assert!(number >= 1),
        Err(NotCertificates::UnknownForm | NotCertificates::NoneInside) => {}
    }
}

/// A chain that a server shows, its certificates between `----`: read out of an answer in old TLS and out of a real
/// handshake it says the same, and it can be judged and told.
pub(crate) fn trust_chain(data: &[u8]) {
    const BETWEEN: &[u8] = b"----";
    let mut chain: Vec<Vec<u8>> = vec![Vec::new()];
    let mut rest = data;
    while let Some((byte, after)) = rest.split_first() {
        if let Some(next) = rest.strip_prefix(BETWEEN) {
            chain.push(Vec::new());
            rest = next;
        } else {
            chain.last_mut().expect("the first is there").push(*byte);
            rest = after;
        }
    }
    // TLS has no certificates of nothing (RFC 5246 §7.4.2).
    chain.retain(|der| !der.is_empty());
    if chain.is_empty() {
        return;
    }
    let asked = on_a_clock_that_stands_still(ask(&chain));
    assert_sound(&asked, chain.len());
    let version = [&TLS12, &TLS13][data.len() % 2];
    let ders = chain.iter().cloned().map(CertificateDer::from).collect();
    let shaken = on_a_clock_that_stands_still(shake(showing(ders, version)));
    // Where the handshake got so far that the chain was looked at.
    if !shaken.chain.is_empty() {
        assert_eq!(shaken.chain, asked.chain);
        assert_eq!(shaken.certificate, asked.certificate);
    }
    let service = service(ServiceId::Https);
    let check = Check {
        service,
        port: service.port,
        expect: Expectation::Required,
    };
    for tls in [asked, shaken] {
        let mut record = Record::new(Transcripts::Dropped);
        record.set_tls(Some(tls));
        told::hold(check, record.into_observation(None, None), data.len());
    }
}

/// What is kept of a chain, in bytes of text, whatever was sent.
const MOST_KEPT: usize = 50 * 1024;

fn assert_sound(tls: &TlsFacts, sent: usize) {
    let kept = kept(tls);
    assert!(kept <= MOST_KEPT, "{kept} bytes of text are kept");
    assert_eq!(tls.chain.len(), sent.min(Limits::CHAIN));
    for link in tls.chain.iter() {
        assert_eq!(link.sha256.len(), 64);
    }
    let Some(certificate) = &tls.certificate else {
        return;
    };
    assert_eq!(certificate.sha256, tls.chain[0].sha256);
    assert_eq!(Some(certificate.not_after), tls.chain[0].not_after);
    let serial = certificate.serial.trim_end_matches('…');
    assert!(serial.chars().all(|c| c.is_ascii_hexdigit()));
    let trust = &certificate.trust;
    assert!(trust.path.iter().all(|at| *at < tls.chain.len()));
    assert!(trust.anchor.is_some() || !trust.defects.is_empty());
}

fn kept(tls: &TlsFacts) -> usize {
    let of_chain = tls.chain.iter().map(|link| {
        let key = link.key.as_ref().map_or(0, |key| key.algorithm.len());
        let signature = link.signature.as_ref().map_or(0, |(name, _)| name.len());
        let names = link.subject.as_str().len() + link.issuer.as_str().len();
        names + link.sha256.len() + key + signature
    });
    let of_leaf = tls.certificate.iter().map(|it| {
        let texts = it.names.iter().chain(&it.issuer_urls);
        let texts = texts.chain([&it.subject, &it.issuer]).map(Text::as_str);
        let strings = [
            &it.serial,
            &it.sha1,
            &it.sha256,
            &it.key.algorithm,
            &it.signature,
        ];
        let defects = it.trust.defects.iter().map(|defect| match defect {
            TrustDefect::Other(words) | TrustDefect::Unproven(words) => words.as_str(),
            _ => "",
        });
        let all = texts.chain(strings.map(String::as_str)).chain(defects);
        all.map(str::len).sum::<usize>()
    });
    of_chain.chain(of_leaf).sum()
}

async fn ask(chain: &[Vec<u8>]) -> TlsFacts {
    let flight = flight(chain);
    let dial = to(act(move |mut peer| async move {
        peer.say(&flight).await;
        peer.close().await;
    }));
    let mut record = Record::new(Transcripts::Dropped);
    let mut session = dial.dial(&mut record).await.expect("a connection");
    let legacy = session
        .ask_in_old_tls(TlsVersion::Tls12)
        .await
        .expect("an answer");
    assert_eq!(legacy.answer, LegacyAnswer::Agreed);
    drop(session);
    record.tls().cloned().expect("a chain")
}

async fn shake(config: Arc<ServerConfig>) -> TlsFacts {
    let dial = to(act(move |mut peer| async move {
        peer.shake_hands(config).await;
        peer.hear_out().await;
    }));
    let mut record = Record::new(Transcripts::Dropped);
    let mut session = dial.dial(&mut record).await.expect("a connection");
    // Whose key it is is another matter.
    let _ = session.upgrade(Alpn::Silent).await;
    drop(session);
    record.tls().cloned().expect("facts")
}

/// Leads to one that does this.
fn to(peer: Act) -> PeerDial {
    let limits = Limits::default();
    let bounds = Bounds {
        limits,
        until: Instant::now() + limits.check,
        deadline: None,
        halt: Halt::never(),
    };
    let host = Host::Name(HOST.to_owned());
    PeerDial::new(host, vec![peer], Pipe::WIDE, bounds)
}

/// `ServerHello`, `Certificate` and `ServerHelloDone` of TLS 1.2 (RFC 5246 §7.4), in as many records as it takes.
fn flight(chain: &[Vec<u8>]) -> Vec<u8> {
    let mut list = Vec::new();
    for der in chain {
        list.extend(long(der));
    }
    // TLS_RSA_WITH_AES_128_GCM_SHA256 needs no ServerKeyExchange.
    let hello = [&[3, 3][..], &[7; 32], &[0, 0, 0x9c, 0]].concat();
    let messages = [
        &[2][..],
        &long(&hello),
        &[11],
        &long(&long(&list)),
        &[14, 0, 0, 0],
    ]
    .concat();
    let mut records = Vec::new();
    for part in messages.chunks(16 * 1024) {
        let length = u16::try_from(part.len()).expect("at most 16 KiB");
        records.extend([22, 3, 3]);
        records.extend(length.to_be_bytes());
        records.extend(part);
    }
    records
}

/// With its length before it, in three bytes.
fn long(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("not that long");
    [&length.to_be_bytes()[1..], bytes].concat()
}
