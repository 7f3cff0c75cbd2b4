//! What a rule is: a code, and when it holds.

use std::borrow::Cow;

use super::product::Product;
use crate::finding::{Code, Diagnosis, Severity};

/// A row of the rules. What is said of the code stands in its [definition](crate::finding::Definition).
#[derive(Debug)]
pub struct Rule<Holds> {
    /// What it is called.
    pub code: Code,
    /// Whether it holds, and by what evidence.
    pub holds: Holds,
}

/// Why a rule holds.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What was seen.
    pub message: String,
    /// How bad it is, where that depends on what was seen.
    pub severity: Option<Severity>,
    /// What to do next, where that differs from the code's own words.
    pub hint: Option<Cow<'static, str>>,
}

impl Evidence {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            severity: None,
            hint: None,
        }
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    pub(super) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(Cow::Borrowed(hint));
        self
    }

    /// A hint made for this case.
    pub(super) fn own_hint(mut self, hint: String) -> Self {
        self.hint = Some(Cow::Owned(hint));
        self
    }

    /// Another hint, where there is one.
    pub(super) fn hint_if(self, hint: Option<&'static str>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// The diagnosis of that code, with advice for that product; so bad, where what was seen makes no difference.
    pub(super) fn diagnose(self, code: Code, severity: Severity, product: Product) -> Diagnosis {
        let hint = product.hint(self.hint, code.definition());
        Diagnosis {
            code,
            severity: self.severity.unwrap_or(severity),
            message: self.message,
            hint: hint.into_owned(),
        }
    }
}
