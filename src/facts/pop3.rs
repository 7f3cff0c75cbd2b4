//! POP3.

use super::text::Text;

/// What a POP3 server said (RFC 1939, RFC 2449).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pop3Facts {
    /// The greeting line.
    pub greeting: Option<Text>,
    /// Capabilities before TLS; empty when the server knows no CAPA.
    pub capabilities: Vec<Text>,
    /// Capabilities in the secure session.
    pub secure_capabilities: Vec<Text>,
}
