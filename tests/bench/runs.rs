//! Processes, timed from the start of the first to the end of the last.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Trouble;

/// Commands that are started at once, and the exit code that every one of them has to end with.
pub(crate) struct Job {
    commands: Vec<Command>,
    exit: i32,
}

impl Job {
    /// A single command that has to succeed.
    pub(crate) fn new(command: Command) -> Self {
        Self::at_once(vec![command])
    }

    /// Several commands, started at once.
    pub(crate) fn at_once(mut commands: Vec<Command>) -> Self {
        for command in &mut commands {
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
        }
        Self { commands, exit: 0 }
    }

    /// Another exit code to end with.
    pub(crate) fn ends_with(self, exit: i32) -> Self {
        Self { exit, ..self }
    }

    fn run(&mut self) -> Result<Duration, Trouble> {
        let began = Instant::now();
        let children: Vec<_> = self.commands.iter_mut().map(Command::spawn).collect();
        let mut ends = Vec::with_capacity(children.len());
        for child in children {
            ends.push(child.and_then(|mut child| child.wait()));
        }
        let took = began.elapsed();
        for (command, end) in self.commands.iter().zip(ends) {
            let end = end?;
            if end.code() != Some(self.exit) {
                return Err(
                    format!("{end}, not exit code {}, after {command:?}", self.exit).into(),
                );
            }
        }
        Ok(took)
    }
}

/// Runs a job, once without counting it, then so many times.
pub(crate) fn alone(job: &mut Job, rounds: usize) -> Result<Spread, Trouble> {
    job.run()?;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        times.push(job.run()?);
    }
    Ok(Spread::of(times))
}

/// Runs two jobs in turns: once without counting, then so many pairs.
pub(crate) fn in_turns(ours: &mut Job, theirs: &mut Job, pairs: usize) -> Result<Turns, Trouble> {
    ours.run()?;
    theirs.run()?;
    let (mut our_times, mut their_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pairs {
        let (our_time, their_time) = (ours.run()?, theirs.run()?);
        ratios.push(their_time.as_secs_f64() / our_time.as_secs_f64());
        our_times.push(our_time);
        their_times.push(their_time);
    }
    ratios.sort_by(f64::total_cmp);
    Ok(Turns {
        ours: Spread::of(our_times),
        theirs: Spread::of(their_times),
        ratios,
    })
}

/// What two jobs took in turns.
pub(crate) struct Turns {
    pub(crate) ours: Spread,
    pub(crate) theirs: Spread,
    ratios: Vec<f64>,
}

impl Turns {
    /// How many times as long theirs took: the median of the pairs.
    pub(crate) fn ratio(&self) -> f64 {
        self.ratios[self.ratios.len() / 2]
    }
}

/// What a job took, in ascending order; never empty.
pub(crate) struct Spread(Vec<Duration>);

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    pub(crate) fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    pub(crate) fn shortest(&self) -> Duration {
        self.0[0]
    }

    pub(crate) fn longest(&self) -> Duration {
        self.0[self.0.len() - 1]
    }
}
