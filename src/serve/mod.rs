//! # serve: the exporter
//!
//! HTTP in, a run a scrape, metrics out. A scrape names a host and a module, which is a role or a set of `check`'s options;
//! its time is the run's deadline, and when the scraper goes away its run ends. Whoever asks for what is looked at already
//! gets the answer of that run. It keeps nothing of a host when the answer is out.
//!
//! It must not judge or lay out: `run` and [`report`](crate::report) do. It speaks to strangers, so all of it is bounded:
//! connections, the time of a request's head and of an answer's way, probes at once, and sockets over all of them.
//!
//! Start reading at [`Exporter`]; `probe.rs` has a scrape's run, `answer.rs` what each path answers, `connections.rs` the
//! listener, `access.rs` who may be asked about, `web_config.rs` TLS and passwords.

mod access;
mod answer;
mod asked;
mod connections;
mod own;
mod probe;
mod web_config;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;

pub use access::{Access, Forbidden, NoPattern, Pattern};
pub use asked::{Asked, asked, patience};
pub use probe::Module;
pub use web_config::{WebConfig, credentials};

use crate::net::Halt;
use crate::plan::Host;
use own::Own;
use probe::Probes;

/// Reads a host as it was typed; what would be right if it cannot be one.
pub type ReadHost = fn(&str) -> Result<Host, String>;

/// What the exporter is told.
#[derive(Debug)]
pub struct Settings {
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
    /// The file with TLS and passwords.
    pub web_config: Option<PathBuf>,
    /// Who may be asked about.
    pub patterns: Vec<Pattern>,
    /// How many hosts are looked at at once.
    pub max_probes: usize,
    /// Sockets in all, and to one address.
    pub sockets: (usize, usize),
    /// How hosts are read.
    pub read_host: ReadHost,
    /// The modules by name; the first is taken where none is named.
    pub modules: Modules,
    /// Tells a line to whoever runs it.
    pub tell: fn(&str),
}

/// The modules by name, and which is taken where none is named.
#[derive(Clone, Debug)]
pub struct Modules {
    /// By name.
    pub by_name: BTreeMap<String, Arc<Module>>,
    /// Where none is named.
    pub usual: String,
}

/// How long those who are being answered have when it ends.
const FAREWELL: Duration = Duration::from_secs(5);

/// How often it is looked at whether the file with TLS and passwords has changed.
const GLANCE: Duration = Duration::from_secs(1);

/// An exporter that listens.
#[derive(Debug)]
pub struct Exporter {
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    access: Access,
    read_host: ReadHost,
    tell: fn(&str),
    modules: RwLock<Modules>,
    probes: Probes,
    own: Own,
    web_file: Option<PathBuf>,
    web: Mutex<Web>,
}

/// TLS and passwords as they were read last.
#[derive(Debug)]
struct Web {
    config: Arc<WebConfig>,
    looked: Instant,
    /// What was wrong with the file when it was read last.
    trouble: Option<String>,
}

/// Why the exporter cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else listens there, or nobody may.
    #[error("--listen {0} cannot be listened on: {1}")]
    Listen(SocketAddr, io::Error),
    /// The file with TLS and passwords cannot be used.
    #[error("--web-config {0} cannot be used: {1}")]
    WebConfig(String, String),
}

impl Exporter {
    /// Listens, and reads the file with TLS and passwords.
    ///
    /// # Errors
    /// When either cannot be.
    pub async fn start(settings: Settings) -> Result<Self, ServeError> {
        let config = match &settings.web_config {
            Some(path) => WebConfig::read(path)
                .map_err(|why| ServeError::WebConfig(path.display().to_string(), why))?,
            None => WebConfig::default(),
        };
        let mut listeners = Vec::new();
        for address in &settings.listen {
            let listener = TcpListener::bind(address).await;
            listeners.push(listener.map_err(|error| ServeError::Listen(*address, error))?);
        }
        let is_exposed = settings
            .listen
            .iter()
            .any(|address| !address.ip().to_canonical().is_loopback());
        let shared = Shared {
            access: Access {
                patterns: settings.patterns,
                is_exposed,
            },
            read_host: settings.read_host,
            tell: settings.tell,
            modules: RwLock::new(settings.modules),
            probes: Probes::new(settings.max_probes, settings.sockets),
            own: Own::default(),
            web_file: settings.web_config,
            web: Mutex::new(Web {
                config: Arc::new(config),
                looked: Instant::now(),
                trouble: None,
            }),
        };
        Ok(Self {
            listeners,
            shared: Arc::new(shared),
        })
    }

    /// Where it listens: the ports as they were given.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.shared.web().acceptor.is_some()
    }

    /// What gives it, while it serves, what was read anew.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        Reloader(Arc::clone(&self.shared))
    }

    /// Answers until the word is said; those who are being answered then have a moment.
    pub async fn serve(self, mut halt: Halt) {
        connections::serve(self.listeners, &self.shared, &mut halt).await;
        self.shared.probes.end();
    }
}

/// Gives a running exporter what was read anew.
#[derive(Clone, Debug)]
pub struct Reloader(Arc<Shared>);

impl Reloader {
    /// Takes other modules from here on, and the file with TLS and passwords; runs under way keep theirs.
    ///
    /// # Errors
    /// What is wrong; what was there before stays.
    pub fn reload(&self, modules: Result<Modules, String>) -> Result<(), String> {
        let modules = modules.map(|modules| {
            *self
                .0
                .modules
                .write()
                .unwrap_or_else(PoisonError::into_inner) = modules;
        });
        let read = modules.and(self.0.read_web());
        self.0.own.reloaded(read.is_ok());
        read
    }
}

impl Shared {
    /// TLS and passwords; read again where a file has changed since.
    fn web(&self) -> Arc<WebConfig> {
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

    fn read_web(&self) -> Result<(), String> {
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

    fn module(&self, name: &str) -> Option<(String, Arc<Module>)> {
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
