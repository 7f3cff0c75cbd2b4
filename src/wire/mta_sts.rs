//! The policy of MTA-STS (RFC 8461 §3.2): lines of `key: value`.

use super::Violation;

/// The longest policy taken, in bytes (RFC 8461 §3.3 suggests this bound).
pub const MAX_POLICY: usize = 64 * 1024;

/// The most patterns of mail hosts taken.
pub const MAX_PATTERNS: usize = 200;

/// The longest that a policy may be kept, in seconds: about a year.
pub const MAX_AGE: u32 = 31_557_600;

/// A policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// What senders do where a mail host does not fit.
    pub mode: Mode,
    /// Patterns of mail hosts, in lower case: a name, or `*.` and a name.
    pub mx: Vec<String>,
    /// For how many seconds senders keep it.
    pub max_age: u32,
}

/// What senders do where a mail host does not fit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// They keep the mail back.
    Enforce,
    /// They deliver, and report it where reports are wanted.
    Testing,
    /// The domain has no policy any more.
    None,
}

impl Mode {
    /// The word of the policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

/// Reads a whole policy. Of a key that comes twice the first counts, `mx` aside; keys that are unknown are passed over
/// (RFC 8461 §3.2).
///
/// # Errors
/// It breaks the grammar, so that no sender uses it; or it is over a limit.
pub fn policy(data: &[u8]) -> Result<Policy, Violation> {
    if data.len() > MAX_POLICY {
        return Err(Violation::too_long("over 65536 bytes", MAX_POLICY));
    }
    let mut version = None;
    let mut mode = None;
    let mut max_age = None;
    let mut mx = Vec::new();
    let mut at = 0_usize;
    for line in data.split(|byte| *byte == b'\n') {
        let here = at;
        at = at
            .saturating_add(line.len())
            .saturating_add(1)
            .min(data.len());
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            continue;
        }
        let malformed = |what| Violation::malformed(what, here);
        let text = std::str::from_utf8(line).map_err(|_| malformed("a line is not UTF-8"))?;
        let (key, value) = text
            .split_once(':')
            .ok_or_else(|| malformed("a line has no colon"))?;
        let value = value.trim();
        match key.trim() {
            "version" if version.is_none() => {
                if value != "STSv1" {
                    return Err(malformed("its version is not STSv1"));
                }
                version = Some(());
            }
            "mode" if mode.is_none() => {
                mode = Some(match value {
                    "enforce" => Mode::Enforce,
                    "testing" => Mode::Testing,
                    "none" => Mode::None,
                    _ => return Err(malformed("its mode is not enforce, testing or none")),
                });
            }
            "max_age" if max_age.is_none() => {
                let is_number = (1..=10).contains(&value.len())
                    && value.bytes().all(|byte| byte.is_ascii_digit());
                let age = value
                    .parse()
                    .ok()
                    .filter(|age| is_number && *age <= MAX_AGE);
                max_age = Some(age.ok_or_else(|| malformed("its max_age is not 0 to 31557600"))?);
            }
            "mx" => {
                if mx.len() >= MAX_PATTERNS {
                    return Err(Violation::too_long("more than 200 mx lines", here));
                }
                if !is_pattern(value) {
                    return Err(malformed("an mx is not a host name"));
                }
                mx.push(value.trim_end_matches('.').to_ascii_lowercase());
            }
            _ => {}
        }
    }
    let missing = |what| Violation::malformed(what, data.len());
    version.ok_or_else(|| missing("it has no version"))?;
    let mode = mode.ok_or_else(|| missing("it has no mode"))?;
    let max_age = max_age.ok_or_else(|| missing("it has no max_age"))?;
    if mx.is_empty() && mode != Mode::None {
        return Err(missing("it has no mx"));
    }
    mx.shrink_to_fit();
    Ok(Policy { mode, mx, max_age })
}

impl Policy {
    /// Whether a mail host fits one of the patterns. An asterisk stands for one label, the left-most (RFC 8461 §4.1).
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.mx
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                Some(parent) => host
                    .split_once('.')
                    .is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
                None => *pattern == host,
            })
    }
}

fn is_pattern(value: &str) -> bool {
    let name = value.strip_prefix("*.").unwrap_or(value);
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n";

    #[test]
    fn a_policy_of_the_rfc() {
        let expected = Policy {
            mode: Mode::Enforce,
            mx: vec!["mail.example.com".to_owned(), "*.example.net".to_owned()],
            max_age: 604_800,
        };
        assert_eq!(policy(WHOLE.as_bytes()), Ok(expected.clone()));
        let with_lf = WHOLE.replace("\r\n", "\n");
        assert_eq!(policy(with_lf.as_bytes()), Ok(expected.clone()));
        let twice = format!("{WHOLE}mode: none\nx-new: 1\n\n");
        assert_eq!(policy(twice.as_bytes()), Ok(expected));
        let none = "version: STSv1\nmode: none\nmax_age: 0";
        assert_eq!(
            policy(none.as_bytes()).map(|policy| policy.mode),
            Ok(Mode::None)
        );
    }

    #[test]
    fn what_no_sender_uses() {
        for (from, to, what) in [
            ("STSv1", "STSv2", "its version is not STSv1"),
            ("version: STSv1\r\n", "", "it has no version"),
            (
                "enforce",
                "Enforce",
                "its mode is not enforce, testing or none",
            ),
            ("mode: enforce\r\n", "", "it has no mode"),
            ("604800", "31557601", "its max_age is not 0 to 31557600"),
            ("604800", "+1", "its max_age is not 0 to 31557600"),
            ("604800", "", "its max_age is not 0 to 31557600"),
            ("max_age: 604800", "", "it has no max_age"),
            (
                "mail.example.com",
                "mail..example",
                "an mx is not a host name",
            ),
            (
                "mail.example.com",
                "a.*.example",
                "an mx is not a host name",
            ),
            ("mode: enforce", "mode enforce", "a line has no colon"),
        ] {
            let text = WHOLE.replace(from, to);
            let found = policy(text.as_bytes()).map_err(|violation| violation.what);
            assert_eq!(found, Err(what), "{text}");
        }
        let without = "version: STSv1\nmode: testing\nmax_age: 1";
        assert_eq!(
            policy(without.as_bytes()).map_err(|it| it.what),
            Err("it has no mx")
        );
        assert!(policy(&vec![b'\n'; MAX_POLICY + 1]).is_err());
        assert!(policy(b"mx: \xff").is_err());
    }

    #[test]
    fn an_asterisk_stands_for_one_label() {
        let Ok(policy) = policy(WHOLE.as_bytes()) else {
            panic!("it is a policy");
        };
        for (host, is_covered) in [
            ("mail.example.com", true),
            ("MAIL.example.com.", true),
            ("a.mail.example.com", false),
            ("mx.example.net", true),
            ("a.mx.example.net", false),
            ("example.net", false),
            (".example.net", false),
        ] {
            assert_eq!(policy.covers(host), is_covered, "{host}");
        }
    }
}
