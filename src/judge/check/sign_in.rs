//! Rules on signing in: whether the secure session offers a way, and whether the server knows that it is secure.

use super::case::Case;
use super::rule::CheckRule;
use crate::catalog::ServiceId;
use crate::facts::{PeerFacts, Text};
use crate::finding::Code;
use crate::judge::quoting::{is_keyword, list};
use crate::judge::rule::Evidence;

pub(super) const RULES: &[CheckRule] = &[
    CheckRule {
        code: Code::SignInImpossible,
        holds: |case| {
            let offered = offered(case)?;
            (!can_sign_in(case, offered)).then(|| {
                let told = format!(
                    "the secure session offers no way to sign in: {}",
                    list(offered)
                );
                Evidence::new(told).hint_if(is_unaware(case).then_some(UNAWARE))
            })
        },
    },
    CheckRule {
        code: Code::StarttlsInsideTls,
        holds: |case| {
            // Where nobody can sign in, that is told, with this as the reason.
            let is_told = offered(case).is_some_and(|offered| !can_sign_in(case, offered))
                || mechanisms(case).is_some_and(|them| them.is_empty());
            (is_unaware(case) && !is_told).then(|| {
                Evidence::new(
                    "the encrypted session offers STARTTLS again: the server does not know about the TLS",
                )
            })
        },
    },
];

/// The ways to sign in that submission offers in the secure session; `None` where that was not seen to its end.
pub(super) fn mechanisms<'a>(case: &Case<'a>) -> Option<Vec<&'a str>> {
    let is_submission = matches!(
        case.service().id,
        ServiceId::Submission | ServiceId::Submissions
    );
    let offered = &case.smtp()?.secure_extensions;
    if !is_submission || case.failure().is_some() || offered.is_empty() {
        return None;
    }
    Some(
        offered
            .iter()
            .filter(|extension| is_keyword(extension, "AUTH"))
            .flat_map(|extension| extension.as_str().split([' ', '=']).skip(1))
            .filter(|mechanism| !mechanism.is_empty())
            .collect(),
    )
}

/// What to do where a server does not know that the session is secure.
pub(super) const UNAWARE: &str = "The server takes the session for cleartext because something in front of it \
                                  terminates TLS. Forward TLS unchanged to the server's own TLS port, or let the \
                                  device in front speak TLS to the server.";

/// Whether the server offers to begin TLS within TLS.
pub(super) fn is_unaware(case: &Case<'_>) -> bool {
    secure(case).is_some_and(|words| {
        words
            .iter()
            .any(|word| is_keyword(word, "STARTTLS") || is_keyword(word, "STLS"))
    })
}

/// What the secure session offers to somebody who reads mail; `None` where that was not learned.
fn offered<'a>(case: &Case<'a>) -> Option<&'a [Text]> {
    match case.seen.peer.as_ref()? {
        PeerFacts::Imap(_) | PeerFacts::Pop3(_) => secure(case),
        _ => None,
    }
}

fn secure<'a>(case: &Case<'a>) -> Option<&'a [Text]> {
    let words = match case.seen.peer.as_ref()? {
        PeerFacts::Smtp(facts) => &facts.secure_extensions,
        PeerFacts::Imap(facts) => &facts.secure_capabilities,
        PeerFacts::Pop3(facts) => &facts.secure_capabilities,
        PeerFacts::Ldap(_) | PeerFacts::Rdp(_) | PeerFacts::Http(_) => return None,
    };
    (case.failure().is_none() && !words.is_empty()).then_some(words)
}

/// IMAP has LOGIN unless it is disabled (RFC 3501 §6.2.3); POP3 says USER, and APOP in its greeting (RFC 1939 §7).
fn can_sign_in(case: &Case<'_>, offered: &[Text]) -> bool {
    let has = |keyword| offered.iter().any(|word| is_keyword(word, keyword));
    let has_value = |keyword: &str| {
        offered.iter().any(|word| {
            let mut parts = word
                .as_str()
                .split([' ', '='])
                .filter(|part| !part.is_empty());
            parts
                .next()
                .is_some_and(|it| it.eq_ignore_ascii_case(keyword))
                && parts.next().is_some()
        })
    };
    match &case.seen.peer {
        Some(PeerFacts::Imap(_)) => has_value("AUTH") || !has("LOGINDISABLED"),
        Some(PeerFacts::Pop3(facts)) => {
            let has_timestamp = facts.greeting.as_ref().is_some_and(|greeting| {
                let stamp = greeting.as_str().split_once('<').map(|(_, rest)| rest);
                stamp.is_some_and(|rest| rest.contains('@') && rest.contains('>'))
            });
            has("USER") || has_value("SASL") || has_timestamp
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{Fixture, open};
    use super::*;
    use crate::facts::{ImapFacts, Pop3Facts, SmtpFacts};
    use crate::finding::{Severity, Status};

    fn texts(words: &[&str]) -> Vec<Text> {
        words.iter().map(|word| Text::from(*word)).collect()
    }

    fn imap(words: &[&str]) -> Fixture {
        open(ServiceId::Imaps).peer(PeerFacts::Imap(ImapFacts {
            secure_capabilities: texts(words),
            ..ImapFacts::default()
        }))
    }

    fn pop3(greeting: &str, words: &[&str]) -> Fixture {
        open(ServiceId::Pop3).peer(PeerFacts::Pop3(Pop3Facts {
            greeting: Some(greeting.into()),
            secure_capabilities: texts(words),
            ..Pop3Facts::default()
        }))
    }

    #[test]
    fn who_can_sign_in_passes_and_where_nobody_can_it_fails() {
        let nobody = [(Code::SignInImpossible, Severity::Fail)];
        for (what, staged, told) in [
            ("login", imap(&["IMAP4rev1"]), &[][..]),
            (
                "plain",
                imap(&["IMAP4rev1", "AUTH=PLAIN", "LOGINDISABLED"]),
                &[],
            ),
            ("nothing", imap(&["IMAP4rev1", "LOGINDISABLED"]), &nobody),
            ("offloaded", imap(&["STARTTLS", "LOGINDISABLED"]), &nobody),
            ("not learned", imap(&[]), &[]),
            ("user", pop3("+OK", &["TOP", "USER"]), &[]),
            ("sasl", pop3("+OK", &["SASL PLAIN"]), &[]),
            ("apop", pop3("+OK <1896.6@mail.example.com>", &["TOP"]), &[]),
            ("empty sasl", pop3("+OK", &["SASL", "STLS"]), &nobody),
            ("no name", pop3("+OK <ready>", &["TOP", "UIDL"]), &nobody),
        ] {
            assert_eq!(staged.told(), told, "{what}");
            let status = if told.is_empty() {
                Status::Pass
            } else {
                Status::Fail
            };
            assert_eq!(staged.status(), status, "{what}");
        }
        let offloaded = imap(&["STARTTLS", "LOGINDISABLED"]);
        assert_eq!(offloaded.words(Code::SignInImpossible).1, UNAWARE);
    }

    #[test]
    fn starttls_inside_tls_is_told_on_every_port() {
        let again = [(Code::StarttlsInsideTls, Severity::Warn)];
        let smtp = |words: &[&str]| {
            open(ServiceId::Submissions).peer(PeerFacts::Smtp(SmtpFacts {
                secure_extensions: texts(words),
                ..SmtpFacts::default()
            }))
        };
        assert_eq!(imap(&["STARTTLS", "IMAP4rev1"]).told(), again);
        assert_eq!(pop3("+OK", &["STLS", "USER"]).told(), again);
        assert_eq!(smtp(&["STARTTLS", "AUTH PLAIN"]).told(), again);
        assert_eq!(smtp(&["AUTH PLAIN"]).told(), []);
        // One matter, told once.
        let without = smtp(&["STARTTLS", "DSN"]);
        assert_eq!(without.told(), [(Code::AuthNotOffered, Severity::Fail)]);
        assert_eq!(without.words(Code::AuthNotOffered).1, UNAWARE);
    }
}
