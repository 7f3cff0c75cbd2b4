//! Every transcript through the real probe: whole, byte by byte, over pipes of several widths, and always the same.

use std::fmt::Write as _;
use std::time::Duration;

use exchports::facts::{PeerFacts, Text};
use exchports::observation::{Detour, Failure, Observation, Speaker};

use super::script::{Script, peers, scripts};
use super::trial::{Outcome, Trial};
use crate::peer::{Pipe, Writes, on_a_clock_that_stands_still};

const PROTOCOLS: [&str; 6] = ["smtp-", "imap-", "pop3-", "ldap-", "rdp-", "http-"];

#[test]
fn smtp_as_transcribed() {
    hold_all("smtp-");
}

#[test]
fn imap_as_transcribed() {
    hold_all("imap-");
}

#[test]
fn pop3_as_transcribed() {
    hold_all("pop3-");
}

#[test]
fn ldap_as_transcribed() {
    hold_all("ldap-");
}

#[test]
fn rdp_as_transcribed() {
    hold_all("rdp-");
}

#[test]
fn http_as_transcribed() {
    hold_all("http-");
}

#[test]
fn no_transcript_is_left_out() {
    let held: usize = PROTOCOLS.map(|prefix| scripts(prefix).len()).iter().sum();
    assert_eq!(held, scripts("").len());
}

fn hold_all(prefix: &str) {
    let scripts = scripts(prefix);
    assert!(!scripts.is_empty());
    let mut wrong = String::new();
    for script in scripts {
        let whole = run(&script, Pipe::WIDE);
        let told = told(&whole);
        if told != script.told {
            let _ = write!(
                wrong,
                "\n== {}: it is told as\n{}\n== and not as\n{}\n",
                script.name,
                told.join("\n"),
                script.told.join("\n")
            );
            continue;
        }
        let whole = timeless(whole.observation);
        for pipe in PIECES {
            let pieces = timeless(run(&script, pipe).observation);
            if pieces != whole {
                let _ = write!(
                    wrong,
                    "\n== {} over {pipe:?}: {pieces:#?}\n== and whole: {whole:#?}\n",
                    script.name
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

const PIECES: [Pipe; 6] = [
    Pipe {
        writes: Writes::Single,
        ..Pipe::WIDE
    },
    down(1),
    down(7),
    down(64),
    down(4096),
    up(1),
];

const fn down(down: usize) -> Pipe {
    Pipe { down, ..Pipe::WIDE }
}

const fn up(up: usize) -> Pipe {
    Pipe { up, ..Pipe::WIDE }
}

fn run(script: &Script, pipe: Pipe) -> Outcome {
    on_a_clock_that_stands_still(
        Trial {
            pipe,
            ..Trial::of(script.service, peers(script))
        }
        .run(),
    )
}

/// An observation without what differs from run to run: our own clock, and how much more than a line was heard of
/// what does not belong there.
fn timeless(mut observation: Observation) -> Observation {
    for step in &mut observation.steps {
        step.took = Duration::ZERO;
    }
    match &mut observation.peer {
        Some(PeerFacts::Ldap(facts)) => facts.asked_at = None,
        Some(PeerFacts::Smtp(facts)) => facts.greeted_at = None,
        _ => {}
    }
    if observation.failure.is_some() || observation.detour.is_some() {
        let mut before = None;
        observation.transcript.retain(|line| {
            let said = (line.connection, line.speaker);
            said.1 != Speaker::Server || before.replace(said) != Some(said)
        });
    }
    observation
}

/// What came of a conversation, as the head of a transcript says it.
fn told(outcome: &Outcome) -> Vec<String> {
    let seen = &outcome.observation;
    let mut told = vec![match &seen.failure {
        None => "expect: pass".to_owned(),
        Some(failure) => format!("expect: {} / {}", failure.stage.as_str(), cause(failure)),
    }];
    let mut tell = |key: &str, value: Option<String>| {
        told.extend(value.map(|value| format!("{key}: {value}")));
    };
    let detail = seen
        .failure
        .as_ref()
        .and_then(|failure| failure.detail.as_ref());
    tell("detail", detail.map(Text::to_string));
    tell(
        "detour",
        seen.detour.map(|detour| {
            match detour {
                Detour::CleartextOnTlsPort => "cleartext on a TLS port",
                Detour::TlsOnCleartextPort => "TLS on a cleartext port",
            }
            .to_owned()
        }),
    );
    let injected = seen.injected_bytes;
    tell("injected", (injected > 0).then(|| injected.to_string()));
    let took = outcome.took;
    tell(
        "takes",
        (!took.is_zero()).then(|| humantime::format_duration(took).to_string()),
    );
    tell("steps", Some(steps(seen)));
    tell(
        "tls",
        seen.tls.as_ref().map(|tls| {
            let version = tls.version.map_or("no session", |version| version.as_str());
            let subject = tls
                .certificate
                .as_ref()
                .map(|certificate| format!(", {}", certificate.subject));
            format!("{version}{}", subject.unwrap_or_default())
        }),
    );
    for fact in seen.peer.as_ref().map(facts).unwrap_or_default() {
        tell("fact", Some(fact));
    }
    tell("goodbye", goodbye(seen));
    told
}

/// `StarttlsNotOffered` as `starttls-not-offered`, `Alert(70)` as `alert-70`.
pub(crate) fn cause(failure: &Failure) -> String {
    let mut words = String::new();
    for character in format!("{:?}", failure.cause).chars() {
        match character {
            'A'..='Z' if !words.is_empty() => {
                words.push('-');
                words.push(character.to_ascii_lowercase());
            }
            '(' => words.push('-'),
            ')' => {}
            _ => words.push(character.to_ascii_lowercase()),
        }
    }
    words
}

/// The stages, connections apart.
fn steps(seen: &Observation) -> String {
    let mut steps = String::new();
    let mut connection = 1;
    for step in &seen.steps {
        if step.connection != connection {
            connection = step.connection;
            steps.push_str(" |");
        }
        if !steps.is_empty() {
            steps.push(' ');
        }
        steps.push_str(step.stage.as_str());
    }
    steps
}

/// What the peer said to our goodbye: the server's lines after our last.
fn goodbye(seen: &Observation) -> Option<String> {
    let lines = &seen.transcript;
    let last = lines
        .iter()
        .rposition(|line| line.speaker == Speaker::Client)?;
    let words = ["QUIT", "A9 LOGOUT"];
    if !words.contains(&lines[last].text.as_str()) {
        return None;
    }
    let answer: Vec<&str> = lines[last + 1..]
        .iter()
        .map(|line| line.text.as_str())
        .collect();
    (!answer.is_empty()).then(|| answer.join(" / "))
}

/// What a peer said of itself, a line for each fact.
pub(crate) fn facts(peer: &PeerFacts) -> Vec<String> {
    let mut facts = Vec::new();
    let mut one = |name: &str, value: Option<String>| {
        facts.extend(value.map(|value| format!("{name} = {value}")));
    };
    let text = |value: &Option<Text>| value.as_ref().map(Text::to_string);
    let list = |values: &[Text]| {
        let values: Vec<&str> = values.iter().map(Text::as_str).collect();
        (!values.is_empty()).then(|| values.join(" | "))
    };
    match peer {
        PeerFacts::Smtp(facts) => {
            one("greeting", text(&facts.greeting));
            one("in clear", list(&facts.extensions));
            one("secure", list(&facts.secure_extensions));
        }
        PeerFacts::Imap(facts) => {
            one("greeting", text(&facts.greeting));
            one("in clear", list(&facts.capabilities));
            one("secure", list(&facts.secure_capabilities));
        }
        PeerFacts::Pop3(facts) => {
            one("greeting", text(&facts.greeting));
            one("in clear", list(&facts.capabilities));
            one("secure", list(&facts.secure_capabilities));
        }
        PeerFacts::Ldap(facts) => {
            for (name, values) in &facts.root_dse {
                one(name.as_str(), Some(list(values).unwrap_or_default()));
            }
            one(
                "StartTLS",
                facts.starttls_result.map(|code| code.to_string()),
            );
            one("its clock", facts.current_time.map(|time| time.to_string()));
        }
        PeerFacts::Rdp(facts) => {
            one(
                "selected",
                facts.selected_protocol.map(|number| number.to_string()),
            );
            one("flags", facts.flags.map(|flags| format!("{flags:#04x}")));
            one("failure", facts.failure_code.map(|code| code.to_string()));
            one("NLA", facts.nla.map(|nla| nla.as_str().to_owned()));
        }
        PeerFacts::Http(facts) => {
            one("status", facts.status.map(|status| status.to_string()));
            one("reason", text(&facts.reason));
            one("location", text(&facts.location));
            one("server", text(&facts.server));
            one("authentication", list(&facts.authentication));
            one("build", text(&facts.exchange_build));
            one("front end", text(&facts.front_end));
        }
    }
    facts
}
