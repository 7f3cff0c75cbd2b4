//! What all connections of the exporter share, and what of it is read anew while it runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use super::access::Access;
use super::own::Own;
use super::probe::{Module, Probes};
use super::web_config::WebConfig;
use crate::plan::Host;

/// Reads a host as it was typed; what would be right if it cannot be one.
pub type ReadHost = fn(&str) -> Result<Host, String>;

/// The modules by name, and which is taken where none is named.
#[derive(Clone, Debug)]
pub struct Modules {
    /// By name.
    pub by_name: BTreeMap<String, Arc<Module>>,
    /// Where none is named.
    pub usual: String,
}

/// How often it is looked at whether the file with TLS and passwords has changed.
const GLANCE: Duration = Duration::from_secs(1);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) access: Access,
    pub(super) read_host: ReadHost,
    pub(super) tell: fn(&str),
    pub(super) modules: RwLock<Modules>,
    pub(super) probes: Probes,
    pub(super) own: Own,
    pub(super) web_file: Option<PathBuf>,
    pub(super) web: Mutex<Web>,
}

/// TLS and passwords as they were read last.
#[derive(Debug)]
pub(super) struct Web {
    pub(super) config: Arc<WebConfig>,
    pub(super) looked: Instant,
    /// What was wrong with the file when it was read last.
    pub(super) trouble: Option<String>,
}

impl Shared {
    /// TLS and passwords; read again where a file has changed since.
    pub(super) fn web(&self) -> Arc<WebConfig> {
        let is_old = {
            let mut web = self.web.lock().unwrap_or_else(PoisonError::into_inner);
            let is_due = self.web_file.is_some() && web.looked.elapsed() >= GLANCE;
            if is_due {
                web.looked = Instant::now();
            }
            is_due && (web.trouble.is_some() || web.config.is_old())
        };
        if is_old {
            // What is wrong is told, and the old one serves.
            let read = self.read_web();
            self.own.reloaded(read.is_ok());
        }
        Arc::clone(
            &self
                .web
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .config,
        )
    }

    pub(super) fn read_web(&self) -> Result<(), String> {
        let Some(path) = &self.web_file else {
            return Ok(());
        };
        let read = WebConfig::read(path).map(Arc::new);
        let mut web = self.web.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(config) => {
                web.config = config;
                web.trouble = None;
                Ok(())
            }
            Err(why) => {
                let line = format!(
                    "--web-config {} cannot be used, and the old one stays: {why}",
                    path.display()
                );
                if web.trouble.as_ref() != Some(&why) {
                    (self.tell)(&line);
                }
                web.trouble = Some(why);
                Err(line)
            }
        }
    }

    pub(super) fn module(&self, name: &str) -> Option<(String, Arc<Module>)> {
        let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
        let name = if name.is_empty() {
            modules.usual.as_str()
        } else {
            name
        };
        let found = modules.by_name.get(name)?;
        Some((name.to_owned(), Arc::clone(found)))
    }
}
