//! Whose software answers, and which advice fits it.

use std::borrow::Cow;

use crate::catalog::Role;
use crate::finding::Definition;

/// Whose software it is, as far as advice depends on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Product {
    /// Exchange, or Windows beside it; also where nothing says otherwise.
    Exchange,
    /// Exchange Online, which Microsoft runs.
    Online,
    /// Another product, by its own words or by the role.
    Other,
}

/// What belongs to an Exchange server of one's own.
const ON_PREMISES: &[&str] = &[
    "-ExchangeCertificate",
    "-ReceiveConnector",
    "-ServerComponentState",
    "-HealthReport",
    "-ImapSettings",
    "-PopSettings",
    "`Get-Web",
    "`Get-Service",
    "`Get-TlsCipherSuite",
    "`Enable-TlsCipherSuite",
    "-NetTCPConnection -LocalPort",
    "VirtualDirectory",
    "MSExchange",
    "IIS",
    "http.sys",
    "healthcheck",
    "netsh",
    "w3wp",
    "Schannel",
    "event 1",
    "events 1",
    "registry",
    "connector",
    "domain controller",
    "Mailbox server",
    "Default Web Site",
    "estart ",
];

/// What only Exchange and Windows have, beside that.
const EXCHANGE_ONLY: &[&str] = &[
    "Exchange",
    "Windows",
    "`Get-",
    "`Set-",
    "TermService",
    "certutil",
    "Intermediate Certification Authorities",
    "Active Directory",
    "AuthMechanism",
    "Server Authentication",
];

/// What a tenant of Exchange Online can do.
const RUN_BY_MICROSOFT: &str = "Microsoft runs this server: check from another network, since a device on the way is \
                                the likelier cause. Service health in the Microsoft 365 admin center shows outages.";

/// What fits every server, where nothing better does.
const LAST_RESORT: &str =
    "Look at the log of the server that answers, and at what stands in front of it.";

impl Product {
    /// What it is, by its own words and by the role as which it is judged.
    pub(super) fn of(says: Option<Self>, role: Role) -> Self {
        let by_role = match role {
            Role::Online | Role::OnlineSubmission | Role::OnlineMx => Self::Online,
            Role::Mail => Self::Other,
            _ => Self::Exchange,
        };
        match (says, by_role) {
            (Some(Self::Other), _) => Self::Other,
            // It greets as Exchange does.
            (_, Self::Online) => Self::Online,
            (Some(says), _) => says,
            (None, by_role) => by_role,
        }
    }

    /// The advice for this product: the evidence's own, else the code's, as far as they fit.
    pub(super) fn hint(
        self,
        own: Option<Cow<'static, str>>,
        definition: &Definition,
    ) -> Cow<'static, str> {
        let (neutral, last) = match self {
            Self::Exchange => return own.unwrap_or(definition.hint.into()),
            Self::Online => ("", RUN_BY_MICROSOFT),
            Self::Other => (definition.neutral, LAST_RESORT),
        };
        own.filter(|own| self.fits(own))
            .or_else(|| (!neutral.is_empty()).then_some(neutral.into()))
            .or_else(|| self.fits(definition.hint).then_some(definition.hint.into()))
            .unwrap_or(last.into())
    }

    /// Whether advice speaks of nothing that this product does not have.
    fn fits(self, hint: &str) -> bool {
        let has = |words: &[&str]| words.iter().any(|word| hint.contains(word));
        match self {
            Self::Exchange => true,
            Self::Online => !has(ON_PREMISES),
            Self::Other => !has(ON_PREMISES) && !has(EXCHANGE_ONLY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Code;

    #[test]
    fn neutral_advice_is_neutral() {
        for code in Code::all() {
            let neutral = code.definition().neutral;
            let is_fit = Product::Other.fits(&neutral.replace("estart ", ""));
            assert!(is_fit, "{code}: {neutral}");
            for product in [Product::Other, Product::Online] {
                let hint = product.hint(None, code.definition());
                assert!(hint == neutral || product.fits(&hint), "{code}: {hint}");
            }
        }
        assert!(Product::Online.fits(RUN_BY_MICROSOFT));
        assert!(Product::Other.fits(LAST_RESORT));
    }

    #[test]
    fn advice_that_does_not_fit_gives_way() {
        let hint = |product: Product, own: Option<&'static str>| {
            product.hint(own.map(Cow::from), Code::CertificateExpired.definition())
        };
        let cmdlet = "Run `Enable-ExchangeCertificate -Services IIS`.";
        assert_eq!(hint(Product::Exchange, Some(cmdlet)), cmdlet);
        let definition = Code::CertificateExpired.definition();
        assert_eq!(hint(Product::Other, Some(cmdlet)), definition.neutral);
        assert_eq!(hint(Product::Online, Some(cmdlet)), RUN_BY_MICROSOFT);
        assert_eq!(hint(Product::Other, Some("Wait.")), "Wait.");
    }
}
