//! What was typed and cannot be meant, and how what was typed is shown in a message.

use std::path::Path;

use crate::facts::Text;

/// What was typed and cannot be meant: one line for standard error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// What was typed, in quotes, safe to show.
pub(super) fn quoted(typed: &str) -> String {
    format!("`{}`", Text::from(typed))
}

/// The same on one line, whatever is in it.
pub(super) fn without_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// A path as it can be shown on one line.
#[must_use]
pub fn shown(path: &Path) -> String {
    without_controls(&path.to_string_lossy())
}
