//! Hostile peers.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

mod by_hand;
mod cost;
