//! # run: who goes when
//!
//! Takes a plan and tells events: every target resolved, its checks all at once, each judged as it comes in, the target
//! judged when the last one has. Limits, deadline and interrupt are kept here and in `net`. Every row of the plan gets
//! its finding, whatever happens; `RunFinished` comes exactly once, last. It knows neither what is said on a
//! connection nor how anything is told.
//!
//! Start reading at [`run`], in `targets`: which targets begin when. `target` is one of them from its lookup to its
//! verdict: its `rows`, each a `check`, the web services `behind` 443, the `control` port, and `port_25` of other hosts.

mod admission;
mod again;
mod behind;
mod check;
mod control;
mod events;
#[cfg(test)]
mod fixture;
mod nodes;
mod port_25;
mod rows;
mod setup;
mod target;
mod targets;
mod wait;

pub use events::channel;
pub use setup::{Cancellation, Kept, Sequence, Setup};
pub use targets::{Further, run, run_with};
pub use wait::{Wait, until_well};
