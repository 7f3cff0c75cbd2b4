//! What people read in a terminal of any width, in a real one.

use std::process::{Command, Stdio};

use super::PATIENCE;

const WIDTHS: [usize; 6] = [30, 40, 60, 80, 120, 200];

/// What is looked at. In these every line fits, unless a word in it cannot be broken.
const COMMANDS: [&str; 13] = [
    "demo --no-progress --fault certificate-expired@submission",
    "demo --no-progress --problems --fault refused@imap --fault starttls-overwritten",
    "demo --no-progress --problems --certificates --fault certificate-wrong-name@imaps",
    "check --no-progress -s smtp nosuch.invalid 127.0.0.1",
    "list",
    "simulate --list-faults",
    "explain filtered",
    "explain mailbox",
    "explain submission",
    "explain all",
    "explain --list",
    "--help",
    "check --help",
];

#[cfg(target_os = "linux")]
#[test]
fn every_line_fits_into_the_terminal() {
    let is_there = Command::new("script")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if is_there.is_err() {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "SKIPPED widths: no `script` here");
        return;
    }
    for command in COMMANDS {
        let mut lines = 0;
        for columns in WIDTHS {
            let text = in_terminal(columns, command);
            for line in text.lines() {
                assert!(
                    fits(line, columns),
                    "{command} in {columns} columns:\n{line}\nof\n{text}"
                );
            }
            lines += text.lines().count();
        }
        assert!(lines > WIDTHS.len(), "{command}");
    }
}

/// What the program writes to a terminal of so many columns, without colours.
#[cfg(target_os = "linux")]
fn in_terminal(columns: usize, command: &str) -> String {
    let program = env!("CARGO_BIN_EXE_exchports");
    let line = format!(
        "stty cols {columns} rows 60; exec timeout {} {program} {command}",
        PATIENCE.as_secs()
    );
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .expect("script runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let text = anstream::adapter::strip_str(&text).to_string();
    let text: Vec<&str> = text
        .lines()
        .map(|line| line.trim_end_matches('\r'))
        // What is said on standard error stands on one line, for scripts.
        .filter(|line| !line.starts_with("exchports: "))
        .collect();
    text.join("\n")
}

/// It is no wider than the terminal; or it is one word, or a command or an option as it is typed.
#[cfg(target_os = "linux")]
fn fits(line: &str, columns: usize) -> bool {
    let text = line.trim_start();
    let is_command = text.starts_with("exchports ") || text.starts_with("Usage: ");
    let is_option = text.split(' ').all(|word| word.starts_with(['-', '<']));
    line.chars().count() <= columns || !text.contains(' ') || is_command || is_option
}
