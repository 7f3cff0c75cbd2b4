//! Certificates, made at start and kept in memory: an authority, two that nobody trusts, and leaves.
//!
//! The authorities' keys are dropped when the last leaf is made, so that nobody can sign with them later.

use super::dates;
use super::faults::Fault;
use super::handshake::Handshake;
use super::port::Machine;
use crate::catalog::ServiceId;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::net::IpAddr;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;

/// The name that the stand-in's certificates are made out to.
pub(super) const TARGET: &str = "mail.example.test";

/// What makes certificates, as long as services are being set up.
pub(super) struct Authorities {
    trusted: CertifiedIssuer<'static, KeyPair>,
    /// Between the trusted authority and the leaves, as public authorities have it.
    intermediate: CertifiedIssuer<'static, KeyPair>,
    stranger: CertifiedIssuer<'static, KeyPair>,
    inspector: CertifiedIssuer<'static, KeyPair>,
    now: OffsetDateTime,
    names: Vec<String>,
    made: Vec<(Leaf, Certified)>,
}

/// A chain, leaf first, and the leaf's key.
type Certified = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Why a certificate could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It could not be made.
    #[error(transparent)]
    Make(#[from] rcgen::Error),
    /// TLS does not take it.
    #[error(transparent)]
    Use(#[from] rustls::Error),
    /// Clients cannot be asked for one.
    #[error(transparent)]
    Demand(#[from] VerifierBuilderError),
}

/// What is asked of a leaf; two services that ask for the same share it.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Leaf {
    dates: Dates,
    names: LeafNames,
    issuer: Issuer,
    /// Marked as an authority's own.
    is_odd: bool,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Dates {
    AYear,
    /// As Windows makes them for remote desktop.
    HalfAYear,
    /// As Exchange Setup makes them.
    FiveYears,
    /// A year too, begun before the others.
    Older,
    Expired,
    Soon,
    NotYet,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum LeafNames {
    /// The published ones; the common name is the first of them.
    Published,
    /// The published ones under the machine's short name as common name: what Exchange Setup makes, with names that
    /// fit, so that being self-signed is its only defect.
    PublishedUnder(Machine),
    /// The machine's own.
    Internal(Machine),
    /// The machine's own as common name and nothing else, as on remote desktop.
    CommonNameOnly(Machine),
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Issuer {
    Trusted,
    Stranger,
    Inspector,
    Itself,
}

impl Authorities {
    /// The authorities; leaves are made out to `address` too.
    pub(super) fn new(address: IpAddr) -> Result<Self, CertificateError> {
        let now = dates::now();
        let mut names: Vec<String> = [
            TARGET,
            "autodiscover.example.test",
            "localhost",
            "127.0.0.1",
            "::1",
        ]
        .map(str::to_owned)
        .to_vec();
        if !address.is_loopback() && !address.is_unspecified() {
            names.push(address.to_string());
        }
        let trusted = authority("exchports stand-in CA", "exchports stand-in server", now)?;
        Ok(Self {
            intermediate: intermediate(&trusted, now)?,
            trusted,
            stranger: authority("Unknown CA", "exchports stand-in server", now)?,
            inspector: authority("Zscaler Root CA", "Zscaler Inc.", now)?,
            now,
            names,
            made: Vec::new(),
        })
    }

    /// The trusted authority's certificate.
    pub(super) fn pem(&self) -> String {
        self.trusted.pem()
    }

    /// The TLS of a service with its faults.
    pub(super) fn handshake(
        &mut self,
        service: ServiceId,
        machine: Machine,
        has: impl Fn(Fault) -> bool,
    ) -> Result<Handshake, CertificateError> {
        let (mut chain, key) = self.certified(Leaf::of(service, machine, &has))?;
        if has(Fault::CertificateMissingIntermediate) {
            chain.truncate(1);
        }
        if let Some(broken) = Handshake::broken(&has, &chain, &key)? {
            return Ok(broken);
        }
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let config = if has(Fault::ClientCertificateRequired) {
            let mut roots = RootCertStore::empty();
            roots.add(self.trusted.der().clone())?;
            config.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?,
            )
        } else {
            config.with_no_client_auth()
        };
        let mut config = config.with_single_cert(chain, key)?;
        if service == ServiceId::Https {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(if has(Fault::TlsBroken) {
            Handshake::Torn(acceptor)
        } else {
            Handshake::Real(acceptor)
        })
    }

    /// A leaf of that kind: the one that was made before, so that services share it as they do on a server.
    fn certified(&mut self, leaf: Leaf) -> Result<Certified, CertificateError> {
        let (chain, key) = match self.made.iter().position(|(made, _)| *made == leaf) {
            Some(at) => self.made.remove(at).1,
            None => self.make(leaf)?,
        };
        self.made.push((leaf, (chain.clone(), key.clone_key())));
        Ok((chain, key))
    }

    fn make(&self, leaf: Leaf) -> Result<Certified, CertificateError> {
        let (common_name, names) = match leaf.names {
            LeafNames::Published => (TARGET, self.names.clone()),
            LeafNames::PublishedUnder(machine) => (machine.short_name(), self.names.clone()),
            LeafNames::Internal(machine) => (
                machine.full_name(),
                vec![
                    machine.full_name().to_owned(),
                    machine.short_name().to_owned(),
                ],
            ),
            LeafNames::CommonNameOnly(machine) => (machine.full_name(), Vec::new()),
        };
        let mut params = CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        (params.not_before, params.not_after) = leaf.dates.around(self.now);
        params.is_ca = if leaf.is_odd {
            IsCa::Ca(BasicConstraints::Unconstrained)
        } else {
            IsCa::ExplicitNoCa
        };
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = leaf.issuer != Issuer::Itself;
        let key = KeyPair::generate()?;
        let chain = match leaf.issuer {
            Issuer::Trusted => vec![
                params.signed_by(&key, &self.intermediate)?.der().clone(),
                self.intermediate.der().clone(),
            ],
            // The root is sent along: without it nobody could tell an unknown authority from a missing intermediate.
            Issuer::Stranger => vec![
                params.signed_by(&key, &self.stranger)?.der().clone(),
                self.stranger.der().clone(),
            ],
            Issuer::Inspector => vec![
                params.signed_by(&key, &self.inspector)?.der().clone(),
                self.inspector.der().clone(),
            ],
            Issuer::Itself => vec![params.self_signed(&key)?.der().clone()],
        };
        Ok((chain, PrivateKeyDer::Pkcs8(key.serialize_der().into())))
    }
}

impl Leaf {
    fn of(service: ServiceId, machine: Machine, has: impl Fn(Fault) -> bool) -> Self {
        let desktop = service == ServiceId::Rdp;
        let issuer = if has(Fault::CertificateSelfSigned) {
            Issuer::Itself
        } else if has(Fault::CertificateUnknownIssuer) {
            Issuer::Stranger
        } else if has(Fault::TlsInspected) {
            Issuer::Inspector
        } else if desktop {
            Issuer::Itself
        } else {
            Issuer::Trusted
        };
        let names = if has(Fault::CertificateWrongName) {
            LeafNames::Internal(machine)
        } else if desktop {
            LeafNames::CommonNameOnly(machine)
        } else if issuer == Issuer::Itself {
            LeafNames::PublishedUnder(machine)
        } else {
            LeafNames::Published
        };
        let dates = if has(Fault::CertificateExpired) {
            Dates::Expired
        } else if has(Fault::CertificateExpiresSoon) {
            Dates::Soon
        } else if has(Fault::CertificateNotYetValid) {
            Dates::NotYet
        } else if has(Fault::CertificateDiffers) {
            Dates::Older
        } else if desktop {
            Dates::HalfAYear
        } else if issuer == Issuer::Itself {
            Dates::FiveYears
        } else {
            Dates::AYear
        };
        Self {
            dates,
            names,
            issuer,
            is_odd: has(Fault::CertificateUnproven),
        }
    }
}

impl Dates {
    fn around(self, now: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
        // From and to, in days from now. A day is always between now and the edge that matters, so that a clock a few
        // hours off changes nothing.
        let (from, to) = match self {
            Self::AYear => (-30, 365),
            Self::HalfAYear => (-2, 181),
            Self::FiveYears => (-30, 5 * 365),
            Self::Older => (-200, 165),
            Self::Expired => (-368, -3),
            Self::Soon => (-355, 10),
            Self::NotYet => (7, 372),
        };
        (now + Duration::days(from), now + Duration::days(to))
    }
}

fn authority(
    common_name: &str,
    organization: &str,
    now: OffsetDateTime,
) -> Result<CertifiedIssuer<'static, KeyPair>, CertificateError> {
    let mut params = issuing(common_name, organization, now)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn intermediate(
    root: &CertifiedIssuer<'static, KeyPair>,
    now: OffsetDateTime,
) -> Result<CertifiedIssuer<'static, KeyPair>, CertificateError> {
    let mut params = issuing(
        "exchports stand-in issuing CA",
        "exchports stand-in server",
        now,
    )?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.use_authority_key_identifier_extension = true;
    Ok(CertifiedIssuer::signed_by(
        params,
        KeyPair::generate()?,
        root,
    )?)
}

fn issuing(
    common_name: &str,
    organization: &str,
    now: OffsetDateTime,
) -> Result<CertificateParams, CertificateError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
        .distinguished_name
        .push(DnType::OrganizationName, organization);
    params.not_before = now - Duration::days(2 * 365);
    params.not_after = now + Duration::days(2 * 365);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}
