//! What each path answers.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::access::Forbidden;
use super::asked::{ScrapeRequest, asked, patience};
use super::own::count;
use super::probe::{Aim, Boarding, Module, ProbeOutcome};
use super::shared::Shared;
use crate::catalog::Expectation;
use crate::event::Event;
use crate::facts::Text;
use crate::net::{Halt, Lookup, resolve};
use crate::plan::Host;
use crate::report::{self, Exposition, Format, Metric, Style, gauge};

/// What is sent back.
pub(super) type ScrapeAnswer = Response<Full<Bytes>>;

/// By this header the scraper tells how much time it has.
const TIMEOUT_HEADER: &str = "x-prometheus-scrape-timeout-seconds";

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const ALLOWANCE: Metric = gauge(
    "probe_timeout_seconds",
    "How long the host could be looked at, by what the scraper said.",
);

/// Answers a request.
pub(super) async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> ScrapeAnswer {
    let web = shared.web();
    let shown = request
        .headers()
        .get(AUTHORIZATION)
        .map(HeaderValue::as_bytes);
    let answer = if web.lets_in(shown).await {
        route(&shared, &request).await
    } else {
        let mut answer = text(
            StatusCode::UNAUTHORIZED,
            "user and password are needed\n".to_owned(),
        );
        answer
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        answer
    };
    shared.own.answered(answer.status().as_u16());
    answer
}

async fn route(shared: &Arc<Shared>, request: &Request<Incoming>) -> ScrapeAnswer {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    match request.uri().path() {
        "/" | "/probe" | "/metrics" | "/-/healthy" if !is_read => {
            text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned())
        }
        "/" => landing(shared),
        "/-/healthy" => text(StatusCode::OK, "Healthy\n".to_owned()),
        "/metrics" => {
            let told = shared.own.text(shared.probes.in_flight());
            typed(StatusCode::OK, METRICS, told)
        }
        "/probe" => match probe(shared, request).await {
            Ok(answer) => answer,
            Err((status, why)) => {
                let mut answer = text(status, format!("{why}\n"));
                if status == StatusCode::SERVICE_UNAVAILABLE {
                    answer
                        .headers_mut()
                        .insert(RETRY_AFTER, HeaderValue::from_static("5"));
                }
                answer
            }
        },
        _ => text(
            StatusCode::NOT_FOUND,
            "there is nothing here; see /\n".to_owned(),
        ),
    }
}

/// Counts a run that nobody waited for.
struct GivenUp<'a>(Option<&'a Shared>);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            count(&shared.own.given_up);
        }
    }
}

async fn probe(
    shared: &Arc<Shared>,
    request: &Request<Incoming>,
) -> Result<ScrapeAnswer, (StatusCode, String)> {
    let wrong = |why: &str| (StatusCode::BAD_REQUEST, why.to_owned());
    let query = request.uri().query().unwrap_or_default();
    let mut asked = asked(query).map_err(wrong)?;
    let header = request
        .headers()
        .get(TIMEOUT_HEADER)
        .map(|value| value.to_str().unwrap_or_default());
    let patience = patience(header).map_err(wrong)?;
    let Some((name, module)) = shared.module(&asked.module) else {
        let module = Text::from(asked.module.as_str());
        return Err((
            StatusCode::BAD_REQUEST,
            format!("there is no module {module}; see /"),
        ));
    };
    asked.module = name;
    let host = (shared.read_host)(&asked.target).map_err(|why| (StatusCode::BAD_REQUEST, why))?;
    let server_name = asked.hostname.as_deref().map(shared.read_host).transpose();
    let server_name = server_name.map_err(|why| (StatusCode::BAD_REQUEST, why))?;
    let began = Instant::now();
    let lookup = allow(shared, &module, &host, patience).await?;
    let left = patience.saturating_sub(began.elapsed());

    let aim = Aim {
        host,
        server_name,
        lookup,
    };
    let flight = match shared.probes.board(&module, &asked, aim, left) {
        Boarding::Begun(flight) => flight,
        Boarding::Joined(flight) => {
            count(&shared.own.shared);
            flight
        }
        Boarding::Full => {
            count(&shared.own.refused);
            return Err((
                StatusCode::SERVICE_UNAVAILABLE,
                "as many hosts are looked at as may be (--max-probes)".to_owned(),
            ));
        }
    };
    let mut given_up = GivenUp(Some(shared));
    let outcome = flight.outcome().await;
    given_up.0 = None;
    let Some(outcome) = outcome else {
        count(&shared.own.failed);
        return Err((
            StatusCode::INTERNAL_SERVER_ERROR,
            "that was a defect of exchports".to_owned(),
        ));
    };
    let mut metrics = Exposition::default();
    report::scraped(&outcome.events, began.elapsed(), &mut metrics);
    metrics.add(ALLOWANCE, &[], patience.as_secs_f64());
    let metrics = metrics.text();
    let is_well = metrics.contains("\nprobe_success 1\n");
    count(if is_well {
        &shared.own.succeeded
    } else {
        &shared.own.failed
    });
    Ok(if asked.debug {
        text(
            StatusCode::OK,
            debugged(&asked, &module, &outcome, &metrics),
        )
    } else {
        typed(StatusCode::OK, METRICS, metrics)
    })
}

/// Whether the host may be asked about. A name is looked up for that, since its addresses decide, or could be those of the
/// link: the run is given what that came to, and asks no name server again, which could answer otherwise then.
async fn allow(
    shared: &Shared,
    module: &Module,
    host: &Host,
    patience: Duration,
) -> Result<Option<Lookup>, (StatusCode, String)> {
    let forbidden = |why: Forbidden| (StatusCode::FORBIDDEN, why.to_string());
    let is_named = shared.access.of_host(host).map_err(forbidden)?;
    let plan = &module.plan;
    let is_elsewhere = plan.targets.iter().any(|target| target.address.is_some());
    if matches!(host, Host::Address(_)) || is_elsewhere {
        return Ok(None);
    }
    let within = plan.limits.resolve.min(patience);
    let lookup = resolve(host, plan.reach, within, None, &Halt::never()).await;
    // What has no address is not reached either, and the run tells why.
    let addresses = lookup.addresses.as_deref().unwrap_or_default();
    shared
        .access
        .of_addresses(is_named, addresses)
        .map_err(forbidden)?;
    Ok(Some(lookup))
}

/// Everything that a person wants to see who asks why a scrape says what it says.
fn debugged(
    asked: &ScrapeRequest,
    module: &Module,
    outcome: &ProbeOutcome,
    metrics: &str,
) -> String {
    let style = Style::default();
    let mut page = told(&outcome.events, |out| report::transcript(out));
    page.push_str(&told(&outcome.events, |out| {
        report::reporter(Format::Table, out, style)
    }));
    let took = outcome.finished.took.as_secs_f64();
    let options = if module.options.is_empty() {
        ""
    } else {
        module.options.as_str()
    };
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "\nIt took {took:.3} s.\n\nMetrics that would have been returned:\n{metrics}\n\
         The same at a terminal:\nexchports check {options} {}\n",
        Text::from(asked.target.as_str()),
    );
    page
}

/// What a reporter makes of it.
fn told(
    events: &[Event],
    reporter: impl FnOnce(Box<dyn Write + Send>) -> Box<dyn report::Reporter + Send>,
) -> String {
    let page = PageWriter::default();
    let mut reporter = reporter(Box::new(page.clone()));
    for event in events {
        // A page takes everything.
        let _ = reporter.report(event);
    }
    drop(reporter);
    let bytes = std::mem::take(&mut *page.0.lock().unwrap_or_else(PoisonError::into_inner));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A writer that can be read.
#[derive(Clone, Default)]
struct PageWriter(Arc<Mutex<Vec<u8>>>);

impl Write for PageWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is here, for a person who opens it in a browser.
fn landing(shared: &Shared) -> ScrapeAnswer {
    let modules = shared
        .modules
        .read()
        .unwrap_or_else(PoisonError::into_inner);
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>exchports</title></head><body>\n\
         <h1>exchports</h1>\n<p>Looks at the services of Outlook and Exchange on the host that a scrape names.</p>\n\
         <ul>\n<li><a href=\"/metrics\">/metrics</a>: of this exporter</li>\n\
         <li>/probe?target=HOST&amp;module=MODULE: of a host; <code>&amp;debug=true</code> shows the conversation</li>\n</ul>\n\
         <h2>Modules</h2>\n<table>\n<tr><th scope=\"col\">module</th><th scope=\"col\">options</th><th scope=\"col\">required</th></tr>\n",
    );
    for (name, module) in &modules.by_name {
        let required = module.plan.targets.iter().flat_map(|target| &target.checks);
        let required: Vec<&str> = required
            .filter(|check| check.expect == Expectation::Required)
            .map(|check| check.service.name)
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
            escaped(name),
            escaped(&module.options),
            required.join(" ")
        );
    }
    page.push_str("</table>\n</body></html>\n");
    typed(StatusCode::OK, "text/html; charset=utf-8", page)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn text(status: StatusCode, body: String) -> ScrapeAnswer {
    typed(status, TEXT, body)
}

fn typed(status: StatusCode, kind: &'static str, body: String) -> ScrapeAnswer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    answer
}
