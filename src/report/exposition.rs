//! Prometheus's text format 0.0.4: metrics in groups, each with its help and type before the first sample.
//!
//! <https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md>

use std::collections::HashSet;
use std::fmt::Write as _;

/// How a metric behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, but for a new start.
    Counter,
}

/// A metric: its name, what it says, and how it behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Metric {
    /// Its name, with the unit at its end.
    pub name: &'static str,
    /// What it says, one sentence.
    pub help: &'static str,
    /// How it behaves.
    pub kind: Kind,
}

/// A gauge.
#[must_use]
pub const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        help,
        kind: Kind::Gauge,
    }
}

/// A counter; its name ends in `_total`.
#[must_use]
pub const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        help,
        kind: Kind::Counter,
    }
}

/// The labels of a sample, in the order in which they are written; one without a value is left out.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// Metrics with their samples, gathered in any order and written in groups.
#[derive(Debug, Default)]
pub struct Exposition {
    groups: Vec<MetricFamily>,
}

/// A metric and its samples as they are written.
#[derive(Debug)]
struct MetricFamily {
    metric: Metric,
    text: String,
    /// The labels of the samples, each of which may be there once only.
    known: HashSet<String>,
}

impl Exposition {
    /// Adds a sample, unless there is one with the same labels already.
    pub fn add(&mut self, metric: Metric, labels: Labels<'_>, value: f64) {
        let labels = written(labels);
        let group = self.group(metric);
        if group.known.contains(&labels) {
            return;
        }
        // Writing to a String cannot fail. Rust writes no exponent, and infinities as Go reads them but for the sign.
        let _ = writeln!(group.text, "{}{labels} {value}", metric.name);
        group.known.insert(labels);
    }

    /// The document; empty without samples.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for group in &self.groups {
            let Metric { name, help, kind } = group.metric;
            let kind = match kind {
                Kind::Gauge => "gauge",
                Kind::Counter => "counter",
            };
            let help = help.replace('\\', "\\\\").replace('\n', "\\n");
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            text.push_str(&group.text);
        }
        text
    }

    fn group(&mut self, metric: Metric) -> &mut MetricFamily {
        let found = self
            .groups
            .iter()
            .position(|group| group.metric.name == metric.name);
        let place = found.unwrap_or_else(|| {
            self.groups.push(MetricFamily {
                metric,
                text: String::new(),
                known: HashSet::new(),
            });
            self.groups.len() - 1
        });
        &mut self.groups[place]
    }
}

/// Labels in braces, their values escaped; nothing without labels.
fn written(labels: Labels<'_>) -> String {
    let mut text = String::new();
    for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(name);
        text.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                _ => text.push(character),
            }
        }
        text.push('"');
    }
    if !text.is_empty() {
        text.push('}');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Metric = gauge("up", "Whether it is up: 1 is \\yes\\,\n0 no.");
    const SEEN_TOTAL: Metric = counter("seen_total", "How many.");

    #[test]
    fn samples_of_a_metric_stand_together_below_help_and_type() {
        let mut metrics = Exposition::default();
        assert_eq!(metrics.text(), "");
        metrics.add(UP, &[("host", "a")], 1.0);
        metrics.add(SEEN_TOTAL, &[], 3.0);
        metrics.add(UP, &[("host", "b"), ("note", "")], 0.5);
        // The same sample again.
        metrics.add(UP, &[("host", "a")], 0.0);
        assert_eq!(
            metrics.text(),
            "# HELP up Whether it is up: 1 is \\\\yes\\\\,\\n0 no.\n# TYPE up gauge\nup{host=\"a\"} 1\nup{host=\"b\"} 0.5\n\
             # HELP seen_total How many.\n# TYPE seen_total counter\nseen_total 3\n"
        );
    }

    #[test]
    fn labels_are_escaped() {
        for (value, text) in [
            ("plain", "{a=\"plain\"}"),
            (r"\x1B", r#"{a="\\x1B"}"#),
            ("say \"hi\"", r#"{a="say \"hi\""}"#),
            ("two\nlines", r#"{a="two\nlines"}"#),
            ("é{}=,", "{a=\"é{}=,\"}"),
        ] {
            assert_eq!(written(&[("a", value)]), text, "{value:?}");
        }
    }

    #[test]
    fn values_have_no_exponent() {
        let mut metrics = Exposition::default();
        metrics.add(UP, &[("at", "far")], 253_402_300_799.0);
        metrics.add(UP, &[("at", "near")], 0.000_000_1);
        let text = metrics.text();
        assert!(text.contains("} 253402300799\n"), "{text}");
        assert!(text.contains("} 0.0000001\n"), "{text}");
    }
}
