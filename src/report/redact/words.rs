//! What in a text is a name, and what says nothing of whose it is.

/// Labels of host names that say nothing of whose they are.
pub(super) const COMMON: [&str; 61] = [
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

/// Headers that name a machine or a session, in lower case.
pub(super) const SERVERS: [&str; 11] = [
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
pub(super) fn names_nobody(attribute: &str) -> bool {
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
pub(super) fn parts(name: &str) -> Vec<(&str, &str)> {
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
pub(super) fn without_tokens(text: &str) -> String {
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

pub(super) fn find_ignoring_case(text: &str, lower: &str) -> Option<usize> {
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
pub(super) fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '@' | '*')
}

pub(super) fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .chars()
            .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// Whether it could be a host's name, of one label or of several.
pub(super) fn is_host(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let name = name.strip_prefix("*.").unwrap_or(name);
    name.split('.').all(is_label) && name.chars().any(char::is_alphabetic)
}

/// Whether a word is most likely a host's name: it has a dot, and ends in letters as top-level domains do.
pub(super) fn looks_like_a_host(word: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

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
