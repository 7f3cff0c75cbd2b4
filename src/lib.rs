//! # exchports
//!
//! Checks whether the ports that Outlook and Microsoft Exchange need can really be used, and says why not.
//!
//! *A run makes a **plan** from the **catalog**; each check **probes** its endpoint over the **net**, speaking **wire**
//! formats, and comes back with an **observation**; rules **judge** it into a **finding**; **reports** tell it.*
//!
//! Files beside this one, and `facts` and `finding`, hold the data types that are passed on. The other folders are the
//! modules that do work; each opens with what it does, what it must not do, and where to start reading. The map, the
//! invariants, who may use whom, and how to add what: `.github/ARCHITECTURE.md`.

pub mod app;
pub mod cli;
pub mod exit;

pub mod baseline;
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
pub mod serve;
pub mod simulate;
pub mod wire;
