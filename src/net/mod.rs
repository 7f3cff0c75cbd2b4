//! # net: the only module that touches the network
//!
//! It resolves names, dials addresses, carries bytes both ways, upgrades to TLS and reads clocks. It keeps every bound
//! of [`Limits`](crate::plan::Limits) and notes what it saw in a [`Record`]. It does not know what is said on a
//! connection (that is `probe`'s) nor what it means (`judge`'s).
//!
//! Start reading at [`Session`]: the only thing that reads, writes, waits and upgrades. A dialogue gets one from a
//! [`Dial`], which is TCP in the program ([`dial`]) and a scripted peer in tests. [`tls`] does the handshake with a
//! verifier that records and never judges; [`trust`] turns chain, roots and name into facts.
//! What a proxy on the way is asked: `proxy`. What TLS cannot be spoken can still be asked for: `old_tls`.

pub mod bounds;
pub mod clock;
mod der;
pub mod dial;
pub mod dns;
mod fingerprints;
mod identity;
mod old_tls;
mod os;
mod p521;
mod placed;
mod proxy;
pub mod recording;
pub mod resolve;
pub mod server_tls;
pub mod session;
mod sockets;
pub mod tls;
pub mod trust;

pub use bounds::{Bounds, Halt, Halter, Interruption};
pub use dial::TcpDial;
pub use dns::Resolver;
pub use identity::{Identity, NoIdentity};
pub use proxy::Via;
pub use recording::Stream;
pub use resolve::{Lookup, resolve};
pub use session::{Dial, OnSecure, Record, Session};
pub use sockets::SocketLimits;
pub use tls::{Alpn, TlsAsk};
pub use trust::Roots;
