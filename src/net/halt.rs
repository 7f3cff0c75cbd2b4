//! The word that ends every wait at once: Ctrl-C, or the console going away.

use tokio::sync::watch;

/// Says the word.
#[derive(Debug)]
pub struct Halter(watch::Sender<bool>);

/// Hears the word; every session has one.
#[derive(Clone, Debug)]
pub struct Halt(watch::Receiver<bool>);

impl Halter {
    /// A pair of the two.
    #[must_use]
    pub fn new() -> (Self, Halt) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Halt(receiver))
    }

    /// Ends every wait that hears it, now and from now on.
    pub fn halt(&self) {
        self.0.send_replace(true);
    }
}

impl Halt {
    /// One that is never said.
    #[must_use]
    pub fn never() -> Self {
        let (_, receiver) = watch::channel(false);
        Self(receiver)
    }

    /// Whether it was said.
    #[must_use]
    pub fn is_said(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is said.
    pub async fn said(&mut self) {
        if self.0.wait_for(|said| *said).await.is_err() {
            // Nobody is left who could say it.
            std::future::pending::<()>().await;
        }
    }
}
