//! What is counted: each decoder on a typical input, the judge, conversations in clear, reports.

use std::hint::black_box;
use std::io;
use std::num::NonZeroU64;

use exchports::catalog::{ServiceId, service};
use exchports::facts::Text;
use exchports::judge::{judge, judge_target};
use exchports::report::{Format, Style, reporter};
use exchports::wire::{
    Decoded, http, imap, ldap, line, mta_sts, pop3, rdp, smtp, sniff, socks, tagged, tls, tlsa,
};

use super::conversation::Conversation;
use super::staged::{check, healthy, with_context};

/// Prepares a case; what it returns is a round of it.
type Prepare = fn() -> Box<dyn FnMut()>;

/// All of them, by name.
pub(crate) const CASES: &[(&str, Prepare)] = &[
    ("facts_text", || {
        reading(
            include_bytes!("../../corpus/smtp_reply/greeting"),
            Text::from_bytes,
        )
    }),
    ("http_body", || {
        let chunked: &[u8] = b"400\r\n";
        let body = [chunked, &[b'x'; 1024], b"\r\n0\r\n\r\n"].concat();
        decoding(body.leak(), |data| {
            http::body(data, http::Framing::Chunked, 4096)
        })
    }),
    ("http_body_of_a_length", || {
        let length = NonZeroU64::new(1024).map(http::Framing::Length);
        decoding(&[b'x'; 1024], move |data| {
            http::body(data, length.unwrap_or(http::Framing::UntilClose), 4096)
        })
    }),
    ("http_head", || {
        decoding(
            include_bytes!("../../corpus/http_head/unauthorized"),
            http::head,
        )
    }),
    ("imap_response", || {
        decoding(
            include_bytes!("../../corpus/imap_response/capability"),
            imap::response,
        )
    }),
    ("ldap_message", || {
        decoding(
            include_bytes!("../../corpus/ldap_message/rootdse-entry-ad"),
            ldap::message,
        )
    }),
    ("line_split", || {
        decoding(include_bytes!("../../corpus/line_split/crlf"), line::split)
    }),
    ("mta_sts_policy", || {
        reading(
            include_bytes!("../../corpus/mta_sts_policy/exchange-online"),
            mta_sts::policy,
        )
    }),
    ("pop3_listing", || {
        decoding(
            include_bytes!("../../corpus/pop3_listing/capa"),
            pop3::listing,
        )
    }),
    ("pop3_status", || {
        decoding(
            include_bytes!("../../corpus/pop3_status/greeting"),
            pop3::status,
        )
    }),
    ("rdp_confirm", || {
        decoding(
            include_bytes!("../../corpus/rdp_confirm/hybrid-ex"),
            rdp::confirm,
        )
    }),
    ("smtp_reply", || {
        decoding(
            include_bytes!("../../corpus/smtp_reply/ehlo-exchange-2019"),
            smtp::reply,
        )
    }),
    ("sniff_sniff", || {
        reading(
            include_bytes!("../../corpus/smtp_reply/greeting"),
            sniff::sniff,
        )
    }),
    ("socks_reply", || {
        decoding(
            include_bytes!("../../corpus/socks_reply/granted-name"),
            socks::reply,
        )
    }),
    ("tagged_sts_record", || {
        reading(
            include_bytes!("../../corpus/tagged_sts_record/rfc-8461"),
            tagged::sts_record,
        )
    }),
    ("tagged_tls_rpt_record", || {
        reading(
            include_bytes!("../../corpus/tagged_tls_rpt_record/rfc-8460"),
            tagged::tls_rpt_record,
        )
    }),
    ("tls_flight", || {
        decoding(
            include_bytes!("../../corpus/tls_flight/coalesced"),
            tls::flight,
        )
    }),
    ("tlsa_record", || {
        reading(
            include_bytes!("../../corpus/tlsa_record/3-1-1"),
            tlsa::record,
        )
    }),
    ("probe_http", || Conversation::http().rounds()),
    ("probe_smtp", || Conversation::smtp().rounds()),
    ("judge_check", || {
        let https = service(ServiceId::Https);
        Box::new(move || {
            with_context(|context| drop(black_box(judge(check(https), healthy(https), context))));
        })
    }),
    ("judge_host", || {
        let (target, findings) = super::staged::host();
        Box::new(move || {
            with_context(|context| {
                let around = super::staged::surroundings();
                drop(black_box(judge_target(&target, around, &findings, context)));
            });
        })
    }),
    ("report_json", || telling(Format::Json)),
    ("report_ndjson", || telling(Format::Ndjson)),
    ("report_table", || telling(Format::Table)),
];

fn decoding<T: 'static>(
    data: &'static [u8],
    decode: impl Fn(&'static [u8]) -> Decoded<T> + 'static,
) -> Box<dyn FnMut()> {
    reading(data, move |data| match decode(data) {
        Ok(Some(value)) => value,
        _ => panic!("it is typical"),
    })
}

fn reading<T: 'static>(
    data: &'static [u8],
    read: impl Fn(&'static [u8]) -> T + 'static,
) -> Box<dyn FnMut()> {
    Box::new(move || drop(black_box(read(black_box(data)))))
}

fn telling(format: Format) -> Box<dyn FnMut()> {
    let events = super::staged::events();
    Box::new(move || {
        let mut reporter = reporter(format, Box::new(io::sink()), Style::default());
        for event in &events {
            reporter.report(event).expect("a sink takes everything");
        }
    })
}
