//! # judge: observation → finding
//!
//! Does: says what an observation means. The rules (`check/`, one table a subject) are asked in their order; each that
//! holds gives a diagnosis; the status table (`verdict.rs`) turns what was seen and what was expected into one word.
//! Then the same for a target as a whole (`host/`), and for a mail domain (`domain/`). Which kind of host a target is,
//! where nobody said it, `role.rs` finds.
//! [`explain()`] prints the definitions for people.
//!
//! Must not: open anything, read a clock, keep state. `now` is an argument. The same arguments give the same finding,
//! so a finding can be judged again as another role at no cost.
//!
//! Start reading at [`judge()`], then at the tables in `check/` and `host/`: a rule is a code and when it holds. What is
//! said of the code stands in its [definition](crate::finding::Definition).

pub use check::{Case, rules};
pub use context::Context;
pub use domain::{domain_rules, judge_domain, unanswered};
pub use explain::{explain, list_of_words, most_like, near, words};
pub use explanation::Explanation;
pub use host::{
    Control, Elsewhere, Place, Surroundings, calls_for_control, calls_for_port_25, compare_nodes,
    judge_target, target_rules,
};
pub use limited::turned_away;
pub use role::{expected, judge_by_signs};
pub use row::judge;
pub use rule::{Evidence, Rule};

mod check;
mod context;
mod domain;
mod explain;
mod explanation;
#[cfg(test)]
mod fixture;
mod host;
mod limited;
mod online_names;
mod pasted;
mod product;
mod quoting;
mod role;
mod row;
mod rule;
mod verdict;
