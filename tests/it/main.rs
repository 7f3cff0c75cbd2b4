//! The one integration binary: the program and its rooms, seen from outside.

mod daemons;
mod dial;
mod judge;
mod report;
mod schema;
mod simulate;
mod tls;
mod wire;
