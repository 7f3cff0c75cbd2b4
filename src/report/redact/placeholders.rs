//! What stands for what, in names and in texts.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::words::{
    SERVERS, find_ignoring_case, is_host, is_of_a_word, looks_like_a_host, without_tokens,
};
use crate::facts::Text;

/// What stands for what.
#[derive(Default)]
pub(super) struct Placeholders {
    /// Host names in lower case, without a final dot.
    hosts: HashMap<String, String>,
    /// Names that are no host's: of organisations, authorities, directories, servers; in lower case.
    names: HashMap<String, String>,
    v4: HashMap<Ipv4Addr, Ipv4Addr>,
    v6: HashMap<Ipv6Addr, Ipv6Addr>,
    /// Fingerprints and serial numbers.
    numbers: HashMap<String, usize>,
    /// Names of several words, which are looked for before single words are: lower case, longest first.
    pub(super) phrases: BTreeMap<(std::cmp::Reverse<usize>, String), String>,
}

impl Placeholders {
    /// What stands for a target or another host: a name, or an address.
    pub(super) fn place(&mut self, name: &str) -> String {
        match name.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => self.address(address).to_string(),
            Err(_) => self.host(name),
        }
    }

    pub(super) fn host(&mut self, name: &str) -> String {
        let key = name.trim_end_matches('.').to_lowercase();
        if let Some(rest) = key.strip_prefix("*.") {
            return format!("*.{}", self.host(rest));
        }
        let next = self.hosts.len() + 1;
        let place = self.hosts.entry(key);
        place.or_insert_with(|| format!("host-{next}")).clone()
    }

    pub(super) fn name(&mut self, name: &str) -> String {
        let next = self.names.len() + 1;
        let place = self.names.entry(name.to_lowercase());
        place.or_insert_with(|| format!("name-{next}")).clone()
    }

    /// Addresses of the ranges that are kept for documents (RFC 5737, RFC 3849), then of those for benchmarks (RFC 2544).
    /// This machine's own loopback says nothing of anybody.
    pub(super) fn address(&mut self, address: IpAddr) -> IpAddr {
        const DOCUMENTS: u128 = 0x2001_0db8 << 96;
        if address.is_loopback() || address.is_unspecified() {
            return address;
        }
        match address {
            IpAddr::V4(v4) => {
                let next = u32::try_from(self.v4.len()).unwrap_or(u32::MAX);
                let place = self.v4.entry(v4).or_insert_with(|| document_address(next));
                IpAddr::V4(*place)
            }
            IpAddr::V6(v6) => {
                let next = self.v6.len() as u128 + 1;
                let place = self.v6.entry(v6);
                IpAddr::V6(*place.or_insert_with(|| Ipv6Addr::from(DOCUMENTS + next)))
            }
        }
    }

    pub(super) fn socket(&mut self, socket: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.address(socket.ip()), socket.port())
    }

    pub(super) fn number(&mut self, number: &str) -> usize {
        let next = self.numbers.len() + 1;
        *self.numbers.entry(number.to_owned()).or_insert(next)
    }

    pub(super) fn say(&mut self, text: &mut Text) {
        *text = text.rewritten(|text| self.text(text));
    }

    pub(super) fn say_all<'a>(&mut self, texts: impl IntoIterator<Item = &'a mut Text>) {
        for text in texts {
            self.say(text);
        }
    }

    /// A text without the names that are known, and without whatever else looks like one.
    pub(super) fn text(&mut self, text: &str) -> String {
        let text = self.without_headers(text);
        let text = self.without_phrases(&text);
        let text = without_tokens(&text);
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c| !is_of_a_word(c)).unwrap_or(rest.len());
            if end == 0 {
                out.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let (word, after) = rest.split_at(end);
            out.push_str(&self.word(word));
            rest = after;
        }
        out
    }

    fn word(&mut self, word: &str) -> String {
        let core = word
            .trim_end_matches(['.', ':', '-'])
            .trim_start_matches(['.', '-']);
        let at = word.find(core).unwrap_or(0);
        let (before, after) = (&word[..at], &word[at + core.len()..]);
        // `::1` begins as it ends; an address is tried whole.
        for whole in [word, core] {
            if let Ok(address) = whole.parse::<IpAddr>() {
                return word.replacen(whole, &self.address(address).to_string(), 1);
            }
            if let Ok(socket) = whole.parse::<SocketAddr>() {
                return word.replacen(whole, &self.socket(socket).to_string(), 1);
            }
        }
        if let Some((user, host)) = core.split_once('@')
            && is_host(host)
        {
            let host = self.host(host);
            let user = if user.is_empty() { "" } else { "user" };
            return format!("{before}{user}@{host}{after}");
        }
        if let Some((host, port)) = core.split_once(':')
            && is_host(host)
            && (host.contains('.') || self.hosts.contains_key(&host.to_lowercase()))
        {
            return format!("{before}{}:{port}{after}", self.word(host));
        }
        let lower = core.to_lowercase();
        if let Some(place) = self.hosts.get(&lower) {
            return format!("{before}{place}{after}");
        }
        if let Some(place) = self.names.get(&lower) {
            return format!("{before}{place}{after}");
        }
        if looks_like_a_host(core) {
            let place = self.host(core);
            return format!("{before}{place}{after}");
        }
        // A name of ours with something added: `EXCH01-imap`, `contoso-CA`.
        for part in core.split(['-', '_', '.', ':', '@', '*', '~']) {
            if self.names.contains_key(&part.to_lowercase()) {
                let place = self.name(core);
                return format!("{before}{place}{after}");
            }
        }
        word.to_owned()
    }

    /// Headers of which the whole value names a machine, a session or a user.
    fn without_headers(&mut self, text: &str) -> String {
        let Some((header, value)) = text.split_once(' ') else {
            return text.to_owned();
        };
        if !SERVERS.contains(&&*header.to_lowercase()) {
            return text.to_owned();
        }
        let (value, end) = match value.strip_suffix("\\x0D\\x0A") {
            Some(value) => (value, "\\x0D\\x0A"),
            None => (value, ""),
        };
        format!("{header} {}{end}", self.name(value))
    }

    fn without_phrases(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for ((_, phrase), place) in &self.phrases {
            // Byte for byte the same length, or places in one would be none in the other.
            while let Some(at) = find_ignoring_case(&text, phrase) {
                text.replace_range(at..at + phrase.len(), place);
            }
        }
        text
    }
}

pub(super) fn document_address(number: u32) -> Ipv4Addr {
    const EACH: u32 = 254;
    let [a, b, c] = match number / EACH {
        0 => [192, 0, 2],
        1 => [198, 51, 100],
        2 => [203, 0, 113],
        _ => {
            let benchmark = u32::from(Ipv4Addr::new(198, 18, 0, 0));
            let rest = (number - 3 * EACH) % (1 << 17);
            return Ipv4Addr::from(benchmark + rest);
        }
    };
    // Under 255.
    Ipv4Addr::new(a, b, c, u8::try_from(number % EACH + 1).unwrap_or(0))
}
