//! The module `probe` over scripted peers: literal bytes, a clock that stands still, no network.
//!
//! [`trial`] is one check against a [`peer`](crate::peer), which is the other end of a connection.
//! [`script`] reads the transcripts of `tests/transcripts`, [`transcripts`] plays them. [`bounds`] holds every wait to
//! the moment at which it has to end, [`flights`] counts round trips, [`manners`] what we say to whom. [`web`] is about Exchange's web services.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

pub(crate) mod bounds;
mod flights;
mod manners;
pub(crate) mod script;
pub(crate) mod transcripts;
pub(crate) mod trial;
mod web;
