//! IMAP.

use super::text::Text;

/// What an IMAP server said (RFC 3501, RFC 9051).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ImapFacts {
    /// The greeting line.
    pub greeting: Option<Text>,
    /// Capabilities before TLS.
    pub capabilities: Vec<Text>,
    /// Capabilities in the secure session.
    pub secure_capabilities: Vec<Text>,
}
