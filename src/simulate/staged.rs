//! A fault where it is wanted, as it is typed: `certificate-expired@smtp,443`.

use super::faults::{FAULTS, Fault, WEB, list};
use super::served::is_served;
use crate::catalog::{self, Group, Role, ServiceId};

/// A fault and the services that have it: ports of their own, and virtual directories behind 443.
///
/// ```
/// use exchports::{catalog::ServiceId, simulate::Staged};
///
/// let staged = Staged::parse("certificate-expired@smtp,443").unwrap();
/// assert_eq!(staged.services(), [ServiceId::Smtp, ServiceId::Https]);
/// let staged = Staged::parse("web-server-error@owa").unwrap();
/// assert_eq!(staged.services(), [ServiceId::Owa]);
/// assert!(Staged::parse("certificate-expird").is_err());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Staged {
    fault: Fault,
    services: Vec<ServiceId>,
}

/// Why a fault cannot be staged as asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FaultError {
    /// No fault has that name.
    #[error("unknown fault `{name}`: {}", would_be_right(name))]
    UnknownFault {
        /// What was asked for.
        name: String,
    },
    /// No service has that name or port.
    #[error(
        "unknown service `{service}` for fault `{fault}`: it can be staged on {}",
        list(fault.row().services)
    )]
    UnknownService {
        /// The fault it was named with.
        fault: Fault,
        /// What was asked for.
        service: String,
    },
    /// The service exists, but cannot have this fault.
    #[error(
        "fault `{fault}` cannot be staged on {service}: only on {}",
        list(fault.row().services)
    )]
    ElsewhereOnly {
        /// The fault.
        fault: Fault,
        /// The service that cannot have it.
        service: ServiceId,
    },
    /// The role has nobody listening there.
    #[error(
        "fault `{fault}` cannot be staged on {service}, which the role {} does not serve: {}",
        role.as_str(),
        elsewhere(*fault, *role)
    )]
    NotServed {
        /// The fault.
        fault: Fault,
        /// The role.
        role: Role,
        /// The first service that is not served.
        service: ServiceId,
    },
    /// Another fault leaves no room for it.
    #[error(
        "fault `{fault}` cannot be seen on {service}, where `{by}` comes before it: leave one of them out, or stage one \
         elsewhere, as in NAME@SERVICE"
    )]
    Hidden {
        /// The fault that nobody would see.
        fault: Fault,
        /// The fault that is seen.
        by: Fault,
        /// Where.
        service: ServiceId,
    },
}

impl Staged {
    /// A fault as it is typed: `NAME`, or `NAME@SERVICE,SERVICE` with services by id, alias or port, and `web` for all
    /// that live behind 443. A port means the service that listens there.
    ///
    /// # Errors
    ///
    /// When there is no such fault or service, or when the service cannot have the fault; each says what would be
    /// right.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let (name, services) = match text.split_once('@') {
            Some((name, services)) => (name.trim(), Some(services)),
            None => (text.trim(), None),
        };
        let fault = Fault::from_name(name).ok_or_else(|| FaultError::UnknownFault {
            name: name.escape_debug().to_string(),
        })?;
        let Some(services) = services else {
            return Ok(Self::by_default(fault));
        };
        let mut named = Vec::new();
        for word in services.split(',').map(str::trim) {
            if word.eq_ignore_ascii_case("web") {
                // Of the group, those that can have it; where none can, the first is refused.
                let can = |id: &&ServiceId| fault.row().services.contains(id);
                let able = || WEB.iter().filter(can).copied();
                match able().next() {
                    Some(_) => named.extend(able()),
                    None => named.extend_from_slice(WEB),
                }
            } else {
                named.push(service_of(word).ok_or_else(|| FaultError::UnknownService {
                    fault,
                    service: word.escape_debug().to_string(),
                })?);
            }
        }
        Self::on(fault, named)
    }

    /// A fault where it is staged when nobody says where.
    #[must_use]
    pub fn by_default(fault: Fault) -> Self {
        Self {
            fault,
            services: fault.row().by_default.to_vec(),
        }
    }

    /// A fault on some services.
    ///
    /// # Errors
    ///
    /// When one of them cannot have it.
    pub fn on(fault: Fault, services: Vec<ServiceId>) -> Result<Self, FaultError> {
        match services
            .iter()
            .find(|service| !fault.row().services.contains(service))
        {
            Some(&service) => Err(FaultError::ElsewhereOnly { fault, service }),
            None => Ok(Self { fault, services }),
        }
    }

    /// The fault.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// Where it is staged.
    #[must_use]
    pub fn services(&self) -> &[ServiceId] {
        &self.services
    }
}

/// A service by id, alias or port; the port that web services share is 443's own.
fn service_of(word: &str) -> Option<ServiceId> {
    let port = word.parse::<u16>().ok();
    catalog::all()
        .find(|row| {
            row.name.eq_ignore_ascii_case(word)
                || row
                    .aliases
                    .iter()
                    .any(|alias| alias.eq_ignore_ascii_case(word))
                || (row.group == Group::Port && port == Some(row.port))
        })
        .map(|row| row.id)
}

/// Where a fault can be staged in a role.
fn elsewhere(fault: Fault, role: Role) -> String {
    let mut services = fault.row().services.to_vec();
    services.retain(|service| is_served(role, *service));
    if services.is_empty() {
        "nor any other service that can have it".to_owned()
    } else {
        format!("only on {}", list(&services))
    }
}

/// The nearest name, or where all of them are listed when none is near.
fn would_be_right(name: &str) -> String {
    let nearest = FAULTS
        .iter()
        .map(|row| (distance(name, row.name), row.name))
        .min();
    match nearest {
        Some((edits, nearest)) if edits <= nearest.len() / 3 => {
            format!("did you mean `{nearest}`?")
        }
        _ => "`exchports simulate --list-faults` lists them all".to_owned(),
    }
}

/// Levenshtein's distance in bytes; both words are short.
fn distance(typed: &str, name: &str) -> usize {
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, a) in typed.bytes().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (b, above) in name.bytes().zip(row.iter_mut().skip(1)) {
            let best = (diagonal + usize::from(a != b))
                .min(left + 1)
                .min(*above + 1);
            diagonal = std::mem::replace(above, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServiceId::{Activesync, Ecp, Imap, OutlookAnywhere, Owa, Rdp, Submissions};

    #[test]
    fn a_name_alone_means_where_it_is_usual() {
        let staged = Staged::parse(" Certificate-Expired ").expect("a fault");
        assert_eq!(staged, Staged::by_default(Fault::CertificateExpired));
        assert_eq!(staged.services().len(), 11);
        let staged = Staged::parse("web-not-found").expect("a fault");
        assert_eq!(staged.services(), [Ecp, OutlookAnywhere]);
    }

    #[test]
    fn web_services_are_taken_by_id_alias_and_group() {
        let staged = Staged::parse("web-unhealthy@eas,OWA").expect("a fault");
        assert_eq!(staged.services(), [Activesync, Owa]);
        let staged = Staged::parse("web-unhealthy@Web").expect("a fault");
        let healthy: Vec<_> = WEB
            .iter()
            .copied()
            .filter(|id| *id != ServiceId::Mrsproxy)
            .collect();
        assert_eq!(staged.services(), healthy);
    }

    #[test]
    fn services_are_taken_by_id_alias_and_port() {
        let staged = Staged::parse("silent@smtps, 3389,imap4").expect("a fault");
        assert_eq!(staged.services(), [Submissions, Rdp, Imap]);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        let said = |text| Staged::parse(text).expect_err("no fault").to_string();
        assert_eq!(
            said("certificate-expird"),
            "unknown fault `certificate-expird`: did you mean `certificate-expired`?"
        );
        assert_eq!(
            said(""),
            "unknown fault ``: `exchports simulate --list-faults` lists them all"
        );
        assert!(
            said("gremlins\u{1b}[2J@smtp")
                .starts_with("unknown fault `gremlins\\u{1b}[2J`: `exchports simulate")
        );
        assert_eq!(
            said("rdp-no-tls@desk"),
            "unknown service `desk` for fault `rdp-no-tls`: it can be staged on rdp"
        );
        assert_eq!(
            said("starttls-overwritten@imap"),
            "fault `starttls-overwritten` cannot be staged on imap: only on smtp, submission"
        );
        assert!(said("silent@").starts_with("unknown service `` for fault `silent`"));
        assert!(
            said("refused@web").starts_with("fault `refused` cannot be staged on owa: only on")
        );
        assert!(
            said("web-server-error@443").starts_with(
                "fault `web-server-error` cannot be staged on https: only on owa, ecp,"
            )
        );
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("silent", "silent"), 0);
        assert_eq!(distance("", "silent"), 6);
        assert_eq!(distance("slient", "silent"), 2);
        assert_eq!(distance("refuse", "refused"), 1);
    }
}
