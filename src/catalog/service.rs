//! What a row of the catalog is made of.

/// A service of the catalog; its id is what people type and what JSON says.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ServiceId {
    /// 25, mail between servers.
    Smtp,
    /// 80, the way to HTTPS.
    Http,
    /// 110, POP3 with STLS.
    Pop3,
    /// 143, IMAP with STARTTLS.
    Imap,
    /// 389, the directory.
    Ldap,
    /// 443, Outlook itself.
    Https,
    /// 465, submission over TLS.
    Submissions,
    /// 587, submission with STARTTLS.
    Submission,
    /// 636, the directory over TLS.
    Ldaps,
    /// 993, IMAP over TLS.
    Imaps,
    /// 995, POP3 over TLS.
    Pop3s,
    /// 3389, remote desktop.
    Rdp,
    /// Outlook on the web.
    Owa,
    /// The Exchange admin center.
    Ecp,
    /// Exchange Web Services.
    Ews,
    /// MAPI over HTTP, Outlook's own way.
    Mapi,
    /// Exchange `ActiveSync`, phones.
    Activesync,
    /// Autodiscover.
    Autodiscover,
    /// RPC over HTTP, Outlook's old way.
    OutlookAnywhere,
    /// The offline address book.
    Oab,
    /// Remote `PowerShell`.
    Powershell,
    /// The MRS proxy, through which mailboxes are moved.
    Mrsproxy,
}

/// The language spoken on a port.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    /// RFC 9112.
    Http,
    /// RFC 1939.
    Pop3,
    /// RFC 3501 and 9051.
    Imap,
    /// RFC 4511.
    Ldap,
    /// \[MS-RDPBCGR\].
    Rdp,
}

/// How a conversation becomes secret, as RFC 8314, 3207 and 2595 call it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Security {
    /// It does not.
    Cleartext,
    /// It begins in clear and is upgraded on request.
    Starttls,
    /// It begins with the TLS handshake.
    ImplicitTls,
    /// It begins in clear and RDP's X.224 negotiation chooses TLS (\[MS-RDPBCGR\] 2.2.1.1).
    X224,
}

/// The groups that `--service` takes beside single services.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Group {
    /// A port of its own.
    Port,
    /// A virtual directory behind 443.
    Web,
}

/// What certificate is to be expected on a service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Certificates {
    /// Clients check it: it has to be trusted, current and made out to the name.
    Checked,
    /// A self-signed one is normal: nobody checks it (mail between servers, remote desktop).
    SelfSignedIsNormal,
    /// There is none.
    None,
}

/// A row of the catalog.
#[derive(Debug)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// The id as it is typed and printed.
    pub name: &'static str,
    /// Its port by default.
    pub port: u16,
    /// What is spoken there.
    pub protocol: Protocol,
    /// How it becomes secret.
    pub security: Security,
    /// What certificate belongs there.
    pub certificates: Certificates,
    /// Its group.
    pub group: Group,
    /// The service in front of it: on the same port, and without it this one cannot be reached.
    pub behind: Option<ServiceId>,
    /// A title of a few words.
    pub title: &'static str,
    /// Who uses it and for what, in plain words, one or two sentences.
    pub purpose: &'static str,
    /// Other names that people type for it.
    pub aliases: &'static [&'static str],
}

impl Protocol {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Http => "http",
            Self::Pop3 => "pop3",
            Self::Imap => "imap",
            Self::Ldap => "ldap",
            Self::Rdp => "rdp",
        }
    }
}

impl Security {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cleartext => "cleartext",
            Self::Starttls => "starttls",
            Self::ImplicitTls => "implicit-tls",
            Self::X224 => "x224",
        }
    }
}
