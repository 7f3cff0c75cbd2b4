//! Hostile peers: what each comes to, when, how many bytes were read from one of its connections, and how long the line of
//! JSON is that tells of it all. `cargo test --test it hostile -- --nocapture` prints the tables. That line is what is kept,
//! and no measure of memory; memory is measured where a check is a process of its own, in [`sockets`].

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]
#![expect(clippy::print_stdout, reason = "the table is for whoever asks for it")]

mod by_hand;
mod cost;
mod everywhere;
#[cfg(target_os = "linux")]
mod names;
mod positions;
mod protocols;
mod records;
mod sheet;
mod sockets;
mod web;
