//! The one integration binary: the program and its rooms, seen from outside.

mod cli;
mod daemons;
mod demo;
mod judge;
mod readme;
mod layering;
mod probe;
mod report;
mod schema;
mod simulate;
mod wire;
