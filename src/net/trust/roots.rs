//! Whom to trust: the roots of files, the public ones, and those of this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;

use super::known::{KnownChains, PresentedChain};
use super::signatures;
use super::system_roots::SystemRoots;
use crate::facts::{Anchor, Text};
use crate::plan::{Limits, Stores, Trust};

/// Whom to trust, by where the root comes from.
#[derive(Debug)]
pub struct Roots {
    provider: Arc<CryptoProvider>,
    files: Arc<RootCertStore>,
    public: Option<Arc<RootCertStore>>,
    /// Read while the first handshakes are made.
    pub(super) system: Option<SystemRoots>,
    /// Whether a certificate's issuer was looked for in this machine's store, in vain.
    pub(super) missed: AtomicBool,
    /// What was looked at with these roots.
    pub(super) known: KnownChains,
}

/// Why a file's certificates cannot be trusted.
#[derive(Debug, thiserror::Error)]
#[error("certificate {number} cannot be used as a root: {reason}")]
pub struct NotARoot {
    /// Which, counted from 1.
    pub number: usize,
    /// In webpki's words.
    pub reason: String,
}

impl Roots {
    /// The roots that a plan trusts.
    ///
    /// # Errors
    /// A certificate of `--ca-file` cannot be read.
    pub fn new(trust: &Trust) -> Result<Self, NotARoot> {
        let mut files = RootCertStore::empty();
        for (index, der) in trust.ca_certificates.iter().enumerate() {
            files
                .add(CertificateDer::from(der.clone()))
                .map_err(|error| NotARoot {
                    number: index + 1,
                    reason: error.to_string(),
                })?;
        }
        let public = (trust.stores != Stores::System).then(|| {
            Arc::new(RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            })
        });
        Ok(Self {
            provider: signatures::provider(),
            files: Arc::new(files),
            public,
            system: (trust.stores != Stores::Public).then(SystemRoots::default),
            missed: AtomicBool::new(false),
            known: KnownChains::default(),
        })
    }

    /// The provider of cryptography.
    #[must_use]
    pub fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
    }

    /// Why nobody at all is trusted, in words: this machine's store is all there is, and it is empty. Waits until it has
    /// been read, but not for longer than `patience`: what comes later is told of each certificate.
    pub async fn lack(&self, patience: Duration) -> Option<Text> {
        let system = self.system.as_ref()?;
        if self.public.is_some() || !self.files.is_empty() {
            return None;
        }
        let _ = tokio::time::timeout(patience, system.settled()).await;
        let is_empty = system.store()?.is_empty();
        system.trouble().filter(|_| is_empty)
    }

    /// What is missing in this machine's store, in words, where that mattered: an issuer was looked for in it, in vain.
    #[must_use]
    pub fn trouble(&self) -> Option<Text> {
        let missed = self.missed.load(Ordering::Relaxed);
        self.system.as_ref().filter(|_| missed)?.trouble()
    }

    /// Begins to read what takes long, so that it is there when a chain is assessed.
    pub(in crate::net) fn prepare(&self) {
        if let Some(system) = &self.system {
            system.begin();
        }
    }

    /// What a peer shows, as far as a chain is looked at.
    pub(in crate::net) fn presented<'a>(
        &self,
        chain: impl Iterator<Item = &'a CertificateDer<'a>>,
    ) -> PresentedChain {
        let chain: Vec<_> = chain
            .take(Limits::CHAIN)
            .map(|der| CertificateDer::from(der.as_ref()))
            .collect();
        match self.known.get(&chain) {
            Some(known) => PresentedChain::Known(known),
            None => {
                PresentedChain::New(chain.into_iter().map(CertificateDer::into_owned).collect())
            }
        }
    }

    /// Whether no set of roots is still to come.
    pub(super) fn are_whole(&self) -> bool {
        let system = self.system.as_ref();
        system.is_none_or(|system| system.store().is_some())
    }

    /// The sets of roots that are there, the one asked first in front.
    pub(super) fn sets(&self) -> impl Iterator<Item = (Anchor, Arc<RootCertStore>)> {
        let files = std::iter::once((Anchor::CaFile, Arc::clone(&self.files)));
        let public = self
            .public
            .iter()
            .cloned()
            .map(|store| (Anchor::Public, store));
        let system = self
            .system
            .iter()
            .filter_map(SystemRoots::store)
            .map(|store| (Anchor::System, store));
        files.chain(public).chain(system)
    }
}
