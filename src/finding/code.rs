//! The codes: every word that scripts may rely on. They are only ever added to.

use std::fmt;

/// The code of a diagnosis or a failure. `exchports explain CODE` tells what it means.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Code {
    /// The name does not exist in DNS.
    NameNotFound,
    /// The name exists and has no address of the families asked for.
    NameWithoutAddress,
    /// The resolver did not answer, or said that it could not.
    NameLookupFailed,
    /// The connection was refused.
    Refused,
    /// Nobody answered in time.
    Filtered,
    /// No route, or a router or a filter said no.
    Unreachable,
    /// This machine does not let the connection out.
    Blocked,
    /// This machine has no address of that family, or no route to the host.
    AddressFamilyMissing,
    /// This machine ran out of files, ports or memory.
    OutOfResources,
    /// The address given with `--source` is not one of this machine.
    SourceUnusable,
    /// The port accepts and says nothing.
    Silent,
    /// An answer began and did not end in time.
    Stalled,
    /// The server closed the connection before it answered.
    ClosedEarly,
    /// The connection was reset in the middle of the conversation.
    Reset,
    /// More came than any sane server sends.
    Flood,
    /// What answered does not speak what belongs on this port.
    NotTheProtocol,
    /// The server said at once that it is not available.
    ServiceUnavailable,
    /// The server refuses this client for good.
    GreetingRejected,
    /// The server refused a command that belongs to every conversation.
    CommandRejected,
    /// The server offers no STARTTLS.
    StarttlsNotOffered,
    /// Something on the way overwrote the offer of STARTTLS.
    StarttlsOverwritten,
    /// STARTTLS was offered and refused.
    StarttlsRejected,
    /// Plaintext came after the STARTTLS go-ahead.
    BytesInjected,
    /// The server says that it has no certificate to serve.
    NoCertificate,
    /// The host speaks only RDP's old security, without TLS.
    RdpNoTls,
    /// The host refused the RDP security negotiation.
    RdpNegotiationFailed,
    /// Cleartext came where TLS belongs.
    CleartextOnTlsPort,
    /// Exchange's internal Client Proxy connector answers on 465.
    ClientProxy,
    /// TLS came where cleartext belongs.
    TlsOnCleartextPort,
    /// The server ended the handshake with an alert.
    TlsAlert,
    /// Server and client share no cipher suite.
    TlsNoCommonCipher,
    /// The server knows no site of that name.
    TlsNameNotRecognised,
    /// The server closed right after the `ClientHello`.
    TlsClosedOnHello,
    /// The server's TLS is older than what is accepted.
    TlsVersionTooOld,
    /// The TLS handshake failed.
    TlsHandshakeFailed,
    /// The server demands a client certificate.
    ClientCertificateRequired,
    /// The server asks for a client certificate and goes on without.
    ClientCertificateRequested,
    /// The certificate has expired.
    CertificateExpired,
    /// The certificate is not valid yet.
    CertificateNotYetValid,
    /// The certificate expires soon.
    CertificateExpiresSoon,
    /// The certificate is signed by itself.
    CertificateSelfSigned,
    /// The certificate's issuer is no root that is trusted here.
    CertificateUnknownIssuer,
    /// The server does not send an intermediate certificate.
    CertificateMissingIntermediate,
    /// The certificate is made out to other names.
    CertificateWrongName,
    /// The certificate is not meant for servers.
    CertificateInvalidPurpose,
    /// The certificate's key is too short.
    CertificateWeakKey,
    /// The certificate is signed with a broken hash.
    CertificateWeakSignature,
    /// The certificate is not acceptable for another reason.
    CertificateUntrusted,
    /// Something on the way masks the server's greeting.
    GreetingMasked,
    /// The web server answers with an error of its own.
    HttpServerError,
    /// The web server answers 403.
    HttpForbidden,
    /// The directory refused to tell its rootDSE.
    LdapError,
    /// The domain controller says that it is not synchronized.
    DirectoryNotReady,
    /// The server's clock and this machine's differ.
    ClockDiffers,
    /// The host cannot do network level authentication.
    RdpNlaNotSupported,
    /// The port is reachable and must not be.
    ForbiddenOpen,
    /// The run's deadline came first.
    Deadline,
    /// The run was interrupted.
    Interrupted,
    /// A defect of exchports itself.
    InternalError,
    /// 443 is not open, so the web services behind it were not asked.
    HttpsNotOpen,
    /// The web server knows no such virtual directory.
    WebNotFound,
    /// A virtual directory answers with an error of the server's own.
    WebServerError,
    /// A virtual directory answers 403.
    WebRestricted,
    /// The web server refuses the request itself.
    HttpRejected,
    /// A proxy on the way wants a sign-in first.
    ProxyAuthentication,
    /// The web server says that it is asked too often.
    WebThrottled,
    /// The network wants a sign-in before it lets anything out.
    CaptivePortal,
    /// Exchange's pages come over plain HTTP.
    HttpWithoutTls,
    /// Redirects come to no end.
    WebRedirectLoop,
    /// A redirect leads from HTTPS back to plain HTTP.
    WebRedirectToCleartext,
    /// A redirect leads away from the service.
    WebRedirectElsewhere,
    /// A redirect leads nowhere.
    WebRedirectUnusable,
    /// A directory that wants a sign-in answers without one.
    WebAnonymous,
    /// A sign-in is wanted, and no way to sign in is offered.
    AuthenticationMissing,
    /// Exchange Online offers Basic, and no longer takes it.
    BasicAuthenticationOnline,
    /// Modern authentication (OAuth) is offered.
    ModernAuthentication,
    /// Nothing in the answer is Exchange's: possibly a device in front answers.
    PreAuthentication,
    /// The health page of a virtual directory is closed without an answer, or tells of a fault.
    WebUnhealthy,
    /// The health page comes from another server than the directory.
    WebHealthElsewhere,
    /// A web proxy on the way names itself.
    ProxyOnTheWay,
    /// The greeting took long.
    GreetingSlow,
    /// Another product than Exchange greets.
    GatewayAnswers,
    /// Submission offers no way to sign in.
    AuthNotOffered,
    /// Submission offers only Windows' own ways to sign in.
    AuthWindowsOnly,
    /// Only small messages are taken.
    SizeLimitLow,
    /// A device or program on the way inspects TLS.
    TlsInspected,
    /// The directory is not Active Directory.
    NotActiveDirectory,
    /// The domain controller is no ready global catalog.
    GlobalCatalogNotReady,
    /// The host demands network level authentication.
    RdpNlaRequired,
    /// No port of the target answers.
    NothingAnswers,
    /// 25 alone gets no answer.
    Port25Blocked,
    /// Only the web's ports get an answer.
    WebOnlyNetwork,
    /// POP3 and IMAP4 are off on Exchange.
    PopImapOff,
    /// Services, or addresses, serve different certificates.
    CertificateDiffers,
    /// IPv4 works and IPv6 does not.
    Ipv6Broken,
    /// IPv6 works and IPv4 does not.
    Ipv4Broken,
    /// Every port accepts, also one where nobody is.
    EverythingOpen,
    /// All web services answer 503.
    IisStopped,
    /// Nothing says that the host is Exchange.
    NotExchange,
    /// The target is another kind of host than it was judged as.
    RoleDoesNotFit,
    /// The servers behind the services name themselves differently.
    NamesDiffer,
    /// Microsoft no longer supports this Exchange.
    ExchangeUnsupported,
    /// Exchange Online throttles and then refuses mail from this build.
    ExchangeOnlineThrottles,
    /// Which Exchange it is.
    ExchangeBuild,
    /// The server's TLS 1.2 has only suites that clients of today lack.
    TlsLegacySuites,
    /// The server still accepts TLS 1.0 or 1.1.
    TlsOldVersions,
    /// Every port refuses.
    NothingListens,
    /// TLS on 443 does not work, so the web services behind it were not asked.
    HttpsUnusable,
    /// This machine has no way out, in either family.
    NoNetwork,
    /// An IMAP server that lets everybody in without a name, or somebody who plays it to keep clients from STARTTLS.
    ImapPreauth,
    /// A directory that answers the question for its rootDSE with success and nothing.
    RootDseEmpty,
}

/// Every code with its word, in the order of the enum.
const WORDS: &[(Code, &str)] = &[
    (Code::NameNotFound, "name-not-found"),
    (Code::NameWithoutAddress, "name-without-address"),
    (Code::NameLookupFailed, "name-lookup-failed"),
    (Code::Refused, "refused"),
    (Code::Filtered, "filtered"),
    (Code::Unreachable, "unreachable"),
    (Code::Blocked, "blocked"),
    (Code::AddressFamilyMissing, "address-family-missing"),
    (Code::OutOfResources, "out-of-resources"),
    (Code::SourceUnusable, "source-unusable"),
    (Code::Silent, "silent"),
    (Code::Stalled, "stalled"),
    (Code::ClosedEarly, "closed-early"),
    (Code::Reset, "reset"),
    (Code::Flood, "flood"),
    (Code::NotTheProtocol, "not-the-protocol"),
    (Code::ServiceUnavailable, "service-unavailable"),
    (Code::GreetingRejected, "greeting-rejected"),
    (Code::CommandRejected, "command-rejected"),
    (Code::StarttlsNotOffered, "starttls-not-offered"),
    (Code::StarttlsOverwritten, "starttls-overwritten"),
    (Code::StarttlsRejected, "starttls-rejected"),
    (Code::BytesInjected, "bytes-injected"),
    (Code::NoCertificate, "no-certificate"),
    (Code::RdpNoTls, "rdp-no-tls"),
    (Code::RdpNegotiationFailed, "rdp-negotiation-failed"),
    (Code::CleartextOnTlsPort, "cleartext-on-tls-port"),
    (Code::ClientProxy, "client-proxy"),
    (Code::TlsOnCleartextPort, "tls-on-cleartext-port"),
    (Code::TlsAlert, "tls-alert"),
    (Code::TlsNoCommonCipher, "tls-no-common-cipher"),
    (Code::TlsNameNotRecognised, "tls-name-not-recognised"),
    (Code::TlsClosedOnHello, "tls-closed-on-hello"),
    (Code::TlsVersionTooOld, "tls-version-too-old"),
    (Code::TlsHandshakeFailed, "tls-handshake-failed"),
    (
        Code::ClientCertificateRequired,
        "client-certificate-required",
    ),
    (
        Code::ClientCertificateRequested,
        "client-certificate-requested",
    ),
    (Code::CertificateExpired, "certificate-expired"),
    (Code::CertificateNotYetValid, "certificate-not-yet-valid"),
    (Code::CertificateExpiresSoon, "certificate-expires-soon"),
    (Code::CertificateSelfSigned, "certificate-self-signed"),
    (Code::CertificateUnknownIssuer, "certificate-unknown-issuer"),
    (
        Code::CertificateMissingIntermediate,
        "certificate-missing-intermediate",
    ),
    (Code::CertificateWrongName, "certificate-wrong-name"),
    (
        Code::CertificateInvalidPurpose,
        "certificate-invalid-purpose",
    ),
    (Code::CertificateWeakKey, "certificate-weak-key"),
    (Code::CertificateWeakSignature, "certificate-weak-signature"),
    (Code::CertificateUntrusted, "certificate-untrusted"),
    (Code::GreetingMasked, "greeting-masked"),
    (Code::HttpServerError, "http-server-error"),
    (Code::HttpForbidden, "http-forbidden"),
    (Code::LdapError, "ldap-error"),
    (Code::DirectoryNotReady, "directory-not-ready"),
    (Code::ClockDiffers, "clock-differs"),
    (Code::RdpNlaNotSupported, "rdp-nla-not-supported"),
    (Code::ForbiddenOpen, "forbidden-open"),
    (Code::Deadline, "deadline"),
    (Code::Interrupted, "interrupted"),
    (Code::InternalError, "internal-error"),
    (Code::HttpsNotOpen, "https-not-open"),
    (Code::WebNotFound, "web-not-found"),
    (Code::WebServerError, "web-server-error"),
    (Code::WebRestricted, "web-restricted"),
    (Code::HttpRejected, "http-rejected"),
    (Code::ProxyAuthentication, "proxy-authentication"),
    (Code::WebThrottled, "web-throttled"),
    (Code::CaptivePortal, "captive-portal"),
    (Code::HttpWithoutTls, "http-without-tls"),
    (Code::WebRedirectLoop, "web-redirect-loop"),
    (Code::WebRedirectToCleartext, "web-redirect-to-cleartext"),
    (Code::WebRedirectElsewhere, "web-redirect-elsewhere"),
    (Code::WebRedirectUnusable, "web-redirect-unusable"),
    (Code::WebAnonymous, "web-anonymous"),
    (Code::AuthenticationMissing, "authentication-missing"),
    (
        Code::BasicAuthenticationOnline,
        "basic-authentication-online",
    ),
    (Code::ModernAuthentication, "modern-authentication"),
    (Code::PreAuthentication, "pre-authentication"),
    (Code::WebUnhealthy, "web-unhealthy"),
    (Code::WebHealthElsewhere, "web-health-elsewhere"),
    (Code::ProxyOnTheWay, "proxy-on-the-way"),
    (Code::GreetingSlow, "greeting-slow"),
    (Code::GatewayAnswers, "gateway-answers"),
    (Code::AuthNotOffered, "auth-not-offered"),
    (Code::AuthWindowsOnly, "auth-windows-only"),
    (Code::SizeLimitLow, "size-limit-low"),
    (Code::TlsInspected, "tls-inspected"),
    (Code::NotActiveDirectory, "not-active-directory"),
    (Code::GlobalCatalogNotReady, "global-catalog-not-ready"),
    (Code::RdpNlaRequired, "rdp-nla-required"),
    (Code::NothingAnswers, "nothing-answers"),
    (Code::Port25Blocked, "port-25-blocked"),
    (Code::WebOnlyNetwork, "web-only-network"),
    (Code::PopImapOff, "pop-imap-off"),
    (Code::CertificateDiffers, "certificate-differs"),
    (Code::Ipv6Broken, "ipv6-broken"),
    (Code::Ipv4Broken, "ipv4-broken"),
    (Code::EverythingOpen, "everything-open"),
    (Code::IisStopped, "iis-stopped"),
    (Code::NotExchange, "not-exchange"),
    (Code::RoleDoesNotFit, "role-does-not-fit"),
    (Code::NamesDiffer, "names-differ"),
    (Code::ExchangeUnsupported, "exchange-unsupported"),
    (Code::ExchangeOnlineThrottles, "exchange-online-throttles"),
    (Code::ExchangeBuild, "exchange-build"),
    (Code::TlsLegacySuites, "tls-legacy-suites"),
    (Code::TlsOldVersions, "tls-old-versions"),
    (Code::NothingListens, "nothing-listens"),
    (Code::HttpsUnusable, "https-unusable"),
    (Code::NoNetwork, "no-network"),
    (Code::ImapPreauth, "imap-preauth"),
    (Code::RootDseEmpty, "root-dse-empty"),
];

impl Code {
    /// The word that JSON, the table and `explain` use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        // INVARIANT: the words stand in the order of the enum (tested below).
        WORDS[self as usize].1
    }

    /// The code of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        WORDS
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(word))
            .map(|(code, _)| *code)
    }

    /// Whether a target of which this is told needs that code of its rows no more: they are one matter.
    #[must_use]
    pub fn covers(self, of_a_row: Self) -> bool {
        match self {
            Self::NothingAnswers => matches!(
                of_a_row,
                Self::Filtered | Self::Unreachable | Self::HttpsNotOpen
            ),
            Self::CertificateMissingIntermediate => {
                self == of_a_row || of_a_row == Self::CertificateUnknownIssuer
            }
            Self::NothingListens => matches!(of_a_row, Self::Refused | Self::HttpsNotOpen),
            Self::WebOnlyNetwork => matches!(of_a_row, Self::Filtered | Self::Unreachable),
            Self::Port25Blocked => of_a_row == Self::Filtered,
            Self::PopImapOff => matches!(of_a_row, Self::Refused | Self::Filtered),
            Self::IisStopped => matches!(of_a_row, Self::HttpServerError | Self::WebServerError),
            Self::NotExchange => of_a_row == Self::WebNotFound,
            Self::Ipv6Broken | Self::Ipv4Broken => {
                matches!(
                    of_a_row,
                    Self::Refused | Self::Filtered | Self::Unreachable | Self::HttpsNotOpen
                )
            }
            _ => self == of_a_row,
        }
    }

    /// All codes.
    pub fn all() -> impl Iterator<Item = Self> {
        WORDS.iter().map(|(code, _)| *code)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_the_order_of_the_enum_and_are_kebab_case() {
        for (index, (code, word)) in WORDS.iter().enumerate() {
            assert_eq!(*code as usize, index, "{word}");
            assert!(
                word.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{word}"
            );
        }
    }
}
