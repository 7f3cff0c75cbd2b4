//! Exchange's web services behind 443: GET of the virtual directory, its redirects on the same host, then its
//! `healthcheck.htm` on the same connection, or on a new one where the server has closed it.
//!
//! Nobody signs in: 401 is the answer that is hoped for. What a status means on a directory is for the rules.

use super::ask::{Ask, TlsMode};
use super::http::{USER_AGENT, host_header, learn};
use crate::catalog::{MODERN, VirtualDirectory};
use crate::facts::{BearerAnswer, Health, HttpFacts, Redirect, RedirectKind, Text};
use crate::net::{Alpn, Dial, Record, Session, Stream};
use crate::observation::{Cause, Failure, Stage};
use crate::plan::{Host, Limits};
use crate::wire::http::{self, Connection, Framing, Head};
use crate::wire::{Decoded, ViolationKind};

pub(super) async fn look(
    dial: &impl Dial,
    ask: &Ask,
    directory: &VirtualDirectory,
    record: &mut Record,
    facts: &mut HttpFacts,
) -> Result<(), Failure> {
    let mut visit = DirectoryVisit {
        ask,
        directory,
        facts,
        asked: Vec::new(),
    };
    let mut next = NextPage::Directory(directory.path.to_owned());
    for _ in 0..Limits::VISITS {
        let went = match visit.connect(dial, record, &mut next).await {
            Ok(went) => went,
            Err(failure) => visit.bear(failure, &mut next)?,
        };
        match went {
            Went::ToTheEnd => break,
            Went::ToAClosedDoor => {}
        }
    }
    Ok(())
}

/// After a check: whose tokens the directory takes. It is asked where it asked to sign in, and with no token.
pub(super) async fn audit(
    dial: &impl Dial,
    ask: &Ask,
    directory: &VirtualDirectory,
    record: &mut Record,
    facts: &mut HttpFacts,
) {
    if !MODERN.contains(&directory.id) || facts.status != Some(401) {
        return;
    }
    let Ok(mut session) = dial.dial(record).await else {
        return;
    };
    if session.upgrade(Alpn::Http11).await.is_ok() {
        let answer = bearer(&mut session, ask, directory).await;
        facts.bearer = answer.ok().flatten().map(Box::new);
    }
    session.take_leave(None).await;
}

/// `None` where the answer is not one to somebody who has to sign in.
async fn bearer<S: Stream>(
    session: &mut Session<'_, S>,
    ask: &Ask,
    directory: &VirtualDirectory,
) -> Result<Option<BearerAnswer>, Failure> {
    session.enter(Stage::Application);
    let host = host_header(ask, TlsMode::Tls);
    session
        .send(&http::get_with_empty_bearer(
            directory.path,
            &host,
            USER_AGENT,
        ))
        .await?;
    let head = session.receive(http::head).await?;
    let answer = match head.bearer() {
        Some(bearer) => BearerAnswer::Offered {
            trusted_issuers: bearer
                .trusted_issuers
                .into_iter()
                .map(Text::from_bytes)
                .collect(),
            authorization_uri: bearer.authorization_uri.map(Text::from_bytes),
        },
        None => BearerAnswer::NotOffered,
    };
    Ok((head.status == 401).then_some(answer))
}

/// What is asked for.
#[derive(Clone, Debug)]
enum NextPage {
    /// What clients use.
    Directory(String),
    /// Where it sent us.
    Redirected(String),
    /// What load balancers ask.
    Health(&'static str),
    /// Nothing more.
    Nothing,
}

/// How far one connection carried.
enum Went {
    ToTheEnd,
    ToAClosedDoor,
}

/// Whether a connection can be asked again.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Door {
    Open,
    Closed,
}

struct DirectoryVisit<'a> {
    ask: &'a Ask,
    directory: &'a VirtualDirectory,
    facts: &'a mut HttpFacts,
    asked: Vec<String>,
}

impl DirectoryVisit<'_> {
    /// One connection, from the dial to its end.
    async fn connect(
        &mut self,
        dial: &impl Dial,
        record: &mut Record,
        next: &mut NextPage,
    ) -> Result<Went, Failure> {
        let mut session = dial.dial(record).await?;
        let went = match session.upgrade(Alpn::Http11).await {
            Ok(()) => self.go_on(&mut session, next).await,
            Err(failure) => Err(failure),
        };
        session.take_leave(None).await;
        went
    }

    /// Asks page after page, as long as the connection lasts.
    async fn go_on<S: Stream>(
        &mut self,
        session: &mut Session<'_, S>,
        next: &mut NextPage,
    ) -> Result<Went, Failure> {
        let mut is_fresh = true;
        loop {
            session.enter(Stage::Application);
            let path = match &*next {
                NextPage::Directory(path) | NextPage::Redirected(path) => path.clone(),
                NextPage::Health(path) => (*path).to_owned(),
                NextPage::Nothing => return Ok(Went::ToTheEnd),
            };
            let (head, body, door) = match self.get(session, &path).await {
                Ok(answer) => answer,
                // The server may have closed the connection before it saw the question: that says nothing yet.
                Err(failure) if !is_fresh && is_end(&failure) => return Ok(Went::ToAClosedDoor),
                Err(failure) => return Err(failure),
            };
            is_fresh = false;
            match next {
                NextPage::Health(_) => {
                    self.learn_health(&head, &body);
                    return Ok(Went::ToTheEnd);
                }
                NextPage::Directory(_) | NextPage::Redirected(_) => {
                    self.learn_page(&head, &body, matches!(next, NextPage::Directory(_)));
                    *next = self.follow(&head, &path);
                }
                NextPage::Nothing => {}
            }
            if matches!(next, NextPage::Nothing) {
                return Ok(Went::ToTheEnd);
            }
            if door == Door::Closed {
                return Ok(Went::ToAClosedDoor);
            }
        }
    }

    async fn get<S: Stream>(
        &mut self,
        session: &mut Session<'_, S>,
        path: &str,
    ) -> Result<(Head, Vec<u8>, Door), Failure> {
        self.asked.push(path.to_owned());
        let host = host_header(self.ask, TlsMode::Tls);
        session
            .send(&http::get(path, &host, USER_AGENT, Connection::KeepAlive))
            .await?;
        let head = session.receive(http::head).await?;
        let (body, door) = read_body(session, &head).await;
        Ok((head, body, door))
    }

    fn learn_page(&mut self, head: &Head, body: &[u8], is_first: bool) {
        if is_first {
            learn(head, self.facts);
        } else {
            self.facts.final_status = Some(head.status);
        }
        if self.facts.exchange_build.is_none() {
            self.facts.exchange_build = build_in_header(head).or_else(|| build_in_page(body));
        }
        if self.facts.blocked_by.is_none() {
            self.facts.blocked_by = blocker(head.status, body);
        }
        if self.facts.exchange_mark.is_none() {
            self.facts.exchange_mark = mark_in_page(body).or_else(|| mark_in_header(head));
        }
        if self.facts.front_end.is_none() {
            self.facts.front_end = head.header("X-FEServer").next().map(Text::from_bytes);
        }
    }

    /// The next page: where this one sends us, as long as that is on this host; else the health page.
    fn follow(&mut self, head: &Head, from: &str) -> NextPage {
        let location = head.header("Location").next();
        let (301..=303 | 307 | 308, Some(location)) = (head.status, location) else {
            return self.health();
        };
        let (mut kind, path) = place(location, from, &self.ask.host, self.ask.port);
        if kind == RedirectKind::SameHost {
            if self.asked.contains(&path) {
                kind = RedirectKind::Loop;
            } else if self.facts.redirects.len() >= Limits::REDIRECTS {
                kind = RedirectKind::TooMany;
            }
        }
        self.facts.redirects.push(Redirect {
            location: Text::from_bytes(location),
            kind,
        });
        if kind == RedirectKind::SameHost {
            NextPage::Redirected(path)
        } else {
            self.health()
        }
    }

    fn health(&self) -> NextPage {
        self.directory
            .healthcheck
            .map_or(NextPage::Nothing, NextPage::Health)
    }

    fn learn_health(&mut self, head: &Head, body: &[u8]) {
        self.facts.health = Some(match head.status {
            200 if body.starts_with(b"200 OK") => Health::Healthy,
            200 => Health::Foreign,
            401 => Health::Unreadable,
            404 => Health::Missing,
            other => Health::Status(other),
        });
        if head.status == 200 {
            self.facts.health_server = server_in_health_page(body);
        }
    }

    /// What a failure means depends on the page: only the directory itself is the service. One of ours ends the check
    /// wherever it is.
    fn bear(&mut self, failure: Failure, next: &mut NextPage) -> Result<Went, Failure> {
        match next {
            _ if failure.cause.is_ours() => Err(failure),
            NextPage::Directory(_) => Err(failure),
            NextPage::Redirected(_) => {
                *next = self.health();
                Ok(match next {
                    NextPage::Nothing => Went::ToTheEnd,
                    _ => Went::ToAClosedDoor,
                })
            }
            NextPage::Nothing => Ok(Went::ToTheEnd),
            NextPage::Health(_) => {
                if failure.stage == Stage::Application {
                    self.facts.health = match failure.cause {
                        Cause::Closed | Cause::Reset => Some(Health::ClosedUnanswered),
                        Cause::Silent | Cause::Stalled => Some(Health::Silent),
                        _ => None,
                    };
                }
                Ok(Went::ToTheEnd)
            }
        }
    }
}

fn is_end(failure: &Failure) -> bool {
    matches!(failure.cause, Cause::Closed | Cause::Reset)
}

/// Reads a page as far as it is worth reading; one that is not read to its end leaves the connection of no use.
async fn read_body<S: Stream>(session: &mut Session<'_, S>, head: &Head) -> (Vec<u8>, Door) {
    let stays = if head.keeps_open() {
        Door::Open
    } else {
        Door::Closed
    };
    let framing = match head.framing() {
        Ok(Some(framing)) => framing,
        Ok(None) => return (Vec::new(), stays),
        Err(_) => return (Vec::new(), Door::Closed),
    };
    match framing {
        Framing::UntilClose => {
            let body = session
                .receive_rest(Limits::REPLY_BYTES)
                .await
                .unwrap_or_default();
            (body, Door::Closed)
        }
        Framing::Length(_) | Framing::Chunked => session
            .receive(|bytes| page(bytes, framing, stays))
            .await
            .unwrap_or((Vec::new(), Door::Closed)),
    }
}

/// A body, or the beginning of one that is too long; the sizes of its chunks stand in between then, and disturb nobody.
fn page(bytes: &[u8], framing: Framing, stays: Door) -> Decoded<(Vec<u8>, Door)> {
    match http::body(bytes, framing, Limits::REPLY_BYTES) {
        Ok(Some((body, used))) => Ok(Some(((body, stays), used))),
        Err(violation) if violation.kind == ViolationKind::Malformed => Err(violation),
        Ok(None) | Err(_) => Ok((bytes.len() >= Limits::REPLY_BYTES)
            .then(|| ((bytes.to_vec(), Door::Closed), bytes.len()))),
    }
}

/// Where a Location leads, seen from a page of this host (RFC 9110 §10.2.2), and the path to ask for there.
fn place(location: &[u8], from: &str, host: &Host, port: u16) -> (RedirectKind, String) {
    let nowhere = |kind| (kind, String::new());
    let Ok(location) = std::str::from_utf8(location) else {
        return nowhere(RedirectKind::Nonsense);
    };
    let location = location.split('#').next().unwrap_or_default().trim();
    if location.is_empty() || location.chars().any(char::is_control) {
        return nowhere(RedirectKind::Nonsense);
    }
    let (scheme, rest) = match location.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => (scheme.to_ascii_lowercase(), rest),
        _ => match location.strip_prefix("//") {
            Some(rest) => ("https".to_owned(), rest),
            None => return (path_kind(location), absolute(location, from)),
        },
    };
    if scheme != "https" && scheme != "http" {
        return nowhere(RedirectKind::Nonsense);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let (name, named_port) = split_port(authority);
    let is_ours = match host {
        Host::Name(ours) => name.trim_end_matches('.').eq_ignore_ascii_case(ours),
        Host::Address(ours) => name
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address == *ours),
    };
    // Behind another port than ours the same name may be another server; a redirect without a port is the usual case
    // where ours was mapped.
    let is_here = is_ours && named_port.is_none_or(|named| named == port || named == 443);
    match (is_ours, is_here, scheme.as_str()) {
        (true, _, "http") => nowhere(RedirectKind::Downgrade),
        (_, true, _) => (RedirectKind::SameHost, path),
        _ => nowhere(RedirectKind::OtherHost),
    }
}

/// `javascript:` and its like have a colon before any slash; a path does not.
fn path_kind(location: &str) -> RedirectKind {
    let before_slash = location.split(['/', '?']).next().unwrap_or_default();
    if before_slash.contains(':') {
        RedirectKind::Nonsense
    } else {
        RedirectKind::SameHost
    }
}

fn absolute(location: &str, from: &str) -> String {
    if location.starts_with('/') {
        return location.to_owned();
    }
    let path = from.split('?').next().unwrap_or_default();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{location}")
}

fn split_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port.parse().ok()),
        _ => (authority, None),
    }
}

fn build_in_header(head: &Head) -> Option<Text> {
    if let Some(build) = head.header("X-OWA-Version").next() {
        return Some(Text::from_bytes(build));
    }
    let application = head.header("X-ServerApplication").next()?;
    application.strip_prefix(b"Exchange/").map(Text::from_bytes)
}

/// Headers and cookies that Exchange sets, and nobody else.
fn mark_in_header(head: &Head) -> Option<&'static str> {
    const HEADERS: [&str; 6] = [
        "X-CalculatedBETarget",
        "X-CalculatedFETarget",
        "X-BEServer",
        "X-DiagInfo",
        "X-OWA-DiagnosticsInfo",
        "X-SOAP-Enabled",
    ];
    const COOKIES: [&str; 3] = ["X-BackEndCookie", "X-OWA-CANARY", "X-OWA-JS-PSD"];
    let has_cookie = |name: &&str| {
        let mut cookies = head.header("Set-Cookie");
        cookies.any(|cookie| {
            let start = cookie.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        })
    };
    let mut headers = HEADERS.into_iter();
    headers
        .find(|name| head.header(name).next().is_some())
        .or_else(|| COOKIES.into_iter().find(has_cookie))
}

/// Whose page of a refusal it is: words of web application firewalls that people meet.
fn blocker(status: u16, body: &[u8]) -> Option<&'static str> {
    const PAGES: [(&str, &str); 9] = [
        (
            "The requested URL was rejected. Please consult with your administrator",
            "F5 BIG-IP",
        ),
        ("Incapsula incident ID", "Imperva"),
        ("_Incapsula_Resource", "Imperva"),
        ("Attention Required! | Cloudflare", "Cloudflare"),
        ("Web Page Blocked", "Fortinet FortiWeb"),
        (
            "The page cannot be displayed. Please contact support for additional information. The incident ID is",
            "Barracuda",
        ),
        ("This error was generated by Mod_Security", "ModSecurity"),
        ("Sucuri WebSite Firewall", "Sucuri"),
        ("Request blocked by Sophos", "Sophos"),
    ];
    let has = |words: &str| {
        body.windows(words.len())
            .any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
    };
    // Some of them say so with 200.
    (status == 200 || status >= 400)
        .then(|| PAGES.iter().find(|(words, _)| has(words)))?
        .map(|(_, product)| *product)
}

/// The logon page of Outlook on the web has its files, and posts its form, in a folder of its own.
fn mark_in_page(body: &[u8]) -> Option<&'static str> {
    const MARKS: [&str; 3] = [
        "/owa/auth.owa",
        "/owa/auth/",
        "{57A118C6-2DA9-419d-BE9A-F92B0F9A418B}",
    ];
    MARKS.into_iter().find(|mark| {
        body.windows(mark.len())
            .any(|window| window.eq_ignore_ascii_case(mark.as_bytes()))
    })
}

/// The logon page names its own folder: `/owa/auth/15.2.1748/themes/…`.
fn build_in_page(body: &[u8]) -> Option<Text> {
    const MARK: &[u8] = b"/owa/auth/";
    let starts = body
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, window)| window.eq_ignore_ascii_case(MARK))
        .map(|(start, _)| start + MARK.len());
    for start in starts {
        let rest = body.get(start..)?;
        let end = rest
            .iter()
            .position(|byte| !byte.is_ascii_digit() && *byte != b'.')
            .unwrap_or(rest.len());
        let build = rest.get(..end)?;
        let numbers = build.split(|byte| *byte == b'.');
        let is_build = (3..=4).contains(&numbers.clone().count())
            && numbers
                .into_iter()
                .all(|number| (1..=5).contains(&number.len()));
        if is_build {
            return Some(Text::from_bytes(build));
        }
    }
    None
}

/// `200 OK<br/>EX01.corp.example.com`
fn server_in_health_page(body: &[u8]) -> Option<Text> {
    let text = std::str::from_utf8(body.get(..512).unwrap_or(body)).ok()?;
    let (_, server) = text
        .split_once("<br/>")
        .or_else(|| text.split_once("<br>"))?;
    let server = server.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!server.is_empty() && server.len() <= 253 && server.chars().all(is_name))
        .then(|| server.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_told_apart() {
        use RedirectKind::{Downgrade, Nonsense, OtherHost, SameHost};
        let host = Host::Name("mail.example.com".to_owned());
        for (location, kind, path) in [
            (
                "/owa/auth/logon.aspx?url=x",
                SameHost,
                "/owa/auth/logon.aspx?url=x",
            ),
            ("logon.aspx", SameHost, "/owa/logon.aspx"),
            ("https://mail.example.com/owa/", SameHost, "/owa/"),
            ("https://MAIL.example.com:443/owa/", SameHost, "/owa/"),
            ("https://mail.example.com", SameHost, "/"),
            ("https://mail.example.com?x=1", SameHost, "/?x=1"),
            ("//mail.example.com/x", SameHost, "/x"),
            ("/a://b", SameHost, "/a://b"),
            ("http://mail.example.com/owa/", Downgrade, ""),
            ("https://mail.example.com:8443/owa/", OtherHost, ""),
            ("https://login.microsoftonline.com/common", OtherHost, ""),
            ("https://mail.example.com.evil.example/", OtherHost, ""),
            ("https://mail.example.com@evil.example/", OtherHost, ""),
            ("javascript:alert(1)", Nonsense, "javascript:alert(1)"),
            ("file:///etc/passwd", Nonsense, ""),
            ("", Nonsense, ""),
        ] {
            let (found, found_path) = place(location.as_bytes(), "/owa/", &host, 443);
            assert_eq!(found, kind, "{location}");
            if kind == SameHost {
                assert_eq!(found_path, path, "{location}");
            }
        }
        assert_eq!(place(b"/\xff", "/", &host, 443).0, Nonsense);
        let mapped = place(b"https://mail.example.com/owa/", "/", &host, 10443);
        assert_eq!(mapped, (SameHost, "/owa/".to_owned()));
    }

    #[test]
    fn the_page_of_a_firewall_is_known_by_its_words() {
        let f5 = b"<title>Request Rejected</title>The requested URL was rejected. Please consult with your administrator.";
        for (status, page, product) in [
            (200, &f5[..], Some("F5 BIG-IP")),
            (403, f5, Some("F5 BIG-IP")),
            (302, f5, None),
            (
                403,
                b"<title>ATTENTION REQUIRED! | cloudflare</title>",
                Some("Cloudflare"),
            ),
            (
                406,
                b"This error was generated by Mod_Security.",
                Some("ModSecurity"),
            ),
            (403, b"403 - Forbidden: Access is denied.", None),
            (200, b"", None),
        ] {
            assert_eq!(blocker(status, page), product, "{status}");
        }
    }

    #[test]
    fn the_logon_page_tells_the_build() {
        let page = br#"<link href="/owa/auth/15.2.1748/themes/resources/logon.css">"#;
        assert_eq!(build_in_page(page), Some("15.2.1748".into()));
        assert_eq!(build_in_page(b"/owa/auth/logon.aspx /owa/auth/1..2/"), None);
        assert_eq!(build_in_page(b"/owa/auth/"), None);
    }

    #[test]
    fn the_health_page_names_its_server() {
        let name = server_in_health_page(b"200 OK<br/>EX01.corp.example.com\r\n");
        assert_eq!(name, Some("EX01.corp.example.com".into()));
        assert_eq!(
            server_in_health_page(b"<html>welcome<br/>to us, friend</html>"),
            None
        );
        assert_eq!(server_in_health_page(b"200 OK"), None);
        for (length, is_name) in [(253, true), (254, false)] {
            let page = [&b"200 OK<br/>"[..], &b"x".repeat(length)].concat();
            assert_eq!(server_in_health_page(&page).is_some(), is_name, "{length}");
        }
        // It stands in front or nowhere.
        let far = [&b"x".repeat(512)[..], b"<br/>EX01"].concat();
        assert_eq!(server_in_health_page(&far), None);
    }
}
