//! `exchports demo`: the stand-in server is started in this process, and checked.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::Error;
use super::execute::{Besides, ended, execute};
use super::inputs::roots;
use super::limits::runtime;
use super::reports::Outputs;
use super::signals::Signals;
use super::terminal::complain;
use crate::catalog::ServiceId;
use crate::cli::{self, Telling};
use crate::event::RunEnd;
use crate::exit::Exit;
use crate::net::trust;
use crate::plan::{Audit, Plan};
use crate::report::Format;
use crate::simulate::{self, Authority, Settings, Simulation, Staged};

pub(super) fn demo(faults: Vec<Staged>, audit: Audit, telling: &Telling) -> Result<Exit, Error> {
    let outputs = Outputs::open(telling)?;
    let runtime = runtime(1)?;
    let done = runtime.block_on(async {
        let signals = Signals::listen()?;
        let simulation = simulate::start(Settings {
            role: crate::catalog::Role::Any,
            faults,
            address: IpAddr::from([127, 0, 0, 1]),
            ports: simulate::Ports::Ephemeral,
            port_map: Vec::new(),
            authority: Authority::Memory,
        })
        .await?;
        let plan = demo_plan(&simulation, audit, telling)?;
        let roots = Arc::new(roots(&plan, &[])?);
        let done = execute(plan, None, roots, outputs, signals, Besides::default()).await;
        simulation.stop().await;
        done
    });
    runtime.shutdown_background();
    let done = done?;
    if done.finished.end == RunEnd::Complete && telling.reports.iter().any(is_table_on_stdout) {
        complain(
            "that was the built-in stand-in server; for your own: exchports check mail.example.com",
        );
    }
    Ok(ended(&done, telling))
}

fn demo_plan(simulation: &Simulation, audit: Audit, telling: &Telling) -> Result<Plan, Error> {
    let ports: Vec<(ServiceId, u16)> = simulation
        .endpoints()
        .iter()
        .map(|(service, endpoint)| (*service, endpoint.port()))
        .collect();
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let mut plan = cli::demo_plan(
        simulation.target(),
        loopback,
        &ports,
        audit,
        telling.transcripts(),
    );
    plan.trust.ca_certificates = trust::certificates(simulation.ca_pem().as_bytes())
        .map_err(|error| Error::System(io::Error::other(error)))?;
    Ok(plan)
}

fn is_table_on_stdout((format, file): &(Format, Option<PathBuf>)) -> bool {
    *format == Format::Table && file.is_none()
}
