//! Hostile peers.

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

/// Each peer, what it came to and when, how many bytes were read from one of its connections, and how long the line of JSON
/// is that tells of it all: `cargo test --test it hostile -- --nocapture` prints them. That line is what is kept, and no
/// measure of memory; memory is measured where a check is a process of its own, in [`sockets`].
#[test]
fn every_hostile_peer_gets_its_answer_in_time() {
    let parts: [fn(&mut sheet::Sheet); 5] = [
        everywhere::try_out,
        positions::try_out,
        protocols::try_out,
        records::try_out,
        web::try_out,
    ];
    let mut sheets = parts.map(|_| sheet::Sheet::default());
    std::thread::scope(|scope| {
        for (part, sheet) in parts.iter().zip(&mut sheets) {
            scope.spawn(|| part(sheet));
        }
    });
    sheet::hold(sheets);
}
