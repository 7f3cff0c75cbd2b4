//! # exchports
//!
//! Tells whether the ports that Outlook and Microsoft Exchange live on can really be used, and why not.
//!
//! *A run makes a **plan** from the **catalog**; each check **probes** its endpoint over the **net**, speaking **wire**
//! formats, and comes back with an **observation**; rules **judge** it into a **finding**; **reports** tell it.*
//!
//! ```text
//!             cli ──► app ──────────────────────────────────────────────────────► exit
//!                      │                                                           ▲
//!    catalog ──► plan ─┴─► run ──► probe ──► observation ──► judge ──► finding ──► event ──► report
//!      (table)             │         │  ▲                    (rules)              (table, json, ndjson)
//!                          │       net  wire
//!                          └─ bounded: in all, per address, by deadline
//! ```
//!
//! Files beside this one are the papers that are passed on: nouns, no behaviour. Folders are the rooms that do work;
//! each opens with what it does, what it must not do, and where to start reading.
//!
//! ## Invariants
//!
//! 1. Only `net` opens sockets, resolves names or reads a clock. (`simulate` listens, and tells the time where Exchange
//!    does. `run` and `simulate` use tokio's timers; wall-clock time reaches `judge` and `report` as an argument or in
//!    an event.)
//! 2. Every decoder in `wire` is total: any bytes give a value, "need more", or a violation; never a panic, never more
//!    memory than its limit. Every decoder has a fuzz oracle, and a test asserts that it has one.
//! 3. What the network does is data: a dialogue returns `Result<(), Failure>`, the room `probe` returns an
//!    `Observation` with its `Failure` and the facts learned before it. `Err` of the program is for the tool's own
//!    trouble.
//! 4. Observe, then judge. The TLS verifier records and lets the handshake finish (signatures stay checked).
//!    `net::trust` turns chain, roots and name into facts without a clock; `judge` decides, from its arguments alone,
//!    time included.
//! 5. Bytes received in clear after the STARTTLS go-ahead never cross into the secure session, and are counted.
//! 6. No credentials, no mail, no bind: a dialogue ends before AUTH, LOGIN, MAIL FROM, bind or `CredSSP`. It says
//!    goodbye.
//! 7. Every wait has a bound, and the whole check has one: a hostile peer costs its deadline, not more.
//! 8. One conversation at a time per check: the next is dialled after the last is closed. Racing two addresses is one
//!    dial. Limits count sockets, not checks.
//! 9. Reporters lay out. Status, wording of hints and the exit code are decided before them.
//! 10. Every code that leaves the program is kebab-case, documented, explained, and only ever added to.
//! 11. Bytes from the network are escaped before they reach a terminal, a log or a document.

pub mod app;
pub mod cli;
pub mod exit;

pub mod discovery;
pub mod event;
pub mod facts;
pub mod finding;
pub mod observation;
pub mod plan;

pub mod catalog;
pub mod discover;
pub mod judge;
pub mod net;
pub mod probe;
pub mod report;
pub mod run;
pub mod simulate;
pub mod wire;
