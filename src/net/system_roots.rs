//! This machine's own store of roots, read on a thread of its own.
//!
//! On some systems reading it takes long, and it can hang (a store on a network drive, a folder of thousands of files).
//! So nobody waits for it but a check whose certificate leads to no other root, and that one no longer than it would
//! for a reply.

use std::sync::{Arc, OnceLock};
use std::thread;

use rustls::RootCertStore;
use tokio::sync::watch;

/// The store, or that it is still being read.
#[derive(Debug, Default)]
pub(super) struct SystemRoots(OnceLock<watch::Receiver<Option<Arc<RootCertStore>>>>);

/// How far the reading is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reading {
    /// The store may still come.
    UnderWay,
    /// It has come.
    Done,
    /// It cannot come: the thread could not begin, or broke.
    Failed,
}

impl SystemRoots {
    /// Begins to read, if nobody has begun.
    pub(super) fn begin(&self) {
        self.receiver();
    }

    fn receiver(&self) -> &watch::Receiver<Option<Arc<RootCertStore>>> {
        self.0.get_or_init(|| {
            let (sender, receiver) = watch::channel(None);
            // Without a thread the sender is gone, and everybody sees that.
            let begun = thread::Builder::new().spawn(move || {
                sender.send_replace(Some(Arc::new(read())));
            });
            drop(begun);
            receiver
        })
    }

    /// The store, as soon as it has come.
    pub(super) fn store(&self) -> Option<Arc<RootCertStore>> {
        self.receiver().borrow().clone()
    }

    pub(super) fn reading(&self) -> Reading {
        let receiver = self.receiver();
        // The sender goes right after it has sent: look at the value last.
        let is_gone = receiver.has_changed().is_err();
        match (receiver.borrow().is_some(), is_gone) {
            (true, _) => Reading::Done,
            (false, true) => Reading::Failed,
            (false, false) => Reading::UnderWay,
        }
    }

    /// Waits until it has come, or cannot come any more.
    pub(super) async fn settled(&self) {
        let mut receiver = self.receiver().clone();
        // An error says that it cannot come any more.
        let _ = receiver.wait_for(Option::is_some).await;
    }
}

fn read() -> RootCertStore {
    let mut store = RootCertStore::empty();
    // What cannot be read of a half-broken store is left out: the public roots stand beside it.
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}
