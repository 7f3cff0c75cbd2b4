//! RDP.

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
