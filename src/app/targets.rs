//! Targets that are read while a run goes on, on a thread of their own: a pipe may be silent for long.

use std::sync::{Arc, OnceLock};
use std::thread;

use tokio::sync::mpsc;

use crate::cli::{MoreTargets, UsageError};
use crate::run::Further;

/// As many are read ahead.
const AHEAD: usize = 64;

/// What keeps the rest of the targets from being read, as soon as it does.
pub(super) type Unreadable = Arc<OnceLock<UsageError>>;

/// Begins to read them; the thread ends with them, or with the run.
pub(super) fn read(more: MoreTargets) -> (Further, Unreadable) {
    let (sender, targets) = mpsc::channel(AHEAD);
    let further = Further {
        targets,
        count: more.total(),
    };
    let trouble = Unreadable::default();
    let told = Arc::clone(&trouble);
    thread::spawn(move || {
        for target in more {
            match target {
                Ok(target) => {
                    if sender.blocking_send(target).is_err() {
                        return;
                    }
                }
                // It is the last.
                Err(error) => drop(told.set(error)),
            }
        }
    });
    (further, trouble)
}
