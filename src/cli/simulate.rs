//! `exchports simulate`

use clap::Args;

use super::command::Command;
use super::error::UsageError;
use super::possible::{self, Words};
use super::values;
use crate::catalog::{Group, Role, ServiceId};
use crate::simulate::{Authority, Ports, Settings};

pub(super) const AFTER_HELP: &str = "\
Examples:
  exchports simulate --base-port 10000 --fault silent@imap
  exchports simulate --role published

It prints the matching `exchports check` command: run that in a second
terminal.";

#[derive(Args, Debug)]
pub(super) struct SimulateArgs {
    /// What kind of host to play; services that the role forbids do not listen
    #[arg(short, long, value_name = "ROLE", default_value = "any", value_parser = Words(possible::roles_to_play), hide_possible_values = true)]
    role: String,

    /// What should be wrong: NAME, or NAME@SERVICE,SERVICE (repeatable)
    #[arg(long, value_name = "NAME", value_parser = Words(possible::faults), hide_possible_values = true)]
    fault: Vec<String>,

    /// List the faults and stop
    #[arg(long)]
    list_faults: bool,

    /// Listen on this number plus the usual port: 10000 gives 10025, 10443, … [default: any free ports]
    #[arg(long, value_name = "N")]
    base_port: Option<String>,

    /// Put a service on this port (repeatable)
    #[arg(long, value_name = "SERVICE=PORT")]
    map: Vec<String>,

    /// Listen on this address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    listen: String,
}

impl SimulateArgs {
    pub(super) fn command(&self) -> Result<Command, UsageError> {
        if self.list_faults {
            return Ok(Command::ListFaults);
        }
        let port_map = values::port_map(&self.map)?;
        let is_behind = |(service, _): &&(ServiceId, u16)| service.row().group == Group::Web;
        if let Some((service, port)) = port_map.iter().find(is_behind) {
            return Err(UsageError(format!(
                "--map {service}={port}: the web services share the port of https, so map that, as in --map https={port}"
            )));
        }
        Ok(Command::Simulate(Settings {
            role: played(&self.role)?,
            faults: values::faults(&self.fault)?,
            address: values::address("--listen", &self.listen)?,
            ports: match &self.base_port {
                Some(typed) => Ports::Base(values::port("--base-port", typed)?),
                None => Ports::Ephemeral,
            },
            port_map,
            authority: Authority::File,
        }))
    }
}

/// A role that the stand-in has the words of.
fn played(typed: &str) -> Result<Role, UsageError> {
    match values::role(typed)? {
        Role::Auto => Err(UsageError(
            "--role auto: the stand-in has to be told what to play; `any` serves everything".to_owned(),
        )),
        Role::Mail => Err(UsageError(
            "--role mail: the stand-in plays Exchange, Exchange Online and a domain controller, no other mail server"
                .to_owned(),
        )),
        role => Ok(role),
    }
}
