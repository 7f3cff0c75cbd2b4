//! `exchports man`
//!
//! A page is made of what `--help` says, in the order that manual pages have, and of what `--help` has no room for. The
//! text after the help becomes sections: what begins with `Examples:`, what begins with `Exit codes`; the rest belongs to
//! the description.

use std::io;

use clap::builder::PossibleValue;
use clap::{Arg, Args};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::command::Command;
use super::error::{UsageError, quoted};
use crate::catalog::ROLES;

pub(super) const AFTER_HELP: &str = "\
Examples:
  exchports man | man -l -
  exchports man check | man -l -";

#[derive(Args, Debug)]
pub(super) struct ManArgs {
    /// A command; without one, the page of the program
    #[arg(value_name = "COMMAND")]
    of: Option<String>,
}

impl ManArgs {
    /// The page of a program, or of one of its commands.
    pub(super) fn command(&self, program: clap::Command) -> Result<Command, UsageError> {
        let program = built(program);
        let page = match &self.of {
            None => page_of_program(&program),
            Some(name) => page_of_command(find(&program, name)?),
        };
        page.map(Command::Text)
            .map_err(|error| UsageError(format!("the page cannot be made: {error}")))
    }
}

/// What clap knows, built, so that every command knows its whole name; without what every program has.
fn built(program: clap::Command) -> clap::Command {
    let mut program = program
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .mut_subcommands(|command| {
            let command = command.disable_help_flag(true);
            command.mut_args(|argument| {
                let argument = with_words_in_its_help(argument);
                if argument.is_positional() {
                    argument.help_heading("Arguments")
                } else {
                    argument
                }
            })
        });
    program.build();
    program
}

/// The few words that an argument takes, on a line instead of in a list.
fn with_words_in_its_help(argument: Arg) -> Arg {
    let words = argument.get_possible_values();
    if words.is_empty()
        || argument.is_hide_possible_values_set()
        || !argument.get_action().takes_values()
    {
        return argument;
    }
    let words: Vec<&str> = words.iter().map(PossibleValue::get_name).collect();
    let help = argument.get_help().map(ToString::to_string);
    let help = format!("{}: {}", help.unwrap_or_default(), words.join(", "));
    argument.help(help).hide_possible_values(true)
}

fn commands(program: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    program
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
}

fn find<'a>(program: &'a clap::Command, name: &str) -> Result<&'a clap::Command, UsageError> {
    commands(program)
        .find(|command| command.get_name() == name)
        .ok_or_else(|| {
            let names: Vec<&str> = commands(program).map(clap::Command::get_name).collect();
            UsageError(format!(
                "there is no command {}: give one of {}",
                quoted(name),
                names.join(", ")
            ))
        })
}

fn page_of_program(program: &clap::Command) -> io::Result<String> {
    let mut page = ManualPage::begin(program)?;
    page.list(
        "COMMANDS",
        commands(program).map(|command| (command.get_name(), about(command))),
    );
    page.list("EXIT STATUS", EXITS.map(owned));
    page.examples(program);
    page.list("ENVIRONMENT", ENVIRONMENT.map(owned));
    page.end(commands(program).map(|command| format!("exchports-{}", command.get_name())))
}

fn page_of_command(command: &clap::Command) -> io::Result<String> {
    let mut page = ManualPage::begin(command)?;
    page.man.render_options_section(&mut page.text)?;
    if command
        .get_arguments()
        .any(|argument| argument.get_id() == "role")
    {
        page.list(
            "ROLES",
            ROLES.iter().map(|row| owned((row.name, row.purpose))),
        );
    }
    for paragraph in paragraphs(command).filter(|paragraph| is_exit(paragraph)) {
        page.section("EXIT STATUS", &paragraph);
    }
    page.examples(command);
    page.end(["exchports".to_owned()])
}

fn owned((word, meaning): (&'static str, &str)) -> (&'static str, String) {
    (word, meaning.to_owned())
}

/// What a command does, in a line without a full stop.
fn about(command: &clap::Command) -> String {
    let about = command.get_about().map(ToString::to_string);
    about.unwrap_or_default().trim_end_matches('.').to_owned()
}

/// What there is to say of a command beyond its help, in paragraphs.
fn more_of(command: &str) -> &'static [&'static str] {
    match command {
        "exchports" => &[
            "exchports checks whether the ports that Outlook, phones and Exchange itself depend on can \
             really be used. On each port it does what a mail client would do: look up the name, connect, read the greeting \
             and the capabilities, start TLS, check the certificate, and ask again what the server offers. It stops before \
             signing in, sends no mail, and needs no special rights.",
            "For each problem it shows what was seen, a code in brackets, and what to do next.",
        ],
        "check" => &[
            "Every service of every target gets a row: its status, what TCP showed, the TLS version, the \
             certificate and the time that it took. Problems are explained below the rows, with what to do about them; a \
             problem of the whole host is explained once. The role decides which services are checked, and which of them \
             have to work.",
            "Whatever a server does, a check ends within --timeout, and the run within --deadline.",
        ],
        "list" => &[
            "Everything that can be checked, with its port, protocol and TLS mode, and what each role requires, allows to \
             be missing, or forbids.",
        ],
        "explain" => &[
            "Shows what the word stands for, who uses it, what it means in a report, and what to do then.",
        ],
        "demo" => &[
            "The stand-in serves every service on loopback, with a certificate of its own authority; nothing leaves this \
             machine. With --fault it shows how that fault is reported.",
        ],
        "simulate" => &[
            "The stand-in speaks all protocols, with Exchange's own texts. It accepts no mail and reads no password. With \
             --fault it shows the named fault, so that a script or an alert can be tested before it is needed.",
        ],
        "completions" => &[
            "The script completes commands, options and their values: services, roles, codes, faults, formats. In \
             Elvish it completes commands and options only.",
        ],
        "man" => &[
            "Prints the pages that a package installs as exchports(1), exchports-check(1) and so on.",
        ],
        "schema" => &[
            "Names and codes are only ever added to the schema: a reader should ignore what it does not know.",
        ],
        _ => &[],
    }
}

const EXITS: [(&str, &str); 4] = [
    ("0", "Every check met what was expected of it."),
    (
        "1",
        "A check or a target failed, or a required check was skipped. --fail-on changes what counts.",
    ),
    (
        "2",
        "Nothing could be judged: bad usage, a file that cannot be read, a report that cannot be written, no way out of \
         this machine.",
    ),
    (
        "130, 143",
        "Interrupted by SIGINT or SIGTERM. What was finished has been reported, and the document is valid.",
    ),
];

const ENVIRONMENT: [(&str, &str); 1] = [(
    "NO_COLOR",
    "Set and not empty: no colour, unless --color always is given.",
)];

/// A page on its way.
struct ManualPage {
    man: Man,
    text: Vec<u8>,
}

impl ManualPage {
    /// Title, name, synopsis, description.
    fn begin(command: &clap::Command) -> io::Result<Self> {
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage:").trim().to_owned();
        let mut page = Self {
            man: Man::new(command.clone().about(about(command)).override_usage(usage)),
            text: Vec::new(),
        };
        let name = command.get_display_name().unwrap_or(command.get_name());
        // No date, since the version says it. Names of commands are not to be hyphenated, nor words spaced out.
        page.text = format!(
            ".TH {} 1 \"\" \"exchports {}\" \"exchports manual\"\n.nh\n.ad l\n",
            name.to_uppercase(),
            env!("CARGO_PKG_VERSION")
        )
        .into_bytes();
        page.man.render_name_section(&mut page.text)?;
        page.man.render_synopsis_section(&mut page.text)?;
        page.description(command);
        Ok(page)
    }

    fn description(&mut self, command: &clap::Command) {
        let mut paragraphs: Vec<String> = more_of(command.get_name())
            .iter()
            .map(ToString::to_string)
            .chain(paragraphs(command).filter(|text| !is_example(text) && !is_exit(text)))
            .collect();
        if paragraphs.is_empty() {
            paragraphs.push(format!("{}.", about(command)));
        }
        let mut section = Roff::new();
        section.control("SH", ["DESCRIPTION"]);
        for (index, paragraph) in paragraphs.iter().enumerate() {
            if index > 0 {
                section.control("PP", []);
            }
            section.text([roman(paragraph.replace('\n', " "))]);
        }
        self.add(&section);
    }

    fn section(&mut self, head: &str, text: &str) {
        let mut section = Roff::new();
        section.control("SH", [head]);
        section.text([roman(text.replace('\n', " "))]);
        self.add(&section);
    }

    /// Words and what they mean.
    fn list<'a>(&mut self, head: &str, rows: impl IntoIterator<Item = (&'a str, String)>) {
        let mut section = Roff::new();
        section.control("SH", [head]);
        for (word, meaning) in rows {
            section.control("TP", ["12"]);
            section.text([bold(word)]);
            section.text([roman(meaning)]);
        }
        self.add(&section);
    }

    fn examples(&mut self, command: &clap::Command) {
        let mut section = Roff::new();
        for paragraph in paragraphs(command).filter(|paragraph| is_example(paragraph)) {
            section.control("SH", ["EXAMPLES"]);
            section.control("nf", []);
            for line in paragraph.lines().skip(1) {
                section.text([roman(line.trim())]);
            }
            section.control("fi", []);
        }
        self.add(&section);
    }

    /// Which other pages there are.
    fn end(mut self, others: impl IntoIterator<Item = String>) -> io::Result<String> {
        let mut section = Roff::new();
        section.control("SH", ["SEE ALSO"]);
        let mut others = others.into_iter().peekable();
        while let Some(other) = others.next() {
            let comma = if others.peek().is_some() { "," } else { "" };
            section.text([bold(other), roman(format!("(1){comma}"))]);
        }
        self.add(&section);
        String::from_utf8(self.text).map_err(io::Error::other)
    }

    fn add(&mut self, part: &Roff) {
        self.text.extend_from_slice(part.render().as_bytes());
    }
}

/// The paragraphs of the text after the help.
fn paragraphs(command: &clap::Command) -> impl Iterator<Item = String> {
    let text = command.get_after_help().map(ToString::to_string);
    let paragraphs: Vec<String> = text
        .unwrap_or_default()
        .split("\n\n")
        .map(str::to_owned)
        .collect();
    paragraphs
        .into_iter()
        .filter(|paragraph| !paragraph.trim().is_empty())
}

fn is_example(paragraph: &str) -> bool {
    paragraph.starts_with("Examples:")
}

fn is_exit(paragraph: &str) -> bool {
    paragraph.starts_with("Exit codes")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn every_command_has_a_page_and_the_program_names_them() {
        let of_program = page(None);
        let program = built(Cli::command());
        let names: Vec<&str> = commands(&program).map(clap::Command::get_name).collect();
        assert!(names.len() >= 8, "{names:?}");
        for name in names {
            let page = page(Some(name));
            for part in [
                ".SH NAME",
                ".SH SYNOPSIS",
                ".SH DESCRIPTION",
                ".SH \"SEE ALSO\"",
            ] {
                assert!(page.contains(part), "{name} has no {part}:\n{page}");
            }
            assert!(
                of_program.contains(&format!("exchports\\-{name}")),
                "{name}"
            );
        }
    }

    #[test]
    fn a_page_has_every_option_each_example_and_the_exit_codes() {
        let page = page(Some("check"));
        let program = built(Cli::command());
        let check = find(&program, "check").expect("a command");
        for option in check.get_opts().filter(|option| !option.is_hide_set()) {
            let long = option.get_long().expect("each has a long name");
            let shown = long.replace('-', "\\-");
            assert!(page.contains(&format!("\\-\\-{shown}")), "--{long}");
        }
        for words in [
            "check mail.example.com",
            "EXIT STATUS",
            ".SH ROLES",
            "mailbox",
        ] {
            assert!(page.contains(words), "{words}:\n{page}");
        }
        assert!(!page.contains("Examples:"), "{page}");
    }

    #[test]
    fn an_unknown_command_is_refused_with_those_that_there_are() {
        let args = ManArgs {
            of: Some("no\u{1b}such".to_owned()),
        };
        let error = args
            .command(Cli::command())
            .expect_err("there is none")
            .to_string();
        assert!(error.contains("check, discover, list"), "{error}");
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }

    fn page(of: Option<&str>) -> String {
        let args = ManArgs {
            of: of.map(str::to_owned),
        };
        match args.command(Cli::command()) {
            Ok(Command::Text(page)) => page,
            other => panic!("{of:?}: {other:?}"),
        }
    }
}
