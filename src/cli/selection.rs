//! What to look at: which services, on which ports, and what is expected of each.

use clap::Args;

use super::error::UsageError;
use super::possible::{self, Words};
use super::values;
use crate::catalog::{self, Expectation, Group, Role, ServiceId, expectation};
use crate::plan::{Audit, Check, Depth};

#[derive(Args, Clone, Debug)]
pub(super) struct SelectionArgs {
    /// Check only these services: ids, ports, `web` or `all`, comma-separated; services that you name must pass
    #[arg(short, long, value_name = "LIST", value_parser = Words(possible::services), hide_possible_values = true, help_heading = "What to check")]
    pub(super) service: Vec<String>,

    /// What kind of host the target is: what has to work there, and what must not be reachable (see `exchports list`);
    /// `auto` works it out from what the host shows
    #[arg(
        short,
        long,
        value_name = "ROLE", value_parser = Words(possible::roles), hide_possible_values = true,
        default_value = "auto",
        help_heading = "What to check"
    )]
    role: String,

    /// These services must work, whatever the role says
    #[arg(long, value_name = "LIST", value_parser = Words(possible::services), hide_possible_values = true, help_heading = "What to check")]
    require: Vec<String>,

    /// These services may be missing
    #[arg(long, value_name = "LIST", value_parser = Words(possible::services), hide_possible_values = true, help_heading = "What to check")]
    optional: Vec<String>,

    /// These services must not be reachable
    #[arg(long, value_name = "LIST", value_parser = Words(possible::services), hide_possible_values = true, help_heading = "What to check")]
    forbid: Vec<String>,

    /// A service listens on another port (repeatable); mapping `https` moves the web group with it
    #[arg(long, value_name = "SERVICE=PORT", help_heading = "What to check")]
    map: Vec<String>,

    /// Stop after the TCP connection
    #[arg(long, help_heading = "What to check")]
    tcp_only: bool,

    /// Also find out which old TLS versions are enabled (for the web group, in the row of https), whether NLA is
    /// required, and whether modern authentication is on (with an empty `Authorization: Bearer`); this takes a few
    /// more connections
    #[arg(long, conflicts_with = "tcp_only", help_heading = "What to check")]
    audit: bool,
}

impl SelectionArgs {
    /// As what a target is judged of which a list says nothing, or this.
    pub(super) fn role(&self, listed: Option<Role>) -> Result<Role, UsageError> {
        let role = match listed {
            Some(role) => role,
            None => values::role(&self.role)?,
        };
        // Where the services are named there is nothing to find out: these have to work.
        Ok(match role {
            Role::Auto if !self.service.is_empty() => Role::Any,
            role => role,
        })
    }

    /// The services whose expectation was named, so that no role changes it.
    pub(super) fn named(&self) -> Result<Vec<ServiceId>, UsageError> {
        let mut named = values::services("--service", &self.service)?;
        named.extend(values::services("--require", &self.require)?);
        named.extend(values::services("--optional", &self.optional)?);
        named.extend(values::services("--forbid", &self.forbid)?);
        Ok(named)
    }

    pub(super) fn depth(&self) -> Depth {
        if self.tcp_only {
            Depth::TcpOnly
        } else {
            Depth::Full
        }
    }

    pub(super) fn audit(&self) -> Audit {
        if self.audit { Audit::Yes } else { Audit::No }
    }

    /// The services to look at, in the catalog's order: the role's, or those named; then single changes.
    pub(super) fn checks(&self, role: Role) -> Result<Vec<Check>, UsageError> {
        let named = values::services("--service", &self.service)?;
        let changes = [
            (
                Expectation::Required,
                values::services("--require", &self.require)?,
            ),
            (
                Expectation::Optional,
                values::services("--optional", &self.optional)?,
            ),
            (
                Expectation::Forbidden,
                values::services("--forbid", &self.forbid)?,
            ),
        ];
        let ports = values::port_map(&self.map)?;
        let mut checks = Vec::new();
        for service in catalog::all() {
            let mut named_in = changes
                .iter()
                .filter(|(_, services)| services.contains(&service.id));
            let change = named_in.next().map(|(expect, _)| *expect);
            if let (Some(one), Some((other, _))) = (change, named_in.next()) {
                return Err(UsageError(format!(
                    "{} cannot be both {} and {}: name it once in --require, --optional or --forbid",
                    service.name,
                    one.as_str(),
                    other.as_str()
                )));
            }
            let by_default = if self.service.is_empty() {
                expectation(role, service.id)
            } else {
                named.contains(&service.id).then_some(Expectation::Required)
            };
            // A directory cannot be told from 443 by a TCP connect.
            let is_out_of_reach = self.tcp_only && service.group == Group::Web;
            let is_named = change.is_some() || named.contains(&service.id);
            if is_out_of_reach && is_named && !is_all(&self.service) {
                return Err(UsageError(format!(
                    "{} cannot be looked at with --tcp-only, which ends before HTTP: ask for https, or leave --tcp-only out",
                    service.name
                )));
            }
            if let Some(expect) = change.or(by_default).filter(|_| !is_out_of_reach) {
                checks.push(Check {
                    service,
                    port: values::port_of(service, &ports),
                    expect,
                });
            }
        }
        Ok(checks)
    }
}

/// Whether everything was asked for in one word, and not this or that.
fn is_all(typed: &[String]) -> bool {
    typed.iter().any(|word| word.eq_ignore_ascii_case("all"))
}
