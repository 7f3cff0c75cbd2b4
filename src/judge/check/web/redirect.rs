//! Where redirects may lead. What follows one counts only on the pages that people open in browsers: Outlook, phones and
//! other servers do not go where a redirect leads.

use super::meaning::{Meaning, answer, means};
use crate::catalog::{Group, Service, ServiceId, WEB, virtual_directory};
use crate::facts::{HttpFacts, Redirect, RedirectKind, Text};
use crate::finding::Severity;
use crate::judge::check::case::Case;
use crate::judge::check::recognition::is_exchange;
use crate::judge::quoting::{quote, shorten};
use crate::judge::rule::Evidence;

/// How it ends for people.
pub(super) struct LastAnswer {
    pub(super) status: u16,
    /// The page that they were sent to; `None` where the directory itself answers.
    pub(super) page: Option<FinalPage>,
}

/// A page that a directory sends people to.
pub(super) struct FinalPage {
    /// Where it is on this host.
    path: String,
    /// The other directory that it is in: the logon page of `ecp` is that of `owa`.
    pub(super) owner: Option<&'static Service>,
}

impl FinalPage {
    fn of(location: &Text, from: ServiceId) -> Self {
        let location = location.as_str();
        let path = match after_scheme(location) {
            Some(rest) => rest
                .find('/')
                .map_or("/", |at| rest.get(at..).unwrap_or("/")),
            None => location,
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let folder = |path: &str| path.split('/').nth(1).map(str::to_ascii_lowercase);
        let owner = WEB.iter().filter(|row| row.id != from).find(|row| {
            virtual_directory(row.id).is_some_and(|it| folder(it.path) == folder(path))
        });
        Self {
            path: path.to_owned(),
            owner,
        }
    }

    /// What people get there.
    pub(super) fn answers(&self, status: u16) -> String {
        let whose = match self.owner {
            Some(owner) => format!("{}'s", owner.name),
            None => "the".to_owned(),
        };
        format!(
            "it redirects to {whose} page \"{}\", which answers HTTP {status}",
            shorten(&self.path)
        )
    }
}

/// The status at the end: of the page that people get to, where they are sent on.
pub(super) fn last_answer(case: &Case<'_>) -> Option<LastAnswer> {
    let facts = case.http()?;
    if means(case, |meaning| meaning == Meaning::Logon).is_none() {
        return Some(LastAnswer {
            status: facts.status?,
            page: None,
        });
    }
    let redirect = facts.redirects.last()?;
    Some(LastAnswer {
        status: facts.final_status?,
        page: Some(FinalPage::of(&redirect.location, case.service().id)),
    })
}

pub(super) fn redirect_loop(case: &Case<'_>) -> Option<Evidence> {
    let facts = case.http()?;
    if let Some(redirect) = last_redirect(case, RedirectKind::TooMany) {
        return Some(
            Evidence::new(format!(
                "{} redirects, and the next one leads to {}",
                facts.redirects.len().saturating_sub(1),
                quote(&redirect.location)
            ))
            .severity(Severity::Warn)
            .hint(
                "Open the page in a browser and see whether the redirects end. Each one costs clients time, and some \
                 Exchange clients follow only a few.",
            ),
        );
    }
    let redirect = last_redirect(case, RedirectKind::Loop)?;
    let evidence = Evidence::new(format!(
        "the redirect to {} goes round in circles",
        quote(&redirect.location)
    ));
    // IIS itself redirects without a mark of Exchange's.
    let by_iis = facts
        .server
        .as_ref()
        .is_some_and(|server| server.as_str().starts_with("Microsoft-IIS"));
    Some(if is_exchange(facts) || by_iis || !is_for_people(case) {
        evidence
    } else {
        // Access gateways set a cookie first and send back to the same page; no cookie is kept here.
        evidence.severity(Severity::Warn).hint(
            "Open the page in a browser. If it loads there, a gateway in front possibly sets a cookie first; if not, \
             remove the HTTP redirect that the directories inherit from the site.",
        )
    })
}

pub(super) fn redirect_unusable(case: &Case<'_>) -> Option<Evidence> {
    if let Some(redirect) = last_redirect(case, RedirectKind::Nonsense) {
        return Some(Evidence::new(format!(
            "the redirect to {} does not lead to a web page",
            quote(&redirect.location)
        )));
    }
    let facts = case.http()?;
    // 300 and 304 need no place to go to, and nothing else is a redirect without one.
    let is_redirect = matches!(facts.status, Some(301..=303 | 307 | 308));
    (case.failure().is_none()
        && case.service().group == Group::Web
        && is_redirect
        && facts.location.is_none())
    .then(|| Evidence::new(format!("{}, and no address to go to", answer(facts))))
}

pub(super) fn redirect_elsewhere(case: &Case<'_>) -> Option<Evidence> {
    let facts = case.http()?;
    if portal(case, facts).is_some() {
        return None;
    }
    if case.service().group == Group::Port {
        return redirect_from_the_root(case, facts);
    }
    let is_away = means(case, |meaning| meaning == Meaning::Away).is_some();
    if let Some(redirect) = last_redirect(case, RedirectKind::OtherHost) {
        let evidence = Evidence::new(format!(
            "the answer redirects to another host: {}",
            quote(&redirect.location)
        ));
        return Some(if is_away { gone(evidence) } else { evidence });
    }
    let redirect = last_redirect(case, RedirectKind::SameHost)?;
    // A directory that was asked for without its slash, and then asks to sign in.
    if !is_away || matches!(facts.final_status, None | Some(401)) {
        return None;
    }
    Some(gone(Evidence::new(format!(
        "the answer redirects to {}, and mail programs do not follow",
        quote(&redirect.location)
    ))))
}

/// Outlook and phones stay where they are: a directory of theirs that leads away cannot be used.
fn gone(evidence: Evidence) -> Evidence {
    evidence.severity(Severity::Fail).hint(
        "Outlook, phones and servers follow no redirect here. Let this directory through the device in front without \
         a logon page, and make sure that it inherits no HTTP redirect from the site.",
    )
}

/// `/` on 80 and 443 may lead anywhere on the host that was asked for.
fn redirect_from_the_root(case: &Case<'_>, facts: &HttpFacts) -> Option<Evidence> {
    let location = foreign_location(case, facts)?;
    Some(Evidence::new(format!(
        "the answer to `/` redirects to another host: {}",
        quote(location)
    )))
}

pub(super) fn captive_portal(case: &Case<'_>) -> Option<Evidence> {
    let facts = case.http()?;
    if means(case, |meaning| meaning == Meaning::Portal).is_some() {
        return Some(Evidence::new(format!(
            "{}: this network requires a sign-in first",
            answer(facts)
        )));
    }
    let location = portal(case, facts)?;
    let is_away = means(case, |meaning| meaning == Meaning::Away).is_some();
    Some(
        Evidence::new(format!(
            "the answer redirects to a portal on another host, possibly this network's own sign-in: {}",
            quote(location)
        ))
        // A person with a browser may get there; Outlook does not.
        .severity(if is_away {
            Severity::Fail
        } else {
            Severity::Warn
        }),
    )
}

/// Words that sign-in pages of networks have in their addresses.
const PORTAL_WORDS: [&str; 6] = ["captive", "guest", "hotspot", "portal", "wifi", "wlan"];

/// Domains of Microsoft's own sign-in and portals, to which hosts of organisations lead.
const MICROSOFT: [&str; 6] = [
    "cloud.microsoft",
    "microsoft.com",
    "microsoftonline.com",
    "office.com",
    "office365.com",
    "outlook.com",
];

/// A redirect that looks like one to the sign-in page of a network: to a host of another domain that is called so.
fn portal<'a>(case: &Case<'_>, facts: &'a HttpFacts) -> Option<&'a Text> {
    let location = foreign_location(case, facts)?;
    let lower = location.as_str().to_ascii_lowercase();
    let domain = |host: &str| {
        let mut labels: Vec<&str> = host.trim_end_matches('.').rsplit('.').take(2).collect();
        labels.reverse();
        labels.join(".")
    };
    let ours = domain(&case.context.server_name.to_string().to_ascii_lowercase());
    let theirs = domain(host_of(&lower)?);
    if ours == theirs || MICROSOFT.contains(&theirs.as_str()) {
        return None;
    }
    let path = lower.split('?').next().unwrap_or_default();
    PORTAL_WORDS
        .iter()
        .any(|word| path.contains(word))
        .then_some(location)
}

/// Where a redirect leads, if that is another host than the one that was asked for.
fn foreign_location<'a>(case: &Case<'_>, facts: &'a HttpFacts) -> Option<&'a Text> {
    if case.failure().is_some() || !matches!(facts.status, Some(301..=303 | 307 | 308)) {
        return None;
    }
    let location = facts.location.as_ref()?;
    let lower = location.as_str().to_ascii_lowercase();
    let theirs = host_of(&lower)?;
    let ours = case.context.server_name.to_string().to_ascii_lowercase();
    (theirs.trim_end_matches('.') != ours.trim_end_matches('.')).then_some(location)
}

/// The host of an address with a scheme.
fn host_of(location: &str) -> Option<&str> {
    let rest = after_scheme(location)?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    let host = host.trim_matches(['[', ']']);
    (!host.is_empty()).then_some(host)
}

/// What follows `scheme://` where that stands in front; in a path or a query it is somebody else's address.
fn after_scheme(location: &str) -> Option<&str> {
    let (scheme, rest) = location.split_once("://")?;
    (!scheme.contains(['/', '?', '#'])).then_some(rest)
}

/// The redirect at which following ended, if it is of that kind.
pub(super) fn last_redirect<'a>(case: &Case<'a>, kind: RedirectKind) -> Option<&'a Redirect> {
    if case.failure().is_some() {
        return None;
    }
    case.http()?
        .redirects
        .last()
        .filter(|redirect| redirect.kind == kind)
}

/// Whether people open it in browsers, which follow redirects and keep cookies.
fn is_for_people(case: &Case<'_>) -> bool {
    matches!(case.service().id, ServiceId::Owa | ServiceId::Ecp)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{answering, facts, redirecting};
    use super::*;
    use crate::facts::PeerFacts;
    use crate::finding::Code;

    #[test]
    fn redirects_are_judged_by_where_they_lead_and_who_is_sent() {
        use RedirectKind::{Downgrade, Loop, Nonsense, OtherHost, SameHost, TooMany};
        use Severity::{Fail, Info, Warn};
        for (service, kind, end, code, severity) in [
            (ServiceId::Owa, Loop, None, Code::WebRedirectLoop, Fail),
            (
                ServiceId::Owa,
                TooMany,
                Some(302),
                Code::WebRedirectLoop,
                Warn,
            ),
            (
                ServiceId::Owa,
                Downgrade,
                None,
                Code::WebRedirectToCleartext,
                Fail,
            ),
            (
                ServiceId::Ews,
                Downgrade,
                None,
                Code::WebRedirectToCleartext,
                Fail,
            ),
            (
                ServiceId::Owa,
                Nonsense,
                None,
                Code::WebRedirectUnusable,
                Fail,
            ),
            (
                ServiceId::Owa,
                OtherHost,
                None,
                Code::WebRedirectElsewhere,
                Info,
            ),
            (
                ServiceId::Autodiscover,
                OtherHost,
                None,
                Code::WebRedirectElsewhere,
                Info,
            ),
            (
                ServiceId::Mapi,
                OtherHost,
                None,
                Code::WebRedirectElsewhere,
                Fail,
            ),
            (
                ServiceId::Mapi,
                SameHost,
                Some(200),
                Code::WebRedirectElsewhere,
                Fail,
            ),
            (
                ServiceId::Owa,
                SameHost,
                Some(500),
                Code::WebServerError,
                Fail,
            ),
            (
                ServiceId::Owa,
                SameHost,
                Some(404),
                Code::HttpRejected,
                Fail,
            ),
        ] {
            let staged = redirecting(service, kind, end);
            assert_eq!(
                staged.told(),
                [(code, severity)],
                "{service} {kind:?} {end:?}"
            );
        }
        for (service, end) in [
            (ServiceId::Activesync, Some(401)),
            (ServiceId::Owa, Some(440)),
            (ServiceId::Owa, None),
        ] {
            assert_eq!(redirecting(service, SameHost, end).told(), [], "{service}");
        }
    }

    #[test]
    fn a_loop_without_a_sign_of_exchange_may_be_a_gateway_that_sets_a_cookie() {
        let by = |service| {
            let mut staged = redirecting(service, RedirectKind::Loop, None);
            if let Some(PeerFacts::Http(facts)) = &mut staged.seen.peer {
                facts.front_end = None;
                facts.server = None;
                facts.health = None;
                facts.health_server = None;
            }
            staged
        };
        let owa = by(ServiceId::Owa);
        assert_eq!(owa.told(), [(Code::WebRedirectLoop, Severity::Warn)]);
        assert!(owa.words(Code::WebRedirectLoop).1.contains("possibly"));
        let mapi = by(ServiceId::Mapi);
        assert_eq!(mapi.told(), [(Code::WebRedirectLoop, Severity::Fail)]);
    }

    #[test]
    fn a_redirect_without_a_place_leads_nowhere() {
        let staged = answering(ServiceId::Owa, facts(302));
        assert_eq!(staged.told(), [(Code::WebRedirectUnusable, Severity::Fail)]);
    }

    #[test]
    fn the_root_may_lead_to_another_host_and_that_is_worth_knowing() {
        let leading = |location: &str| {
            answering(
                ServiceId::Http,
                HttpFacts {
                    location: Some(Text::from(location)),
                    ..facts(301)
                },
            )
        };
        for location in [
            "https://mail.example.com/owa",
            "https://MAIL.example.com:443/owa",
            "/owa",
            "nonsense://",
            "/login?url=https://login.hotel.example/",
        ] {
            assert_eq!(leading(location).told(), [], "{location}");
        }
        for location in [
            "http://login.hotel.example/",
            "https://mail.example.com.evil/",
        ] {
            assert_eq!(
                leading(location).told(),
                [(Code::WebRedirectElsewhere, Severity::Info)],
                "{location}"
            );
        }
    }

    /// The logon page of the admin center is that of Outlook on the web.
    #[test]
    fn a_directory_that_sends_people_to_a_broken_page_names_whose_it_is() {
        const LOGON: &str = "https://mail.example.com/owa/auth/logon.aspx?url=https%3a%2f%2fmail.example.com%2fecp&reason=0";
        let sent = |service, location: &str, end| {
            let mut facts = facts(302);
            facts.location = Some(Text::from(location));
            facts.redirects = vec![Redirect {
                location: Text::from(location),
                kind: RedirectKind::SameHost,
            }];
            facts.final_status = Some(end);
            answering(service, facts)
        };
        for (service, location, said, next) in [
            (
                ServiceId::Ecp,
                LOGON,
                "it redirects to owa's page \"/owa/auth/logon.aspx\", which answers HTTP 503",
                "Fix owa first",
            ),
            (
                ServiceId::Ecp,
                "/OWA/auth/logon.aspx",
                "it redirects to owa's page \"/OWA/auth/logon.aspx\", which answers HTTP 503",
                "Fix owa first",
            ),
            (
                ServiceId::Ecp,
                "/my.policy?orig=https://mail.example.com/owa",
                "it redirects to the page \"/my.policy\", which answers HTTP 503, while healthcheck.htm is fine",
                "Get-HealthReport",
            ),
            (
                ServiceId::Owa,
                LOGON,
                "it redirects to the page \"/owa/auth/logon.aspx\", which answers HTTP 503, while healthcheck.htm is \
                 fine",
                "Get-HealthReport",
            ),
            (
                ServiceId::Ecp,
                "/my.policy",
                "it redirects to the page \"/my.policy\", which answers HTTP 503, while healthcheck.htm is fine",
                "Get-HealthReport",
            ),
        ] {
            let staged = sent(service, location, 503);
            assert_eq!(staged.told(), [(Code::WebServerError, Severity::Fail)]);
            let (message, hint) = staged.words(Code::WebServerError);
            assert_eq!(message, said);
            assert!(hint.contains(next), "{hint}");
        }
        let (message, _) = sent(ServiceId::Ecp, LOGON, 404).words(Code::HttpRejected);
        assert_eq!(
            message,
            "it redirects to owa's page \"/owa/auth/logon.aspx\", which answers HTTP 404"
        );
    }
}
