//! TLS that the library does not speak: a `ClientHello` made by hand, and what the server's answer shows.
//!
//! Nothing is decrypted. What can be proven before that is: a key exchange that is signed in TLS 1.2 has to be signed by
//! the key of the certificate, for this very hello. Where nothing is signed (RSA key exchange, older versions), a server
//! that only repeats what another one says cannot be told from that one, and the facts say so.
//! [`Session::ask_in_old_tls`](super::Session::ask_in_old_tls) sends and reads; here is what is asked and learned.

use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;

use super::tls::{TlsAsk, indicated_name};
use super::trust::signatures::{self, Signature};
use super::{der, trust};
use crate::facts::{
    Cipher, ClientCertificate, KeyExchange, KeyProof, LegacyAnswer, LegacyFacts, TlsVersion,
};
use crate::plan::Limits;
use crate::wire::tls::{self, Agreement, End, Flight, ProtocolVersion, ServerHello};

/// A question in old TLS.
pub(super) struct Hello {
    version: ProtocolVersion,
    random: [u8; 32],
    /// The first word, which asks for that version.
    pub(super) bytes: Vec<u8>,
}

/// What is asked.
pub(super) fn hello(version: TlsVersion, ask: &TlsAsk) -> Hello {
    let version = wire_version(version);
    let mut random = [0; 32];
    // A server that is given zeros answers as well: nothing is encrypted with them.
    let _ = ask.roots.provider().secure_random.fill(&mut random);
    Hello {
        version,
        random,
        bytes: tls::client_hello(version, indicated_name(&ask.host), random),
    }
}

/// The last word.
pub(super) fn goodbye(version: TlsVersion) -> [u8; 7] {
    tls::close_notify(wire_version(version))
}

/// What an answer shows, and the chain that came with it; `unless_more` is what it means that nothing came, or nothing
/// more. Who chooses what was not asked for, or shows a certificate whose key did not sign what it had to, shows none.
pub(super) fn learn(
    asked: &Hello,
    flight: Flight,
    unless_more: LegacyAnswer,
    provider: &CryptoProvider,
) -> (LegacyFacts, Vec<CertificateDer<'static>>) {
    let (flight, unless_more) = match flight.hello {
        Some(hello) if !is_asked_for(hello, asked.version) => {
            let alert = flight.alert;
            let nothing_else = Flight::default();
            (
                Flight {
                    alert,
                    ..nothing_else
                },
                LegacyAnswer::NotTls,
            )
        }
        _ => (flight, unless_more),
    };
    let proof = proof(asked, &flight, provider);
    let facts = facts(&flight, unless_more, proof);
    let chain = match proof {
        Some(KeyProof::Broken) => Vec::new(),
        _ => chain(flight),
    };
    (facts, chain)
}

/// Up to that version, with one of the suites in the hello.
fn is_asked_for(chosen: ServerHello, version: ProtocolVersion) -> bool {
    let suite = tls::suite(chosen.cipher_suite);
    chosen.version <= version
        && suite.is_some_and(|suite| {
            (suite.key_exchange == tls::SuiteKeyExchange::Tls13)
                == (chosen.version == ProtocolVersion::Tls13)
        })
}

/// Whether the server showed that it holds its key.
fn proof(asked: &Hello, flight: &Flight, provider: &CryptoProvider) -> Option<KeyProof> {
    let hello = flight.hello?;
    if hello.version != ProtocolVersion::Tls12 || flight.end != Some(End::HelloDone) {
        return None;
    }
    let leaf = CertificateDer::from(flight.certificates.first()?.as_slice());
    if tls::suite(hello.cipher_suite)?.key_exchange == tls::SuiteKeyExchange::Rsa {
        return Some(KeyProof::Deferred);
    }
    let key = trust::public_key(&leaf)?;
    let (key, _) = der::contents(&key)?;
    let Some(signed) = &flight.signed else {
        return Some(KeyProof::Broken);
    };
    let message = [asked.random.as_slice(), &hello.random, &signed.parameters].concat();
    let scheme = SignatureScheme::from(signed.scheme);
    let told = signatures::signed_handshake(provider, key, scheme, &message, &signed.signature);
    Some(match told {
        Signature::Holds => KeyProof::Shown,
        Signature::Broken => KeyProof::Broken,
        Signature::Unchecked => KeyProof::Unchecked,
    })
}

fn facts(flight: &Flight, unless_more: LegacyAnswer, proof: Option<KeyProof>) -> LegacyFacts {
    let hello = flight.hello;
    let suite = hello.and_then(|hello| tls::suite(hello.cipher_suite));
    LegacyFacts {
        answer: match (hello, flight.alert) {
            (Some(_), _) => LegacyAnswer::Agreed,
            (None, Some(_)) => LegacyAnswer::Alert,
            (None, None) => unless_more,
        },
        version: hello.map(|hello| facts_version(hello.version)),
        cipher_suite: hello.map(|hello| tls::suite_name(hello.cipher_suite)),
        key_exchange: suite.map(|suite| match suite.key_exchange {
            tls::SuiteKeyExchange::Rsa => KeyExchange::Rsa,
            tls::SuiteKeyExchange::Dhe => KeyExchange::Dhe,
            tls::SuiteKeyExchange::Ecdhe | tls::SuiteKeyExchange::Tls13 => KeyExchange::Ecdhe,
        }),
        cipher: suite.map(|suite| match suite.cipher {
            tls::SuiteCipher::Aead => Cipher::Aead,
            tls::SuiteCipher::Cbc => Cipher::Cbc,
            tls::SuiteCipher::TripleDes => Cipher::TripleDes,
            tls::SuiteCipher::Rc4 => Cipher::Rc4,
        }),
        group: match flight.agreement {
            Some(Agreement::Group(number)) => Some(tls::group_name(number)),
            _ => None,
        },
        prime_bits: match flight.agreement {
            Some(Agreement::Prime(bits)) => Some(bits),
            _ => None,
        },
        alert: flight.alert.map(|alert| alert.description),
        client_certificate: flight
            .certificate_requested
            .then_some(ClientCertificate::Requested),
        proof,
    }
}

/// The chain that came.
fn chain(flight: Flight) -> Vec<CertificateDer<'static>> {
    flight
        .certificates
        .into_iter()
        .take(Limits::CHAIN)
        .map(CertificateDer::from)
        .collect()
}

fn wire_version(version: TlsVersion) -> ProtocolVersion {
    match version {
        TlsVersion::Ssl3 => ProtocolVersion::Ssl3,
        TlsVersion::Tls10 => ProtocolVersion::Tls10,
        TlsVersion::Tls11 => ProtocolVersion::Tls11,
        TlsVersion::Tls12 => ProtocolVersion::Tls12,
        TlsVersion::Tls13 => ProtocolVersion::Tls13,
    }
}

fn facts_version(version: ProtocolVersion) -> TlsVersion {
    match version {
        ProtocolVersion::Ssl3 => TlsVersion::Ssl3,
        ProtocolVersion::Tls10 => TlsVersion::Tls10,
        ProtocolVersion::Tls11 => TlsVersion::Tls11,
        ProtocolVersion::Tls12 => TlsVersion::Tls12,
        ProtocolVersion::Tls13 => TlsVersion::Tls13,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_chain_its_beginning_is_looked_at() {
        let flight = Flight {
            certificates: (0..64).map(|number| vec![number]).collect(),
            ..Flight::default()
        };
        let chain = chain(flight);
        assert_eq!(chain.len(), Limits::CHAIN);
        assert_eq!(chain.last().map(|last| last.to_vec()), Some(vec![15]));
    }
}
