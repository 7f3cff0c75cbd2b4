//! `exchports serve`: the exporter listens until it is told to stop.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::error::Error;
use super::inputs::{read_ca_file, read_client_certificate, roots};
use super::limits::{file_limit, with_sockets};
use super::signals::{Reloads, Signals, heed};
use super::terminal::complain;
use crate::cli::{self, ModuleOrder, ServeOrder};
use crate::exit::Exit;
use crate::net::{Halter, Roots};
use crate::plan::{Depth, Limits};
use crate::serve::{Exporter, ExporterSettings, Module, Modules};

pub(super) fn serve(order: ServeOrder) -> Result<Exit, Error> {
    let modules = modules(&order.modules)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let sockets = with_sockets(Limits::default(), Depth::Full, order.jobs, file_limit());
    let served = runtime.block_on(async {
        let signals = Signals::of_a_service()?;
        let mut reloads = Reloads::listen()?;
        let exporter = Exporter::start(ExporterSettings {
            listen: order.listen,
            web_config: order.web_config,
            patterns: order.patterns,
            max_probes: order.max_probes,
            sockets: (sockets.jobs, order.per_address),
            read_host: cli::read_host,
            modules,
            tell: complain,
        })
        .await?;
        let (halter, halt) = Halter::new();
        heed(signals, halter, Arc::new(OnceLock::new()), Vec::new());
        let scheme = if exporter.is_secure() {
            "https"
        } else {
            "http"
        };
        for address in exporter.addresses() {
            complain(&format!("serving on {scheme}://{address}/"));
        }
        let reloader = exporter.reloader();
        let orders = order.modules;
        let reload = async {
            loop {
                reloads.next().await;
                let read = self::modules(&orders).map_err(|error| error.to_string());
                match reloader.reload(read) {
                    Ok(()) => complain("its files were reloaded"),
                    Err(why) => complain(&format!("its files could not be reloaded: {why}")),
                }
            }
        };
        tokio::select! {
            () = exporter.serve(halt) => {}
            () = reload => {}
        }
        // However it was told to stop: that is how it is meant to end.
        Ok(Exit::Met)
    });
    runtime.shutdown_background();
    served
}

/// Reads the files of the modules; those that trust alike share their roots.
fn modules(orders: &[ModuleOrder]) -> Result<Modules, Error> {
    let mut known: HashMap<(String, Vec<PathBuf>), Arc<Roots>> = HashMap::new();
    let mut by_name = BTreeMap::new();
    for order in orders {
        let mut plan = order.plan.clone();
        let key = (format!("{:?}", plan.trust.stores), order.ca_files.clone());
        let roots = if let Some(roots) = known.get(&key) {
            Arc::clone(roots)
        } else {
            for path in &order.ca_files {
                plan.trust.ca_certificates.extend(read_ca_file(path)?);
            }
            let roots = Arc::new(roots(&plan, &order.ca_files)?);
            known.insert(key, Arc::clone(&roots));
            roots
        };
        // They are in the roots.
        plan.trust.ca_certificates = Vec::new();
        let path = order.client_cert.as_deref();
        let module = Module {
            plan,
            roots,
            identity: path.map(read_client_certificate).transpose()?,
            options: order.options.clone(),
        };
        by_name.insert(order.name.clone(), Arc::new(module));
    }
    Ok(Modules {
        by_name,
        usual: "auto".to_owned(),
    })
}
