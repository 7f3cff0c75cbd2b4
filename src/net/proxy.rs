//! A proxy on the way: what it is asked once there is a connection to it, and what its answers say of the server.
//!
//! Exactly its answer is read, so that the first word of the server behind it is not lost. User and password go to the
//! proxy and into no record.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::bounds::Halt;
use super::recording::first_line;
use super::resolve::resolve;
use crate::facts::Text;
use crate::observation::{Cause, Failure, Speaker, Stage, State};
use crate::plan::{Addresses, Credentials, Endpoint, Families, Limits, Proxy, ProxyScheme, Reach};
use crate::wire::socks::{self, AuthMethod, SocksReply};
use crate::wire::{Decoded, http};

/// The proxy of a run. Its name is looked up once, by the first check that goes through it.
#[derive(Debug)]
pub struct Via {
    proxy: Arc<Proxy>,
    hops: OnceCell<Result<Vec<SocketAddr>, Failure>>,
    /// The one of its addresses that answered: the others are tried no more.
    answered: OnceLock<SocketAddr>,
}

impl Via {
    /// Through this one.
    #[must_use]
    pub fn new(proxy: Arc<Proxy>) -> Self {
        Self {
            proxy,
            hops: OnceCell::new(),
            answered: OnceLock::new(),
        }
    }

    /// Which it is.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Where it can be reached.
    pub(super) async fn hops(
        &self,
        reach: Reach,
        limits: &Limits,
        deadline: Option<Instant>,
        halt: &Halt,
    ) -> Result<Vec<SocketAddr>, Failure> {
        if let Some(answered) = self.answered.get() {
            return Ok(vec![*answered]);
        }
        let look_up = async || {
            // The families that were asked for are the server's; a source has one of its own.
            let families = match reach.source {
                Some(source) if source.is_ipv4() => Families::V4,
                Some(_) => Families::V6,
                None => Families::Both,
            };
            let reach = Reach {
                families,
                addresses: Addresses::Raced,
                ..reach
            };
            let host = &self.proxy.host;
            let found = resolve(host, reach, limits.resolve, deadline, halt).await;
            let address = |ip| SocketAddr::new(ip, self.proxy.port);
            match found.addresses {
                Ok(found) => Ok(found.into_iter().map(address).collect()),
                Err(failure) => Err(unknown(failure)),
            }
        };
        self.hops.get_or_init(look_up).await.clone()
    }

    /// Notes where it answered.
    pub(super) fn note(&self, hop: SocketAddr) {
        let _ = self.answered.set(hop);
    }
}

/// A proxy whose name leads nowhere; what is this machine's stays so.
fn unknown(failure: Failure) -> Failure {
    let words = match failure.cause {
        Cause::NameNotFound => "its name does not exist",
        Cause::NameWithoutAddress => "its name has no address",
        Cause::LookupFailed => "its name could not be looked up",
        _ => {
            return Failure {
                stage: Stage::Proxy,
                ..failure
            };
        }
    };
    Failure {
        stage: Stage::Proxy,
        cause: Cause::ProxyUnreachable,
        detail: Some(words.into()),
    }
}

/// Why there is no way through the proxy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    /// What it says of the port; `None` where it says nothing of it.
    pub(super) state: Option<State>,
    pub(super) cause: Cause,
    pub(super) detail: Option<Text>,
}

impl Refusal {
    fn new(state: impl Into<Option<State>>, cause: Cause, detail: impl Into<Option<Text>>) -> Self {
        Self {
            state: state.into(),
            cause,
            detail: detail.into(),
        }
    }
}

/// What was said to the proxy and by it, for `-v`; without user and password.
pub(super) type Talk = Vec<(Speaker, Text)>;

/// Asks the proxy for a connection to the endpoint, within this time.
pub(super) async fn ask(
    stream: &mut TcpStream,
    proxy: &Proxy,
    endpoint: &Endpoint,
    end: Instant,
    talk: &mut Talk,
) -> Result<(), Refusal> {
    let mut line = ProxyLine { stream, end, talk };
    match proxy.scheme {
        ProxyScheme::Socks5 | ProxyScheme::Socks5h => {
            ask_socks(&mut line, proxy.credentials.as_ref(), endpoint).await
        }
        ProxyScheme::Http => ask_http(&mut line, proxy.credentials.as_ref(), endpoint).await,
    }
}

async fn ask_socks(
    line: &mut ProxyLine<'_>,
    credentials: Option<&Credentials>,
    endpoint: &Endpoint,
) -> Result<(), Refusal> {
    line.send(&socks::methods(credentials.is_some())).await;
    match line.receive(socks::method, AwaitedFrom::ForItself).await? {
        AuthMethod::None => {}
        AuthMethod::Password => {
            let Some(known) = credentials else {
                return Err(required("user and password were not offered"));
            };
            line.say(Speaker::Client, "SOCKS 5: user and password");
            line.send(&socks::sign_in(&known.user, &known.password))
                .await;
            if !line
                .receive(socks::signed_in, AwaitedFrom::ForItself)
                .await?
            {
                line.say(Speaker::Server, "SOCKS 5: user and password are refused");
                return Err(Refusal::new(None, Cause::ProxySignInRefused, None));
            }
        }
        AuthMethod::NoneAcceptable if credentials.is_some() => {
            return Err(required("user and password are not acceptable"));
        }
        AuthMethod::NoneAcceptable => {
            return Err(Refusal::new(None, Cause::ProxySignInRequired, None));
        }
        AuthMethod::Other(code) => {
            return Err(required(&format!("method {code} was not offered")));
        }
    }
    line.say(Speaker::Client, &format!("SOCKS 5: CONNECT {endpoint}"));
    let request = match endpoint {
        Endpoint::Address(address) => socks::connect(*address),
        Endpoint::Name(name, port) => socks::connect_to_name(name, *port),
    };
    line.send(&request).await;
    let reply = line.receive(socks::reply, AwaitedFrom::ForServer).await?;
    let words = reply.words();
    line.say(Speaker::Server, &words);
    of_reply(reply, endpoint, Text::from(words.as_str()))
}

fn required(words: &str) -> Refusal {
    Refusal::new(None, Cause::ProxySignInRequired, Text::from(words))
}

/// What a reply of SOCKS says of the port.
fn of_reply(reply: SocksReply, endpoint: &Endpoint, words: Text) -> Result<(), Refusal> {
    let (state, cause) = match (reply, endpoint) {
        (SocksReply::Succeeded, _) => return Ok(()),
        (SocksReply::Refused, _) => (Some(State::Closed), Cause::Refused),
        // Dante and microsocks say it of a connection that nobody answered (ETIMEDOUT).
        (SocksReply::TtlExpired, _) => (Some(State::Filtered), Cause::Filtered),
        (SocksReply::NetworkUnreachable, _)
        | (SocksReply::HostUnreachable, Endpoint::Address(_)) => {
            (Some(State::Unreachable), Cause::Unreachable)
        }
        (SocksReply::NotAllowed, _) => (None, Cause::ProxyForbids),
        // Of a name, "host unreachable" can mean that the proxy did not find it.
        _ => (None, Cause::ProxyCouldNotTell),
    };
    Err(Refusal::new(state, cause, words))
}

async fn ask_http(
    line: &mut ProxyLine<'_>,
    credentials: Option<&Credentials>,
    endpoint: &Endpoint,
) -> Result<(), Refusal> {
    let authority = endpoint.to_string();
    let encoded = credentials.map(|known| {
        let both = format!("{}:{}", known.user, known.password);
        STANDARD.encode(both)
    });
    let how = if encoded.is_some() {
        " (with user and password)"
    } else {
        ""
    };
    line.say(
        Speaker::Client,
        &format!("CONNECT {authority} HTTP/1.1{how}"),
    );
    line.send(&http::connect(&authority, USER_AGENT, encoded.as_deref()))
        .await;
    let head = line.receive(http::head, AwaitedFrom::ForServer).await?;
    let words = words_of(&head);
    line.say(Speaker::Server, &words);
    of_head(&head, credentials.is_some(), Text::from(words.as_str()))
}

/// `HTTP 503 Service Unavailable (ERR_CONNECT_FAIL 111)`
fn words_of(head: &http::Head) -> String {
    let mut words = format!("HTTP {} {}", head.status, head.reason);
    words.truncate(words.trim_end().len());
    let more = match (told_error(head), squid_error(head)) {
        _ if head.status == 407 => head.proxy_schemes().join(", "),
        (Some((error, _)), _) => error.to_owned(),
        (None, Some((name, 0))) => name.to_owned(),
        (None, Some((name, number))) => format!("{name} {number}"),
        (None, None) => String::new(),
    };
    if !more.is_empty() {
        words = format!("{words} ({more})");
    }
    words
}

/// What the answer to CONNECT says of the port. Many proxies say only that they could not connect (502, 503, 504);
/// Squid and those that know RFC 9209 say why.
fn of_head(head: &http::Head, has_password: bool, words: Text) -> Result<(), Refusal> {
    if (200..300).contains(&head.status) {
        return Ok(());
    }
    let (state, cause) = match head.status {
        407 => {
            let takes_basic = head
                .proxy_schemes()
                .iter()
                .any(|scheme| scheme.eq_ignore_ascii_case("Basic"));
            let cause = if has_password && takes_basic {
                Cause::ProxySignInRefused
            } else {
                Cause::ProxySignInRequired
            };
            (None, cause)
        }
        status => told_error(head)
            .and_then(|(error, rcode)| of_told_error(error, rcode))
            .or_else(|| squid_error(head).and_then(|(name, number)| of_squid_error(name, number)))
            .unwrap_or(match status {
                // 405: no CONNECT at all.
                403 | 405 | 451 => (None, Cause::ProxyForbids),
                _ => (None, Cause::ProxyCouldNotTell),
            }),
    };
    Err(Refusal::new(state, cause, words))
}

/// The error, and the answer of the name server, in the field Proxy-Status (RFC 9209 §2.1.1, §2.3); the last member is
/// the proxy nearest to us.
fn told_error(head: &http::Head) -> Option<(&str, Option<&str>)> {
    let value = head.header("Proxy-Status").last()?;
    let text = std::str::from_utf8(value).ok()?;
    let member = text.rsplit(',').next()?;
    let parameter = |name: &str| {
        member.split(';').skip(1).find_map(|one| {
            let (key, value) = one.split_once('=')?;
            (key.trim() == name).then(|| value.trim().trim_matches('"'))
        })
    };
    let is_word = |word: &&str| {
        word.len() <= 64
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    Some((parameter("error").filter(is_word)?, parameter("rcode")))
}

fn of_told_error(error: &str, rcode: Option<&str>) -> Option<(Option<State>, Cause)> {
    Some(match error {
        "connection_refused" => (Some(State::Closed), Cause::Refused),
        "connection_timeout" => (Some(State::Filtered), Cause::Filtered),
        "destination_ip_unroutable" => (Some(State::Unreachable), Cause::Unreachable),
        "dns_error" if rcode == Some("NXDOMAIN") => (Some(State::Unresolved), Cause::NameNotFound),
        "dns_error" | "dns_timeout" => (Some(State::Unresolved), Cause::LookupFailed),
        "destination_ip_prohibited" | "http_request_denied" => (None, Cause::ProxyForbids),
        _ => return None,
    })
}

/// Squid's own header: the name of its error page, and the number of the system's error.
fn squid_error(head: &http::Head) -> Option<(&str, u32)> {
    let value = head.header("X-Squid-Error").next()?;
    let mut words = std::str::from_utf8(value).ok()?.split_whitespace();
    let is_name = |word: &&str| {
        word.len() <= 64
            && word
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let name = words.next().filter(is_name)?;
    let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    Some((name, number))
}

fn of_squid_error(name: &str, number: u32) -> Option<(Option<State>, Cause)> {
    Some(match (name, number) {
        // Linux, then the BSDs, then Windows.
        ("ERR_CONNECT_FAIL", 111 | 61 | 10061) => (Some(State::Closed), Cause::Refused),
        ("ERR_CONNECT_FAIL", 110 | 60 | 10060) => (Some(State::Filtered), Cause::Filtered),
        ("ERR_CONNECT_FAIL", 113 | 101 | 65 | 51 | 10065 | 10051) => {
            (Some(State::Unreachable), Cause::Unreachable)
        }
        ("ERR_DNS_FAIL", _) => (Some(State::Unresolved), Cause::LookupFailed),
        ("ERR_ACCESS_DENIED", _) => (None, Cause::ProxyForbids),
        _ => return None,
    })
}

/// What a proxy is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum AwaitedFrom {
    /// An answer that it has itself.
    ForItself,
    /// One that it has once the server answered.
    ForServer,
}

/// The connection to the proxy.
struct ProxyLine<'a> {
    stream: &'a mut TcpStream,
    end: Instant,
    talk: &'a mut Talk,
}

impl ProxyLine<'_> {
    fn say(&mut self, speaker: Speaker, words: &str) {
        self.talk.push((speaker, words.into()));
    }

    /// What is sent fits into any buffer; where it is not taken, the next read tells.
    async fn send(&mut self, bytes: &[u8]) {
        let _ = timeout_at(self.end, self.stream.write_all(bytes)).await;
    }

    /// Reads until the decoder has a value, and not a byte more: what follows is the server's.
    async fn receive<T>(
        &mut self,
        decode: impl Fn(&[u8]) -> Decoded<T>,
        waiting: AwaitedFrom,
    ) -> Result<T, Refusal> {
        let mut heard = Vec::new();
        let mut chunk = [0; 1024];
        loop {
            let there = match timeout_at(self.end, self.stream.peek(&mut chunk)).await {
                Ok(Ok(0) | Err(_)) => {
                    return Err(self.stranger(&heard, "closed without an answer"));
                }
                Ok(Ok(there)) => there,
                Err(_) if heard.is_empty() && waiting == AwaitedFrom::ForServer => {
                    return Err(Refusal::new(State::Filtered, Cause::Filtered, None));
                }
                Err(_) => return Err(self.stranger(&heard, "no answer in time")),
            };
            let before = heard.len();
            heard.extend(chunk.iter().take(there));
            let (value, used) = match decode(&heard) {
                Ok(Some((value, used))) => (Some(value), used.saturating_sub(before)),
                Ok(None) if heard.len() >= Limits::PROXY_BYTES => {
                    return Err(self.stranger(&[], "an answer without an end"));
                }
                Ok(None) => (None, there),
                Err(_) => return Err(self.stranger(&heard, "")),
            };
            let Some(taken) = chunk.get_mut(..used) else {
                return Err(self.stranger(&heard, ""));
            };
            if self.stream.read_exact(taken).await.is_err() {
                return Err(self.stranger(&heard, "reset"));
            }
            if let Some(value) = value {
                return Ok(value);
            }
        }
    }

    /// It is no such proxy: what it said instead, or these words where it said nothing.
    fn stranger(&mut self, heard: &[u8], otherwise: &str) -> Refusal {
        let detail = if heard.is_empty() {
            Text::from(otherwise)
        } else {
            Text::from_bytes(first_line(heard))
        };
        self.talk.push((Speaker::Server, detail.clone()));
        Refusal::new(None, Cause::ProxyNotUnderstood, detail)
    }
}

/// How we call ourselves.
const USER_AGENT: &str = concat!("exchports/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> Endpoint {
        Endpoint::Name("mail.example.com".to_owned(), 587)
    }

    fn address() -> Endpoint {
        SocketAddr::from(([192, 0, 2, 25], 587)).into()
    }

    #[test]
    fn replies_of_socks_are_states_where_they_can_be_known() {
        for (code, endpoint, state, cause) in [
            (1, name(), None, Cause::ProxyCouldNotTell),
            (2, name(), None, Cause::ProxyForbids),
            (3, name(), Some(State::Unreachable), Cause::Unreachable),
            (4, address(), Some(State::Unreachable), Cause::Unreachable),
            (4, name(), None, Cause::ProxyCouldNotTell),
            (5, name(), Some(State::Closed), Cause::Refused),
            (6, name(), Some(State::Filtered), Cause::Filtered),
            (7, name(), None, Cause::ProxyCouldNotTell),
            (8, address(), None, Cause::ProxyCouldNotTell),
            (200, name(), None, Cause::ProxyCouldNotTell),
        ] {
            let (reply, _) = socks::reply(&[5, code]).expect("valid").expect("whole");
            let words = Text::from(reply.words().as_str());
            let refused = of_reply(reply, &endpoint, words.clone());
            assert_eq!(refused, Err(Refusal::new(state, cause, words)), "{code}");
        }
        assert_eq!(of_reply(SocksReply::Succeeded, &name(), "".into()), Ok(()));
    }

    /// What an answer to CONNECT means, and the words that quote it.
    fn said(head: &str, has_password: bool) -> (Option<State>, Cause, String) {
        let bytes = format!("HTTP/1.1 {}\r\n\r\n", head.replace('\n', "\r\n"));
        let (head, _) = http::head(bytes.as_bytes()).expect("valid").expect("whole");
        let words = words_of(&head);
        let refusal = of_head(&head, has_password, words.as_str().into()).expect_err("a refusal");
        (refusal.state, refusal.cause, words)
    }

    #[test]
    fn answers_to_connect_are_states_where_they_can_be_known() {
        use Cause::{
            Filtered, LookupFailed, NameNotFound, ProxyCouldNotTell, ProxyForbids, Refused,
            Unreachable,
        };
        let squid = |error| format!("503 Service Unavailable\nX-Squid-Error: {error}");
        let status = |error| format!("502 Bad Gateway\nProxy-Status: far, near; error={error}");
        for (head, state, cause) in [
            (squid("ERR_CONNECT_FAIL 111"), Some(State::Closed), Refused),
            (
                squid("ERR_CONNECT_FAIL 110"),
                Some(State::Filtered),
                Filtered,
            ),
            (
                squid("ERR_CONNECT_FAIL 113"),
                Some(State::Unreachable),
                Unreachable,
            ),
            (squid("ERR_CONNECT_FAIL 0"), None, ProxyCouldNotTell),
            (
                squid("ERR_DNS_FAIL 0"),
                Some(State::Unresolved),
                LookupFailed,
            ),
            (squid("\u{1b}[31m 111"), None, ProxyCouldNotTell),
            (status("connection_refused"), Some(State::Closed), Refused),
            (
                status("connection_timeout"),
                Some(State::Filtered),
                Filtered,
            ),
            (
                status("destination_ip_unroutable"),
                Some(State::Unreachable),
                Unreachable,
            ),
            (
                status("dns_error; rcode=\"NXDOMAIN\""),
                Some(State::Unresolved),
                NameNotFound,
            ),
            (status("dns_error"), Some(State::Unresolved), LookupFailed),
            (status("http_request_denied"), None, ProxyForbids),
            (status("proxy_internal_error"), None, ProxyCouldNotTell),
            ("403 Access violation".to_owned(), None, ProxyForbids),
            ("405 Method Not Allowed".to_owned(), None, ProxyForbids),
            ("500 Unable to connect".to_owned(), None, ProxyCouldNotTell),
            ("502 Bad Gateway".to_owned(), None, ProxyCouldNotTell),
            ("504 Gateway Timeout".to_owned(), None, ProxyCouldNotTell),
            (
                "302 Found\nLocation: /login".to_owned(),
                None,
                ProxyCouldNotTell,
            ),
        ] {
            let (found, why, _) = said(&head, true);
            assert_eq!((found, why), (state, cause), "{head}");
        }
        let (_, _, words) = said(&squid("ERR_CONNECT_FAIL 111"), false);
        assert_eq!(words, "HTTP 503 Service Unavailable (ERR_CONNECT_FAIL 111)");
    }

    #[test]
    fn a_sign_in_is_refused_only_where_it_was_tried() {
        let basic = "407 Proxy Authentication Required\nProxy-Authenticate: Basic realm=\"x\"";
        let windows = "407 Proxy Authentication Required\nProxy-Authenticate: Negotiate\nProxy-Authenticate: NTLM";
        for (head, has_password, cause) in [
            (basic, false, Cause::ProxySignInRequired),
            (basic, true, Cause::ProxySignInRefused),
            (windows, true, Cause::ProxySignInRequired),
        ] {
            assert_eq!(said(head, has_password).1, cause, "{head}");
        }
        assert_eq!(
            said(windows, true).2,
            "HTTP 407 Proxy Authentication Required (Negotiate, NTLM)"
        );
    }
}
