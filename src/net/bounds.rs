//! What a wait is bounded by: the limits of its check, the deadline of the run, and the word that ends every wait at
//! once (Ctrl-C, or the console going away).

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::unconstrained;
use tokio::time::Instant;

use crate::observation::Cause;
use crate::plan::Limits;

/// The bounds within which a session is held.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// How long each stage may take, and how much may come.
    pub limits: Limits,
    /// When this connection ends at the latest.
    pub until: Instant,
    /// When the run ends.
    pub deadline: Option<Instant>,
    /// The interrupt.
    pub halt: Halt,
}

impl Bounds {
    /// Runs something until it is done, its patience is over, or somebody else ends it.
    ///
    /// # Errors
    /// Why it did not come to its end.
    pub async fn bounded<T>(
        &mut self,
        patience: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, Interruption> {
        let until = (Instant::now() + patience).min(self.until);
        let (until, over) = match self.deadline {
            Some(deadline) if deadline <= until => (deadline, Interruption::Deadline),
            _ => (until, Interruption::Patience),
        };
        // Work that is never out of something to do (records that carry nothing, without end) uses up what tokio gives a
        // task at a time: the ends have to be seen all the same.
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = unconstrained(self.halt.said()) => Err(Interruption::Interrupted),
            () = unconstrained(tokio::time::sleep_until(until)) => Err(over),
        }
    }
}

/// Why a wait ended before what it waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Interruption {
    /// The stage's patience, or the check's end.
    Patience,
    /// The run's deadline.
    Deadline,
    /// The interrupt.
    Interrupted,
}

impl Interruption {
    /// The cause it makes, given the one for patience.
    #[must_use]
    pub fn cause(self, patience: Cause) -> Cause {
        match self {
            Self::Patience => patience,
            Self::Deadline => Cause::Deadline,
            Self::Interrupted => Cause::Interrupted,
        }
    }
}

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
