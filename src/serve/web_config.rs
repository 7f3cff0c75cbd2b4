//! The file with TLS and passwords that Prometheus's own exporters take (exporter-toolkit), read anew when it, or a file
//! that it names, has changed. What it has that is not supported here is refused by name: a setting that is passed over would
//! be a door left open.
//!
//! <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::sync::Semaphore;
use yaml_rust2::{Yaml, YamlLoader};

use crate::net::server_tls::{Acceptor, ServerIdentity, sha256};

/// Bytes of a file that is read at the most.
const LARGEST: u64 = 1024 * 1024;

/// Passwords that were found right and are known again, at the most.
const KNOWN: usize = 128;

/// What the file says.
#[derive(Debug, Default)]
pub struct WebConfig {
    /// TLS, where there is any.
    pub acceptor: Option<Acceptor>,
    /// Users and the bcrypt hashes of their passwords; empty lets everybody in.
    users: HashMap<String, String>,
    /// SHA-256 of what was right.
    known: Mutex<HashSet<Vec<u8>>>,
    /// The files, and when they were changed.
    files: Vec<(PathBuf, Option<SystemTime>)>,
}

/// Looks at passwords one after the other, since each takes a tenth of a second of a core.
static TURN: Semaphore = Semaphore::const_new(1);

/// A hash of nobody's password, so that an unknown user takes as long as a known one.
const NOBODY: &str = "$2b$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

impl WebConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// What cannot be used, in words.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = read_file(path)?;
        let text = String::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
        let documents = YamlLoader::load_from_str(&text).map_err(|error| error.to_string())?;
        let mut config = Self {
            files: vec![(path.to_owned(), changed(path))],
            ..Self::default()
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        match documents.first() {
            None | Some(Yaml::Null) => {}
            Some(Yaml::Hash(sections)) => {
                for (name, section) in sections {
                    match name.as_str() {
                        Some("tls_server_config") => config.read_tls(section, folder)?,
                        Some("basic_auth_users") => config.read_users(section)?,
                        _ => return Err(not_supported(name)),
                    }
                }
            }
            Some(_) => return Err("it is no list of settings".to_owned()),
        }
        Ok(config)
    }

    fn read_tls(&mut self, section: &Yaml, folder: &Path) -> Result<(), String> {
        let Yaml::Hash(settings) = section else {
            return Err("tls_server_config has no settings".to_owned());
        };
        let mut identity = ServerIdentity::default();
        let mut must_ask = false;
        for (name, value) in settings {
            let (key, text) = (
                name.as_str().unwrap_or_default(),
                value.as_str().unwrap_or_default(),
            );
            match (key, text) {
                ("cert_file", file) => identity.certificate = self.read_named(folder, file)?,
                ("key_file", file) => identity.key = self.read_named(folder, file)?,
                ("cert", pem) => identity.certificate = pem.as_bytes().to_vec(),
                ("key", pem) => identity.key = pem.as_bytes().to_vec(),
                ("client_ca_file", file) => {
                    identity.client_roots = Some(self.read_named(folder, file)?);
                }
                ("client_auth_type", "NoClientCert")
                | ("min_version", "TLS12")
                | ("max_version", "TLS13") => {}
                ("client_auth_type", "RequireAndVerifyClientCert") => must_ask = true,
                ("client_auth_type", other) => {
                    return Err(format!(
                        "client_auth_type {other} would let others in: it is NoClientCert or RequireAndVerifyClientCert"
                    ));
                }
                ("min_version", "TLS13") => identity.is_tls13_only = true,
                _ => return Err(not_supported(name)),
            }
        }
        if must_ask && identity.client_roots.is_none() {
            return Err("RequireAndVerifyClientCert needs client_ca_file".to_owned());
        }
        if !must_ask {
            identity.client_roots = None;
        }
        self.acceptor = Some(Acceptor::new(&identity)?);
        Ok(())
    }

    fn read_named(&mut self, folder: &Path, file: &str) -> Result<Vec<u8>, String> {
        let path = folder.join(file);
        self.files.push((path.clone(), changed(&path)));
        read_file(&path)
    }

    fn read_users(&mut self, section: &Yaml) -> Result<(), String> {
        let Yaml::Hash(users) = section else {
            return Err("basic_auth_users has no users".to_owned());
        };
        for (name, hash) in users {
            let (Some(name), Some(hash)) = (name.as_str(), hash.as_str()) else {
                return Err("a user of basic_auth_users has no name or no hash".to_owned());
            };
            if hash.parse::<bcrypt::HashParts>().is_err() {
                return Err(format!("the password of {name} is no bcrypt hash"));
            }
            self.users.insert(name.to_owned(), hash.to_owned());
        }
        Ok(())
    }

    /// Whether one of its files has changed since.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.files.iter().any(|(path, at)| changed(path) != *at)
    }

    /// Whether whoever shows this header may ask.
    pub async fn lets_in(self: &Arc<Self>, authorization: Option<&[u8]>) -> bool {
        if self.users.is_empty() {
            return true;
        }
        let Some((user, password)) = authorization.and_then(credentials) else {
            return false;
        };
        let hash = self.users.get(&user).cloned();
        let mut known = user.into_bytes();
        known.push(0);
        known.extend_from_slice(password.as_bytes());
        let known = sha256(&known);
        if self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&known)
        {
            return true;
        }
        let Ok(_turn) = TURN.acquire().await else {
            return false;
        };
        let is_user = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let looked = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash)).await;
        let is_right = is_user && matches!(looked, Ok(Ok(true)));
        if is_right {
            let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() < KNOWN {
                all.insert(known);
            }
        }
        is_right
    }
}

/// User and password of `Authorization: Basic` (RFC 7617).
#[must_use]
pub fn credentials(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let text = BASE64_STANDARD.decode(encoded.trim_ascii()).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn not_supported(name: &Yaml) -> String {
    match name.as_str() {
        Some(name) => format!("the setting {name} is not supported here"),
        None => "a setting has no name".to_owned(),
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error| format!("{}: {error}", path.display());
    if fs::metadata(path).map_err(told)?.len() > LARGEST {
        return Err(format!("{} is over 1 MiB", path.display()));
    }
    fs::read(path).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<WebConfig, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), text).expect("it is written");
        WebConfig::read(file.path())
    }

    fn basic(pair: &str) -> Vec<u8> {
        format!("Basic {}", BASE64_STANDARD.encode(pair)).into_bytes()
    }

    #[tokio::test]
    async fn users_are_let_in_by_their_passwords_only() {
        let hash = bcrypt::hash("secret", 4).expect("a hash");
        let config = Arc::new(
            config(&format!("basic_auth_users:\n  scraper: \"{hash}\"\n")).expect("it is right"),
        );
        for (header, is_in) in [
            (None, false),
            (Some(basic("scraper:secret")), true),
            // Known from before.
            (Some(basic("scraper:secret")), true),
            (Some(basic("scraper:wrong")), false),
            (Some(basic("nobody:secret")), false),
            (Some(b"Basic !".to_vec()), false),
            (Some(b"Bearer x".to_vec()), false),
        ] {
            assert_eq!(config.lets_in(header.as_deref()).await, is_in, "{header:?}");
        }
        assert!(Arc::new(WebConfig::default()).lets_in(None).await);
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        for (text, words) in [
            ("rate_limit:\n  interval: 1s\n", "rate_limit"),
            (
                "tls_server_config:\n  cipher_suites: [a]\n",
                "cipher_suites",
            ),
            (
                "tls_server_config:\n  client_auth_type: RequestClientCert\n",
                "would let others in",
            ),
            (
                "tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n",
                "client_ca_file",
            ),
            ("tls_server_config:\n  cert: none\n", "no PEM"),
            ("basic_auth_users:\n  a: secret\n", "no bcrypt hash"),
            ("- a\n", "no list of settings"),
            ("a: [\n", ""),
        ] {
            let error = config(text).expect_err(text);
            assert!(error.contains(words), "{text}: {error}");
        }
        assert!(config("").is_ok());
    }
}
