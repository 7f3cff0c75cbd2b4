//! `exchports explain`: rows of the catalog and of the rules, in plain words.

use super::explanation::Explanation;
use super::pasted;
use crate::catalog::{
    self, Certificates, Expectation, Group, ROLES, Role, SERVICES, Security, Service, ServiceId,
    WEB, expectation, virtual_directory,
};
use crate::facts::alert_name;
use crate::finding::{Asked, Code, Exception, Severity, When};

/// Explains a word: a service, its alias or its port, a role, a code, a word of the table, or one of `PortQry`'s;
/// `None` for a word that means nothing here.
#[must_use]
pub fn explain(word: &str) -> Option<Explanation> {
    let typed = bare(word);
    let word = normalise(typed);
    if let Some(service) = service_of(&word) {
        return Some(explain_service(service));
    }
    if let Some(role) = Role::from_name(&word) {
        return Some(explain_role(role));
    }
    if let Some(code) = code_of(&word) {
        return Some(explain_code(code));
    }
    let known = WORDS.iter().find(|(known, _)| *known == word);
    if let Some((known, meaning)) = known {
        return Some(explain_word(known, meaning));
    }
    explain_alert(&word).or_else(|| pasted::smtp_reply(typed))
}

/// Every word that can be explained, by what it is.
#[must_use]
pub fn list_of_words() -> Explanation {
    let mut page = Explanation::new("What exchports explain knows");
    page.section("Services, and their ports");
    for service in catalog::all() {
        page.entry(&format!(
            "{}: {}, {}",
            service.name, service.title, service.port
        ));
    }
    page.section("Roles");
    for role in &ROLES {
        page.entry(role.name);
    }
    page.section("Codes");
    for code in Code::all() {
        page.entry(&format!("{code}: {}", code.definition().title));
    }
    page.section("Other names");
    let aliases = catalog::all().flat_map(|row| row.aliases.iter().copied());
    let of_codes = Code::all().flat_map(|code| code.definition().aliases.iter().copied());
    let aliases: Vec<&str> = aliases.chain(of_codes).collect();
    page.item(&aliases.join(", "));
    page.section("States, statuses and other words");
    let words: Vec<&str> = WORDS.iter().map(|(known, _)| *known).collect();
    page.item(&words.join(", "));
    page.section("What servers say");
    page.item("TLS alerts by name (bad_certificate); SMTP replies (450 4.7.230)");
    page
}

/// What was pasted, without what stands around a word in a report.
fn bare(typed: &str) -> &str {
    const AROUND: [char; 9] = ['[', ']', '(', ')', '`', '"', '\'', ',', ':'];
    typed.trim().trim_matches(AROUND).trim()
}

fn explain_alert(word: &str) -> Option<Explanation> {
    let number = (0..=u8::MAX).find(|number| {
        alert_name(*number).is_some_and(|name| normalise(name) == word)
            || word == format!("alert-{number}")
    })?;
    let name = alert_name(number)?;
    // An alert that is a diagnosis of its own is explained as that.
    if let Some(code) = code_of(&normalise(name)) {
        return Some(explain_code(code));
    }
    let mut page = Explanation::new(&format!("{name} (TLS alert {number})"));
    page.paragraph(&format!(
        "With this alert one side ends the handshake or the session; here it was the server. exchports reports it as \
         {}.",
        Code::TlsAlert
    ));
    page.paragraph(pasted::alert_means(number));
    page.section("Reference");
    page.item("RFC 8446 §6");
    Some(page)
}

/// Every word that [`explain`] knows, services first.
pub fn words() -> impl Iterator<Item = &'static str> {
    let services = catalog::all().flat_map(|row| row.aliases.iter().copied().chain([row.name]));
    services
        .chain(ROLES.iter().map(|row| row.name))
        .chain(Code::all().map(Code::as_str))
        .chain(Code::all().flat_map(|code| code.definition().aliases.iter().copied()))
        .chain(WORDS.iter().map(|(known, _)| *known))
}

/// The word that was probably meant; `None` where none is like it.
#[must_use]
pub fn most_like(word: &str, known: &[&'static str]) -> Option<&'static str> {
    let word = normalise(word);
    let slips = known.iter().filter_map(|known| {
        let changes = changes(&word, known);
        let length = word.chars().count().min(known.chars().count());
        (changes <= length.div_ceil(4)).then_some((changes, *known))
    });
    slips.min().map(|(_, known)| known)
}

/// The words that can be explained and are most like this one, the closest first; none where none is like it.
#[must_use]
pub fn near(word: &str) -> Vec<&'static str> {
    /// So many are read at a glance.
    const SHOWN: usize = 5;
    /// Nothing that is explained is twice as long; whatever is would only cost time.
    const LONGEST: usize = 64;
    let word = normalise(word);
    let length = word.chars().count();
    if !(2..=LONGEST).contains(&length) || word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Vec::new();
    }
    let mut found: Vec<(usize, &str)> = words()
        .filter_map(|known| Some((unlikeness(&word, known)?, known)))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
        .into_iter()
        .take(SHOWN)
        .map(|(_, known)| known)
        .collect()
}

/// How little a word is like a known one; `None` where it is not like it at all.
fn unlikeness(word: &str, known: &str) -> Option<usize> {
    let (shorter, longer) = if word.len() < known.len() {
        (word, known)
    } else {
        (known, word)
    };
    let changes = changes(word, known);
    // A slip in four letters; or a part of the name, which is what people remember.
    let is_slip = changes <= shorter.chars().count().div_ceil(4);
    let is_part = shorter.chars().count() >= 3 && longer.contains(shorter);
    (is_slip || is_part).then_some(changes)
}

/// Letters that have to be changed, added, taken away, or swapped with their neighbour, to make one word the other.
fn changes(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.iter().enumerate() {
        let mut next = vec![line + 1];
        for (column, theirs) in other.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let changed = at(&row, column) + usize::from(letter != theirs);
            let mut least = changed
                .min(at(&row, column + 1) + 1)
                .min(at(&next, column) + 1);
            let is_swap = line > 0
                && column > 0
                && one.get(line - 1) == Some(theirs)
                && other.get(column - 1) == Some(letter);
            if is_swap {
                least = least.min(at(&before, column - 1).saturating_add(1));
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

/// Lower case, inner space and underscores as hyphens: `NOT LISTENING` is `not-listening`.
fn normalise(word: &str) -> String {
    word.to_ascii_lowercase()
        .split(|character: char| character.is_whitespace() || character == '_')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

fn service_of(word: &str) -> Option<&'static Service> {
    let port = word.parse::<u16>().ok();
    catalog::all().find(|service| {
        service.name == word || service.aliases.contains(&word) || port == Some(service.port)
    })
}

/// A code, or another word for one.
fn code_of(word: &str) -> Option<Code> {
    let is_alias = |code: &Code| {
        let mut aliases = code.definition().aliases.iter();
        aliases.any(|alias| normalise(alias) == word)
    };
    Code::from_word(word).or_else(|| Code::all().find(is_alias))
}

/// Words of the table, and `PortQry`'s, that are no codes.
const WORDS: [(&str, &str); 18] = [
    (
        "open",
        "The port accepted a connection; PortQry calls it LISTENING. Whether the right protocol is spoken there is \
         another matter: the status tells that.",
    ),
    (
        "listening",
        "PortQry's word for a port that accepts connections; here its state is open. PortQry stops there, exchports \
         goes on and speaks the protocol.",
    ),
    (
        "unresolved",
        "The name has no address, so there was nothing to connect to. The code of the failure tells why: \
         name-not-found, name-without-address or name-lookup-failed.",
    ),
    (
        "pass",
        "As expected: it works, or it is forbidden and not reachable.",
    ),
    (
        "warn",
        "It works, with a defect that will keep some clients away, or all of them soon. The exit code stays 0 unless \
         `--fail-on warn` is given.",
    ),
    (
        "fail",
        "Not as expected: what is required does not work, or what is forbidden is reachable. The exit code is 1, unless \
         `--fail-on never` is given.",
    ),
    (
        "absent",
        "The service is optional and not there. That is allowed.",
    ),
    (
        "skip",
        "Not checked, or not completely: 443 is not open or has no working TLS, the run's deadline passed, the run \
         was interrupted, or this machine could not check it. A required service that was skipped makes the exit \
         code 1.",
    ),
    ("required", "It has to work; otherwise the check fails."),
    (
        "optional",
        "It may be missing; if it is there, it has to work.",
    ),
    (
        "forbidden",
        "It must not be reachable; whether it works makes no difference.",
    ),
    ("info", "A severity: worth knowing, and nothing is wrong."),
    (
        "all",
        "Every service of the catalog: the twelve with a port of their own and the web group behind 443. `--service all` \
         looks at all of them, and requires them.",
    ),
    (
        "web",
        "Exchange's web services, which share port 443. They are asked one by one, without a sign-in, once 443 has \
         accepted a connection. `--service web` looks at all of them, and requires them.",
    ),
    (
        "starttls",
        "The conversation begins in clear and is upgraded to TLS on request (STARTTLS in SMTP and IMAP, STLS in POP3, \
         StartTLS in LDAP).",
    ),
    (
        "implicit-tls",
        "The connection begins with the TLS handshake, as on 443, 465, 636, 993 and 995.",
    ),
    ("cleartext", "Nothing is encrypted."),
    (
        "x224",
        "Remote Desktop begins with a negotiation in clear (X.224) that chooses TLS; the handshake follows on the same \
         connection.",
    ),
];

fn kind_of_word(word: &str) -> &'static str {
    match word {
        "open" | "unresolved" => "state",
        "listening" => "PortQry's word",
        "pass" | "absent" | "skip" => "status",
        "warn" | "fail" => "status, severity",
        "required" | "optional" | "forbidden" => "expectation",
        "info" => "severity",
        "all" | "web" => "group",
        _ => "security",
    }
}

fn explain_word(word: &str, meaning: &str) -> Explanation {
    let mut page = Explanation::new(&format!("{word} ({})", kind_of_word(word)));
    page.paragraph(meaning);
    let services: &[Service] = match word {
        "all" => &SERVICES,
        "web" => &WEB,
        _ => &[],
    };
    if !services.is_empty() {
        page.section("Services");
        list_services(&mut page, services);
    }
    if word == "all" {
        list_services(&mut page, &WEB);
    }
    page
}

/// A line each: `owa: Outlook on the web, /owa/`.
fn list_services(page: &mut Explanation, services: &[Service]) {
    for service in services {
        let place = match virtual_directory(service.id) {
            Some(directory) => directory.path.to_owned(),
            None => format!("port {}", service.port),
        };
        page.entry(&format!("{}: {}, {place}", service.name, service.title));
    }
}

fn explain_service(service: &Service) -> Explanation {
    let mut page = Explanation::new(&format!("{}: {}", service.name, service.title));
    page.paragraph(service.purpose);
    page.section("On the wire");
    page.item(&format!(
        "port {}, {}, {}",
        service.port,
        service.protocol.as_str(),
        security(service.security)
    ));
    if let Some(directory) = virtual_directory(service.id) {
        page.item(&match directory.healthcheck {
            Some(healthcheck) => {
                format!("path {}; load balancers ask {healthcheck}", directory.path)
            }
            None => format!("path {}", directory.path),
        });
    }
    if service.id == ServiceId::Https {
        page.section("Behind it (the group web)");
        list_services(&mut page, &WEB);
    }
    page.section("Certificate");
    page.item(match service.certificates {
        Certificates::Checked => {
            "Clients check it: it has to be trusted, current and issued for the name."
        }
        Certificates::SelfSignedIsNormal => "It is not checked: a self-signed one is normal.",
        Certificates::None => "None: nothing is encrypted here.",
    });
    page.section("Roles");
    for (expect, heading) in COLUMNS {
        let roles: Vec<&str> = ROLES
            .iter()
            // That one takes everything in.
            .filter(|row| row.role != Role::Auto)
            .filter(|row| !row.forbidden_if_public.contains(&service.id))
            .filter(|row| expectation(row.role, service.id) == Some(expect))
            .map(|row| row.name)
            .collect();
        page.entry(&format!("{heading}: {}", or_none(&roles)));
    }
    let exposed: Vec<&str> = ROLES
        .iter()
        .filter(|row| row.forbidden_if_public.contains(&service.id))
        .map(|row| row.name)
        .collect();
    if !exposed.is_empty() {
        page.entry(&format!(
            "forbidden at public addresses: {}",
            exposed.join(", ")
        ));
    }
    if !service.aliases.is_empty() {
        page.section("Also known as");
        page.item(&service.aliases.join(", "));
    }
    page
}

/// How a role is found.
const AUTO: [&str; 3] = [
    "All twelve ports and the web services are looked at. The signs, strongest first: what the server says of itself \
     (Exchange's greetings and headers, Exchange Online's, Active Directory's rootDSE, the greeting of another mail \
     server), whether the address is public, what is open, what is closed. The verdict names the role and why.",
    "Under every role, a service that answers but is broken fails, and so does 389, 636 or 3389 if it answers at a \
     public address. A service that the role does not need and that is closed is absent. If two roles fit, the worse \
     verdict counts, and the line says how to choose the other. If no role is recognised, each service that answers \
     has to work, and at least one has to answer.",
    "In scripts and CI, name the role, so that the result does not depend on what happens to be open.",
];

fn explain_role(role: Role) -> Explanation {
    let row = role.row();
    let mut page = Explanation::new(&format!("{} (role)", row.name));
    page.paragraph(&format!("{}.", capitalised(row.purpose)));
    page.section("Services");
    for (expect, heading) in COLUMNS {
        let services = match expect {
            Expectation::Required => row.required,
            Expectation::Optional => row.optional,
            Expectation::Forbidden => row.forbidden,
        };
        let named: Vec<String> = services.iter().map(|id| named_with_port(*id)).collect();
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        page.entry(&format!("{heading}: {}", or_none(&named)));
    }
    for group in row.one_of {
        let named: Vec<&str> = group.iter().map(|id| id.row().name).collect();
        page.entry(&format!("one of these: {}", named.join(", ")));
    }
    if !row.forbidden_if_public.is_empty() {
        let named: Vec<&str> = row
            .forbidden_if_public
            .iter()
            .map(|id| id.row().name)
            .collect();
        page.entry(&format!(
            "forbidden at public addresses: {}",
            named.join(", ")
        ));
    }
    if role == Role::Auto {
        for paragraph in AUTO {
            page.paragraph(paragraph);
        }
        return page;
    }
    page.paragraph(
        "Services that are not listed here are not looked at. `--require`, `--optional` and `--forbid` change single \
         services.",
    );
    page
}

fn explain_code(code: Code) -> Explanation {
    let row = code.definition();
    let mut page = Explanation::new(&format!("{code} ({})", row.severity.as_str()));
    page.paragraph(&format!("{}.", capitalised(row.title)));
    page.section("What it means");
    page.item(row.meaning);
    page.section("What to do");
    page.item(row.hint);
    if !row.except.is_empty() {
        let mut words = vec![severity_words(row.severity).to_owned()];
        words.extend(row.except.iter().map(exception_words));
        page.section("How bad");
        page.item(&words.join(" "));
    }
    if !row.aliases.is_empty() {
        page.section("Also known as");
        page.item(&row.aliases.join(", "));
    }
    page.section("Read more");
    for (document, url) in code.references() {
        page.item(document);
        if let Some(url) = url {
            page.item(&url);
        }
    }
    page
}

fn severity_words(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Worth knowing (info).",
        Severity::Warn => "It works, with a defect (warn).",
        Severity::Fail => "It does not work (fail).",
    }
}

/// Where a code is less bad, or worse: `Warn on 25 and 389, where clients go on without.`
fn exception_words((severity, when, why): &Exception) -> String {
    let place = match when {
        When::OfRows => return "As bad as the worst of the services that it is about.".to_owned(),
        When::On(_) => on(*when),
        When::Unchecked => format!("{}, where the certificate is not checked", on(*when)),
        When::Required => "where the service is required".to_owned(),
        When::Unrequired => "where the service is optional or forbidden".to_owned(),
        When::As(role) => format!("under the role {}", role.as_str()),
        When::Seen => String::new(),
    };
    let between = match (place.as_str(), *why) {
        ("", _) | (_, "") => "",
        _ if *when == When::Unrequired => ": ",
        _ => ", ",
    };
    format!("{} {place}{between}{why}.", capitalised(severity.as_str()))
}

/// On which services of the catalog that is so: `on 25 and 389`, `on ecp and powershell`.
fn on(when: When) -> String {
    let places: Vec<String> = catalog::all()
        .filter(|service| when.holds(&Asked::of(service, Expectation::Required, Role::Any)))
        .map(|service| match service.group {
            Group::Port => service.port.to_string(),
            Group::Web => service.name.to_owned(),
        })
        .collect();
    format!("on {}", places.join(" and "))
}

const COLUMNS: [(Expectation, &str); 3] = [
    (Expectation::Required, "required"),
    (Expectation::Optional, "optional"),
    (Expectation::Forbidden, "forbidden"),
];

fn security(security: Security) -> &'static str {
    match security {
        Security::Cleartext => "in clear",
        Security::Starttls => "in clear, then STARTTLS",
        Security::ImplicitTls => "TLS first (implicit TLS)",
        Security::X224 => "X.224 negotiation, then TLS",
    }
}

fn named_with_port(id: ServiceId) -> String {
    format!("{} ({})", id, id.row().port)
}

fn or_none(words: &[&str]) -> String {
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}
