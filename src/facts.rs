//! What a peer said of itself: one struct a protocol, and what the TLS handshake showed.
//!
//! Facts are what was seen, never what it means. They are filled in while a dialogue goes on, so that everything
//! learned before a failure survives it. `None` and an empty list mean *not learned*.

use std::fmt;

use time::OffsetDateTime;
use unicode_width::UnicodeWidthChar as _;

/// Text from the network, made safe to show.
///
/// It can only be made by escaping: a byte that is not UTF-8, a control character, and a character that would turn, hide
/// or pile up on the text around it (bidirectional and other format controls, combining marks and whatever else has no
/// width, every gap but the space) become `\xE4`, one for each byte; a backslash becomes `\\`. Everything else stays as it is. At most [`Text::LIMIT`] bytes of input are
/// kept; an ellipsis marks the cut.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Text(String);

impl Text {
    /// How many bytes of input are kept.
    pub const LIMIT: usize = 2048;

    /// Escapes what a peer sent.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::within(bytes, usize::MAX)
    }

    /// Escapes what a peer sent, into `room` bytes at the most, the ellipsis aside: escaping can make four of one.
    #[must_use]
    pub fn within(bytes: &[u8], room: usize) -> Self {
        let kept = bytes.get(..Self::LIMIT).unwrap_or(bytes);
        let mut out = String::with_capacity(kept.len().min(room));
        let whole = kept.utf8_chunks().all(|chunk| {
            let mut valid = chunk.valid().chars();
            let mut invalid = chunk.invalid().iter();
            valid.all(|it| grows(&mut out, room, |out| show(it, out)))
                && invalid.all(|it| grows(&mut out, room, |out| escape_bytes(&[*it], out)))
        });
        if !whole || kept.len() < bytes.len() {
            out.push('…');
        }
        out.shrink_to_fit();
        Self(out)
    }

    /// The escaped text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from_bytes(text.as_bytes())
    }
}

/// Adds to a text, unless it would pass its room then; whether it was added.
fn grows(out: &mut String, room: usize, add: impl FnOnce(&mut String)) -> bool {
    let before = out.len();
    add(out);
    let fits = out.len() <= room;
    if !fits {
        out.truncate(before);
    }
    fits
}

fn show(character: char, out: &mut String) {
    match character {
        '\\' => out.push_str("\\\\"),
        _ if is_unsafe_to_show(character) => {
            escape_bytes(character.encode_utf8(&mut [0; 4]).as_bytes(), out);
        }
        _ => out.push(character),
    }
}

fn escape_bytes(bytes: &[u8], out: &mut String) {
    use fmt::Write as _;
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\x{byte:02X}");
    }
}

/// What has no width of its own (combining marks, joiners, fillers, selectors, controls), what only looks like a gap, and
/// what directs the text around it (general category Cf, where that has a width).
fn is_unsafe_to_show(character: char) -> bool {
    character.width().is_none_or(|columns| columns == 0)
        || (character.is_whitespace() && character != ' ')
        || matches!(
            character,
            '\u{00AD}'
                | '\u{0600}'..='\u{0605}'
                | '\u{061C}'
                | '\u{06DD}'
                | '\u{070F}'
                | '\u{0890}'..='\u{0891}'
                | '\u{08E2}'
                | '\u{115F}'..='\u{1160}'
                | '\u{180E}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFC}'
                | '\u{110BD}'
                | '\u{110CD}'
                | '\u{13430}'..='\u{1345F}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D159}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

/// What a peer said in its own protocol.
#[derive(Clone, Debug, PartialEq)]
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

/// What an SMTP server said (RFC 5321).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SmtpFacts {
    /// The whole greeting, its code included, lines joined by a space.
    pub greeting: Option<Text>,
    /// EHLO keywords with their parameters, as sent, before TLS.
    pub extensions: Vec<Text>,
    /// The same in the secure session; on implicit TLS all of them stand here.
    pub secure_extensions: Vec<Text>,
    /// This machine's clock when the greeting came; Exchange's greeting tells the server's.
    pub greeted_at: Option<OffsetDateTime>,
}

/// What an IMAP server said (RFC 3501, RFC 9051).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ImapFacts {
    /// The greeting line.
    pub greeting: Option<Text>,
    /// Capabilities before TLS.
    pub capabilities: Vec<Text>,
    /// Capabilities in the secure session.
    pub secure_capabilities: Vec<Text>,
}

/// What a POP3 server said (RFC 1939, RFC 2449).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pop3Facts {
    /// The greeting line.
    pub greeting: Option<Text>,
    /// Capabilities before TLS; empty when the server knows no CAPA.
    pub capabilities: Vec<Text>,
    /// Capabilities in the secure session.
    pub secure_capabilities: Vec<Text>,
}

/// What a directory server said (RFC 4511, \[MS-ADTS\] 3.1.1.3.2).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LdapFacts {
    /// Attributes of the rootDSE, in the order in which they came: name and values.
    pub root_dse: Vec<(Text, Vec<Text>)>,
    /// The result code of the `StartTLS` operation (0 success, 52 unavailable).
    pub starttls_result: Option<u32>,
    /// The server's clock as the rootDSE's `currentTime` tells it.
    pub current_time: Option<OffsetDateTime>,
    /// This machine's clock when that answer came.
    pub asked_at: Option<OffsetDateTime>,
}

impl LdapFacts {
    /// The values of an attribute of the rootDSE; names compare without case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &[Text] {
        self.root_dse
            .iter()
            .find(|(found, _)| found.as_str().eq_ignore_ascii_case(name))
            .map_or(&[], |(_, values)| values)
    }
}

/// What a remote desktop host said (\[MS-RDPBCGR\] 2.2.1.2).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RdpFacts {
    /// The protocol that the server selected: 0 standard RDP, 1 TLS, 2 `CredSSP` (NLA), 8 `CredSSP` with early result.
    pub selected_protocol: Option<u32>,
    /// The flags of the negotiation response.
    pub flags: Option<u8>,
    /// The failure code of the negotiation (1 to 6).
    pub failure_code: Option<u32>,
    /// Whether network level authentication is possible or demanded.
    pub nla: Option<Nla>,
}

/// Network level authentication.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Nla {
    /// The host can do it.
    Supported,
    /// The host refuses anything else.
    Required,
    /// The host cannot do it.
    NotSupported,
}

impl Nla {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Required => "required",
            Self::NotSupported => "not-supported",
        }
    }
}

/// What a web server said (RFC 9110).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HttpFacts {
    /// The status code.
    pub status: Option<u16>,
    /// The reason phrase.
    pub reason: Option<Text>,
    /// Where a redirect leads.
    pub location: Option<Text>,
    /// The `Server` header.
    pub server: Option<Text>,
    /// Authentication schemes offered, in the order in which they came.
    pub authentication: Vec<Text>,
    /// Exchange's build (`X-OWA-Version`).
    pub exchange_build: Option<Text>,
    /// The front end that answered (`X-FEServer`).
    pub front_end: Option<Text>,
    /// Devices on the way that named themselves (`Via`, `X-Cache`, `X-Squid-Error`).
    pub via: Vec<Text>,
    /// Where redirects led, one after the other; they are followed on the same host only.
    pub redirects: Vec<Redirect>,
    /// The status at the end of the redirects, where any was followed.
    pub final_status: Option<u16>,
    /// What `healthcheck.htm` of the virtual directory said.
    pub health: Option<Health>,
    /// The server that `healthcheck.htm` names.
    pub health_server: Option<Text>,
}

/// A redirect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redirect {
    /// Where to, as the server wrote it.
    pub location: Text,
    /// What kind of place that is.
    pub kind: RedirectKind,
}

/// Where a redirect leads, seen from the page that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RedirectKind {
    /// On the same host and port, over TLS.
    SameHost,
    /// On the same host, but back to cleartext.
    Downgrade,
    /// To another host.
    OtherHost,
    /// To a page that was asked for already.
    Loop,
    /// Further than redirects are followed.
    TooMany,
    /// To what is no web page: `file:`, `javascript:`, or what cannot be read.
    Nonsense,
}

/// What `healthcheck.htm` said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Health {
    /// 200: the service is in.
    Healthy,
    /// The connection was closed without an answer: managed availability may have taken the service out.
    ClosedUnanswered,
    /// 401: it cannot be read without signing in.
    Unreadable,
    /// 404: there is no such page; not Exchange's.
    Missing,
    /// Nothing came in time.
    Silent,
    /// Another status.
    Status(u16),
}

impl Health {
    /// The word that JSON uses.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Healthy => "healthy".to_owned(),
            Self::ClosedUnanswered => "closed-unanswered".to_owned(),
            Self::Unreadable => "unreadable".to_owned(),
            Self::Missing => "missing".to_owned(),
            Self::Silent => "silent".to_owned(),
            Self::Status(status) => format!("status-{status}"),
        }
    }
}

/// A version of SSL or TLS.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TlsVersion {
    /// SSL 3.0 (RFC 6101).
    Ssl3,
    /// TLS 1.0 (RFC 2246).
    Tls10,
    /// TLS 1.1 (RFC 4346).
    Tls11,
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl TlsVersion {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssl3 => "SSLv3",
            Self::Tls10 => "TLSv1.0",
            Self::Tls11 => "TLSv1.1",
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }
}

/// What a TLS handshake showed, also one that failed half-way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsFacts {
    /// The version agreed on; `None` when the handshake did not get there.
    pub version: Option<TlsVersion>,
    /// The cipher suite by its IANA name.
    pub cipher_suite: Option<String>,
    /// The key exchange group by its IANA name.
    pub group: Option<String>,
    /// The application protocol agreed on.
    pub alpn: Option<Text>,
    /// The name sent as SNI; `None` for an address literal.
    pub server_name: Option<String>,
    /// The certificate, judged against the name and the roots.
    pub certificate: Option<CertificateFacts>,
    /// The chain as sent, leaf first.
    pub chain: Vec<ChainLink>,
    /// Whether the server asked for a client certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// What the server would speak in old TLS, where the handshake failed and a second look asked.
    pub legacy: Option<LegacyFacts>,
    /// Which versions are enabled, oldest first; empty where nobody asked (`--audit`).
    pub versions: Vec<(TlsVersion, VersionAnswer)>,
}

/// How a server answered a `ClientHello` of TLS 1.2 made by hand, with all the suites that libraries no longer have.
///
/// The handshake ends there: the chain is what the server claims, and [`KeyProof`] tells how far that is proven.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LegacyFacts {
    /// In which way.
    pub answer: LegacyAnswer,
    /// The version that it chose, which can be an older one than was asked for.
    pub version: Option<TlsVersion>,
    /// The cipher suite that it chose, by its IANA name; `0xABCD` for one without.
    pub cipher_suite: Option<String>,
    /// How the key would be agreed on, for suites with a name.
    pub key_exchange: Option<KeyExchange>,
    /// With what would be encrypted, for suites with a name.
    pub cipher: Option<Cipher>,
    /// The key exchange group by its IANA name, where the server named one.
    pub group: Option<String>,
    /// Bits of the prime of Diffie-Hellman, where the server sent one.
    pub prime_bits: Option<u32>,
    /// The alert that it sent, be it the end or a warning.
    pub alert: Option<u8>,
    /// Whether it asked for a client certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Whether it showed that it holds the key of its certificate, where its answer was whole; `None` where it was cut
    /// short, is older than TLS 1.2, or cannot be checked.
    pub proof: Option<KeyProof>,
}

/// Whether a server showed that it holds the key of its certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyProof {
    /// It did: with that key it signed a key exchange made for this handshake.
    Shown,
    /// Its suite has it prove that only at the end of the handshake (RSA key exchange).
    Deferred,
    /// What it sent is not signed by that key.
    Broken,
}

/// What an alert says, by its number (RFC 8446 §6; older numbers RFC 5246 §7.2, RFC 2246 §7.2, RFC 6066 §9).
#[must_use]
pub fn alert_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => return None,
    })
}

/// In which way a server answered a `ClientHello` made by hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LegacyAnswer {
    /// It chose version and suite.
    Agreed,
    /// It sent an alert.
    Alert,
    /// It closed or reset, without a word.
    Closed,
    /// It said nothing in time.
    Silent,
    /// What came is not TLS.
    NotTls,
}

/// How a key is agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyExchange {
    /// Encrypted to the key of the certificate: no forward secrecy.
    Rsa,
    /// Ephemeral, finite field.
    Dhe,
    /// Ephemeral, elliptic curve; TLS 1.3 always.
    Ecdhe,
}

/// With what is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cipher {
    /// AES-GCM or ChaCha20-Poly1305.
    Aead,
    /// AES in CBC mode.
    Cbc,
    /// Triple DES.
    TripleDes,
    /// RC4.
    Rc4,
}

/// Whether a version of TLS is enabled on a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VersionAnswer {
    /// The server chose it.
    Accepted,
    /// The server refused, closed, or chose another one.
    Refused,
    /// It could not be learned.
    Unknown,
}

impl VersionAnswer {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// That a server asked for a client certificate; we never have one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClientCertificate {
    /// It asked and went on without.
    Requested,
}

/// What the server's own certificate says, and how it stands against name and roots. Dates are told, not judged:
/// that takes a clock.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateFacts {
    /// Subject, in RFC 4514 order as sent: `CN=mail.example.com`.
    pub subject: Text,
    /// Issuer, likewise.
    pub issuer: Text,
    /// Names it is made out to: DNS names and addresses of the subject alternative name.
    pub names: Vec<Text>,
    /// How many names more it is made out to than are kept.
    pub more_names: usize,
    /// Start of validity.
    pub not_before: OffsetDateTime,
    /// End of validity.
    pub not_after: OffsetDateTime,
    /// Serial number, lower-case hexadecimal without leading zeros; an ellipsis marks where an endless one is cut.
    pub serial: String,
    /// SHA-256 over the DER, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The public key.
    pub key: KeyFacts,
    /// The signature algorithm by its usual name: `sha256WithRSAEncryption`; else its object identifier.
    pub signature: String,
    /// Whether the signature algorithm is SHA-1, MD5 or older.
    pub signature_strength: SignatureStrength,
    /// Whether it is signed by its own key.
    pub self_signed: bool,
    /// Whether it is made out to the name that was asked for.
    pub name_matches: bool,
    /// How far trust reaches.
    pub trust: TrustFacts,
    /// Where its issuer's certificate can be fetched (AIA caIssuers), as it says.
    pub issuer_urls: Vec<Text>,
}

/// A public key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyFacts {
    /// `RSA`, `EC`, `Ed25519`, `Ed448`, `DSA`; else its object identifier.
    pub algorithm: String,
    /// Its size in bits, where that is known.
    pub bits: Option<u32>,
}

/// What a signature is worth today.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureStrength {
    /// SHA-2 or better.
    Good,
    /// SHA-1 or MD5.
    Weak,
}

/// Whether a chain leads to a root that is trusted, whatever the date.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustFacts {
    /// Which set of roots it leads to.
    pub anchor: Option<Anchor>,
    /// What is wrong with it apart from dates, keys and names; all that hold.
    pub defects: Vec<TrustDefect>,
    /// Certificates of the chain, up to and without the root, whose dates have to hold as well: index into
    /// `TlsFacts::chain`.
    pub path: Vec<usize>,
}

/// Where a root of trust comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Anchor {
    /// A file named with `--ca-file`.
    CaFile,
    /// Mozilla's roots, built in.
    Public,
    /// This machine's own store.
    System,
}

impl Anchor {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CaFile => "ca-file",
            Self::Public => "public",
            Self::System => "system",
        }
    }
}

/// Why a chain is not trusted, dates aside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TrustDefect {
    /// The last issuer is no known root.
    UnknownIssuer,
    /// It is signed by itself and is no known root.
    SelfSigned,
    /// The certificate between the one sent and a root known here was not sent.
    MissingIntermediate,
    /// It is not meant for servers (extended key usage).
    InvalidPurpose,
    /// Anything else, in the words of the verifier.
    Other(Text),
}

/// A certificate of the chain as sent.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainLink {
    /// Subject.
    pub subject: Text,
    /// Issuer.
    pub issuer: Text,
    /// SHA-256 over the DER, lower-case hexadecimal.
    pub sha256: String,
    /// Start of validity; `None` when the certificate cannot be read.
    pub not_before: Option<OffsetDateTime>,
    /// End of validity; `None` when the certificate cannot be read.
    pub not_after: Option<OffsetDateTime>,
    /// Its key; `None` when the certificate cannot be read.
    pub key: Option<KeyFacts>,
    /// How it was signed, by its usual name, and what that is worth; `None` when the certificate cannot be read.
    pub signature: Option<(String, SignatureStrength)>,
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn what_could_harm_a_terminal_is_escaped() {
        for (bytes, shown) in [
            (&b"220 mail ready"[..], "220 mail ready"),
            (b"a\\b", "a\\\\b"),
            (b"\x1b[31mred", "\\x1B[31mred"),
            (b"caf\xe9", "caf\\xE9"),
            ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
            ("x\u{202e}y".as_bytes(), "x\\xE2\\x80\\xAEy"),
            ("\u{9b}1m".as_bytes(), "\\xC2\\x9B1m"),
            (b"a\0b\r\n", "a\\x00b\\x0D\\x0A"),
            ("e\u{301}\u{301}".as_bytes(), "e\\xCC\\x81\\xCC\\x81"),
            ("a\u{a0}b".as_bytes(), "a\\xC2\\xA0b"),
            ("\u{3164}".as_bytes(), "\\xE3\\x85\\xA4"),
            (
                "B\u{fc}ro \u{41f}\u{43e}\u{447}\u{442}\u{430} \u{90f5}\u{4ef6} \u{628}\u{631}"
                    .as_bytes(),
                "B\u{fc}ro \u{41f}\u{43e}\u{447}\u{442}\u{430} \u{90f5}\u{4ef6} \u{628}\u{631}",
            ),
        ] {
            assert_eq!(Text::from_bytes(bytes).as_str(), shown);
        }
    }

    #[test]
    fn names_of_the_alerts_that_diagnoses_are_built_on() {
        for (number, name) in [
            (40, Some("handshake_failure")),
            (70, Some("protocol_version")),
            (80, Some("internal_error")),
            (112, Some("unrecognized_name")),
            (116, Some("certificate_required")),
            (255, None),
        ] {
            assert_eq!(super::alert_name(number), name);
        }
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let text = Text::from_bytes(&[b'x'; 5000]);
        assert_eq!(text.as_str().chars().count(), Text::LIMIT + 1);
        assert!(text.as_str().ends_with('…'));
    }

    #[test]
    fn what_has_little_room_is_cut_between_two_escapes() {
        for (bytes, room, shown) in [
            (&b"mail"[..], 4, "mail"),
            (b"mail", 3, "mai…"),
            (b"a\xff\xff", 9, "a\\xFF\\xFF"),
            (b"a\xff\xff", 8, "a\\xFF…"),
            (b"a\\", 2, "a…"),
            ("\u{202e}".as_bytes(), 11, "…"),
            (b"", 0, ""),
            (b"x", 0, "…"),
        ] {
            assert_eq!(Text::within(bytes, room).as_str(), shown, "{bytes:x?}");
        }
    }
}
