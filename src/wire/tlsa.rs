//! TLSA records (RFC 6698 §2.1) as mail between servers has them (RFC 7672).

use super::Violation;

/// The longest certificate data taken, in bytes.
pub const MAX_DATA: usize = 8 * 1024;

/// A TLSA record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tlsa {
    /// 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE.
    pub usage: u8,
    /// 0 the whole certificate, 1 its public key.
    pub selector: u8,
    /// 0 the data itself, 1 its SHA-256, 2 its SHA-512.
    pub matching: u8,
    /// What is compared.
    pub data: Vec<u8>,
}

/// Why senders pass a record over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// Usage 0 or 1: they ask for a public authority, which mail between servers does not have (RFC 7672 §3.1.3).
    Pkix,
    /// A usage that nobody knows.
    Usage,
    /// A selector that nobody knows.
    Selector,
    /// A matching type that nobody knows.
    Matching,
    /// A hash of the wrong length.
    Length,
}

impl Unusable {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pkix => "pkix-usage",
            Self::Usage => "unknown-usage",
            Self::Selector => "unknown-selector",
            Self::Matching => "unknown-matching-type",
            Self::Length => "wrong-length",
        }
    }
}

/// Reads the data of a TLSA record.
///
/// # Errors
/// It has no certificate data, or too much.
pub fn record(data: &[u8]) -> Result<Tlsa, Violation> {
    match data {
        [usage, selector, matching, rest @ ..] if !rest.is_empty() => {
            if rest.len() > MAX_DATA {
                return Err(Violation::too_long("over 8192 bytes", MAX_DATA));
            }
            Ok(Tlsa {
                usage: *usage,
                selector: *selector,
                matching: *matching,
                data: rest.to_vec(),
            })
        }
        _ => Err(Violation::malformed(
            "it has no certificate data",
            data.len(),
        )),
    }
}

impl Tlsa {
    /// Why senders pass it over; `None` where they use it.
    #[must_use]
    pub fn unusable(&self) -> Option<Unusable> {
        match (self.usage, self.selector, self.matching, self.data.len()) {
            (0 | 1, ..) => Some(Unusable::Pkix),
            (4.., ..) => Some(Unusable::Usage),
            (_, 2.., ..) => Some(Unusable::Selector),
            (_, _, 3.., _) => Some(Unusable::Matching),
            (_, _, 1, length) if length != 32 => Some(Unusable::Length),
            (_, _, 2, length) if length != 64 => Some(Unusable::Length),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_records_senders_use() {
        for (head, length, unusable) in [
            ([3, 1, 1], 32, None),
            ([2, 0, 1], 32, None),
            ([3, 0, 2], 64, None),
            ([3, 1, 0], 91, None),
            ([0, 0, 1], 32, Some(Unusable::Pkix)),
            ([1, 1, 1], 32, Some(Unusable::Pkix)),
            ([4, 1, 1], 32, Some(Unusable::Usage)),
            ([3, 2, 1], 32, Some(Unusable::Selector)),
            ([3, 1, 3], 32, Some(Unusable::Matching)),
            ([3, 1, 1], 31, Some(Unusable::Length)),
            ([3, 1, 2], 32, Some(Unusable::Length)),
        ] {
            let mut bytes = head.to_vec();
            bytes.resize(3 + length, 7);
            let found = record(&bytes).map(|tlsa| tlsa.unusable());
            assert_eq!(found, Ok(unusable), "{head:?} {length}");
        }
        assert!(record(&[3, 1, 1]).is_err());
        assert!(record(&[]).is_err());
        assert!(record(&[3; 3 + MAX_DATA + 1]).is_err());
        assert!(record(&[3; 3 + MAX_DATA]).is_ok());
    }
}
