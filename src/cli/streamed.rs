//! The targets of a run: the first of them, which are known when it begins, and the others, which are read as they are
//! needed.

use std::fmt;
use std::path::PathBuf;

use super::error::UsageError;
use super::lines::{Next, Patience};
use super::target_list::{self, TargetList};
use super::targets::Listed;
use crate::plan::{Limits, Target};

/// What is made of a listed host.
pub(super) type Recipe = Box<dyn Fn(Listed) -> Result<Target, UsageError> + Send>;

/// The targets after those that are known when a run begins. They are read as they are asked for, which may take long
/// where they come from a pipe, and end where one cannot be meant.
pub struct MoreTargets {
    list: TargetList,
    recipe: Recipe,
    count: Option<usize>,
    is_over: bool,
}

/// How many are known when a run begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ListPart {
    /// What is done with them needs them all.
    Whole,
    /// The first, and of a pipe what it has at once.
    Beginning,
}

/// The first targets, and what comes after them. Of files that are longer all lines are looked at before anything else
/// happens: a mistake in the last of them is not told after hours.
pub(super) fn targets(
    typed: &[String],
    files: &[PathBuf],
    part: ListPart,
    recipe: Recipe,
) -> Result<(Vec<Target>, Option<MoreTargets>), UsageError> {
    let mut list = TargetList::new(typed, files)?;
    let mut targets = Vec::new();
    loop {
        let patience = match part {
            ListPart::Beginning if !targets.is_empty() => TargetList::patience(),
            ListPart::Whole | ListPart::Beginning => Patience::Endless,
        };
        match list.next(patience)? {
            Next::Item(target) => targets.push(recipe(target)?),
            Next::End if targets.is_empty() => return Err(target_list::none(typed, files)),
            Next::End => return Ok((targets, None)),
            Next::Later => break,
        }
        match part {
            ListPart::Beginning if targets.len() >= Limits::LISTED => break,
            ListPart::Whole if targets.len() > Limits::KEPT => {
                return Err(UsageError(format!(
                    "--wait, --nodes and --domain take {} targets at the most: check the others without them",
                    Limits::KEPT
                )));
            }
            ListPart::Beginning | ListPart::Whole => {}
        }
    }
    let (mut again, is_all) = target_list::readable_twice(typed, files)?;
    let mut count = 0;
    while let Next::Item(target) = again.next(Patience::Endless)? {
        recipe(target)?;
        count += 1;
    }
    if is_all && count == targets.len() {
        return Ok((targets, None));
    }
    let more = MoreTargets {
        list,
        recipe,
        count: is_all.then_some(count),
        is_over: false,
    };
    Ok((targets, Some(more)))
}

impl MoreTargets {
    /// How many targets there are, with those that are known when the run begins; `None` where a pipe has not told.
    #[must_use]
    pub fn total(&self) -> Option<usize> {
        self.count
    }
}

impl Iterator for MoreTargets {
    type Item = Result<Target, UsageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = match self.list.next(Patience::Endless) {
            Ok(Next::Item(listed)) => Some((self.recipe)(listed)),
            Ok(Next::Later | Next::End) => None,
            Err(error) => Some(Err(error)),
        };
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

impl fmt::Debug for MoreTargets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MoreTargets")
            .field("list", &self.list)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
