//! This machine's own store of roots, read on a thread of its own.
//!
//! On some systems reading it takes long, and it can hang (a store on a network drive, a folder of thousands of files).
//! So nobody waits for it but a check whose certificate leads to no other root, and that one no longer than it would
//! for a reply.

use std::env;
use std::sync::{Arc, OnceLock};
use std::thread;

use rustls::RootCertStore;
use tokio::sync::watch;

use crate::facts::Text;

/// The store, or that it is still being read.
#[derive(Debug, Default)]
pub(super) struct SystemRoots(OnceLock<watch::Receiver<Option<Store>>>);

/// What was read.
#[derive(Clone, Debug)]
struct Store {
    roots: Arc<RootCertStore>,
    /// Why there is less in it than there should be.
    trouble: Option<Text>,
}

/// How far the reading is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum StoreReading {
    /// The store may still come.
    UnderWay,
    /// It has come.
    Done,
    /// It cannot come: the thread could not begin, or broke.
    Failed,
}

impl SystemRoots {
    /// A store that is being read for ever.
    #[cfg(test)]
    pub(super) fn that_never_come() -> Self {
        let (sender, receiver) = watch::channel(None);
        // Dropped, it would say that they cannot come.
        std::mem::forget(sender);
        Self(OnceLock::from(receiver))
    }

    /// Begins to read, if nobody has begun.
    pub(super) fn begin(&self) {
        self.receiver();
    }

    fn receiver(&self) -> &watch::Receiver<Option<Store>> {
        self.0.get_or_init(|| {
            let (sender, receiver) = watch::channel(None);
            // Without a thread the sender is gone, and everybody sees that.
            let begun = thread::Builder::new().spawn(move || {
                sender.send_replace(Some(read()));
            });
            drop(begun);
            receiver
        })
    }

    /// The store, as soon as it has come.
    pub(super) fn store(&self) -> Option<Arc<RootCertStore>> {
        let store = self.receiver().borrow();
        store.as_ref().map(|store| Arc::clone(&store.roots))
    }

    /// Why there is less in the store than there should be, or nothing, once it has come.
    pub(super) fn trouble(&self) -> Option<Text> {
        let store = self.receiver().borrow();
        store.as_ref().and_then(|store| store.trouble.clone())
    }

    pub(super) fn reading(&self) -> StoreReading {
        let receiver = self.receiver();
        // The sender goes right after it has sent: look at the value last.
        let is_gone = receiver.has_changed().is_err();
        match (receiver.borrow().is_some(), is_gone) {
            (true, _) => StoreReading::Done,
            (false, true) => StoreReading::Failed,
            (false, false) => StoreReading::UnderWay,
        }
    }

    /// Waits until it has come, or cannot come any more.
    pub(super) async fn settled(&self) {
        let mut receiver = self.receiver().clone();
        // An error says that it cannot come any more.
        let _ = receiver.wait_for(Option::is_some).await;
    }
}

fn read() -> Store {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // What cannot be read of a half-broken store is left out; whether that matters turns out later.
    let (_, unusable) = roots.add_parsable_certificates(found.certs);
    let mut troubles: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    troubles.dedup();
    if unusable > 0 {
        troubles.push(format!("{unusable} of its certificates cannot be used"));
    }
    Store {
        trouble: words(&roots, &troubles),
        roots: Arc::new(roots),
    }
}

fn words(roots: &RootCertStore, troubles: &[String]) -> Option<Text> {
    /// Troubles that are told.
    const TOLD: usize = 3;
    let what = if roots.is_empty() {
        "this machine's own store of roots is empty"
    } else if troubles.is_empty() {
        return None;
    } else {
        "a part of this machine's own store of roots was left out"
    };
    let named: Vec<String> = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .iter()
        .filter_map(|name| {
            let value = env::var_os(name)?;
            Some(format!("{name}={}", value.to_string_lossy()))
        })
        .collect();
    let mut words = what.to_owned();
    if !named.is_empty() {
        words = format!("{words} ({})", named.join(" "));
    }
    let (told, rest) = troubles.split_at(troubles.len().min(TOLD));
    if !told.is_empty() {
        words = format!("{words}: {}", told.join("; "));
    }
    if !rest.is_empty() {
        words = format!("{words}; and {} more", rest.len());
    }
    Some(words.as_str().into())
}
