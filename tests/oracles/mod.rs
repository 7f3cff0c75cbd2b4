//! What must hold whatever the bytes: one function for each decoder of `wire` and each conversation of `probe`, named
//! after module and function, and for what else reads bytes of others.
//!
//! They are plain functions that panic, so that the seeded mutations of this test binary and coverage-guided targets
//! use the same ones. [`dialogues`], [`chains`] and [`told`] say what they hold; for a decoder it is:
//!
//! * no panic;
//! * a value takes at least one byte and at most what was given, and is the same for every beginning that holds it;
//! * before that the answer is "more", never a violation and never another value;
//! * a violation on a beginning stays one, whatever follows;
//! * past its limit a decoder has decided;
//! * what it keeps is in proportion to what it took.

mod chains;
mod dialogues;
pub(crate) mod told;

use std::fmt::Debug;
use std::mem::size_of;
use std::num::NonZeroU64;

use exchports::facts::Text;
use exchports::wire::{
    Decoded, Violation, http, imap, ldap, line, mta_sts, pop3, rdp, smtp, sniff, socks, tagged,
    tls, tlsa,
};

/// Its name, and what panics when it does not hold.
pub(crate) type Oracle = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Oracle> {
    DECODERS.iter().chain(DIALOGUES)
}

/// Of one function each that reads bytes; a run takes microseconds.
pub(crate) const DECODERS: &[Oracle] = &[
    ("facts_text", facts_text),
    ("http_body", http_body),
    ("http_head", http_head),
    ("http_request", http_request),
    ("imap_response", imap_response),
    ("ldap_generalized_time", ldap_generalized_time),
    ("ldap_message", ldap_message),
    ("line_split", line_split),
    ("mta_sts_policy", mta_sts_policy),
    ("pop3_listing", pop3_listing),
    ("pop3_status", pop3_status),
    ("rdp_confirm", rdp_confirm),
    ("rdp_request", rdp_request),
    ("serve_asked", serve_asked),
    ("smtp_reply", smtp_reply),
    ("sniff_sniff", sniff_sniff),
    ("socks_method", socks_method),
    ("socks_reply", socks_reply),
    ("socks_signed_in", socks_signed_in),
    ("tagged_sts_record", tagged_sts_record),
    ("tagged_tls_rpt_record", tagged_tls_rpt_record),
    ("tls_flight", tls_flight),
    ("tls_flight_so_far", tls_flight_so_far),
    ("tlsa_record", tlsa_record),
    ("trust_certificates", chains::trust_certificates),
];

/// Of a whole conversation each, handshakes included; a run takes up to milliseconds.
pub(crate) const DIALOGUES: &[Oracle] = &[
    ("net_session", dialogues::net_session),
    ("probe_http", dialogues::probe_http),
    ("probe_imap", dialogues::probe_imap),
    ("probe_ldap", dialogues::probe_ldap),
    ("probe_pop3", dialogues::probe_pop3),
    ("probe_rdp", dialogues::probe_rdp),
    ("probe_smtp", dialogues::probe_smtp),
    ("probe_web", dialogues::probe_web),
    ("trust_chain", chains::trust_chain),
];

/// What is shown of a peer's words is safe to show, and says exactly which bytes they were.
pub(crate) fn facts_text(data: &[u8]) {
    let text = Text::from_bytes(data);
    assert!(told::is_safe(text.as_str()), "{text:?}");
    let kept = data.len().min(Text::LIMIT);
    let shown = match text.as_str().strip_suffix('…') {
        Some(shown) if kept < data.len() => shown,
        _ => text.as_str(),
    };
    assert_eq!(unescaped(shown).as_deref(), Some(&data[..kept]));
    // Shown twice it is no less safe.
    assert!(told::is_safe(
        Text::from_bytes(text.as_str().as_bytes()).as_str()
    ));
}

/// What a stranger asks of the exporter: the query of a scrape, its header with the time, the header with user and
/// password, and a pattern of names.
pub(crate) fn serve_asked(data: &[u8]) {
    use exchports::plan::Host;
    use exchports::serve::{Access, Pattern, asked, credentials, patience};
    let text = String::from_utf8_lossy(data);
    if let Ok(asked) = asked(&text) {
        assert!(!asked.target.is_empty() && asked.target.len() <= 1024);
        assert!(asked.module.len() <= 1024);
        // What it is told is asked for again by asking for what was read.
        let encoded = |text: &str| {
            let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            bytes.concat()
        };
        let again = format!(
            "target={}&module={}&hostname={}&debug={}",
            encoded(&asked.target),
            encoded(&asked.module),
            encoded(asked.hostname.as_deref().unwrap_or_default()),
            asked.debug
        );
        assert_eq!(exchports::serve::asked(&again), Ok(asked));
    }
    if let Ok(patience) = patience(Some(&text)) {
        assert!((100..=120_000).contains(&patience.as_millis()));
    }
    if let Some((user, _)) = credentials(data) {
        assert!(!user.contains(':') && data.len() > user.len());
    }
    // The first line is a pattern, the next a name; a star lets everything in, and a name itself.
    let mut lines = text.lines();
    let (pattern, name) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    let host = Host::Name(name.to_owned());
    let lets_in = |pattern: Pattern| {
        let patterns = vec![pattern];
        let access = Access {
            patterns,
            is_exposed: true,
        };
        access.of_host(&host) == Ok(true)
    };
    if let Ok(pattern) = Pattern::read(pattern) {
        // It comes to an end, and a pattern without a star lets in one name only.
        let is_one = !pattern.to_string().contains('*');
        let is_in = lets_in(pattern.clone());
        let wanted = pattern.to_string();
        let same = wanted.eq_ignore_ascii_case(name.trim_end_matches('.'));
        assert!(!is_one || is_in == (same && matches!(pattern, Pattern::Name(_))));
    }
    if let Ok(star) = Pattern::read("*") {
        assert!(lets_in(star));
    }
}

/// One line.
pub(crate) fn line_split(data: &[u8]) {
    if let Some(text) = decoder(data, line::MAX_LINE, line::split, |_| 0) {
        assert!(!text.contains(&b'\n'));
    }
}

/// One reply of SMTP, and what is read out of it.
pub(crate) fn smtp_reply(data: &[u8]) {
    let Some(reply) = decoder(data, line::MAX_REPLY, smtp::reply, |reply| {
        strings(&reply.lines)
    }) else {
        return;
    };
    assert!((200..600).contains(&reply.code));
    assert!(!reply.lines.is_empty() && reply.lines.len() <= line::MAX_LINES);
    assert_eq!(reply.extensions().count(), reply.lines.len() - 1);
    let ways = [
        reply.is_positive(),
        reply.is_transient(),
        reply.is_permanent(),
    ];
    assert_eq!(ways.into_iter().filter(|way| *way).count(), 1);
    let text = reply.text();
    assert!(text.len() < data.len());
    assert!(!smtp::is_masked_greeting(&text) || text.contains(&b'*'));
    for offer in reply.extensions() {
        assert!(!offer.keyword.contains(&b' '));
        assert!(!smtp::is_overwritten_keyword(offer.keyword) || offer.keyword.starts_with(b"XXX"));
    }
}

/// The method that a proxy chose.
pub(crate) fn socks_method(data: &[u8]) {
    if let Some(method) = decoder(data, 2, socks::method, |_| 0) {
        assert_eq!(method == socks::AuthMethod::None, data.starts_with(&[5, 0]));
    }
}

/// What a proxy says of user and password.
pub(crate) fn socks_signed_in(data: &[u8]) {
    if let Some(taken) = decoder(data, 2, socks::signed_in, |_| 0) {
        assert_eq!(taken, data[1] == 0);
    }
}

/// What became of a request to a proxy: granted only by a whole reply, and never by the code of a refusal.
pub(crate) fn socks_reply(data: &[u8]) {
    let Some(reply) = decoder(data, socks::MAX_REPLY, socks::reply, |_| 0) else {
        return;
    };
    assert_eq!(reply == socks::SocksReply::Succeeded, data[1] == 0);
    assert!(reply.words().contains(&data[1].to_string()));
}

/// One response of IMAP, and what is read out of it.
pub(crate) fn imap_response(data: &[u8]) {
    let held = |response: &imap::Response| match response {
        imap::Response::Tagged { tag, condition } => tag.capacity() + condition.text.capacity(),
        imap::Response::Untagged(condition) => condition.text.capacity(),
        imap::Response::Capability(words) => strings(words),
        imap::Response::Data(bytes) | imap::Response::Continuation(bytes) => bytes.capacity(),
    };
    match decoder(data, line::MAX_REPLY, imap::response, held) {
        Some(imap::Response::Untagged(condition) | imap::Response::Tagged { condition, .. }) => {
            let words = condition.capabilities();
            assert!(words.is_none() || condition.code().is_some());
        }
        Some(imap::Response::Capability(words)) => {
            assert!(words.iter().all(|word| !word.is_empty()));
        }
        _ => {}
    }
}

/// One status line of POP3.
pub(crate) fn pop3_status(data: &[u8]) {
    let held = |status: &pop3::StatusLine| status.text.capacity();
    if let Some(status) = decoder(data, line::MAX_LINE, pop3::status, held) {
        assert!(
            status
                .code()
                .is_none_or(|code| code.len() < status.text.len())
        );
    }
}

/// One listing of POP3.
pub(crate) fn pop3_listing(data: &[u8]) {
    let held = |listing: &pop3::Listing| listing.status.text.capacity() + strings(&listing.lines);
    if let Some(listing) = decoder(data, line::MAX_REPLY, pop3::listing, held) {
        assert!(listing.lines.len() < line::MAX_LINES);
        assert!(listing.status.indicator == pop3::Indicator::Ok || listing.lines.is_empty());
    }
}

/// One message of LDAP, and what is read out of it.
pub(crate) fn ldap_message(data: &[u8]) {
    let Some(message) = decoder(data, ldap::MAX_MESSAGE, ldap::message, held_by_message) else {
        return;
    };
    assert!(!message.is_notice_of_disconnection() || message.id == 0);
    match message.op {
        ldap::Op::SearchResultEntry(entry) => {
            assert_eq!(
                entry.value("currentTime"),
                entry.values("CURRENTTIME").first().map(Vec::as_slice)
            );
        }
        ldap::Op::SearchResultDone(result) | ldap::Op::ExtendedResponse { result, .. } => {
            assert!(result.quirk_active_directory_text().len() <= result.diagnostic.len());
        }
        _ => {}
    }
}

/// A time is within the years it can be written for.
pub(crate) fn ldap_generalized_time(data: &[u8]) {
    if let Some(seconds) = ldap::generalized_time(data) {
        let day = 86_400;
        assert!((-62_167_219_200 - day..=253_402_300_800 + day).contains(&seconds));
    }
}

/// The server's answer of RDP.
pub(crate) fn rdp_confirm(data: &[u8]) {
    match decoder(data, rdp::MAX_PACKET, rdp::confirm, |_| 0) {
        Some(rdp::Confirm::Selected { protocol, .. }) => assert!(!protocol.to_string().is_empty()),
        Some(rdp::Confirm::Refused { code }) => assert!(!rdp::failure_name(code).is_empty()),
        _ => {}
    }
}

/// The client's request of RDP.
pub(crate) fn rdp_request(data: &[u8]) {
    let held = |request: &rdp::ConnectionRequest| request.cookie.as_ref().map_or(0, Vec::capacity);
    decoder(data, rdp::MAX_PACKET, rdp::request, held);
}

/// The head of a response, and what is read out of it.
pub(crate) fn http_head(data: &[u8]) {
    let Some(head) = decoder(data, http::MAX_HEAD, http::head, |head| {
        headers(&head.headers)
    }) else {
        return;
    };
    assert!((100..1000).contains(&head.status));
    assert!(head.headers.len() <= http::MAX_HEADERS);
    assert!(head.authentication_schemes().len() <= http::MAX_SCHEMES);
    if let Some(bearer) = head.bearer() {
        assert!(bearer.trusted_issuers.len() <= http::MAX_SCHEMES);
        assert!(
            !bearer
                .trusted_issuers
                .iter()
                .any(|issuer| issuer.is_empty())
        );
    }
    assert!(!head.keeps_open() || head.framing() != Ok(Some(http::Framing::UntilClose)));
}

/// The head of a request.
pub(crate) fn http_request(data: &[u8]) {
    let held = |request: &http::Request| {
        request.method.capacity() + request.target.capacity() + headers(&request.headers)
    };
    decoder(data, http::MAX_HEAD, http::request, held);
}

/// A body; the first byte says how it is framed.
pub(crate) fn http_body(data: &[u8]) {
    const LIMIT: usize = 1000;
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let (framing, most) = match kind {
        b'c' => (http::Framing::Chunked, 2 * LIMIT + 16 * 1024),
        b'u' => (http::Framing::UntilClose, LIMIT + 1),
        other => match NonZeroU64::new(u64::from(other) * 8) {
            Some(length) => (http::Framing::Length(length), LIMIT),
            None => return,
        },
    };
    let decode = |data| http::body(data, framing, LIMIT);
    if let Some(body) = decoder(data, most, decode, Vec::capacity) {
        assert!(body.len() <= LIMIT);
    }
}

/// An answer does not turn into another when more bytes come.
pub(crate) fn sniff_sniff(data: &[u8]) {
    let whole = sniff::sniff(data);
    for end in 0..data.len().min(40) {
        match (sniff::sniff(&data[..end]), whole) {
            (None, _) => {}
            (
                Some(sniff::Spoken::TlsAlert { level, description }),
                Some(sniff::Spoken::TlsAlert {
                    level: whole_level,
                    description: whole_description,
                }),
            ) => {
                assert!(level.is_none() || level == whole_level);
                assert!(description.is_none() || description == whole_description);
            }
            (some, whole) => assert_eq!(some, whole, "at {end}"),
        }
    }
}

/// The first answer of a TLS server, and what is read out of it.
pub(crate) fn tls_flight(data: &[u8]) {
    let held = |flight: &tls::Flight| {
        let signed = flight.signed.as_ref();
        strings(&flight.certificates)
            + signed.map_or(0, |it| it.parameters.capacity() + it.signature.capacity())
    };
    let Some(flight) = decoder(data, tls::MAX_FLIGHT, tls::flight, held) else {
        return;
    };
    let end = flight.end.expect("a whole flight has an end");
    assert!(flight.hello.is_some() || end == tls::End::Alert);
    assert!(flight.alert.is_some() || end != tls::End::Alert);
    assert!(flight.certificates.len() <= tls::MAX_CERTIFICATES);
    if let Some(hello) = flight.hello {
        let is_13 = hello.version == tls::ProtocolVersion::Tls13;
        assert_eq!(
            is_13,
            matches!(end, tls::End::HelloRetry | tls::End::Encrypted)
        );
        assert!(!tls::suite_name(hello.cipher_suite).is_empty());
    }
    if let Some(tls::Agreement::Prime(bits)) = flight.agreement {
        assert!((1..=8 * 65_536).contains(&bits));
    }
}

/// What has come of a flight only grows: nothing that was told is taken back.
pub(crate) fn tls_flight_so_far(data: &[u8]) {
    let whole = tls::flight_so_far(data);
    assert_eq!(
        whole.end.is_some(),
        matches!(tls::flight(data), Ok(Some(_)))
    );
    for end in beginnings(data.len(), data.len()) {
        let before = tls::flight_so_far(&data[..end]);
        assert!(
            before.hello.is_none() || before.hello == whole.hello,
            "at {end}"
        );
        assert!(before.end.is_none() || before == whole, "at {end}");
        assert!(before.alert.is_none() || whole.alert.is_some(), "at {end}");
        assert!(
            before.certificate_requested <= whole.certificate_requested,
            "at {end}"
        );
    }
}

/// A whole policy: what is kept of it has bounds, and what it covers is within its patterns.
pub(crate) fn mta_sts_policy(data: &[u8]) {
    match mta_sts::policy(data) {
        Ok(policy) => {
            assert!(policy.mx.len() <= mta_sts::MAX_PATTERNS);
            assert!(policy.max_age <= mta_sts::MAX_AGE);
            assert!(!policy.mx.is_empty() || policy.mode == mta_sts::Mode::None);
            for pattern in &policy.mx {
                assert!(pattern.is_ascii() && pattern.len() <= 255, "{pattern:?}");
                assert!(policy.covers(&pattern.replace('*', "mx")), "{pattern:?}");
            }
            assert!(!policy.covers(""));
        }
        Err(violation) => holds(violation, data),
    }
}

/// A whole record.
pub(crate) fn tagged_sts_record(data: &[u8]) {
    match tagged::sts_record(data) {
        Ok(Some(record)) => {
            assert!(data.starts_with(b"v=STSv1") && (1..=32).contains(&record.id.len()));
        }
        Ok(None) => assert!(tagged::sts_record(&data[..data.len().min(6)]) == Ok(None)),
        Err(violation) => holds(violation, data),
    }
}

/// A whole record.
pub(crate) fn tagged_tls_rpt_record(data: &[u8]) {
    match tagged::tls_rpt_record(data) {
        Ok(Some(record)) => {
            assert!(data.starts_with(b"v=TLSRPTv1") && !record.destinations.is_empty());
            let kept: usize = record.destinations.iter().map(String::len).sum();
            assert!(kept < data.len());
        }
        Ok(None) => {}
        Err(violation) => holds(violation, data),
    }
}

/// A record is what it was read from, byte for byte.
pub(crate) fn tlsa_record(data: &[u8]) {
    match tlsa::record(data) {
        Ok(record) => {
            let head = [record.usage, record.selector, record.matching];
            assert_eq!([&head[..], &record.data].concat(), data);
            let is_usable = record.unusable().is_none();
            assert!(!is_usable || matches!(head, [2..=3, 0..=1, 0..=2]));
        }
        Err(violation) => holds(violation, data),
    }
}

fn holds(violation: Violation, data: &[u8]) {
    assert!(
        !violation.what.is_empty() && violation.at <= data.len(),
        "{violation:?}"
    );
}

/// Holds what must hold for every decoder, and returns the value.
fn decoder<'d, T: Debug + PartialEq>(
    data: &'d [u8],
    limit: usize,
    decode: impl Fn(&'d [u8]) -> Decoded<T>,
    held: impl Fn(&T) -> usize,
) -> Option<T> {
    let whole = decode(data);
    let used = match &whole {
        Ok(Some((value, used))) => {
            assert!((1..=data.len()).contains(used), "{used} of {}", data.len());
            let held = held(value);
            assert!(held <= 32 * used + 64, "{held} bytes kept of {used}");
            *used
        }
        Ok(None) => {
            assert!(data.len() < limit, "undecided at its limit");
            data.len()
        }
        Err(violation) => {
            assert!(!violation.what.is_empty());
            assert!(
                violation.at <= data.len(),
                "{violation:?} of {}",
                data.len()
            );
            data.len()
        }
    };
    let mut broken = false;
    for end in beginnings(data.len(), used) {
        let beginning = decode(&data[..end]);
        match &whole {
            Ok(Some(_)) if end >= used => assert_eq!(beginning, whole, "at {end}"),
            Ok(_) => assert_eq!(beginning, Ok(None), "at {end}"),
            Err(_) => {
                assert!(
                    !matches!(beginning, Ok(Some(_))),
                    "a value at {end}, then {whole:?}"
                );
                assert!(
                    !broken || beginning.is_err(),
                    "a violation before {end}, then more"
                );
                broken = beginning.is_err();
            }
        }
    }
    whole.ok().flatten().map(|(value, _)| value)
}

/// In order: all beginnings of short data; of long data the first, the last, those around the value's end, and some.
fn beginnings(length: usize, used: usize) -> Vec<usize> {
    const SOME: usize = 24;
    if length <= 2 * SOME {
        return (0..length).collect();
    }
    let mut ends: Vec<usize> = (0..12)
        .chain((0..SOME).map(|part| part * length / SOME))
        .chain(used.saturating_sub(4)..used.saturating_add(2))
        .chain(length - 4..length)
        .filter(|end| *end < length)
        .collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

/// `\\\\` and `\\xE4` as the bytes that they stand for.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        (rest, bytes) = match (byte, after) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                (after, bytes)
            }
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                (after, bytes)
            }
            (b'\\', _) => return None,
            (byte, after) => {
                bytes.push(*byte);
                (after, bytes)
            }
        };
    }
    Some(bytes)
}

fn held_by_message(message: &ldap::Message) -> usize {
    let result = |result: &ldap::LdapResult| {
        result.matched_dn.capacity() + result.diagnostic.capacity() + strings(&result.referrals)
    };
    let optional = |string: &Option<Vec<u8>>| string.as_ref().map_or(0, Vec::capacity);
    match &message.op {
        ldap::Op::SearchRequest {
            base, attributes, ..
        } => base.capacity() + strings(attributes),
        ldap::Op::SearchResultEntry(entry) => {
            let attributes = entry
                .attributes
                .iter()
                .map(|attribute| attribute.name.capacity() + strings(&attribute.values));
            entry.attributes.capacity() * size_of::<ldap::Attribute>() + attributes.sum::<usize>()
        }
        ldap::Op::SearchResultDone(done) => result(done),
        ldap::Op::SearchResultReference(all) => strings(all),
        ldap::Op::ExtendedRequest { name } => name.capacity(),
        ldap::Op::ExtendedResponse {
            result: done,
            name,
            value,
        } => result(done) + optional(name) + optional(value),
        ldap::Op::BindRequest | ldap::Op::UnbindRequest | ldap::Op::Other(_) => 0,
    }
}

fn strings(all: &Vec<Vec<u8>>) -> usize {
    all.capacity() * size_of::<Vec<u8>>() + all.iter().map(Vec::capacity).sum::<usize>()
}

fn headers(all: &Vec<(String, Vec<u8>)>) -> usize {
    let texts = all
        .iter()
        .map(|(name, value)| name.capacity() + value.capacity());
    all.capacity() * size_of::<(String, Vec<u8>)>() + texts.sum::<usize>()
}
