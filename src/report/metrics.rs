//! What a run comes to in metrics: the same names for the exporter and for a file of the textfile collector.
//!
//! Certificates are told whatever the verdict on them, since the date of one that has ended is what an alert needs.
//! No label is called `service`, `stage` or whatever else collides with the labels that Prometheus gives a target.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::catalog::Expectation;
use crate::catalog::builds::BuildNumber;
use crate::facts::{CertificateFacts, PeerFacts, Text, TlsFacts, VersionAnswer};
use crate::finding::{DomainFinding, Finding, Status, TargetFinding};
use crate::observation::{Stage, State};

use super::contract::is_trusted;
use super::exposition::{Exposition, Labels, Metric, gauge};

const SUCCESS: Metric = gauge(
    "probe_success",
    "Whether everything that is required of the host works: 1 or 0.",
);
const DURATION: Metric = gauge(
    "probe_duration_seconds",
    "How long the whole host took to look at.",
);
const EARLIEST_EXPIRY: Metric = gauge(
    "probe_ssl_earliest_cert_expiry",
    "When the first of all certificates that the host presents ends, as Unix time; told whether they are trusted or not.",
);
const ROLE: Metric = gauge(
    "exchports_role_info",
    "The role that the host was judged as, and whether it was named or found.",
);
const RESOLVE: Metric = gauge(
    "exchports_resolve_duration_seconds",
    "How long the lookup of the name took.",
);
const CHECKS: Metric = gauge("exchports_checks", "How many checks have this status.");
const CHECK_SUCCESS: Metric = gauge(
    "exchports_check_success",
    "Whether the check met what was expected of it: 1 or 0.",
);
const CHECK_STATUS: Metric = gauge(
    "exchports_check_status",
    "The status of the check: 1 for the one that it has, 0 for the others.",
);
const CHECK_INFO: Metric = gauge(
    "exchports_check_info",
    "What was expected of the check, what TCP showed, and at which address.",
);
const CHECK_DURATION: Metric = gauge(
    "exchports_check_duration_seconds",
    "How long the conversation took, all its steps together.",
);
const STEP_DURATION: Metric = gauge(
    "exchports_check_step_duration_seconds",
    "How long a step of the conversation took.",
);
const DIAGNOSIS: Metric = gauge(
    "exchports_diagnosis",
    "Something that is the matter with a check, or without the label check with the host or the mail domain; `exchports explain CODE` says more.",
);
const DOMAIN_SUCCESS: Metric = gauge(
    "exchports_domain_success",
    "Whether nothing of the mail domain keeps mail or Outlook from working: 1 or 0.",
);
const DOMAIN_DURATION: Metric = gauge(
    "exchports_domain_duration_seconds",
    "How long the mail domain took to look at, its hosts included.",
);
const NOT_BEFORE: Metric = gauge(
    "exchports_certificate_not_before_timestamp_seconds",
    "When the certificate begins, as Unix time.",
);
const NOT_AFTER: Metric = gauge(
    "exchports_certificate_not_after_timestamp_seconds",
    "When the certificate ends, as Unix time; told whether it is trusted or not.",
);
const CHAIN_NOT_AFTER: Metric = gauge(
    "exchports_certificate_chain_not_after_timestamp_seconds",
    "When the first certificate of the chain as sent ends, as Unix time.",
);
const TRUSTED: Metric = gauge(
    "exchports_certificate_trusted",
    "Whether the certificate is valid now and leads to a trusted root, its name aside: 1 or 0.",
);
const NAME_MATCHES: Metric = gauge(
    "exchports_certificate_name_matches",
    "Whether the certificate is issued for the name that was asked for: 1 or 0.",
);
const CERTIFICATE: Metric = gauge(
    "exchports_certificate_info",
    "What the certificate says of itself.",
);
const TLS: Metric = gauge(
    "exchports_tls_info",
    "TLS version, cipher suite and key exchange group that were agreed on.",
);
const TLS_ENABLED: Metric = gauge(
    "exchports_tls_version_enabled",
    "Whether the server accepts this version of TLS: 1 or 0; only with --audit.",
);
const HTTP_STATUS: Metric = gauge(
    "exchports_http_status_code",
    "The HTTP status of the answer.",
);
const EXCHANGE: Metric = gauge(
    "exchports_exchange_info",
    "Exchange's build as the server tells it, and the product that it belongs to.",
);
const LAST_RUN: Metric = gauge(
    "exchports_last_run_timestamp_seconds",
    "When the run began that told this, as Unix time.",
);
const BUILD: Metric = gauge(
    "exchports_build_info",
    "The version of exchports that told this.",
);

const STATUSES: [Status; 5] = [
    Status::Pass,
    Status::Warn,
    Status::Fail,
    Status::Absent,
    Status::Skip,
];

/// A target as metrics tell it.
pub(super) struct Measured<'a> {
    pub(super) target: &'a TargetFinding,
    pub(super) rows: &'a [Arc<Finding>],
    /// How long all of it took.
    pub(super) took: Duration,
    /// The value of the label `target`; empty where the reader knows whom it asked about.
    pub(super) label: &'a str,
}

impl Measured<'_> {
    /// Adds what the target and its checks came to.
    pub(super) fn add_to(&self, metrics: &mut Exposition) {
        let Self {
            target,
            rows,
            took,
            label,
        } = self;
        let own = &[("target", *label)];
        metrics.add(
            SUCCESS,
            own,
            truth(target.status != Status::Fail && is_judged(rows)),
        );
        metrics.add(DURATION, own, took.as_secs_f64());
        let ends = rows
            .iter()
            .filter_map(|row| chain_ends(row.observation.tls.as_ref()?));
        if let Some(first) = ends.min() {
            metrics.add(EARLIEST_EXPIRY, own, unix(first));
        }
        if let Some(resolve) = target.resolve {
            metrics.add(RESOLVE, own, resolve.as_secs_f64());
        }
        let found = if target.guess.is_some() {
            "found"
        } else {
            "named"
        };
        let role = [
            ("target", *label),
            ("role", target.role.as_str()),
            ("by", found),
        ];
        metrics.add(ROLE, &role, 1.0);
        for status in STATUSES {
            let labels = [("target", *label), ("status", status.as_str())];
            let many = rows.iter().filter(|row| row.status == status).count();
            metrics.add(CHECKS, &labels, count(many));
        }
        for told in &target.diagnoses {
            let diagnosis = &told.diagnosis;
            let labels = [
                ("target", *label),
                ("code", diagnosis.code.as_str()),
                ("severity", diagnosis.severity.as_str()),
            ];
            metrics.add(DIAGNOSIS, &labels, 1.0);
        }
        for (product, build) in rows.iter().filter_map(|row| exchange(row)) {
            let labels = [("target", *label), ("product", product), ("build", &*build)];
            metrics.add(EXCHANGE, &labels, 1.0);
        }
        for row in *rows {
            self.add_row(row, metrics);
        }
    }

    fn add_row(&self, row: &Finding, metrics: &mut Exposition) {
        let port = row.check.port.to_string();
        let seen = &row.observation;
        let ip = seen.address.map(|address| address.ip().to_string());
        let ip = ip.unwrap_or_default();
        // Where a service is looked at in one place only, its series go on when the address changes.
        let place = if self.is_one_of_several(row) {
            &*ip
        } else {
            ""
        };
        let of = [
            ("target", self.label),
            ("check", row.check.service.name),
            ("port", &*port),
            ("address", place),
        ];
        metrics.add(CHECK_SUCCESS, &of, truth(is_met(row)));
        for status in STATUSES {
            let value = truth(status == row.status);
            add_with(
                &of,
                &[("status", status.as_str())],
                CHECK_STATUS,
                value,
                metrics,
            );
        }
        let info = [
            ("target", self.label),
            ("check", row.check.service.name),
            ("port", &*port),
            ("address", &*ip),
            ("expect", row.check.expect.as_str()),
            ("state", seen.state.map_or("not-attempted", State::as_str)),
        ];
        metrics.add(CHECK_INFO, &info, 1.0);
        if !seen.steps.is_empty() {
            let took: Duration = seen.steps.iter().map(|step| step.took).sum();
            metrics.add(CHECK_DURATION, &of, took.as_secs_f64());
        }
        let stages: BTreeSet<Stage> = seen.steps.iter().map(|step| step.stage).collect();
        for stage in stages {
            let steps = seen.steps.iter().filter(|step| step.stage == stage);
            let took: Duration = steps.map(|step| step.took).sum();
            add_with(
                &of,
                &[("step", stage.as_str())],
                STEP_DURATION,
                took.as_secs_f64(),
                metrics,
            );
        }
        for diagnosis in &row.diagnoses {
            let labels = [
                ("code", diagnosis.code.as_str()),
                ("severity", diagnosis.severity.as_str()),
            ];
            add_with(&of, &labels, DIAGNOSIS, 1.0, metrics);
        }
        if let Some(PeerFacts::Http(facts)) = &seen.peer
            && let Some(status) = facts.status
        {
            metrics.add(HTTP_STATUS, &of, f64::from(status));
        }
        if let Some(tls) = &seen.tls {
            add_tls(row, tls, &of, metrics);
        }
    }

    fn is_one_of_several(&self, row: &Finding) -> bool {
        let is_same = |other: &&Arc<Finding>| other.check.service.id == row.check.service.id;
        self.rows.iter().filter(is_same).nth(1).is_some()
    }
}

/// Adds a sample that has more labels than those of its row.
fn add_with(
    of: Labels<'_>,
    more: Labels<'_>,
    metric: Metric,
    value: f64,
    metrics: &mut Exposition,
) {
    let labels: Vec<(&str, &str)> = of.iter().chain(more).copied().collect();
    metrics.add(metric, &labels, value);
}

/// What a handshake showed, be the certificate trusted or not.
fn add_tls(row: &Finding, tls: &TlsFacts, of: Labels<'_>, metrics: &mut Exposition) {
    if let Some(version) = tls.version {
        let labels = [
            ("version", version.as_str()),
            (
                "cipher_suite",
                tls.cipher_suite.as_deref().unwrap_or_default(),
            ),
            ("group", tls.group.as_deref().unwrap_or_default()),
        ];
        add_with(of, &labels, TLS, 1.0, metrics);
    }
    for (version, answer) in &tls.versions {
        let value = match answer {
            VersionAnswer::Accepted => 1.0,
            VersionAnswer::Refused => 0.0,
            VersionAnswer::Unknown => continue,
        };
        add_with(
            of,
            &[("version", version.as_str())],
            TLS_ENABLED,
            value,
            metrics,
        );
    }
    if let Some(first) = chain_ends(tls) {
        metrics.add(CHAIN_NOT_AFTER, of, unix(first));
    }
    if let Some(facts) = &tls.certificate {
        metrics.add(NOT_BEFORE, of, unix(facts.not_before));
        metrics.add(NOT_AFTER, of, unix(facts.not_after));
        metrics.add(TRUSTED, of, truth(is_trusted(facts, row)));
        metrics.add(NAME_MATCHES, of, truth(facts.name_matches));
        let names = names(facts);
        let labels = [
            ("subject", facts.subject.as_str()),
            ("issuer", facts.issuer.as_str()),
            ("serial", &facts.serial),
            ("sha256", &facts.sha256),
            ("names", &names),
        ];
        add_with(of, &labels, CERTIFICATE, 1.0, metrics);
    }
}

/// A mail domain whose hosts are checked: its own name is the value of the label `target`.
pub(super) fn add_domain(domain: &DomainFinding, metrics: &mut Exposition) {
    let label = Text::from(domain.discovery.domain.as_str());
    let own = &[("target", label.as_str())];
    let is_well = domain.status != Status::Fail;
    metrics.add(DOMAIN_SUCCESS, own, truth(is_well));
    let took = domain.discovery.took.as_secs_f64();
    metrics.add(DOMAIN_DURATION, own, took);
    for told in &domain.diagnoses {
        let more = [
            ("code", told.diagnosis.code.as_str()),
            ("severity", told.diagnosis.severity.as_str()),
        ];
        add_with(own, &more, DIAGNOSIS, 1.0, metrics);
    }
}

/// When the run was that a file tells of, and who told it: told for each target, so that two files can stand side by side.
pub(super) fn add_run(label: &str, at: OffsetDateTime, metrics: &mut Exposition) {
    metrics.add(LAST_RUN, &[("target", label)], unix(at));
    let version = [("target", label), ("version", env!("CARGO_PKG_VERSION"))];
    metrics.add(BUILD, &version, 1.0);
}

/// From when the first of its checks began until the last was over, the lookup included.
pub(super) fn took(target: &TargetFinding, rows: &[Arc<Finding>]) -> Duration {
    let began = |row: &Arc<Finding>| row.observation.began.unwrap_or_default();
    let looked = rows.iter().filter(|row| !row.observation.steps.is_empty());
    let ends = looked.clone().map(|row| {
        let steps = row.observation.steps.iter().map(|step| step.took);
        began(row) + steps.sum::<Duration>()
    });
    let first = looked.map(began).min().unwrap_or_default();
    let looked = ends.max().unwrap_or_default().saturating_sub(first);
    target.resolve.unwrap_or_default() + looked
}

/// As the exit code has it: a skipped check is met where it was not required.
fn is_met(row: &Finding) -> bool {
    match row.status {
        Status::Pass | Status::Warn | Status::Absent => true,
        Status::Skip => row.check.expect != Expectation::Required,
        Status::Fail => false,
    }
}

/// Whether all that is required was looked at, and anything at all: a run that saw nothing is no success.
fn is_judged(rows: &[Arc<Finding>]) -> bool {
    rows.iter().all(|row| is_met(row)) && rows.iter().any(|row| row.status != Status::Skip)
}

/// When the first certificate of a chain ends.
fn chain_ends(tls: &TlsFacts) -> Option<OffsetDateTime> {
    let own = tls.certificate.as_ref().map(|facts| facts.not_after);
    let chain = tls.chain.iter().filter_map(|link| link.not_after);
    chain.chain(own).min()
}

/// Exchange's product and build, where the server told one: in numbers, since whatever else it says could be new each
/// time.
fn exchange(row: &Finding) -> Option<(&'static str, String)> {
    let Some(PeerFacts::Http(facts)) = &row.observation.peer else {
        return None;
    };
    let version = BuildNumber::read(facts.exchange_build.as_ref()?.as_str())?;
    let product = version.known().map_or("", |known| known.product.name);
    let (major, minor, build) = version.line;
    let mut text = format!("{major}.{minor}.{build}");
    if let Some(revision) = version.revision {
        text = format!("{text}.{revision}");
    }
    Some((product, text))
}

/// The names of a certificate, with commas between them.
fn names(facts: &CertificateFacts) -> String {
    /// A certificate of a hosting company has hundreds, which nobody wants in a label.
    const MANY: usize = 20;
    let names: Vec<&str> = facts.names.iter().take(MANY).map(Text::as_str).collect();
    let more = facts.names.len().saturating_sub(MANY) + facts.more_names;
    let mut text = names.join(",");
    if more > 0 {
        // Writing to a String cannot fail.
        let _ = write!(text, ",and {more} more");
    }
    text
}

fn truth(is: bool) -> f64 {
    f64::from(u8::from(is))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a run has fewer than 2^53 checks"
)]
fn count(many: usize) -> f64 {
    many as f64
}

#[expect(clippy::cast_precision_loss, reason = "no date is 2^53 seconds away")]
fn unix(at: OffsetDateTime) -> f64 {
    at.unix_timestamp() as f64
}
