//! Exchange's builds: which product a version is, and until when Microsoft mends it. As of November 2026.

use time::{Date, Month, OffsetDateTime};

/// A product line.
#[derive(Debug)]
pub(super) struct Product {
    /// What it is called.
    pub(super) name: &'static str,
    /// The first version of it; it reaches up to the next row.
    since: (u32, u32, u32),
    /// The day on which support ended: year, month, day.
    ended: Option<(i32, Month, u8)>,
}

/// The lines, oldest first. Sources: Microsoft, Exchange Server build numbers and release dates; Microsoft, Lifecycle.
const PRODUCTS: &[Product] = &[
    Product {
        name: "Exchange Server 2007",
        since: (8, 0, 0),
        ended: Some((2017, Month::April, 11)),
    },
    Product {
        name: "Exchange Server 2010",
        since: (14, 0, 0),
        ended: Some((2020, Month::October, 13)),
    },
    Product {
        name: "Exchange Server 2013",
        since: (15, 0, 0),
        ended: Some((2023, Month::April, 11)),
    },
    Product {
        name: "Exchange Server 2016",
        since: (15, 1, 0),
        ended: Some((2025, Month::October, 14)),
    },
    Product {
        name: "Exchange Server 2019",
        since: (15, 2, 0),
        ended: Some((2025, Month::October, 14)),
    },
    Product {
        name: "Exchange Server Subscription Edition",
        since: (15, 2, 2562),
        ended: None,
    },
    Product {
        name: ONLINE,
        since: (15, 20, 0),
        ended: None,
    },
];

const ONLINE: &str = "Exchange Online";

/// The three numbers of a version that tell products apart: `15.2.1748.10`, `15.01.2176.009`, `15.2.1748`.
pub(super) fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = text.trim().split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

/// The product of a version; `None` for one that no row knows.
pub(super) fn product(version: (u32, u32, u32)) -> Option<&'static Product> {
    let product = PRODUCTS.iter().rfind(|row| row.since <= version)?;
    // What is newer than this table is not guessed at, and 9 to 13 never were.
    let is_known = version.0 == product.since.0 && version.1 <= 20;
    is_known.then_some(product)
}

impl Product {
    /// Whether it is Microsoft's own service.
    pub(super) fn is_online(&self) -> bool {
        self.name == ONLINE
    }

    /// The day on which support ended, if that is over.
    pub(super) fn ended(&self, now: OffsetDateTime) -> Option<Date> {
        let (year, month, day) = self.ended?;
        let date = Date::from_calendar_date(year, month, day).ok()?;
        (now.date() >= date).then_some(date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_of_its_product() {
        for (text, name) in [
            ("8.3.517.0", Some("Exchange Server 2007")),
            ("14.3.513.0", Some("Exchange Server 2010")),
            ("15.0.1497.48", Some("Exchange Server 2013")),
            ("15.01.2507.009", Some("Exchange Server 2016")),
            ("15.2.1748.10", Some("Exchange Server 2019")),
            ("15.2.1748", Some("Exchange Server 2019")),
            ("15.2.2562.46", Some("Exchange Server Subscription Edition")),
            ("15.20.8000.1", Some("Exchange Online")),
            ("15.21.1.1", None),
            ("16.0.1.1", None),
            ("12.0.1.1", None),
            ("6.5.7638.1", None),
        ] {
            let found = version(text).and_then(product).map(|product| product.name);
            assert_eq!(found, name, "{text}");
        }
        for text in ["", "15", "15.2", "15.2.x", "15..2.1", "4294967296.1.1"] {
            assert_eq!(version(text), None, "{text}");
        }
    }

    #[test]
    fn support_ends_on_its_day() {
        let product = product((15, 2, 1748)).expect("Exchange Server 2019");
        let moment = |seconds| OffsetDateTime::from_unix_timestamp(seconds).expect("a moment");
        // 2025-10-13T23:59:59Z and a second later.
        assert_eq!(product.ended(moment(1_760_399_999)), None);
        assert!(product.ended(moment(1_760_400_000)).is_some());
    }

    #[test]
    fn rows_are_in_order() {
        assert!(PRODUCTS.is_sorted_by_key(|row| row.since));
    }
}
