//! Rules on the web: what a status means on a directory, where redirects may lead, what the health page says.
//!
//! Nobody signs in, so 401 is the answer that is hoped for; [`MEANINGS`] tells what the others mean. The columns are
//! `/` on 80 and on 443, then Exchange's virtual directories. What follows a redirect counts only on the pages that
//! people open in browsers: Outlook, phones and other servers do not go where a redirect leads.

use super::recognition::is_exchange;
use std::ops::RangeInclusive;

use super::case::Case;
use super::rule::CheckRule;
use crate::catalog::{
    Expectation, Group, Protocol, Role, Service, ServiceId, WEB, virtual_directory,
};
use crate::facts::{ClientCertificate, Health, HttpFacts, PeerFacts, Redirect, RedirectKind, Text};
use crate::finding::{Code, Severity};
use crate::judge::product::Product;
use crate::judge::quoting::{list, quote, shorten};
use crate::judge::rule::Evidence;

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

pub(super) const RULES: &[CheckRule] = &[
    CheckRule {
        code: Code::HttpServerError,
        holds: |case| server_error(case, Group::Port),
    },
    CheckRule {
        code: Code::WebServerError,
        holds: |case| server_error(case, Group::Web),
    },
    CheckRule {
        code: Code::CaptivePortal,
        holds: captive_portal,
    },
    CheckRule {
        code: Code::ProxyAuthentication,
        holds: |case| {
            means(case, |meaning| meaning == Meaning::Proxy)?;
            Some(Evidence::new(format!(
                "{}: a proxy on the way requires a sign-in",
                answer(case.http()?)
            )))
        },
    },
    CheckRule {
        code: Code::HttpRejected,
        holds: rejected,
    },
    CheckRule {
        code: Code::WebNotFound,
        holds: not_found,
    },
    CheckRule {
        code: Code::MrsProxyOff,
        holds: mrs_proxy_off,
    },
    CheckRule {
        code: Code::WebRedirectLoop,
        holds: redirect_loop,
    },
    CheckRule {
        code: Code::WebRedirectToCleartext,
        holds: |case| {
            let redirect = last_redirect(case, RedirectKind::Downgrade)?;
            Some(Evidence::new(format!(
                "the answer redirects back to plain HTTP: {}",
                quote(&redirect.location)
            )))
        },
    },
    CheckRule {
        code: Code::WebRedirectUnusable,
        holds: redirect_unusable,
    },
    CheckRule {
        code: Code::WebRedirectElsewhere,
        holds: redirect_elsewhere,
    },
    CheckRule {
        code: Code::WebAnonymous,
        holds: anonymous,
    },
    CheckRule {
        code: Code::WebThrottled,
        holds: |case| {
            means(case, |meaning| meaning == Meaning::Throttled)?;
            Some(Evidence::new(answer(case.http()?)))
        },
    },
    CheckRule {
        code: Code::WebRestricted,
        holds: restricted,
    },
    CheckRule {
        code: Code::HttpForbidden,
        holds: |case| {
            means(case, |meaning| meaning == Meaning::TlsDemanded)?;
            Some(Evidence::new(if case.says() == Some(Product::Other) {
                "HTTP 403: plain HTTP is refused"
            } else {
                "HTTP 403: plain HTTP is refused, as Exchange does by default"
            }))
        },
    },
    CheckRule {
        code: Code::HttpWithoutTls,
        holds: |case| {
            let facts = case.http()?;
            (case.service().id == ServiceId::Http
                && means(case, |meaning| meaning == Meaning::Page).is_some()
                && is_exchange(facts))
            .then(|| Evidence::new(format!("{}, from Exchange, over plain HTTP", answer(facts))))
        },
    },
    CheckRule {
        code: Code::AuthenticationMissing,
        holds: |case| {
            let facts = case.http()?;
            (case.service().group == Group::Web
                && facts.status == Some(401)
                && facts.authentication.is_empty())
            .then(|| Evidence::new("HTTP 401 without any way to sign in (no WWW-Authenticate)"))
        },
    },
    CheckRule {
        code: Code::WebUnhealthy,
        holds: unhealthy,
    },
    CheckRule {
        code: Code::WebHealthElsewhere,
        holds: |case| {
            let facts = case.http()?;
            let (front_end, health_server) =
                facts.front_end.as_ref().zip(facts.health_server.as_ref())?;
            (!same_machine(front_end, health_server)).then(|| {
                Evidence::new(format!(
                    "the directory was answered by {}, its health page by {}",
                    quote(front_end),
                    quote(health_server)
                ))
            })
        },
    },
    CheckRule {
        code: Code::PreAuthentication,
        holds: pre_authentication,
    },
    CheckRule {
        code: Code::ProxyOnTheWay,
        holds: |case| {
            let via = &case.http()?.via;
            (!via.is_empty())
                .then(|| Evidence::new(format!("a proxy on the way names itself: {}", list(via))))
        },
    },
    CheckRule {
        code: Code::BasicAuthenticationOnline,
        holds: |case| {
            (is_online(case) && offers(case, "Basic")).then(|| {
                Evidence::new("the answer offers Basic, which Exchange Online no longer takes")
            })
        },
    },
    CheckRule {
        code: Code::ModernAuthentication,
        holds: modern_authentication,
    },
];

impl Case<'_> {
    /// Whether this is a web service whose directory is not there.
    pub(in crate::judge) fn is_directory_absent(&self) -> bool {
        self.service().group == Group::Web
            && means(self, |meaning| meaning == Meaning::Absent).is_some()
    }
}

/// Whether two names stand for one machine: `EX01` and `ex01.corp.example.com`.
pub(in crate::judge) fn same_machine(one: &Text, other: &Text) -> bool {
    let short = |text: &Text| {
        text.as_str()
            .split('.')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    short(one) == short(other)
}

/// What the directory's own answer means, if it is that.
fn means(case: &Case<'_>, wanted: fn(Meaning) -> bool) -> Option<Meaning> {
    if case.failure().is_some() {
        return None;
    }
    let meaning = meaning(case.service().id, case.http()?.status?)?;
    wanted(meaning).then_some(meaning)
}

/// How it ends for people.
struct LastAnswer {
    status: u16,
    /// The page that they were sent to; `None` where the directory itself answers.
    page: Option<FinalPage>,
}

/// A page that a directory sends people to.
struct FinalPage {
    /// Where it is on this host.
    path: String,
    /// The other directory that it is in: the logon page of `ecp` is that of `owa`.
    owner: Option<&'static Service>,
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
    fn answers(&self, status: u16) -> String {
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
fn last_answer(case: &Case<'_>) -> Option<LastAnswer> {
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

fn server_error(case: &Case<'_>, group: Group) -> Option<Evidence> {
    let facts = case.http()?;
    if case.service().group != group {
        return None;
    }
    let LastAnswer { status, page } = last_answer(case)?;
    if meaning(case.service().id, status)? != Meaning::Trouble {
        return None;
    }
    let message = match &page {
        Some(page) => page.answers(status),
        None => answer(facts),
    };
    if let Some(owner) = page.as_ref().and_then(|page| page.owner) {
        // What is broken is told there, and the health of this directory says nothing of it.
        let hint = format!(
            "Fix {owner} first: the page belongs to it, and its row says more (`--service {owner}` if it has no \
             row). There is no sign that {this} itself is broken.",
            owner = owner.name,
            this = case.service().name
        );
        return Some(Evidence {
            hint: Some(hint.into()),
            ..Evidence::new(message)
        });
    }
    let is_healthy = facts.health == Some(Health::Healthy);
    let hint = match (status, page.is_none() && is_http_sys(facts)) {
        (503, true) => Some(
            "http.sys answers because the site or an application pool is stopped: start it in IIS Manager. Events \
             5002 and 5009 (WAS) in the System log say why it stopped.",
        ),
        (502 | 504, _) => Some(
            "A proxy or load balancer in front gets no answer from the server behind it: look at its pool and at the \
             server itself.",
        ),
        _ if is_healthy => Some(
            "healthcheck.htm is fine, so the front end works and the back end fails. Look at `Get-HealthReport` and \
             at the back end's certificate on 444 (`netsh http show sslcert`, event 15021).",
        ),
        _ => None,
    };
    let message = if is_healthy {
        format!("{message}, while healthcheck.htm is fine")
    } else {
        message
    };
    Some(Evidence::new(message).hint_if(hint))
}

/// What to do where a web server asked for a client certificate in the handshake and then refuses the request.
fn asked_for_certificate(case: &Case<'_>) -> Option<&'static str> {
    Some(match case.tls()?.client_certificate? {
        ClientCertificate::Requested => {
            "The server asked for a client certificate and got none: present one with `--client-cert`, or stop \
             requiring one there (SSL Settings in IIS, `ssl_verify_client` in nginx)."
        }
        ClientCertificate::Sent => {
            "Possibly the server does not accept the client certificate given with `--client-cert`. Its log says why \
             (in IIS: 403.7, 403.13, 403.16 or 403.17)."
        }
    })
}

fn rejected(case: &Case<'_>) -> Option<Evidence> {
    let facts = case.http()?;
    let LastAnswer { status, page } = last_answer(case)?;
    let found = meaning(case.service().id, status)?;
    if let Some(page) = page {
        // The page that people are sent to has to be there, and open to them.
        let is_shut = matches!(
            found,
            Meaning::Rejected | Meaning::Absent | Meaning::Restricted
        );
        return is_shut.then(|| {
            Evidence::new(page.answers(status)).hint(
                "Open the page in a browser. If the logon page is missing, make sure that the directory /owa/auth is \
                 complete, and that a gateway in front lets it through.",
            )
        });
    }
    if case.failure().is_some() || found != Meaning::Rejected {
        return None;
    }
    Some(
        Evidence::new(answer(facts)).hint_if(match (status, is_http_sys(facts)) {
            _ if facts.blocked_by.is_some() => Some(BLOCKED),
            // nginx takes whatever comes in the handshake, and says what it thinks of it in the answer.
            (400 | 495 | 496, _) if asked_for_certificate(case).is_some() => {
                asked_for_certificate(case)
            }
            (400, true) => Some(
                "http.sys has no site of that name (Invalid Hostname): correct the host name of the binding in IIS \
                 (`Get-WebBinding`), or check by the name that clients use.",
            ),
            (421, _) => Some(
                "The server has no site for this name on this connection (Misdirected Request): check by the name that \
                 clients use, or give it with `--servername`.",
            ),
            (405, _) => Some(
                "Clients of this directory use GET, which is refused here. Look at Request Filtering in IIS, or at \
                 what a web application firewall in front allows.",
            ),
            _ => None,
        }),
    )
}

fn not_found(case: &Case<'_>) -> Option<Evidence> {
    if !case.is_directory_absent() || case.service().id == ServiceId::Mrsproxy {
        return None;
    }
    let facts = case.http()?;
    let evidence = Evidence::new(format!("{}: there is no such directory", answer(facts)));
    Some(match case.check.expect {
        Expectation::Required if is_http_sys(facts) => evidence.hint(
            "http.sys answers, but no site has this path. Make sure that the Default Web Site is running and has its \
             virtual directories (`Get-Website`, `Get-WebApplication`).",
        ),
        Expectation::Required => {
            evidence
                .hint_if(match case.service().id {
                    ServiceId::OutlookAnywhere => Some(
                        "Outlook Anywhere needs the Windows feature RPC over HTTP Proxy. Outlook uses MAPI over HTTP \
                         today: if that works, it may not be missed.",
                    ),
                    _ => None,
                })
        }
        Expectation::Optional => evidence,
        Expectation::Forbidden => evidence
            .hint("No action is needed: it must not be reachable, and it is not there."),
    })
}

/// It lies in the directory of EWS, which is there: that it is off, or closed to this network, looks alike.
fn mrs_proxy_off(case: &Case<'_>) -> Option<Evidence> {
    if !case.is_directory_absent() || case.service().id != ServiceId::Mrsproxy {
        return None;
    }
    let evidence = Evidence::new(format!(
        "{}: the MRS proxy is off here, or closed to this network",
        answer(case.http()?)
    ));
    Some(match case.check.expect {
        Expectation::Required => evidence,
        Expectation::Optional => evidence.hint(
            "No action is needed unless mailboxes will be moved through this host. If so: \
             `Get-WebServicesVirtualDirectory | Set-WebServicesVirtualDirectory -MRSProxyEnabled $true`.",
        ),
        Expectation::Forbidden => evidence
            .hint("No action is needed: it must not be reachable, and it is not there."),
    })
}

fn restricted(case: &Case<'_>) -> Option<Evidence> {
    means(case, |meaning| meaning == Meaning::Restricted)?;
    let hint = match case.service().id {
        ServiceId::Ecp => Some(
            "Usually access to the admin center is restricted on purpose, to the internal network or by a client \
             access rule: then no action is needed. Otherwise look at IP Address and Domain Restrictions in IIS.",
        ),
        ServiceId::Powershell => Some(
            "Usually remote PowerShell is restricted to the internal network on purpose: then no action is needed. \
             Otherwise look at IP Address and Domain Restrictions in IIS.",
        ),
        _ => None,
    };
    let facts = case.http()?;
    if facts.blocked_by.is_some() {
        return Some(Evidence::new(answer(facts)).hint(BLOCKED));
    }
    Some(
        Evidence::new(format!(
            "{}: access is denied, possibly only from here",
            answer(facts)
        ))
        .hint_if(asked_for_certificate(case).or(hint)),
    )
}

/// What is to be done about a firewall's page.
const BLOCKED: &str = "A web application firewall in front blocks the request: look in its log (the page shows the \
                       incident's number), and let this directory through. Mail programs may be treated differently \
                       from this check.";

fn anonymous(case: &Case<'_>) -> Option<Evidence> {
    let facts = case.http()?;
    // A page is nothing odd for people, as long as it is Exchange's.
    let is_strange_page = || {
        let is_page = matches!(facts.status, Some(200..=299)) && case.service().group == Group::Web;
        let is_known = is_exchange(facts) || is_online(case);
        is_page && (facts.blocked_by.is_some() || !is_known)
    };
    if means(case, |meaning| meaning == Meaning::Anonymous).is_none()
        && (case.failure().is_some() || !is_strange_page())
    {
        return None;
    }
    if facts.blocked_by.is_some() {
        return Some(Evidence::new(answer(facts)).hint(BLOCKED));
    }
    let message = format!("{}, without asking to sign in", answer(facts));
    if is_exchange(facts) {
        let hint = match case.service().id {
            ServiceId::Mapi => {
                "Anonymous access seems to be on: switch it off for this directory in IIS (Authentication); otherwise \
                 Outlook is not asked to sign in."
            }
            _ => {
                "Anonymous access seems to be on: compare the directory's authentication in IIS with Exchange's \
                 default settings."
            }
        };
        return Some(Evidence::new(message).severity(Severity::Warn).hint(hint));
    }
    Some(
        Evidence::new(format!("{message}, with no sign of Exchange")).hint_if(
            match case.service().id {
                ServiceId::Autodiscover => None,
                _ => Some(
                    "Another web site answers here, or a gateway shows its own logon page to everyone. Check what \
                     the name points to, and open the page in a browser.",
                ),
            },
        ),
    )
}

fn redirect_loop(case: &Case<'_>) -> Option<Evidence> {
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

fn redirect_unusable(case: &Case<'_>) -> Option<Evidence> {
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

fn redirect_elsewhere(case: &Case<'_>) -> Option<Evidence> {
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

fn captive_portal(case: &Case<'_>) -> Option<Evidence> {
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

fn unhealthy(case: &Case<'_>) -> Option<Evidence> {
    match health(case)? {
        Health::ClosedUnanswered => {
            let status = case.http()?.status?;
            Some(
                Evidence::new(format!(
                    "the connection for healthcheck.htm was closed without an answer, though the directory answers \
                     HTTP {status}"
                ))
                .hint(
                    "Possibly the protocol was taken out of service: look at its proxy component in \
                     `Get-ServerComponentState`. After maintenance: `Set-ServerComponentState -State Active \
                     -Requester Maintenance`.",
                ),
            )
        }
        Health::Silent => Some(Evidence::new("healthcheck.htm did not answer in time")),
        Health::Status(status @ 500..) => Some(Evidence::new(format!(
            "healthcheck.htm answers HTTP {status}"
        ))),
        _ => None,
    }
}

fn pre_authentication(case: &Case<'_>) -> Option<Evidence> {
    let facts = case.http()?;
    if case.service().group != Group::Web || is_online(case) || is_exchange(facts) {
        return None;
    }
    means(case, |meaning| meaning == Meaning::SignIn)?;
    Some(Evidence::new(format!(
        "{}, with no sign of Exchange (no X-FEServer): possibly a device in front answers",
        answer(facts)
    )))
}

fn modern_authentication(case: &Case<'_>) -> Option<Evidence> {
    if offers(case, "Bearer") {
        return Some(Evidence::new("modern authentication is offered (Bearer)"));
    }
    let words = match case.seen.peer.as_ref()? {
        PeerFacts::Imap(facts) => &facts.secure_capabilities,
        PeerFacts::Pop3(facts) => &facts.secure_capabilities,
        PeerFacts::Smtp(facts) => &facts.secure_extensions,
        PeerFacts::Ldap(_) | PeerFacts::Rdp(_) | PeerFacts::Http(_) => return None,
    };
    let has = |wanted: &str| {
        words.iter().any(|word| {
            word.as_str()
                .split([' ', '='])
                .any(|part| part.eq_ignore_ascii_case(wanted))
        })
    };
    if !has("XOAUTH2") {
        return None;
    }
    let is_alone = match case.service().protocol {
        Protocol::Imap => has("LOGINDISABLED"),
        Protocol::Smtp => !has("LOGIN") && !has("PLAIN"),
        _ => !has("PLAIN") && !has("USER"),
    };
    Some(if is_alone {
        Evidence::new("only modern authentication is offered (XOAUTH2), no passwords").hint(
            "No action is needed: Exchange Online accepts no passwords here, so programs have to sign in with OAuth.",
        )
    } else {
        Evidence::new("modern authentication is offered (XOAUTH2)")
    })
}

/// The health page, where it has something to say: it is known of these directories, the directory itself works, and
/// it is not Exchange Online, which has its own load balancers.
fn health(case: &Case<'_>) -> Option<Health> {
    let health = case.http()?.health?;
    let is_known = case.service().id != ServiceId::Powershell && !is_online(case);
    let works = means(case, |meaning| {
        !matches!(
            meaning,
            Meaning::Absent | Meaning::Trouble | Meaning::Portal | Meaning::Proxy
        )
    });
    (is_known && works.is_some()).then_some(health)
}

/// The redirect at which following ended, if it is of that kind.
fn last_redirect<'a>(case: &Case<'a>, kind: RedirectKind) -> Option<&'a Redirect> {
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

fn is_online(case: &Case<'_>) -> bool {
    matches!(
        case.context.role,
        Role::Online | Role::OnlineSubmission | Role::OnlineMx
    )
}

fn offers(case: &Case<'_>, scheme: &str) -> bool {
    case.http().is_some_and(|facts| {
        facts
            .authentication
            .iter()
            .any(|offered| offered.as_str().eq_ignore_ascii_case(scheme))
    })
}

/// `HTTP 503 "Service Unavailable", by "Microsoft-HTTPAPI/2.0"`
fn answer(facts: &HttpFacts) -> String {
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
    use super::super::super::fixture::{Fixture, open};
    use super::*;
    use crate::catalog::WEB;
    use crate::facts::{TlsFacts, TlsVersion};
    use crate::finding::Status;
    use crate::observation::{Cause, Stage};

    /// An answer of an Exchange front end, as it would be.
    fn facts(status: u16) -> HttpFacts {
        HttpFacts {
            status: Some(status),
            server: Some(Text::from("Microsoft-IIS/10.0")),
            front_end: Some(Text::from("EX01")),
            authentication: vec![Text::from("Negotiate"), Text::from("NTLM")],
            health: Some(Health::Healthy),
            health_server: Some(Text::from("ex01.corp.example.com")),
            ..HttpFacts::default()
        }
    }

    fn answering(service: ServiceId, facts: HttpFacts) -> Fixture {
        open(service).peer(PeerFacts::Http(facts))
    }

    fn redirecting(service: ServiceId, kind: RedirectKind, end: Option<u16>) -> Fixture {
        answering(
            service,
            HttpFacts {
                location: Some(Text::from("/somewhere")),
                redirects: vec![Redirect {
                    location: Text::from("/somewhere"),
                    kind,
                }],
                final_status: end,
                ..facts(302)
            },
        )
    }

    fn web() -> impl Iterator<Item = ServiceId> {
        WEB.iter().map(|row| row.id)
    }

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

    #[test]
    fn what_exchange_answers_by_default_is_fine() {
        for service in web() {
            let staged = if matches!(service, ServiceId::Owa | ServiceId::Ecp) {
                redirecting(service, RedirectKind::SameHost, Some(200))
            } else {
                answering(service, facts(401))
            };
            assert_eq!(staged.told(), [], "{service}");
            assert_eq!(staged.status(), Status::Pass);
        }
        for (seen, word) in [
            (ClientCertificate::Requested, "got none"),
            (ClientCertificate::Sent, "does not accept"),
        ] {
            for (service, status, code) in [
                (ServiceId::Https, 400, Code::HttpRejected),
                (ServiceId::Owa, 403, Code::WebRestricted),
            ] {
                let mut staged = answering(service, facts(status));
                staged.seen.tls = Some(TlsFacts {
                    version: Some(TlsVersion::Tls12),
                    client_certificate: Some(seen),
                    ..TlsFacts::default()
                });
                let (_, hint) = staged.words(code);
                assert!(hint.contains(word), "{service} {status}: {hint}");
            }
        }
        let forbidden = answering(ServiceId::Http, facts(403));
        assert_eq!(forbidden.told(), [(Code::HttpForbidden, Severity::Info)]);
        assert_eq!(forbidden.status(), Status::Pass);
        assert_eq!(answering(ServiceId::Http, facts(302)).told(), []);
        for status in [200, 302, 401, 403, 404, 440] {
            assert_eq!(answering(ServiceId::Https, facts(status)).told(), []);
        }
    }

    #[test]
    fn what_stands_in_front_is_told_with_what_to_try() {
        let blocked = |status| HttpFacts {
            blocked_by: Some("F5 BIG-IP"),
            ..facts(status)
        };
        for (service, facts, code, words, hint) in [
            (
                ServiceId::Https,
                facts(421),
                Code::HttpRejected,
                "HTTP 421",
                "`--servername`",
            ),
            (
                ServiceId::Ews,
                facts(421),
                Code::HttpRejected,
                "HTTP 421",
                "`--servername`",
            ),
            (
                ServiceId::Ews,
                blocked(200),
                Code::WebAnonymous,
                "F5 BIG-IP",
                "web application firewall",
            ),
            (
                ServiceId::Owa,
                blocked(200),
                Code::WebAnonymous,
                "F5 BIG-IP",
                "web application firewall",
            ),
            (
                ServiceId::Owa,
                blocked(403),
                Code::WebRestricted,
                "F5 BIG-IP",
                "web application firewall",
            ),
            (
                ServiceId::Mapi,
                blocked(406),
                Code::HttpRejected,
                "F5 BIG-IP",
                "web application firewall",
            ),
        ] {
            let (message, told) = answering(service, facts).words(code);
            assert!(message.contains(words), "{service}: {message}");
            assert!(told.contains(hint), "{service}: {told}");
        }
    }

    #[test]
    fn each_status_has_its_code_on_each_directory() {
        use Severity::{Fail, Info, Warn};
        for (service, status, code, severity) in [
            (ServiceId::Http, 200, Code::HttpWithoutTls, Warn),
            (ServiceId::Https, 400, Code::HttpRejected, Fail),
            (ServiceId::Owa, 400, Code::HttpRejected, Fail),
            (ServiceId::Owa, 403, Code::WebRestricted, Fail),
            (ServiceId::Ecp, 403, Code::WebRestricted, Warn),
            (ServiceId::Powershell, 403, Code::WebRestricted, Warn),
            (ServiceId::Mapi, 403, Code::WebRestricted, Fail),
            (ServiceId::Mapi, 200, Code::WebAnonymous, Warn),
            (ServiceId::Ews, 200, Code::WebAnonymous, Warn),
            (ServiceId::Ews, 404, Code::WebNotFound, Fail),
            (ServiceId::Oab, 410, Code::WebNotFound, Fail),
            // Off, or filtered: it says so in several ways.
            (ServiceId::Mrsproxy, 400, Code::MrsProxyOff, Fail),
            (ServiceId::Mrsproxy, 403, Code::MrsProxyOff, Fail),
            (ServiceId::Mrsproxy, 404, Code::MrsProxyOff, Fail),
            (ServiceId::Mrsproxy, 503, Code::WebServerError, Fail),
            (ServiceId::Owa, 405, Code::HttpRejected, Fail),
            (ServiceId::Ews, 418, Code::HttpRejected, Fail),
            (ServiceId::Ews, 407, Code::ProxyAuthentication, Fail),
            (ServiceId::Http, 407, Code::ProxyAuthentication, Fail),
            (ServiceId::Activesync, 429, Code::WebThrottled, Warn),
            (ServiceId::Owa, 500, Code::WebServerError, Fail),
            (ServiceId::Https, 503, Code::HttpServerError, Fail),
            (ServiceId::Http, 599, Code::HttpServerError, Fail),
            (ServiceId::Http, 511, Code::CaptivePortal, Fail),
            (ServiceId::Autodiscover, 511, Code::CaptivePortal, Fail),
            (ServiceId::Http, 403, Code::HttpForbidden, Info),
        ] {
            let staged = answering(service, facts(status));
            assert_eq!(staged.told(), [(code, severity)], "{service} {status}");
        }
        for service in [
            ServiceId::Mapi,
            ServiceId::Activesync,
            ServiceId::Powershell,
        ] {
            assert_eq!(answering(service, facts(405)).told(), [], "{service}");
            assert_eq!(answering(service, facts(440)).told(), [], "{service}");
        }
        assert_eq!(answering(ServiceId::Powershell, facts(200)).told(), []);
    }

    #[test]
    fn a_directory_that_is_not_there_is_absent() {
        for service in web() {
            let staged = answering(service, facts(404));
            for (expect, status, severity) in [
                (Expectation::Required, Status::Fail, Severity::Fail),
                (Expectation::Optional, Status::Absent, Severity::Info),
                (Expectation::Forbidden, Status::Pass, Severity::Info),
            ] {
                let staged = staged.clone().expect(expect);
                let code = match service {
                    ServiceId::Mrsproxy => Code::MrsProxyOff,
                    _ => Code::WebNotFound,
                };
                assert_eq!(staged.told(), [(code, severity)]);
                assert_eq!(staged.status(), status);
            }
        }
        let there = answering(ServiceId::Ecp, facts(401)).expect(Expectation::Forbidden);
        assert_eq!(there.told(), [(Code::ForbiddenOpen, Severity::Fail)]);
        assert!(there.words(Code::ForbiddenOpen).0.contains("HTTP 401"));
    }

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

    #[test]
    fn the_health_page_says_what_the_directory_does_not() {
        for (health, told) in [
            (Health::Healthy, None),
            (Health::Unreadable, None),
            (Health::Missing, None),
            (Health::Status(403), None),
            (Health::Status(302), None),
            (Health::ClosedUnanswered, Some(Code::WebUnhealthy)),
            (Health::Silent, Some(Code::WebUnhealthy)),
            (Health::Status(500), Some(Code::WebUnhealthy)),
        ] {
            let staged = answering(
                ServiceId::Ews,
                HttpFacts {
                    health: Some(health),
                    health_server: None,
                    ..facts(401)
                },
            );
            let expected: Vec<_> = told
                .map(|code| (code, Severity::Warn))
                .into_iter()
                .collect();
            assert_eq!(staged.told(), expected, "{health:?}");
            // Exchange Online has load balancers of its own, and nobody documents the page of PowerShell.
            assert_eq!(staged.clone().role(Role::Online).told(), []);
        }
        let closed = answering(
            ServiceId::Ews,
            HttpFacts {
                health: Some(Health::ClosedUnanswered),
                ..facts(401)
            },
        );
        let (_, hint) = closed.words(Code::WebUnhealthy);
        assert!(hint.contains("Possibly") && hint.contains("Get-ServerComponentState"));
        let mut shell = closed;
        shell.check.service = ServiceId::Powershell.row();
        assert_eq!(shell.told(), []);
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

    #[test]
    fn a_healthy_front_end_before_a_broken_back_end() {
        let staged = answering(ServiceId::Mapi, facts(500));
        let (message, hint) = staged.words(Code::WebServerError);
        assert!(message.contains("healthcheck.htm is fine"), "{message}");
        assert!(hint.contains("Get-HealthReport"), "{hint}");
    }

    #[test]
    fn a_stopped_application_pool_is_known_by_who_answers() {
        let staged = open(ServiceId::Https).peer(PeerFacts::Http(HttpFacts {
            status: Some(503),
            reason: Some(Text::from("Service Unavailable")),
            server: Some(Text::from("Microsoft-HTTPAPI/2.0")),
            ..HttpFacts::default()
        }));
        let (message, hint) = staged.words(Code::HttpServerError);
        assert_eq!(
            message,
            "HTTP 503 \"Service Unavailable\", by \"Microsoft-HTTPAPI/2.0\""
        );
        assert!(hint.contains("5002 and 5009"), "{hint}");
        let bound = open(ServiceId::Https).peer(PeerFacts::Http(HttpFacts {
            status: Some(400),
            server: Some(Text::from("Microsoft-HTTPAPI/2.0")),
            ..HttpFacts::default()
        }));
        assert!(
            bound
                .words(Code::HttpRejected)
                .1
                .contains("Invalid Hostname")
        );
    }

    #[test]
    fn who_answers_is_told_by_its_marks() {
        let bare = HttpFacts {
            front_end: None,
            health: None,
            health_server: None,
            ..facts(401)
        };
        let device = answering(ServiceId::Ews, bare.clone());
        assert_eq!(device.told(), [(Code::PreAuthentication, Severity::Info)]);
        assert_eq!(device.status(), Status::Pass);
        assert_eq!(device.role(Role::Online).told(), []);
        let site = answering(
            ServiceId::Autodiscover,
            HttpFacts {
                status: Some(200),
                ..bare.clone()
            },
        );
        assert_eq!(site.told(), [(Code::WebAnonymous, Severity::Fail)]);
        let page = answering(
            ServiceId::Owa,
            HttpFacts {
                status: Some(200),
                ..bare
            },
        );
        // A page is for people, and yet has to be Exchange's.
        assert_eq!(page.told(), [(Code::WebAnonymous, Severity::Fail)]);
        let mut marked = page;
        if let Some(PeerFacts::Http(facts)) = &mut marked.seen.peer {
            facts.exchange_mark = Some("X-BackEndCookie");
        }
        assert_eq!(marked.told(), []);
        let proxied = answering(
            ServiceId::Ews,
            HttpFacts {
                via: vec![Text::from("1.1 proxy.example.com (squid)")],
                ..facts(401)
            },
        );
        assert_eq!(proxied.told(), [(Code::ProxyOnTheWay, Severity::Info)]);
        let balanced = answering(
            ServiceId::Ews,
            HttpFacts {
                health_server: Some(Text::from("ex02.corp.example.com")),
                ..facts(401)
            },
        );
        assert_eq!(
            balanced.told(),
            [(Code::WebHealthElsewhere, Severity::Info)]
        );
    }

    #[test]
    fn ways_to_sign_in() {
        let offering = |schemes: &[&str]| {
            answering(
                ServiceId::Ews,
                HttpFacts {
                    authentication: schemes.iter().map(|scheme| Text::from(*scheme)).collect(),
                    ..facts(401)
                },
            )
        };
        assert_eq!(
            offering(&[]).told(),
            [(Code::AuthenticationMissing, Severity::Warn)]
        );
        assert_eq!(offering(&["Basic"]).told(), []);
        assert_eq!(
            offering(&["Basic", "Bearer"]).role(Role::Online).told(),
            [
                (Code::BasicAuthenticationOnline, Severity::Info),
                (Code::ModernAuthentication, Severity::Info)
            ]
        );
        let imap = open(ServiceId::Imaps).peer(PeerFacts::Imap(crate::facts::ImapFacts {
            secure_capabilities: vec![Text::from("AUTH=XOAUTH2"), Text::from("LOGINDISABLED")],
            ..crate::facts::ImapFacts::default()
        }));
        assert_eq!(imap.told(), [(Code::ModernAuthentication, Severity::Info)]);
        assert!(
            imap.words(Code::ModernAuthentication)
                .0
                .contains("no passwords")
        );
    }

    #[test]
    fn what_broke_off_has_no_status_to_judge() {
        let staged = open(ServiceId::Ews).failing(Stage::Application, Cause::Silent);
        assert_eq!(staged.told(), [(Code::Silent, Severity::Fail)]);
    }
}
