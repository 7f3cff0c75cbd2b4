//! RDP on 3389: X.224 negotiation and the TLS handshake, nothing after it (\[MS-RDPBCGR\] 1.3.1.1, 2.2.1.1, 2.2.1.2).

use super::ask::refuse;
use crate::facts::{Nla, RdpFacts};
use crate::net::{Session, Stream};
use crate::observation::{Cause, Failure, Stage};
use crate::wire::rdp::{self, Confirm, Protocols};

/// Up to the go-ahead; in the secure session nothing is said.
pub(super) async fn ask_for_tls<S: Stream>(
    session: &mut Session<'_, S>,
    facts: &mut RdpFacts,
) -> Result<(), Failure> {
    session.enter(Stage::Starttls);
    session
        .send(&rdp::connection_request(Protocols::ASKED, None))
        .await?;
    match session.receive(rdp::confirm).await? {
        Confirm::Selected { protocol, flags } => {
            facts.selected_protocol = Some(protocol.0);
            facts.flags = Some(flags);
            match protocol {
                Protocols::HYBRID | Protocols::HYBRID_EX => {
                    facts.nla = Some(Nla::Supported);
                    Ok(())
                }
                Protocols::TLS => {
                    facts.nla = Some(Nla::NotSupported);
                    Ok(())
                }
                Protocols::RDP => {
                    facts.nla = Some(Nla::NotSupported);
                    Err(refuse(
                        session,
                        Cause::NoTls,
                        b"standard RDP security selected",
                    ))
                }
                other => {
                    let words = format!("protocol {} selected, which was not asked for", other.0);
                    Err(refuse(session, Cause::NegotiationFailed, words.as_bytes()))
                }
            }
        }
        Confirm::Refused { code } => {
            facts.failure_code = Some(code);
            let cause = match code {
                2 => Cause::NoTls,
                3 => Cause::NoCertificate,
                _ => Cause::NegotiationFailed,
            };
            let words = format!("failure {code} {}", rdp::failure_name(code));
            Err(refuse(session, cause, words.as_bytes()))
        }
        Confirm::NoNegotiation => {
            facts.selected_protocol = Some(Protocols::RDP.0);
            facts.nla = Some(Nla::NotSupported);
            Err(refuse(session, Cause::NoTls, b"no security negotiation"))
        }
    }
}

/// Asks for TLS without network level authentication, on a connection of its own: a host that insists on it refuses.
pub(super) async fn insists_on_nla<S: Stream>(
    session: &mut Session<'_, S>,
) -> Result<Option<Nla>, Failure> {
    const HYBRID_REQUIRED: u32 = 5;
    session.enter(Stage::Starttls);
    session
        .send(&rdp::connection_request(Protocols::TLS, None))
        .await?;
    Ok(match session.receive(rdp::confirm).await? {
        Confirm::Refused {
            code: HYBRID_REQUIRED,
        } => Some(Nla::Required),
        _ => None,
    })
}
