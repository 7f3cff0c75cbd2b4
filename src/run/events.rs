//! The way of events to their reader.

use tokio::sync::mpsc;

use crate::event::Event;

/// As many events as [`channel`] keeps for a reader.
const EVENTS: usize = 256;

/// A way for events that keeps few of them: while its reader is slow, no further target is begun.
#[must_use]
pub fn channel() -> (mpsc::Sender<Event>, mpsc::Receiver<Event>) {
    mpsc::channel(EVENTS)
}

/// Waits until there is room for it.
pub(super) async fn tell(events: &mpsc::Sender<Event>, event: Event) {
    // Nobody listens any more: what is found is still counted.
    drop(events.send(event).await);
}
