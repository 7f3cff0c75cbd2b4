//! Exchange's builds: which product and which update a version is, until when Microsoft supports it, and what Exchange
//! Online thinks of it.
//!
//! The table is as old as [`AS_OF`] and says so: a version that it does not know is unknown, never old. Microsoft's own
//! table: <https://learn.microsoft.com/exchange/new-features/build-numbers-and-release-dates>.

/// A day: year, month, day.
pub type Day = (i32, u8, u8);

/// The day on which this table was last compared with what Microsoft had published.
pub const AS_OF: Day = (2026, 11, 26);

/// Where Microsoft publishes build numbers.
pub const SOURCE: &str =
    "https://learn.microsoft.com/exchange/new-features/build-numbers-and-release-dates";

/// A product line.
#[derive(Debug, Eq, PartialEq)]
pub struct ExchangeProduct {
    /// What it is called.
    pub name: &'static str,
    /// The first version of it; it reaches up to the next row.
    since: (u32, u32, u32),
    /// The day on which support ended.
    pub ended: Option<Day>,
}

/// A version as servers tell it: `15.2.2562.46`, or without the last number.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct BuildNumber {
    /// Major, minor and build: they tell products and cumulative updates apart.
    pub line: (u32, u32, u32),
    /// The revision tells security and hotfix updates apart; not every source has it.
    pub revision: Option<u32>,
}

/// An update of a cumulative update.
#[derive(Debug, Eq, PartialEq)]
pub struct Update {
    /// As Microsoft calls it, for example `August 2026 SU`.
    pub name: &'static str,
    /// The day on which it was released.
    pub released: Day,
}

/// A cumulative update: its line, its name, and the revision of each update of it, oldest first.
struct Cumulative {
    line: (u32, u32, u32),
    name: &'static str,
    revisions: &'static [(u32, &'static Update)],
}

/// What the table knows of a version.
#[derive(Clone, Copy, Debug)]
pub struct BuildStanding {
    /// Which product.
    pub product: &'static ExchangeProduct,
    /// Which cumulative update, for example `CU15`.
    pub cumulative: Option<&'static str>,
    /// The newest update that the version has at least.
    pub update: Option<&'static Update>,
    /// How its age stands to the table.
    pub age: Age,
}

/// How a version stands to the newest that the table knows of its line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Age {
    /// The newest known.
    Newest,
    /// This many newer updates of the same cumulative update were known.
    Behind(usize),
    /// Newer than the table.
    NewerThanTable,
    /// The table cannot say.
    Unknown,
}

/// The products, oldest first. Microsoft, Lifecycle: <https://learn.microsoft.com/lifecycle/products/>.
const PRODUCTS: &[ExchangeProduct] = &[
    product_line("Exchange Server 2007", (8, 0, 0), Some((2017, 4, 11))),
    product_line("Exchange Server 2010", (14, 0, 0), Some((2020, 10, 13))),
    product_line("Exchange Server 2013", (15, 0, 0), Some((2023, 4, 11))),
    product_line("Exchange Server 2016", (15, 1, 0), Some((2025, 10, 14))),
    product_line("Exchange Server 2019", (15, 2, 0), Some((2025, 10, 14))),
    product_line("Exchange Server SE", (15, 2, 2562), None),
    product_line(ONLINE, (15, 20, 0), None),
];

const ONLINE: &str = "Exchange Online";

const fn product_line(
    name: &'static str,
    since: (u32, u32, u32),
    ended: Option<Day>,
) -> ExchangeProduct {
    ExchangeProduct { name, since, ended }
}

const fn update(name: &'static str, released: Day) -> Update {
    Update { name, released }
}

static APRIL_2025: Update = update("April 2025 HU", (2025, 4, 18));
static MAY_2025: Update = update("May 2025 HU", (2025, 5, 29));
static AUGUST_2025: Update = update("August 2025 SU", (2025, 8, 12));
static SEPTEMBER_2025: Update = update("September 2025 HU", (2025, 9, 8));
static OCTOBER_2025: Update = update("October 2025 SU", (2025, 10, 14));
static DECEMBER_2025: Update = update("December 2025 SU", (2025, 12, 9));
static FEBRUARY_2026: Update = update("February 2026 SU", (2026, 2, 10));
static MAY_2026: Update = update("May 2026 HU", (2026, 5, 7));
static JUNE_2026: Update = update("June 2026 SU", (2026, 6, 9));
static JULY_2026: Update = update("July 2026 SU", (2026, 7, 14));
static AUGUST_2026: Update = update("August 2026 SU", (2026, 8, 11));
static SEPTEMBER_2026: Update = update("September 2026 SU", (2026, 9, 8));
static SEPTEMBER_2026_V2: Update = update("September 2026 SU v2", (2026, 10, 2));

/// The cumulative updates whose updates are known, by line.
static CUMULATIVES: [Cumulative; 4] = [
    Cumulative {
        line: (15, 1, 2507),
        name: "CU23",
        revisions: &[
            (55, &APRIL_2025),
            (57, &MAY_2025),
            (58, &AUGUST_2025),
            (59, &SEPTEMBER_2025),
            (61, &OCTOBER_2025),
            (63, &DECEMBER_2025),
            (66, &FEBRUARY_2026),
            (69, &JUNE_2026),
            (71, &JULY_2026),
            (72, &AUGUST_2026),
            (73, &SEPTEMBER_2026),
            (75, &SEPTEMBER_2026_V2),
        ],
    },
    Cumulative {
        line: (15, 2, 1544),
        name: "CU14",
        revisions: &[
            (25, &APRIL_2025),
            (27, &MAY_2025),
            (33, &AUGUST_2025),
            (34, &SEPTEMBER_2025),
            (36, &OCTOBER_2025),
            (37, &DECEMBER_2025),
            (39, &FEBRUARY_2026),
            (41, &JUNE_2026),
            (43, &JULY_2026),
            (44, &AUGUST_2026),
            (46, &SEPTEMBER_2026),
            (48, &SEPTEMBER_2026_V2),
        ],
    },
    Cumulative {
        line: (15, 2, 1748),
        name: "CU15",
        revisions: &[
            (24, &APRIL_2025),
            (26, &MAY_2025),
            (36, &AUGUST_2025),
            (37, &SEPTEMBER_2025),
            (39, &OCTOBER_2025),
            (42, &DECEMBER_2025),
            (43, &FEBRUARY_2026),
            (46, &JUNE_2026),
            (48, &JULY_2026),
            (49, &AUGUST_2026),
            (51, &SEPTEMBER_2026),
            (53, &SEPTEMBER_2026_V2),
        ],
    },
    Cumulative {
        line: (15, 2, 2562),
        name: "RTM",
        revisions: &[
            (20, &AUGUST_2025),
            (27, &SEPTEMBER_2025),
            (29, &OCTOBER_2025),
            (35, &DECEMBER_2025),
            (37, &FEBRUARY_2026),
            (41, &MAY_2026),
            (43, &JUNE_2026),
            (45, &JULY_2026),
            (46, &AUGUST_2026),
            (49, &SEPTEMBER_2026),
            (53, &SEPTEMBER_2026_V2),
        ],
    },
];

/// Older cumulative updates, of which only the name is of use: a newer one is the answer.
static OLDER: [((u32, u32, u32), &str); 10] = [
    ((15, 0, 1497), "CU23"),
    ((15, 1, 2176), "CU19"),
    ((15, 1, 2242), "CU20"),
    ((15, 1, 2308), "CU21"),
    ((15, 1, 2375), "CU22"),
    ((15, 2, 858), "CU9"),
    ((15, 2, 922), "CU10"),
    ((15, 2, 986), "CU11"),
    ((15, 2, 1118), "CU12"),
    ((15, 2, 1258), "CU13"),
];

/// The least that Exchange Online takes mail from through a connector of type `OnPremises` since September 2026: the
/// October 2025 SU of 2016 CU23 and of 2019 CU15. Subscription Edition is not affected. Microsoft, Throttling and blocking
/// email from persistently vulnerable Exchange servers to Exchange Online.
const LEAST_FOR_ONLINE: [(u32, u32, u32, u32); 2] = [(15, 1, 2507, 61), (15, 2, 1748, 39)];

impl BuildNumber {
    /// Reads what a server says: `15.2.1748.10`, `15.01.2176.009`, `15.2.1748`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split('.').map(|number| number.parse().ok());
        Some(Self {
            line: (numbers.next()??, numbers.next()??, numbers.next()??),
            revision: numbers.next().flatten(),
        })
    }

    /// What the table knows of it; `None` where it knows not even the product.
    #[must_use]
    pub fn known(self) -> Option<BuildStanding> {
        let product = PRODUCTS.iter().rfind(|row| row.since <= self.line)?;
        // What is newer than this table is not guessed at, and 9 to 13 never were.
        if self.line.0 != product.since.0 || self.line.1 > 20 {
            return None;
        }
        let mut known = BuildStanding {
            product,
            cumulative: None,
            update: None,
            age: Age::Unknown,
        };
        if let Some(row) = CUMULATIVES.iter().find(|row| row.line == self.line) {
            known.cumulative = Some(row.name);
            if let Some(revision) = self.revision {
                let has = row.revisions.partition_point(|(of, _)| *of <= revision);
                known.update = row
                    .revisions
                    .iter()
                    .take(has)
                    .next_back()
                    .map(|(_, update)| *update);
                known.age = age(row.revisions, has, revision);
            }
        } else if let Some((_, name)) = OLDER.iter().find(|(line, _)| *line == self.line) {
            known.cumulative = Some(name);
        } else if !product.is_online() && CUMULATIVES.iter().all(|row| row.line < self.line) {
            known.age = Age::NewerThanTable;
        }
        Some(known)
    }

    /// Whether Exchange Online throttles and then refuses mail that a server of this build sends through a connector;
    /// the build that it asks for at least. A version without its last number is given the benefit of the doubt.
    #[must_use]
    pub fn least_for_online(self) -> Option<(u32, u32, u32, u32)> {
        let (major, minor, build) = self.line;
        let least = LEAST_FOR_ONLINE
            .into_iter()
            .find(|least| (major, minor) <= (least.0, least.1))?;
        let seen = (major, minor, build, self.revision.unwrap_or(u32::MAX));
        (seen < least).then_some(least)
    }
}

fn age(revisions: &[(u32, &Update)], has: usize, revision: u32) -> Age {
    match revisions.len() - has {
        0 if revisions
            .last()
            .is_some_and(|(newest, _)| *newest < revision) =>
        {
            Age::NewerThanTable
        }
        0 => Age::Newest,
        newer => Age::Behind(newer),
    }
}

impl ExchangeProduct {
    /// Whether it is Microsoft's own service.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.name == ONLINE
    }
}

impl BuildStanding {
    /// Product and update in words: `Exchange Server SE RTM, at least August 2026 SU`. The web services may have missed
    /// an update that did not touch them.
    #[must_use]
    pub fn name(&self) -> String {
        let mut name = self.product.name.to_owned();
        if let Some(cumulative) = self.cumulative {
            name.push(' ');
            name.push_str(cumulative);
        }
        if let Some(update) = self.update {
            name.push_str(", at least ");
            name.push_str(update.name);
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Option<BuildStanding> {
        BuildNumber::read(text).and_then(BuildNumber::known)
    }

    #[test]
    fn builds_are_of_their_product_and_update() {
        for (text, name) in [
            ("8.3.517.0", Some("Exchange Server 2007")),
            ("14.3.513.0", Some("Exchange Server 2010")),
            ("15.0.1497.48", Some("Exchange Server 2013 CU23")),
            ("15.01.2507.006", Some("Exchange Server 2016 CU23")),
            (
                "15.01.2507.061",
                Some("Exchange Server 2016 CU23, at least October 2025 SU"),
            ),
            (
                "15.2.1544.35",
                Some("Exchange Server 2019 CU14, at least September 2025 HU"),
            ),
            ("15.2.1748.10", Some("Exchange Server 2019 CU15")),
            ("15.2.1748", Some("Exchange Server 2019 CU15")),
            ("15.2.1800.1", Some("Exchange Server 2019")),
            (
                "15.2.2562.46",
                Some("Exchange Server SE RTM, at least August 2026 SU"),
            ),
            ("15.2.3000.1", Some("Exchange Server SE")),
            ("15.20.8000.1", Some("Exchange Online")),
            ("15.21.1.1", None),
            ("16.0.1.1", None),
            ("12.0.1.1", None),
            ("6.5.7638.1", None),
        ] {
            assert_eq!(
                known(text).map(|known| known.name()).as_deref(),
                name,
                "{text}"
            );
        }
        for text in ["", "15", "15.2", "15.2.x", "15..2.1", "4294967296.1.1"] {
            assert_eq!(BuildNumber::read(text), None, "{text}");
        }
    }

    #[test]
    fn builds_newer_than_the_table_are_never_old() {
        for (text, age) in [
            ("15.2.2562.53", Age::Newest),
            ("15.2.2562.49", Age::Behind(1)),
            ("15.2.2562.46", Age::Behind(2)),
            ("15.2.2562.17", Age::Behind(11)),
            ("15.2.2562.54", Age::NewerThanTable),
            ("15.2.2562", Age::Unknown),
            ("15.2.3000.1", Age::NewerThanTable),
            ("15.2.1800.1", Age::Unknown),
            ("15.0.1497.48", Age::Unknown),
            ("15.20.8000.1", Age::Unknown),
        ] {
            assert_eq!(known(text).map(|known| known.age), Some(age), "{text}");
        }
    }

    #[test]
    fn builds_under_the_least_are_throttled_by_exchange_online() {
        for (text, least) in [
            ("15.0.1497.48", Some((15, 1, 2507, 61))),
            ("15.1.2507.59", Some((15, 1, 2507, 61))),
            ("15.1.2507.61", None),
            ("15.1.2507", None),
            ("15.1.2375.37", Some((15, 1, 2507, 61))),
            ("15.2.1544.48", Some((15, 2, 1748, 39))),
            ("15.2.1748.37", Some((15, 2, 1748, 39))),
            ("15.2.1748.39", None),
            ("15.2.2562.17", None),
            ("15.20.8000.1", None),
        ] {
            let version = BuildNumber::read(text).expect("a version");
            assert_eq!(version.least_for_online(), least, "{text}");
        }
    }

    #[test]
    fn builds_stand_in_order_of_age() {
        assert!(PRODUCTS.is_sorted_by_key(|row| row.since));
        for row in &CUMULATIVES {
            assert!(row.revisions.is_sorted_by_key(|(revision, _)| *revision));
            assert!(
                row.revisions
                    .is_sorted_by_key(|(_, update)| update.released)
            );
        }
        assert!(CUMULATIVES.iter().all(|row| {
            row.revisions
                .iter()
                .all(|(_, update)| update.released <= AS_OF)
        }));
    }
}
