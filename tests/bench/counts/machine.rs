//! What the numbers depend on beside the code.

use std::process::Command;
use std::{env, fs};

use super::Trouble;

/// The compiler, the machine, valgrind, the C library; on one line.
pub(crate) fn description() -> Result<String, Trouble> {
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let told = output(&compiler, &["-vV"])?;
    let mut lines = told.lines();
    let compiler = lines.next().unwrap_or_default().to_owned();
    let host = lines.find_map(|line| line.strip_prefix("host: "));
    let parts = [
        compiler,
        host.unwrap_or("unknown host").to_owned(),
        extensions(),
        output("valgrind", &["--version"])?,
        output("getconf", &["GNU_LIBC_VERSION"]).unwrap_or_else(|_| "another libc".to_owned()),
    ];
    Ok(parts.join(", "))
}

/// Those by which the C library chooses how it copies, as far as valgrind knows them.
fn extensions() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = told.lines().find(|line| line.starts_with("flags"));
    let has = |name: &&str| flags.is_some_and(|flags| flags.split(' ').any(|flag| flag == *name));
    let known: Vec<&str> = ["avx2", "bmi2", "erms"].into_iter().filter(has).collect();
    known.join(" ")
}

fn output(program: &str, arguments: &[&str]) -> Result<String, Trouble> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
