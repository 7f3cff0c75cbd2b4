//! How far a request reaches: what the readers of the protocols tell the conversation.

/// How far a request reaches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Extent {
    /// That many bytes; never 0, never more than there are.
    Whole(usize),
    /// More is to come.
    Unfinished,
    /// No request begins like this.
    Foreign,
}
