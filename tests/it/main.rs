//! The one integration binary: the program and its rooms, seen from outside.

mod simulate;
mod daemons;
mod layering;
mod probe;
mod wire;
