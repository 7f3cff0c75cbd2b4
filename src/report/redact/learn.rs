//! What there is to hide: everything of a target that is a name, so that it is found wherever else it stands.

use std::net::IpAddr;
use std::sync::Arc;

use super::placeholders::Placeholders;
use super::words::{COMMON, SERVERS, is_host, is_label, is_of_a_word, names_nobody, parts};
use crate::facts::{PeerFacts, Text, TlsFacts};
use crate::finding::{Finding, TargetFinding};

impl Placeholders {
    /// Everything of a target that is a name, so that it is found wherever else it stands.
    pub(super) fn learn(&mut self, finding: &TargetFinding, rows: &[Arc<Finding>]) {
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
    pub(super) fn learn_name(&mut self, name: &str) {
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
        for link in tls.chain.iter() {
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
}

#[cfg(test)]
mod tests {
    use super::super::placeholders::document_address;
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
}
