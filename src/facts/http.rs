//! HTTP.

use super::text::Text;

/// What a web server said (RFC 9110).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HttpFacts {
    /// The status code.
    pub status: Option<u16>,
    /// The reason phrase.
    pub reason: Option<Text>,
    /// Where a redirect leads.
    pub location: Option<Text>,
    /// The `Server` header.
    pub server: Option<Text>,
    /// Authentication schemes offered, in the order in which they came.
    pub authentication: Vec<Text>,
    /// Exchange's build (`X-OWA-Version`).
    pub exchange_build: Option<Text>,
    /// The front end that answered (`X-FEServer`).
    pub front_end: Option<Text>,
    /// The id under which the server's `HttpProxy` logs have the request (`request-id`).
    pub request_id: Option<Text>,
    /// The web application firewall whose page says that it blocked the request.
    pub blocked_by: Option<&'static str>,
    /// Another mark that only Exchange leaves: a header, a cookie, its logon page.
    pub exchange_mark: Option<&'static str>,
    /// Devices on the way that named themselves (`Via`, `X-Cache`, `X-Squid-Error`).
    pub via: Vec<Text>,
    /// Where redirects led, one after the other; they are followed on the same host only.
    pub redirects: Vec<Redirect>,
    /// The status at the end of the redirects, where any was followed.
    pub final_status: Option<u16>,
    /// What `healthcheck.htm` of the virtual directory said.
    pub health: Option<Health>,
    /// The server that `healthcheck.htm` names.
    pub health_server: Option<Text>,
    /// What it answered to an empty Bearer; `None` where nobody asked (`--audit`).
    pub bearer: Option<Box<BearerAnswer>>,
}

/// What a directory answers to `Authorization: Bearer` with nothing after it (\[MS-XOAUTH\] §3.2.5.4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BearerAnswer {
    /// A challenge that offers Bearer.
    Offered {
        /// Whose tokens it takes: `ID@REALM`.
        trusted_issuers: Vec<Text>,
        /// Where people sign in.
        authorization_uri: Option<Text>,
    },
    /// None.
    NotOffered,
}

/// A redirect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redirect {
    /// Where to, as the server wrote it.
    pub location: Text,
    /// What kind of place that is.
    pub kind: RedirectKind,
}

/// Where a redirect leads, seen from the page that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RedirectKind {
    /// On the same host and port, over TLS.
    SameHost,
    /// On the same host, but back to cleartext.
    Downgrade,
    /// To another host.
    OtherHost,
    /// To a page that was asked for already.
    Loop,
    /// Further than redirects are followed.
    TooMany,
    /// To what is no web page: `file:`, `javascript:`, or what cannot be read.
    Nonsense,
}

/// What `healthcheck.htm` said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Health {
    /// 200 with Exchange's own text: the service is in.
    Healthy,
    /// 200 with another text: not Exchange's.
    Foreign,
    /// The connection was closed without an answer: managed availability may have taken the service out.
    ClosedUnanswered,
    /// 401: it cannot be read without signing in.
    Unreadable,
    /// 404: there is no such page; not Exchange's.
    Missing,
    /// Nothing came in time.
    Silent,
    /// Another status.
    Status(u16),
}

impl Health {
    /// The word that JSON uses.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Healthy => "healthy".to_owned(),
            Self::Foreign => "not-exchange".to_owned(),
            Self::ClosedUnanswered => "closed-unanswered".to_owned(),
            Self::Unreadable => "unreadable".to_owned(),
            Self::Missing => "missing".to_owned(),
            Self::Silent => "silent".to_owned(),
            Self::Status(status) => format!("status-{status}"),
        }
    }
}
