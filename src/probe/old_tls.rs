//! Old TLS, asked for on a connection of its own: the first half of the dialogue again, and then a `ClientHello` made by
//! hand in place of the handshake.

use super::ask::{Ask, TlsMode};
use super::first_half::{ask_for_tls, nothing_yet};
use super::rdp;
use crate::facts::{
    Cipher, KeyExchange, KeyProof, LegacyAnswer, LegacyFacts, Nla, PeerFacts, TlsVersion,
    VersionAnswer,
};
use crate::net::{Dial, Record};
use crate::observation::{Cause, Failure};

/// The versions that an audit asks for.
const AUDITED: [TlsVersion; 4] = [
    TlsVersion::Tls10,
    TlsVersion::Tls11,
    TlsVersion::Tls12,
    TlsVersion::Tls13,
];

/// After a handshake that failed: what the server would speak in old TLS. The failure stays where it was; its cause
/// becomes a narrower one where the answer tells it.
pub(super) async fn look_again(
    dial: &impl Dial,
    ask: &Ask,
    mode: TlsMode,
    record: &mut Record,
    failure: &mut Failure,
) {
    let Some(mut legacy) = ask_in(TlsVersion::Tls12, dial, ask, mode, record).await else {
        return;
    };
    // protocol_version: what broke off with us may speak TLS 1.3 alone.
    if legacy.alert == Some(70)
        && legacy.version.is_none()
        && failure.cause != Cause::VersionTooOld
        && let Some(newer) = ask_in(TlsVersion::Tls13, dial, ask, mode, record).await
        && newer.version.is_some()
    {
        legacy = newer;
    }
    let has_certificate = record.tls().is_some_and(|tls| tls.certificate.is_some());
    if let Some(cause) = narrower(&legacy, failure.cause, has_certificate) {
        failure.cause = cause;
    }
    record.note_legacy(legacy);
}

/// After a check: which versions are enabled, and whether a remote desktop host insists on NLA. Nothing is asked of a
/// server that has shown no TLS.
pub(super) async fn audit(
    dial: &impl Dial,
    ask: &Ask,
    mode: TlsMode,
    record: &mut Record,
    peer: &mut PeerFacts,
) {
    if !speaks_tls(record) {
        return;
    }
    for version in AUDITED {
        let answer = if is_known(version, record) {
            VersionAnswer::Accepted
        } else {
            let legacy = ask_in(version, dial, ask, mode, record).await;
            legacy.map_or(VersionAnswer::Unknown, |legacy| answer(version, &legacy))
        };
        record.note_version(version, answer);
    }
    if let PeerFacts::Rdp(facts) = peer
        && facts.nla == Some(Nla::Supported)
        && let Ok(mut session) = dial.dial(record).await
    {
        if let Ok(Some(nla)) = rdp::insists_on_nla(&mut session).await {
            facts.nla = Some(nla);
        }
        session.take_leave(None).await;
    }
}

/// One connection; `None` when it did not come to an answer.
async fn ask_in(
    version: TlsVersion,
    dial: &impl Dial,
    ask: &Ask,
    mode: TlsMode,
    record: &mut Record,
) -> Option<LegacyFacts> {
    let mut heard_before = nothing_yet(ask.service.protocol);
    let mut session = dial.dial(record).await.ok()?;
    let answer = match ask_for_tls(&mut session, ask, mode, &mut heard_before).await {
        Ok(()) => session.ask_in_old_tls(version).await.ok(),
        Err(_) => None,
    };
    session.take_leave(None).await;
    answer
}

/// The cause of a failed handshake that this answer tells. That old suites are all there is makes a server usable, so it
/// takes an answer that only the holder of the certificate's key gives, or one whose suite lets nobody prove that.
fn narrower(legacy: &LegacyFacts, failed: Cause, has_certificate: bool) -> Option<Cause> {
    if legacy.version? < TlsVersion::Tls12 {
        return Some(Cause::VersionTooOld);
    }
    let is_modern =
        legacy.key_exchange == Some(KeyExchange::Ecdhe) && legacy.cipher == Some(Cipher::Aead);
    let is_credible = matches!(legacy.proof, Some(KeyProof::Shown | KeyProof::Deferred));
    if is_modern {
        // Of TLS 1.3 no key is seen; who has version, suite and group in common with us can lack a signature only.
        let is_without_signature = legacy.version == Some(TlsVersion::Tls13)
            && matches!(failed, Cause::Alert(40 | 71))
            && !has_certificate;
        let is_beyond = legacy.proof == Some(KeyProof::Unchecked)
            || legacy.group.as_deref().is_some_and(is_unknown_group)
            || is_without_signature;
        let is_whole = legacy.proof != Some(KeyProof::Broken);
        return (is_beyond && is_whole).then_some(Cause::BeyondThisClient);
    }
    is_credible.then_some(Cause::LegacySuitesOnly)
}

/// Whether a key exchange group is none of those that every handshake offers.
fn is_unknown_group(group: &str) -> bool {
    !["X25519", "SECP256R1", "SECP384R1", "SECP521R1"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(group))
}

/// Whether there was a secure session, a chain (a server that wants a client certificate shows one and hangs up), or an
/// answer in old TLS.
fn speaks_tls(record: &Record) -> bool {
    record.tls().is_some_and(|tls| {
        let answer = tls.legacy.as_ref().map(|legacy| legacy.answer);
        tls.version.is_some()
            || !tls.chain.is_empty()
            || matches!(answer, Some(LegacyAnswer::Agreed | LegacyAnswer::Alert))
    })
}

/// Whether the check itself or the second look has shown that version.
fn is_known(version: TlsVersion, record: &Record) -> bool {
    record.tls().is_some_and(|tls| {
        let legacy = tls.legacy.as_ref().and_then(|legacy| legacy.version);
        tls.version == Some(version) || legacy == Some(version)
    })
}

/// What an answer to a hello of that version says of it.
fn answer(version: TlsVersion, legacy: &LegacyFacts) -> VersionAnswer {
    match legacy.answer {
        LegacyAnswer::Agreed if legacy.version == Some(version) => VersionAnswer::Accepted,
        // unrecognized_name is about the name, whatever the version
        LegacyAnswer::Alert if legacy.alert == Some(112) => VersionAnswer::Unknown,
        LegacyAnswer::Agreed | LegacyAnswer::Closed | LegacyAnswer::Alert => VersionAnswer::Refused,
        LegacyAnswer::Silent | LegacyAnswer::NotTls => VersionAnswer::Unknown,
    }
}
