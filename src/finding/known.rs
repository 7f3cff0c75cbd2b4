//! The failures of such hosts that are known, and what is seen of each.

/// A known failure, what is seen of it, and a remark: where no code answers it, what one run from one place cannot see.
pub type KnownFailure = (&'static str, &'static str, &'static str);

/// All of them: D is for DNS, T for TCP, M for what stands between, L for TLS, S for SMTP, P for POP3 and IMAP4, H for
/// HTTP, A for directories, R for Remote Desktop. Which codes answer one, their [definitions](super::Definition) tell.
#[rustfmt::skip]
pub const KNOWN_FAILURES: &[KnownFailure] = &[
    ("D01", "NXDOMAIN", ""),
    ("D02", "name without address", ""),
    ("D03", "SERVFAIL, timeout", ""),
    ("D04", "private address from public DNS", "whether an inside address came from inside DNS is not known from one place"),
    ("D05", "inside and outside DNS differ", "takes a look from inside and one from outside"),
    ("D06", "name leads to Exchange Online", ""),
    ("D07", "MX is a filter", "the MX itself is for discovery"),
    ("D08", "null MX", "MX records are not asked: for discovery"),
    ("D09", "one of several addresses dead", "with `--all-addresses`, of single addresses"),
    ("D10", "hosts file, search suffix", "takes DNS asked past this machine's resolver"),
    ("T01", "RST", ""),
    ("T02", "timeout, other ports open", "both causes are named"),
    ("T03", "all ports time out", ""),
    ("T04", "all time out from one network", "the hint: another network"),
    ("T05", "ICMP unreachable", ""),
    ("T06", "ICMP prohibited", "Linux cannot tell it from T05 on IPv4"),
    ("T07", "only 25 times out", "possibly; certain only with another host's 25"),
    ("T08", "25 blocked by the own firewall", "the hint: another mail server from here"),
    ("T09", "accepted, closed at once", ""),
    ("T10", "slow greeting", "silent where the budget ends first"),
    ("T11", "no greeting ever", "and tls-on-cleartext-port, by a second look"),
    ("T12", "every port accepts", "with a control port"),
    ("T13", "RST after the first words", ""),
    ("T14", "IPv4 works, IPv6 not", ""),
    ("T15", "IPv6 works, IPv4 not", ""),
    ("T16", "now open, now closed", "takes several looks over time; by address: nothing-answers"),
    ("T17", "slow connection", "one measurement of one run is no measure of slowness"),
    ("T18", "this machine blocks", ""),
    ("T19", "no network at all", "and address-family-missing for one family"),
    ("M01", "`220 ***`", ""),
    ("M02", "`XXXXXXXA`", ""),
    ("M03", "STARTTLS from inside only", "the hint names it; inside and outside cannot be compared from one place"),
    ("M04", "telnet, letter by letter", "exchports writes whole lines"),
    ("M05", "greeting of another product", ""),
    ("M06", "inspection authority", "the table of authorities bears a confidence"),
    ("M07", "private issuer on a Microsoft name", "a hint of its own for Exchange Online's roles"),
    ("M08", "407", ""),
    ("M09", "captive portal", "certain for 511; possibly for a redirect to a portal elsewhere"),
    ("M10", "Via, X-Cache", ""),
    ("M11", "443 works alone", ""),
    ("M12", "HTTP in clear on a TLS port", ""),
    ("L01", "alert 40", "after the second look in old TLS"),
    ("L02", "alert 70", ""),
    ("L03", "CBC or RSA key exchange only", ""),
    ("L04", "TLS 1.0, 1.1", "and tls-old-versions with `--audit`"),
    ("L05", "alert 112", ""),
    ("L06", "closed at the ClientHello", ""),
    ("L07", "greeting in clear on a TLS port", "client-proxy on 465"),
    ("L08", "BYE 14, -ERR 13", ""),
    ("L09", "no STARTTLS on 25, 587", ""),
    ("L10", "454 TLS rate", "by the server's words"),
    ("L11", "554 security subsystem", "by the server's words"),
    ("L12", "no STARTTLS, STLS on 143, 110", ""),
    ("L13", "expired", "certificate-expires-soon before"),
    ("L14", "not yet valid", ""),
    ("L15", "self-signed", ""),
    ("L16", "self-signed on 25", "info on 25"),
    ("L17", "private authority", ""),
    ("L18", "wrong name", ""),
    ("L19", "missing intermediate", "only where the missing one is known"),
    ("L20", "short key, SHA-1", ""),
    ("L21", "certificates differ", "by service and by address"),
    ("L22", "alerts 42 to 48", "alerts 42 to 46 and 48 as possible"),
    ("L23", "closed on the first data", "the hint names client certificates"),
    ("L24", "alert 80, handshake hangs", "alert 80; a handshake without an end"),
    ("L25", "bytes after the go-ahead", ""),
    ("L26", "members differ in TLS", "takes the members' versions side by side: `--audit --all-addresses` shows them"),
    ("S01", "421 Service not available", "by the server's words"),
    ("S02", "421 Service not active", "by the server's words"),
    ("S03", "421 maximum number of connections", "by the server's words"),
    ("S04", "421 not accepting messages", "by the server's words"),
    ("S05", "452 insufficient resources", "by the server's words"),
    ("S06", "421 too many errors", "by the server's words"),
    ("S07", "451 4.7.500", "by the server's words"),
    ("S08", "block lists", "by the server's words"),
    ("S09", "554 greeting", ""),
    ("S10", "530, 451 STARTTLS required", "comes after MAIL FROM, which is never sent"),
    ("S11", "501 invalid domain name", "the hint: `--ehlo-name`"),
    ("S12", "550 client host rejected", "the hint: RemoteIPRanges"),
    ("S13", "no AUTH after TLS", ""),
    ("S14", "only NTLM, GSSAPI", ""),
    ("S15", "IIS's relay", ""),
    ("S16", "greeting in clear on 465", ""),
    ("S17", "gateway on 25", ""),
    ("S18", "4.7.230, 5.7.230", "comes after MAIL FROM, and only to servers"),
    ("S19", "date of the greeting", "by the date of the greeting"),
    ("S20", "SIZE", "Exchange's default is nothing to tell"),
    ("P01", "all off", ""),
    ("P02", "connection limit", "by the server's words"),
    ("P03", "closed 10 to 13", "by the server's words"),
    ("P04", "LOGINDISABLED on 143", "as it should be: no word"),
    ("P05", "XOAUTH2 only", ""),
    ("P06", "143 greets, 993 not", ""),
    ("P07", "greeting of another product", "of other mail servers only where Exchange is expected"),
    ("P08", "client TLS too old", "exchports speaks TLS 1.2 or better where it listens"),
    ("P09", "CAPABILITY hangs", "possibly"),
    ("H01", "403 on 80", ""),
    ("H02", "page on 80", ""),
    ("H03", "redirect loop", ""),
    ("H04", "503 of http.sys", "iis-stopped when it is all of them"),
    ("H05", "500 on one directory", ""),
    ("H06", "404 on one directory", ""),
    ("H07", "401", "as it should be: no word"),
    ("H08", "401 without X-FEServer", "possibly"),
    ("H09", "400 Invalid Hostname", ""),
    ("H10", "healthcheck closed", "possibly"),
    ("H11", "healthcheck fine, 500", "the hint, where healthcheck.htm is fine"),
    ("H12", "healthcheck of another server", "and names-differ"),
    ("H13", "tenant controls", "comes after a sign-in"),
    ("H14", "HTTP hangs", "the hint"),
    ("H15", "Autodiscover on a web site", ""),
    ("H16", "EWS retired", "comes after a sign-in"),
    ("H17", "Basic on Exchange Online", ""),
    ("H18", "200 without a sign-in", ""),
    ("A01", "StartTLS result 52", ""),
    ("A02", "StartTLS result 2", "the hint"),
    ("A03", "636 closes at the ClientHello", "the hint"),
    ("A04", "636 open, 389 closed", "each port by itself"),
    ("A05", "not Active Directory", ""),
    ("A06", "isSynchronized, isGlobalCatalogReady", ""),
    ("A07", "AD LDS", ""),
    ("A08", "operationsError", "only the rootDSE is asked"),
    ("A09", "strongerAuthRequired", "comes with a bind, which is never made"),
    ("A10", "confidentialityRequired", "comes with a bind, which is never made"),
    ("A11", "clock", ""),
    ("R01", "refused, timeout", "the hint"),
    ("R02", "failure 5", "with `--audit`"),
    ("R03", "failure 2", ""),
    ("R04", "failure 3", ""),
    ("R05", "no negotiation", ""),
    ("R06", "NLA works", "as it should be; forbidden-open where it must not be reachable"),
    ("R07", "not TPKT", ""),
];

#[cfg(test)]
mod tests {
    use super::KNOWN_FAILURES;
    use crate::finding::Code;

    #[test]
    fn every_known_failure_is_answered_or_says_why_not() {
        let answers = || Code::all().flat_map(|code| code.definition().answers);
        for (id, seen, remark) in KNOWN_FAILURES {
            let same = KNOWN_FAILURES.iter().filter(|(other, ..)| other == id);
            assert_eq!(same.count(), 1, "{id}");
            assert!(!seen.is_empty(), "{id}");
            let is_answered = answers().any(|answer| answer == id);
            assert!(
                is_answered || !remark.is_empty(),
                "{id} is left out without a reason"
            );
        }
        for answer in answers() {
            assert!(
                KNOWN_FAILURES.iter().any(|(id, ..)| id == answer),
                "{answer}"
            );
        }
    }
}
