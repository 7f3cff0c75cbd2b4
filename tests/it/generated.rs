//! What packages bring along, made by the program itself: completions, manual pages, the schema.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_exchports");

#[test]
fn the_schema_is_the_committed_one() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/report.schema.json");
    let committed = fs::read_to_string(committed).expect("the schema");
    assert_eq!(printed(&["schema"]), committed);
    assert_eq!(printed(&["schema", "report"]), committed);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/discover.schema.json");
    let committed = fs::read_to_string(committed).expect("the schema");
    assert_eq!(printed(&["schema", "discover"]), committed);
}

/// By bash itself, where it is.
#[test]
fn bash_completes_commands_options_and_their_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("exchports.bash");
    fs::write(&script, printed(&["completions", "bash"])).expect("it can be written");
    for (typed, current, completed) in [
        ("exchports dem", "dem", "demo"),
        (
            "exchports check --targets-f",
            "--targets-f",
            "--targets-file",
        ),
        ("exchports check --role pub", "pub", "published"),
        (
            "exchports check -s submissions",
            "submissions",
            "submissions",
        ),
        (
            "exchports demo --fault certificate-exp",
            "certificate-exp",
            "certificate-expired certificate-expires-soon",
        ),
        (
            "exchports explain starttls-not-o",
            "starttls-not-o",
            "starttls-not-offered",
        ),
        ("exchports completions z", "z", "zsh"),
    ] {
        let before = typed.split(' ').rev().nth(1).expect("a word before");
        let ask = format!(
            "source '{}'; COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _exchports exchports '{current}' '{before}'; echo \"${{COMPREPLY[*]}}\"",
            script.display()
        );
        let Ok(output) = Command::new("bash")
            .args(["-c", &ask])
            .stdin(Stdio::null())
            .output()
        else {
            // Past the test harness, which keeps what passing tests print.
            let _ = writeln!(
                io::stderr(),
                "SKIPPED completions in bash, since it is missing here"
            );
            return;
        };
        if cfg!(windows) {
            // What is called bash there may be a subsystem that does not see this folder.
            return;
        }
        let told = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(told.trim(), completed, "{typed}: {error}");
    }
}

fn printed(words: &[&str]) -> String {
    let output = Command::new(PROGRAM)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("it can be started");
    assert_eq!(output.status.code(), Some(0), "{words:?}");
    assert!(output.stderr.is_empty(), "{words:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}
