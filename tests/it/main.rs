//! The one integration binary: the program and its rooms, seen from outside.

mod daemons;
mod judge;
mod judge_targets;
mod old_tls;
mod report;
mod schema;
mod simulate;
mod wire;
