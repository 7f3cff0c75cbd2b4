//! What an earlier run saw, read from its JSON document: of each row as much as can be compared.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;

/// An earlier run.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    targets: Vec<Target>,
    started_at: String,
}

/// What an earlier run saw of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Before {
    /// When that run began: `2026-11-21T20:00:00Z`.
    pub at: String,
    /// What TCP showed, as JSON says it.
    pub state: Option<String>,
    /// Version of TLS and cipher suite, where a handshake was made.
    pub tls: Option<(String, Option<String>)>,
    /// The server's certificate.
    pub certificate: Option<Presented>,
    /// What the server could do before TLS and in the secure session; `None` where its protocol has no such list.
    pub capabilities: Option<Capabilities>,
    /// Exchange's build, as a web service told it.
    pub build: Option<String>,
}

/// What a server said that it can do: before TLS, and in the secure session.
pub type Capabilities = (Vec<String>, Vec<String>);

/// A certificate that was presented.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct Presented {
    /// Whose.
    pub subject: String,
    /// By whom.
    pub issuer: String,
    /// For which names.
    #[serde(default)]
    pub names: Vec<String>,
    /// Until when: `2026-12-10T00:00:00Z`.
    pub not_after: String,
    /// Its fingerprint.
    pub sha256: String,
}

/// Why a document is none that can be compared with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// It is no JSON.
    NoJson,
    /// It is JSON, but of another tool or of another report.
    Foreign,
    /// Its version of the schema is not known here.
    Version(u64),
    /// It has placeholders for what would be compared.
    Redacted,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoJson => f.write_str("it is not JSON"),
            Self::Foreign => f.write_str("it is not a document of `exchports check --json`"),
            Self::Version(version) => write!(
                f,
                "it has version {version} of the schema, and only 1 is known"
            ),
            Self::Redacted => {
                f.write_str("it was made with --redact, so nothing in it can be compared")
            }
        }
    }
}

impl Baseline {
    /// The version of the schema that is known.
    const VERSION: u64 = 1;

    /// Reads a document.
    ///
    /// # Errors
    /// Why it cannot be compared with.
    pub fn read(text: &[u8]) -> Result<Self, Unusable> {
        // Windows PowerShell's `>` writes UTF-16, and its Out-File a byte order mark.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let json: serde_json::Value = match utf16(text) {
            Some(text) => serde_json::from_str(&text),
            None => serde_json::from_slice(text),
        }
        .map_err(|_| Unusable::NoJson)?;
        let head: Head = serde_json::from_value(json.clone()).map_err(|_| Unusable::Foreign)?;
        if head.schema_version != Self::VERSION {
            return Err(Unusable::Version(head.schema_version));
        }
        if head.redacted {
            return Err(Unusable::Redacted);
        }
        let document: Document = serde_json::from_value(json).map_err(|_| Unusable::Foreign)?;
        Ok(Self {
            targets: document.targets,
            started_at: document.started_at,
        })
    }

    /// What was seen of that service of that target; where it had several rows, at that address.
    #[must_use]
    pub fn before(
        &self,
        target: &str,
        service: &str,
        address: Option<SocketAddr>,
    ) -> Option<Arc<Before>> {
        let of_target = self
            .targets
            .iter()
            .find(|known| known.target.eq_ignore_ascii_case(target))?;
        let rows: Vec<&Row> = of_target
            .checks
            .iter()
            .filter(|row| row.service == service)
            .collect();
        let row = match rows.as_slice() {
            [only] => only,
            several => several.iter().find(|row| row.address == address)?,
        };
        Some(Arc::new(row.before(&self.started_at)))
    }
}

impl Row {
    fn before(&self, at: &str) -> Before {
        let tls = self.tls.as_ref();
        let version = tls.and_then(|tls| tls.version.clone());
        let peer = self.peer.clone().unwrap_or_default();
        Before {
            at: at.to_owned(),
            state: self.state.clone(),
            tls: version.map(|version| (version, tls.and_then(|tls| tls.cipher_suite.clone()))),
            certificate: tls.and_then(|tls| tls.certificate.clone()),
            capabilities: peer.capabilities.zip(peer.secure_capabilities),
            build: peer.exchange_build,
        }
    }
}

/// The text, where it is UTF-16 with its mark.
fn utf16(bytes: &[u8]) -> Option<String> {
    let from_bytes: fn([u8; 2]) -> u16 = match bytes.get(..2)? {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return None,
    };
    let units = bytes.get(2..)?.chunks_exact(2);
    let units = units.filter_map(|pair| Some(from_bytes(pair.try_into().ok()?)));
    Some(
        char::decode_utf16(units)
            .map(|c| c.unwrap_or('\u{fffd}'))
            .collect(),
    )
}

#[derive(Deserialize)]
struct Head {
    schema_version: u64,
    /// Whose document it is.
    #[serde(rename = "exchports")]
    _version: String,
    #[serde(default)]
    redacted: bool,
}

#[derive(Deserialize)]
struct Document {
    started_at: String,
    targets: Vec<Target>,
}

#[derive(Clone, Debug, Deserialize)]
struct Target {
    target: String,
    checks: Vec<Row>,
}

#[derive(Clone, Debug, Deserialize)]
struct Row {
    service: String,
    address: Option<SocketAddr>,
    state: Option<String>,
    tls: Option<Tls>,
    peer: Option<Peer>,
}

#[derive(Clone, Debug, Deserialize)]
struct Tls {
    version: Option<String>,
    cipher_suite: Option<String>,
    certificate: Option<Presented>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Peer {
    capabilities: Option<Vec<String>>,
    secure_capabilities: Option<Vec<String>>,
    exchange_build: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"schema_version": 1, "exchports": "0.1.0", "started_at": "2026-11-21T20:00:00Z", "new": 1,
        "targets": [{"target": "mail.example.com", "checks": [
            {"service": "https", "address": "192.0.2.1:443", "state": "open", "tls": {"version": "TLSv1.3",
                "cipher_suite": null, "certificate": null}, "peer": {"exchange_build": "15.2.1544.9"}},
            {"service": "smtp", "address": "192.0.2.1:25", "state": "open", "tls": null, "peer": null},
            {"service": "smtp", "address": "192.0.2.2:25", "state": "closed", "tls": null, "peer": null}]}]}"#;

    #[test]
    fn rows_are_found_by_service_and_where_there_are_several_by_address() {
        let baseline = Baseline::read(DOCUMENT.as_bytes()).expect("a document");
        let elsewhere = "198.51.100.1:443".parse().ok();
        let https = baseline
            .before("MAIL.example.com", "https", elsewhere)
            .expect("a row");
        assert_eq!(https.build.as_deref(), Some("15.2.1544.9"));
        assert_eq!(https.tls, Some(("TLSv1.3".to_owned(), None)));
        let smtp =
            |address: &str| baseline.before("mail.example.com", "smtp", address.parse().ok());
        assert_eq!(
            smtp("192.0.2.2:25").expect("a row").state.as_deref(),
            Some("closed")
        );
        assert_eq!(smtp("192.0.2.3:25"), None);
        assert_eq!(
            baseline.before("other.example.com", "https", elsewhere),
            None
        );
    }

    #[test]
    fn what_cannot_be_compared_with_says_why() {
        let with = |from: &str, to: &str| DOCUMENT.replace(from, to);
        for (text, why) in [
            ("not json".to_owned(), Unusable::NoJson),
            (String::new(), Unusable::NoJson),
            ("[]".to_owned(), Unusable::Foreign),
            (r#"{"schema_version": 1}"#.to_owned(), Unusable::Foreign),
            (with("\"targets\"", "\"hosts\""), Unusable::Foreign),
            (
                with("schema_version\": 1", "schema_version\": 2"),
                Unusable::Version(2),
            ),
            (with("\"new\": 1", "\"redacted\": true"), Unusable::Redacted),
        ] {
            assert_eq!(Baseline::read(text.as_bytes()).err(), Some(why), "{text}");
        }
    }

    #[test]
    fn what_powershell_has_written_is_read() {
        let marked = format!("\u{feff}{DOCUMENT}");
        assert!(Baseline::read(marked.as_bytes()).is_ok());
        let units: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(Baseline::read(&units).is_ok());
    }
}
