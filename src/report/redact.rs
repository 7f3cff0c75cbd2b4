//! A run without the names of those whom it is about.
//!
//! Host names, addresses and names in certificates, and what else would give them away (fingerprints, serial numbers,
//! names of servers in greetings, headers and directories), become placeholders: the same name the same one in every
//! report of a run, and in the next run of the same targets as well. So that they are numbered alike whatever ended
//! first, targets are passed on in the order in which they were given, each when all before it are over.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crate::catalog::Role;
use crate::event::{Event, TargetId};
use crate::facts::{
    BearerAnswer, CertificateFacts, ChainLink, PeerFacts, Text, TlsFacts, TrustDefect,
};
use crate::finding::{Diagnosis, Finding, TargetFinding};
use crate::observation::Observation;

use super::order::{Order, Told};
use super::reporter::Reporter;

/// Passes everything on to that reporter, without names.
#[must_use]
pub fn redacted(within: Box<dyn Reporter + Send>) -> Box<dyn Reporter + Send> {
    Box::new(Redacted {
        within,
        order: Order::default(),
        names: Placeholders::default(),
        target: 0,
        roles: HashMap::new(),
    })
}

struct Redacted {
    within: Box<dyn Reporter + Send>,
    order: Order,
    names: Placeholders,
    target: usize,
    /// The roles asked for, of targets that are under way.
    roles: HashMap<TargetId, Role>,
}

impl Redacted {
    fn pass_on(&mut self, told: Told) -> io::Result<()> {
        let Told { finding, rows } = told;
        let target = TargetId(self.target);
        self.target += 1;
        self.names.learn(&finding, &rows);
        let role = self.roles.remove(&target).unwrap_or(finding.role);
        let finding = self.names.target_finding(&finding);
        let started = Event::TargetStarted {
            target,
            name: finding.target.clone(),
            role,
        };
        let mut told = self.within.report(&started);
        let checks = rows.iter().map(|row| row.check.service.id).collect();
        told = told.and(
            self.within
                .report(&Event::TargetResolved { target, checks }),
        );
        for (row, finding) in rows.iter().enumerate() {
            let finding = Arc::new(self.names.finding(finding));
            told = told.and(self.within.report(&Event::CheckFinished {
                target,
                row,
                finding,
            }));
        }
        let finding = Arc::new(finding);
        told.and(
            self.within
                .report(&Event::TargetFinished { target, finding }),
        )
    }
}

impl Reporter for Redacted {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        if let Event::TargetStarted { target, role, name } = event {
            self.roles.insert(*target, *role);
            // A target is told what its nodes are, which come after it.
            self.names.learn_name(name);
        }
        for told in self.order.take(event) {
            self.pass_on(told)?;
        }
        match event {
            Event::RunStarted { .. } | Event::RunFinished(_) => self.within.report(event),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redacted")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// What stands for what.
#[derive(Default)]
struct Placeholders {
    /// Host names in lower case, without a final dot.
    hosts: HashMap<String, String>,
    /// Names that are no host's: of organisations, authorities, directories, servers; in lower case.
    names: HashMap<String, String>,
    v4: HashMap<Ipv4Addr, Ipv4Addr>,
    v6: HashMap<Ipv6Addr, Ipv6Addr>,
    /// Fingerprints and serial numbers.
    numbers: HashMap<String, usize>,
    /// Names of several words, which are looked for before single words are: lower case, longest first.
    phrases: BTreeMap<(std::cmp::Reverse<usize>, String), String>,
}

/// Labels of host names that say nothing of whose they are.
const COMMON: [&str; 61] = [
    "autodiscover",
    "mail",
    "webmail",
    "owa",
    "smtp",
    "imap",
    "pop",
    "pop3",
    "www",
    "mx",
    "remote",
    "exchange",
    "outlook",
    "legacy",
    "edge",
    "relay",
    "gateway",
    "hybrid",
    "mobile",
    "sync",
    "corp",
    "internal",
    "intern",
    "local",
    "localdomain",
    "localhost",
    "lan",
    "home",
    "com",
    "net",
    "org",
    "edu",
    "gov",
    "info",
    "cloud",
    "office",
    "office365",
    "microsoft",
    "onmicrosoft",
    "protection",
    "example",
    "test",
    "invalid",
    "dns",
    "ldap",
    "host",
    "server",
    "servers",
    "service",
    "services",
    "default",
    "configuration",
    "schema",
    "sites",
    "aggregate",
    "users",
    "computers",
    "system",
    "certificate",
    "root",
    "name",
];

/// What ends in one of these is a file or a product, and no host.
const NO_HOST: [&str; 16] = [
    "aspx", "asp", "config", "dll", "exe", "htm", "html", "json", "log", "pem", "ps1", "svc",
    "txt", "xml", "net", "md",
];

/// Hosts that everybody has in common.
const EVERYBODYS: [&str; 5] = [
    "learn.microsoft.com",
    "support.microsoft.com",
    "outlook.office365.com",
    "smtp.office365.com",
    "outlook.com",
];

impl Placeholders {
    /// What stands for a target or another host: a name, or an address.
    fn place(&mut self, name: &str) -> String {
        match name.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => self.address(address).to_string(),
            Err(_) => self.host(name),
        }
    }

    fn host(&mut self, name: &str) -> String {
        let key = name.trim_end_matches('.').to_lowercase();
        if let Some(rest) = key.strip_prefix("*.") {
            return format!("*.{}", self.host(rest));
        }
        let next = self.hosts.len() + 1;
        let place = self.hosts.entry(key);
        place.or_insert_with(|| format!("host-{next}")).clone()
    }

    fn name(&mut self, name: &str) -> String {
        let next = self.names.len() + 1;
        let place = self.names.entry(name.to_lowercase());
        place.or_insert_with(|| format!("name-{next}")).clone()
    }

    /// Addresses of the ranges that are kept for documents (RFC 5737, RFC 3849), then of those for benchmarks (RFC 2544).
    /// This machine's own loopback says nothing of anybody.
    fn address(&mut self, address: IpAddr) -> IpAddr {
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

    fn socket(&mut self, socket: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.address(socket.ip()), socket.port())
    }

    fn number(&mut self, number: &str) -> usize {
        let next = self.numbers.len() + 1;
        *self.numbers.entry(number.to_owned()).or_insert(next)
    }

    // -- what there is to hide

    /// Everything of a target that is a name, so that it is found wherever else it stands.
    fn learn(&mut self, finding: &TargetFinding, rows: &[Arc<Finding>]) {
        self.learn_name(&finding.target);
        for address in &finding.addresses {
            self.address(*address);
        }
        for row in rows {
            let seen = &row.observation;
            for address in [seen.address, seen.local_address].into_iter().flatten() {
                self.address(address.ip());
            }
            for attempt in &seen.attempts {
                self.address(attempt.address.ip());
            }
            if let Some(tls) = &seen.tls {
                self.learn_tls(tls);
            }
            if let Some(peer) = &seen.peer {
                self.learn_peer(peer);
            }
            for line in &seen.transcript {
                self.learn_line(line.text.as_str());
            }
            if let Some(proxy) = &seen.proxy {
                self.learn_proxy(proxy.as_str());
            }
            // One that is not used is named by a hint only.
            for diagnosis in &row.diagnoses {
                self.learn_proxy(&diagnosis.hint);
            }
        }
    }

    /// The host of the first URL of a proxy, whose name may be one word.
    fn learn_proxy(&mut self, text: &str) {
        let schemes = ["socks5://", "socks5h://", "http://"];
        let url = schemes.iter().find_map(|scheme| text.split_once(scheme));
        let Some((_, rest)) = url else {
            return;
        };
        let host = match rest.strip_prefix('[') {
            Some(rest) => rest.split(']').next(),
            None => rest.split([':', '/', ' ', ',']).next(),
        };
        if let Some(host) = host.filter(|host| is_host(host) || host.parse::<IpAddr>().is_ok()) {
            self.learn_name(host);
        }
    }

    /// A host's name, and of the words in it those that are somebody's.
    fn learn_name(&mut self, name: &str) {
        let bare = name.trim_matches(['[', ']']).trim_end_matches('.');
        if bare.is_empty() || bare.parse::<IpAddr>().is_ok() {
            self.place(bare);
            return;
        }
        self.host(bare);
        let bare = bare.trim_start_matches("*.");
        for label in bare.split('.') {
            let lower = label.to_lowercase();
            if label.len() >= 3 && !COMMON.contains(&&*lower) {
                self.name(label);
            }
        }
    }

    /// A name of one word or of several.
    fn learn_words(&mut self, words: &str) {
        if words.len() < 3 || COMMON.contains(&&*words.to_lowercase()) {
            return;
        }
        if words.contains('.') && is_host(words) {
            self.learn_name(words);
        }
        if words.chars().all(is_of_a_word) {
            self.name(words);
        } else {
            let place = self.name(words);
            let lower = words.to_lowercase();
            self.phrases
                .insert((std::cmp::Reverse(lower.len()), lower), place);
        }
    }

    fn learn_tls(&mut self, tls: &TlsFacts) {
        if let Some(name) = &tls.server_name {
            self.learn_name(name);
        }
        if let Some(certificate) = &tls.certificate {
            for name in &certificate.names {
                self.learn_name(name.as_str());
            }
            self.learn_distinguished(certificate.subject.as_str());
            self.learn_distinguished(certificate.issuer.as_str());
        }
        for link in &tls.chain {
            self.learn_distinguished(link.subject.as_str());
            self.learn_distinguished(link.issuer.as_str());
        }
    }

    /// The parts of a distinguished name, without their country.
    fn learn_distinguished(&mut self, name: &str) {
        for (kind, value) in parts(name) {
            if !kind.eq_ignore_ascii_case("C") {
                self.learn_words(value);
            }
        }
    }

    fn learn_peer(&mut self, peer: &PeerFacts) {
        match peer {
            PeerFacts::Smtp(facts) => {
                let greeting = facts.greeting.as_ref().map_or("", Text::as_str);
                self.learn_word_of(greeting, 1);
                for lines in [&facts.extensions, &facts.secure_extensions] {
                    // `mail.example.com Hello [192.0.2.1]`
                    for line in lines.iter().filter(|line| line.as_str().contains("Hello")) {
                        self.learn_word_of(line.as_str(), 0);
                    }
                }
            }
            PeerFacts::Ldap(facts) => {
                for (attribute, values) in &facts.root_dse {
                    if names_nobody(attribute.as_str()) {
                        continue;
                    }
                    for value in values {
                        self.learn_distinguished(value.as_str());
                        self.learn_words(value.as_str());
                    }
                }
            }
            PeerFacts::Http(facts) => {
                let named = [&facts.front_end, &facts.health_server];
                for name in named.into_iter().flatten() {
                    self.learn_name(name.as_str());
                    self.learn_words(name.as_str());
                }
            }
            PeerFacts::Imap(_) | PeerFacts::Pop3(_) | PeerFacts::Rdp(_) => {}
        }
    }

    /// The name that stands in that place of a greeting, where it is one.
    fn learn_word_of(&mut self, line: &str, place: usize) {
        if let Some(word) = line.split([' ', '-']).nth(place)
            && is_host(word)
        {
            self.learn_name(word);
        }
    }

    /// Headers and commands that name a machine.
    fn learn_line(&mut self, line: &str) {
        let Some((header, value)) = line.split_once(' ') else {
            return;
        };
        let lower = header.to_lowercase();
        if SERVERS.contains(&&*lower) {
            let value = value.trim_end_matches("\\x0D\\x0A");
            for word in value.split([',', ' ', '~']).filter(|word| is_label(word)) {
                self.learn_name(word);
            }
        }
    }

    // -- what is told instead

    fn target_finding(&mut self, finding: &TargetFinding) -> TargetFinding {
        let mut finding = finding.clone();
        finding.target = self.place(&finding.target);
        finding.node_of = finding.node_of.as_deref().map(|name| self.place(name));
        for address in &mut finding.addresses {
            *address = self.address(*address);
        }
        if let Some(guess) = &mut finding.guess {
            for reason in &mut guess.reasons {
                *reason = self.text(reason);
            }
        }
        for told in &mut finding.diagnoses {
            self.diagnosis(&mut told.diagnosis);
            for address in &mut told.addresses {
                *address = self.address(*address);
            }
        }
        finding
    }

    fn finding(&mut self, finding: &Finding) -> Finding {
        let mut finding = finding.clone();
        for diagnosis in &mut finding.diagnoses {
            self.diagnosis(diagnosis);
        }
        self.observation(&mut finding.observation);
        finding
    }

    fn diagnosis(&mut self, diagnosis: &mut Diagnosis) {
        diagnosis.message = self.text(&diagnosis.message);
        diagnosis.hint = self.text(&diagnosis.hint);
    }

    fn observation(&mut self, seen: &mut Observation) {
        for address in [&mut seen.address, &mut seen.local_address] {
            *address = address.map(|address| self.socket(address));
        }
        for attempt in &mut seen.attempts {
            attempt.address = self.socket(attempt.address);
        }
        if let Some(proxy) = &mut seen.proxy {
            self.say(proxy);
        }
        if let Some(detail) = seen
            .failure
            .as_mut()
            .and_then(|failure| failure.detail.as_mut())
        {
            self.say(detail);
        }
        if let Some(tls) = &mut seen.tls {
            self.tls(tls);
        }
        if let Some(peer) = &mut seen.peer {
            self.peer(peer);
        }
        for line in &mut seen.transcript {
            self.say(&mut line.text);
        }
    }

    fn tls(&mut self, tls: &mut TlsFacts) {
        tls.server_name = tls.server_name.take().map(|name| self.place(&name));
        if let Some(certificate) = &mut tls.certificate {
            self.certificate(certificate);
        }
        for link in &mut tls.chain {
            let ChainLink {
                subject,
                issuer,
                sha256,
                ..
            } = link;
            self.distinguished(subject);
            self.distinguished(issuer);
            *sha256 = format!("{:064x}", self.number(sha256));
        }
    }

    fn certificate(&mut self, facts: &mut CertificateFacts) {
        self.distinguished(&mut facts.subject);
        self.distinguished(&mut facts.issuer);
        for name in &mut facts.names {
            let place = self.place(name.as_str());
            *name = Text::from(place.as_str());
        }
        facts.sha1 = format!("{:040x}", self.number(&facts.sha1));
        facts.sha256 = format!("{:064x}", self.number(&facts.sha256));
        facts.serial = format!("{:x}", self.number(&facts.serial));
        for url in &mut facts.issuer_urls {
            self.say(url);
        }
        for defect in &mut facts.trust.defects {
            if let TrustDefect::Other(words) | TrustDefect::Unproven(words) = defect {
                self.say(words);
            }
        }
    }

    /// `CN=host-1,O=name-2,C=DE`
    fn distinguished(&mut self, name: &mut Text) {
        let told: Vec<String> = parts(name.as_str())
            .into_iter()
            .map(|(kind, value)| match kind {
                "" => self.one(value),
                "C" => format!("{kind}={value}"),
                _ => format!("{kind}={}", self.one(value)),
            })
            .collect();
        *name = name.rewritten(|_| told.join(","));
    }

    /// A value that is a name from its beginning to its end.
    fn one(&mut self, value: &str) -> String {
        if value.contains('.') && is_host(value) || value.parse::<IpAddr>().is_ok() {
            self.place(value)
        } else {
            self.name(value)
        }
    }

    fn peer(&mut self, peer: &mut PeerFacts) {
        match peer {
            PeerFacts::Smtp(facts) => {
                facts.greeting.iter_mut().for_each(|text| self.say(text));
                facts.extensions.iter_mut().for_each(|text| self.say(text));
                facts
                    .secure_extensions
                    .iter_mut()
                    .for_each(|text| self.say(text));
            }
            PeerFacts::Imap(facts) => {
                facts.greeting.iter_mut().for_each(|text| self.say(text));
                facts
                    .capabilities
                    .iter_mut()
                    .for_each(|text| self.say(text));
                facts
                    .secure_capabilities
                    .iter_mut()
                    .for_each(|text| self.say(text));
            }
            PeerFacts::Pop3(facts) => {
                facts.greeting.iter_mut().for_each(|text| self.say(text));
                facts
                    .capabilities
                    .iter_mut()
                    .for_each(|text| self.say(text));
                facts
                    .secure_capabilities
                    .iter_mut()
                    .for_each(|text| self.say(text));
            }
            PeerFacts::Ldap(facts) => {
                for (attribute, values) in &mut facts.root_dse {
                    if names_nobody(attribute.as_str()) {
                        for text in values.iter_mut() {
                            self.say(text);
                        }
                        continue;
                    }
                    for value in values {
                        let place = self.one(value.as_str());
                        *value = Text::from(place.as_str());
                    }
                }
            }
            PeerFacts::Rdp(_) => {}
            PeerFacts::Http(facts) => {
                let texts = [
                    &mut facts.reason,
                    &mut facts.location,
                    &mut facts.server,
                    &mut facts.front_end,
                    &mut facts.health_server,
                ];
                texts.into_iter().flatten().for_each(|text| self.say(text));
                facts
                    .authentication
                    .iter_mut()
                    .for_each(|text| self.say(text));
                for via in &mut facts.via {
                    let place = self.name(via.as_str());
                    *via = Text::from(place.as_str());
                }
                if let Some(BearerAnswer::Offered {
                    trusted_issuers,
                    authorization_uri,
                }) = facts.bearer.as_deref_mut()
                {
                    let texts = trusted_issuers.iter_mut().chain(authorization_uri);
                    texts.for_each(|text| self.say(text));
                }
                for redirect in &mut facts.redirects {
                    self.say(&mut redirect.location);
                }
            }
        }
    }

    fn say(&mut self, text: &mut Text) {
        *text = text.rewritten(|text| self.text(text));
    }

    /// A text without the names that are known, and without whatever else looks like one.
    fn text(&mut self, text: &str) -> String {
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

/// Headers that name a machine or a session, in lower case.
const SERVERS: [&str; 11] = [
    "x-feserver:",
    "x-beserver:",
    "x-diaginfo:",
    "x-calculatedbetarget:",
    "x-calculatedfetarget:",
    "x-targetserver:",
    "x-servername:",
    "set-cookie:",
    "request-id:",
    "x-request-id:",
    "via:",
];

/// Attributes of a rootDSE that are the same on every server of that make.
fn names_nobody(attribute: &str) -> bool {
    const OTHERS: [&str; 9] = [
        "currenttime",
        "domaincontrollerfunctionality",
        "domainfunctionality",
        "forestfunctionality",
        "highestcommittedusn",
        "isglobalcatalogready",
        "issynchronized",
        "objectclass",
        "structuralobjectclass",
    ];
    let lower = attribute.to_lowercase();
    lower.starts_with("supported") || lower.starts_with("vendor") || OTHERS.contains(&&*lower)
}

/// The parts of a distinguished name: kind and value.
fn parts(name: &str) -> Vec<(&str, &str)> {
    let mut parts = Vec::new();
    let mut from = 0;
    let mut is_escaped = false;
    for (at, c) in name.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            ',' | '+' => {
                parts.push(&name[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&name[from..]);
    let parts = parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or(("", part)))
        .collect()
}

/// What in brackets is the name of a server in base64: Exchange's greetings of IMAP4 and POP3 end so.
fn without_tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        out.push('[');
        rest = after;
        if let Some((token, end)) = after.split_once(']')
            && token.len() >= 16
            && token.len() % 4 == 0
            && token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        {
            out.push_str("redacted]");
            rest = end;
        }
    }
    out.push_str(rest);
    out
}

fn find_ignoring_case(text: &str, lower: &str) -> Option<usize> {
    let (bytes, sought) = (text.as_bytes(), lower.as_bytes());
    if sought.is_empty() {
        return None;
    }
    let found = bytes
        .windows(sought.len())
        .position(|window| window.eq_ignore_ascii_case(sought))?;
    (text.is_char_boundary(found) && text.is_char_boundary(found + sought.len())).then_some(found)
}

/// Whether a character belongs to a word as names have them.
fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '@' | '*')
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .chars()
            .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// Whether it could be a host's name, of one label or of several.
fn is_host(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let name = name.strip_prefix("*.").unwrap_or(name);
    name.split('.').all(is_label) && name.chars().any(char::is_alphabetic)
}

/// Whether a word is most likely a host's name: it has a dot, and ends in letters as top-level domains do.
fn looks_like_a_host(word: &str) -> bool {
    let lower = word.to_lowercase();
    let Some((_, last)) = lower.rsplit_once('.') else {
        return false;
    };
    is_host(&lower)
        && last.len() >= 2
        && (last.starts_with("xn--") || last.chars().all(char::is_alphabetic))
        && !(NO_HOST.contains(&last) && lower.split('.').count() == 2)
        && !EVERYBODYS.contains(&&*lower)
}

fn document_address(number: u32) -> Ipv4Addr {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Placeholders {
        let mut names = Placeholders::default();
        names.learn_name("mail.contoso.com");
        names.learn_name("EXCH01");
        names.learn_distinguished("CN=Contoso Root CA,O=Contoso\\, Ltd,C=DE,DC=contoso,DC=com");
        names.address(IpAddr::from([10, 0, 0, 1]));
        names
    }

    #[test]
    fn a_proxy_of_one_word_is_a_host() {
        let mut names = Placeholders::default();
        for text in [
            "socks5h://gw:1080",
            "This machine's environment names a proxy, http://[2001:db8::9]:3128, which",
            "see https://learn.microsoft.com/x",
        ] {
            names.learn_proxy(text);
        }
        assert_eq!(
            names.text("the proxy socks5h://gw:1080 says"),
            "the proxy socks5h://host-1:1080 says"
        );
    }

    #[test]
    fn names_go_wherever_they_stand_and_the_rest_stays() {
        for (text, told) in [
            ("220 mail.contoso.com ready", "220 host-1 ready"),
            ("MAIL.CONTOSO.COM.", "host-1."),
            ("220 EXCH01 ESMTP", "220 host-2 ESMTP"),
            (
                "issued by \"CN=Contoso Root CA\"",
                "issued by \"CN=name-3\"",
            ),
            ("of Contoso\\, Ltd", "of name-4"),
            ("contoso-CA", "name-5"),
            (
                "dialled 10.0.0.1:25, then [fe80::1]:25",
                "dialled 192.0.2.1:25, then [2001:db8::1]:25",
            ),
            ("::1 is loopback", "::1 is loopback"),
            ("see other.fabrikam.example:443", "see host-3:443"),
            ("to bob@contoso.com", "to user@host-3"),
            ("https://owa.contoso.com/owa/", "https://host-3/owa/"),
            (
                "build 15.2.1544.9, TLS 1.3, ASP.NET, web.config",
                "build 15.2.1544.9, TLS 1.3, ASP.NET, web.config",
            ),
            (
                "https://learn.microsoft.com/x",
                "https://learn.microsoft.com/x",
            ),
            (
                "ready. [TQBBAEkATAAuAEMATwBOAFQATwBTAE8A]",
                "ready. [redacted]",
            ),
            (
                "X-FEServer: EXCH01\\x0D\\x0A",
                "X-FEServer: name-2\\x0D\\x0A",
            ),
        ] {
            assert_eq!(known().text(text), told, "{text}");
        }
    }

    #[test]
    fn the_same_name_has_the_same_placeholder() {
        let mut names = known();
        assert_eq!(
            names.place("mail.contoso.com"),
            names.place("MAIL.contoso.com.")
        );
        assert_eq!(names.place("*.contoso.com"), "*.host-3");
        assert_eq!(names.place("[::1]"), "::1");
        let all: std::collections::HashSet<_> = (0..2000).map(document_address).collect();
        assert_eq!(all.len(), 2000);
    }

    #[test]
    fn parts_of_a_distinguished_name_are_told_apart() {
        assert_eq!(
            parts("CN=a\\, b,O=c+OU=d, C=DE"),
            [("CN", "a\\, b"), ("O", "c"), ("OU", "d"), ("C", "DE")]
        );
        assert_eq!(parts("nothing"), [("", "nothing")]);
        assert_eq!(parts(""), []);
    }
}
