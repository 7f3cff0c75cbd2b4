//! What people paste out of other programs: what SMTP servers reply, and alerts of TLS.

use super::explanation::Explanation;

/// Explains an SMTP reply: `450 4.7.230 Connecting Exchange server version is out-of-date`, or only its codes.
pub(super) fn smtp_reply(typed: &str) -> Option<Explanation> {
    let mut words = typed.split([' ', '-']).filter(|word| !word.is_empty());
    let first = words.next()?;
    let (code, enhanced) = match (reply_code(first), EnhancedStatusCode::parse(first)) {
        (Some(code), _) => (Some(code), words.next().and_then(EnhancedStatusCode::parse)),
        (None, Some(enhanced)) => (None, Some(enhanced)),
        _ => return None,
    };
    let told = [
        code.map(|code| code.to_string()),
        enhanced.map(EnhancedStatusCode::told),
    ];
    let told: Vec<String> = told.into_iter().flatten().collect();
    let mut page = Explanation::new(&format!("{} (SMTP reply)", told.join(" ")));
    if let Some(known) = KNOWN.iter().find(|known| known.is_of(code, enhanced)) {
        page.paragraph(known.meaning);
        page.section("What to do");
        page.item(known.todo);
    }
    page.section("What the numbers say");
    let class = enhanced.map_or(u32::from(code.unwrap_or_default()) / 100, |it| it.class);
    page.item(match class {
        2 => "The first digit, 2: it worked.",
        3 => "The first digit, 3: go on.",
        4 => "The first digit, 4: not now. The sender should try again later.",
        _ => "The first digit, 5: no. Trying again does not help until something changes.",
    });
    if let Some(subject) = enhanced.and_then(|enhanced| subject(enhanced.subject)) {
        page.item(subject);
    }
    page.section("Reference");
    page.item("RFC 5321 §4.2 (replies); RFC 3463 (enhanced codes)");
    Some(page)
}

/// What an alert of TLS says, by its number (RFC 8446 §6.2, RFC 5246 §7.2.2).
pub(super) fn alert_means(number: u8) -> &'static str {
    match number {
        0 => "The session ended normally.",
        10 | 47 | 50 => {
            "A message was unexpected or malformed: often what answers does not speak TLS, or a device in between \
            interferes."
        }
        20 | 21 | 51 => {
            "A message could not be decrypted or verified: something on the way changes it."
        }
        22 => "A record was too long: often what answers does not speak TLS at all.",
        42..=46 => "The other side does not accept the certificate that it was shown.",
        48 => "The other side does not trust the authority of the certificate that it was shown.",
        49 => "The certificate is valid, but the other side still denies access.",
        71 => "The other side wants stronger cipher suites or keys.",
        80 => "The server had an internal error: see its event log (Schannel).",
        86 => "The client tried again with an older version than both sides support.",
        90 | 100 => "One side cancelled.",
        109 | 110 => "An extension is missing, or one was sent that was not asked for.",
        120 => "The two sides have no application protocol in common (ALPN).",
        _ => "It does not say what exactly was wrong: see the server's event log (Schannel).",
    }
}

/// An enhanced status code: `4.7.230`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct EnhancedStatusCode {
    class: u32,
    subject: u32,
    detail: u32,
}

impl EnhancedStatusCode {
    fn parse(word: &str) -> Option<Self> {
        let mut parts = word.split('.').map(|part| part.parse::<u32>().ok());
        let (class, subject, detail) = (parts.next()??, parts.next()??, parts.next()??);
        let is_one = matches!(class, 2 | 4 | 5) && subject <= 999 && detail <= 999;
        (is_one && parts.next().is_none()).then_some(Self {
            class,
            subject,
            detail,
        })
    }

    fn told(self) -> String {
        format!("{}.{}.{}", self.class, self.subject, self.detail)
    }
}

fn reply_code(word: &str) -> Option<u16> {
    let code = word.parse::<u16>().ok()?;
    (word.len() == 3 && (200..600).contains(&code)).then_some(code)
}

fn subject(subject: u32) -> Option<&'static str> {
    Some(match subject {
        1 => "The second number, 1: the address of a sender or a recipient.",
        2 => "The second number, 2: the mailbox.",
        3 => "The second number, 3: the server itself: for example its disk, memory or state.",
        4 => "The second number, 4: the network and the way to the next server.",
        5 => "The second number, 5: the order or form of commands.",
        6 => "The second number, 6: the content of the message.",
        7 => "The second number, 7: security or policy.",
        _ => return None,
    })
}

/// A reply that Exchange or Exchange Online is known for.
struct KnownCode {
    code: Option<u16>,
    enhanced: EnhancedStatusCode,
    meaning: &'static str,
    todo: &'static str,
}

impl KnownCode {
    /// What was pasted may lack the one code or the other.
    fn is_of(&self, code: Option<u16>, enhanced: Option<EnhancedStatusCode>) -> bool {
        let is_code = code.is_none() || self.code.is_none() || code == self.code;
        enhanced == Some(self.enhanced) && is_code
    }
}

const fn enhanced(class: u32, subject: u32, detail: u32) -> EnhancedStatusCode {
    EnhancedStatusCode {
        class,
        subject,
        detail,
    }
}

const KNOWN: [KnownCode; 9] = [
    KnownCode {
        code: Some(450),
        enhanced: enhanced(4, 7, 230),
        meaning: "Exchange Online slows down mail from an Exchange server of your own whose version is out of date.",
        todo: "Update that server. Until then mail is delayed, later it is refused (550 5.7.230).",
    },
    KnownCode {
        code: Some(550),
        enhanced: enhanced(5, 7, 230),
        meaning: "Exchange Online refuses mail from an Exchange server of your own whose version is out of date.",
        todo: "Update that server, or move the connector to one that is up to date.",
    },
    KnownCode {
        code: Some(421),
        enhanced: enhanced(4, 3, 2),
        meaning: "The server accepts no mail now: a component is inactive (maintenance), or there are too many \
            connections.",
        todo: "On Exchange run `Get-ServerComponentState` and set FrontendTransport, HubTransport and ServerWideOffline \
               active again. If the text names a limit, raise it on the receive connector for your own gateways.",
    },
    KnownCode {
        code: Some(452),
        enhanced: enhanced(4, 3, 1),
        meaning: "Back pressure: the server is short of disk or memory.",
        todo: "Free disk space where the queue database is; events 15004 to 15007 name the resource.",
    },
    KnownCode {
        code: Some(454),
        enhanced: enhanced(4, 7, 0),
        meaning: "The server starts no TLS session now: there were too many handshakes in a short time.",
        todo: "Try again later, with fewer connections.",
    },
    KnownCode {
        code: Some(554),
        enhanced: enhanced(5, 7, 3),
        meaning: "The server cannot use the certificate of its SMTP service.",
        todo: "Assign one again (`Enable-ExchangeCertificate -Services SMTP`), and make sure that NETWORK SERVICE can \
            read its private key.",
    },
    KnownCode {
        code: Some(530),
        enhanced: enhanced(5, 7, 0),
        meaning: "The server requires STARTTLS before anything else.",
        todo: "Turn on TLS in the program that sends.",
    },
    KnownCode {
        code: Some(535),
        enhanced: enhanced(5, 7, 139),
        meaning: "Exchange Online refuses the sign-in: SMTP AUTH is switched off for the tenant or the mailbox.",
        todo: "Use OAuth, or allow SMTP AUTH for that mailbox (`Set-CASMailbox -SmtpClientAuthenticationDisabled`).",
    },
    KnownCode {
        code: Some(550),
        enhanced: enhanced(5, 7, 54),
        meaning: "The server does not relay: it is not responsible for the recipient's domain, and the sender did not \
            sign in.",
        todo: "Let the program sign in on 587, or give it a receive connector that may relay.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn told(typed: &str) -> Option<String> {
        smtp_reply(typed).map(|page| page.in_columns(80))
    }

    #[test]
    fn replies_are_known_by_either_code_or_their_text() {
        for typed in [
            "450 4.7.230",
            "450-4.7.230",
            "4.7.230",
            "450 4.7.230 Connecting Exchange server version is out-of-date",
        ] {
            let text = told(typed).expect(typed);
            assert!(text.contains("out of date"), "{typed}: {text}");
        }
        for (typed, said) in [
            ("550 4.7.230", "not now"),
            ("220", "it worked"),
            ("421 4.3.2", "Get-ServerComponentState"),
            ("599 5.9.999", "Trying again does not help"),
        ] {
            let text = told(typed).expect(typed);
            assert!(text.contains(said), "{typed}: {text}");
        }
        for typed in [
            "", "25", "1000", "4.7", "6.1.1", "5.1.1.1", "199", "600", "owa",
        ] {
            assert_eq!(told(typed), None, "{typed}");
        }
    }
}
