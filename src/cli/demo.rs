//! `exchports demo`

use std::net::IpAddr;

use clap::Args;

use super::command::Command;
use super::error::UsageError;
use super::output::OutputArgs;
use super::possible::{self, Words};
use super::values;
use crate::catalog::{self, Expectation, Role, ServiceId};
use crate::plan::{
    Audit, Check, Depth, Host, Limits, Plan, Reach, Standards, Target, Transcripts, Trust,
};
use crate::simulate::Staged;

pub(super) const AFTER_HELP: &str = "\
Examples:
  exchports demo --fault certificate-expired@https
  exchports demo --fault starttls-not-offered --json

Exit codes are those of `exchports check`.";

#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// What should be wrong: NAME, or NAME@SERVICE,SERVICE (repeatable; see `exchports simulate --list-faults`)
    #[arg(long, value_name = "NAME", value_parser = Words(possible::faults), hide_possible_values = true)]
    fault: Vec<String>,

    /// Also check what `exchports check --audit` checks
    #[arg(long)]
    audit: bool,

    #[command(flatten)]
    output: OutputArgs,
}

impl DemoArgs {
    pub(super) fn command(&self) -> Result<Command, UsageError> {
        Ok(Command::Demo {
            faults: self.faults()?,
            audit: if self.audit { Audit::Yes } else { Audit::No },
            telling: self.output.telling()?,
        })
    }

    /// The faults; one that nobody would see is refused.
    fn faults(&self) -> Result<Vec<Staged>, UsageError> {
        let faults = values::faults(&self.fault)?;
        let unseen = faults
            .iter()
            .map(Staged::fault)
            .find(|fault| fault.is_for_audit());
        match unseen {
            Some(fault) if !self.audit => Err(UsageError(format!(
                "--fault {fault}: only an audit sees it: add --audit"
            ))),
            _ => Ok(faults),
        }
    }
}

/// The plan of a check of a stand-in server: every service required, on its ports.
#[must_use]
pub fn demo_plan(
    name: &str,
    address: IpAddr,
    ports: &[(ServiceId, u16)],
    audit: Audit,
    transcripts: Transcripts,
) -> Plan {
    let host = Host::Name(name.to_owned());
    let checks = catalog::all()
        .map(|service| Check {
            service,
            port: values::port_of(service, ports),
            expect: Expectation::Required,
        })
        .collect();
    Plan {
        targets: vec![Target {
            name: name.to_owned(),
            server_name: host.clone(),
            host,
            address: Some(address),
            role: Role::Any,
            named: Vec::new(),
            node_of: None,
            checks,
        }],
        reach: Reach::default(),
        proxy: None,
        unused_proxy: None,
        controls: Vec::new(),
        baseline: None,
        trust: Trust::default(),
        standards: Standards::default(),
        depth: Depth::Full,
        audit,
        ehlo_name: None,
        transcripts,
        limits: Limits::default(),
    }
}
