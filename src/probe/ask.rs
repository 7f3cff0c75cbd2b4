//! What a probe is asked for, and what all dialogues share.

use crate::catalog::Service;
use crate::facts::Text;
use crate::net::{Session, Stream};
use crate::observation::{Cause, Failure};
use crate::plan::{Audit, Depth, Host, Transcripts};

/// What a probe is asked to look at.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The service.
    pub service: &'static Service,
    /// Its port here, which the Host header tells where it is not the usual one.
    pub port: u16,
    /// The name for the Host header.
    pub host: Host,
    /// How we call ourselves; `None` is the socket's address literal.
    pub ehlo_name: Option<String>,
    /// How far to go.
    pub depth: Depth,
    /// Whether to ask for more than a client needs to know.
    pub audit: Audit,
    /// Whether to keep the conversation.
    pub transcripts: Transcripts,
}

/// How a check comes to TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TlsMode {
    /// It does not.
    Clear,
    /// On request, in the middle.
    Upgrade,
    /// At once.
    Tls,
}

/// Fails with the peer's own words.
pub(super) fn refuse<S: Stream>(
    session: &mut Session<'_, S>,
    cause: Cause,
    words: &[u8],
) -> Failure {
    let detail = Some(Text::from_bytes(words)).filter(|text| !text.is_empty());
    session.fail(cause, detail)
}

pub(super) fn texts<'a>(words: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<Text> {
    words
        .into_iter()
        .map(|word| Text::from_bytes(word))
        .collect()
}
