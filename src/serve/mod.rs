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
mod shared;
mod web_config;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::net::TcpListener;
use tokio::time::Instant;

pub use access::{Access, Forbidden, NoPattern, Pattern};
pub use asked::{ScrapeRequest, asked, patience};
pub use probe::Module;
pub use shared::{Modules, ReadHost};
pub use web_config::{WebConfig, credentials};

use crate::net::Halt;
use own::Own;
use probe::Probes;
use shared::{Shared, Web};

/// What the exporter is told.
#[derive(Debug)]
pub struct ExporterSettings {
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

/// An exporter that listens.
#[derive(Debug)]
pub struct Exporter {
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
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
    pub async fn start(settings: ExporterSettings) -> Result<Self, ServeError> {
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
