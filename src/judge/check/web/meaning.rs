//! What a status means on a directory. The columns are `/` on 80 and on 443, then Exchange's virtual directories.

use std::ops::RangeInclusive;

use crate::catalog::{Group, ServiceId};
use crate::facts::HttpFacts;
use crate::judge::check::case::Case;
use crate::judge::quoting::quote;

/// What an answer means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::judge) enum Meaning {
    /// As it should be.
    Fine,
    /// A page for people; fine, if it is Exchange's.
    Page,
    /// It should have asked to sign in.
    Anonymous,
    /// It sends people to the page where they sign in.
    Logon,
    /// It sends programs away, and they do not go.
    Away,
    /// It sends away, and Outlook goes.
    Guide,
    /// It asks to sign in.
    SignIn,
    /// Not from here, or not at all.
    Restricted,
    /// Not without TLS.
    TlsDemanded,
    /// There is no such directory.
    Absent,
    /// The request itself was refused.
    Rejected,
    /// A proxy wants to be signed in to.
    Proxy,
    /// Too many requests.
    Throttled,
    /// The server's own trouble.
    Trouble,
    /// The network's own logon page.
    Portal,
}

/// A row of the table: statuses, and what they mean on each of [`COLUMNS`].
type StatusRow = (RangeInclusive<u16>, [Meaning; COLUMNS.len()]);

const COLUMNS: [ServiceId; 12] = [
    ServiceId::Http,
    ServiceId::Https,
    ServiceId::Owa,
    ServiceId::Ecp,
    ServiceId::Ews,
    ServiceId::Mapi,
    ServiceId::Activesync,
    ServiceId::Autodiscover,
    ServiceId::OutlookAnywhere,
    ServiceId::Oab,
    ServiceId::Powershell,
    ServiceId::Mrsproxy,
];

/// Exchange's default answers follow "Default settings for Exchange virtual directories" and captures of servers.
#[rustfmt::skip]
const MEANINGS: &[StatusRow] = {
    use Meaning::{
        Absent, Anonymous, Away, Fine, Guide, Logon, Page, Portal, Proxy, Rejected, Restricted, SignIn, Throttled,
        TlsDemanded, Trouble,
    };
    &[
        //           80        443       owa       ecp       ews        mapi       activesync autodisc.  rpc        oab        powershell mrsproxy
        (200..=299, [Page,     Fine,     Page,     Page,     Anonymous, Anonymous, Anonymous, Anonymous, Anonymous, Anonymous, Fine,       Anonymous]),
        (300..=399, [Fine,     Fine,     Logon,    Logon,    Away,      Away,      Away,      Guide,     Away,      Away,      Away,       Away]),
        (400..=400, [Rejected, Rejected, Rejected, Rejected, Rejected,  Rejected,  Rejected,  Rejected,  Rejected,  Rejected,  Rejected,   Absent]),
        (401..=401, [Fine,     Fine,     SignIn,   SignIn,   SignIn,    SignIn,    SignIn,    SignIn,    SignIn,    SignIn,    SignIn,     SignIn]),
        (403..=403, [TlsDemanded,   Fine,     Restricted, Restricted, Restricted, Restricted, Restricted, Restricted, Restricted, Restricted, Restricted, Absent]),
        (404..=404, [Fine,     Fine,     Absent,   Absent,   Absent,    Absent,    Absent,    Absent,    Absent,    Absent,    Absent,     Absent]),
        // Clients of these do not use GET: whether it is allowed says nothing.
        (405..=405, [Fine,     Fine,     Rejected, Rejected, Rejected,  Fine,      Fine,      Fine,      Fine,      Rejected,  Fine,       Fine]),
        (407..=407, [Proxy,    Proxy,    Proxy,    Proxy,    Proxy,     Proxy,     Proxy,     Proxy,     Proxy,     Proxy,     Proxy,      Proxy]),
        (410..=410, [Fine,     Fine,     Absent,   Absent,   Absent,    Absent,    Absent,    Absent,    Absent,    Absent,    Absent,     Absent]),
        (429..=429, [Throttled,Throttled,Throttled,Throttled,Throttled, Throttled, Throttled, Throttled, Throttled, Throttled, Throttled,  Throttled]),
        // IIS's own: the session is over, sign in again.
        (440..=440, [Fine,     Fine,     SignIn,   SignIn,   SignIn,    SignIn,    SignIn,    SignIn,    SignIn,    SignIn,    SignIn,     SignIn]),
        // This name is not served on this connection (RFC 9110 §15.5.20).
        (421..=421, [Rejected, Rejected, Rejected, Rejected, Rejected,  Rejected,  Rejected,  Rejected,  Rejected,  Rejected,  Rejected,   Rejected]),
        (402..=499, [Fine,     Fine,     Rejected, Rejected, Rejected,  Rejected,  Rejected,  Rejected,  Rejected,  Rejected,  Rejected,   Rejected]),
        (511..=511, [Portal,   Portal,   Portal,   Portal,   Portal,    Portal,    Portal,    Portal,    Portal,    Portal,    Portal,     Portal]),
        (500..=999, [Trouble,  Trouble,  Trouble,  Trouble,  Trouble,   Trouble,   Trouble,   Trouble,   Trouble,   Trouble,   Trouble,    Trouble]),
    ]
};

/// What a status means on a service; the first row that has it counts. `None` for what is no HTTP service or no
/// final status.
pub(in crate::judge) fn meaning(service: ServiceId, status: u16) -> Option<Meaning> {
    let column = COLUMNS.iter().position(|column| *column == service)?;
    let (_, meanings) = MEANINGS
        .iter()
        .find(|(statuses, _)| statuses.contains(&status))?;
    meanings.get(column).copied()
}

impl Case<'_> {
    /// Whether this is a web service whose directory is not there.
    pub(in crate::judge) fn is_directory_absent(&self) -> bool {
        self.service().group == Group::Web
            && means(self, |meaning| meaning == Meaning::Absent).is_some()
    }
}

/// What the directory's own answer means, if it is that.
pub(super) fn means(case: &Case<'_>, wanted: fn(Meaning) -> bool) -> Option<Meaning> {
    if case.failure().is_some() {
        return None;
    }
    let meaning = meaning(case.service().id, case.http()?.status?)?;
    wanted(meaning).then_some(meaning)
}

/// `HTTP 503 "Service Unavailable", by "Microsoft-HTTPAPI/2.0"`
pub(super) fn answer(facts: &HttpFacts) -> String {
    let status = facts.status.unwrap_or_default();
    let reason = facts
        .reason
        .as_ref()
        .filter(|reason| !reason.is_empty())
        .map_or_else(String::new, |reason| format!(" {}", quote(reason)));
    let by = facts
        .server
        .as_ref()
        .filter(|server| !server.is_empty())
        .map_or_else(String::new, |server| format!(", by {}", quote(server)));
    let blocked = facts.blocked_by.map_or_else(String::new, |product| {
        format!(", a page of {product} that blocks the request")
    });
    format!("HTTP {status}{reason}{by}{blocked}")
}

/// Whether Windows' own HTTP driver answered because nobody else did.
pub(in crate::judge) fn is_http_sys(facts: &HttpFacts) -> bool {
    facts.server.as_ref().is_some_and(|server| {
        server
            .as_str()
            .to_ascii_lowercase()
            .starts_with("microsoft-httpapi")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_meaning_on_every_column() {
        for service in COLUMNS {
            for status in 200..=999 {
                assert!(meaning(service, status).is_some(), "{service} {status}");
            }
            assert_eq!(meaning(service, 101), None);
        }
        assert_eq!(meaning(ServiceId::Smtp, 200), None);
        // A row that an earlier one hides would never count.
        for (index, (statuses, _)) in MEANINGS.iter().enumerate() {
            assert!(
                statuses.clone().any(|status| {
                    MEANINGS
                        .iter()
                        .position(|(statuses, _)| statuses.contains(&status))
                        == Some(index)
                }),
                "{statuses:?}"
            );
        }
    }
}
