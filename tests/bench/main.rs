//! How fast, how large: the bounds that the program promises, and figures without a bound beside them.
//!
//! ```sh
//! cargo bench                            # everything
//! cargo bench -- openssl filtered        # what has one of these words in its name
//! EXCHPORTS_BENCH_STRICT=1 cargo bench   # a bound that is not met makes the exit code 1
//! ```
//!
//! It runs the release binary, process start to exit, against a stand-in server of its own on loopback. Rivals run in
//! turns with it, so that a busy moment of the machine meets both; what counts is the median of the pairs. `openssl` is
//! taken from `PATH`, `sslyze` from there or from `EXCHPORTS_BENCH_SSLYZE`; where one is missing, that is told. A run
//! that does not end as it should is an error, strict or not: nothing is measured by it.

mod delay;
mod filtered;
mod memory;
mod names;
mod rivals;
mod runs;
mod sheet;
mod stand_in;

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, io, thread};

use filtered::{closed_ports, filtered_ports};
use names::FarNames;
use runs::{Job, alone, in_turns};
use sheet::{Row, Sheet, bytes, millis, times};
use stand_in::{SERVICES, StandIn, with_the_twelve};

/// The release binary.
const BINARY: &str = env!("CARGO_BIN_EXE_exchports");

/// Runs that count, after one that does not.
const ROUNDS: usize = 15;

/// One measurement takes seconds; whatever takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// What kept something from being measured.
type Trouble = Box<dyn Error + Send + Sync>;

type Measure = fn() -> Result<Vec<Row>, Trouble>;

/// What is measured, under the word that picks it.
const MEASURES: [(&str, Measure); 11] = [
    ("size", size),
    ("version", version),
    ("openssl", against_openssl),
    ("far", against_openssl_far_away),
    ("sslyze", against_sslyze),
    ("memory", memory),
    ("filtered", filtered),
    ("targets", many_targets),
    ("events", many_events),
    ("discover", discover),
    ("demo", demo),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut sheet = Sheet::new(io::stdout());
    // `cargo test --all-targets` starts benches too, in a build that says nothing about speed.
    if !arguments.iter().any(|argument| argument == "--bench") {
        sheet.say("nothing measured: `cargo bench` does");
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    sheet.head(BINARY, ROUNDS);
    for (name, measure) in MEASURES {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            match bounded(measure) {
                Ok(rows) => rows.iter().for_each(|row| sheet.write(row)),
                Err(trouble) => sheet.fail(name, &trouble.to_string()),
            }
        }
    }
    let strict = env::var_os("EXCHPORTS_BENCH_STRICT").is_some_and(|value| value == "1");
    sheet.finish(strict)
}

/// Waits for a measurement, but not for ever. One that hangs is left behind: the process ends soon.
fn bounded(measure: Measure) -> Result<Vec<Row>, Trouble> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(measure()));
    match receiver.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            Err(format!("not done after {} s", PATIENCE.as_secs()).into())
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("it panicked".into()),
    }
}

fn size() -> Result<Vec<Row>, Trouble> {
    const MOST: u64 = 7_500_000;
    let size = fs::metadata(BINARY)?.len();
    Ok(vec![Row::Bound {
        what: "release binary",
        figure: bytes(size),
        bound: format!("under {}", bytes(MOST)),
        met: size < MOST,
    }])
}

fn version() -> Result<Vec<Row>, Trouble> {
    const MOST: Duration = Duration::from_millis(5);
    let mut command = Command::new(BINARY);
    command.arg("--version");
    let spread = alone(&mut Job::new(command), 4 * ROUNDS)?;
    Ok(vec![
        Row::times("--version", &spread),
        Row::Bound {
            what: "  the median",
            figure: millis(spread.median()),
            bound: format!("under {}", millis(MOST)),
            met: spread.median() < MOST,
        },
    ])
}

fn against_openssl() -> Result<Vec<Row>, Trouble> {
    const WHAT: &str = "ten openssl s_client at once";
    let stand_in = StandIn::start()?;
    let theirs = match rivals::openssl(&stand_in)? {
        Ok(commands) => commands,
        Err(why) => return Ok(vec![Row::Skipped { what: WHAT, why }]),
    };
    let turns = in_turns(
        &mut Job::new(stand_in.check()),
        &mut Job::at_once(theirs),
        ROUNDS,
    )?;
    Ok(vec![
        Row::times("check, all twelve", &turns.ours),
        Row::times(WHAT, &turns.theirs),
        Row::Bound {
            what: "  theirs / ours, median of pairs",
            figure: times(turns.ratio()),
            bound: format!("over {}", times(1.0)),
            met: turns.ratio() > 1.0,
        },
    ])
}

/// How long a path takes there and back matters more than anything that is computed.
fn against_openssl_far_away() -> Result<Vec<Row>, Trouble> {
    const WHAT: &str = "ten openssl s_client at once, 50 ms away";
    const ONE_WAY: Duration = Duration::from_millis(25);
    let stand_in = StandIn::start_far(ONE_WAY)?;
    let theirs = match rivals::openssl(&stand_in)? {
        Ok(commands) => commands,
        Err(why) => return Ok(vec![Row::Skipped { what: WHAT, why }]),
    };
    let turns = in_turns(
        &mut Job::new(stand_in.check()),
        &mut Job::at_once(theirs),
        ROUNDS,
    )?;
    Ok(vec![
        Row::times("check, all twelve, 50 ms away", &turns.ours),
        Row::times(WHAT, &turns.theirs),
        Row::Bound {
            what: "  theirs / ours, median of pairs",
            figure: times(turns.ratio()),
            bound: format!("over {}", times(1.0)),
            met: turns.ratio() > 1.0,
        },
    ])
}

fn against_sslyze() -> Result<Vec<Row>, Trouble> {
    const LEAST: f64 = 20.0;
    const PAIRS: usize = 11;
    let stand_in = StandIn::start()?;
    let sslyze = match rivals::sslyze(&stand_in)? {
        Ok(sslyze) => sslyze,
        Err(why) => {
            return Ok(vec![Row::Skipped {
                what: "sslyze",
                why,
            }]);
        }
    };
    let mut rows = Vec::new();
    // Its option for STARTTLS holds for every target of a process: ten ports take five processes. That is the same job;
    // the five ports that one process can take are less than that, but its start-up is paid for once.
    for (what, commands) in [
        ("sslyze, ten ports, five at once", sslyze.all),
        ("sslyze, five TLS ports, one process", vec![sslyze.implicit]),
    ] {
        let turns = in_turns(
            &mut Job::new(stand_in.check()),
            &mut Job::at_once(commands),
            PAIRS,
        )?;
        rows.extend([
            Row::times("check, all twelve", &turns.ours),
            Row::times(what, &turns.theirs),
            Row::Bound {
                what: "  theirs / ours, median of pairs",
                figure: times(turns.ratio()),
                bound: format!("at least {}", times(LEAST)),
                met: turns.ratio() >= LEAST,
            },
        ]);
    }
    Ok(rows)
}

fn memory() -> Result<Vec<Row>, Trouble> {
    const MOST: u64 = 12_000_000;
    const WHAT: &str = "peak memory, check, all twelve";
    let stand_in = StandIn::start()?;
    let Some(twelve) = memory::peak(&mut stand_in.check(), ROUNDS)? else {
        return Ok(vec![Row::Skipped {
            what: WHAT,
            why: "only measured on Linux".to_owned(),
        }]);
    };
    let mut one = stand_in.check_of("https");
    let mut many = stand_in.check_many(50)?;
    let unbounded = |what, peak: Option<u64>| Row::Figure {
        what,
        figure: peak.map_or_else(String::new, bytes),
    };
    Ok(vec![
        Row::Bound {
            what: WHAT,
            figure: bytes(twelve),
            bound: format!("under {}", bytes(MOST)),
            met: twelve < MOST,
        },
        unbounded("  only https", memory::peak(&mut one, ROUNDS)?),
        unbounded("  of 50 targets", memory::peak(&mut many.command, 3)?),
    ])
}

fn filtered() -> Result<Vec<Row>, Trouble> {
    const WHAT: &str = "check, twelve filtered ports";
    const CONNECT: Duration = Duration::from_secs(1);
    const MORE: Duration = Duration::from_millis(100);
    let Some(ports) = filtered_ports(SERVICES.len())? else {
        return Ok(vec![Row::Skipped {
            what: WHAT,
            why: "this system answers on a port whose queue is full".to_owned(),
        }]);
    };
    let check = || {
        let mut command = Command::new(BINARY);
        command.args(["check", "127.0.0.1", "--connect-timeout", "1s"]);
        with_the_twelve(&mut command, &ports.numbers());
        command
    };
    // Whether they are, to the program.
    let output = check().arg("--json").output()?;
    let document: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let seen = document["targets"][0]["checks"]
        .as_array()
        .map_or(0, |rows| {
            rows.iter().filter(|row| row["state"] == "filtered").count()
        });
    if seen != SERVICES.len() {
        return Err(format!("{seen} of {} ports look filtered", SERVICES.len()).into());
    }
    let spread = alone(&mut Job::new(check()).ends_with(1), 5)?;
    Ok(vec![
        Row::times(WHAT, &spread),
        Row::Bound {
            what: "  beyond the connect timeout of 1 s",
            figure: millis(spread.median().saturating_sub(CONNECT)),
            bound: format!("at most {}", millis(MORE)),
            met: spread.median() <= CONNECT + MORE,
        },
    ])
}

fn many_targets() -> Result<Vec<Row>, Trouble> {
    const TARGETS: usize = 50;
    let stand_in = StandIn::start()?;
    let many = stand_in.check_many(TARGETS)?;
    let turns = in_turns(
        &mut Job::new(stand_in.check()),
        &mut Job::new(many.command),
        ROUNDS,
    )?;
    let each = turns.theirs.median() / u32::try_from(TARGETS)?;
    Ok(vec![
        Row::times("check, 1 target, 12 checks", &turns.ours),
        Row::times("check, 50 targets, 600 checks", &turns.theirs),
        Row::Figure {
            what: "  a target of the 50",
            figure: millis(each),
        },
    ])
}

fn many_events() -> Result<Vec<Row>, Trouble> {
    const TARGETS: usize = 1000;
    let ports = closed_ports(SERVICES.len())?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("targets");
    stand_in::write_targets(&file, TARGETS)?;
    let mut command = Command::new(BINARY);
    command
        .args(["check", "--address", "127.0.0.1", "--tcp-only"])
        .args([Path::new("--targets-file"), &file])
        .args(["--report", "ndjson"]);
    with_the_twelve(&mut command, &ports.numbers());
    let output = command.output()?;
    let lines = output.stdout.split(|byte| *byte == b'\n').count() - 1;
    let expected = TARGETS * (SERVICES.len() + 1) + 2;
    if lines != expected {
        return Err(format!("{lines} events instead of {expected}").into());
    }
    let spread = alone(&mut Job::new(command).ends_with(1), 5)?;
    let a_second = u128::try_from(lines)? * 1_000_000 / spread.median().as_micros().max(1);
    Ok(vec![
        Row::times("1000 targets, closed ports, NDJSON", &spread),
        Row::Figure {
            what: "  events a second",
            figure: a_second.to_string(),
        },
    ])
}

/// A signed domain, asked of a name server that is 50 ms away; its hosts are at 127.0.1.1, where nobody needs to be. How
/// many round trips all of it takes, hosts included, is held by a test that counts them.
fn discover() -> Result<Vec<Row>, Trouble> {
    const AWAY: Duration = Duration::from_millis(50);
    const MOST: Duration = Duration::from_secs(1);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/discover");
    let names = FarNames::start(&fixture.join("own.example.txt"), AWAY)?;
    let folder = tempfile::tempdir()?;
    let anchor = folder.path().join("anchor");
    fs::write(&anchor, &names.anchor)?;
    let resolver = names.address.to_string();
    let mut command = Command::new(BINARY);
    command
        .args(["discover", "own.example", "--json", "--resolver", &resolver])
        .arg("--trust-anchor")
        .arg(&anchor);
    let output = command.output()?;
    let document: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    if document["mx"][0]["tlsa_dnssec"] != "secure" {
        return Err(format!("not the signed domain: {document}").into());
    }
    let exit = output.status.code().unwrap_or_default();
    let spread = alone(&mut Job::new(command).ends_with(exit), ROUNDS)?;
    Ok(vec![
        Row::times("discover, names 50 ms away", &spread),
        Row::Bound {
            what: "  the median",
            figure: millis(spread.median()),
            bound: format!("under {}", millis(MOST)),
            met: spread.median() < MOST,
        },
    ])
}

fn demo() -> Result<Vec<Row>, Trouble> {
    let mut command = Command::new(BINARY);
    command.arg("demo");
    let spread = alone(&mut Job::new(command), ROUNDS)?;
    Ok(vec![Row::times("demo, stand-in included", &spread)])
}
