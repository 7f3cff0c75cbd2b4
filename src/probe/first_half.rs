//! The first half of a conversation: up to the go-ahead for TLS.

use super::ask::{Ask, TlsMode};
use super::{imap, ldap, pop3, rdp, smtp};
use crate::catalog::Protocol;
use crate::facts::{HttpFacts, ImapFacts, LdapFacts, PeerFacts, Pop3Facts, RdpFacts, SmtpFacts};
use crate::net::{Session, Stream};
use crate::observation::Failure;

/// The first half: up to the go-ahead, where TLS is asked for in the middle.
pub(super) async fn ask_for_tls<S: Stream>(
    session: &mut Session<'_, S>,
    ask: &Ask,
    mode: TlsMode,
    peer: &mut PeerFacts,
) -> Result<(), Failure> {
    if mode != TlsMode::Upgrade {
        return Ok(());
    }
    match peer {
        PeerFacts::Smtp(facts) => smtp::ask_for_tls(session, ask, facts).await,
        PeerFacts::Imap(facts) => imap::ask_for_tls(session, facts).await,
        PeerFacts::Pop3(facts) => pop3::ask_for_tls(session, facts).await,
        PeerFacts::Ldap(facts) => ldap::ask_for_tls(session, facts).await,
        PeerFacts::Rdp(facts) => rdp::ask_for_tls(session, facts).await,
        PeerFacts::Http(_) => Ok(()),
    }
}

pub(super) fn nothing_yet(protocol: Protocol) -> PeerFacts {
    match protocol {
        Protocol::Smtp => PeerFacts::Smtp(SmtpFacts::default()),
        Protocol::Imap => PeerFacts::Imap(ImapFacts::default()),
        Protocol::Pop3 => PeerFacts::Pop3(Pop3Facts::default()),
        Protocol::Ldap => PeerFacts::Ldap(LdapFacts::default()),
        Protocol::Rdp => PeerFacts::Rdp(RdpFacts::default()),
        Protocol::Http => PeerFacts::Http(HttpFacts::default()),
    }
}
