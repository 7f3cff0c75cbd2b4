//! A mail domain, told to people: a tree, in the order in which mail clients and servers look.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use super::digest::domain_verdict;
use super::style::{Color, Paragraph, Style, width};
use crate::discovery::{Discovery, HostKind, MailHost, Method, MethodKind, Mode, Part, Txt, Visit};
use crate::facts::{Answer, CertificateFacts, DnssecState, Outcome, PeerFacts, Text};
use crate::finding::{Dane, DomainFinding, Recommended, Severity, Status, Way};
use crate::observation::{Observation, State};

/// Tells what was found of a mail domain as it is found: each node once everything before it is known, in the order in
/// which it stands in the end.
#[derive(Debug)]
pub struct DomainTree {
    style: Style,
    told: String,
}

impl DomainTree {
    /// One of which nothing is told yet.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self {
            style,
            told: String::new(),
        }
    }

    /// Tells what can be told by now and was not; all of it, once nothing is outstanding any more.
    ///
    /// # Errors
    /// That of the writer.
    pub fn grow(&mut self, out: &mut dyn Write, finding: &DomainFinding) -> io::Result<()> {
        let mut tree = Tree {
            style: self.style,
            finding,
            text: String::new(),
        };
        if tree.published().is_some() {
            tree.check_lines();
            tree.verdict();
        }
        let Some(new) = tree.text.strip_prefix(self.told.as_str()) else {
            // INVARIANT: what is told of a node depends on nothing that may come after it.
            return Err(io::Error::other("the tree has changed behind its end"));
        };
        out.write_all(new.as_bytes())?;
        self.told = tree.text;
        out.flush()
    }
}

/// The same without the lines for checking the hosts, where they are checked at once.
pub(super) fn push_domain(finding: &DomainFinding, style: Style, text: &mut String) {
    let mut tree = Tree {
        style,
        finding,
        text: String::new(),
    };
    if tree.published().is_some() {
        tree.verdict();
    }
    text.push_str(&tree.text);
}

/// What is being looked at, for people who wait: `mail.example.com, Autodiscover, MTA-STS`.
#[must_use]
pub fn domain_awaited(found: &Discovery) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut hosts = found.outstanding.iter().filter_map(|part| match part {
        Part::Host(place) => found.hosts.get(*place),
        _ => None,
    });
    names.extend(hosts.next().map(|host| host.name.as_str()));
    let more = hosts.count();
    let more = format!("{more} more mail hosts");
    let parts = [
        (Part::Mx, "MX records"),
        (Part::Services, "SRV records"),
        (Part::MtaSts, "MTA-STS"),
    ];
    let is_method = |part: &Part| matches!(part, Part::Method(_));
    if more != "0 more mail hosts" {
        names.push(&more);
    }
    if found.outstanding.iter().any(is_method) {
        names.push("Autodiscover");
    }
    let parts = parts
        .iter()
        .filter(|(part, _)| found.outstanding.contains(part));
    names.extend(parts.map(|(_, name)| *name));
    if names.is_empty() {
        names.push("name servers");
    }
    names.join(", ")
}

struct Tree<'a> {
    style: Style,
    finding: &'a DomainFinding,
    text: String,
}

impl Tree<'_> {
    /// Everything but what follows from it, up to what is still outstanding; `None` where something is.
    fn published(&mut self) -> Option<()> {
        // Whether anything can be asked at all is told otherwise.
        self.has(Part::Mx)?;
        self.has(Part::Signatures)?;
        self.has(Part::Nonsense)?;
        self.head();
        self.mail_hosts()?;
        self.autodiscover()?;
        self.has(Part::Services)?;
        self.services();
        self.has(Part::MtaSts)?;
        self.mta_sts();
        self.has(Part::TlsRpt)?;
        self.has(Part::Caa)?;
        self.rest();
        self.diagnoses();
        Some(())
    }

    fn has(&self, part: Part) -> Option<()> {
        let is_outstanding = self.finding.discovery.outstanding.contains(&part);
        (!is_outstanding).then_some(())
    }

    fn line(&mut self, indent: usize, words: &str) {
        Paragraph {
            indent,
            lead: "",
            lead_width: 0,
            hang: 2,
        }
        .push(words, self.style.width, str::to_owned, &mut self.text);
    }

    /// A line with a word of status before it.
    fn node(&mut self, indent: usize, status: Status, words: &str) {
        let word = format!("{:<6}", status.as_str());
        let lead = format!("{} ", self.style.color.status(status, &word));
        Paragraph {
            indent,
            lead: &lead,
            lead_width: width(&word) + 1,
            hang: width(&word) + 1,
        }
        .push(words, self.style.width, str::to_owned, &mut self.text);
    }

    /// A resolver that keeps signatures back says nothing of the domain's.
    fn signed(&self, security: DnssecState) -> &'static str {
        let is_known = self.finding.discovery.resolver.security == DnssecState::Secure;
        match security {
            DnssecState::Secure if is_known => ", signed",
            DnssecState::Bogus if is_known => ", signatures broken",
            _ => "",
        }
    }

    fn section(&mut self, title: &str) {
        self.text.push('\n');
        let title = self.style.color.bold(title);
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{title}");
    }

    fn head(&mut self) {
        let found = &self.finding.discovery;
        let servers: Vec<String> = found
            .resolver
            .servers
            .iter()
            .map(|server| match server.port() {
                53 => server.ip().to_string(),
                _ => server.to_string(),
            })
            .collect();
        let domain = self.style.color.bold(&found.domain);
        let words = format!("  asked of {}", servers.join(", "));
        let _ = writeln!(self.text, "{domain}{}", self.style.color.dim(&words));
    }

    fn mail_hosts(&mut self) -> Option<()> {
        let finding = self.finding;
        let found = &finding.discovery;
        let signed = self.signed(found.mx.security);
        self.section(&format!("Mail hosts (MX){signed}"));
        match found.mx.outcome {
            Outcome::Found | Outcome::NoRecords => {}
            outcome => self.node(2, Status::Fail, &nothing(outcome)),
        }
        if found.mx.records.iter().any(|record| record.host.is_empty()) {
            self.line(2, "a null MX: the domain accepts no mail");
        }
        if found.mx.outcome == Outcome::NoRecords {
            self.line(2, "no MX record: the domain's own address counts");
        }
        let verdicts = finding.dane.iter().zip(&finding.host_statuses);
        for (place, (host, (dane, status))) in found.hosts.iter().zip(verdicts).enumerate() {
            self.has(Part::Host(place))?;
            self.mail_host(host, *dane, *status);
        }
        let named = found
            .mx
            .records
            .iter()
            .filter(|record| !record.host.is_empty());
        let more = (named.count() + found.mx.more).saturating_sub(found.hosts.len());
        if more > 0 {
            self.line(2, &format!("{more} more, which were not looked at"));
        }
        Some(())
    }

    fn mail_host(&mut self, host: &MailHost, dane: Dane, status: Status) {
        let addresses: Vec<String> = host
            .addresses
            .records
            .iter()
            .map(ToString::to_string)
            .collect();
        let addresses = match (host.kind, addresses.len()) {
            (HostKind::Address, _) => "an address, not a name".to_owned(),
            (HostKind::Nonsense, _) => "not a host name".to_owned(),
            (_, 0) => nothing(host.addresses.outcome),
            _ => addresses.join(", "),
        };
        let whose = host
            .provider
            .map_or("own or unknown", |provider| provider.name);
        let words = format!(
            "{} {}  {addresses}{} ({whose})",
            host.preference,
            host.name,
            self.signed(host.addresses.security)
        );
        self.node(2, status, &words);
        for alias in &host.addresses.aliases {
            self.line(11, &format!("alias of {alias}"));
        }
        if let Some(names) = host
            .names
            .as_ref()
            .filter(|names| !names.records.is_empty())
        {
            self.line(11, &format!("PTR record: {}", names.records.join(", ")));
        }
        if let Some(seen) = &host.seen {
            self.line(11, &format!("port 25: {}", port_25(seen)));
        }
        match dane {
            Dane::None => {}
            dane => self.line(11, &format!("DANE: {}", dane_words(host, dane))),
        }
    }

    fn autodiscover(&mut self) -> Option<()> {
        let finding = self.finding;
        self.section("Autodiscover, in Outlook's order");
        self.line(
            2,
            "(Active Directory, which domain-joined computers ask first, is not checked)",
        );
        let verdicts = finding.ways.iter().zip(&finding.way_statuses);
        let ways = finding.discovery.autodiscover.iter().zip(verdicts);
        for (index, (method, (way, status))) in ways.enumerate() {
            self.has(Part::Method(index))?;
            self.method(index, method, *way, *status);
        }
        Some(())
    }

    fn method(&mut self, index: usize, method: &Method, way: Way, status: Status) {
        let is_winner = self.finding.wins == Some(index);
        let name = match (method.kind, method.visits.first()) {
            (MethodKind::Srv, _) => {
                format!("SRV _autodiscover._tcp.{}", self.finding.discovery.domain)
            }
            (_, Some(first)) => first.url(),
            (_, None) => String::new(),
        };
        let wins = if is_winner {
            "  <- Outlook ends here"
        } else {
            ""
        };
        self.node(
            2,
            status,
            &format!("{} {name}: {}{wins}", index + 1, way_words(way)),
        );
        if let Some(srv) = &method.srv {
            for record in &srv.records {
                let target = if record.target.is_empty() {
                    "."
                } else {
                    &record.target
                };
                self.line(11, &format!("{target}:{}", record.port));
            }
        }
        for (step, visit) in method.visits.iter().enumerate() {
            if step > 0 || method.kind == MethodKind::Srv {
                self.line(11, &format!("then {}", visit.url()));
            }
            self.visit(visit);
        }
    }

    fn visit(&mut self, visit: &Visit) {
        let mut steps: Vec<String> = Vec::new();
        let addresses: Vec<String> = visit
            .addresses
            .records
            .iter()
            .map(ToString::to_string)
            .collect();
        match addresses.first() {
            Some(_) => steps.push(format!(
                "{} ({})",
                addresses.join(", "),
                took(visit.addresses.took)
            )),
            None => steps.push(nothing(visit.addresses.outcome)),
        }
        if let Some(alias) = visit.addresses.aliases.last() {
            steps.push(format!("alias of {alias}"));
        }
        if let Some(seen) = &visit.seen {
            steps.push(connection(seen));
            if let Some(certificate) = seen.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) {
                steps.push(certificate_words(certificate));
            }
            if let Some(PeerFacts::Http(facts)) = &seen.peer
                && let Some(status) = facts.status
            {
                let schemes: Vec<&str> = facts.authentication.iter().map(Text::as_str).collect();
                let mut answer = format!("answer {status}");
                if !schemes.is_empty() {
                    let _ = write!(answer, " ({})", schemes.join(", "));
                }
                if let Some(location) = &facts.location {
                    let _ = write!(answer, " to {location}");
                }
                steps.push(answer);
            }
            if let Some((status, is_alive)) = visit.json {
                let word = if is_alive { "alive" } else { "no sign of life" };
                steps.push(format!("autodiscover.json {status} ({word})"));
            }
        }
        self.line(11, &steps.join("; "));
    }

    fn services(&mut self) {
        let found = &self.finding.discovery;
        let offered: Vec<String> = found
            .srv
            .iter()
            .flat_map(|srv| {
                srv.answer.records.iter().map(move |record| {
                    if record.target.is_empty() {
                        format!("{}: not offered", srv.service)
                    } else {
                        format!("{}: {}:{}", srv.service, record.target, record.port)
                    }
                })
            })
            .collect();
        self.section("Services for mail clients (SRV)");
        let unanswered = found.srv.iter().find(|srv| !srv.answer.outcome.is_answer());
        match unanswered {
            Some(srv) if offered.is_empty() => self.line(2, &nothing(srv.answer.outcome)),
            None if offered.is_empty() => self.line(2, "none"),
            _ => {}
        }
        for words in offered {
            self.line(2, &words);
        }
    }

    fn mta_sts(&mut self) {
        let finding = self.finding;
        let sts = &finding.discovery.mta_sts;
        self.section("MTA-STS");
        match sts.record.records.first() {
            None => {
                let words = none_of(&sts.record);
                self.line(2, &words);
            }
            Some(Ok(record)) => self.line(2, &format!("record: id {}", record.id)),
            Some(Err(what)) => self.line(2, &format!("record: {what}")),
        }
        if let Some(visit) = &sts.visit {
            let status = self.finding.sts_status;
            self.node(2, status, &visit.url());
            self.visit(visit);
        }
        match &sts.policy {
            Some(Ok(policy)) => {
                let mode = match policy.mode {
                    Mode::Enforce => "enforce",
                    Mode::Testing => "testing",
                    Mode::None => "none",
                };
                let days = policy.max_age / 86_400;
                let words = format!(
                    "policy: {mode}, for {}, kept {days} day(s)",
                    policy.mx.join(", ")
                );
                self.line(11, &words);
            }
            Some(Err(what)) => self.line(11, &format!("policy: {what}")),
            None => {}
        }
    }

    fn rest(&mut self) {
        let found = &self.finding.discovery;
        self.section("TLS reports and certificate authorities");
        let reports = match found.tls_rpt.records.first() {
            None => none_of(&found.tls_rpt),
            Some(Ok(record)) => {
                let all: Vec<Text> = record
                    .destinations
                    .iter()
                    .map(|one| Text::from(one.as_str()))
                    .collect();
                all.iter().map(Text::as_str).collect::<Vec<_>>().join(", ")
            }
            Some(Err(what)) => (*what).to_owned(),
        };
        self.line(2, &format!("TLS-RPT: {reports}"));
        let caa: Vec<String> = found
            .caa
            .records
            .iter()
            .map(|record| {
                let tag = Text::from(record.tag.as_str());
                format!("{tag} {}", Text::from_bytes(&record.value))
            })
            .collect();
        let caa = match (caa.is_empty(), found.caa.outcome) {
            (false, _) => caa.join("; "),
            (true, outcome) if outcome.is_answer() => "none: any authority may issue".to_owned(),
            (true, outcome) => nothing(outcome),
        };
        self.line(2, &format!("CAA: {caa}"));
    }

    fn diagnoses(&mut self) {
        let finding = self.finding;
        if !finding.diagnoses.is_empty() {
            self.text.push('\n');
        }
        for told in &finding.diagnoses {
            let diagnosis = &told.diagnosis;
            let word = diagnosis.severity.as_str();
            let lead = format!("{word:<5}");
            let lead = self.style.color.severity(diagnosis.severity, &lead);
            let words = format!("{}. [{}]", diagnosis.message, diagnosis.code);
            Paragraph {
                indent: 0,
                lead: &lead,
                lead_width: 5,
                hang: 5,
            }
            .push(&words, self.style.width, str::to_owned, &mut self.text);
            if diagnosis.severity > Severity::Info {
                Paragraph::at(5).push(
                    &diagnosis.hint,
                    self.style.width,
                    str::to_owned,
                    &mut self.text,
                );
            }
        }
    }

    fn check_lines(&mut self) {
        let finding = self.finding;
        if finding.targets.is_empty() {
            return;
        }
        self.section("The hosts, one by one");
        for target in &finding.targets {
            let why = self.style.color.dim(&format!("# {}", target.why));
            let _ = writeln!(self.text, "  {why}\n  {}", check_line(target));
        }
    }

    fn verdict(&mut self) {
        let finding = self.finding;
        let words = domain_verdict(finding);
        let word = self
            .style
            .color
            .status(finding.status, finding.status.as_str());
        let domain = &finding.discovery.domain;
        self.text.push('\n');
        let line = format!("{domain}: {words} ({})", took(finding.discovery.took));
        let line = match self.style.color {
            Color::Plain => line,
            Color::Colored => self.style.color.bold(&line),
        };
        let _ = writeln!(self.text, "{word} {line}");
    }
}

/// A command that can be pasted into any shell: names with characters that a shell reads are none of ours.
#[must_use]
pub fn check_line(target: &Recommended) -> String {
    let mut line = format!(
        "exchports check --role {} {}",
        target.role.as_str(),
        target.name
    );
    for (service, port) in &target.maps {
        let _ = write!(line, " --map {}={port}", service.row().name);
    }
    if !target.requires.is_empty() {
        let names: Vec<&str> = target.requires.iter().map(|id| id.row().name).collect();
        let _ = write!(line, " --require {}", names.join(","));
    }
    line
}

fn took(took: Duration) -> String {
    format!("{} ms", took.as_millis())
}

fn nothing(outcome: Outcome) -> String {
    match outcome {
        Outcome::NoName => "no such name".to_owned(),
        Outcome::NoRecords => "no address".to_owned(),
        Outcome::Refused(word) => format!("the resolver says {word}"),
        Outcome::Unasked => "the run ended before that".to_owned(),
        Outcome::Silent => "the resolver did not answer".to_owned(),
        Outcome::Unreachable => "the resolver cannot be reached".to_owned(),
        Outcome::Malformed => "the answer cannot be read".to_owned(),
        Outcome::Loop => "its aliases form a loop".to_owned(),
        Outcome::TooMuch => "it would take too many questions".to_owned(),
        Outcome::Found => "found".to_owned(),
    }
}

fn none_of<T>(txt: &Txt<T>) -> String {
    let Answer { outcome, .. } = txt.answer;
    if outcome.is_answer() {
        "none".to_owned()
    } else {
        nothing(outcome)
    }
}

fn connection(seen: &Observation) -> String {
    let state = seen.state.map_or("not tried", State::as_str);
    let connect = seen.steps.first().map(|step| took(step.took));
    let mut words = match connect {
        Some(connect) => format!("{state} ({connect})"),
        None => state.to_owned(),
    };
    if let Some(version) = seen.tls.as_ref().and_then(|tls| tls.version) {
        words = format!("{words}; {}", version.name());
    }
    match &seen.failure {
        Some(failure) if seen.state == Some(State::Open) => {
            format!("{words}; ended at {}", failure.stage.as_str())
        }
        _ => words,
    }
}

fn port_25(seen: &Observation) -> String {
    let certificate = seen.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    match certificate {
        Some(certificate) => format!("{}; {}", connection(seen), certificate_words(certificate)),
        None => connection(seen),
    }
}

fn certificate_words(certificate: &CertificateFacts) -> String {
    let names: Vec<&str> = certificate.names.iter().take(3).map(Text::as_str).collect();
    let more = certificate.names.len().saturating_sub(3) + certificate.more_names;
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let covers = if certificate.name_matches { "" } else { "not " };
    let trust = match certificate.trust.anchor {
        Some(_) if certificate.trust.defects.is_empty() => "trusted",
        _ if certificate.self_signed => "self-signed",
        _ => "not trusted",
    };
    format!(
        "certificate {covers}for this name ({}{more}), {trust}, until {}",
        names.join(", "),
        certificate.not_after.date()
    )
}

fn dane_words(host: &MailHost, dane: Dane) -> String {
    let records: Vec<String> = host
        .tlsa
        .records
        .iter()
        .map(|record| match record {
            Ok(tlsa) => format!("{} {} {}", tlsa.usage, tlsa.selector, tlsa.matching),
            Err(what) => (*what).to_owned(),
        })
        .collect();
    let records = records.join(", ");
    match dane {
        Dane::None => "no TLSA record".to_owned(),
        Dane::NotSecure => format!("{records}, not signed: senders ignore it"),
        Dane::Unknown => format!("not known{}", security(host)),
        Dane::Unusable => format!("{records}: none that senders use"),
        Dane::Matches(index) => format!("{records}; the record {} matches", index + 1),
        Dane::Mismatch => format!("{records}: none matches the certificate"),
        Dane::WithoutTls => format!("{records}, but no working TLS on port 25"),
        Dane::Unseen => format!("{records}, and port 25 is not open from here"),
    }
}

fn security(host: &MailHost) -> String {
    match host.tlsa.security.min(host.addresses.security) {
        DnssecState::Bogus => " (the signatures are invalid)".to_owned(),
        _ => format!(" ({})", nothing(host.tlsa.outcome)),
    }
}

fn way_words(way: Way) -> &'static str {
    match way {
        Way::Exchange => "Exchange",
        Way::Online => "Exchange Online",
        Way::WebSite => "a web site",
        Way::OtherAnswer => "no Autodiscover",
        Way::DeadEnd => "a redirect that is not followed",
        Way::NoName => "not there",
        Way::LookupFailed => "could not be looked up",
        Way::Closed => "nothing listens",
        Way::Silent => "no answer",
        Way::Broken => "no usable answer",
        Way::Unfinished => "the run ended before that",
    }
}
