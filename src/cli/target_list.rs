//! The targets of a run, one after the other: those on the command line, those of lists as they are read. A host that is
//! listed again is looked at once.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, IsTerminal as _};
use std::mem;
use std::path::{Path, PathBuf};

use super::error::{UsageError, shown};
use super::lines::{ListLines, Next, Patience};
use super::targets::{Listed, host, listed};
use crate::catalog::Role;
use crate::plan::{Host, Limits};

/// What is left of the targets.
#[derive(Debug)]
pub(super) struct TargetList {
    sources: VecDeque<TargetSource>,
    open: Option<ListLines>,
    seen: KnownTargets,
}

#[derive(Clone, Debug)]
enum TargetSource {
    Typed(String),
    StandardInput,
    File(PathBuf),
}

/// The targets that there were, by their hashes: the last of them, where they are very many.
#[derive(Debug, Default)]
struct KnownTargets {
    hasher: RandomState,
    new: HashSet<u64>,
    old: HashSet<u64>,
}

impl TargetList {
    /// All targets, as typed, `-` for standard input, then those of files.
    pub(super) fn new(typed: &[String], files: &[PathBuf]) -> Result<Self, UsageError> {
        if files.iter().any(|path| path.as_os_str() == "-") {
            return Err(UsageError(
                "--targets-file takes no `-`: standard input is a target, as in `exchports check -`"
                    .to_owned(),
            ));
        }
        let typed = typed.iter().map(|word| match word.as_str() {
            "-" => TargetSource::StandardInput,
            _ => TargetSource::Typed(word.clone()),
        });
        Ok(Self::of(
            typed
                .chain(files.iter().cloned().map(TargetSource::File))
                .collect(),
        ))
    }

    fn of(sources: VecDeque<TargetSource>) -> Self {
        Self {
            sources,
            open: None,
            seen: KnownTargets::default(),
        }
    }

    /// The next target that was not there before.
    pub(super) fn next(&mut self, patience: Patience) -> Result<Next<Listed>, UsageError> {
        loop {
            let Some(next) = self.next_listed(patience)? else {
                return Ok(Next::End);
            };
            match next {
                Next::Item(target) if self.seen.is_new(&target.host, target.role) => {
                    return Ok(Next::Item(target));
                }
                Next::Item(_) => {}
                other => return Ok(other),
            }
        }
    }

    /// The next, which may be there again; `None` at the end of all.
    fn next_listed(&mut self, patience: Patience) -> Result<Option<Next<Listed>>, UsageError> {
        loop {
            if let Some(lines) = &mut self.open {
                match lines.next(patience)? {
                    Next::Item(line) => match listed(&line).map_err(|error| lines.error(&error))? {
                        Some(target) => return Ok(Some(Next::Item(target))),
                        None => continue,
                    },
                    Next::Later => return Ok(Some(Next::Later)),
                    Next::End => self.open = None,
                }
            }
            match self.sources.pop_front() {
                None => return Ok(None),
                Some(TargetSource::Typed(word)) => {
                    return Ok(Some(Next::Item(Listed {
                        host: host(&word)?,
                        name: word,
                        role: None,
                    })));
                }
                Some(TargetSource::StandardInput) => {
                    self.open = Some(ListLines::of_standard_input());
                }
                Some(TargetSource::File(path)) => {
                    let name = file_name(&path);
                    let file = File::open(&path).map_err(|error| unreadable(&name, &error))?;
                    self.open = Some(ListLines::of_file(name, file));
                }
            }
        }
    }

    /// How long is waited for what comes later: whoever types a list has an end in mind.
    pub(super) fn patience() -> Patience {
        if io::stdin().is_terminal() {
            Patience::Endless
        } else {
            Patience::Short
        }
    }
}

/// The parts of the targets that can be read twice: those typed, and files; every other gives what it has only once.
pub(super) fn readable_twice(
    typed: &[String],
    files: &[PathBuf],
) -> Result<(TargetList, bool), UsageError> {
    let mut sources = VecDeque::new();
    let mut is_all = true;
    for word in typed {
        if word == "-" {
            is_all = false;
        } else {
            sources.push_back(TargetSource::Typed(word.clone()));
        }
    }
    for path in files {
        let about = fs::metadata(path).map_err(|error| unreadable(&file_name(path), &error))?;
        if about.is_file() {
            sources.push_back(TargetSource::File(path.clone()));
        } else {
            is_all = false;
        }
    }
    Ok((TargetList::of(sources), is_all))
}

/// No target at all: a list that is empty by mistake must not look like a run without findings.
pub(super) fn none(typed: &[String], files: &[PathBuf]) -> UsageError {
    let lists = match (typed, files) {
        ([], []) => {
            return UsageError(
                "no target: name at least one host, as in `exchports check mail.example.com`"
                    .to_owned(),
            );
        }
        ([], [file]) => format!("{} has no target", file_name(file)),
        (_, []) => "standard input has no target".to_owned(),
        _ => "none of the lists has a target".to_owned(),
    };
    UsageError(format!(
        "{lists} in it: write one host per line; `#` starts a comment"
    ))
}

fn file_name(path: &Path) -> String {
    format!("--targets-file {}", shown(path))
}

fn unreadable(name: &str, error: &io::Error) -> UsageError {
    UsageError(format!("{name} cannot be read: {error}"))
}

impl KnownTargets {
    fn is_new(&mut self, host: &Host, role: Option<Role>) -> bool {
        let hash = self.hasher.hash_one((host, role));
        if self.new.contains(&hash) || self.old.contains(&hash) {
            return false;
        }
        if self.new.len() >= Limits::REMEMBERED {
            self.old = mem::take(&mut self.new);
        }
        self.new.insert(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_listed_again_is_looked_at_once() {
        let typed = [
            "a.example",
            "A.example",
            "[::1]",
            "::1",
            "127.0.0.1",
            "a.example.",
        ];
        let mut list = TargetList::new(&typed.map(str::to_owned), &[]).expect("hosts");
        let mut found = Vec::new();
        while let Ok(Next::Item(target)) = list.next(Patience::Endless) {
            found.push(target.name);
        }
        assert_eq!(found, ["a.example", "[::1]", "127.0.0.1", "a.example."]);
    }

    #[test]
    fn of_very_many_the_last_are_remembered() {
        let name = |number: usize| Host::Name(format!("host-{number}.example"));
        let mut seen = KnownTargets::default();
        for number in 0..=2 * Limits::REMEMBERED {
            assert!(seen.is_new(&name(number), None), "{number}");
        }
        assert!(!seen.is_new(&name(Limits::REMEMBERED), None));
        assert!(seen.is_new(&name(0), None));
        assert!(seen.is_new(&name(0), Some(Role::Edge)), "in another role");
    }
}
