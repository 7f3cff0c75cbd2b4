//! HTTP as IIS and Exchange's front end speak it on 80 and 443 to someone who has not signed in (RFC 9110, 9112), and
//! what proxies and guest networks on the way say instead.
//!
//! No body is ever read, no credential is ever looked at; an empty Bearer is none.

use super::conversation::{Conversation, Received};
use super::dates;
use super::extent::Extent;
use super::faults::Fault;
use super::port::{Machine, Port};
use super::served::is_served;
use crate::catalog::{MODERN, ServiceId};
use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;

/// `http.sys`: `MaxRequestBytes`.
const LONGEST_HEAD: usize = 16_384;
const MOST_HEADERS: usize = 100;

const BUILD: &str = "15.2.2562.53";
/// Exchange 2019 CU15, September 2025 HU: the last that Exchange Online throttles.
const OLD_BUILD: &str = "15.2.1748.37";
/// Every request bears one; nobody needs it to differ.
const REQUEST_ID: &str = "request-id: 7c3d2b0e-52f4-4d34-9b0c-2f1a6f0e9d11\r\n";

const NEGOTIATE: &str = "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n";
const AUTODISCOVER: &str = "X-SOAP-Enabled: True\r\n\
                            X-WSSecurity-Enabled: True\r\n\
                            X-WSSecurity-For: None\r\n\
                            X-OAuth-Enabled: True\r\n\
                            X-AspNet-Version: 4.0.30319\r\n";

const BEARER: &str = "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", \
                      trusted_issuers=\"00000001-0000-0000-c000-000000000000@*\", \
                      token_types=\"app_asserted_user_v1 service_asserted_app_v1\", \
                      authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\"";
const SIGN_IN: &str = "https://login.microsoftonline.com/common/oauth2/authorize\
                       ?client_id=00000002-0000-0ff1-ce00-000000000000\
                       &redirect_uri=https%3a%2f%2foutlook.office365.com%2fowa%2f\
                       &resource=00000002-0000-0ff1-ce00-000000000000&response_mode=form_post&response_type=code+id_token";
const ONLINE_HEADERS: &str = "Strict-Transport-Security: max-age=31536000; includeSubDomains; preload\r\n\
                              Alt-Svc: h3=\":443\"; ma=2592000\r\n\
                              X-CalculatedFETarget: PN4P287CU001.internal.outlook.com\r\n\
                              X-BeSku: WCS7\r\n";

/// What is asked.
struct HttpRequest {
    method: String,
    path: String,
    /// As the client named us; an address when it did not.
    host: String,
    after: After,
    body: Body,
    /// Whether it asks whose tokens are taken: `Authorization: Bearer` with nothing after it.
    asks_for_issuers: bool,
}

/// What happens to the connection after the answer.
#[derive(Clone, Copy, Eq, PartialEq)]
enum After {
    Stay,
    Close,
}

/// Whether an answer's body is wanted: HEAD takes none.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Body {
    Wanted,
    Unwanted,
}

/// An answer before it is written out.
struct WebAnswer {
    status: &'static str,
    server: &'static str,
    headers: String,
    body: String,
}

pub(super) async fn serve(port: &Port, mut peer: Conversation) -> io::Result<()> {
    loop {
        let head = match peer.receive(LONGEST_HEAD, head).await {
            Received::Request(head) => head,
            Received::Foreign => {
                peer.say(kernel("400 Bad Request", "Bad Request", "Invalid Verb"))
                    .await?;
                return peer.close().await;
            }
            Received::TooLong => {
                peer.say(kernel("400 Bad Request", "Bad Request", "Request Too Long"))
                    .await?;
                return peer.close().await;
            }
            Received::Silence | Received::Gone => return peer.close().await,
        };
        let request = match read(&head, &peer) {
            Ok(request) => request,
            Err(detail) => {
                peer.say(kernel("400 Bad Request", "Bad Request", detail))
                    .await?;
                return peer.close().await;
            }
        };
        let after = match answer(port, &request) {
            HttpAnswer::Site(answer) => {
                peer.say(answer.written(&request)).await?;
                request.after
            }
            HttpAnswer::Kernel(words) => {
                peer.say(words).await?;
                After::Close
            }
            HttpAnswer::Nothing => After::Close,
        };
        if after == After::Close {
            return peer.close().await;
        }
    }
}

/// Who answers.
enum HttpAnswer {
    /// IIS, or what stands in front of it.
    Site(WebAnswer),
    /// http.sys, because nobody else does.
    Kernel(String),
    /// Nobody: the connection is closed.
    Nothing,
}

fn answer(port: &Port, request: &HttpRequest) -> HttpAnswer {
    if port.has(Fault::ProxyAuthentication) {
        return HttpAnswer::Site(wanting_credentials());
    }
    if port.has(Fault::CaptivePortal) {
        return HttpAnswer::Site(leading_to_sign_in());
    }
    if port.has(Fault::HttpServerError) {
        return HttpAnswer::Kernel(stopped());
    }
    if port.service == ServiceId::Http {
        return HttpAnswer::Site(match port.machine {
            Machine::Online => WebAnswer::new("301 Moved Permanently").with(&format!(
                "Location: https://{}/\r\n",
                without_port(&request.host)
            )),
            _ => WebAnswer::new("403 Forbidden"),
        });
    }
    let (directory, rest) = place(&request.path);
    match web_service(&directory, &rest) {
        Some(service) if !is_served(port.role, service) => HttpAnswer::Site(not_found()),
        Some(service) => fault(port, service, request, &directory, &rest).unwrap_or_else(|| {
            let answer = route(port, request, &directory, &rest);
            HttpAnswer::Site(match port.machine {
                Machine::Online => answer,
                _ => with_issuers(answer, port, service, request),
            })
        }),
        None => HttpAnswer::Site(route(port, request, &directory, &rest)),
    }
}

/// The challenge of hybrid modern authentication, for those who ask for it (MS-XOAUTH §3.2.5.4).
fn with_issuers(
    answer: WebAnswer,
    port: &Port,
    service: ServiceId,
    request: &HttpRequest,
) -> WebAnswer {
    let is_on =
        MODERN.contains(&service) && !port.has_at(service, Fault::ModernAuthenticationHalfOn);
    if request.asks_for_issuers && is_on && answer.status.starts_with("401") {
        answer.with(&format!("WWW-Authenticate: {BEARER}\r\n"))
    } else {
        answer
    }
}

/// What a virtual directory answers instead, if anything is wrong with it.
fn fault(
    port: &Port,
    service: ServiceId,
    request: &HttpRequest,
    directory: &str,
    rest: &str,
) -> Option<HttpAnswer> {
    let has = |fault| port.has_at(service, fault);
    let reply = if has(Fault::WebServerError) {
        HttpAnswer::Kernel(stopped())
    } else if has(Fault::WebThrottled) {
        HttpAnswer::Site(WebAnswer::new("429 Too Many Requests").with("Retry-After: 30\r\n"))
    } else if has(Fault::WebAnonymous) {
        HttpAnswer::Site(
            WebAnswer::new("200 OK")
                .by("nginx")
                .with("Content-Type: text/html\r\n")
                .saying("<html><body>Welcome</body></html>\r\n".into()),
        )
    } else if has(Fault::WebNotFound) || has(Fault::MrsProxyOff) {
        HttpAnswer::Site(not_found())
    } else if has(Fault::WebRestricted) {
        HttpAnswer::Site(
            WebAnswer::new("403 Forbidden")
                .with("Content-Type: text/html\r\n")
                .saying("You do not have permission to view this directory or page.".into()),
        )
    } else if has(Fault::WebRedirectLoop) {
        HttpAnswer::Site(
            WebAnswer::new("302 Redirect")
                .with("Content-Type: text/html; charset=UTF-8\r\n")
                .with(&format!(
                    "Location: https://{}/{directory}/\r\n",
                    request.host
                )),
        )
    } else if has(Fault::WebUnhealthy) && is_health_page(request, rest) {
        HttpAnswer::Nothing
    } else {
        return None;
    };
    Some(reply)
}

/// The first segment of a path in lower case, and the rest of it without its query.
fn place(path: &str) -> (String, String) {
    let path = path
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let path = path.strip_prefix('/').unwrap_or(&path);
    let (directory, rest) = path.split_once('/').unwrap_or((path, ""));
    (directory.to_owned(), rest.to_owned())
}

fn web_service(directory: &str, rest: &str) -> Option<ServiceId> {
    Some(match directory {
        "ews" if rest.starts_with("mrsproxy.svc") => ServiceId::Mrsproxy,
        "owa" => ServiceId::Owa,
        "ecp" => ServiceId::Ecp,
        "ews" => ServiceId::Ews,
        "mapi" => ServiceId::Mapi,
        "microsoft-server-activesync" => ServiceId::Activesync,
        "autodiscover" => ServiceId::Autodiscover,
        "rpc" => ServiceId::OutlookAnywhere,
        "oab" => ServiceId::Oab,
        "powershell" => ServiceId::Powershell,
        _ => return None,
    })
}

/// Only GET is known there.
fn is_health_page(request: &HttpRequest, rest: &str) -> bool {
    rest == "healthcheck.htm" && request.method == "GET"
}

/// The virtual directories of an Exchange front end.
fn route(port: &Port, request: &HttpRequest, directory: &str, rest: &str) -> WebAnswer {
    let front_end = format!("X-FEServer: {}\r\n{REQUEST_ID}", port.machine.short_name());
    let host = &request.host;
    if is_health_page(request, rest) && web_service(directory, rest).is_some() {
        return WebAnswer::new("200 OK")
            .with(&front_end)
            .with("Content-Type: text/html\r\n")
            .saying(format!("200 OK<br/>{}", port.machine.inner_name()));
    }
    if port.machine == Machine::Online {
        return route_online(request, directory, &front_end);
    }
    let build = if port.has_at(ServiceId::Owa, Fault::ExchangeOnlineThrottles)
        || port.has_at(ServiceId::Ecp, Fault::ExchangeOnlineThrottles)
    {
        OLD_BUILD
    } else {
        BUILD
    };
    match directory {
        "" => WebAnswer::new("302 Found")
            .with("Cache-Control: no-cache\r\nPragma: no-cache\r\n")
            .with(&format!("Location: https://{host}/owa/\r\n"))
            .with(&front_end),
        "owa" if rest == "auth/logon.aspx" => WebAnswer::new("200 OK")
            .with("Cache-Control: no-cache, no-store\r\nContent-Type: text/html; charset=utf-8\r\n")
            .with(&format!("X-OWA-Version: {build}\r\n"))
            .with(&front_end)
            .saying(format!(
                "<!DOCTYPE html>\r\n<html><head><title>Outlook</title>\
                 <link rel=\"shortcut icon\" href=\"/owa/auth/{folder}/themes/resources/favicon.ico\">\
                 </head><body>exchports stand-in: nobody can sign in here.</body></html>\r\n",
                folder = build.rsplit_once('.').map_or(build, |(folder, _)| folder)
            )),
        "owa" | "ecp" => WebAnswer::new("302 Found")
            .with(&format!(
                "Location: https://{host}/owa/auth/logon.aspx?url=https%3a%2f%2f{}%2f{directory}%2f&reason=0\r\n",
                host.replace(':', "%3a").replace('[', "%5b").replace(']', "%5d")
            ))
            .with(&format!("X-OWA-Version: {build}\r\n"))
            .with(&front_end),
        "ews" | "mapi" | "oab" | "api" | "powershell" => {
            WebAnswer::new("401 Unauthorized").with(NEGOTIATE).with(&front_end)
        }
        "microsoft-server-activesync" => WebAnswer::new("401 Unauthorized")
            .with(&format!("WWW-Authenticate: Basic realm=\"{host}\"\r\n"))
            .with(&front_end),
        "rpc" => WebAnswer::new("401 Unauthorized")
            .with(NEGOTIATE)
            .with(&format!("WWW-Authenticate: Basic realm=\"{host}\"\r\n"))
            .with(&front_end),
        "autodiscover" => WebAnswer::new("401 Unauthorized")
            .with(NEGOTIATE)
            .with(&format!("WWW-Authenticate: Basic realm=\"{host}\"\r\n"))
            .with(AUTODISCOVER)
            .with(&front_end),
        _ => not_found(),
    }
}

/// Exchange Online: who wants in needs a token from Microsoft's sign-in.
fn route_online(request: &HttpRequest, directory: &str, front_end: &str) -> WebAnswer {
    let answer = match directory {
        "" => WebAnswer::new("302 Found")
            .with(&format!("Location: https://{}/owa/\r\n", request.host)),
        "owa" => WebAnswer::new("302 Found")
            .with(&format!("Location: {SIGN_IN}\r\n"))
            .with("X-OWA-Version: 15.20.9320.21\r\n"),
        _ if web_service(directory, "").is_some() => {
            WebAnswer::new("401 Unauthorized").with(&format!("WWW-Authenticate: {BEARER}\r\n"))
        }
        _ => return not_found(),
    };
    answer.with(ONLINE_HEADERS).with(front_end)
}

fn not_found() -> WebAnswer {
    WebAnswer::new("404 Not Found")
        .with("Content-Type: text/html\r\n")
        .saying("<h2>404 - File or directory not found.</h2>\r\n".into())
}

/// What Squid says when it does not know its client.
fn wanting_credentials() -> WebAnswer {
    WebAnswer::new("407 Proxy Authentication Required")
        .by("squid/5.7")
        .with("Content-Type: text/html;charset=utf-8\r\n")
        .with("X-Squid-Error: ERR_CACHE_ACCESS_DENIED 0\r\n")
        .with("Proxy-Authenticate: Negotiate\r\n")
        .with("Proxy-Authenticate: Basic realm=\"Squid proxy-caching web server\"\r\n")
        .with("Via: 1.1 proxy.example.net (squid/5.7)\r\n")
        .saying("<html><head><title>ERROR: Cache Access Denied</title></head></html>\r\n".into())
}

/// What a guest network says to everyone who has not signed in, whatever was asked.
fn leading_to_sign_in() -> WebAnswer {
    WebAnswer::new("302 Found")
        .by("nginx")
        .with("Cache-Control: no-store\r\nContent-Type: text/html\r\n")
        .with("Location: https://login.guest-network.example/portal\r\n")
        .saying("<html><head><title>Sign in to the network</title></head></html>\r\n".into())
}

impl WebAnswer {
    fn new(status: &'static str) -> Self {
        Self {
            status,
            server: "Microsoft-IIS/10.0",
            headers: String::new(),
            body: String::new(),
        }
    }

    /// Somebody else than IIS.
    fn by(mut self, server: &'static str) -> Self {
        self.server = server;
        self
    }

    fn with(mut self, headers: &str) -> Self {
        self.headers.push_str(headers);
        self
    }

    fn saying(mut self, body: String) -> Self {
        self.body = body;
        self
    }

    fn written(&self, request: &HttpRequest) -> String {
        let mut words = format!("HTTP/1.1 {}\r\n{}", self.status, self.headers);
        let _ = write!(words, "Server: {}\r\n", self.server);
        let _ = write!(words, "Date: {}\r\n", dates::imf_fixdate(dates::now()));
        if request.after == After::Close {
            words.push_str("Connection: close\r\n");
        }
        let _ = write!(words, "Content-Length: {}\r\n\r\n", self.body.len());
        if request.body == Body::Wanted {
            words.push_str(&self.body);
        }
        words
    }
}

/// What http.sys says when a site's application pool is stopped.
fn stopped() -> String {
    written_by_kernel(
        "503 Service Unavailable",
        "Service Unavailable",
        "<h2>Service Unavailable</h2>\r\n<hr><p>HTTP Error 503. The service is unavailable.</p>",
    )
}

/// What http.sys says before any site is asked.
fn kernel(status: &str, title: &str, detail: &str) -> String {
    let sentence = match detail {
        "Invalid Hostname" => "The request hostname is invalid.",
        "Request Too Long" => "The size of the request headers is too long.",
        _ => "The request verb is invalid.",
    };
    written_by_kernel(
        status,
        title,
        &format!("<h2>Bad Request - {detail}</h2>\r\n<hr><p>HTTP Error 400. {sentence}</p>"),
    )
}

fn written_by_kernel(status: &str, title: &str, inside: &str) -> String {
    let body = format!(
        "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\"http://www.w3.org/TR/html4/strict.dtd\">\r\n\
         <HTML><HEAD><TITLE>{title}</TITLE>\r\n\
         <META HTTP-EQUIV=\"Content-Type\" Content=\"text/html; charset=us-ascii\"></HEAD>\r\n\
         <BODY>{inside}\r\n</BODY></HTML>\r\n"
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=us-ascii\r\nServer: Microsoft-HTTPAPI/2.0\r\n\
         Date: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        dates::imf_fixdate(dates::now()),
        body.len()
    )
}

/// A request head from its first byte to its empty line.
fn head(bytes: &[u8]) -> Extent {
    if bytes
        .first()
        .is_some_and(|byte| !byte.is_ascii_alphabetic())
    {
        return Extent::Foreign;
    }
    match bytes.windows(4).position(|four| four == b"\r\n\r\n") {
        Some(at) => Extent::Whole(at + 4),
        None => Extent::Unfinished,
    }
}

/// What is asked, or what http.sys would find wrong with it.
fn read(head: &[u8], peer: &Conversation) -> Result<HttpRequest, &'static str> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).map_err(|error| match error {
        httparse::Error::TooManyHeaders => "Request Too Long",
        _ => "Invalid Verb",
    })?;
    let (Some(method), Some(target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Err("Invalid Verb");
    };
    let header = |name: &str| {
        request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    };
    let host = match header("Host").map(<[u8]>::trim_ascii) {
        Some(host) if is_host(host) => String::from_utf8_lossy(host).into_owned(),
        // HTTP/1.0 may leave it out: then IIS calls itself by its address.
        None if version == 0 => match peer.local() {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        },
        _ => return Err("Invalid Hostname"),
    };
    let has_body = header("Transfer-Encoding").is_some()
        || header("Content-Length").is_some_and(|length| length.trim_ascii() != b"0");
    let stays = version == 1
        && !has_body
        && header("Connection").is_none_or(|value| !value.eq_ignore_ascii_case(b"close"));
    Ok(HttpRequest {
        method: method.to_owned(),
        path: target.to_owned(),
        host,
        after: if stays { After::Stay } else { After::Close },
        asks_for_issuers: header("Authorization")
            .is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"Bearer")),
        body: if method == "HEAD" {
            Body::Unwanted
        } else {
            Body::Wanted
        },
    })
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

/// What may be said back in a header: a name or an address with or without port, nothing else.
fn is_host(host: &[u8]) -> bool {
    (1..=255).contains(&host.len())
        && host
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_found_at_every_cut() {
        let ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for cut in 0..ask.len() {
            assert_eq!(head(&ask[..cut]), Extent::Unfinished, "{cut}");
        }
        assert_eq!(head(ask), Extent::Whole(ask.len()));
        assert_eq!(head(b"\x16\x03\x01"), Extent::Foreign);
    }

    #[test]
    fn a_host_cannot_carry_a_header() {
        assert!(is_host(b"mail.example.test:8443"));
        assert!(is_host(b"[::1]"));
        assert!(!is_host(b""));
        assert!(!is_host(b"a b"));
        assert!(!is_host(b"a\"b"));
        assert!(!is_host(b"a/b"));
    }

    #[test]
    fn a_port_is_taken_off() {
        for (host, name) in [
            ("mail.example.test:8080", "mail.example.test"),
            ("mail.example.test", "mail.example.test"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(without_port(host), name);
        }
    }

    #[test]
    fn http_sys_says_503_in_326_bytes() {
        assert!(stopped().contains("\r\nContent-Length: 326\r\n\r\n<!DOCTYPE"));
    }
}
