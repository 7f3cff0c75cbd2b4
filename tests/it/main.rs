//! The one integration binary: the program and its modules, seen from outside.

mod ci;
mod cli;
mod daemons;
mod demo;
mod dial;
mod discover;
mod generated;
mod hostile;
mod imports;
mod judge;
mod layering;
mod monitoring;
mod old_tls;
#[path = "../peer/mod.rs"]
mod peer;
#[cfg(target_os = "linux")]
mod port_25;
mod probe;
mod proxy;
mod readme;
mod recipes;
mod report;
mod report_escapes;
mod roles;
mod schema;
mod serve;
mod simulate;
mod tls;
#[cfg(target_os = "linux")]
mod troubles;
mod wire;
mod zabbix;
