//! What a scrape asks for: the query of `/probe`, and the header with its time.

use std::time::Duration;

/// What is asked for.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct ScrapeRequest {
    /// The host, as it was typed.
    pub target: String,
    /// The module; empty is the first.
    pub module: String,
    /// Another name for SNI, Host and the certificate.
    pub hostname: Option<String>,
    /// Whether the conversation is wanted as well.
    pub debug: bool,
}

/// How long a host may be looked at where the scraper does not say.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// What is kept of the scraper's time for the answer to get there.
pub(super) const OFFSET: Duration = Duration::from_millis(500);

/// Reads a query: `target=mail.example.com&module=published`. What is not known is passed over, as other exporters do.
///
/// # Errors
/// What is missing or said twice, for the answer.
pub fn asked(query: &str) -> Result<ScrapeRequest, &'static str> {
    /// A name has 253 characters at the most, an international one more before it is encoded.
    const LONGEST: usize = 1024;
    let mut asked = ScrapeRequest::default();
    let mut has = (false, false);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.len() > LONGEST {
            return Err("a parameter is too long");
        }
        match &*name {
            "target" if has.0 => return Err("target is given twice"),
            "target" => {
                has.0 = true;
                value.trim().clone_into(&mut asked.target);
            }
            "module" if has.1 => return Err("module is given twice"),
            "module" => {
                has.1 = true;
                asked.module = value.into_owned();
            }
            "hostname" if !value.is_empty() => asked.hostname = Some(value.into_owned()),
            "debug" => asked.debug = value == "true",
            _ => {}
        }
    }
    if asked.target.is_empty() {
        return Err("target is missing: /probe?target=mail.example.com&module=published");
    }
    Ok(asked)
}

/// How long the host may be looked at, by the header with the scraper's own time in seconds.
///
/// # Errors
/// When it is not a number of seconds.
pub fn patience(header: Option<&str>) -> Result<Duration, &'static str> {
    /// Whoever gives less gets no answer anyway.
    const LEAST: Duration = Duration::from_millis(100);
    let Some(header) = header else {
        return Ok(PATIENCE);
    };
    let seconds: f64 = header.trim().parse().map_err(|_| WRONG)?;
    if !(seconds > 0.0 && seconds <= 86_400.0) {
        return Err(WRONG);
    }
    let whole = Duration::try_from_secs_f64(seconds).map_err(|_| WRONG)?;
    Ok(whole.saturating_sub(OFFSET).clamp(LEAST, PATIENCE))
}

const WRONG: &str = "X-Prometheus-Scrape-Timeout-Seconds is not a number of seconds";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_target_and_perhaps_a_module() {
        let one = asked("target=mail.example.com&module=published&debug=true&other=1")
            .expect("it is right");
        assert_eq!(
            (&*one.target, &*one.module, one.debug),
            ("mail.example.com", "published", true)
        );
        assert_eq!(
            asked("target=%5B2001%3Adb8%3A%3A1%5D")
                .map(|asked| asked.target)
                .as_deref(),
            Ok("[2001:db8::1]")
        );
        assert_eq!(
            asked("target=a&hostname=b").map(|asked| asked.hostname),
            Ok(Some("b".to_owned()))
        );
        for query in [
            "",
            "module=a",
            "target=",
            "target=a&target=b",
            "module=a&module=b&target=c",
        ] {
            assert!(asked(query).is_err(), "{query}");
        }
        assert!(asked(&format!("target={}", "a".repeat(2000))).is_err());
    }

    #[test]
    fn the_scrapers_time_is_the_deadline_less_the_way_back() {
        let seconds = |header| patience(header).map(|patience| patience.as_secs_f64());
        assert_eq!(seconds(None), Ok(120.0));
        assert_eq!(seconds(Some("10")), Ok(9.5));
        assert_eq!(seconds(Some(" 2.5 ")), Ok(2.0));
        assert_eq!(seconds(Some("0.2")), Ok(0.1));
        assert_eq!(seconds(Some("86400")), Ok(120.0));
        for header in ["", "soon", "0", "-1", "NaN", "inf", "1e99"] {
            assert!(patience(Some(header)).is_err(), "{header}");
        }
    }
}
