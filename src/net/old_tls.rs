//! TLS that the library does not speak: a `ClientHello` made by hand, and what the server's answer shows.
//!
//! Nothing is decrypted, and nothing proven: a server that only repeats what another one says cannot be told from that
//! one. [`Session::ask_in_old_tls`](super::Session::ask_in_old_tls) sends and reads; here is what is asked and learned.

use rustls::pki_types::CertificateDer;

use super::tls::{TlsAsk, indicated_name};
use crate::facts::{Cipher, ClientCertificate, KeyExchange, LegacyAnswer, LegacyFacts, TlsVersion};
use crate::plan::Limits;
use crate::wire::tls::{self, Agreement, Flight, Version};

/// The first word, which asks for this version.
pub(super) fn hello(version: TlsVersion, ask: &TlsAsk) -> Vec<u8> {
    let mut random = [0; 32];
    // A server that is given zeros answers as well: nothing is encrypted with them.
    let _ = ask.roots.provider().secure_random.fill(&mut random);
    tls::client_hello(wire_version(version), indicated_name(&ask.host), random)
}

/// The last word.
pub(super) fn goodbye(version: TlsVersion) -> [u8; 7] {
    tls::close_notify(wire_version(version))
}

/// What an answer shows; `unless_more` is what it means that nothing came, or nothing more.
pub(super) fn learn(flight: &Flight, unless_more: LegacyAnswer) -> LegacyFacts {
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
            tls::KeyExchange::Rsa => KeyExchange::Rsa,
            tls::KeyExchange::Dhe => KeyExchange::Dhe,
            tls::KeyExchange::Ecdhe | tls::KeyExchange::Tls13 => KeyExchange::Ecdhe,
        }),
        cipher: suite.map(|suite| match suite.cipher {
            tls::Cipher::Aead => Cipher::Aead,
            tls::Cipher::Cbc => Cipher::Cbc,
            tls::Cipher::TripleDes => Cipher::TripleDes,
            tls::Cipher::Rc4 => Cipher::Rc4,
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
    }
}

/// The chain that came.
pub(super) fn chain(flight: Flight) -> Vec<CertificateDer<'static>> {
    flight
        .certificates
        .into_iter()
        .take(Limits::CHAIN)
        .map(CertificateDer::from)
        .collect()
}

fn wire_version(version: TlsVersion) -> Version {
    match version {
        TlsVersion::Ssl3 => Version::Ssl3,
        TlsVersion::Tls10 => Version::Tls10,
        TlsVersion::Tls11 => Version::Tls11,
        TlsVersion::Tls12 => Version::Tls12,
        TlsVersion::Tls13 => Version::Tls13,
    }
}

fn facts_version(version: Version) -> TlsVersion {
    match version {
        Version::Ssl3 => TlsVersion::Ssl3,
        Version::Tls10 => TlsVersion::Tls10,
        Version::Tls11 => TlsVersion::Tls11,
        Version::Tls12 => TlsVersion::Tls12,
        Version::Tls13 => TlsVersion::Tls13,
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
