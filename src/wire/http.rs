//! HTTP/1.1: a GET out, response heads and small bodies in (RFC 9112; the head is read by `httparse`).
//!
//! Start at [`head`]. Whether a body follows, and where it ends, is [`Head::framing`]; [`body`] reads it.

use std::num::NonZeroU64;

use super::{Decoded, Violation};

/// The longest head taken, informational ones before it included, in bytes.
pub const MAX_HEAD: usize = 64 * 1024;

/// The most header lines taken in one head.
pub const MAX_HEADERS: usize = 100;

/// The most informational heads (1xx) passed over.
pub const MAX_INFORMATIONAL: usize = 8;

/// The most authentication schemes told.
pub const MAX_SCHEMES: usize = 32;

/// The longest line with the size of a chunk, extensions and ending included, in bytes.
pub const MAX_CHUNK_LINE: usize = 1024;

/// Whether we mean to ask again on the same connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Connection {
    /// `Connection: close`
    Close,
    /// `Connection: keep-alive`
    KeepAlive,
}

/// The head of a response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    /// HTTP/1.0 or HTTP/1.1.
    pub version: HttpVersion,
    /// 100 to 999; 1xx only when it is 101.
    pub status: u16,
    /// What stands after the status; empty when it is missing or not ASCII.
    pub reason: String,
    /// In the server's order, names as written, values raw. Look them up by [`Head::header`].
    pub headers: Vec<(String, Vec<u8>)>,
}

/// The head of a request, as a server reads it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// `GET`
    pub method: String,
    /// `/owa/`
    pub target: String,
    /// As in [`Head`].
    pub headers: Vec<(String, Vec<u8>)>,
}

/// The two versions that look like this on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HttpVersion {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// Where a body ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// After so many bytes.
    Length(NonZeroU64),
    /// After the last of its chunks.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// Asks for a page. `host` is what the header Host says: a name, an address, an IPv6 address in brackets; a port other
/// than the scheme's belongs to it. Control characters and spaces are left out of path and host.
///
/// INVARIANT: Host is always sent. Without it IIS tells its inner address.
#[must_use]
pub fn get(path: &str, host: &str, user_agent: &str, connection: Connection) -> Vec<u8> {
    let connection = match connection {
        Connection::Close => "close",
        Connection::KeepAlive => "keep-alive",
    };
    format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nAccept: */*\r\nConnection: {connection}\r\n\r\n",
        kept(path, |c| c.is_ascii_graphic()),
        kept(host, |c| c.is_ascii_graphic()),
        kept(user_agent, |c| c.is_ascii_graphic() || c == ' '),
    )
    .into_bytes()
}

/// The same, with an empty Bearer: the question of \[MS-XOAUTH\] §3.2.5.4 for who may issue tokens. Nobody signs in by it.
#[must_use]
pub fn get_with_empty_bearer(path: &str, host: &str, user_agent: &str) -> Vec<u8> {
    let mut request = get(path, host, user_agent, Connection::Close);
    // The empty line goes, and comes again behind the header.
    request.truncate(request.len().saturating_sub(2));
    request.extend_from_slice(b"Authorization: Bearer\r\n\r\n");
    request
}

/// Asks a proxy for a connection (RFC 9110 §9.3.6). `authority` is `mail.example.com:443`; `credentials` are those of
/// Basic, in base64 already.
#[must_use]
pub fn connect(authority: &str, user_agent: &str, credentials: Option<&str>) -> Vec<u8> {
    let authority = kept(authority, |c| c.is_ascii_graphic());
    let agent = kept(user_agent, |c| c.is_ascii_graphic() || c == ' ');
    let mut request =
        format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {agent}\r\n");
    if let Some(credentials) = credentials {
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&kept(credentials, |c| c.is_ascii_graphic()));
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request.into_bytes()
}

/// The head of the final response; informational ones before it are passed over, but counted as used.
///
/// # Errors
///
/// Malformed when it is not HTTP/1.x. Too long over [`MAX_HEAD`], [`MAX_HEADERS`] or [`MAX_INFORMATIONAL`].
pub fn head(data: &[u8]) -> Decoded<Head> {
    let window = data.get(..MAX_HEAD).unwrap_or(data);
    let mut used = 0_usize;
    for _ in 0..=MAX_INFORMATIONAL {
        let rest = window.get(used..).unwrap_or_default();
        let Some((head, taken)) = one_head(rest).map_err(|violation| moved(violation, used))?
        else {
            return more(window.len());
        };
        used = used.saturating_add(taken);
        if !matches!(head.status, 100 | 102..=199) {
            return Ok(Some((head, used)));
        }
    }
    Err(Violation::too_long("more than 8 informational heads", used))
}

/// The head of a request.
///
/// # Errors
///
/// Malformed when it is not HTTP/1.x. Too long over [`MAX_HEAD`] or [`MAX_HEADERS`].
pub fn request(data: &[u8]) -> Decoded<Request> {
    let window = data.get(..MAX_HEAD).unwrap_or(data);
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(window).map_err(violation)? {
        httparse::Status::Partial => more(window.len()),
        httparse::Status::Complete(used) => {
            let request = Request {
                method: parsed.method.unwrap_or_default().to_owned(),
                target: parsed.path.unwrap_or_default().to_owned(),
                headers: owned(parsed.headers),
            };
            Ok(Some((request, used)))
        }
    }
}

/// A body of at most `limit` bytes, without what frames it.
///
/// One that ends with the connection is never whole: at the close, what was received is the body.
///
/// # Errors
///
/// Malformed when a chunk does not begin with its size or is not followed by a line ending. Too long when the body is
/// announced or found to be over `limit`, a chunk's line over [`MAX_CHUNK_LINE`], or chunks and trailers need more than
/// `2 * limit + 16 KiB` on the wire.
pub fn body(data: &[u8], framing: Framing, limit: usize) -> Decoded<Vec<u8>> {
    match framing {
        Framing::Length(length) => match usize::try_from(length.get()) {
            Ok(length) if length <= limit => {
                Ok(data.get(..length).map(|body| (body.to_vec(), length)))
            }
            _ => Err(Violation::too_long(LONG_BODY, 0)),
        },
        Framing::UntilClose if data.len() > limit => Err(Violation::too_long(LONG_BODY, limit)),
        Framing::UntilClose => Ok(None),
        Framing::Chunked => chunked(data, limit),
    }
}

/// What a challenge of the scheme Bearer says of itself, unescaped.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bearer<'a> {
    /// Whose tokens are taken, at most [`MAX_SCHEMES`]: `ID@REALM`.
    pub trusted_issuers: Vec<&'a [u8]>,
    /// Where people sign in.
    pub authorization_uri: Option<&'a [u8]>,
}

impl<'a> Bearer<'a> {
    /// `name="value"`
    fn learn(&mut self, parameter: &'a [u8]) {
        let Some(at) = parameter.iter().position(|&byte| byte == b'=') else {
            return;
        };
        let (name, value) = parameter.split_at_checked(at).unwrap_or_default();
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let value = value
            .strip_prefix(b"\"")
            .and_then(|value| value.strip_suffix(b"\""))
            .unwrap_or(value);
        let name = name.trim_ascii();
        if name.eq_ignore_ascii_case(b"trusted_issuers") {
            let issuers = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
            let room = MAX_SCHEMES.saturating_sub(self.trusted_issuers.len());
            self.trusted_issuers
                .extend(issuers.filter(|issuer| !issuer.is_empty()).take(room));
        } else if name.eq_ignore_ascii_case(b"authorization_uri")
            && !value.is_empty()
            && self.authorization_uri.is_none()
        {
            self.authorization_uri = Some(value);
        }
    }
}

impl Head {
    /// The values of all header lines of this name, which is compared without case.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The schemes of all WWW-Authenticate lines (RFC 9110 §11.6.1): `Negotiate`, `NTLM`, `Basic`, `Bearer`.
    /// As written, each once, in order, at most [`MAX_SCHEMES`]. Their parameters are left out.
    #[must_use]
    pub fn authentication_schemes(&self) -> Vec<String> {
        self.schemes("WWW-Authenticate")
    }

    /// The same of a proxy: those of its Proxy-Authenticate lines (RFC 9110 §11.7.1).
    #[must_use]
    pub fn proxy_schemes(&self) -> Vec<String> {
        self.schemes("Proxy-Authenticate")
    }

    fn schemes(&self, header: &str) -> Vec<String> {
        let mut schemes: Vec<String> = Vec::new();
        let items = self.header(header).flat_map(list);
        for scheme in items.filter_map(scheme) {
            if schemes.len() >= MAX_SCHEMES {
                break;
            }
            if !schemes
                .iter()
                .any(|known| known.eq_ignore_ascii_case(scheme))
            {
                schemes.push(scheme.to_owned());
            }
        }
        schemes
    }

    /// What a challenge of the scheme Bearer says (RFC 6750 §3, \[MS-XOAUTH\] §3.2.5.4); `None` where there is none.
    #[must_use]
    pub fn bearer(&self) -> Option<Bearer<'_>> {
        let mut bearer: Option<Bearer<'_>> = None;
        for value in self.header("WWW-Authenticate") {
            let mut is_bearer = false;
            for item in list(value) {
                let parameter = match scheme(item) {
                    Some(scheme) => {
                        is_bearer = scheme.eq_ignore_ascii_case("Bearer");
                        if is_bearer {
                            bearer.get_or_insert_default();
                        }
                        item.get(scheme.len()..).unwrap_or_default()
                    }
                    None => item,
                };
                if let Some(bearer) = bearer.as_mut().filter(|_| is_bearer) {
                    bearer.learn(parameter);
                }
            }
        }
        bearer
    }

    /// Where the body of an answer to GET ends; `None` when there is none.
    ///
    /// Transfer-Encoding goes before Content-Length (RFC 9112 §6.3).
    ///
    /// # Errors
    ///
    /// Malformed when a Content-Length is not a number, or two of them differ.
    pub fn framing(&self) -> Result<Option<Framing>, Violation> {
        if matches!(self.status, 100..=199 | 204 | 304) {
            return Ok(None);
        }
        if let Some(coding) = self.header("Transfer-Encoding").flat_map(list).last() {
            return Ok(Some(if coding.eq_ignore_ascii_case(b"chunked") {
                Framing::Chunked
            } else {
                Framing::UntilClose
            }));
        }
        let mut length = None;
        for value in self.header("Content-Length").flat_map(list) {
            let number =
                decimal(value).ok_or(Violation::malformed("Content-Length is no number", 0))?;
            if length.is_some_and(|length| length != number) {
                return Err(Violation::malformed(
                    "Content-Length twice, and different",
                    0,
                ));
            }
            length = Some(number);
        }
        Ok(match length {
            Some(length) => NonZeroU64::new(length).map(Framing::Length),
            None => Some(Framing::UntilClose),
        })
    }

    /// Whether the server keeps the connection open after this answer (RFC 9112 §9.3).
    #[must_use]
    pub fn keeps_open(&self) -> bool {
        let says = |option: &[u8]| {
            self.header("Connection")
                .flat_map(list)
                .any(|value| value.eq_ignore_ascii_case(option))
        };
        let kept = match self.version {
            HttpVersion::Http11 => !says(b"close"),
            HttpVersion::Http10 => says(b"keep-alive") && !says(b"close"),
        };
        kept && matches!(
            self.framing(),
            Ok(None | Some(Framing::Length(_) | Framing::Chunked))
        )
    }
}

const LONG_BODY: &str = "body over its limit";

/// One head at the front, informational or not.
fn one_head(data: &[u8]) -> Decoded<Head> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let mut parser = httparse::ParserConfig::default();
    // a browser and Outlook take these as well
    parser
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    let used = match parser
        .parse_response(&mut parsed, data)
        .map_err(violation)?
    {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(used) => used,
    };
    let status = parsed.code.unwrap_or_default();
    if status < 100 {
        return Err(Violation::malformed("status under 100", 0));
    }
    let head = Head {
        version: match parsed.version {
            Some(0) => HttpVersion::Http10,
            _ => HttpVersion::Http11,
        },
        status,
        reason: parsed.reason.unwrap_or_default().to_owned(),
        headers: owned(parsed.headers),
    };
    Ok(Some((head, used)))
}

/// More is needed, unless there is as much as we take.
fn more<T>(seen: usize) -> Decoded<T> {
    if seen < MAX_HEAD {
        Ok(None)
    } else {
        Err(Violation::too_long("head over 65536 bytes", MAX_HEAD))
    }
}

fn owned(headers: &[httparse::Header<'_>]) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|header| (header.name.to_owned(), header.value.to_vec()))
        .collect()
}

/// `httparse` does not say where.
fn violation(error: httparse::Error) -> Violation {
    match error {
        httparse::Error::TooManyHeaders => Violation::too_long("more than 100 headers", 0),
        httparse::Error::Version => Violation::malformed("not HTTP/1.x", 0),
        httparse::Error::Status => Violation::malformed("broken status line", 0),
        httparse::Error::HeaderName | httparse::Error::HeaderValue => {
            Violation::malformed("broken header", 0)
        }
        httparse::Error::NewLine | httparse::Error::Token => {
            Violation::malformed("not an HTTP head", 0)
        }
    }
}

fn moved(violation: Violation, by: usize) -> Violation {
    Violation {
        at: violation.at.saturating_add(by),
        ..violation
    }
}

/// The items of a list, commas inside of quotes aside, trimmed, empty ones left out (RFC 9110 §5.6.1).
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    value
        .split(move |&byte| {
            if escaped {
                escaped = false;
            } else {
                match byte {
                    b'\\' if quoted => escaped = true,
                    b'"' => quoted = !quoted,
                    _ => {}
                }
            }
            byte == b',' && !quoted
        })
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
}

/// The scheme that an item of WWW-Authenticate begins with; `None` when it is a further parameter, `realm="x"`.
fn scheme(item: &[u8]) -> Option<&str> {
    let end = item
        .iter()
        .position(|&byte| !is_token(byte))
        .unwrap_or(item.len());
    let (token, rest) = item.split_at_checked(end)?;
    let is_parameter = rest.trim_ascii_start().first() == Some(&b'=');
    let stands_alone = rest.first().is_none_or(u8::is_ascii_whitespace);
    (!is_parameter && stands_alone && !token.is_empty())
        .then(|| str::from_utf8(token).ok())
        .flatten()
}

/// What a token is made of (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A number of digits only; one that is too large for any limit is as good as the largest.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, &digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    Some(number.unwrap_or(u64::MAX))
}

/// Chunks up to the one of size 0, then trailers up to an empty line (RFC 9112 §7.1).
fn chunked(data: &[u8], limit: usize) -> Decoded<Vec<u8>> {
    let most = limit.saturating_mul(2).saturating_add(16 * 1024);
    let mut chunks = Chunks {
        data: data.get(..most).unwrap_or(data),
        used: 0,
    };
    match chunks.all(limit)? {
        Some(body) => Ok(Some((body, chunks.used))),
        None if data.len() >= most => Err(Violation::too_long("chunks over their limit", most)),
        None => Ok(None),
    }
}

struct Chunks<'a> {
    data: &'a [u8],
    used: usize,
}

impl<'a> Chunks<'a> {
    /// The bodies of all chunks together, or `None` when some are still to come.
    fn all(&mut self, limit: usize) -> Result<Option<Vec<u8>>, Violation> {
        let mut body = Vec::new();
        loop {
            let at = self.used;
            let Some(line) = self.line()? else {
                return Ok(None);
            };
            let size = chunk_size(line).ok_or(Violation::malformed("chunk without a size", at))?;
            if size == 0 {
                return Ok(self.trailers()?.map(|()| body));
            }
            let room = limit.saturating_sub(body.len());
            let size = usize::try_from(size)
                .ok()
                .filter(|&size| size <= room)
                .ok_or(Violation::too_long(LONG_BODY, at))?;
            let Some(chunk) = self.rest().get(..size) else {
                return Ok(None);
            };
            body.extend(chunk);
            self.used = self.used.saturating_add(size);
            match self.line()? {
                None => return Ok(None),
                Some([]) => {}
                Some(_) => {
                    return Err(Violation::malformed(
                        "chunk longer than its size",
                        self.used,
                    ));
                }
            }
        }
    }

    /// What stands between the last chunk and the empty line is passed over.
    fn trailers(&mut self) -> Result<Option<()>, Violation> {
        while let Some(line) = self.line()? {
            if line.is_empty() {
                return Ok(Some(()));
            }
        }
        Ok(None)
    }

    /// The next line without its ending, CRLF or LF.
    fn line(&mut self) -> Result<Option<&'a [u8]>, Violation> {
        let rest = self.rest();
        let seen = rest.get(..MAX_CHUNK_LINE).unwrap_or(rest);
        let Some(end) = seen.iter().position(|&byte| byte == b'\n') else {
            return if seen.len() < MAX_CHUNK_LINE {
                Ok(None)
            } else {
                Err(Violation::too_long("chunk line over 1024 bytes", self.used))
            };
        };
        self.used = self.used.saturating_add(end).saturating_add(1);
        let line = seen.get(..end).unwrap_or_default();
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    fn rest(&self) -> &'a [u8] {
        self.data.get(self.used..).unwrap_or_default()
    }
}

/// The size in hexadecimal digits, extensions after a semicolon passed over.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii_end();
    if digits.is_empty() || digits.len() > 16 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

fn kept(text: &str, keep: impl Fn(char) -> bool) -> String {
    text.chars().filter(|&c| keep(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ViolationKind;
    use super::*;

    fn whole(data: &[u8]) -> Head {
        match head(data) {
            Ok(Some((head, used))) => {
                assert_eq!(used, data.len());
                head
            }
            other => panic!("{other:?} for {}", data.escape_ascii()),
        }
    }

    fn with(headers: &[&str]) -> Head {
        let lines = [&["HTTP/1.1 401 Unauthorized"], headers, &["", ""]].concat();
        whole(lines.join("\r\n").as_bytes())
    }

    fn kind<T: std::fmt::Debug>(result: Decoded<T>) -> ViolationKind {
        result.expect_err("a violation").kind
    }

    #[test]
    fn a_proxy_is_asked_and_its_schemes_are_read() {
        assert_eq!(
            connect("mail.example.com:443", "exchports/0.1.0", Some("bWU6cHc=")),
            b"CONNECT mail.example.com:443 HTTP/1.1\r\nHost: mail.example.com:443\r\nUser-Agent: exchports/0.1.0\r\n\
              Proxy-Authorization: Basic bWU6cHc=\r\n\r\n"
        );
        let split = connect("h\r\nA: b:443", "u\r\nC: d", Some("e\r\nF: g"));
        assert_eq!(split.split(|byte| *byte == b'\n').count(), 6);
        let asked = with(&[
            "Proxy-Authenticate: Negotiate",
            "Proxy-Authenticate: Basic realm=\"a\"",
        ]);
        assert_eq!(asked.proxy_schemes(), ["Negotiate", "Basic"]);
        assert!(asked.authentication_schemes().is_empty());
    }

    #[test]
    fn a_request_byte_by_byte() {
        assert_eq!(
            get("/owa/", "mail.example.com", "exchports/0.1.0", Connection::Close),
            b"GET /owa/ HTTP/1.1\r\nHost: mail.example.com\r\nUser-Agent: exchports/0.1.0\r\nAccept: */*\r\n\
              Connection: close\r\n\r\n"
        );
        let split = get("/\r\nA: b", "h\r\nC: d", "u\r\nE: f", Connection::KeepAlive);
        assert_eq!(split.split(|byte| *byte == b'\n').count(), 7);
        let (read, used) = request(&split).expect("valid").expect("whole");
        assert_eq!(used, split.len());
        assert_eq!(
            (read.method.as_str(), read.target.as_str()),
            ("GET", "/A:b")
        );
        assert_eq!(
            read.headers.first(),
            Some(&("Host".to_owned(), b"hC:d".to_vec()))
        );
        assert_eq!(request(b"GET / HTTP/1.1\r\n"), Ok(None));
        assert_eq!(
            kind(request(b"\x16\x03\x01\x00\xc8")),
            ViolationKind::Malformed
        );
    }

    #[test]
    fn heads_of_exchange() {
        let forbidden = whole(
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nServer: Microsoft-IIS/10.0\r\n\r\n",
        );
        assert_eq!(
            (forbidden.status, forbidden.reason.as_str()),
            (403, "Forbidden")
        );
        assert_eq!(
            forbidden.header("server").collect::<Vec<_>>(),
            [b"Microsoft-IIS/10.0"]
        );
        assert_eq!(forbidden.framing(), Ok(None));
        assert!(forbidden.keeps_open());

        let locked = whole(
            b"HTTP/1.1 401 Unauthorized\r\nX-FEServer: MAIL01\r\nWWW-Authenticate: Negotiate\r\n\
              WWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm=\"mail.example.com\"\r\n\r\n",
        );
        assert_eq!(
            locked.authentication_schemes(),
            ["Negotiate", "NTLM", "Basic"]
        );
        assert_eq!(locked.header("www-authenticate").count(), 3);
        assert_eq!(locked.header("missing").count(), 0);
    }

    #[test]
    fn heads_of_other_shapes() {
        let plain = whole(b"HTTP/1.0 200\n\n");
        assert_eq!(
            (plain.version, plain.status, plain.reason.as_str()),
            (HttpVersion::Http10, 200, "")
        );
        assert_eq!(whole(b"HTTP/1.1 999 odd\r\n\r\n").status, 999);
        assert_eq!(
            whole(b"HTTP/1.1 200 OK\r\nA b: c\r\nD : e\r\nF: g\xff\r\n\r\n")
                .header("F")
                .next(),
            Some(&b"g\xff"[..])
        );
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nA: b\r\n"), Ok(None));
        let (first, used) = head(b"HTTP/1.1 200 OK\r\n\r\nbody")
            .expect("valid")
            .expect("whole");
        assert_eq!((first.status, used), (200, 19));
    }

    #[test]
    fn informational_heads_are_passed_over() {
        let hint = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
        let last = b"HTTP/1.1 404 Not Found\r\n\r\n";
        assert_eq!(whole(&[&hint[..], hint, last].concat()).status, 404);
        assert_eq!(
            whole(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").status,
            101
        );
        assert_eq!(head(hint), Ok(None));
        assert_eq!(
            whole(&[&hint.repeat(MAX_INFORMATIONAL)[..], last].concat()).status,
            404
        );
        assert_eq!(
            kind(head(&hint.repeat(MAX_INFORMATIONAL + 1))),
            ViolationKind::TooLong
        );
    }

    #[test]
    fn what_is_no_head() {
        for data in [
            &b"220 mail.example.com"[..],
            b"* OK ready",
            b"\x15\x03\x03\x00\x02",
            b"HTTP/2 200 OK\r\n",
            b"HTTP/1.1 2x0 OK\r\n\r\n",
            b"HTTP/1.1 099 OK\r\n\r\n",
            b"<html>",
        ] {
            assert_eq!(
                kind(head(data)),
                ViolationKind::Malformed,
                "{}",
                data.escape_ascii()
            );
        }
    }

    #[test]
    fn floods_end() {
        let start = b"HTTP/1.1 200 OK\r\n";
        let many = [&start[..], &b"A: b\r\n".repeat(MAX_HEADERS + 1), b"\r\n"].concat();
        assert_eq!(kind(head(&many)), ViolationKind::TooLong);
        let long = [&start[..], b"A: ", &vec![b'x'; MAX_HEAD], b"\r\n\r\n"].concat();
        assert_eq!(kind(head(&long)), ViolationKind::TooLong);
        assert_eq!(
            kind(head(&b"\r\n".repeat(MAX_HEAD))),
            ViolationKind::TooLong
        );
    }

    #[test]
    fn schemes_in_lists() {
        for (lines, schemes) in [
            (
                &["WWW-Authenticate: Negotiate, NTLM"][..],
                &["Negotiate", "NTLM"][..],
            ),
            (
                &[
                    "WWW-Authenticate: Basic realm=\"x, Digest y\", charset=\"UTF-8\", Bearer a = \"b\\\", c\", NTLM",
                ],
                &["Basic", "Bearer", "NTLM"],
            ),
            (
                &[
                    "www-authenticate: Bearer client_id=\"00000002\", trusted_issuers=\"00000001@*\"",
                    "WWW-Authenticate: Basic Realm=\"\"",
                ],
                &["Bearer", "Basic"],
            ),
            (&["WWW-Authenticate: NTLM TlRMTVNTUAACAAAA=="], &["NTLM"]),
            (
                &["WWW-Authenticate: NTLM", "WWW-Authenticate: ntlm"],
                &["NTLM"],
            ),
            (
                &[
                    "WWW-Authenticate: ,, , Basic",
                    "WWW-Authenticate:",
                    "WWW-Authenticate: b\u{e4}d",
                ],
                &["Basic"],
            ),
            (&["WWW-Authenticate: Basic realm=\"open, NTLM"], &["Basic"]),
            (&["Proxy-Authenticate: Basic"], &[]),
        ] {
            assert_eq!(with(lines).authentication_schemes(), schemes, "{lines:?}");
        }
        let many: Vec<String> = (0..1000).map(|n| format!("S{n}")).collect();
        let line = format!("WWW-Authenticate: {}", many.join(","));
        assert_eq!(with(&[&line]).authentication_schemes().len(), MAX_SCHEMES);
    }

    #[test]
    fn what_a_bearer_says() {
        let told = |lines: &[&str]| {
            with(lines).bearer().map(|bearer| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let issuers: Vec<String> =
                    bearer.trusted_issuers.iter().map(|it| text(it)).collect();
                (issuers.join(" "), bearer.authorization_uri.map(text))
            })
        };
        let uri = "https://login.windows.net/common/oauth2/authorize";
        let all = format!(
            "WWW-Authenticate: Bearer client_id=\"00000002\", trusted_issuers=\"1@*, 2@example.com\", \
             token_types=\"a b\", authorization_uri=\"{uri}\""
        );
        let known = Some(("1@* 2@example.com".to_owned(), Some(uri.to_owned())));
        assert_eq!(told(&[&all]), known);
        assert_eq!(told(&["WWW-Authenticate: Negotiate", &all]), known);
        let nothing = Some((String::new(), None));
        for (lines, expected) in [
            (&["WWW-Authenticate: Negotiate"][..], None),
            (&[], None),
            (&["WWW-Authenticate: Bearer"], nothing.clone()),
            // Another scheme's parameter is not Bearer's.
            (
                &["WWW-Authenticate: Bearer, Basic realm=\"x\", authorization_uri=\"y\""],
                nothing.clone(),
            ),
            (&["WWW-Authenticate: Basic authorization_uri=\"y\""], None),
            (
                &["WWW-Authenticate: bearer Trusted_Issuers=1@*"],
                Some(("1@*".to_owned(), None)),
            ),
            (
                &["WWW-Authenticate: Bearer authorization_uri=\"\", trusted_issuers=\" , \""],
                nothing,
            ),
        ] {
            assert_eq!(told(lines), expected, "{lines:?}");
        }
        let many = format!(
            "WWW-Authenticate: Bearer trusted_issuers=\"{}\"",
            "a@b,".repeat(1000)
        );
        let head = with(&[&many]);
        assert_eq!(
            head.bearer().map(|bearer| bearer.trusted_issuers.len()),
            Some(MAX_SCHEMES)
        );
    }

    #[test]
    fn an_empty_bearer_has_nothing_after_it() {
        let asked = get_with_empty_bearer("/ews/", "mail.example.com", "x");
        let asked = String::from_utf8(asked).expect("ASCII");
        assert!(
            asked.ends_with("\r\nAuthorization: Bearer\r\n\r\n"),
            "{asked:?}"
        );
        assert_eq!(asked.matches("\r\n\r\n").count(), 1);
    }

    #[test]
    fn where_bodies_end() {
        let length = |number| Ok(NonZeroU64::new(number).map(Framing::Length));
        for (lines, framing) in [
            (&["Content-Length: 5"][..], length(5)),
            (&["Content-Length: 0"], Ok(None)),
            (&["Content-Length: 5, 5", "content-length: 5"], length(5)),
            (
                &["Content-Length: 99999999999999999999999"],
                length(u64::MAX),
            ),
            (
                &["Transfer-Encoding: chunked", "Content-Length: 5"],
                Ok(Some(Framing::Chunked)),
            ),
            (
                &["Transfer-Encoding: gzip, Chunked"],
                Ok(Some(Framing::Chunked)),
            ),
            (
                &["Transfer-Encoding: chunked, gzip"],
                Ok(Some(Framing::UntilClose)),
            ),
            (&[], Ok(Some(Framing::UntilClose))),
        ] {
            assert_eq!(with(lines).framing(), framing, "{lines:?}");
        }
        for line in [
            "Content-Length: -5",
            "Content-Length: 5, 6",
            "Content-Length: +5",
            "Content-Length: 0x5",
        ] {
            assert_eq!(
                with(&[line]).framing().expect_err(line).kind,
                ViolationKind::Malformed
            );
        }
        for status in [204, 304] {
            let head =
                whole(format!("HTTP/1.1 {status} x\r\nContent-Length: 5\r\n\r\n").as_bytes());
            assert_eq!(head.framing(), Ok(None));
        }
    }

    #[test]
    fn which_connections_stay_open() {
        for (data, open) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close\r\n\r\n",
                false,
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: Keep-Alive\r\n\r\n",
                true,
            ),
        ] {
            assert_eq!(whole(data.as_bytes()).keeps_open(), open, "{data}");
        }
    }

    #[test]
    fn bodies_by_length_and_until_close() {
        let five = Framing::Length(NonZeroU64::new(5).expect("five"));
        assert_eq!(
            body(b"hello world", five, 5),
            Ok(Some((b"hello".to_vec(), 5)))
        );
        assert_eq!(body(b"hell", five, 5), Ok(None));
        assert_eq!(kind(body(b"", five, 4)), ViolationKind::TooLong);
        assert_eq!(
            kind(body(b"", Framing::Length(NonZeroU64::MAX), usize::MAX - 1)),
            ViolationKind::TooLong
        );
        assert_eq!(body(b"hello", Framing::UntilClose, 5), Ok(None));
        assert_eq!(
            kind(body(b"hello!", Framing::UntilClose, 5)),
            ViolationKind::TooLong
        );
    }

    #[test]
    fn bodies_in_chunks() {
        for (data, text) in [
            (&b"5\r\nhello\r\n0\r\n\r\n"[..], &b"hello"[..]),
            (
                b"5;a=b\r\nhello\r\n006 \r\n world\r\n0;c\r\nX: y\r\n\r\n",
                b"hello world",
            ),
            (b"2\n\r\n\n0\n\n", b"\r\n"),
            (b"0\r\n\r\n", b""),
        ] {
            assert_eq!(
                body(data, Framing::Chunked, 11),
                Ok(Some((text.to_vec(), data.len())))
            );
            for end in 0..data.len() {
                assert_eq!(body(&data[..end], Framing::Chunked, 11), Ok(None), "{end}");
            }
        }
        for data in [
            &b"\r\n"[..],
            b"g\r\n",
            b"-1\r\n",
            b"5\r\nhello!\r\n",
            b"11111111111111111\r\n",
        ] {
            assert_eq!(
                kind(body(data, Framing::Chunked, 11)),
                ViolationKind::Malformed
            );
        }
        let small = b"1\r\nx\r\n".repeat(12);
        let extension = [&b"1;"[..], &[b'x'; MAX_CHUNK_LINE]].concat();
        let trailers = [&b"0\r\n"[..], &b"X: y\r\n".repeat(4000), b"\r\n"].concat();
        for data in [
            &b"c\r\n"[..],
            b"ffffffffffffffff\r\n",
            &small,
            &extension,
            &trailers,
        ] {
            assert_eq!(
                kind(body(data, Framing::Chunked, 11)),
                ViolationKind::TooLong
            );
        }
    }
}
