//! The chains that were looked at, and what they say: signatures are what a check costs most, and the services of a
//! host, like the hosts of a fleet, show few chains.
//!
//! A chain is known by every byte of it. [`Roots`](super::Roots) keeps those that were looked at with these roots, so
//! that nothing is believed under other ones; what it says depends on nothing else. To a name it is compared each time,
//! and the signature of a handshake is no part of this: it is checked each time as well.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::pki_types::{CertificateDer, ServerName};

use super::certificate::is_made_out_to;
use crate::facts::{CertificateFacts, ChainLink, Fingerprints, Text};
use crate::plan::Limits;

/// What a chain says.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct ChainFacts {
    pub(in crate::net) certificate: Option<Arc<CertificateFacts>>,
    pub(in crate::net) chain: Arc<[ChainLink]>,
    /// By what each of them is known to others.
    pub(in crate::net) fingerprints: Arc<[Fingerprints]>,
}

/// A chain as a peer showed it.
#[derive(Clone, Debug)]
pub(in crate::net) enum PresentedChain {
    /// One that was looked at before.
    Known(Arc<KnownChain>),
    /// Another one, or none at all.
    New(Vec<CertificateDer<'static>>),
}

impl Default for PresentedChain {
    fn default() -> Self {
        Self::New(Vec::new())
    }
}

/// A chain that was looked at.
#[derive(Debug)]
pub(in crate::net) struct KnownChain {
    chain: Arc<[CertificateDer<'static>]>,
    /// As for a name that its certificate is not made out to.
    facts: ChainFacts,
    /// The certificate's, for a name that it is made out to.
    for_its_names: OnceLock<Arc<CertificateFacts>>,
}

impl KnownChain {
    /// `facts` are those without a name.
    pub(super) fn new(chain: Arc<[CertificateDer<'static>]>, facts: ChainFacts) -> Self {
        Self {
            chain,
            facts,
            for_its_names: OnceLock::new(),
        }
    }

    /// Whether its first certificate could be read.
    pub(in crate::net) fn is_readable(&self) -> bool {
        self.facts.certificate.is_some()
    }

    /// What it says to whoever asked for a name; one that no certificate can bear is `None`.
    pub(super) fn told(&self, name: Option<&ServerName<'_>>) -> ChainFacts {
        let is_for_it = name
            .zip(self.chain.first())
            .is_some_and(|(name, leaf)| is_made_out_to(name, leaf));
        let certificate = self.facts.certificate.as_ref().map(|facts| {
            if !is_for_it {
                return Arc::clone(facts);
            }
            let named = self.for_its_names.get_or_init(|| {
                Arc::new(CertificateFacts {
                    name_matches: true,
                    ..CertificateFacts::clone(facts)
                })
            });
            Arc::clone(named)
        });
        ChainFacts {
            certificate,
            ..self.facts.clone()
        }
    }

    /// Bytes that it takes, about: those of its certificates, and those of what is told of them, in both forms.
    fn weight(&self) -> usize {
        let text = |text: &Text| size_of::<Text>() + text.as_str().len();
        let of_certificate = |facts: &CertificateFacts| {
            let texts = facts.names.iter().chain(&facts.issuer_urls);
            let texts = texts.chain([&facts.subject, &facts.issuer]);
            size_of::<CertificateFacts>() + texts.map(text).sum::<usize>()
        };
        let of_link =
            |link: &ChainLink| size_of::<ChainLink>() + text(&link.subject) + text(&link.issuer);
        let ders = self.chain.iter().map(|der| size_of_val(der) + der.len());
        let links = self.facts.chain.iter().map(of_link);
        let prints = size_of_val(self.facts.fingerprints.as_ref());
        let certificate = self.facts.certificate.as_deref().map(of_certificate);
        ders.chain(links).sum::<usize>() + prints + 2 * certificate.unwrap_or_default()
    }
}

/// The chains that are known, never more than [`Limits::KNOWN_CHAINS`] and [`Limits::KNOWN_CHAIN_BYTES`]: those that
/// nobody has shown for longest make room.
#[derive(Debug, Default)]
pub(super) struct KnownChains(Mutex<Generations>);

/// Whoever is shown again grows young again; when the young are half of all that there may be, the old ones go.
#[derive(Debug, Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    chains: HashMap<Arc<[CertificateDer<'static>]>, Arc<KnownChain>>,
    bytes: usize,
}

impl KnownChains {
    /// What is known of a chain, compared byte by byte.
    pub(super) fn get(&self, chain: &[CertificateDer<'_>]) -> Option<Arc<KnownChain>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.young.find(chain) {
            return Some(known);
        }
        let known = all.old.find(chain)?;
        all.old.remove(&known);
        all.add(&known);
        Some(known)
    }

    pub(super) fn keep(&self, known: &Arc<KnownChain>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.young.find(&known.chain).is_none() {
            all.old.remove(known);
            all.add(known);
        }
    }
}

impl Generations {
    fn add(&mut self, known: &Arc<KnownChain>) {
        const MOST: usize = Limits::KNOWN_CHAINS / 2;
        const MOST_BYTES: usize = Limits::KNOWN_CHAIN_BYTES / 2;
        let weight = known.weight();
        if weight > MOST_BYTES {
            return;
        }
        if self.young.chains.len() >= MOST || self.young.bytes + weight > MOST_BYTES {
            self.old = mem::take(&mut self.young);
        }
        self.young.bytes += weight;
        let chain = Arc::clone(&known.chain);
        self.young.chains.insert(chain, Arc::clone(known));
    }
}

impl Generation {
    fn find(&self, chain: &[CertificateDer<'_>]) -> Option<Arc<KnownChain>> {
        self.chains.get(chain).cloned()
    }

    fn remove(&mut self, known: &KnownChain) {
        if self.chains.remove(&known.chain).is_some() {
            self.bytes -= known.weight();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Text;

    /// A chain of one certificate with that number in it, so many bytes long, of which so much text is told.
    fn known(number: usize, bytes: usize, text: usize) -> Arc<KnownChain> {
        let mut der = vec![0; bytes];
        der[..size_of::<usize>()].copy_from_slice(&number.to_ne_bytes());
        let link = ChainLink {
            subject: Text::from("x".repeat(text).as_str()),
            issuer: Text::default(),
            sha256: String::new(),
            not_before: None,
            not_after: None,
            key: None,
            signature: None,
        };
        let facts = ChainFacts {
            chain: Arc::new([link]),
            ..ChainFacts::default()
        };
        Arc::new(KnownChain::new(Arc::new([der.into()]), facts))
    }

    impl KnownChains {
        fn is_known(&self, chain: &KnownChain) -> bool {
            let all = self.0.lock().expect("it is whole");
            [&all.young, &all.old]
                .iter()
                .any(|generation| generation.find(&chain.chain).is_some())
        }

        /// How many there are, and how many bytes they take.
        fn size(&self) -> (usize, usize) {
            let all = self.0.lock().expect("it is whole");
            let both = || [&all.young, &all.old].into_iter();
            let known = both().flat_map(|generation| generation.chains.values());
            let bytes = known.map(|known| known.weight()).sum();
            assert_eq!(
                bytes,
                both().map(|generation| generation.bytes).sum::<usize>()
            );
            (both().map(|it| it.chains.len()).sum(), bytes)
        }
    }

    #[test]
    fn what_is_remembered_has_a_bound_in_number_and_in_bytes() {
        let small = KnownChains::default();
        for number in 0..10_000 {
            small.keep(&known(number, 64, 0));
            assert!(small.size().0 <= Limits::KNOWN_CHAINS);
        }
        assert!(small.size().0 >= Limits::KNOWN_CHAINS / 2);
        for (bytes, text) in [(60_000, 0), (64, 1_900)] {
            let large = KnownChains::default();
            for number in 0..2_000 {
                large.keep(&known(number, bytes, text));
                assert!(large.size().1 <= Limits::KNOWN_CHAIN_BYTES);
            }
            assert!(large.size().1 > Limits::KNOWN_CHAIN_BYTES / 4);
        }
        let endless = known(0, Limits::KNOWN_CHAIN_BYTES, 0);
        small.keep(&endless);
        assert!(!small.is_known(&endless));
    }

    /// Whoever shows ever new chains pushes out none that others show again.
    #[test]
    fn what_is_shown_again_stays() {
        let chains = KnownChains::default();
        let shown_by_all = known(0, 64, 0);
        chains.keep(&shown_by_all);
        for number in 1..10_000 {
            let other = known(number, 64, 0);
            chains.keep(&other);
            assert!(chains.is_known(&other));
            if number % 100 == 0 {
                assert!(chains.get(&shown_by_all.chain).is_some());
            }
        }
        assert!(!chains.is_known(&known(1, 64, 0)));
    }

    #[test]
    fn keeping_one_again_takes_no_room() {
        let chains = KnownChains::default();
        let again = known(7, 64, 0);
        chains.keep(&again);
        let size = chains.size();
        chains.keep(&known(7, 64, 0));
        assert_eq!(chains.size(), size);
        // Also when it is one of the old.
        for number in 100..100 + Limits::KNOWN_CHAINS / 2 {
            chains.keep(&known(number, 64, 0));
        }
        let (count, _) = chains.size();
        chains.keep(&again);
        assert_eq!(chains.size().0, count);
    }

    #[test]
    fn certificates_are_told_apart_by_where_they_end() {
        let of = |ders: &[&[u8]]| -> Arc<[CertificateDer<'static>]> {
            ders.iter().map(|der| der.to_vec().into()).collect()
        };
        let chains = KnownChains::default();
        let facts = ChainFacts::default();
        chains.keep(&Arc::new(KnownChain::new(of(&[b"ab", b"c"]), facts)));
        assert!(chains.get(&of(&[b"ab", b"c"])).is_some());
        for other in [
            &[b"a".as_slice(), b"bc"][..],
            &[b"abc"],
            &[b"ab"],
            &[b"ab", b"c", b""],
            &[b"c", b"ab"],
            &[b"ab", b"d"],
        ] {
            assert!(chains.get(&of(other)).is_none(), "{other:?}");
        }
    }
}
