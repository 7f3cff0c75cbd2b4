//! LDAP: messages in both directions (RFC 4511), as much as `StartTLS` and an anonymous look at the root DSE need.
//!
//! Start at [`message`]. Reading goes down a fixed path of elements and passes over the rest by its length, so that no
//! nesting costs anything.

use super::{Decoded, Violation};

/// The longest message taken, its header included, in bytes. Active Directory takes as much before a bind.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// The most strings taken in one message: names, values, referrals. Active Directory's root DSE has about a hundred.
pub const MAX_STRINGS: usize = 4096;

/// The name of the `StartTLS` operation (RFC 4511 §4.14.1).
pub const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

/// The name under which a server announces that it hangs up (RFC 4511 §4.4.1).
pub const NOTICE_OF_DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";

/// One message: who it answers, and what it says. Controls are passed over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// 0 to 2^31-1; 0 is the server's own initiative.
    pub id: u32,
    /// What it asks or answers.
    pub op: Op,
}

/// The operations that are told apart (RFC 4511 §4.2 to §4.14).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Op {
    /// Someone logs in; what with is not read.
    BindRequest,
    /// Goodbye.
    UnbindRequest,
    /// A search, its filter passed over.
    SearchRequest {
        /// The base object's name; empty for the root DSE.
        base: Vec<u8>,
        /// 0 base, 1 one level, 2 subtree.
        scope: u32,
        /// The attributes asked for; none means all user attributes.
        attributes: Vec<Vec<u8>>,
    },
    /// One object that was found.
    SearchResultEntry(Entry),
    /// The end of a search.
    SearchResultDone(LdapResult),
    /// Where else to look: URIs.
    SearchResultReference(Vec<Vec<u8>>),
    /// An operation by name, its value passed over.
    ExtendedRequest {
        /// The name, an OID in dots and digits.
        name: Vec<u8>,
    },
    /// What came of it, or a notice without being asked.
    ExtendedResponse {
        /// How it ended.
        result: LdapResult,
        /// The name again; `OpenLDAP` leaves it out.
        name: Option<Vec<u8>>,
        /// What the operation returns.
        value: Option<Vec<u8>>,
    },
    /// Anything else, by its tag byte.
    Other(u8),
}

/// How an operation ended (RFC 4511 §4.1.9).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LdapResult {
    /// 0 success, 1 operationsError, 2 protocolError, 10 referral, 52 unavailable… (RFC 4511 appendix A).
    pub code: u32,
    /// The last object found on the way.
    pub matched_dn: Vec<u8>,
    /// The server's words, raw. Active Directory ends them with a NUL.
    pub diagnostic: Vec<u8>,
    /// URIs of other servers.
    pub referrals: Vec<Vec<u8>>,
}

/// An object and what it was willing to show.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its name; empty for the root DSE.
    pub dn: Vec<u8>,
    /// In the server's order.
    pub attributes: Vec<Attribute>,
}

/// An attribute and its values.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attribute {
    /// `defaultNamingContext`; compare without case.
    pub name: Vec<u8>,
    /// Raw.
    pub values: Vec<Vec<u8>>,
}

/// One message.
///
/// # Errors
///
/// Malformed when the first byte is not a SEQUENCE, a length is indefinite or has more than four bytes, an element is
/// longer than what holds it, or one that must be there is not. Any other form of length is taken, not the shortest
/// as well: Active Directory writes `84 00 00 00 0b`. Too long over [`MAX_MESSAGE`], as soon as the length is read, or
/// over [`MAX_STRINGS`].
pub fn message(data: &[u8]) -> Decoded<Message> {
    if data.first().is_some_and(|&tag| tag != SEQUENCE) {
        return Err(Violation::malformed("not an LDAP message", 0));
    }
    let Some(header) = header(data)? else {
        return Ok(None);
    };
    let used = header.size.saturating_add(header.length);
    if used > MAX_MESSAGE {
        return Err(Violation::too_long("message over 262144 bytes", 0));
    }
    let Some(content) = data.get(header.size..used) else {
        return Ok(None);
    };
    let mut strings = Strings(0);
    let mut elements = Elements {
        rest: content,
        at: header.size,
    };
    let id = elements.expect(INTEGER)?.number()?;
    let (tag, body) = elements.next()?;
    let op = op(tag, body, &mut strings)?;
    Ok(Some((Message { id, op }, used)))
}

/// Asks for TLS.
#[must_use]
pub fn start_tls(id: u32) -> Vec<u8> {
    envelope(id, EXTENDED_REQUEST, &element(0x80, START_TLS.as_bytes()))
}

/// Asks for attributes of the root DSE: base object, filter `(objectClass=*)`, ten seconds, no controls (Active
/// Directory answers this without a bind, [MS-ADTS] 3.1.1.3.2 and 5.1.3). No attributes means all user attributes;
/// operational ones such as `supportedExtension` must be named.
#[must_use]
pub fn root_dse(id: u32, attributes: &[&str]) -> Vec<u8> {
    let asked: Vec<u8> = attributes
        .iter()
        .flat_map(|name| element(OCTET_STRING, name.as_bytes()))
        .collect();
    let search = [
        element(OCTET_STRING, b""),
        element(ENUMERATED, &[0]),
        element(ENUMERATED, &[0]),
        element(INTEGER, &[0]),
        element(INTEGER, &[10]),
        element(BOOLEAN, &[0]),
        element(PRESENT, b"objectClass"),
        element(SEQUENCE, &asked),
    ]
    .concat();
    envelope(id, SEARCH_REQUEST, &search)
}

/// Says goodbye.
#[must_use]
pub fn unbind(id: u32) -> Vec<u8> {
    envelope(id, UNBIND_REQUEST, b"")
}

/// Seconds since 1970 of a `GeneralizedTime` such as `20240924042121.0Z` (RFC 4517 §3.3.13); `None` for what is none.
///
/// Minutes and seconds may be left out, a fraction of a second is dropped, `+0200` is understood.
#[must_use]
pub fn generalized_time(text: &[u8]) -> Option<i64> {
    let (year, text) = digits(text, 4)?;
    let (month, text) = digits(text, 2)?;
    let (day, text) = digits(text, 2)?;
    let (hour, text) = digits(text, 2)?;
    let (minute, text) = digits(text, 2).unwrap_or((0, text));
    let (second, text) = digits(text, 2).unwrap_or((0, text));
    let zone = match text.split_first() {
        Some((b'.' | b',', fraction)) => {
            let end = fraction.iter().position(|byte| !byte.is_ascii_digit())?;
            fraction.get(end..).filter(|_| end > 0)?
        }
        _ => text,
    };
    let fits = (1..=12).contains(&month)
        && (1..=month_length(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let days = days_since_1970(year, month, day);
    fits.then_some(days * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?)
}

impl Message {
    /// Whether the server announces that it hangs up (RFC 4511 §4.4.1).
    #[must_use]
    pub fn is_notice_of_disconnection(&self) -> bool {
        let notice = NOTICE_OF_DISCONNECTION.as_bytes();
        self.id == 0
            && matches!(&self.op, Op::ExtendedResponse { name: Some(name), .. } if name == notice)
    }
}

impl LdapResult {
    /// The server's words without the NUL at their end.
    #[must_use]
    pub fn quirk_active_directory_text(&self) -> &[u8] {
        let text = self.diagnostic.as_slice();
        text.strip_suffix(b"\0").unwrap_or(text)
    }
}

impl Entry {
    /// The values of an attribute, its name compared without case; empty when it is not there.
    #[must_use]
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.eq_ignore_ascii_case(name.as_bytes()))
            .map_or(&[], |attribute| &attribute.values)
    }

    /// The first value of an attribute.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.values(name).first().map(Vec::as_slice)
    }
}

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UNBIND_REQUEST: u8 = 0x42;
const BIND_REQUEST: u8 = 0x60;
const SEARCH_REQUEST: u8 = 0x63;
const SEARCH_RESULT_ENTRY: u8 = 0x64;
const SEARCH_RESULT_DONE: u8 = 0x65;
const SEARCH_RESULT_REFERENCE: u8 = 0x73;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
/// Of a filter: the attribute is there.
const PRESENT: u8 = 0x87;

/// Tag and length of an element.
struct Header {
    tag: u8,
    /// Bytes of tag and length.
    size: usize,
    /// Bytes of the content.
    length: usize,
}

/// The header at the front, or `None` when it is still to come.
fn header(data: &[u8]) -> Result<Option<Header>, Violation> {
    let (Some(&tag), Some(&first)) = (data.first(), data.get(1)) else {
        return Ok(None);
    };
    if tag & 0x1f == 0x1f {
        return Err(Violation::malformed("tag of more than one byte", 0));
    }
    let more = match first {
        0..=0x7f => {
            return Ok(Some(Header {
                tag,
                size: 2,
                length: usize::from(first),
            }));
        }
        0x81..=0x84 => usize::from(first & 0x7f),
        0x80 => return Err(Violation::malformed("indefinite length", 1)),
        _ => return Err(Violation::malformed("length of more than four bytes", 1)),
    };
    let size = more.saturating_add(2);
    let Some(bytes) = data.get(2..size) else {
        return Ok(None);
    };
    let length = bytes
        .iter()
        .fold(0_u32, |length, &byte| (length << 8) | u32::from(byte));
    Ok(Some(Header {
        tag,
        size,
        length: usize::try_from(length).unwrap_or(usize::MAX),
    }))
}

/// Goes over the elements of a content that is there as a whole.
#[derive(Clone, Copy)]
struct Elements<'a> {
    rest: &'a [u8],
    /// Where it stands in the message.
    at: usize,
}

impl<'a> Elements<'a> {
    /// The next element's tag and content.
    fn next(&mut self) -> Result<(u8, Elements<'a>), Violation> {
        let broken = |what, at| Violation::malformed(what, at);
        let header = header(self.rest)
            .map_err(|violation| broken(violation.what, self.at.saturating_add(violation.at)))?
            .ok_or_else(|| broken("element missing", self.at))?;
        let end = header.size.saturating_add(header.length);
        let (element, rest) = self
            .rest
            .split_at_checked(end)
            .ok_or_else(|| broken("element longer than what holds it", self.at))?;
        let content = Elements {
            rest: element.get(header.size..).unwrap_or_default(),
            at: self.at.saturating_add(header.size),
        };
        *self = Elements {
            rest,
            at: self.at.saturating_add(end),
        };
        Ok((header.tag, content))
    }

    /// The next element, which must have this tag.
    fn expect(&mut self, tag: u8) -> Result<Elements<'a>, Violation> {
        let at = self.at;
        match self.next()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Violation::malformed("unexpected element", at)),
        }
    }

    /// The next element if it has this tag.
    fn maybe(&mut self, tag: u8) -> Result<Option<Elements<'a>>, Violation> {
        if self.rest.first() == Some(&tag) {
            self.next().map(|(_, content)| Some(content))
        } else {
            Ok(None)
        }
    }

    /// A number from 0 to 2^31-1, leading zeros allowed.
    fn number(self) -> Result<u32, Violation> {
        let bad = Violation::malformed("number out of range", self.at);
        if self.rest.first().is_none_or(|&first| first >= 0x80) {
            return Err(bad);
        }
        self.rest
            .iter()
            .try_fold(0_u32, |number, &byte| {
                Some(number.checked_mul(256)? | u32::from(byte))
            })
            .filter(|&number| number <= 0x7fff_ffff)
            .ok_or(bad)
    }

    /// The octets themselves.
    fn string(self, strings: &mut Strings) -> Result<Vec<u8>, Violation> {
        strings.count(self.at)?;
        Ok(self.rest.to_vec())
    }

    /// All remaining elements, which must be strings.
    fn all_strings(mut self, strings: &mut Strings) -> Result<Vec<Vec<u8>>, Violation> {
        let mut all = Vec::new();
        while !self.rest.is_empty() {
            all.push(self.expect(OCTET_STRING)?.string(strings)?);
        }
        Ok(all)
    }
}

/// How many strings were taken: empty ones cost memory too.
struct Strings(usize);

impl Strings {
    fn count(&mut self, at: usize) -> Result<(), Violation> {
        self.0 = self.0.saturating_add(1);
        if self.0 > MAX_STRINGS {
            return Err(Violation::too_long("more than 4096 strings", at));
        }
        Ok(())
    }
}

fn op(tag: u8, mut body: Elements<'_>, strings: &mut Strings) -> Result<Op, Violation> {
    Ok(match tag {
        BIND_REQUEST => Op::BindRequest,
        UNBIND_REQUEST => Op::UnbindRequest,
        SEARCH_REQUEST => search_request(body, strings)?,
        SEARCH_RESULT_ENTRY => Op::SearchResultEntry(entry(body, strings)?),
        SEARCH_RESULT_DONE => Op::SearchResultDone(result(&mut body, strings)?),
        SEARCH_RESULT_REFERENCE => Op::SearchResultReference(body.all_strings(strings)?),
        EXTENDED_REQUEST => Op::ExtendedRequest {
            name: body.expect(0x80)?.string(strings)?,
        },
        EXTENDED_RESPONSE => {
            let result = result(&mut body, strings)?;
            let mut optional = |tag| -> Result<Option<Vec<u8>>, Violation> {
                body.maybe(tag)?
                    .map(|content| content.string(strings))
                    .transpose()
            };
            Op::ExtendedResponse {
                result,
                name: optional(0x8a)?,
                value: optional(0x8b)?,
            }
        }
        other => Op::Other(other),
    })
}

fn search_request(mut body: Elements<'_>, strings: &mut Strings) -> Result<Op, Violation> {
    let base = body.expect(OCTET_STRING)?.string(strings)?;
    let scope = body.expect(ENUMERATED)?.number()?;
    body.expect(ENUMERATED)?;
    body.expect(INTEGER)?;
    body.expect(INTEGER)?;
    body.expect(BOOLEAN)?;
    let _filter = body.next()?;
    let attributes = body.expect(SEQUENCE)?.all_strings(strings)?;
    Ok(Op::SearchRequest {
        base,
        scope,
        attributes,
    })
}

fn entry(mut body: Elements<'_>, strings: &mut Strings) -> Result<Entry, Violation> {
    let dn = body.expect(OCTET_STRING)?.string(strings)?;
    let mut list = body.expect(SEQUENCE)?;
    let mut attributes = Vec::new();
    while !list.rest.is_empty() {
        let mut attribute = list.expect(SEQUENCE)?;
        attributes.push(Attribute {
            name: attribute.expect(OCTET_STRING)?.string(strings)?,
            values: attribute.expect(SET)?.all_strings(strings)?,
        });
    }
    Ok(Entry { dn, attributes })
}

fn result(body: &mut Elements<'_>, strings: &mut Strings) -> Result<LdapResult, Violation> {
    Ok(LdapResult {
        code: body.expect(ENUMERATED)?.number()?,
        matched_dn: body.expect(OCTET_STRING)?.string(strings)?,
        diagnostic: body.expect(OCTET_STRING)?.string(strings)?,
        referrals: match body.maybe(0xa3)? {
            Some(referrals) => referrals.all_strings(strings)?,
            None => Vec::new(),
        },
    })
}

fn envelope(id: u32, tag: u8, body: &[u8]) -> Vec<u8> {
    let number = id.to_be_bytes();
    let zeros = number.iter().take(3).take_while(|&&byte| byte == 0).count();
    let mut digits = number.get(zeros..).unwrap_or(&number).to_vec();
    // a first bit would read as a sign
    if digits.first().is_some_and(|&first| first >= 0x80) {
        digits.insert(0, 0);
    }
    element(
        SEQUENCE,
        &[element(INTEGER, &digits), element(tag, body)].concat(),
    )
}

/// Tag, the shortest form of the length, content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length @ 0..=0x7f) => element.push(length),
        Ok(length) => element.extend([0x81, length]),
        Err(_) => {
            let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
            element.push(0x84);
            element.extend(length.to_be_bytes());
        }
    }
    element.extend(content);
    element
}

/// A number of so many digits at the front, and what follows it.
fn digits(text: &[u8], count: usize) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_at_checked(count)?;
    digits
        .iter()
        .all(u8::is_ascii_digit)
        .then(|| {
            digits
                .iter()
                .fold(0, |number, &digit| number * 10 + i64::from(digit - b'0'))
        })
        .map(|number| (number, rest))
}

/// Seconds east of Greenwich: `Z`, `+02`, `-0330`.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone.split_first()? {
        (b'Z', []) => return Some(0),
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = digits(rest, 2)?;
    let (minutes, rest) = digits(rest, 2).unwrap_or((0, rest));
    (rest.is_empty() && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of the Gregorian calendar; years begin in March, so that the odd day of a leap year is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::super::ViolationKind;
    use super::*;

    const OID: &[u8] = START_TLS.as_bytes();

    fn whole(data: &[u8]) -> Message {
        match message(data) {
            Ok(Some((message, used))) => {
                assert_eq!(used, data.len());
                message
            }
            other => panic!("{other:?} for {}", data.escape_ascii()),
        }
    }

    fn ended(code: u32, diagnostic: &[u8]) -> LdapResult {
        LdapResult {
            code,
            matched_dn: vec![],
            diagnostic: diagnostic.to_vec(),
            referrals: vec![],
        }
    }

    /// All lengths in four bytes, as Active Directory writes them.
    fn root_dse_of_active_directory() -> Vec<u8> {
        let long = |tag: u8, content: &[u8]| {
            let length = u32::try_from(content.len()).expect("short").to_be_bytes();
            [&[tag, 0x84], length.as_slice(), content].concat()
        };
        let text = |text: &str| element(OCTET_STRING, text.as_bytes());
        let attribute = |name, values: &[&str]| {
            let values: Vec<u8> = values.iter().copied().flat_map(text).collect();
            long(SEQUENCE, &[text(name), long(SET, &values)].concat())
        };
        let attributes = [
            attribute("dnsHostName", &["DC01.hiboxy.com"]),
            attribute("currentTime", &["20240924042121.0Z"]),
            attribute("supportedLDAPVersion", &["3", "2"]),
            attribute("vendorName", &[]),
        ]
        .concat();
        let entry = [text(""), long(SEQUENCE, &attributes)].concat();
        let id = element(INTEGER, &[2]);
        long(SEQUENCE, &[id, long(SEARCH_RESULT_ENTRY, &entry)].concat())
    }

    #[test]
    fn requests_byte_by_byte() {
        assert_eq!(
            start_tls(1),
            [&b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16"[..], OID].concat()
        );
        assert_eq!(
            root_dse(1, &[]),
            b"\x30\x25\x02\x01\x01\x63\x20\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x0a\x01\x01\x00\
              \x87\x0bobjectClass\x30\x00"
        );
        assert_eq!(unbind(3), b"\x30\x05\x02\x01\x03\x42\x00");
        assert_eq!(unbind(128), b"\x30\x06\x02\x02\x00\x80\x42\x00");
        assert_eq!(unbind(0), b"\x30\x05\x02\x01\x00\x42\x00");
    }

    #[test]
    fn requests_read_back() {
        assert_eq!(
            whole(&start_tls(1)),
            Message {
                id: 1,
                op: Op::ExtendedRequest { name: OID.to_vec() }
            }
        );
        let names = ["defaultNamingContext"; 20];
        let long = root_dse(70_000, &names);
        assert!(long.len() > 400);
        assert_eq!(
            whole(&long),
            Message {
                id: 70_000,
                op: Op::SearchRequest {
                    base: vec![],
                    scope: 0,
                    attributes: names.iter().map(|name| name.as_bytes().to_vec()).collect(),
                }
            }
        );
        assert_eq!(whole(&unbind(0x7fff_ffff)).op, Op::UnbindRequest);
        let bind = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00";
        assert_eq!(whole(bind).op, Op::BindRequest);
        assert_eq!(whole(b"\x30\x05\x02\x01\x07\x79\x00").op, Op::Other(0x79));
    }

    #[test]
    fn start_tls_answers_of_active_directory_and_openldap() {
        let ad = [
            &b"\x30\x84\x00\x00\x00\x28\x02\x01\x01\x78\x84\x00\x00\x00\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x16"[..],
            OID,
        ]
        .concat();
        assert_eq!(
            whole(&ad).op,
            Op::ExtendedResponse {
                result: ended(0, b""),
                name: Some(OID.to_vec()),
                value: None
            }
        );
        for end in 0..ad.len() {
            assert_eq!(message(&ad[..end]), Ok(None), "{end}");
        }
        assert_eq!(
            whole(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00").op,
            Op::ExtendedResponse {
                result: ended(0, b""),
                name: None,
                value: None
            }
        );
        let words = b"00000000: LdapErr: DSID-0C0915EA, comment: Error initializing SSL/TLS, data 0, v4563\0";
        let refused = [
            &b"\x30\x84\x00\x00\x00\x7d\x02\x01\x01\x78\x84\x00\x00\x00\x74\x0a\x01\x34\x04\x00\x04\x55"[..],
            words,
            b"\x8a\x16",
            OID,
        ]
        .concat();
        let Op::ExtendedResponse { result, .. } = whole(&refused).op else {
            panic!("no extended response");
        };
        assert_eq!(result, ended(52, words));
        assert!(result.quirk_active_directory_text().ends_with(b"v4563"));
    }

    #[test]
    fn what_a_search_returns() {
        let done = b"\x30\x84\x00\x00\x00\x10\x02\x01\x07\x65\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00";
        assert_eq!(
            whole(done),
            Message {
                id: 7,
                op: Op::SearchResultDone(ended(0, b""))
            }
        );
        let Op::SearchResultEntry(entry) = whole(&root_dse_of_active_directory()).op else {
            panic!("no entry");
        };
        assert_eq!(entry.dn, b"");
        assert_eq!(entry.value("DNSHOSTNAME"), Some(&b"DC01.hiboxy.com"[..]));
        assert_eq!(entry.values("supportedLDAPVersion"), [b"3", b"2"]);
        assert_eq!(entry.value("vendorName"), None);
        assert_eq!(entry.value("missing"), None);
        assert_eq!(entry.attributes.len(), 4);

        let referral =
            b"\x30\x17\x02\x01\x02\x65\x12\x0a\x01\x0a\x04\x00\x04\x00\xa3\x09\x04\x07ldap://";
        let Op::SearchResultDone(result) = whole(referral).op else {
            panic!("no result");
        };
        assert_eq!(
            (result.code, result.referrals),
            (10, vec![b"ldap://".to_vec()])
        );
        let elsewhere = b"\x30\x0e\x02\x01\x02\x73\x09\x04\x07ldap://";
        assert_eq!(
            whole(elsewhere).op,
            Op::SearchResultReference(vec![b"ldap://".to_vec()])
        );
    }

    #[test]
    fn the_notice_before_hanging_up() {
        let name = NOTICE_OF_DISCONNECTION.as_bytes();
        let notice = [
            &b"\x30\x24\x02\x01\x00\x78\x1f\x0a\x01\x34\x04\x00\x04\x00\x8a\x16"[..],
            name,
        ]
        .concat();
        assert!(whole(&notice).is_notice_of_disconnection());
        assert!(!whole(&start_tls(0)).is_notice_of_disconnection());
    }

    #[test]
    fn lengths_in_every_form() {
        for header in [
            &b"\x30\x05"[..],
            b"\x30\x81\x05",
            b"\x30\x82\x00\x05",
            b"\x30\x83\x00\x00\x05",
            b"\x30\x84\x00\x00\x00\x05",
        ] {
            let data = [header, b"\x02\x01\x03\x42\x00"].concat();
            assert_eq!(whole(&data).id, 3);
        }
        assert_eq!(whole(b"\x30\x09\x02\x05\x00\x00\x00\x00\x03\x42\x00").id, 3);
    }

    #[test]
    fn what_is_no_message() {
        for data in [
            &b"220"[..],
            b"\x15\x03\x03",
            b"\x30\x80",
            b"\x30\x85",
            b"\x30\xff",
            b"\x30\x00",
            b"\x30\x02\x02\x00",
            b"\x30\x05\x02\x01\x80\x42\x00",
            b"\x30\x05\x04\x01\x03\x42\x00",
            b"\x30\x05\x02\x01\x03\x42\x01",
            b"\x30\x05\x02\x01\x03\x5f\x00",
            b"\x30\x05\x02\x81\x03\x42\x00",
            b"\x30\x05\x02\x01\x03\x65\x00",
            b"\x30\x03\x02\x01\x03",
            b"\x30\x06\x02\x01\x03\x42\x80\x00",
            b"\x30\x09\x02\x05\x01\x00\x00\x00\x00\x42\x00",
        ] {
            let violation = message(data).expect_err("no message");
            assert_eq!(
                violation.kind,
                ViolationKind::Malformed,
                "{}",
                data.escape_ascii()
            );
            assert!(violation.at <= data.len());
        }
    }

    #[test]
    fn too_much_is_refused() {
        for data in [&b"\x30\x84\xff\xff\xff\xff"[..], b"\x30\x83\x04\x00\x00"] {
            assert_eq!(
                message(data).expect_err("long").kind,
                ViolationKind::TooLong
            );
        }
        assert_eq!(message(b"\x30\x83\x03\xff\xfb"), Ok(None));
        let many = element(0x73, &element(OCTET_STRING, b"").repeat(MAX_STRINGS + 1));
        let many = element(SEQUENCE, &[element(INTEGER, &[1]), many].concat());
        assert_eq!(
            message(&many).expect_err("many").kind,
            ViolationKind::TooLong
        );
    }

    #[test]
    fn deep_nesting_is_passed_over() {
        let mut deep = Vec::new();
        for _ in 0..2000 {
            deep = element(0xa0, &deep);
        }
        let filter = deep;
        let mut search =
            b"\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x0a\x01\x01\x00".to_vec();
        search.extend(filter);
        search.extend(b"\x30\x00");
        assert!(matches!(
            whole(&envelope(1, SEARCH_REQUEST, &search)).op,
            Op::SearchRequest { .. }
        ));
    }

    #[test]
    fn times() {
        for (text, seconds) in [
            ("20240924042121.0Z", Some(1_727_151_681)),
            ("19700101000000Z", Some(0)),
            ("20000229120000Z", Some(951_825_600)),
            ("20240924062121+0200", Some(1_727_151_681)),
            ("20240924062121,123+02", Some(1_727_151_681)),
            ("202409240421Z", Some(1_727_151_660)),
            ("2024092404Z", Some(1_727_150_400)),
            ("00000101000000Z", Some(-62_167_219_200)),
            ("99991231235959Z", Some(253_402_300_799)),
            ("20240924042121", None),
            ("20240924042121.Z", None),
            ("20240924042121.0", None),
            ("20230229000000Z", None),
            ("20241301000000Z", None),
            ("20241232000000Z", None),
            ("20240924240000Z", None),
            ("20240924042121.0ZZ", None),
            ("20240924042121+2", None),
            ("2024-09-24", None),
            ("", None),
        ] {
            assert_eq!(generalized_time(text.as_bytes()), seconds, "{text}");
        }
    }
}
