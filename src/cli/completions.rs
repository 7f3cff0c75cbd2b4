//! `exchports completions`
//!
//! The scripts are `clap_complete`'s. The one for PowerShell knows options, but not the words that they take: those are
//! added here.

use clap::builder::PossibleValue;
use clap::{Arg, Args};
use clap_complete::Shell;

use super::command::Command;
use super::error::UsageError;

pub(super) const AFTER_HELP: &str = "\
Examples:
  exchports completions bash > ~/.local/share/bash-completion/completions/exchports
  exchports completions zsh > ~/.zfunc/_exchports
  exchports completions fish > ~/.config/fish/completions/exchports.fish
  exchports completions powershell | Out-String | Invoke-Expression

In zsh, add ~/.zfunc to fpath before compinit runs. In PowerShell, put the line
in the file that $PROFILE names.";

#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    /// The shell to complete in
    shell: Shell,
}

impl CompletionsArgs {
    /// The script for a program.
    pub(super) fn command(&self, mut program: clap::Command) -> Result<Command, UsageError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "exchports", &mut script);
        let script = String::from_utf8(script)
            .map_err(|_| UsageError(format!("the script for {} is not UTF-8", self.shell)))?;
        Ok(Command::Text(match self.shell {
            Shell::PowerShell => with_words(&script, &program),
            _ => script,
        }))
    }
}

/// PowerShell's script, with the words that follow an option, or a command that takes a word.
fn with_words(script: &str, program: &clap::Command) -> String {
    const PLACE: &str = "    $completions = @(switch ($command) {\n";
    let cases: String = program
        .get_subcommands()
        .flat_map(|command| {
            let arguments = command.get_arguments();
            arguments.flat_map(|argument| cases(command.get_name(), argument))
        })
        .collect();
    let block = format!(
        "    $before = @($commandElements | Where-Object {{ $_.Extent.EndOffset -lt $cursorPosition }})[-1]
    $words = @(switch -CaseSensitive (\"$command $before\") {{
{cases}    }})
    if ($words.Count -gt 0) {{
        return $words.Where{{ $_ -like \"$wordToComplete*\" }} |
            ForEach-Object {{ [CompletionResult]::new($_, $_, [CompletionResultType]::ParameterValue, $_) }}
    }}

"
    );
    script.replacen(PLACE, &format!("{block}{PLACE}"), 1)
}

/// A line for each way to write the argument, if it takes words.
fn cases(command: &str, argument: &Arg) -> Vec<String> {
    let words: Vec<String> = argument
        .get_possible_values()
        .iter()
        .map(|word: &PossibleValue| format!("'{}'", word.get_name()))
        .collect();
    if words.is_empty() || !argument.get_action().takes_values() {
        return Vec::new();
    }
    let words = words.join(", ");
    words_before(argument, command)
        .iter()
        .map(|before| format!("        'exchports;{command} {before}' {{ {words}; break }}\n"))
        .collect()
}

/// What stands before a word of this argument: the option, or the command itself.
fn words_before(argument: &Arg, command: &str) -> Vec<String> {
    if argument.is_positional() {
        return vec![command.to_owned()];
    }
    let long = argument.get_long().map(|name| format!("--{name}"));
    let short = argument.get_short().map(|name| format!("-{name}"));
    long.into_iter().chain(short).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn every_shell_completes_commands_and_options() {
        for shell in [
            Shell::Bash,
            Shell::Zsh,
            Shell::Fish,
            Shell::PowerShell,
            Shell::Elvish,
        ] {
            let script = script(shell);
            for word in ["check", "simulate", "targets-file", "list-faults"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn and_the_words_of_options() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            let script = script(shell);
            // A role, a service, a fault, a code.
            for word in [
                "published",
                "submissions",
                "certificate-expired",
                "starttls-not-offered",
            ] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn powershell_knows_what_follows_what() {
        let script = script(Shell::PowerShell);
        for line in [
            "'exchports;check --role' { 'auto', ",
            "'exchports;check -r' { 'auto', ",
            "'exchports;demo --fault' { 'refused', ",
            "'exchports;completions completions' { 'bash', ",
        ] {
            assert!(script.contains(line), "{line}");
        }
        assert!(!script.contains("--audit' {"), "a switch takes no word");
    }

    fn script(shell: Shell) -> String {
        match (CompletionsArgs { shell }).command(Cli::command()) {
            Ok(Command::Text(script)) => script,
            other => panic!("{shell}: {other:?}"),
        }
    }
}
