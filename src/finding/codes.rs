//! The codes: every word that scripts may rely on, and everything that is said of it. A row is a code; rows are only
//! ever added. The rules of `judge` say when one holds.

use super::severity::Severity::{self, Fail, Info, Warn};
use crate::catalog::ServiceId::{Ecp, Imaps, Ldap, Powershell, Smtp};
use crate::catalog::{Certificates, Expectation, Role, Service, ServiceId};
use When::{As, OfRows, On, Required, Seen, Unchecked, Unrequired};

/// Everything that is said of a code, wherever it is said.
#[derive(Debug)]
pub struct Definition {
    /// The word that JSON, the table and `explain` use: kebab-case.
    pub word: &'static str,
    /// How bad it is where no exception holds.
    pub severity: Severity,
    /// Where it is less bad, or worse: the first that holds counts.
    pub except: &'static [Exception],
    /// What is the matter, in a few words, without a full stop.
    pub title: &'static str,
    /// What it means, in one to three sentences.
    pub meaning: &'static str,
    /// What to do next, where the evidence does not say otherwise: one or two sentences.
    pub hint: &'static str,
    /// The same for a server that is not Exchange, in words that fit every product; empty where the other fits.
    pub neutral: &'static str,
    /// Where that comes from: documents, with a semicolon between two.
    pub references: &'static str,
    /// Other words that people type or paste for it.
    pub aliases: &'static [&'static str],
    /// Codes of its rows that a target of which this is told needs no more.
    pub covers: &'static [Code],
    /// The [known failures](super::KNOWN_FAILURES) that it answers.
    pub answers: &'static [&'static str],
}

/// How bad a code is, when, and why or where in words; those may be empty.
pub type Exception = (Severity, When, &'static str);

/// When an exception to a severity holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum When {
    /// On these services.
    On(&'static [ServiceId]),
    /// Where the service is required.
    Required,
    /// Where the service is optional or forbidden.
    Unrequired,
    /// On a host of that role.
    As(Role),
    /// Where nobody checks the certificate.
    Unchecked,
    /// Where something was seen that the words tell; the rule says so with its evidence.
    Seen,
    /// Of a target: as bad as the worst of its rows that it covers.
    OfRows,
}

/// What a severity depends on besides what was seen.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The service.
    pub service: &'static Service,
    /// Whether it is required.
    pub expect: Expectation,
    /// As what the host is judged.
    pub role: Role,
    /// Whether nobody checks the certificate there.
    pub unchecked: bool,
}

impl Asked {
    /// As the catalog has it, before anything was seen.
    #[must_use]
    pub fn of(service: &'static Service, expect: Expectation, role: Role) -> Self {
        Self {
            service,
            expect,
            role,
            unchecked: service.certificates == Certificates::SelfSignedIsNormal,
        }
    }
}

impl When {
    /// Whether it holds there, whatever was seen.
    #[must_use]
    pub fn holds(self, asked: &Asked) -> bool {
        match self {
            Self::On(services) => services.contains(&asked.service.id),
            Self::Required => asked.expect == Expectation::Required,
            Self::Unrequired => asked.expect != Expectation::Required,
            Self::As(role) => asked.role == role,
            Self::Unchecked => asked.unchecked,
            Self::Seen | Self::OfRows => false,
        }
    }
}

/// What most codes have nothing of.
const PLAIN: Definition = Definition {
    word: "",
    severity: Info,
    except: &[],
    title: "",
    meaning: "",
    hint: "",
    neutral: "",
    references: "",
    aliases: &[],
    covers: &[],
    answers: &[],
};

/// The enum and its definitions, in one order, from one list.
macro_rules! codes {
    ($($code:ident = $word:literal { $($field:ident: $value:expr,)* })*) => {
        /// The code of a diagnosis or a failure. `exchports explain CODE` tells what it means.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Code {
            $(#[doc = concat!("`", $word, "`")] $code,)*
        }

        pub(super) const DEFINITIONS: &[(Code, Definition)] = &[
            $((Code::$code, Definition { word: $word, $($field: $value,)* ..PLAIN }),)*
        ];
    };
}

codes! {
    // -- Reach: names, TCP, what must not be reachable, and what kept this machine from looking.
    ForbiddenOpen = "forbidden-open" {
        severity: Fail,
        title: "reachable, but it must not be",
        meaning: "The port accepted a connection, and on this kind of host it must not be reachable from where the \
            check was made. Whether the service behind it works makes no difference, and what else was seen of it is \
            reported for information only.",
        hint: "Close the port on the firewall, or limit it to a VPN or to known addresses. If it has to be reachable \
            from here, say so with `--optional`.",
        references: "Microsoft, Network ports for clients and mail flow in Exchange",
    }
    NameNotFound = "name-not-found" {
        severity: Fail,
        title: "the name does not exist",
        meaning: "DNS says that there is no such name, so there was nothing to connect to.",
        hint: "Check the spelling, then ask internal and public DNS (`nslookup`): an internal name is not known outside. \
            If it should exist, add the record.",
        references: "RFC 1035 §4.1.1; RFC 8020",
        aliases: &["NXDOMAIN", "WSAHOST_NOT_FOUND", "11001"],
        answers: &["D01"],
    }
    NameWithoutAddress = "name-without-address" {
        severity: Fail,
        title: "the name has no address",
        meaning: "The name exists in DNS but has no A or AAAA record of the address families that were asked for, so \
            there was nothing to connect to.",
        hint: "Add an A or AAAA record, or check what its CNAME points to. With `-4`, `-6` or `--source` only one family \
            counts.",
        references: "RFC 2308 §2.2",
        aliases: &["NODATA", "WSANO_DATA", "11004"],
        answers: &["D02"],
    }
    NameLookupFailed = "name-lookup-failed" {
        severity: Fail,
        title: "the name could not be looked up",
        meaning: "The resolver did not answer, or reported a failure. Whether the name exists is not known.",
        hint: "Try another resolver (`nslookup NAME SERVER`) and make sure that port 53 is open for UDP and TCP. A broken \
            DNSSEC signature looks the same.",
        references: "RFC 1035 §4.1.1",
        aliases: &["SERVFAIL", "WSATRY_AGAIN", "11002"],
        answers: &["D03"],
    }
    Refused = "refused" {
        severity: Fail,
        except: &[
            (Info, Unrequired, "nothing has to listen there"),
            (Fail, Seen, "where an earlier connection of the check was accepted"),
        ],
        title: "the connection was refused",
        meaning: "The host answered at once that nothing listens on this port: the service is stopped or listens on \
            another port, or a firewall rejects the connection. PortQry calls it NOT LISTENING.",
        hint: "Start the service, or correct the port. Behind a load balancer, make sure that its pool has a healthy \
            member.",
        references: "RFC 9293 §3.10.7.1; Microsoft, PortQry",
        aliases: &["NOT LISTENING", "closed", "ECONNREFUSED", "WSAECONNREFUSED", "10061"],
        answers: &["T01", "A04", "R01"],
    }
    Filtered = "filtered" {
        severity: Fail,
        except: &[
            (Info, Unrequired, "nothing has to listen there"),
            (Fail, Seen, "where an earlier connection of the check was accepted"),
        ],
        title: "no answer",
        meaning: "Nothing came back, not even a refusal. Either a firewall drops the packets, or the service is \
            stopped on a Windows host, whose firewall answers nothing for a closed port (stealth mode). PortQry calls \
            it FILTERED.",
        hint: "A firewall drops the packets, or the service is stopped and Windows therefore does not answer \
            (stealth mode). Look at the firewall's log and at the service.",
        neutral: "A firewall drops the packets, on the way or on the server: look at its log. Also make sure that the \
            service runs and listens on this address.",
        references: "Microsoft KB 2586744 (stealth mode); Microsoft, PortQry",
        aliases: &["ETIMEDOUT", "WSAETIMEDOUT", "10060"],
        answers: &["T02", "A04", "R01"],
    }
    Unreachable = "unreachable" {
        severity: Fail,
        except: &[
            (Info, Unrequired, "nothing has to listen there"),
            (Fail, Seen, "where an earlier connection of the check was accepted"),
        ],
        title: "unreachable",
        meaning: "There is no route to the host, or a router or firewall on the way rejected the connection. Linux \
            cannot tell these apart on IPv4.",
        hint: "Check the address, the route to it (`tracert`) and the VPN. A router or firewall on the way may have \
            rejected the connection: ask whoever runs it.",
        references: "RFC 792; RFC 1812 §5.2.7.1; RFC 4443 §3.1",
        aliases: &["EHOSTUNREACH", "WSAEHOSTUNREACH", "10065"],
        answers: &["T05", "T06"],
    }
    Blocked = "blocked" {
        severity: Warn,
        title: "this machine blocks the connection",
        meaning: "The operating system refused to send: a firewall or an antivirus on the machine that runs the check \
            blocked it. This says nothing about the server.",
        hint: "Allow exchports in this machine's firewall or antivirus (`Get-NetFirewallRule -Direction Outbound`), or \
            check from another machine.",
        neutral: "Allow exchports in this machine's firewall or antivirus, or check from another machine.",
        references: "connect(2), EPERM; Winsock, WSAEACCES (10013)",
        aliases: &["EPERM", "EACCES", "WSAEACCES", "10013"],
        answers: &["T18"],
    }
    NoNetwork = "no-network" {
        severity: Warn,
        title: "this machine has no network",
        meaning: "The machine that runs the check has no network: no address and no route beyond itself, neither in \
            IPv4 nor in IPv6, so nothing was sent and no resolver was asked. This says nothing about the server.",
        hint: "Connect this machine to the network, or bring up its VPN (`ipconfig`, `route print`; `ip address`, `ip \
            route`), then check again.",
        references: "connect(2), ENETUNREACH; Winsock, WSAENETUNREACH (10051)",
        aliases: &["ENETUNREACH", "WSAENETUNREACH", "10051"],
        answers: &["T19"],
    }
    AddressFamilyMissing = "address-family-missing" {
        severity: Warn,
        title: "this machine cannot reach that kind of address",
        meaning: "The machine that runs the check has no address of the target's family (IPv6 or IPv4), or no route to \
            it: nothing was sent. This says nothing about the server.",
        hint: "Check from a machine that has that family and a route there (`route print`, `ip route`; a VPN may bring \
            it), or use the other family with `-4` or `-6`.",
        references: "RFC 8305; connect(2), ENETUNREACH and EAFNOSUPPORT",
        aliases: &["EAFNOSUPPORT", "WSAEAFNOSUPPORT", "10047"],
    }
    OutOfResources = "out-of-resources" {
        severity: Warn,
        title: "this machine ran out of files, ports or memory",
        meaning: "The system had no socket left for the check. This says nothing about the server.",
        hint: "Check fewer hosts at once (`--jobs`), or raise the limit of open files.",
        references: "socket(2), EMFILE and ENFILE; connect(2), EADDRNOTAVAIL; Winsock, WSAENOBUFS (10055)",
        aliases: &["EMFILE", "ENFILE", "WSAENOBUFS", "10055"],
    }
    SourceUnusable = "source-unusable" {
        severity: Warn,
        title: "the source address cannot be used",
        meaning: "The address given with `--source` does not belong to the machine that runs the check, belongs to \
            another address family than the target, or cannot reach the target (127.0.0.1, for example).",
        hint: "Give `--source` an address of this machine that can reach the target: `ipconfig` or `ip \
            address` lists them.",
        references: "bind(2), EADDRNOTAVAIL",
        aliases: &["EADDRNOTAVAIL", "WSAEADDRNOTAVAIL", "10049"],
    }
    ProxyUnreachable = "proxy-unreachable" {
        severity: Warn,
        title: "the proxy cannot be reached",
        meaning: "The proxy given with `--proxy` does not accept connections: it is stopped, listens on another port, \
            or its name leads nowhere. No server was asked for anything. This says nothing about the server.",
        hint: "Check the proxy's name and port, or check without it: leave `--proxy` out.",
        references: "exchports check --help, --proxy",
        aliases: &["ERR_PROXY_CONNECTION_FAILED"],
    }
    ProxyNotUnderstood = "proxy-not-understood" {
        severity: Warn,
        title: "what answers is not a proxy of that kind",
        meaning: "The address given with `--proxy` accepts connections, but what answers there does not speak SOCKS \
            5 (or HTTP, for `http://`), hangs up, or stays silent. No server was asked for anything. This says \
            nothing about the server.",
        hint: "Check the port and the kind of the proxy: `socks5://` and `socks5h://` are SOCKS 5, `http://` is CONNECT. \
            A proxy that closes at once may not serve this machine: look at its log.",
        references: "RFC 1928; RFC 9110 §9.3.6",
    }
    ProxySignInRequired = "proxy-sign-in-required" {
        severity: Warn,
        title: "the proxy requires a sign-in",
        meaning: "The proxy given with `--proxy` lets nobody through without a sign-in. Either none was given, or \
            the proxy accepts only another kind (Negotiate, NTLM, GSSAPI). No server was asked for anything. This \
            says nothing about the server.",
        hint: "Set EXCHPORTS_PROXY_USER and EXCHPORTS_PROXY_PASSWORD in the environment. If the proxy accepts only \
            Windows accounts, have it let this machine through without a sign-in.",
        references: "RFC 1928 §3; RFC 1929; RFC 9110 §15.5.8 (407)",
        aliases: &["Proxy Authentication Required"],
    }
    ProxySignInRefused = "proxy-sign-in-refused" {
        severity: Warn,
        title: "the proxy refuses the user name or password",
        meaning: "The proxy given with `--proxy` refused the user name and password from the environment. No server \
            was asked for anything. This says nothing about the server.",
        hint: "Correct EXCHPORTS_PROXY_USER and EXCHPORTS_PROXY_PASSWORD or, with `--proxy env`, those in \
            HTTPS_PROXY. The proxy's log says why it refused.",
        references: "RFC 1929 §2; RFC 9110 §15.5.8 (407)",
    }
    ProxyForbids = "proxy-forbids" {
        severity: Warn,
        title: "the proxy does not allow it",
        meaning: "The rules of the proxy given with `--proxy` do not allow a connection to this host or port. Web \
            proxies often allow 443 only (Squid's default). The server was not asked, so nothing is known of it.",
        hint: "Have the proxy allow this host and port, check from a network without a proxy, or name only the \
            services that it allows: `--service https,web`.",
        references: "RFC 1928 §6 (2); RFC 9110 §15.5.4 (403); Squid, http_access deny CONNECT !SSL_ports",
        aliases: &["ERR_ACCESS_DENIED"],
    }
    ProxyCouldNotTell = "proxy-could-not-tell" {
        severity: Warn,
        title: "the proxy could not connect, and does not say why",
        meaning: "The proxy given with `--proxy` did not get through to the server, and its answer does not tell whether \
            the port is closed, filtered or unreachable, or the name unknown. HTTP proxies answer 502, 503 or 504 to \
            all of these.",
        hint: "Look at the proxy's log for this time, or check from a network that needs no proxy. With `socks5://` \
            the name is looked up here, so a name that does not exist is reported as such.",
        references: "RFC 1928 §6 (1, 4); RFC 9110 §15.6; RFC 9209",
        aliases: &["ERR_TUNNEL_CONNECTION_FAILED"],
    }
    HttpsNotOpen = "https-not-open" {
        severity: Info,
        title: "443 is not open",
        meaning: "Exchange's web services all live behind 443. It did not accept a connection, so they were not checked.",
        hint: "Fix port 443 first: the row of `https` says what is wrong there.",
        references: "Microsoft: Network ports for clients and mail flow in Exchange",
    }
    HttpsUnusable = "https-unusable" {
        severity: Info,
        title: "TLS on 443 does not work",
        meaning: "Exchange's web services all live behind 443. It accepted a connection and the TLS handshake failed, \
            it speaks in clear, or it has only suites that this program lacks, so they were not checked.",
        hint: "Fix port 443 first: the row of `https` says what is wrong there.",
        references: "Microsoft: Network ports for clients and mail flow in Exchange",
    }
    Deadline = "deadline" {
        severity: Info,
        title: "the run ended first",
        meaning: "The run's deadline (`--deadline`) passed before this check had finished.",
        hint: "Give the run more time with `--deadline`, or check fewer targets at once.",
        references: "exchports check --help, --deadline",
    }
    Interrupted = "interrupted" {
        severity: Info,
        title: "interrupted",
        meaning: "The run was interrupted (Ctrl-C or SIGTERM) before this check had finished.",
        hint: "Run it again.",
        references: "exchports check --help",
    }
    InternalError = "internal-error" {
        severity: Warn,
        title: "a defect of exchports",
        meaning: "exchports itself failed. This says nothing about the server.",
        hint: "Please report it with the command line and the output of `-v`.",
        references: "the project's issue tracker",
    }

    // -- The conversation.
    Silent = "silent" {
        severity: Fail,
        title: "accepted, then silent",
        meaning: "The port accepts the connection, but the expected answer never comes, not even an error. The service \
            behind the port hangs, a device on the way accepts connections for a server that is down, or the server \
            delays unknown clients for longer than the check waits.",
        hint: "Restart the service behind this port. If that changes nothing, look for a proxy, firewall or load \
            balancer on the way that accepts connections for it: then even a closed port looks open.",
        references: "RFC 5321 §4.5.3.2",
        answers: &["T11", "L24", "P09", "H14"],
    }
    Stalled = "stalled" {
        severity: Fail,
        title: "an answer began but did not end",
        meaning: "Part of an answer came, but not all of it in time. The server is overloaded or delays on purpose, or a \
            device on the way holds packets back.",
        hint: "Try with a longer `--timeout`. If the rest then comes, look for overload or tarpitting on the server; \
            if not, look for a device on the way (MTU, inspection).",
        references: "RFC 5321 §4.5.3.2; Microsoft, Understanding back pressure",
    }
    ClosedEarly = "closed-early" {
        severity: Fail,
        title: "closed before an answer",
        meaning: "The server accepted the connection and closed it before it answered: a limit on \
            connections, a list of addresses, a component that is offline, or a load balancer with an empty pool.",
        hint: "Look at limits and address lists on the server, and at the load balancer's pool. \
            `Get-ServerComponentState` tells whether Exchange has taken the component offline.",
        neutral: "Look at limits and address lists of the server and of what stands in front, and at the load \
            balancer's pool.",
        references: "Microsoft, Set-ReceiveConnector; Microsoft, Load balancing in Exchange Server",
        answers: &["T09", "L23", "S12"],
    }
    Reset = "reset" {
        severity: Fail,
        title: "reset in the middle of the conversation",
        meaning: "The connection was reset after it had been accepted: the program behind it ended, or an inspection \
            device on the way objected to the conversation.",
        hint: "Look at the logs of intrusion prevention and firewall for that time, then at the service's own log. A \
            capture at both ends shows which of the two sent the reset.",
        references: "RFC 9293 §3.5.2",
        aliases: &["ECONNRESET", "WSAECONNRESET", "10054"],
        answers: &["T13"],
    }
    Flood = "flood" {
        severity: Fail,
        title: "far too much data",
        meaning: "The answer grew larger than any server of this kind needs, so exchports stopped reading.",
        hint: "Find out what really listens on this port: it is unlikely to be a mail, web or directory server.",
        references: "RFC 5321 §4.5.3.1",
    }
    NotTheProtocol = "not-the-protocol" {
        severity: Fail,
        title: "not the protocol that belongs here",
        meaning: "Something answered, but not in the protocol of this port: another program listens there, or a proxy \
            or gateway answers instead of the server.",
        hint: "Find out which program listens there (`Get-NetTCPConnection -LocalPort PORT` on the server), and whether a \
            proxy or a forwarding rule points to the wrong port.",
        neutral: "Find out which program listens on this port on the server, and whether a proxy or a forwarding rule \
            points to the wrong port.",
        references: "IANA, Service Name and Transport Protocol Port Number Registry",
        answers: &["R07"],
    }
    TlsBroken = "tls-broken" {
        severity: Fail,
        title: "TLS broke within the session",
        meaning: "The handshake succeeded, but what followed could not be decrypted or was not TLS. Usually a device \
            on the way changes bytes, or the service behind a TLS proxy answers in clear.",
        hint: "Check from another network, and directly, bypassing the load balancer or proxy (`--address`). If the \
            fault remains, restart whatever terminates TLS.",
        references: "RFC 8446 §6.2",
    }
    ProxyHeaderUnexpected = "proxy-header-unexpected" {
        severity: Fail,
        title: "a PROXY header that the server does not expect",
        meaning: "A load balancer or proxy in front sends a PROXY header at the beginning of each connection, and \
            the server takes it for a command from the client. Its answers then do not fit what was asked, and no \
            client can work with it.",
        hint: "Switch the PROXY protocol off for this server on the load balancer (HAProxy: `send-proxy`, `send-proxy-v2`; \
            nginx: `proxy_protocol`). Exchange does not understand it on any port.",
        neutral: "Switch the PROXY protocol off on the load balancer (HAProxy: `send-proxy`, `send-proxy-v2`; nginx: \
            `proxy_protocol`), or on in the server (Postfix: `smtpd_upstream_proxy_protocol`; Dovecot: `haproxy = yes`).",
        references: "HAProxy, The PROXY protocol",
        aliases: &["send-proxy", "proxy protocol"],
    }
    ConnectionsLimited = "connections-limited" {
        severity: Info,
        title: "the server limits connections from one client",
        meaning: "The server, or what stands in front of it, turned this check away while others to the same address \
            were under way, and answered when asked again, alone. That is a limit, not an outage.",
        hint: "No action is needed. `--per-address 1` looks at one service at a time.",
        references: "Postfix, anvil(8); Microsoft, Set-ReceiveConnector (MaxInboundConnectionPerSource); nginx, limit_conn",
    }
    ServiceUnavailable = "service-unavailable" {
        severity: Fail,
        title: "the server says that it is unavailable",
        meaning: "The server answered at once that it accepts no sessions now: maintenance mode, a component that is \
            offline, too little memory or disk, or too many connections.",
        hint: "Look at the server's own log for its reason, and try again later.",
        references: "RFC 5321 §3.1, §4.2.2; Microsoft, NDRs and bounce messages, 4.3.2",
        answers: &["S01", "S02", "S03", "S04", "S05", "S06", "S07", "P02", "P03"],
    }
    GreetingRejected = "greeting-rejected" {
        severity: Fail,
        title: "the server refuses this client",
        meaning: "The server greeted with a permanent refusal. Usually this depends on the address that the connection \
            comes from: its reputation, a block list, or an allow list.",
        hint: "Check the address that this connection comes from against the gateway's allow list and public block \
            lists, and try from an address that should be accepted.",
        references: "RFC 5321 §3.1",
        answers: &["S08", "S09", "S12"],
    }
    CommandRejected = "command-rejected" {
        severity: Fail,
        title: "a basic command was refused",
        meaning: "The server sent its greeting but then refused EHLO, CAPABILITY or the like, without which no client \
            can continue.",
        hint: "Look at the server's own log for its reason. Inspection on a firewall or an antivirus mail shield on \
            the way may answer instead of the server.",
        references: "RFC 5321 §4.1.1.1; RFC 3501 §6.1.1",
        answers: &["S08", "S11"],
    }
    GreetingSlow = "greeting-slow" {
        severity: Warn,
        title: "the greeting was slow",
        meaning: "The server accepted the connection at once and took more than five seconds to greet. Exchange delays \
            unknown clients on purpose (tarpitting), and so does a server whose lookup of the client's name fails. \
            Some clients give up.",
        hint: "Make sure that the server's DNS answers reverse lookups of this address, and check TarpitInterval of \
            the receive connector (`Get-ReceiveConnector`). Back pressure slows greetings down as well.",
        neutral: "Make sure that the server's DNS answers reverse lookups of this address, and check whether it delays \
            greetings on purpose, as postscreen and tarpits do.",
        references: "Microsoft, Set-ReceiveConnector (TarpitInterval); RFC 5321 §4.5.3.2",
        answers: &["T10"],
    }

    // -- STARTTLS, and what RDP has in its place.
    StarttlsNotOffered = "starttls-not-offered" {
        severity: Fail,
        except: &[(Warn, On(&[Smtp, Ldap]), "where clients continue without it")],
        title: "STARTTLS is not offered",
        meaning: "The server speaks its protocol in clear and does not offer TLS. Mail clients then refuse to sign in. \
            Other mail servers still deliver in clear, and a directory can be searched in clear: there it is a defect \
            that stops nobody.",
        hint: "Assign a certificate to the service (`Enable-ExchangeCertificate`) and restart it. Without one Exchange \
            offers no STARTTLS.",
        neutral: "Switch TLS on for this service and give it a certificate with its key. If it is on, a device on the \
            way removes the offer.",
        references: "RFC 3207 §4; RFC 2595; RFC 4511 §4.14; Exchange event 12014",
        answers: &["M03", "L09", "L12", "A02"],
    }
    StarttlsOverwritten = "starttls-overwritten" {
        severity: Fail,
        title: "the offer of STARTTLS was overwritten on the way",
        meaning: "In place of STARTTLS, the server's reply has meaningless letters of the same length. An \
            inspection device on the way does that (Cisco's ESMTP inspection), or somebody who wants to read the mail.",
        hint: "Switch off SMTP inspection for this server on the firewall (Cisco: `no inspect esmtp`, or its \
            `allow-tls`). If none of your devices does this, treat it as an attack.",
        references: "RFC 3207 §6; Cisco ASA, ESMTP inspection; Microsoft, Transport routing in hybrid deployments",
        aliases: &["XXXXXXXA"],
        answers: &["M02"],
    }
    StarttlsRejected = "starttls-rejected" {
        severity: Fail,
        except: &[(Warn, Seen, "where a directory does not know StartTLS at all")],
        title: "STARTTLS was offered and refused",
        meaning: "The server offers STARTTLS but refused it when asked. Usually its certificate or private key cannot \
            be used, or a limit has been reached.",
        hint: "Assign the certificate again (`Enable-ExchangeCertificate`) and make sure that NETWORK SERVICE can read \
            its private key.",
        neutral: "Look at the server's log for the reason: usually its certificate or key cannot be read.",
        references: "RFC 3207 §4; RFC 2595 §4; RFC 4511 §4.14.2",
        answers: &["L10", "L11"],
    }
    BytesInjected = "bytes-injected" {
        severity: Fail,
        title: "cleartext came after the go-ahead of STARTTLS",
        meaning: "Between the server's go-ahead and the TLS handshake, more bytes came in clear. In the secure session \
            they would be taken for the server's answers: an attack, or a broken proxy. They were discarded.",
        hint: "Treat the connection as tampered with until you know which device does it. Check again from another \
            network, and look at proxies and mail gateways on the way.",
        references: "RFC 3207 §4.2; CVE-2011-0411; CVE-2021-38371",
        answers: &["L25"],
    }
    NoCertificate = "no-certificate" {
        severity: Fail,
        except: &[(Warn, On(&[Ldap]), "where Exchange continues without it")],
        title: "the server has no certificate",
        meaning: "The server itself says that it cannot use TLS because it has no usable certificate.",
        hint: "Assign a certificate to the service (`Enable-ExchangeCertificate`) and restart it.",
        neutral: "Give the service a certificate with its key, then reload it.",
        references: "RFC 4511 §4.14.2; Microsoft, Set-ImapSettings; [MS-RDPBCGR] 2.2.1.2.2",
        answers: &["L08", "P06", "A01", "R04"],
    }
    RdpNoTls = "rdp-no-tls" {
        severity: Fail,
        title: "only RDP's old security, without TLS",
        meaning: "The host speaks only standard RDP security, which neither proves the host's identity nor resists an \
            attacker on the way.",
        hint: "Set the security layer to SSL or Negotiate (group policy: Require use of specific security layer for \
            remote connections) and allow network level authentication. Do not expose it to the internet.",
        neutral: "Let it speak TLS (xrdp: `security_layer=negotiate` or `tls`, with a certificate). Do not expose it \
            to the internet.",
        references: "[MS-RDPBCGR] 2.2.1.2.1, 5.3",
        answers: &["R03", "R05"],
    }
    RdpNegotiationFailed = "rdp-negotiation-failed" {
        severity: Fail,
        title: "the RDP security negotiation failed",
        meaning: "The host refused every kind of security that was offered: TLS and CredSSP (NLA).",
        hint: "Set the security layer to Negotiate (group policy: Require use of specific security layer for remote \
            connections) and restart TermService.",
        neutral: "Let it speak TLS (xrdp: `security_layer=negotiate` or `tls`, with a certificate), and check its log.",
        references: "[MS-RDPBCGR] 2.2.1.2.2",
    }

    // -- The TLS handshake.
    CleartextOnTlsPort = "cleartext-on-tls-port" {
        severity: Fail,
        title: "cleartext where TLS belongs",
        meaning: "On this port TLS comes first, but the server answered the handshake in clear. Clients that are set \
            to SSL/TLS for this port cannot connect. Those that are set to STARTTLS may still work, if the server \
            offers it.",
        hint: "Switch TLS on for this port, or correct the forwarding rule: the service behind it speaks in clear.",
        references: "RFC 8314 §3",
        answers: &["M12", "L07"],
    }
    ClientProxy = "client-proxy" {
        severity: Warn,
        except: &[(Fail, Required, ""), (Info, As(Role::Mailbox), "where it is normal")],
        title: "Exchange's internal Client Proxy connector answers on 465",
        meaning: "On 465 Exchange listens with its Client Proxy receive connector, which speaks plaintext SMTP with \
            STARTTLS and is meant for other Exchange servers. It does not offer mail clients submission over TLS: \
            where that is required, it is missing.",
        hint: "Set mail clients to 587 with STARTTLS, and do not publish 465. Inside the network, this is normal on \
            every Mailbox server.",
        references: "Microsoft, Receive connectors; RFC 8314 §3.3",
        answers: &["S16"],
    }
    TlsOnCleartextPort = "tls-on-cleartext-port" {
        severity: Fail,
        title: "TLS where cleartext belongs",
        meaning: "On this port the conversation begins in clear, but the server expects TLS first. Clients that follow \
            the standard cannot connect.",
        hint: "Correct the listener or the forwarding rule: 587, 143 and 110 begin in clear and use STARTTLS; TLS \
            first belongs on 465, 993 and 995.",
        references: "RFC 8314 §3; RFC 3207",
    }
    TlsNoCommonCipher = "tls-no-common-cipher" {
        severity: Fail,
        title: "no cipher suite in common",
        meaning: "The server found no cipher suite, group or signature that it shares with this client, which offers \
            those of TLS 1.2 (ECDHE with AES-GCM or ChaCha20) and TLS 1.3. Windows Server 2012 R2 has none of them for \
            an RSA certificate.",
        hint: "Enable the ECDHE suites with AES-GCM (`Get-TlsCipherSuite`); Windows Server 2012 R2 has none for RSA \
            certificates. Some servers report the same when a client certificate is missing.",
        neutral: "Enable the ECDHE suites with AES-GCM, and TLS 1.2 or 1.3. Some servers report the same when a client \
            certificate is missing.",
        references: "RFC 8446 §6.2 (alert 40); Microsoft, TLS Cipher Suites in Windows 8.1",
        aliases: &["handshake_failure", "ERR_SSL_VERSION_OR_CIPHER_MISMATCH"],
        answers: &["L01"],
    }
    TlsNameNotRecognised = "tls-name-not-recognised" {
        severity: Fail,
        title: "the server has no site of that name",
        meaning: "The client names the host that it wants in the handshake (SNI), and the server has no site of that name.",
        hint: "Check by the name that clients use (`--servername`), or add the name to the site's binding or to the \
            load balancer's list of names.",
        references: "RFC 6066 §3 (alert 112)",
        aliases: &["unrecognized_name"],
        answers: &["L05"],
    }
    TlsVersionTooOld = "tls-version-too-old" {
        severity: Fail,
        title: "the server's TLS is too old",
        meaning: "The server speaks no version of TLS that is accepted (`--min-tls`, 1.2 by default). Exchange Online \
            refuses TLS 1.0 and 1.1, and Microsoft recommends disabling them everywhere.",
        hint: "Enable TLS 1.2 for Schannel and .NET in the server's registry and disable 1.0 and 1.1. Microsoft's \
            HealthChecker shows what is set.",
        references: "RFC 8996; Microsoft, Exchange Server TLS configuration best practices",
        aliases: &["protocol_version"],
        answers: &["L02", "L04"],
    }
    TlsLegacySuites = "tls-legacy-suites" {
        severity: Warn,
        title: "only old cipher suites",
        meaning: "The server speaks TLS 1.2, but only with suites in CBC mode or with RSA key exchange. Outlook and \
            Windows still connect; clients that have dropped these suites do not.",
        hint: "Enable the ECDHE suites with AES-GCM (`Get-TlsCipherSuite`). Windows Server 2012 R2 has none for RSA \
            certificates: it needs a newer Windows, or an ECDSA certificate.",
        neutral: "Enable the ECDHE suites with AES-GCM, or TLS 1.3.",
        references: "Microsoft, TLS Cipher Suites in Windows 8.1; RFC 9325 §4.2",
        answers: &["L03"],
    }
    TlsOldVersions = "tls-old-versions" {
        severity: Warn,
        title: "TLS 1.0 or 1.1 is still enabled",
        meaning: "The server supports current TLS, but also accepts older versions. They have known weaknesses; \
            Microsoft recommends disabling them, and Exchange Online refuses them.",
        hint: "Disable TLS 1.0 and 1.1 for Schannel in the server's registry once no old client needs them. \
            Microsoft's HealthChecker shows what is set.",
        references: "RFC 8996; Microsoft, Exchange Server TLS configuration best practices",
    }
    TlsUnverified = "tls-unverified" {
        severity: Warn,
        title: "TLS that exchports cannot verify",
        meaning: "The server speaks TLS 1.2 or newer, but with a kind of key or a key exchange group that exchports \
            does not support. Whether it works is therefore not known: clients that support it connect, others do \
            not.",
        hint: "RSA and P-256 keys, and the groups X25519 and P-256, work with every client: use one of these where you can. \
            Windows has neither Ed25519 nor Ed448.",
        neutral: "Look at it with `openssl s_client`. A certificate with an RSA or P-256 key, and the groups X25519 \
            and P-256, are what every mail program understands.",
        references: "RFC 8446 §4.2.3, §4.2.7; RFC 7919; Microsoft, TLS Elliptic Curves in Windows 10",
    }
    ClientCertificateRequired = "client-certificate-required" {
        severity: Fail,
        title: "a client certificate is required",
        meaning: "The server accepts only clients that present a certificate in the TLS handshake, and ended it \
            because there was none. Outlook, phones and browsers usually have none either and cannot connect. With \
            `--client-cert` the check presents one.",
        hint: "If clients should connect without one, set client certificates to Ignore in IIS Manager (SSL Settings), \
            or on the gateway in front. If every client has one on purpose, no action is needed.",
        neutral: "If clients should connect without one, make client certificates optional on the server or on the gateway \
            in front. If every client has one on purpose, no action is needed.",
        references: "RFC 8446 §4.3.2, §6.2 (alert 116)",
        aliases: &["certificate_required", "ERR_BAD_SSL_CLIENT_AUTH_CERT"],
        answers: &["L22"],
    }
    ClientCertificateRefused = "client-certificate-refused" {
        severity: Fail,
        title: "the client certificate is refused",
        meaning: "The server asked for a client certificate, was sent the one given with `--client-cert`, and ended \
            the handshake: it does not trust the issuer, the certificate is not valid, or it is not meant for \
            clients.",
        hint: "The server's log says why. It has to trust the certificate's issuer; the certificate has to be valid \
            and meant for clients; intermediates belong in the file too.",
        references: "RFC 8446 §4.4.2.4, §6.2",
    }
    TlsClosedOnHello = "tls-closed-on-hello" {
        severity: Fail,
        title: "closed at the start of the TLS handshake",
        meaning: "The server accepted the connection and closed or reset it when the TLS handshake began, without an \
            alert. Usually no certificate is bound to the port, or its private key cannot be used.",
        hint: "Look at Schannel events 36870 to 36888 in the server's System log: usually the certificate is missing, \
            or its private key cannot be used.",
        references: "Microsoft, SSL handshake and HTTPS bindings on IIS; Schannel events 36870 to 36888",
        answers: &["L06", "A03"],
    }
    TlsAlert = "tls-alert" {
        severity: Fail,
        title: "the server ended the handshake with an alert",
        meaning: "The server aborted the TLS handshake and gave the reason as an alert number.",
        hint: "Look at Schannel events 36870 to 36888 in the server's System log for the same time: they give the \
            server's reason.",
        references: "RFC 8446 §6.2",
        answers: &["L22", "L24"],
    }
    TlsHandshakeFailed = "tls-handshake-failed" {
        severity: Fail,
        title: "the TLS handshake failed",
        meaning: "The handshake began but could not be completed: what the server sent is invalid.",
        hint: "Check from another network: inspection on the way breaks handshakes. Otherwise look at Schannel events \
            36870 to 36888 in the server's System log.",
        references: "RFC 8446; RFC 5246",
    }
    ClientCertificateRequested = "client-certificate-requested" {
        severity: Info,
        title: "a client certificate is asked for",
        meaning: "The server asked for a client certificate and continued, without one or with the one given with \
            `--client-cert`. Domain controllers always ask; on a web server it can make browsers prompt their users.",
        hint: "No action is needed, unless browsers ask their users for a certificate: then set client certificates to \
            Ignore in IIS's SSL settings.",
        neutral: "No action is needed, unless browsers ask their users for a certificate: then do not ask for one.",
        references: "RFC 8446 §4.3.2; [MS-ADTS] 5.1.1.2",
    }

    // -- What stands between.
    TlsInspected = "tls-inspected" {
        severity: Fail,
        except: &[
            (Info, Unchecked, ""),
            (Warn, Seen, "where the inspecting authority is trusted here or only possibly one"),
        ],
        title: "TLS is inspected on the way",
        meaning: "The certificate was issued by a device or program that decrypts TLS connections to inspect them, not \
            by the authority of the server's own certificate. Clients that trust the device do not notice; Exchange's \
            extended protection and sign-ins with NTLM break.",
        hint: "Exempt Exchange's names from TLS inspection, as Microsoft requires for Microsoft 365, or check from a \
            network without inspection. The server's own certificate cannot be seen from here.",
        neutral: "Exempt the mail server's names from TLS inspection, or check from a network without inspection. The \
            server's own certificate cannot be seen from here.",
        references: "Microsoft, Microsoft 365 network connectivity principles; Microsoft, Configure Windows Extended \
            Protection in Exchange",
        answers: &["M06"],
    }
    GatewayAnswers = "gateway-answers" {
        severity: Info,
        title: "a product other than Exchange answers",
        meaning: "The greeting is that of another product: a mail shield on this machine, a filter in front of \
            Exchange, or another mail server. What was seen here says little about Exchange behind it.",
        hint: "No action is needed where that product is meant to answer: check Exchange itself from inside, by its \
            own name or `--address`. If it is an antivirus mail shield on this machine, switch it off and check \
            again.",
        neutral: "No action is needed where that product is meant to answer. If it is an antivirus mail shield on this \
            machine, switch it off and check again.",
        references: "nmap, service probes; rapid7, recog",
        answers: &["D07", "M05", "S15", "S17", "P07"],
    }

    // -- Certificates.
    CertificateExpired = "certificate-expired" {
        severity: Fail,
        except: &[(Warn, Unchecked, "")],
        title: "the certificate has expired",
        meaning: "The certificate, or one between it and the root, has passed its end date. Outlook and browsers warn \
            their users; other clients refuse to connect.",
        hint: "Renew it and assign the new one to all that serve it (`Enable-ExchangeCertificate -Services \
            IIS,SMTP,POP,IMAP`). Restart the POP3 and IMAP4 services; also update load balancers and domain controllers.",
        neutral: "Renew the mail server's certificate and install it wherever this one is used, load balancers \
            included. Then reload the services.",
        references: "RFC 5280 §4.1.2.5; Microsoft, Certificates in Exchange",
        aliases: &["ERR_CERT_DATE_INVALID", "CERT_E_EXPIRED"],
        answers: &["L13"],
    }
    CertificateNotYetValid = "certificate-not-yet-valid" {
        severity: Fail,
        except: &[(Warn, Unchecked, "")],
        title: "the certificate is not valid yet",
        meaning: "The certificate, or one between it and the root, has a start date in the future. Usually a clock is \
            wrong: that of the server that issued it, or that of this machine.",
        hint: "Compare this machine's clock and the server's (`w32tm /query /status`). If both are right, wait, or \
            have the certificate issued again.",
        references: "RFC 5280 §4.1.2.5",
        answers: &["L14"],
    }
    CertificateSelfSigned = "certificate-self-signed" {
        severity: Fail,
        except: &[(Info, Unchecked, "")],
        title: "the certificate is self-signed",
        meaning: "No authority vouches for the certificate. Exchange Setup creates one, which serves all protocols \
            until another is assigned; only other Exchange servers trust it.",
        hint: "Install a certificate from a public authority or your own and assign it to all that serve this one \
            (`Enable-ExchangeCertificate -Services IIS,SMTP,POP,IMAP`).",
        neutral: "Install a certificate from a public authority or your own on the mail server, then reload the \
            services.",
        references: "Microsoft, Certificates in Exchange",
        answers: &["L15", "L16"],
    }
    CertificateUnknownIssuer = "certificate-unknown-issuer" {
        severity: Fail,
        except: &[(Info, Unchecked, "")],
        title: "the certificate's issuer is not trusted",
        meaning: "The certificate does not chain to a root that is trusted here: it comes from a private authority or \
            an inspection device on the way, or an intermediate certificate that the server does not send.",
        hint: "If it is your own authority, give its root with `--ca-file` and deploy it to clients. Otherwise check \
            whether the server sends all intermediates, and whether a device on the way inspects TLS.",
        references: "RFC 5280 §6; Microsoft, Certificates in Exchange",
        aliases: &["ERR_CERT_AUTHORITY_INVALID", "CERT_E_UNTRUSTEDROOT", "CERT_E_CHAINING"],
        answers: &["M07", "L17"],
    }
    CertificateMissingIntermediate = "certificate-missing-intermediate" {
        severity: Fail,
        except: &[(Info, Unchecked, "")],
        title: "an intermediate certificate is not sent",
        meaning: "The certificate is good, but the server does not send the certificate that links it to the root. \
            Windows often downloads it by itself; phones and other servers do not.",
        hint: "Import the intermediate into the server's store Intermediate Certification Authorities and restart the \
            service, or install the whole chain on the load balancer. Your own root is named with `--ca-file`.",
        neutral: "Put the intermediates behind the server's certificate in the file that the service reads, then \
            reload it; on a load balancer, install the whole chain. Your own root is named with `--ca-file`.",
        references: "RFC 8446 §4.4.2; RFC 5246 §7.4.2",
        covers: &[Code::CertificateUnknownIssuer],
        answers: &["L19"],
    }
    CertificateWrongName = "certificate-wrong-name" {
        severity: Fail,
        except: &[(Info, Unchecked, "")],
        title: "the certificate is issued for other names",
        meaning: "The name that was asked for is not among those of the certificate. Clients refuse it or warn.",
        hint: "Check by a name that the certificate has, or have it issued again with this one.",
        references: "RFC 9525; RFC 6125; Microsoft, Certificates in Exchange",
        aliases: &["ERR_CERT_COMMON_NAME_INVALID", "CERT_E_CN_NO_MATCH"],
        answers: &["L18"],
    }
    CertificateInvalidPurpose = "certificate-invalid-purpose" {
        severity: Fail,
        except: &[(Info, Unchecked, "")],
        title: "the certificate is not meant for servers",
        meaning: "The certificate limits what it may be used for, and that does not include TLS servers.",
        hint: "Have one issued with the purpose Server Authentication (1.3.6.1.5.5.7.3.1) and assign it to the \
            service.",
        neutral: "Have one issued for TLS servers (1.3.6.1.5.5.7.3.1) and install it.",
        references: "RFC 5280 §4.2.1.12",
    }
    CertificateWeakKey = "certificate-weak-key" {
        severity: Fail,
        except: &[(Warn, Unchecked, "")],
        title: "the certificate's key is too short",
        meaning: "The RSA key of the certificate, or of one between it and the root, has under 2048 bits. Such keys \
            can be broken, and clients refuse them.",
        hint: "Have a certificate issued with an RSA key of 2048 bits or more and assign it to the service.",
        references: "NIST SP 800-131A; Microsoft, HealthChecker, certificate check",
        answers: &["L20"],
    }
    CertificateUntrusted = "certificate-untrusted" {
        severity: Fail,
        except: &[(Info, Unchecked, "")],
        title: "the certificate is not acceptable",
        meaning: "The certificate, or the chain that it came with, has a defect that has no code of its own.",
        hint: "Look at the certificate itself (`openssl s_client -showcerts`, `certutil -dump`) and have it issued \
            again.",
        neutral: "Look at the certificate itself (`openssl s_client -showcerts`) and have it issued again.",
        references: "RFC 5280 §6",
    }
    CertificateUnproven = "certificate-unproven" {
        severity: Warn,
        except: &[(Info, Unchecked, "")],
        title: "the certificate cannot be checked here",
        meaning: "Something in the certificate, or in the chain that it came with, is beyond what exchports can check. \
            That is not a defect: clients may or may not accept it.",
        hint: "Look at it from a client (`certutil -verify -urlfetch FILE` on Windows, `openssl s_client`): that is \
            what matters.",
        neutral: "Look at it with `openssl s_client` and from a mail client: that is what matters.",
        references: "RFC 5280 §6",
    }
    CertificateExpiresSoon = "certificate-expires-soon" {
        severity: Warn,
        except: &[(Fail, Seen, "under the second number of `--cert-days`, but not on 25 and 3389")],
        title: "the certificate expires soon",
        meaning: "Less than a third of its lifetime and less than 30 days are left, or fewer days than `--cert-days` \
            demands.",
        hint: "Renew it in time and assign the new one to all that serve it (`Enable-ExchangeCertificate -Services \
            IIS,SMTP,POP,IMAP`), and to load balancers. Then restart the POP3 and IMAP4 services.",
        neutral: "Renew the mail server's certificate in time and install it wherever this one is used, load balancers \
            included. Then reload the services.",
        references: "RFC 5280 §4.1.2.5; exchports check --help, --cert-days",
    }
    CertificateWeakSignature = "certificate-weak-signature" {
        severity: Warn,
        except: &[(Info, Unchecked, "")],
        title: "the certificate is signed with a broken hash",
        meaning: "The signature of the certificate, or of one between it and the root, uses SHA-1 or MD5, which can be \
            forged. Public authorities have not issued such certificates since 2016; browsers refuse them.",
        hint: "Have a certificate issued with SHA-256 and assign it to the service.",
        references: "RFC 9155; Microsoft, HealthChecker, certificate check",
        aliases: &["ERR_CERT_WEAK_SIGNATURE_ALGORITHM"],
        answers: &["L20"],
    }

    // -- What the protocols say of the server.
    LdapError = "ldap-error" {
        severity: Fail,
        except: &[(Warn, Seen, "over TLS that works: the directory may answer only those who sign in")],
        title: "the directory refused to show its rootDSE",
        meaning: "Every directory describes itself to everyone, without a sign-in (the rootDSE). This one refused.",
        hint: "Find out what really answers there: Active Directory never refuses that. On another directory, look at \
            its access rules for anonymous clients.",
        references: "RFC 4512 §5.1; [MS-ADTS] 3.1.1.3.2, 5.1.3",
        answers: &["A08"],
    }
    RootDseEmpty = "root-dse-empty" {
        severity: Warn,
        title: "the directory does not describe itself",
        meaning: "Every directory describes itself to everyone, without a sign-in (the rootDSE). This one answered \
            with success but sent nothing. Possibly a proxy or an access rule for anonymous clients holds it back.",
        hint: "Find out what really answers there: Active Directory always shows its rootDSE. On another directory, \
            look at its access rules for anonymous clients.",
        references: "RFC 4512 §5.1; [MS-ADTS] 3.1.1.3.2, 5.1.3",
    }
    ImapPreauth = "imap-preauth" {
        severity: Fail,
        except: &[(Warn, On(&[Imaps]), "where TLS is already on")],
        title: "IMAP lets everybody in without a sign-in",
        meaning: "The server greets with PREAUTH: whoever connects is signed in already. STARTTLS is not allowed in \
            that state, so a client that continues does so in clear: an attacker on the way can use this greeting to \
            prevent STARTTLS. Exchange never greets like that.",
        hint: "Treat the connection as tampered with until you know who sends that greeting; check again from another \
            network. If it is the server's own, find out whose mail it exposes, and switch it off.",
        references: "RFC 3501 §6.2.1, §7.1.4; RFC 9051 §6.2.1, §11.3",
    }
    GreetingMasked = "greeting-masked" {
        severity: Warn,
        title: "the greeting is masked on the way",
        meaning: "The server's greeting consists of asterisks: an inspection device on the way masks it, as Cisco's \
            ESMTP inspection does. Such devices also remove STARTTLS and other commands.",
        hint: "Switch off SMTP inspection for this server on the firewall (Cisco: `no inspect esmtp`). Exchange hybrid \
            allows no device that changes SMTP on the way.",
        neutral: "Switch off SMTP inspection for this server on the firewall (Cisco: `no inspect esmtp`).",
        references: "Cisco ASA, ESMTP inspection (mask-banner); Microsoft, Transport routing in hybrid deployments",
        answers: &["M01"],
    }
    DirectoryNotReady = "directory-not-ready" {
        severity: Warn,
        title: "the domain controller is not synchronized",
        meaning: "The domain controller reports that it has not finished its initial synchronization. Until then its \
            answers may be out of date.",
        hint: "Wait after a promotion or a restore; otherwise repair replication (`repadmin /showrepl`, `dcdiag`).",
        references: "[MS-ADTS] 3.1.1.3.2.10",
        answers: &["A06"],
    }
    ClockDiffers = "clock-differs" {
        severity: Warn,
        title: "the server's clock and this machine's differ",
        meaning: "The clocks differ by more than five minutes. Kerberos does not allow more, so sign-ins fail.",
        hint: "Find out which of the two is wrong (`w32tm /query /status`, `w32tm /stripchart /computer:NAME`) and repair \
            its time source.",
        references: "RFC 4120 §1.6; [MS-ADTS] 3.1.1.3.2; Microsoft, Maximum tolerance for computer clock \
            synchronization",
        answers: &["S19", "A11"],
    }
    AuthNotOffered = "auth-not-offered" {
        severity: Warn,
        except: &[
            (Warn, As(Role::Edge), "which relays"),
            (Warn, As(Role::OnlineMx), "which relays"),
            (Fail, Required, "because nobody can send"),
        ],
        title: "submission offers no way to sign in",
        meaning: "On the ports for mail clients, the server offers no AUTH in the secure session, so no client can \
            sign in and send. Only clients that are allowed by their address can use it.",
        hint: "BasicAuth and BasicAuthRequireTLS belong in AuthMechanism of the connector for this port. See \
            `Get-ReceiveConnector | Format-List Name,Bindings,AuthMechanism`.",
        neutral: "Switch authentication on for this port (Postfix: `smtpd_sasl_auth_enable`), or find out what removes \
            AUTH on the way.",
        references: "RFC 6409 §4.3; RFC 4954; Microsoft, Receive connectors",
        answers: &["S13"],
    }
    AuthWindowsOnly = "auth-windows-only" {
        severity: Info,
        title: "submission offers only NTLM or Kerberos",
        meaning: "In the secure session the server offers NTLM or Kerberos (GSSAPI) and nothing else. Outlook on \
            Windows can use that; phones, printers and other clients need LOGIN, PLAIN or XOAUTH2.",
        hint: "If clients other than Outlook should send here, switch on BasicAuth with BasicAuthRequireTLS for the \
            connector (`Set-ReceiveConnector -AuthMechanism`).",
        neutral: "If clients other than Outlook should send here, offer PLAIN or LOGIN over TLS as well.",
        references: "Microsoft, Receive connectors; RFC 4954",
        answers: &["S14"],
    }
    SignInImpossible = "sign-in-impossible" {
        severity: Fail,
        title: "nobody can sign in",
        meaning: "The TLS session works, but the server offers no way to sign in: neither a user name and password \
            nor a SASL mechanism. Mail clients connect and then give up.",
        hint: "Allow a way to sign in over TLS: in Exchange LoginType (`Set-ImapSettings`, `Set-PopSettings`), \
            otherwise the mail server's authentication settings.",
        neutral: "Allow a way to sign in over TLS in the mail server's authentication settings (Dovecot: \
            `auth_mechanisms`).",
        references: "RFC 3501 §6.2.3; RFC 2449 §6.3; Microsoft, Set-ImapSettings",
        aliases: &["LOGINDISABLED"],
    }
    StarttlsInsideTls = "starttls-inside-tls" {
        severity: Warn,
        title: "STARTTLS is offered inside TLS",
        meaning: "The session is encrypted, but the server offers to start TLS again. It does not know about the TLS: \
            something in front of it terminates TLS and forwards cleartext, so the server may withhold ways to sign \
            in, and logs call the session insecure.",
        hint: "Forward TLS unchanged to the server's own TLS port, or let the device in front speak TLS to the server.",
        references: "RFC 3501 §6.2.1; RFC 2595 §4; RFC 3207 §4.2",
    }
    SizeLimitLow = "size-limit-low" {
        severity: Info,
        title: "only small messages are accepted",
        meaning: "The server accepts no message of 10 MB or more. Exchange's own limit on a receive connector is 36 MB, \
            which carries attachments of some 25 MB.",
        hint: "If larger messages should pass, raise MaxMessageSize of the receive connector (`Set-ReceiveConnector \
            -MaxMessageSize`), and the limit of a filter in front.",
        neutral: "If larger messages should pass, raise the limit (Postfix: `message_size_limit`), and that of a \
            filter in front.",
        references: "RFC 1870; Microsoft, Message size limits in Exchange Server",
        answers: &["S20"],
    }
    NotActiveDirectory = "not-active-directory" {
        severity: Info,
        except: &[(Warn, As(Role::DomainController), "")],
        title: "a directory, but not Active Directory",
        meaning: "The directory that answers is not Active Directory Domain Services: OpenLDAP, an appliance's own, or \
            AD LDS, as Edge Transport servers have it. Exchange itself needs domain controllers.",
        hint: "If you meant Exchange's directory, check a domain controller by its name (`nltest /dclist:DOMAIN` lists \
            them).",
        neutral: "No action is needed where this directory is meant to answer.",
        references: "[MS-ADTS] 3.1.1.3.4.3; Microsoft, Edge Subscriptions",
        answers: &["A05", "A07"],
    }
    GlobalCatalogNotReady = "global-catalog-not-ready" {
        severity: Info,
        title: "the global catalog is not ready",
        meaning: "The domain controller says that it is not a global catalog, or not a complete one yet. Exchange \
            needs one in its own Active Directory site.",
        hint: "No action is needed where another domain controller of the site is one. Otherwise make this one a \
            global catalog and wait for replication (`repadmin /showrepl`).",
        references: "[MS-ADTS] 3.1.1.3.2.11; Microsoft, Access to Active Directory by Exchange servers",
        answers: &["A06"],
    }
    RdpNlaRequired = "rdp-nla-required" {
        severity: Info,
        title: "network level authentication is required",
        meaning: "The host refuses whoever does not sign in before the desktop is shown (failure 5, \
            HYBRID_REQUIRED_BY_SERVER). That is the safe setting.",
        hint: "No action is needed.",
        references: "[MS-RDPBCGR] 2.2.1.2.2",
        answers: &["R02"],
    }
    RdpNlaNotSupported = "rdp-nla-not-supported" {
        severity: Info,
        title: "no network level authentication",
        meaning: "The host chose TLS without CredSSP, so it shows its logon screen to everyone who connects. Windows \
            has supported better since 2008.",
        hint: "On Windows, require network level authentication (SystemPropertiesRemote). xrdp and some others do not \
            support it.",
        neutral: "xrdp and some others do not support it: let only a VPN or a gateway reach the port.",
        references: "[MS-RDPBCGR] 2.2.1.2.1, 5.4.5.2",
    }

    // -- The web.
    HttpServerError = "http-server-error" {
        severity: Fail,
        title: "the web server answers with a server error",
        meaning: "The connection works and the web server answers with a status of 500 or above: IIS, an application \
            pool or the back end behind it does not work.",
        hint: "Look at the application pools in IIS Manager and at the certificate of the back end on 444 (`netsh http \
            show sslcert`, event 15021). Then look at the IIS logs.",
        neutral: "Look at the log of the web server or proxy that answers, and at the server behind it.",
        references: "RFC 9110 §15.6",
        answers: &["H04"],
    }
    WebServerError = "web-server-error" {
        severity: Fail,
        title: "the virtual directory answers with a server error",
        meaning: "The web server works, and this directory answers with a status of 500 or above: its application pool \
            is stopped or fails, or the back end behind it does.",
        hint: "Look at the application pool of this directory in IIS Manager and at the certificate of the back end on \
            444 (`netsh http show sslcert`, event 15021). Then look at the IIS logs.",
        neutral: "Look at the log of the web server or proxy that answers, and at the server behind it.",
        references: "RFC 9110 §15.6; Microsoft, Load balancing in Exchange Server",
        answers: &["H04", "H05", "H11"],
    }
    CaptivePortal = "captive-portal" {
        severity: Fail,
        except: &[(Warn, Seen, "where a person with a browser can get past it")],
        title: "the network requires a sign-in first",
        meaning: "It was not the server that answered, but the network that this machine is in: it lets nothing out \
            until somebody signs in (captive portal), as in hotels and guest networks. Only status 511 proves it; a \
            redirect to a portal of another domain is a likely sign.",
        hint: "Sign in to this network with a browser and check again, or check from another network.",
        references: "RFC 6585 §6 (511)",
        answers: &["M09"],
    }
    ProxyAuthentication = "proxy-authentication" {
        severity: Fail,
        title: "a proxy on the way requires a sign-in",
        meaning: "It was not the server that answered, but a web proxy on the way, which lets nobody through without a \
            sign-in.",
        hint: "Let the proxy pass Exchange's names without a sign-in, or check from a network without a proxy. Outlook \
            has to use the same proxy.",
        neutral: "Let the proxy pass the server's names without a sign-in, or check from a network without a proxy. \
            Outlook has to use the same proxy.",
        references: "RFC 9110 §15.5.8 (407)",
        answers: &["M08"],
    }
    HttpRejected = "http-rejected" {
        severity: Fail,
        title: "the web server refuses the request",
        meaning: "The web server answers a plain request with a status that calls the request itself wrong. Perhaps \
            the name is not bound there, or a device in front rejects unknown requests.",
        hint: "Look at the log of IIS for this time. Nothing there means that a web application firewall or a proxy in \
            front answered.",
        neutral: "Look at the web server's log for this time. Nothing there means that a web application firewall or a \
            proxy in front answered.",
        references: "RFC 9110 §15.5",
        answers: &["H09"],
    }
    WebNotFound = "web-not-found" {
        severity: Fail,
        except: &[(Info, Unrequired, "nothing has to listen there")],
        title: "there is no such virtual directory",
        meaning: "The web server answers but has no directory of that path: it was removed, it is not published, or \
            the server is not Exchange.",
        hint: "Check whether the directory exists (`Get-WebApplication -Site 'Default Web Site'` in IIS's PowerShell). \
            Behind a gateway, make sure that it publishes this path.",
        neutral: "If this path should be published, forward it to the server behind. If not, no action is needed.",
        references: "RFC 9110 §15.5.5; Microsoft, Default settings for Exchange virtual directories",
        answers: &["H06"],
    }
    MrsProxyOff = "mrs-proxy-off" {
        severity: Fail,
        except: &[(Info, Unrequired, "then no migration is known to need it")],
        title: "the MRS proxy does not answer",
        meaning: "Mailboxes are moved to and from Exchange Online, and between organisations, through \
            `/ews/mrsproxy.svc`. Where it is on, it asks to sign in (401). 404, 403 or 400 mean that it is off, as \
            it is by default, or that something in front does not let it through; creating a migration endpoint then \
            fails.",
        hint: "Switch it on on every server: `Get-WebServicesVirtualDirectory | Set-WebServicesVirtualDirectory \
            -MRSProxyEnabled $true`. A gateway in front must let `/ews/mrsproxy.svc` pass without a sign-in of its own.",
        references: "Microsoft, Enable the MRS Proxy endpoint for remote moves",
    }
    WebRedirectLoop = "web-redirect-loop" {
        severity: Fail,
        except: &[(Warn, Seen, "where the answer shows no sign of Exchange, or there are many redirects but no loop")],
        title: "redirects never end",
        meaning: "The answer redirects to a page that was already requested, or on and on. A browser gives up there.",
        hint: "Remove the HTTP redirect from the virtual directories: they inherit it when it is set on the site (IIS \
            Manager, HTTP Redirect on each of them).",
        neutral: "Look at the redirects of the web server or gateway, and correct the one that points back.",
        references: "RFC 9110 §15.4; Microsoft, Configure http to https redirection for Outlook on the web",
        aliases: &["ERR_TOO_MANY_REDIRECTS"],
        answers: &["H03"],
    }
    WebRedirectToCleartext = "web-redirect-to-cleartext" {
        severity: Fail,
        title: "a redirect leads back to plain HTTP",
        meaning: "The answer over HTTPS redirects to the same host over HTTP. If that redirects to HTTPS again, \
            browsers go round in circles; otherwise passwords cross the network in clear.",
        hint: "Correct the redirect in IIS to https://. Behind a load balancer that terminates TLS, Exchange believes \
            that the request came over HTTP: let the load balancer use HTTPS to the server as well.",
        neutral: "Correct the redirect to https://. A server behind a load balancer that terminates TLS has to know \
            about the TLS.",
        references: "Microsoft, Configure http to https redirection for Outlook on the web; Microsoft, Exchange \
            extended protection (no TLS offloading)",
        answers: &["H03"],
    }
    WebRedirectUnusable = "web-redirect-unusable" {
        severity: Fail,
        title: "a redirect leads nowhere",
        meaning: "The answer is a redirect whose target is missing or is not the address of a web page.",
        hint: "Look at the redirect in IIS (HTTP Redirect of the site and of the directory) or on the device in front, \
            and correct its target.",
        neutral: "Look at the redirect on the server or on the device in front, and correct its target.",
        references: "RFC 9110 §10.2.2",
    }
    WebRedirectElsewhere = "web-redirect-elsewhere" {
        severity: Info,
        except: &[(Fail, Seen, "on directories whose clients do not follow it: Outlook, phones, other servers")],
        title: "a redirect leads away from the service",
        meaning: "The answer redirects to another host, or to a page for people. That can be a sign-in page in front \
            (AD FS, an access gateway), Exchange Online, or the logon page of the network (captive portal).",
        hint: "Open the address in a browser and look where it leads: a sign-in page of your own is fine. A page of a \
            hotel or a guest network means that this network requires a sign-in.",
        references: "RFC 9110 §15.4; Microsoft, Autodiscover in Exchange",
    }
    WebAnonymous = "web-anonymous" {
        severity: Fail,
        except: &[(Warn, Seen, "where the answer is Exchange's own")],
        title: "answered without a sign-in",
        meaning: "Exchange requires a sign-in on this directory, but a page came without one. Another web site answers \
            there, or anonymous access was switched on.",
        hint: "Check the name and what it points to: this is unlikely to be Exchange. The mail domain's own web site \
            answers like this where autodiscover.DOMAIN is meant.",
        neutral: "Another web site answers here: check the name and what it points to. The mail domain's own web site \
            answers like this where autodiscover.DOMAIN is meant.",
        references: "Microsoft, Default settings for Exchange virtual directories",
        answers: &["H15", "H18"],
    }
    WebThrottled = "web-throttled" {
        severity: Warn,
        title: "too many requests",
        meaning: "The web server, or a device in front of it, limits the number of requests from one address, and the \
            limit has been reached.",
        hint: "Wait and check again, less often. If Outlook is slow as well, look at the limits of the device in \
            front.",
        references: "RFC 6585 §4 (429)",
    }
    WebRestricted = "web-restricted" {
        severity: Fail,
        except: &[(Warn, On(&[Ecp, Powershell]), "which many organizations restrict on purpose")],
        title: "access is forbidden (403)",
        meaning: "The web server has the directory but denies access. On ecp and powershell this is usually a \
            deliberate restriction to known addresses; elsewhere it keeps clients out.",
        hint: "Look in IIS (IP Address and Domain Restrictions, Request Filtering, SSL Settings) or on the gateway in \
            front for what denies it.",
        neutral: "Look on the web server, or on the gateway in front, for what denies it.",
        references: "RFC 9110 §15.5.4; Microsoft, Client access rules; Microsoft, Default settings for Exchange \
            virtual directories",
    }
    HttpForbidden = "http-forbidden" {
        severity: Info,
        title: "403 on port 80",
        meaning: "The web server answers plain HTTP with 403. Exchange does so by default: it requires TLS, and there \
            is no redirect unless somebody sets one up.",
        hint: "No action is needed. If people should reach Outlook on the web without typing https://, set up a \
            redirect to HTTPS.",
        references: "Microsoft, Configure http to https redirection for Outlook on the web; RFC 9110 §15.5.4",
        answers: &["H01"],
    }
    HttpWithoutTls = "http-without-tls" {
        severity: Warn,
        title: "Exchange's pages come over plain HTTP",
        meaning: "Port 80 hands out one of Exchange's pages, where Exchange by default answers 403: the site no longer \
            requires TLS. A password that is typed on that page crosses the network in clear, where anyone on the way \
            can read it.",
        hint: "Switch on Require SSL for the site in IIS Manager (SSL Settings), or redirect 80 to HTTPS.",
        neutral: "Redirect 80 to HTTPS.",
        references: "Microsoft, Configure http to https redirection for Outlook on the web",
        answers: &["H02"],
    }
    AuthenticationMissing = "authentication-missing" {
        severity: Warn,
        title: "a sign-in is required but none is offered",
        meaning: "The directory answers 401 but offers no way to sign in (WWW-Authenticate), so no client can. A \
            device in front may have removed it, or all authentication is switched off in IIS.",
        hint: "Look at the directory's authentication (for example `Get-WebServicesVirtualDirectory | Format-List \
            *Authentication*`), and at the device in front.",
        neutral: "Look at how people sign in to this path, and at the device in front.",
        references: "RFC 9110 §11.6.1, §15.5.2",
    }
    WebUnhealthy = "web-unhealthy" {
        severity: Warn,
        title: "the health page reports the service as down",
        meaning: "The directory answers, and its healthcheck.htm, which load balancers ask, is closed without an \
            answer, or answers with an error or not in time. Exchange closes it when managed availability, or an \
            administrator, has taken that protocol out of service; a load balancer then sends no clients there.",
        hint: "Look at the health of the server (`Get-HealthReport`, `Get-ServerHealth`) and at the application pool \
            of this directory.",
        neutral: "Look at the server behind what answers here: its health page gets no answer.",
        references: "Microsoft, Load balancing in Exchange Server",
        answers: &["H10"],
    }
    WebHealthElsewhere = "web-health-elsewhere" {
        severity: Info,
        title: "the health page comes from another server",
        meaning: "The directory and its health page were answered by different servers: a load balancer spreads \
            requests over several, and each result is valid for one server only.",
        hint: "Check the members of the load balancer's pool one by one: `--address ADDRESS` with the published name.",
        references: "Microsoft, Load balancing in Exchange Server",
        answers: &["H12"],
    }
    PreAuthentication = "pre-authentication" {
        severity: Info,
        title: "the answer shows no sign of Exchange",
        meaning: "Exchange names its front end in its answers (X-FEServer); this answer does not. Possibly a device in \
            front requires a sign-in before Exchange is reached, or hides the header.",
        hint: "No action is needed where a gateway that signs people in is meant to be there (AD FS proxy, F5, NetScaler). \
            Otherwise find out what answers on 443 instead of Exchange.",
        neutral: "No action is needed where a gateway that signs people in is meant to be there. Otherwise find out \
            what answers on 443.",
        references: "captures of Exchange 2016 and 2019; no document",
        answers: &["H08"],
    }
    ProxyOnTheWay = "proxy-on-the-way" {
        severity: Info,
        title: "a web proxy on the way names itself",
        meaning: "The answer came through a web proxy or cache that wrote its name into it. Such a proxy forwards only \
            web ports, and may break the sign-in with NTLM.",
        hint: "If Outlook has trouble, check from a network without this proxy, then have the proxy pass Exchange's \
            names unchanged. It forwards 80 and 443 only: other ports need another route.",
        neutral: "If Outlook has trouble, check from a network without this proxy, then have the proxy pass the \
            server's names unchanged.",
        references: "RFC 9110 §7.6.3 (Via)",
        answers: &["M10"],
    }
    BasicAuthenticationOnline = "basic-authentication-online" {
        severity: Info,
        title: "Exchange Online offers Basic but no longer accepts it",
        meaning: "Some of Exchange Online's servers still offer Basic authentication, but passwords are no longer \
            accepted.",
        hint: "No action is needed here. Clients have to sign in with OAuth (modern authentication).",
        references: "Microsoft, Deprecation of Basic authentication in Exchange Online",
        answers: &["H17"],
    }
    ModernAuthentication = "modern-authentication" {
        severity: Info,
        title: "modern authentication is offered",
        meaning: "The service accepts OAuth tokens (Bearer, XOAUTH2): modern authentication, with or without passwords \
            as an alternative.",
        hint: "No action is needed. Clients that support only passwords cannot sign in where nothing else is offered.",
        references: "Microsoft, Hybrid modern authentication; Microsoft, Authenticate IMAP, POP or SMTP with OAuth",
        answers: &["P05"],
    }

    // -- A whole host: modern authentication, as an audit finds it.
    ModernAuthenticationHalfOn = "modern-authentication-half-on" {
        severity: Warn,
        title: "modern authentication is on for some directories only",
        meaning: "Asked with an empty Bearer, some of autodiscover, mapi, ews, oab and activesync name where people \
            sign in, and some do not. Outlook signs in with a token at one and is refused at the next, so it asks \
            for passwords again and again. Either the directory has OAuth off, or a device in front removes the \
            header.",
        hint: "Switch OAuth on for the directories that lack it, on every server (`Get-MapiVirtualDirectory | \
            Format-List Server,*auth*`). If the node itself offers Bearer (`--address`), the device in front removes \
            it.",
        references: "MS-XOAUTH §3.2.5.4; Microsoft, Hybrid modern authentication",
    }
    ModernAuthenticationOn = "modern-authentication-on" {
        severity: Info,
        title: "modern authentication is on",
        meaning: "Asked with an empty Bearer, every directory that answered names where people sign in: Microsoft \
            Entra ID, or AD FS. Nobody signed in for that.",
        hint: "No action is needed.",
        references: "MS-XOAUTH §3.2.5.4; Microsoft, Hybrid modern authentication",
        covers: &[Code::ModernAuthentication],
    }
    ModernAuthenticationOff = "modern-authentication-off" {
        severity: Info,
        title: "modern authentication is off",
        meaning: "Asked with an empty Bearer, no directory names where people sign in. Challenges with trusted issuers \
            alone are OAuth between servers, as hybrid free/busy uses it.",
        hint: "No action is needed where people sign in with passwords on purpose. For hybrid modern authentication: \
            `Set-AuthServer EvoSTS -IsDefaultAuthorizationEndpoint $true`, `Set-OrganizationConfig \
            -OAuth2ClientProfileEnabled $true`.",
        references: "MS-XOAUTH §3.2.5.4; Microsoft, Hybrid modern authentication",
    }

    // -- A whole host: reach.
    EverythingOpen = "everything-open" {
        severity: Fail,
        title: "every port accepts connections, even an unused one",
        meaning: "All ports accept connections, and so does one on which nothing should listen. Something between this \
            machine and the target accepts connections on its behalf: a firewall's SYN proxy, an antivirus on this \
            machine, a captive portal. An open port then proves nothing.",
        hint: "Check from another machine or network, or with the antivirus's web and mail shields off. What matters \
            here is whether a port speaks its protocol, not that it is open.",
        references: "RFC 4987 §3.6 (SYN proxies)",
        answers: &["T12"],
    }
    ProxyHeaderMissing = "proxy-header-missing" {
        severity: Fail,
        except: &[(Fail, As(Role::Auto), ""), (Fail, OfRows, "")],
        title: "the servers wait for a PROXY header",
        meaning: "Where the server speaks first, nothing comes; where the client speaks first, its first command \
            ends the connection. Servers that expect a PROXY header from a load balancer behave like this when it is \
            missing.",
        hint: "Check the load balancer's address instead. If this is already its address, have it send the header \
            (HAProxy: `send-proxy`), or stop the servers behind it from expecting one.",
        references: "HAProxy, The PROXY protocol; Postfix, smtpd_upstream_proxy_protocol; Dovecot, haproxy",
        covers: &[
            Code::Silent,
            Code::ClosedEarly,
            Code::Reset,
            Code::ServiceUnavailable,
            Code::TlsClosedOnHello,
            Code::TlsHandshakeFailed,
            Code::NotTheProtocol,
            Code::HttpsUnusable,
        ],
    }
    NoLiveMember = "no-live-member" {
        severity: Fail,
        except: &[(Fail, As(Role::Auto), ""), (Fail, OfRows, "")],
        title: "every port accepts, but none of them answers",
        meaning: "All open ports behave alike: they accept the connection and close it, or accept it and stay \
            silent. A load balancer without a live member does that, and so does a firewall that accepts connections \
            for a host that is down.",
        hint: "Look at the load balancer's pool and its health checks first, then check whether the servers behind \
            it are running. Restarting single services does not help.",
        references: "Microsoft, Load balancing in Exchange Server; RFC 4987 §3.6 (SYN proxies)",
        covers: &[
            Code::Silent,
            Code::ClosedEarly,
            Code::Reset,
            Code::TlsClosedOnHello,
            Code::HttpsUnusable,
        ],
    }
    NothingAnswers = "nothing-answers" {
        severity: Fail,
        except: &[(Fail, As(Role::Auto), ""), (Fail, OfRows, "")],
        title: "no port of the target answers",
        meaning: "Every port that was tried gave no answer at all, not even a refusal: the host is down, the address \
            is wrong or old, there is no route to it (VPN down), or a firewall drops whatever comes from here.",
        hint: "Compare the address with DNS, make sure that the host is running and the VPN is up, then check from another \
            network. A firewall may drop everything that comes from this address.",
        references: "Microsoft, PortQry (FILTERED); RFC 1812 §5.2.7.1",
        covers: &[Code::Filtered, Code::Unreachable, Code::HttpsNotOpen],
        answers: &["D09", "T03", "T04"],
    }
    NothingListens = "nothing-listens" {
        severity: Fail,
        except: &[(Fail, As(Role::Auto), ""), (Fail, OfRows, "")],
        title: "every port refuses",
        meaning: "Every port that was tried refused the connection: a host answers at that address, and nothing \
            listens on it. It is not the intended host, its services are stopped, a load balancer has no healthy \
            member, or a firewall rejects connections.",
        hint: "Make sure that the name points to the intended host (`nslookup`), then that its services are running: \
            `Get-Service *Exchange*,W3SVC`. A load balancer without a healthy member looks the same.",
        neutral: "Make sure that the name points to the intended host (`nslookup`), then that its services are \
            running. A load balancer without a healthy member looks the same.",
        references: "Microsoft, PortQry (NOT LISTENING); RFC 9293 §3.10.7.1",
        covers: &[Code::Refused, Code::HttpsNotOpen],
    }
    Ipv6Broken = "ipv6-broken" {
        severity: Warn,
        except: &[(Fail, Seen, "where a service that is required has a row for that address")],
        title: "IPv4 works and IPv6 does not",
        meaning: "The name has addresses of both families, and only IPv4 answers. Clients try IPv6 first and lose \
            time, or fail.",
        hint: "Open the same ports for IPv6 on the firewall, or remove the AAAA record. Do not disable IPv6 partially \
            on an Exchange server: that is not supported.",
        neutral: "Open the same ports for IPv6 on the firewall, or remove the AAAA record.",
        references: "RFC 8305; Microsoft, HealthChecker, IPv6 check",
        covers: &[Code::Refused, Code::Filtered, Code::Unreachable, Code::HttpsNotOpen],
        answers: &["T14"],
    }
    Ipv4Broken = "ipv4-broken" {
        severity: Warn,
        except: &[(Fail, Seen, "where a service that is required has a row for that address")],
        title: "IPv6 works and IPv4 does not",
        meaning: "The name has addresses of both families, and only IPv6 answers. Clients without IPv6 cannot connect.",
        hint: "Check address translation and the firewall rule for IPv4, or correct the A record.",
        references: "RFC 8305",
        covers: &[Code::Refused, Code::Filtered, Code::Unreachable, Code::HttpsNotOpen],
        answers: &["T15"],
    }
    WebOnlyNetwork = "web-only-network" {
        severity: Fail,
        except: &[(Fail, OfRows, "")],
        title: "only web ports answer",
        meaning: "443 works but no other port answers. Either this network allows only web traffic (guests, hotels, \
            some companies), or a firewall in front of the target publishes only 443.",
        hint: "Check from another network, or over the VPN, before you look at Exchange. If the result is the same, \
            the firewall in front of the target allows only 443.",
        neutral: "Check from another network, or over the VPN. If the result is the same, the firewall in front of the \
            target allows only 443.",
        references: "Microsoft, Network ports for clients and mail flow in Exchange",
        covers: &[Code::Filtered, Code::Unreachable],
        answers: &["M11"],
    }
    Port25Blocked = "port-25-blocked" {
        severity: Fail,
        except: &[(Fail, OfRows, "")],
        title: "only 25 does not answer",
        meaning: "Other ports of the target answer, but 25 does not. Many internet providers and clouds block outbound \
            25, and companies allow it only for their mail servers; a firewall in front of the target may also block \
            it.",
        hint: "Possibly the provider or cloud of this machine blocks 25 outbound: try 25 of another mail server from \
            here, and this one from elsewhere. Mail clients use 587 instead.",
        references: "Microsoft, Troubleshoot outbound SMTP connectivity in Azure; RFC 6409",
        covers: &[Code::Filtered],
        answers: &["T07", "T08"],
    }
    Port25BlockedHere = "port-25-blocked-here" {
        severity: Fail,
        except: &[(Fail, OfRows, "")],
        title: "port 25 is blocked in this network",
        meaning: "Port 25 of the target does not answer, and neither does port 25 of another mail host (`--control`, \
            or the other mail hosts of the domain): the provider, the cloud or a firewall of this network blocks \
            outbound 25 to every host. This says nothing about the target.",
        hint: "Ask this network's provider, or whoever runs its firewall, to allow outbound 25, or check from a \
            server that sends mail. Mail clients use 587 instead.",
        references: "Microsoft, Troubleshoot outbound SMTP connectivity in Azure; RFC 6409",
        covers: &[Code::Filtered],
        answers: &["T07", "T08"],
    }
    Port25BlockedThere = "port-25-blocked-there" {
        severity: Fail,
        except: &[(Fail, OfRows, "")],
        title: "port 25 is blocked at the target",
        meaning: "Port 25 of the target does not answer, while port 25 of another mail host does (`--control`, or \
            the other mail hosts of the domain). So this network does not block it: a firewall in front of the \
            target drops it, or lets only some senders in, for example those of a cloud filter.",
        hint: "Check whether the firewall in front of the target allows 25 from everywhere, or only from a mail \
            filter's addresses. The latter is fine if the MX record points to that filter.",
        references: "Microsoft, Network ports for clients and mail flow in Exchange",
        covers: &[Code::Filtered],
        answers: &["T07", "T08"],
    }
    ControlUnusable = "control-unusable" {
        severity: Info,
        title: "the control host does not tell",
        meaning: "25 of the target does not answer, and the host that was to be compared with (`--control`) has no \
            address, is at the target's own, or cannot be reached at all. Whether 25 is blocked here or there is not \
            known.",
        hint: "Name another mail host with `--control`, one that is known to take mail from everywhere.",
        references: "exchports check --help, --control",
    }
    PopImapOff = "pop-imap-off" {
        severity: Info,
        except: &[(Fail, OfRows, "")],
        title: "POP3 and IMAP4 are off, the default in Exchange",
        meaning: "None of the POP3 and IMAP4 ports answers; the rest of Exchange does. Both are off after setup, which \
            is fine unless somebody uses them.",
        hint: "If they are needed, set MSExchangePop3, MSExchangePop3BE, MSExchangeImap4 and MSExchangeImap4BE to \
            automatic and start them. If not, no action is needed.",
        references: "Microsoft, POP3 and IMAP4 in Exchange Server",
        covers: &[Code::Refused, Code::Filtered],
        answers: &["P01"],
    }

    NoSubmission = "no-submission" {
        severity: Fail,
        title: "no way to send mail",
        meaning: "Mail clients submit mail on 587 or 465, and neither works.",
        hint: "Open one of them and require TLS: RFC 8314 prefers 465 (implicit TLS); older clients need 587 (STARTTLS).",
        references: "RFC 8314 §3.3; RFC 6409",
    }
    NoMailboxAccess = "no-mailbox-access" {
        severity: Fail,
        title: "no way to read mail",
        meaning: "None of the IMAP and POP ports (993, 143, 995, 110) works, so no mail client can open a mailbox here.",
        hint: "Open 993 (IMAP over TLS), or 995 for POP. If this host only receives mail, check 25 alone: `-s smtp`.",
        references: "RFC 8314 §3.2",
    }

    // -- A whole host: certificates.
    CertificateDiffers = "certificate-differs" {
        severity: Warn,
        title: "services, or addresses, serve different certificates",
        meaning: "Several certificates with the same names are served, and one is older: it was renewed in one place \
            but not in another. The old one expires first, and Exchange's extended protection breaks sign-ins where \
            load balancer and server serve different ones.",
        hint: "Assign the new certificate to the services that still serve the old one (`Enable-ExchangeCertificate \
            -Services SMTP,IIS,POP,IMAP`). Then restart them, and also update load balancers.",
        neutral: "Install the new certificate where the old one is still served, load balancers included, then reload \
            the services.",
        references: "Microsoft, Certificates in Exchange; Microsoft, Configure Windows Extended Protection in Exchange",
        answers: &["L21"],
    }

    // -- A whole host: what changed since an earlier run.
    ChangedState = "changed-state" {
        severity: Info,
        except: &[(Warn, Seen, "where what was open no longer is")],
        title: "a port's state has changed",
        meaning: "The port was in another state in the earlier run that `--baseline` names: it has been opened or \
            closed, or is now filtered.",
        hint: "If that was intended, make a new baseline. If not, look at the service and the firewall: something has \
            changed there.",
        references: "RFC 9293 §3.10.7",
    }
    ChangedCertificate = "changed-certificate" {
        severity: Info,
        except: &[(Warn, Seen, "where it is not a plain renewal: another issuer, names that are gone, or an earlier \
            expiry")],
        title: "the certificate has changed",
        meaning: "The server presents a different certificate than in the earlier run that `--baseline` names. A \
            renewal keeps issuer and names and expires later; anything else is worth a look.",
        hint: "If it was renewed, make a new baseline. If nobody here did that, find out who presents it: a load \
            balancer, a TLS inspection, or somebody in between.",
        references: "RFC 5280 §4.1.2",
    }
    ChangedTls = "changed-tls" {
        severity: Info,
        except: &[(Warn, Seen, "where the version is older than before")],
        title: "the TLS version or cipher suite has changed",
        meaning: "The handshake chose a different version or suite than in the earlier run that `--baseline` names: \
            the server's settings changed, or another machine answers.",
        hint: "If that was intended, make a new baseline. If the version is older, look at the server's TLS settings, and \
            whether all servers behind the name have the same.",
        references: "RFC 8446 §4.1.1",
    }
    ChangedCapabilities = "changed-capabilities" {
        severity: Info,
        except: &[(Warn, Seen, "where something is no longer offered")],
        title: "the server's capabilities have changed",
        meaning: "The server offers different capabilities (EHLO, CAPABILITY, CAPA) than in the earlier run that \
            `--baseline` names.",
        hint: "If that was intended, make a new baseline. If a way to sign in or STARTTLS is gone, look at the connector's \
            settings and at firewalls that rewrite the conversation.",
        references: "RFC 5321 §4.1.1.1; RFC 9051 §6.1.1; RFC 2449",
    }
    ChangedBuild = "changed-build" {
        severity: Info,
        except: &[(Warn, Seen, "where the build is older than before")],
        title: "the Exchange build has changed",
        meaning: "A web service reports a different build than in the earlier run that `--baseline` names: an update \
            was installed or removed, or another server answers.",
        hint: "If an update was installed, make a new baseline. If the build is older, make sure that every server \
            behind the name has the same update.",
        references: "Microsoft, Exchange Server build numbers and release dates",
    }

    // -- A whole host: what it is.
    NotExchange = "not-exchange" {
        severity: Info,
        except: &[(Warn, As(Role::Auto), ""), (Fail, OfRows, "")],
        title: "the host does not look like Exchange",
        meaning: "443 answers, but none of Exchange's virtual directories is there, and nothing else points to Exchange.",
        hint: "Check the name: it may point to another web server, or to a gateway that does not publish Exchange. If \
            it is Exchange, make sure that the Default Web Site has its directories.",
        references: "Microsoft, Default settings for Exchange virtual directories",
        covers: &[Code::WebNotFound, Code::MrsProxyOff],
    }
    IisStopped = "iis-stopped" {
        severity: Fail,
        title: "all web services answer 503",
        meaning: "All directories are affected, not just one: the web site, all application pools, or the load \
            balancer's whole pool is down.",
        hint: "Start the Default Web Site and the application pools in IIS Manager; events 5002 and 5009 (WAS) say \
            why they stopped. Behind a load balancer, look at its pool first.",
        references: "RFC 9110 §15.6.4; Microsoft, Load balancing in Exchange Server",
        covers: &[Code::HttpServerError, Code::WebServerError],
    }
    RoleDoesNotFit = "role-does-not-fit" {
        severity: Warn,
        except: &[(Info, Seen, "where only a greeting speaks for Exchange Online")],
        title: "the host is not what its role says",
        meaning: "The name, or what the host says of itself, belongs to another kind of host than `--role` says: \
            Exchange Online instead of your own server, or the reverse. What one requires does not exist on the other.",
        hint: "Check it with the right `--role`. If you expected another host, look at what DNS returns: after a \
            migration, names point to Exchange Online.",
        references: "Microsoft, Microsoft 365 URLs and IP address ranges; Microsoft, Autodiscover in Exchange",
        answers: &["D06"],
    }
    ExchangeUnsupported = "exchange-unsupported" {
        severity: Warn,
        title: "Microsoft no longer supports this Exchange",
        meaning: "The build belongs to a product that no longer gets security updates; for 2016 and 2019, the paid \
            extended updates ended on 2026-10-31 as well.",
        hint: "Move to Exchange Server Subscription Edition: an in-place upgrade from 2019, a migration from older \
            ones.",
        references: "Microsoft, Exchange Server build numbers and release dates; Microsoft, Lifecycle",
    }
    ExchangeOnlineThrottles = "exchange-online-throttles" {
        severity: Warn,
        title: "Exchange Online throttles and then refuses mail from this build",
        meaning: "In a hybrid organization, Exchange Online checks the build of the server that sends mail through a \
            connector of type OnPremises. Below a minimum it first answers `450 4.7.230 Connecting Exchange server \
            version is out-of-date` for part of each hour, and some weeks later `550 5.7.230`; \
            `New-TenantExemptionInfo` pauses that for up to 90 days a year. Mail that takes another route is not \
            affected. The web services may show an older build than transport has.",
        hint: "Install the newest security update, or move to Exchange Server Subscription Edition. The report \
            \"Out-of-date connecting on-premises Exchange servers\" in the Exchange admin center shows what is \
            affected.",
        references: "Microsoft, Throttling and blocking email from persistently vulnerable Exchange servers",
    }
    ExchangeBuild = "exchange-build" {
        severity: Info,
        title: "which Exchange it is",
        meaning: "Exchange's web services report their build without a sign-in, and the build identifies product and \
            update. An update that did not change the web services does not show there: the server may be newer than \
            shown, not older.",
        hint: "No action is needed. If there is a newer update, install it.",
        references: "Microsoft, Exchange Server build numbers and release dates",
    }
    NodesDiffer = "nodes-differ" {
        severity: Warn,
        except: &[(Info, Seen, "where only the cipher suite differs")],
        title: "the nodes behind a name differ",
        meaning: "The name and its nodes (`--nodes`), or its addresses (`--all-addresses`), were compared: certificate, \
            TLS, build, health, ways to sign in, capabilities. One is not like the others, so that it depends on the load \
            balancer what a client gets. Extended Protection refuses sign-ins where certificate or TLS differ.",
        hint: "Bring the node in line with the others, or take it out of the load balancer until it is.",
        references: "Microsoft, Load balancing in Exchange Server; Microsoft, Configure Windows Extended Protection in Exchange",
        aliases: &["node", "load balancer"],
    }
    NamesDiffer = "names-differ" {
        severity: Info,
        title: "the services are answered by different servers",
        meaning: "Greetings and web services name the server that answers, and the names differ. Possibly a load \
            balancer spreads the services over several servers, or a name points to the wrong host.",
        hint: "No action is needed behind a load balancer; to check a single member, give its `--address`. Otherwise \
            check what the name points to.",
        references: "Microsoft, Load balancing in Exchange Server",
    }

    // -- Mail domains: what name servers say, and what the hosts that they name showed.
    ResolverWithoutSignatures = "resolver-without-signatures" {
        severity: Warn,
        title: "this resolver withholds DNSSEC signatures",
        meaning: "The root zone is signed everywhere, and the resolver that was asked does not hand out its \
            signatures, as many routers and forwarders do not. That says nothing about the domain: DNSSEC and DANE \
            cannot be checked through this resolver.",
        hint: "Use another resolver (`--resolver ADDRESS`), one that validates; mail servers with DANE need one anyway.",
        references: "RFC 4035 §3; RFC 7672 §2.1",
    }
    DomainNotFound = "domain-not-found" {
        severity: Fail,
        title: "the domain does not exist",
        meaning: "DNS says that there is no such name, so nothing is published for it.",
        hint: "Check the spelling. If the domain was just registered, look at its delegation; if it is internal, ask \
            an internal name server with `--resolver`.",
        references: "RFC 8020",
    }
    DiscoveryUnfinished = "discovery-unfinished" {
        severity: Fail,
        title: "not everything about the domain was looked at",
        meaning: "The run ended early: its deadline passed, or somebody interrupted it. What was learned by then is \
            reported; nothing is known about the rest.",
        hint: "Give it more time with `--deadline`, or leave the option out: each question and each host has a limit \
            of its own anyway.",
        references: "exchports discover --help",
    }
    DomainLookupFailed = "domain-lookup-failed" {
        severity: Fail,
        title: "the domain could not be looked up",
        meaning: "The resolver did not answer, or reported a failure. Whether the domain accepts mail is not known.",
        hint: "Try another resolver with `--resolver ADDRESS`, and make sure that port 53 is open for UDP and TCP. \
            Where all resolvers say SERVFAIL, the domain's own name servers do not answer.",
        references: "RFC 1035 §4.1.1; RFC 8499 §3",
    }
    DnssecBogus = "dnssec-bogus" {
        severity: Fail,
        title: "the DNSSEC signatures are invalid",
        meaning: "The domain is signed, and a signature has expired, a key is missing, or the DS record of the parent \
            belongs to another key. Resolvers that validate answer SERVFAIL: most of the internet cannot find the \
            domain, and mail to it is delayed.",
        hint: "Sign the zone again, or have the registry replace the DS record with that of the current key. `delv \
            DOMAIN MX` and dnsviz.net show which link is broken.",
        references: "RFC 4035 §5; RFC 6781 §4",
    }
    NoMailHost = "no-mail-host" {
        severity: Fail,
        title: "no host accepts mail for the domain",
        meaning: "There is no MX record, and the domain itself has no address that senders could fall back on.",
        hint: "Add an MX record. If the domain should not receive mail, say so with a null MX: `MX 0 .`.",
        references: "RFC 5321 §5.1; RFC 7505",
    }
    NullMx = "null-mx" {
        severity: Info,
        except: &[(Fail, Seen, "where there are other MX records beside it")],
        title: "the domain says that it accepts no mail",
        meaning: "A single MX record whose host is a lone dot (null MX) tells senders not to try. Beside other MX \
            records it is a mistake.",
        hint: "No action is needed, unless the domain should receive mail.",
        references: "RFC 7505 §3",
    }
    MxMissing = "mx-missing" {
        severity: Info,
        title: "there is no MX record",
        meaning: "Senders fall back on the address of the domain itself. That works, but it is usually a web server, \
            and some receivers reject mail from a domain without MX.",
        hint: "Add an MX record that names the mail host, or a null MX if the domain receives no mail.",
        references: "RFC 5321 §5.1",
    }
    MxUnusable = "mx-unusable" {
        severity: Fail,
        title: "an MX record names no host",
        meaning: "An MX record has to name a host that has an address. This one names an address, no host name at \
            all, or a name without address, and senders that choose it cannot deliver.",
        hint: "Correct the record, or add the missing A or AAAA record.",
        references: "RFC 5321 §5.1; RFC 1035 §3.3.9",
    }
    MxIsAlias = "mx-is-alias" {
        severity: Warn,
        title: "an MX record names an alias (CNAME)",
        meaning: "The host of an MX record must not be an alias. Most senders follow it, some refuse, and TLSA records \
            and certificates may be looked up under either name.",
        hint: "Name the host itself in the MX record, or give the name an address of its own.",
        references: "RFC 2181 §10.3; RFC 5321 §5.1; RFC 7672 §2.2.2",
    }
    MxUnreachable = "mx-unreachable" {
        severity: Warn,
        title: "port 25 of a mail host does not answer here",
        meaning: "The certificate there could not be checked. Either the mail host is down, or this network blocks \
            outbound port 25, as most office, home and cloud networks do.",
        hint: "Check from a network that is open to port 25. If it is not reachable from there either, look at the \
            service and at the firewall in front.",
        references: "RFC 5321 §4.5.4.1; Microsoft, PortQry",
    }
    MxOldAndNew = "mx-old-and-new" {
        severity: Warn,
        title: "Exchange Online under its old name and its new one",
        meaning: "The new name under mx.microsoft is signed and can have TLSA records, the old one under \
            mail.protection.outlook.com is not and has none. As long as both are there, senders may choose the old \
            one, and DANE protects nothing.",
        hint: "Once mail arrives under the new name, remove the old MX record; add the new name to the MTA-STS \
            policy first. `Get-DnssecStatusForVerifiedDomain` shows the progress.",
        references: "Microsoft, How SMTP DNS-based Authentication of Named Entities (DANE) secures email",
    }
    MxNamesDiffer = "mx-names-differ" {
        severity: Info,
        title: "a mail host's greeting does not match its PTR record",
        meaning: "The name in the greeting is not among the names of its address (PTR). For a host that only receives \
            mail this is harmless; if it also sends mail, receivers compare the two and may distrust it.",
        hint: "Where the host sends mail too: make the PTR record, the greeting and the name in EHLO the same.",
        references: "RFC 5321 §4.1.4; RFC 1912 §2.1",
    }
    WildcardDns = "wildcard-dns" {
        severity: Warn,
        except: &[(Info, Seen, "where autodiscover has an address of its own")],
        title: "every name of the domain has an address",
        meaning: "A wildcard record answers for names that do not exist. If autodiscover is one of them, Outlook asks \
            a server that has nothing to do with it, and shows a certificate warning.",
        hint: "Remove the wildcard record, or give autodiscover a record of its own.",
        references: "RFC 4592; Microsoft, Autodiscover in Exchange",
    }
    AutodiscoverNotFound = "autodiscover-not-found" {
        severity: Warn,
        except: &[(Info, Seen, "where SRV records lead mail clients to their servers")],
        title: "Autodiscover does not lead to Exchange",
        meaning: "Outlook tries the domain's web server, the host autodiscover, its redirect on port 80 and the service \
            record. None of them leads to Exchange or Exchange Online from here. Computers of the domain ask Active \
            Directory first (SCP), which cannot be seen from outside; all others have to be set up by hand.",
        hint: "Add a CNAME `autodiscover` that leads to Exchange's published name, or to autodiscover.outlook.com for \
            Exchange Online. If the mailboxes are not on Exchange, no action is needed.",
        references: "Microsoft, Autodiscover in Exchange; MS-OXDISCO §3.1.5",
    }
    AutodiscoverCertificate = "autodiscover-certificate" {
        severity: Fail,
        except: &[(Info, Seen, "where Outlook has found Autodiscover before it gets there")],
        title: "a certificate that Outlook warns about",
        meaning: "A host that Outlook asks for Autodiscover answers with a certificate that is not issued for that \
            name, has expired, or does not chain to a trusted root. Outlook shows its certificate warning; mobile \
            devices and other clients give up.",
        hint: "Issue the certificate for that name as well, or point the name to a host whose certificate has it. If \
            it is the domain's own web server, nothing should answer there on port 443 under that name.",
        references: "Microsoft, Certificates in Exchange; Microsoft, Autodiscover in Exchange",
    }
    AutodiscoverContradicts = "autodiscover-contradicts" {
        severity: Warn,
        title: "the Autodiscover methods contradict each other",
        meaning: "One method leads to Exchange Online, another to a server of your own. Which one a client uses \
            depends on its order, so two clients of one user can end up in different places.",
        hint: "In a hybrid organization, let all methods lead to the Exchange server: it redirects mailboxes that have \
            moved. After a complete migration, let all of them lead to Exchange Online.",
        references: "Microsoft, Autodiscover in Exchange; Microsoft, Hybrid deployment prerequisites",
    }
    AutodiscoverSlow = "autodiscover-slow" {
        severity: Warn,
        title: "an Autodiscover method times out",
        meaning: "A firewall drops the connection instead of rejecting it, so Outlook waits for a timeout before it \
            tries the next method.",
        hint: "Refuse the connection at the firewall (reset) rather than dropping it, or remove the address record.",
        references: "Microsoft, Autodiscover in Exchange; MS-OXDISCO §3.1.5",
    }
    AutodiscoverRedirectsElsewhere = "autodiscover-redirects-elsewhere" {
        severity: Warn,
        title: "Autodiscover leads to another domain",
        meaning: "Outlook follows a redirect, or a service record, to another domain only after it has asked the user, \
            once for each host.",
        hint: "Let autodiscover lead to a host whose certificate has that name, or deploy the policy that allows the \
            host (RedirectServers). With a hosting provider, the prompt is normal.",
        references: "Microsoft, Autodiscover in Exchange; MS-OXDISCO §3.1.5",
    }
    AutodiscoverDeadEnd = "autodiscover-dead-end" {
        severity: Warn,
        title: "a redirect that Outlook does not follow",
        meaning: "An Autodiscover method redirects in clear, in a loop, or to something that is not a page, and \
            Outlook tries the next method.",
        hint: "Redirect to `https://HOST/autodiscover/autodiscover.xml`, or do not answer for that path.",
        references: "MS-OXDISCO §3.1.5; RFC 9110 §15.4",
    }
    AutodiscoverWebSite = "autodiscover-web-site" {
        severity: Info,
        title: "a web site answers in place of Autodiscover",
        meaning: "A web server answers every path with a page (200), this one too. Outlook notices that and tries the \
            next method; other clients (those with the EWS libraries) stop there.",
        hint: "Let the web server answer 404 for /autodiscover/. No action is needed for Outlook.",
        references: "MS-OXDISCO §3.1.5; RFC 9110 §15.5.5",
    }
    AutodiscoverFound = "autodiscover-found" {
        severity: Info,
        title: "how Outlook finds its server",
        meaning: "The first method in Outlook's order that leads to Exchange or Exchange Online. Domain-joined \
            computers ask Active Directory first (SCP), which cannot be seen from outside.",
        hint: "No action is needed.",
        references: "Microsoft, Autodiscover in Exchange; MS-OXDISCO §3.1.5",
    }
    DaneMismatch = "dane-mismatch" {
        severity: Fail,
        except: &[(Warn, Seen, "where the MX record is not signed, so that only some senders use the records")],
        title: "no TLSA record matches the certificate of port 25",
        meaning: "The TLSA records are signed, and none of them belongs to the certificate that the mail host serves. \
            Senders that use DANE (Exchange Online, Postfix with `dane`, many providers in Germany and the \
            Netherlands) hold the mail back and finally return it. Usually the certificate was renewed but the record \
            was not. A `3 1 1` record stays valid as long as the key does not change.",
        hint: "Publish a record for the current certificate beside the old one now. Before the next renewal publish \
            the next record first, and wait for its TTL.",
        references: "RFC 7672 §2.2; RFC 7671 §8",
        aliases: &["TLSA mismatch"],
    }
    DaneWithoutTls = "dane-without-tls" {
        severity: Fail,
        title: "TLSA records, and no TLS on port 25",
        meaning: "Usable TLSA records tell senders that the host has TLS. Where STARTTLS is not offered or fails, \
            senders that use DANE hold the mail back.",
        hint: "Turn STARTTLS on, or remove the TLSA records and wait for their TTL.",
        references: "RFC 7672 §2.2",
    }
    DaneLookupFailed = "dane-lookup-failed" {
        severity: Fail,
        title: "TLSA records could not be looked up",
        meaning: "If the query for TLSA records fails, senders that use DANE cannot know whether there are any, and \
            hold the mail back. Some name servers and firewalls mishandle this query.",
        hint: "Ask the domain's name servers directly: `dig TLSA _25._tcp.HOST @SERVER`. They have to answer, even if \
            there is no record.",
        references: "RFC 7672 §2.1.1",
    }
    DaneNotSecure = "dane-not-secure" {
        severity: Warn,
        title: "TLSA records that senders ignore",
        meaning: "TLSA records count only if they and the addresses of the mail host are signed (DNSSEC). These are \
            not, so senders ignore them.",
        hint: "Sign the zone of the mail host, and have the registry publish its DS record; or remove the TLSA records.",
        references: "RFC 7672 §2.2",
    }
    DaneUnusable = "dane-unusable" {
        severity: Warn,
        title: "no usable TLSA record",
        meaning: "Between mail servers only the usages 2 (DANE-TA) and 3 (DANE-EE) count, with selector 0 or 1 and \
            matching type 0 to 2. If there are only other records, senders require TLS but do not check the certificate.",
        hint: "Publish `3 1 1`: the SHA-256 of the public key of the certificate that port 25 serves.",
        references: "RFC 7672 §3.1.3; RFC 7671 §5",
    }
    DaneUnseen = "dane-unseen" {
        severity: Warn,
        title: "TLSA records could not be compared with the certificate",
        meaning: "Port 25 of the mail host is not reachable from here, so its certificate was not seen.",
        hint: "Check from a network that is open to port 25.",
        references: "RFC 7672 §2.2",
    }
    DaneMatches = "dane-matches" {
        severity: Info,
        title: "a TLSA record matches the certificate of port 25",
        meaning: "Senders that use DANE deliver over TLS to this host, and to no other.",
        hint: "No action is needed. Before the certificate is renewed, publish the next record beside this one.",
        references: "RFC 7672 §2.2",
    }
    MtaStsMxNotCovered = "mta-sts-mx-not-covered" {
        severity: Fail,
        except: &[(Warn, Seen, "in testing mode")],
        title: "the MTA-STS policy does not list a mail host",
        meaning: "Senders that use MTA-STS (Google, Microsoft, Yahoo) deliver only to hosts that the policy lists. In \
            enforce mode they hold back mail for this one; in testing mode they report it.",
        hint: "Add an `mx:` line for it to the policy, then change the id of the record `_mta-sts`. A name under \
            mx.microsoft needs a line of its own.",
        references: "RFC 8461 §4.1; RFC 8461 §5",
    }
    MtaStsMxCertificate = "mta-sts-mx-certificate" {
        severity: Fail,
        except: &[(Warn, Seen, "in testing mode")],
        title: "MTA-STS does not accept the certificate of a mail host",
        meaning: "Under MTA-STS, a mail host has to offer STARTTLS, with a certificate from a public authority that is \
            issued for the name in the MX record. In enforce mode, senders hold the mail back.",
        hint: "Install a public certificate for the name in the MX record, or set the policy to `mode: testing` until \
            that is done.",
        references: "RFC 8461 §4.2",
    }
    MtaStsRecord = "mta-sts-record" {
        severity: Warn,
        title: "an MTA-STS record that senders ignore",
        meaning: "There has to be exactly one record `v=STSv1; id=…` at `_mta-sts`, with letters and digits only in \
            the id. Otherwise senders assume that the domain has no policy.",
        hint: "Publish one record: `v=STSv1; id=20260101000000`.",
        references: "RFC 8461 §3.1",
    }
    MtaStsPolicyUnreachable = "mta-sts-policy-unreachable" {
        severity: Warn,
        title: "the MTA-STS policy cannot be fetched",
        meaning: "The record announces a policy, but its page does not answer as required: 200 without a redirect, \
            text/plain, with a public certificate for mta-sts.DOMAIN. Senders continue without a policy, or with a \
            cached one.",
        hint: "Serve the file itself at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`, as text/plain.",
        references: "RFC 8461 §3.3",
    }
    MtaStsPolicyInvalid = "mta-sts-policy-invalid" {
        severity: Warn,
        title: "the MTA-STS policy is invalid",
        meaning: "The policy has syntax errors, so senders ignore it.",
        hint: "It needs the lines version, mode, max_age (up to 31557600) and an mx for each mail host.",
        references: "RFC 8461 §3.2",
    }
    MtaStsInForce = "mta-sts-in-force" {
        severity: Info,
        title: "MTA-STS is in force",
        meaning: "Senders that support MTA-STS deliver only over TLS, and only to hosts that the policy lists.",
        hint: "No action is needed. After every change of the policy, change the id of the record.",
        references: "RFC 8461",
    }
    TlsRptRecord = "tls-rpt-record" {
        severity: Warn,
        title: "a TLS reporting record that senders ignore",
        meaning: "There has to be exactly one record `v=TLSRPTv1; rua=…` at `_smtp._tls`, with `mailto:` or `https:` \
            addresses. Otherwise nobody sends reports.",
        hint: "Publish one record: `v=TLSRPTv1; rua=mailto:tls-reports@DOMAIN`.",
        references: "RFC 8460 §3",
    }
}
