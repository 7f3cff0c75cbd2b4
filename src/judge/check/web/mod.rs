//! Rules on the web: what the answer of a directory comes to, and what its health page says.
//!
//! Nobody signs in, so 401 is the answer that is hoped for; [`meaning`] has the table of what the others mean, and
//! [`redirect`] where redirects may lead.

#[cfg(test)]
mod fixture;
mod meaning;
mod redirect;

pub(in crate::judge) use meaning::{Meaning, is_http_sys, meaning};

use super::case::Case;
use super::recognition::is_exchange;
use super::rule::CheckRule;
use crate::catalog::{Expectation, Group, Protocol, Role, ServiceId};
use crate::facts::{ClientCertificate, Health, PeerFacts, RedirectKind, Text};
use crate::finding::{Code, Severity};
use crate::judge::product::Product;
use crate::judge::quoting::{list, quote};
use crate::judge::rule::Evidence;
use meaning::{answer, means};
use redirect::{
    LastAnswer, captive_portal, last_answer, last_redirect, redirect_elsewhere, redirect_loop,
    redirect_unusable,
};

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

#[cfg(test)]
mod tests {
    use super::fixture::{answering, facts, redirecting, web};
    use super::*;
    use crate::facts::{HttpFacts, TlsFacts, TlsVersion};
    use crate::finding::Status;
    use crate::judge::fixture::open;
    use crate::observation::{Cause, Stage};

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
