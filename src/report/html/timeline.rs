//! When each check was in which stage, on one axis of time for all checks of a host.

use std::time::Duration;

use std::sync::Arc;

use crate::finding::{Finding, Status};
use crate::observation::Stage;

use super::super::evidence::in_words;

/// A picture of bars; positions along the axis are percentages with two decimals.
pub(super) struct Timeline {
    pub(super) bars: Vec<Bar>,
    pub(super) ticks: Vec<Tick>,
    pub(super) stages: Vec<&'static str>,
    pub(super) is_clipped: bool,
    pub(super) height: usize,
    /// Where the grid ends.
    pub(super) floor: usize,
    /// Where the words under the grid stand.
    pub(super) foot: usize,
}

/// A check.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) parts: Vec<Segment>,
    pub(super) y: usize,
    /// Where its words stand.
    pub(super) base: usize,
    pub(super) end: String,
    pub(super) note: String,
    pub(super) is_bad: bool,
}

/// A stage of a check.
pub(super) struct Segment {
    pub(super) stage: &'static str,
    pub(super) from: String,
    pub(super) width: String,
    pub(super) what: String,
}

/// A mark of the axis.
pub(super) struct Tick {
    pub(super) at: String,
    pub(super) label: String,
    pub(super) is_first: bool,
    pub(super) is_odd: bool,
}

/// Pixels from one bar to the next; the labels beside them have the same height.
const LINE: usize = 22;

impl Timeline {
    /// `None` where nothing was dialled.
    pub(super) fn of(rows: &[Arc<Finding>], name: impl Fn(&Finding) -> String) -> Option<Self> {
        let spans: Vec<Span<'_>> = rows.iter().map(|row| Span::of(row)).collect();
        let first = spans
            .iter()
            .filter(|span| span.is_there())
            .map(|span| span.from)
            .min()?;
        let ends: Vec<Duration> = spans
            .iter()
            .filter(|span| span.is_there())
            .map(|span| span.end().saturating_sub(first))
            .collect();
        let (axis, is_clipped) = axis(&ends);
        let bars = spans
            .iter()
            .enumerate()
            .map(|(index, span)| span.bar(name(span.row), index, first, axis));
        let bars: Vec<Bar> = bars.collect();
        let floor = bars.len() * LINE;
        let stages = STAGES
            .into_iter()
            .filter(|stage| {
                bars.iter()
                    .flat_map(|bar| &bar.parts)
                    .any(|part| part.stage == stage.as_str())
            })
            .map(Stage::as_str)
            .collect();
        Some(Self {
            ticks: ticks(axis),
            stages,
            is_clipped,
            floor,
            foot: floor + 15,
            height: floor + 20,
            bars,
        })
    }
}

const STAGES: [Stage; 9] = [
    Stage::Resolve,
    Stage::Connect,
    Stage::Proxy,
    Stage::Greeting,
    Stage::Capabilities,
    Stage::Starttls,
    Stage::TlsHandshake,
    Stage::SecureCapabilities,
    Stage::Application,
];

/// When a check was made.
struct Span<'a> {
    row: &'a Finding,
    from: Duration,
}

impl<'a> Span<'a> {
    fn of(row: &'a Finding) -> Self {
        Self {
            row,
            from: row.observation.began.unwrap_or_default(),
        }
    }

    fn is_there(&self) -> bool {
        !self.row.observation.steps.is_empty()
    }

    fn end(&self) -> Duration {
        let steps = &self.row.observation.steps;
        self.from + steps.iter().map(|step| step.took).sum::<Duration>()
    }

    fn bar(&self, name: String, index: usize, first: Duration, axis: Duration) -> Bar {
        let mut at = self.from.saturating_sub(first);
        let mut parts = Vec::new();
        for step in &self.row.observation.steps {
            let end = at + step.took;
            if at < axis {
                let what = format!("{} {}", step.stage.as_str(), in_words(step.took));
                parts.push(Segment {
                    stage: step.stage.as_str(),
                    from: percent(at, axis),
                    width: percent(end.min(axis).saturating_sub(at), axis),
                    what: if step.connection > 1 {
                        format!("{what}, connection {}", step.connection)
                    } else {
                        what
                    },
                });
            }
            at = end;
        }
        let is_clipped = at > axis;
        let at = at.min(axis);
        let is_bad = self.row.status == Status::Fail;
        let took = self
            .row
            .observation
            .steps
            .iter()
            .map(|step| step.took)
            .sum();
        Bar {
            name,
            y: index * LINE + 4,
            base: index * LINE + 15,
            end: percent(at, axis),
            note: if self.is_there() {
                let far = if is_clipped { "… " } else { "" };
                let bad = if is_bad { "✕ " } else { "" };
                format!("{far}{bad}{}", in_words(took))
            } else {
                "not dialled".to_owned()
            },
            is_bad: is_bad && self.is_there(),
            parts,
        }
    }
}

/// How long the axis is, and whether some bars are longer: where a few waited in vain, the others should still be told
/// apart.
fn axis(ends: &[Duration]) -> (Duration, bool) {
    /// So many times longer than the others is longer than the picture.
    const FAR: u32 = 4;
    let mut sorted = ends.to_vec();
    sorted.sort_unstable();
    let longest = sorted
        .last()
        .copied()
        .unwrap_or_default()
        .max(Duration::from_micros(1));
    // Where most are short, the first of those that are far longer ends the axis.
    let most = sorted.len() / 2;
    let cut = sorted
        .windows(2)
        .skip(most.saturating_sub(1))
        .find(|pair| pair[0] > Duration::ZERO && pair[1] > pair[0] * FAR)
        .map(|pair| pair[0] * 5 / 4);
    match cut {
        Some(cut) if cut * 2 < longest => (cut.max(Duration::from_micros(1)), true),
        _ => (longest, false),
    }
}

/// Four or five round numbers.
fn ticks(axis: Duration) -> Vec<Tick> {
    let whole = axis.as_secs_f64() * 1e3;
    let mut step = 10_f64.powf((whole / 5.0).log10().floor());
    for factor in [1.0, 2.0, 5.0, 10.0] {
        if whole / (step * factor) <= 5.0 {
            step *= factor;
            break;
        }
    }
    let mut ticks = Vec::new();
    let mut at = 0.0;
    while at <= whole * 1.0001 && ticks.len() < 12 {
        ticks.push(Tick {
            at: format!("{:.2}", at / whole * BARS),
            label: if step >= 1000.0 {
                format!("{} s", at / 1e3)
            } else if step >= 1.0 {
                format!("{at:.0} ms")
            } else {
                format!("{at:.2} ms")
            },
            is_first: ticks.is_empty(),
            is_odd: !ticks.len().is_multiple_of(2),
        });
        at += step;
    }
    ticks
}

/// The part of the width that bars take, in percent: behind the longest there is room for how long it took.
const BARS: f64 = 82.0;

fn percent(part: Duration, whole: Duration) -> String {
    format!("{:.2}", part.as_secs_f64() / whole.as_secs_f64() * BARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_that_waited_in_vain_do_not_squeeze_the_others() {
        let ms = |all: &[u64]| {
            all.iter()
                .map(|ms| Duration::from_millis(*ms))
                .collect::<Vec<_>>()
        };
        for (ends, expected, is_clipped) in [
            (ms(&[10, 20, 30]), 30, false),
            (ms(&[10, 20, 40, 3000, 3001]), 50, true),
            (ms(&[3000, 3000]), 3000, false),
            (ms(&[0]), 0, false),
        ] {
            let (found, clipped) = axis(&ends);
            assert_eq!(
                (found.as_millis(), clipped),
                (expected, is_clipped),
                "{ends:?}"
            );
        }
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (ms, labels) in [
            (50, "0 ms, 10 ms, 20 ms, 30 ms, 40 ms, 50 ms"),
            (312, "0 ms, 100 ms, 200 ms, 300 ms"),
            (15_000, "0 s, 5 s, 10 s, 15 s"),
        ] {
            let told: Vec<String> = ticks(Duration::from_millis(ms))
                .into_iter()
                .map(|tick| tick.label)
                .collect();
            assert_eq!(told.join(", "), labels);
        }
    }
}
