//! `.github/RECIPES.md` and the action for GitHub's workflows: their command lines mean something, their scripts do what
//! is said of them. Whether the rest of a block is good YAML, PowerShell or Groovy is read by `.ci/lint`.

use std::fs;
#[cfg(unix)]
use std::path::{Path, PathBuf};

#[cfg(unix)]
use exchports::catalog::Role;

#[cfg(unix)]
use crate::cli::{Stand, ran, words};
use crate::readme::{assert_is_meant, blocks, read};

const RECIPES: &str = ".github/RECIPES.md";

#[test]
fn every_command_line_means_something_and_names_a_role() {
    let hosts = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(hosts.path(), "mail.example.com\n").expect("it can be written");
    let text = read(RECIPES);
    let mut tried = 0;
    for block in blocks(&text) {
        for line in block.text.lines() {
            let Some(command) = command_in(line) else {
                continue;
            };
            let words: Vec<String> = command
                .split_whitespace()
                .map(|word| match word {
                    "hosts.txt" | r"C:\exchports\hosts.txt" => {
                        hosts.path().to_string_lossy().into_owned()
                    }
                    // What only the shell knows.
                    "\"$host\"" => "mail.example.com".to_owned(),
                    "\"$role\"" => "published".to_owned(),
                    word => word.to_owned(),
                })
                .collect();
            assert!(words.iter().any(|word| word == "--role"), "no role: {line}");
            assert_is_meant(&format!("{RECIPES}: `{command}`"), &words);
            tried += 1;
        }
    }
    assert!(tried >= 7, "only {tried} command lines were found");
}

/// The command line in a line of a block, whatever the block's language puts around it.
fn command_in(line: &str) -> Option<String> {
    // Kubernetes' list of arguments.
    if let Some((_, list)) = line.split_once("args: [") {
        let words: Vec<&str> = list.trim_end_matches(']').split(", ").collect();
        return Some(format!("exchports {}", words.join(" ")));
    }
    let begin = line.find("exchports check").map(|at| &line[at..]);
    let begin = begin.or_else(|| Some(line.split_once("$arguments = '")?.1));
    let command = begin?.split(['|', '\'', ')', '#']).next()?.trim();
    Some(match command.strip_prefix("check ") {
        Some(rest) => format!("exchports check {rest}"),
        None => command.to_owned(),
    })
}

// -- scripts, which want a shell

/// The helpdesk's script, with a program that looks at the stand-in whatever it is told.
#[cfg(unix)]
#[test]
fn the_helpdesk_script_tells_what_is_wrong_and_ends_as_the_program_does() {
    if !is_there("sh") || !is_there("jq") {
        return skipped("the helpdesk's script", "sh or jq");
    }
    let text = read(RECIPES);
    let script = blocks(&text)
        .find(|block| block.language == "sh" && block.text.starts_with("#!"))
        .expect("the script")
        .text;
    for (fault, code, told) in [
        ("", 0, &["mail.example.com: everything works"][..]),
        (
            "--fault certificate-expired@submission",
            1,
            &[
                "submission: ",
                "[certificate-expired]",
                "Enable-ExchangeCertificate",
            ],
        ),
    ] {
        let folder = Folder::new();
        folder.program(
            "exchports",
            &format!(
                "exec '{}' demo --json {fault}",
                env!("CARGO_BIN_EXE_exchports")
            ),
        );
        folder.write("mail-ports", &script);
        let done = folder.run("sh", &["mail-ports", "mail.example.com"], &[]);
        assert_eq!(done.code, code, "{fault}: {}{}", done.out, done.error);
        for words in told {
            assert!(
                done.out.contains(words),
                "{fault}: {words} is not in\n{}",
                done.out
            );
        }
    }
}

/// What README's recipe and the helpdesk's script make of a host that is well, published, broken, or not in DNS.
#[cfg(unix)]
#[test]
fn the_recipes_of_jq_are_true_on_every_kind_of_host() {
    if !is_there("sh") || !is_there("jq") {
        return skipped("the recipes of jq", "sh or jq");
    }
    let published = Stand::of(Role::Published, &[]);
    let broken = Stand::with(&["certificate-expired@submission,imaps", "refused@pop3"]);
    let documents = [
        Stand::with(&[]).report("--json").0,
        published.report("--json").0,
        broken.report("--json").0,
        unresolved(),
    ];
    let (readme, recipes) = (read("README.md"), read(RECIPES));
    let filters: Vec<String> = [readme, recipes]
        .iter()
        .flat_map(|text| filters(text))
        .collect();
    assert!(filters.len() >= 3, "{filters:?}");
    for filter in &filters {
        let told = documents.each_ref().map(|document| jq(filter, document));
        if filter.contains("days_left") {
            assert!(
                told[0].contains("mail.example.test, "),
                "{filter}: {}",
                told[0]
            );
            assert!(told[2].contains(": -"), "{filter}: {}", told[2]);
            assert_eq!(told[3], "", "{filter}");
            continue;
        }
        assert_eq!((told[0].as_str(), told[1].as_str()), ("", ""), "{filter}");
        let broken = &told[2];
        for (who, code) in [
            ("imaps, submission: ", "certificate-expired"),
            ("pop3: ", "refused"),
        ] {
            let of_it = broken.lines().filter(|line| line.contains(code));
            let of_it: Vec<&str> = of_it.collect();
            let [line] = of_it.as_slice() else {
                panic!("{filter}: {code} is not told once:\n{broken}");
            };
            assert!(line.contains(who), "{filter}: {line}");
        }
        assert_eq!(broken.lines().count(), 4, "{filter}:\n{broken}");
        let nobody = &told[3];
        assert!(nobody.starts_with("nosuch.invalid, "), "{filter}: {nobody}");
        assert!(nobody.contains("name-"), "{filter}: {nobody}");
        assert_eq!(nobody.lines().count(), 2, "{filter}:\n{nobody}");
    }
}

/// The report on a name that has no address.
#[cfg(unix)]
fn unresolved() -> serde_json::Value {
    let arguments = words("check --json --role published nosuch.invalid");
    serde_json::from_slice(&ran(&arguments).stdout).expect("JSON")
}

/// Every filter of jq in the blocks of shell.
#[cfg(unix)]
fn filters(text: &str) -> Vec<String> {
    let shell = blocks(text).filter(|block| block.language == "sh");
    let found = shell.flat_map(|block| {
        let parts: Vec<String> = block
            .text
            .split("jq -r '")
            .skip(1)
            .map(str::to_owned)
            .collect();
        parts
    });
    found
        .filter_map(|part| Some(part.split_once('\'')?.0.to_owned()))
        .collect()
}

#[cfg(unix)]
fn jq(filter: &str, document: &serde_json::Value) -> String {
    let mut child = std::process::Command::new("jq")
        .args(["-r", filter])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("jq runs");
    let mut input = child.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut input, document.to_string().as_bytes()).expect("jq reads");
    drop(input);
    let done = child.wait_with_output().expect("jq ends");
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{filter}: {error}");
    String::from_utf8(done.stdout).expect("UTF-8")
}

/// What people type into the action's inputs is never read by a shell.
#[cfg(unix)]
#[test]
fn the_action_hands_on_its_inputs_as_they_are() {
    if !is_there("bash") {
        return skipped("the action", "bash");
    }
    let folder = Folder::new();
    folder.program("exchports", r#"printf '%s\n' "$@" >words; exit 1"#);
    let done = folder.run(
        "bash",
        &[&script_of_action("check")],
        &[
            ("TARGETS", "mail.example.com $(touch$IFS'pwned')\n--json *"),
            ("ROLE", "published; touch pwned"),
            ("SERVICE", "443,web"),
            ("OPTIONS", "--cert-days=21,7\r\n\n--ehlo-name=`touch pwned`"),
            ("FAIL_ON", "fail"),
            ("DEADLINE", "5m"),
        ],
    );
    assert_eq!(done.code, 1, "{}", done.error);
    assert!(!folder.path().join("pwned").exists());
    let here = folder.path().display();
    let words = folder.text("words");
    let words: Vec<&str> = words.lines().collect();
    assert_eq!(
        words,
        [
            "check",
            "--role",
            "published; touch pwned",
            "--fail-on",
            "fail",
            "--deadline",
            "5m",
            "--report",
            "github",
            "--report",
            &format!("json={here}/exchports.json"),
            "--report",
            &format!("junit={here}/exchports.xml"),
            "--service",
            "443,web",
            "--cert-days=21,7",
            "--ehlo-name=`touch pwned`",
            "--",
            "mail.example.com",
            "$(touch$IFS'pwned')",
            "--json",
            "*",
        ]
    );
    assert_eq!(
        folder.text("output"),
        format!("report={here}/exchports.json\njunit={here}/exchports.xml\nstatus=fail\n")
    );
}

#[cfg(unix)]
#[test]
fn the_action_takes_the_archive_of_the_runner_and_verifies_it_before_it_is_unpacked() {
    if !is_there("bash") || !is_there("tar") {
        return skipped("the action", "bash or tar");
    }
    let folder = Folder::new();
    // GitHub's own program: a release with one archive, and a verdict on it.
    folder.program(
        "gh",
        r#"echo "$*" >>asked
        case "$1 $2" in
            "release view") echo v0.2.0 ;;
            "release download")
                name=exchports-${3#v}-x86_64-unknown-linux-musl
                mkdir "$name"
                printf '#!/bin/sh\necho exchports\n' >"$name/exchports"
                chmod +x "$name/exchports"
                tar -czf "$name.tar.gz" "$name"
                rm -r "$name"
                ;;
            "attestation verify") exit "${VERDICT:-0}" ;;
        esac"#,
    );
    let runner = [
        ("RUNNER_OS", "Linux"),
        ("RUNNER_ARCH", "X64"),
        ("REPOSITORY", "owner/exchports"),
    ];
    let get = script_of_action("get");
    for (version, reference, wanted) in [
        ("", "main", "0.2.0"),
        ("", "v0.1.0", "0.1.0"),
        ("0.3.0", "v0.1.0", "0.3.0"),
    ] {
        let asked = [
            runner.as_slice(),
            &[("VERSION", version), ("REF", reference)],
        ]
        .concat();
        let done = folder.run("bash", &[&get], &asked);
        assert_eq!(done.code, 0, "{}{}", done.out, done.error);
        let name = format!("exchports-{wanted}-x86_64-unknown-linux-musl");
        assert!(
            folder.text("path").ends_with(&format!("{name}\n")),
            "{}",
            folder.text("path")
        );
        assert!(folder.path().join("exchports").join(&name).is_dir());
        fs::remove_dir_all(folder.path().join("exchports")).expect("it is ours");
    }

    let refused = [runner.as_slice(), &[("VERSION", "0.1.0"), ("VERDICT", "1")]].concat();
    let done = folder.run("bash", &[&get], &refused);
    assert_ne!(done.code, 0);
    let unpacked = folder
        .path()
        .join("exchports/exchports-0.1.0-x86_64-unknown-linux-musl");
    assert!(!unpacked.exists(), "it was unpacked before it was verified");

    let wrong = [runner.as_slice(), &[("VERSION", "0.1.0;touch pwned")]].concat();
    let done = folder.run("bash", &[&get], &wrong);
    assert_ne!(done.code, 0);
    assert!(done.error.contains("is no version"), "{}", done.error);
}

#[cfg(unix)]
fn script_of_action(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".github/actions/check")
        .join(name);
    path.to_string_lossy().into_owned()
}

#[cfg(unix)]
fn is_there(tool: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(tool).is_file())
}

#[cfg(unix)]
fn skipped(what: &str, missing: &str) {
    use std::io::Write as _;
    // Past the test harness, which keeps what passing tests print.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED {what}, since {missing} is missing here"
    );
}

/// A folder that is a runner's: programs are found in it first, and its files are GitHub's.
#[cfg(unix)]
struct Folder(tempfile::TempDir);

#[cfg(unix)]
struct Done {
    code: i32,
    out: String,
    error: String,
}

#[cfg(unix)]
impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        fs::create_dir(folder.path().join("programs")).expect("it is ours");
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("it can be written");
        path
    }

    fn program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.write(
            &format!("programs/{name}"),
            &format!("#!/bin/sh\n{script}\n"),
        );
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("it was written")
    }

    fn run(&self, program: &str, words: &[&str], variables: &[(&str, &str)]) -> Done {
        let path = std::env::var("PATH").expect("a PATH");
        let programs = self.path().join("programs");
        let done = std::process::Command::new(program)
            .args(words)
            .current_dir(self.path())
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("RUNNER_TEMP", self.path())
            .env("GITHUB_OUTPUT", self.path().join("output"))
            .env("GITHUB_PATH", self.path().join("path"))
            .envs(variables.iter().copied())
            .stdin(std::process::Stdio::null())
            .output()
            .expect("it can be started");
        Done {
            code: done.status.code().expect("it ended by itself"),
            out: String::from_utf8_lossy(&done.stdout).into_owned(),
            error: String::from_utf8_lossy(&done.stderr).into_owned(),
        }
    }
}
