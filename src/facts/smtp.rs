//! SMTP.

use time::OffsetDateTime;

use super::text::Text;

/// What an SMTP server said (RFC 5321).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SmtpFacts {
    /// The whole greeting, its code included, lines joined by a space.
    pub greeting: Option<Text>,
    /// EHLO keywords with their parameters, as sent, before TLS.
    pub extensions: Vec<Text>,
    /// The same in the secure session; on implicit TLS all of them stand here.
    pub secure_extensions: Vec<Text>,
    /// This machine's clock when the greeting came; Exchange's greeting tells the server's.
    pub greeted_at: Option<OffsetDateTime>,
}
