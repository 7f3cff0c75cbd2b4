//! # facts: what a peer said of itself
//!
//! One struct a protocol, and what the TLS handshake showed. Facts are what was seen, never what it means. They are filled
//! in while a dialogue goes on, so that everything learned before a failure survives it. `None` and an empty list mean
//! *not learned*. What comes from the network is in them as [`Text`], escaped, or as a value that cannot do harm.
//!
//! Start reading at [`PeerFacts`] and [`TlsFacts`].

mod certificate;
mod dns;
mod handshake;
mod http;
mod imap;
mod ldap;
mod old_tls;
mod pop3;
mod rdp;
mod smtp;
mod text;
mod tls;

pub use certificate::{
    Anchor, CertificateFacts, ChainLink, Fingerprints, KeyFacts, SignatureStrength, TrustDefect,
    TrustFacts,
};
pub use dns::{Answer, CaaRecord, DnssecState, MxRecord, Outcome, SrvRecord};
pub use handshake::TlsFacts;
pub use http::{BearerAnswer, Health, HttpFacts, Redirect, RedirectKind};
pub use imap::ImapFacts;
pub use ldap::LdapFacts;
pub use old_tls::{Cipher, KeyExchange, KeyProof, LegacyAnswer, LegacyFacts, VersionAnswer};
pub use pop3::Pop3Facts;
pub use rdp::{Nla, RdpFacts};
pub use smtp::SmtpFacts;
pub use text::Text;
pub use tls::{ClientCertificate, TlsVersion, alert_name};

/// What a peer said in its own protocol.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each check, and half of them are of this variant"
)]
pub enum PeerFacts {
    /// Of an SMTP server.
    Smtp(SmtpFacts),
    /// Of an IMAP server.
    Imap(ImapFacts),
    /// Of a POP3 server.
    Pop3(Pop3Facts),
    /// Of a directory server.
    Ldap(LdapFacts),
    /// Of a remote desktop host.
    Rdp(RdpFacts),
    /// Of a web server.
    Http(HttpFacts),
}
