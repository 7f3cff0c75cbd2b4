//! Lists of `name=value;`, as the TXT records of MTA-STS (RFC 8461 §3.1) and TLS reporting (RFC 8460 §3) have them.

use super::Violation;

/// The longest record taken, in bytes: what 8 character strings of a TXT record hold.
pub const MAX_RECORD: usize = 2048;

/// The most fields of one record.
const MAX_FIELDS: usize = 32;

/// What `_mta-sts` says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StsRecord {
    /// Which version of the policy it is: 1 to 32 letters and digits.
    pub id: String,
}

/// What `_smtp._tls` says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsRptRecord {
    /// Where reports go: `mailto:` and `https:` URIs, as written.
    pub destinations: Vec<String>,
}

/// A TXT record of MTA-STS; `None` where it is some other record, which RFC 8461 §3.1 says to pass over.
///
/// # Errors
/// It begins as one and breaks its grammar, so that no sender uses it.
pub fn sts_record(data: &[u8]) -> Result<Option<StsRecord>, Violation> {
    let Some(fields) = fields(data, "STSv1")? else {
        return Ok(None);
    };
    let Some((at, id)) = first(&fields, "id") else {
        return Err(Violation::malformed("it has no id", data.len()));
    };
    let is_id = (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_id {
        return Err(Violation::malformed(
            "its id is not 1 to 32 letters and digits",
            at,
        ));
    }
    Ok(Some(StsRecord { id: id.to_owned() }))
}

/// A TXT record of TLS reporting; `None` where it is some other record.
///
/// # Errors
/// It begins as one and breaks its grammar, so that nobody sends reports.
pub fn tls_rpt_record(data: &[u8]) -> Result<Option<TlsRptRecord>, Violation> {
    let Some(fields) = fields(data, "TLSRPTv1")? else {
        return Ok(None);
    };
    let Some((at, rua)) = first(&fields, "rua") else {
        return Err(Violation::malformed("it has no rua", data.len()));
    };
    let destinations: Vec<String> = rua.split(',').map(|uri| uri.trim().to_owned()).collect();
    let is_known = |uri: &String| {
        ["mailto:", "https:"].iter().any(|scheme| {
            uri.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                && uri.len() > scheme.len()
        })
    };
    if !destinations.iter().all(is_known) {
        return Err(Violation::malformed(
            "its rua is neither mailto: nor https:",
            at,
        ));
    }
    Ok(Some(TlsRptRecord { destinations }))
}

/// A field: where it begins, its name, its value.
type Field<'a> = (usize, &'a str, &'a str);

fn first<'a>(fields: &[Field<'a>], name: &str) -> Option<(usize, &'a str)> {
    fields
        .iter()
        .find(|(_, found, _)| *found == name)
        .map(|(at, _, value)| (*at, *value))
}

/// The fields behind the version; `None` where the version is another.
fn fields<'a>(data: &'a [u8], version: &str) -> Result<Option<Vec<Field<'a>>>, Violation> {
    let rest = data
        .strip_prefix(b"v=")
        .and_then(|rest| rest.strip_prefix(version.as_bytes()));
    let Some(rest) = rest else {
        return Ok(None);
    };
    let after = rest.trim_ascii_start();
    if !(after.is_empty() || after.starts_with(b";")) {
        return Ok(None);
    }
    if data.len() > MAX_RECORD {
        return Err(Violation::too_long("over 2048 bytes", MAX_RECORD));
    }
    let text = std::str::from_utf8(data)
        .ok()
        .filter(|text| text.is_ascii());
    let Some(text) = text else {
        let at = data.iter().position(|byte| !byte.is_ascii());
        return Err(Violation::malformed(
            "it is not ASCII",
            at.unwrap_or_default(),
        ));
    };
    let mut fields = Vec::new();
    let mut at = 0_usize;
    for part in text.split(';') {
        let here = at;
        at = at.saturating_add(part.len()).saturating_add(1);
        if part.trim().is_empty() {
            continue;
        }
        if fields.len() >= MAX_FIELDS {
            return Err(Violation::too_long("more than 32 fields", here));
        }
        let Some((name, value)) = part.split_once('=') else {
            return Err(Violation::malformed("a field has no value", here));
        };
        fields.push((here, name.trim(), value.trim()));
    }
    Ok(Some(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_mta_sts() {
        for (text, expected) in [
            ("v=STSv1; id=20160831085700Z;", Ok(Some("20160831085700Z"))),
            ("v=STSv1;id=1", Ok(Some("1"))),
            ("v=STSv1; x=y; id=1; id=2", Ok(Some("1"))),
            ("v=STSv1 ; id = 7 ", Ok(Some("7"))),
            ("v=spf1 -all", Ok(None)),
            ("v=STSv10; id=1", Ok(None)),
            ("", Ok(None)),
            ("v=STSv1", Err("it has no id")),
            (
                "v=STSv1; id=",
                Err("its id is not 1 to 32 letters and digits"),
            ),
            (
                "v=STSv1; id=2024-01-01",
                Err("its id is not 1 to 32 letters and digits"),
            ),
            ("v=STSv1; id", Err("a field has no value")),
            ("v=STSv1; id=\u{e9}", Err("it is not ASCII")),
        ] {
            let found = sts_record(text.as_bytes()).map_err(|violation| violation.what);
            let found = found.map(|record| record.map(|record| record.id));
            assert_eq!(found, expected.map(|id| id.map(str::to_owned)), "{text}");
        }
        let long = format!("v=STSv1; id=1;{}", "x=y;".repeat(40));
        assert!(sts_record(long.as_bytes()).is_err());
    }

    #[test]
    fn records_of_tls_reporting() {
        for (text, expected) in [
            (
                "v=TLSRPTv1; rua=mailto:tls@example.com",
                Ok(Some(vec!["mailto:tls@example.com"])),
            ),
            (
                "v=TLSRPTv1;rua=https://r.example/x,mailto:a@b.example;",
                Ok(Some(vec!["https://r.example/x", "mailto:a@b.example"])),
            ),
            ("v=STSv1; id=1", Ok(None)),
            ("v=TLSRPTv1; ruf=x", Err("it has no rua")),
            (
                "v=TLSRPTv1; rua=tls@example.com",
                Err("its rua is neither mailto: nor https:"),
            ),
            (
                "v=TLSRPTv1; rua=mailto:",
                Err("its rua is neither mailto: nor https:"),
            ),
        ] {
            let found = tls_rpt_record(text.as_bytes()).map_err(|violation| violation.what);
            let found = found.map(|record| record.map(|record| record.destinations));
            let expected = expected.map(|all| {
                all.map(|all: Vec<&str>| all.into_iter().map(str::to_owned).collect::<Vec<_>>())
            });
            assert_eq!(found, expected, "{text}");
        }
    }
}
