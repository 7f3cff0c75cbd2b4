//! LDAP.

use time::OffsetDateTime;

use super::text::Text;

/// What a directory server said (RFC 4511, \[MS-ADTS\] 3.1.1.3.2).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LdapFacts {
    /// Attributes of the rootDSE, in the order in which they came: name and values.
    pub root_dse: Vec<(Text, Vec<Text>)>,
    /// The result code of the `StartTLS` operation (0 success, 52 unavailable).
    pub starttls_result: Option<u32>,
    /// The server's clock as the rootDSE's `currentTime` tells it.
    pub current_time: Option<OffsetDateTime>,
    /// This machine's clock when that answer came.
    pub asked_at: Option<OffsetDateTime>,
}

impl LdapFacts {
    /// The values of an attribute of the rootDSE; names compare without case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &[Text] {
        self.root_dse
            .iter()
            .find(|(found, _)| found.as_str().eq_ignore_ascii_case(name))
            .map_or(&[], |(_, values)| values)
    }
}
