//! The rules over one check: what it means when a service is not as the catalog says.
//!
//! One table a subject, in the order in which a check goes: [`reach`], [`dialogue`], [`starttls`], [`tls`],
//! [`interception`], [`certificate`], [`protocol`], [`web`]. Every [`Code`](crate::finding::Code) has exactly one rule, in one of them or in
//! the tables over a whole target; what is said of it, and how bad it is, stands in its
//! [definition](crate::finding::Definition).

mod case;
mod certificate;
mod dialogue;
pub(in crate::judge) mod interception;
mod protocol;
mod reach;
pub(in crate::judge) mod recognition;
mod rule;
mod sign_in;
mod starttls;
mod tls;
pub(super) mod web;

pub use case::Case;
pub(super) use reach::unused_proxy;

use rule::CheckRule;

/// All rules over one check, in their order.
pub fn rules() -> impl Iterator<Item = &'static CheckRule> {
    [
        reach::RULES,
        dialogue::RULES,
        starttls::RULES,
        tls::RULES,
        interception::RULES,
        certificate::RULES,
        protocol::RULES,
        sign_in::RULES,
        web::RULES,
    ]
    .into_iter()
    .flatten()
}
