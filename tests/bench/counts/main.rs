//! How many instructions what matters takes. They are the same on a busy machine, so that a few per cent more are seen,
//! which no clock would show.
//!
//! ```sh
//! cargo bench --bench counts              # compared with numbers.txt: 2 % more or less are an error
//! cargo bench --bench counts -- --renew   # the numbers are written anew
//! ```
//!
//! Each case runs under valgrind in a process of its own, once with few rounds and once with many: what is between the
//! two is what a round takes, whatever came before. The compiler, the C library and the instructions that the processor
//! knows make other numbers, and so they stand in numbers.txt. Where they are others the numbers are shown, and nothing
//! is held. Cryptography is left out: its code is chosen by the processor.

mod cases;
mod conversation;
mod machine;
mod numbers;
mod staged;

use std::error::Error;
use std::io::{self, Write};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, thread};

use cases::CASES;
use numbers::Numbers;

/// What kept something from being counted.
type Trouble = Box<dyn Error + Send + Sync>;

/// Rounds of the two runs of a case.
const ROUNDS: [u64; 2] = [2, 22];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["--count", case, rounds] => count(case, rounds).map(|()| ExitCode::SUCCESS),
        // `cargo test --all-targets` starts benches too.
        words if !words.contains(&"--bench") => Ok(ExitCode::SUCCESS),
        words => compare(words.contains(&"--renew")),
    };
    done.unwrap_or_else(|trouble| {
        say(&format!("nothing is held: {trouble}"));
        ExitCode::FAILURE
    })
}

/// The child: so many rounds of a case, and nothing else.
fn count(case: &str, rounds: &str) -> Result<(), Trouble> {
    let (_, prepare) = CASES
        .iter()
        .find(|(name, _)| *name == case)
        .ok_or("no such case")?;
    let rounds: u64 = rounds.parse()?;
    let mut round = prepare();
    for _ in 0..rounds {
        round();
    }
    Ok(())
}

fn compare(is_renewed: bool) -> Result<ExitCode, Trouble> {
    let here = machine::description()?;
    let counts = all_counts()?;
    let found = Numbers { here, counts };
    if is_renewed {
        found.write()?;
        say(&format!("written to {}", numbers::FILE));
    }
    let known = Numbers::read()?;
    say(&format!(
        "{:28} {:>12} {:>12}",
        "instructions", "known", "now"
    ));
    let mut missed = 0;
    for (name, now) in &found.counts {
        let was = known.of(name);
        let is_met = was.is_some_and(|was| is_near(was, *now));
        missed += usize::from(!is_met);
        let was = was.map_or_else(|| "none".to_owned(), |was| was.to_string());
        let mark = if is_met { "" } else { "   beyond 2 %" };
        say(&format!("{name:28} {was:>12} {now:>12}{mark}"));
    }
    if known.here != found.here {
        say("NOTHING IS HELD: the numbers were counted with");
        say(&format!("  {}", known.here));
        say("and this is");
        say(&format!("  {}", found.here));
        return Ok(ExitCode::SUCCESS);
    }
    if missed > 0 {
        say(&format!(
            "{missed} beyond 2 %. Where that is meant: cargo bench --bench counts -- --renew"
        ));
        return Ok(ExitCode::FAILURE);
    }
    say("all within 2 %");
    Ok(ExitCode::SUCCESS)
}

/// Fewer is told as well: else a gain would be room for what comes after it. Of a few dozen instructions 2 % would be
/// none at all.
fn is_near(was: u64, now: u64) -> bool {
    let difference = was.abs_diff(now);
    difference * 50 <= was || difference <= 4
}

fn all_counts() -> Result<Vec<(String, u64)>, Trouble> {
    let next = AtomicUsize::new(0);
    let counts = Mutex::new(Vec::new());
    let work = || -> Result<(), Trouble> {
        while let Some((name, _)) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
            let [few, many] = ROUNDS;
            let more = instructions(name, many)?.saturating_sub(instructions(name, few)?);
            let count = ((*name).to_owned(), more / (many - few));
            counts.lock().map_err(|_| "a counter broke")?.push(count);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let at_once = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a counter broke")?)
    })?;
    let mut counts = counts.into_inner().map_err(|_| "a counter broke")?;
    counts.sort();
    Ok(counts)
}

/// The instructions of a whole process, in an environment that is the same everywhere.
fn instructions(case: &str, rounds: u64) -> Result<u64, Trouble> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no"])
        .arg("--cachegrind-out-file=/dev/null")
        .arg(env::current_exe()?)
        .args(["--count", case, &format!("{rounds:06}")])
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .output()
        .map_err(|error| format!("valgrind cannot be started: {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    told.lines()
        .find_map(|line| {
            let (_, number) = line.split_once("I   refs:")?;
            number.trim().replace(',', "").parse().ok()
        })
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("valgrind told no number of {case}:\n{told}").into())
}

fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
