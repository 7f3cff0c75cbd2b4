//! What README.md, CONTRIBUTING.md and SECURITY.md say is so: command lines parse, samples are what comes, tables and
//! bounds are the program's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use exchports::catalog::{Group, ROLES, SERVICES, ServiceId, WEB, virtual_directory};
use exchports::exit::Exit;
use exchports::facts::Text;
use exchports::finding::Status;
use exchports::observation::State;
use exchports::plan::Limits;
use exchports::wire::{http, ldap, line, rdp, socks, tls};

const PROGRAM: &str = env!("CARGO_BIN_EXE_exchports");

#[test]
fn every_command_line_means_something() {
    let hosts = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(hosts.path(), "mail.example.com\n").expect("it can be written");
    let mut tried = 0;
    for file in ["README.md", ".github/CONTRIBUTING.md"] {
        let text = read(file);
        let commands = blocks(&text)
            .filter(|block| ["sh", "powershell"].contains(&block.language))
            .flat_map(|block| commands(&block.text));
        for command in commands {
            let Some(mut words) = words_for_exchports(&command) else {
                continue;
            };
            for word in &mut words {
                if word == "hosts.txt" {
                    *word = hosts.path().to_string_lossy().into_owned();
                }
            }
            assert_is_meant(&format!("{file}: `{command}`"), &words);
            tried += 1;
        }
    }
    assert!(tried > 15, "only {tried} command lines were found");
}

/// The program takes the words. Where taking them would reach for the network, or serve for ever, they get company that
/// is only refused once all of them are understood.
pub(crate) fn assert_is_meant(what: &str, words: &[String]) {
    const NO_FILE: &str = "no-such-file.pem";
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = listener
        .local_addr()
        .expect("its address")
        .port()
        .to_string();
    let mapped = format!("smtp={taken}");
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    let refusal = if ["check", "discover", "serve"].contains(&words[1]) {
        for word in &mut words {
            if *word == "company-root.pem" {
                *word = NO_FILE;
            }
        }
        words.splice(2..2, ["--ca-file", NO_FILE]);
        Some(NO_FILE)
    } else if words[1] == "nagios" {
        // A plugin says everything on standard output, and ends with 3.
        words.splice(2..2, ["--ca-file", NO_FILE]);
        let output = Command::new(PROGRAM)
            .args(&words[1..])
            .stdin(Stdio::null())
            .output()
            .expect("it can be started");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{what}: {said}");
        assert!(said.contains(NO_FILE), "{what}: {said}");
        return;
    } else if words[1] == "simulate" && !words.contains(&"--list-faults") {
        words.extend(["--map", &mapped]);
        Some(taken.as_str())
    } else {
        None
    };
    let output = Command::new(PROGRAM)
        .args(&words[1..])
        .stdin(Stdio::null())
        .output()
        .expect("it can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    match refusal {
        Some(refused) => {
            assert_eq!(output.status.code(), Some(2), "{what}: {said}");
            assert!(said.contains(refused), "{what}: {said}");
        }
        // A demo with a fault ends with 1.
        None => assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{what}: {said}"
        ),
    }
}

#[test]
fn one_command_shows_it_and_one_tests_it() {
    let text = read("README.md");
    let lines: Vec<&str> = text.lines().collect();
    for command in ["cargo run --release -- demo", "cargo test"] {
        let block = ["```sh", command, "```"];
        let place = lines.windows(3).position(|lines| *lines == block);
        assert!(place.is_some_and(|line| line < 40), "{command}");
    }
}

#[test]
fn samples_are_what_comes() {
    let text = read("README.md");
    let all: Vec<Block> = blocks(&text).collect();
    let mut compared = 0;
    for pair in all.windows(2) {
        let [said, sample] = pair else { continue };
        if said.language != "sh" || sample.language != "text" {
            continue;
        }
        let command = commands(&said.text)
            .pop()
            .expect("a sample has a command before it");
        let Some(told) = run(&command) else {
            // Past the test harness, which keeps what passing tests print.
            let _ = writeln!(
                io::stderr(),
                "SKIPPED a sample of README.md, since jq or sh is missing here: {command}"
            );
            continue;
        };
        compare(&command, &sample.text, &told);
        compared += 1;
    }
    assert!(compared >= 2, "only {compared} samples were compared");
}

#[test]
fn tables_are_those_of_the_program() {
    let text = read("README.md");

    let services: Vec<[String; 3]> = rows(&text, "| port | service |")
        .map(|row| [row[0].clone(), plain(&row[1]), row[2].clone()])
        .collect();
    let catalog = SERVICES.iter().map(|service| {
        [
            service.port.to_string(),
            service.name.to_owned(),
            service.security.as_str().to_owned(),
        ]
    });
    assert_eq!(services, catalog.collect::<Vec<_>>());

    let directories: Vec<[String; 2]> = rows(&text, "| service | path |")
        .map(|row| [plain(&row[0]), plain(&row[1])])
        .collect();
    let catalog = WEB.iter().map(|service| {
        let directory = virtual_directory(service.id).expect("each has one");
        [service.name.to_owned(), directory.path.to_owned()]
    });
    assert_eq!(directories, catalog.collect::<Vec<_>>());

    let roles: Vec<[String; 3]> = rows(&text, "| role |")
        .map(|row| [plain(&row[0]), row[2].clone(), row[3].clone()])
        .collect();
    let known = ROLES.iter().map(|role| {
        [
            role.name.to_owned(),
            told(role.required),
            told(role.forbidden),
        ]
    });
    assert_eq!(roles, known.collect::<Vec<_>>());

    let exits: Vec<String> = rows(&text, "| code |").map(|row| row[0].clone()).collect();
    let [met, findings, nothing] =
        [Exit::Met, Exit::Findings, Exit::Nothing].map(|exit| (exit as u8).to_string());
    let ended = format!("{}, {}", Exit::Interrupted as u8, Exit::Terminated as u8);
    assert_eq!(exits, [met, findings, nothing, ended]);

    let statuses: Vec<String> = first_column(&text, "| status |");
    assert_eq!(
        statuses,
        [
            Status::Pass,
            Status::Warn,
            Status::Fail,
            Status::Absent,
            Status::Skip
        ]
        .map(Status::as_str)
    );
    let states: Vec<String> = first_column(&text, "| state |");
    assert_eq!(
        states,
        [
            State::Open,
            State::Closed,
            State::Filtered,
            State::Unreachable,
            State::Blocked,
            State::Unresolved
        ]
        .map(State::as_str)
    );
}

#[test]
fn every_path_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in [
        "README.md",
        ".github/CONTRIBUTING.md",
        ".github/RECIPES.md",
        ".github/SECURITY.md",
    ] {
        let text = read(file);
        let named: BTreeSet<&str> = text
            .split(['`', '(', ')', ' ', '\n'])
            .filter(|word| {
                ["src/", "tests/", ".github/", ".ci/"]
                    .iter()
                    .any(|folder| word.starts_with(folder))
            })
            .map(|word| word.trim_end_matches(['.', ',', ':', ';']))
            .collect();
        assert!(!named.is_empty(), "{file} names no path");
        for path in named {
            assert!(root.join(path).exists(), "{file}: {path} does not exist");
        }
    }
}

#[test]
fn the_bounds_are_the_programs() {
    let default = Limits::default();
    let seconds = |bound: Duration| usize::try_from(bound.as_secs()).expect("a short time");
    let file = usize::try_from(Limits::FILE_BYTES).expect("no large number");
    let bounds = [
        ("Limits::CHECK", seconds(default.check)),
        ("Limits::CONNECT", seconds(default.connect)),
        ("Limits::resolve", seconds(default.resolve)),
        ("Limits::greeting", seconds(default.greeting)),
        ("Limits::reply", seconds(default.reply)),
        ("Limits::handshake", seconds(default.handshake)),
        ("Limits::second_look", seconds(default.second_look)),
        ("Limits::goodbye", seconds(default.goodbye)),
        ("Limits::JOBS", default.jobs),
        ("Limits::PATIENT", Limits::PATIENT),
        ("Limits::DIALS", Limits::DIALS),
        ("Limits::AHEAD", default.ahead),
        ("Limits::PER_ADDRESS", default.per_address),
        ("Limits::proxy", seconds(default.proxy())),
        ("Limits::PROXY_BYTES", Limits::PROXY_BYTES),
        ("wire::socks::MAX_REPLY", socks::MAX_REPLY),
        ("Limits::ADDRESSES", Limits::ADDRESSES),
        ("Limits::REDIRECTS", Limits::REDIRECTS),
        ("Limits::VISITS", Limits::VISITS),
        ("Limits::UNTAGGED", Limits::UNTAGGED),
        ("Limits::MESSAGES", Limits::MESSAGES),
        ("wire::line::MAX_LINE", line::MAX_LINE),
        ("wire::line::MAX_LINES", line::MAX_LINES),
        ("Limits::REPLY_BYTES", Limits::REPLY_BYTES),
        ("Limits::CONNECTION_BYTES", Limits::CONNECTION_BYTES),
        ("Limits::WIRE_BYTES", Limits::WIRE_BYTES),
        ("Limits::GOODBYE_BYTES", Limits::GOODBYE_BYTES),
        ("Limits::RECORDS", Limits::RECORDS),
        ("Limits::ALIASES", Limits::ALIASES),
        ("Limits::MAIL_HOSTS", Limits::MAIL_HOSTS),
        ("Limits::QUESTIONS_AT_ONCE", Limits::QUESTIONS_AT_ONCE),
        ("Limits::QUESTIONS", Limits::QUESTIONS),
        ("Limits::CHAIN", Limits::CHAIN),
        ("Limits::PATH", Limits::PATH),
        ("Limits::KNOWN_CHAINS", Limits::KNOWN_CHAINS),
        ("Limits::KNOWN_CHAIN_BYTES", Limits::KNOWN_CHAIN_BYTES),
        ("Limits::SIGNATURES", Limits::SIGNATURES),
        ("Limits::CERTIFICATE_NAMES", Limits::CERTIFICATE_NAMES),
        ("Limits::WAYS", Limits::WAYS),
        ("Limits::NAMES_TEXT", Limits::NAMES_TEXT),
        ("Limits::SUBJECT_TEXT", Limits::SUBJECT_TEXT),
        ("Limits::CHAIN_TEXT", Limits::CHAIN_TEXT),
        ("Limits::LOOKUPS", Limits::LOOKUPS),
        ("wire::tls::MAX_FLIGHT", tls::MAX_FLIGHT),
        ("wire::ldap::MAX_STRINGS", ldap::MAX_STRINGS),
        ("wire::rdp::MAX_PACKET", rdp::MAX_PACKET),
        ("wire::http::MAX_HEAD", http::MAX_HEAD),
        ("Limits::SERVED", Limits::SERVED),
        ("Limits::HEAD", seconds(Limits::HEAD)),
        ("Limits::HEAD_BYTES", Limits::HEAD_BYTES),
        ("Limits::HEAD_FIELDS", Limits::HEAD_FIELDS),
        ("Limits::STALL", seconds(Limits::STALL)),
        ("Limits::LISTED", Limits::LISTED),
        ("Limits::KEPT", Limits::KEPT),
        ("Limits::REMEMBERED", Limits::REMEMBERED),
        ("Limits::LIST_LINE", Limits::LIST_LINE),
        ("Limits::OVERVIEW", Limits::OVERVIEW),
        ("Limits::FILE_BYTES", file),
        ("wire::http::MAX_HEADERS", http::MAX_HEADERS),
        ("wire::http::MAX_INFORMATIONAL", http::MAX_INFORMATIONAL),
        ("Text::LIMIT", Text::LIMIT),
        ("Limits::TRANSCRIPT_LINES", Limits::TRANSCRIPT_LINES),
        ("Limits::TRANSCRIPT_BYTES", Limits::TRANSCRIPT_BYTES),
    ];
    let security = read(".github/SECURITY.md");
    let told: BTreeMap<String, usize> = security
        .lines()
        .filter_map(|row| {
            let mut cells = row.split('|').map(str::trim).skip(2);
            let (value, name) = (cells.next()?, cells.next()?);
            let first = value.split(' ').next()?.replace(',', "");
            Some((name.trim_matches('`').to_owned(), first.parse().ok()?))
        })
        .collect();
    let so = bounds.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(told, BTreeMap::from(so));
    assert!(default.run.is_none() && security.contains("| the run | none, `--deadline` |"));
}

pub(crate) fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    // A checkout on Windows may have turned the line ends.
    text.replace("\r\n", "\n")
}

/// A fenced block.
pub(crate) struct Block<'a> {
    pub(crate) language: &'a str,
    pub(crate) text: String,
}

pub(crate) fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let language = lines.by_ref().find_map(|line| line.strip_prefix("```"))?;
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        Some(Block {
            language,
            text: text.join("\n"),
        })
    })
}

/// The commands of a block: a line each, and the next one too where the line ends in a pipe.
fn commands(block: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for line in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match commands.last_mut() {
            // A quotation, or a pipe, goes on.
            Some(begun) if begun.ends_with('|') || begun.matches('\'').count() % 2 == 1 => {
                begun.push(' ');
                begun.push_str(line);
            }
            _ => commands.push(line.to_owned()),
        }
    }
    commands
}

/// What the program gets of that command; none where another program is called.
fn words_for_exchports(command: &str) -> Option<Vec<String>> {
    let alone = command.split(" | ").next().unwrap_or_default();
    let alone = alone.split(" #").next().unwrap_or_default();
    // `$report = exchports …` is PowerShell's.
    let alone = match alone.split_once(" = ") {
        Some((variable, value)) if variable.starts_with('$') => value,
        _ => alone,
    };
    let alone = match alone.strip_prefix("cargo run ") {
        Some(rest) => format!("exchports {}", rest.split_once("-- ")?.1),
        None => alone.to_owned(),
    };
    let words: Vec<String> = alone.split_whitespace().map(str::to_owned).collect();
    (words.first()? == "exchports").then_some(words)
}

/// What a command writes to standard output; none where something that it needs is missing.
fn run(command: &str) -> Option<String> {
    let output = if command.contains('|') {
        let is_there = |tool: &str| {
            let mut try_it = Command::new(tool);
            try_it.args(["-c", "exit"]).stdin(Stdio::null());
            try_it.stdout(Stdio::null()).stderr(Stdio::null());
            try_it.status().is_ok()
        };
        if cfg!(windows) || !is_there("sh") || !is_there("jq") {
            return None;
        }
        let here = Path::new(PROGRAM).parent()?.display();
        let path = format!("{here}:{}", std::env::var("PATH").unwrap_or_default());
        Command::new("sh")
            .args(["-c", command])
            .env("PATH", path)
            .output()
    } else {
        let words = words_for_exchports(command).expect("a sample is of exchports");
        Command::new(PROGRAM).args(&words[1..]).output()
    };
    let output = output.expect("it can be started");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

/// Every line of the sample comes, in that order; `…` stands for any lines between.
fn compare(command: &str, sample: &str, told: &str) {
    let told_lines: Vec<String> = told.lines().map(without_measurements).collect();
    let mut rest = told_lines.as_slice();
    let mut skipping = false;
    for line in sample.lines() {
        if line.trim() == "…" {
            skipping = true;
            continue;
        }
        let expected = without_measurements(line);
        let place = rest.iter().position(|found| *found == expected);
        let fits = place.is_some_and(|place| place == 0 || skipping);
        assert!(
            fits,
            "`{command}` does not say\n{line}\nwhere the README has it, but\n{told}"
        );
        rest = &rest[place.unwrap_or_default() + 1..];
        skipping = false;
    }
    assert!(
        rest.is_empty() || skipping,
        "`{command}` says more than the README has:\n{told}"
    );
}

/// A line without what differs from run to run: free ports, times, and the columns that follow their widths.
fn without_measurements(line: &str) -> String {
    let is_number = |word: &str| word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_unit = |word: &str| matches!(word, "ms" | "s");
    let words: Vec<&str> = line.split_whitespace().collect();
    let stays = |index: usize| {
        let word = words[index];
        let is_time = is_number(word) && words.get(index + 1).is_some_and(|next| is_unit(next));
        let is_times_unit = is_unit(word) && index > 0 && is_number(words[index - 1]);
        let is_port = is_number(word) && index == 0 && word.len() >= 4;
        !(is_time || is_times_unit || is_port)
    };
    let left: Vec<&str> = (0..words.len())
        .filter(|&index| stays(index))
        .map(|index| words[index])
        .collect();
    left.join(" ")
}

/// The cells of the table whose head begins like this.
fn rows<'a>(text: &'a str, head: &str) -> impl Iterator<Item = Vec<String>> + 'a {
    let head = text
        .lines()
        .position(|line| line.starts_with(head))
        .unwrap_or_else(|| panic!("README.md has no table {head}"));
    text.lines()
        .skip(head + 2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
}

fn first_column(text: &str, head: &str) -> Vec<String> {
    rows(text, head).map(|row| plain(&row[0])).collect()
}

fn plain(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

/// Ports, and the names of what stands behind 443.
fn told(services: &[ServiceId]) -> String {
    if services.len() == SERVICES.len() {
        return "all twelve ports".to_owned();
    }
    let words: Vec<String> = services
        .iter()
        .map(|service| match service.row().group {
            Group::Port => service.row().port.to_string(),
            Group::Web => service.row().name.to_owned(),
        })
        .collect();
    words.join(" ")
}
