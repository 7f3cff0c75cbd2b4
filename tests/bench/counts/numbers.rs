//! The numbers that are known: a file of lines, first what they were counted with, then name and number.

use std::fs;

use super::Trouble;

/// Where they stand.
pub(crate) const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/bench/counts/numbers.txt"
);

/// Of each case its number, and what it was counted with.
pub(crate) struct Numbers {
    pub(crate) here: String,
    pub(crate) counts: Vec<(String, u64)>,
}

impl Numbers {
    pub(crate) fn read() -> Result<Self, Trouble> {
        let text = fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
        let mut lines = text.lines();
        let here = lines.next().unwrap_or_default().to_owned();
        let counts = lines.map(|line| {
            let (name, number) = line.split_once(' ').ok_or("a line without a number")?;
            Ok((name.to_owned(), number.trim().parse()?))
        });
        Ok(Self {
            here,
            counts: counts.collect::<Result<_, Trouble>>()?,
        })
    }

    pub(crate) fn of(&self, name: &str) -> Option<u64> {
        let found = self.counts.iter().find(|(known, _)| known == name);
        found.map(|(_, number)| *number)
    }

    pub(crate) fn write(&self) -> Result<(), Trouble> {
        let lines = self
            .counts
            .iter()
            .map(|(name, number)| format!("{name} {number}\n"));
        let text = format!("{}\n{}", self.here, lines.collect::<String>());
        Ok(fs::write(FILE, text)?)
    }
}
