//! How long operations took, and how they ended.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{Detour, Kind};

/// Three digits of every time, up to an hour, in nanoseconds.
const DIGITS: u8 = 3;
const LONGEST_NS: u64 = 3_600_000_000_000;

/// How an operation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// As asked.
    Ok,
    /// As asked, but the key that was read is not there.
    Absent,
    /// Too few homes answered in time.
    Unavailable,
    /// The node that was asked would not.
    Refused,
    /// No node that was asked answered, or, with a leader, none of them led.
    NoAnswer,
}

/// The operations of one kind.
#[derive(Clone, Debug)]
pub struct Timings {
    succeeded: Histogram<u64>,
    /// Of those that succeeded, reads that found nothing.
    absent: u64,
    unavailable: u64,
    refused: u64,
    unanswered: u64,
}

impl Default for Timings {
    fn default() -> Self {
        let succeeded = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS);
        Timings {
            succeeded: succeeded.expect("the bounds are in order"),
            absent: 0,
            unavailable: 0,
            refused: 0,
            unanswered: 0,
        }
    }
}

impl Timings {
    /// Counts an operation that took so long.
    pub fn count(&mut self, ended: Ended, took: Duration) {
        match ended {
            Ended::Ok | Ended::Absent => {
                let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                self.succeeded.saturating_record(ns);
                self.absent += u64::from(ended == Ended::Absent);
            }
            Ended::Unavailable => self.unavailable += 1,
            Ended::Refused => self.refused += 1,
            Ended::NoAnswer => self.unanswered += 1,
        }
    }

    /// How many succeeded.
    #[must_use]
    pub fn succeeded(&self) -> u64 {
        self.succeeded.len()
    }

    /// How many did not.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.unavailable + self.refused + self.unanswered
    }

    /// How many did not, and how that ended.
    #[must_use]
    pub fn failures(&self) -> String {
        let ended = [
            (self.unavailable, "unavailable"),
            (self.refused, "refused"),
            (self.unanswered, "not answered"),
        ];
        let ended = ended.iter().filter(|(count, _)| *count > 0);
        let ended: Vec<_> = ended.map(|(count, how)| format!("{count} {how}")).collect();
        ended.join(", ")
    }

    /// The times of those that succeeded; `None` if none did.
    #[must_use]
    pub fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| Duration::from_nanos(self.succeeded.value_at_quantile(quantile));
        (!self.succeeded.is_empty()).then(|| Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            longest: Duration::from_nanos(self.succeeded.max()),
        })
    }
}

/// How long operations took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Percentiles {
    /// Half of them at most so long.
    pub p50: Duration,
    /// Nine in ten.
    pub p90: Duration,
    /// 99 in a hundred.
    pub p99: Duration,
    /// 999 in a thousand.
    pub p999: Duration,
    /// The longest.
    pub longest: Duration,
}

/// What was measured.
#[derive(Clone, Default, Debug)]
pub struct Measured {
    /// How long operations were begun.
    pub lasted: Duration,
    /// Answers that sent clients on to another node.
    pub redirected: u64,
    /// Answers that nobody leads.
    pub nobody_leads: u64,
    timings: [Timings; Kind::ALL.len()],
}

/// A row of the report as JSON. Times are in microseconds.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Row {
    operation: &'static str,
    succeeded: u64,
    per_second: f64,
    absent: u64,
    unavailable: u64,
    refused: u64,
    unanswered: u64,
    p50_us: Option<f64>,
    p90_us: Option<f64>,
    p99_us: Option<f64>,
    p999_us: Option<f64>,
    max_us: Option<f64>,
}

impl Measured {
    /// The operations of this kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> &Timings {
        &self.timings[kind as usize]
    }

    /// Counts an operation.
    pub fn count(&mut self, kind: Kind, ended: Ended, took: Duration) {
        self.timings[kind as usize].count(ended, took);
    }

    /// Counts an answer that did not end an operation.
    pub fn count_detour(&mut self, detour: Detour) {
        match detour {
            Detour::Redirected => self.redirected += 1,
            Detour::NobodyLeads => self.nobody_leads += 1,
        }
    }

    /// All operations, whatever became of them.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.timings.iter().map(|timings| timings.succeeded() + timings.failed()).sum()
    }

    /// How many operations of a kind succeeded per second.
    #[must_use]
    pub fn rate(&self, kind: Kind) -> f64 {
        self.of(kind).succeeded() as f64 / self.lasted.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The kinds of operation that there were.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        let happened = |kind: &Kind| self.of(*kind).succeeded() + self.of(*kind).failed() > 0;
        Kind::ALL.into_iter().filter(happened)
    }

    /// What to print as JSON: a row for each kind of operation that there was.
    pub fn rows(&self) -> impl Serialize {
        let row = |kind: Kind| {
            let Timings { absent, unavailable, refused, unanswered, .. } = *self.of(kind);
            let percentiles = self.of(kind).percentiles();
            let us = |of: fn(&Percentiles) -> Duration| {
                percentiles.as_ref().map(|percentiles| of(percentiles).as_nanos() as f64 / 1_000.0)
            };
            Row {
                operation: kind.name(),
                succeeded: self.of(kind).succeeded(),
                per_second: self.rate(kind),
                absent,
                unavailable,
                refused,
                unanswered,
                p50_us: us(|percentiles| percentiles.p50),
                p90_us: us(|percentiles| percentiles.p90),
                p99_us: us(|percentiles| percentiles.p99),
                p999_us: us(|percentiles| percentiles.p999),
                max_us: us(|percentiles| percentiles.longest),
            }
        };
        self.kinds().map(row).collect::<Vec<_>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_succeeded_is_timed_and_each_failure_is_counted_by_its_kind() {
        let mut measured = Measured { lasted: Duration::from_secs(2), ..Measured::default() };
        for ms in 1..=1_000 {
            measured.count(Kind::Get, Ended::Ok, Duration::from_millis(ms));
        }
        measured.count(Kind::Get, Ended::Absent, Duration::from_millis(1));
        for ended in [Ended::Unavailable, Ended::Refused, Ended::NoAnswer] {
            measured.count(Kind::Put, ended, Duration::from_secs(60));
        }
        let (gets, puts) = (measured.of(Kind::Get), measured.of(Kind::Put));
        assert_eq!((gets.succeeded(), gets.failed(), gets.absent), (1_001, 0, 1));
        assert_eq!((puts.succeeded(), puts.failed(), puts.percentiles()), (0, 3, None));
        let percentiles = gets.percentiles().unwrap();
        let near = |found: Duration, ms: u64| found.as_millis().abs_diff(u128::from(ms)) <= 1;
        assert!(near(percentiles.p50, 500) && near(percentiles.p99, 990), "{percentiles:?}");
        assert!(near(percentiles.longest, 1_000), "{percentiles:?}");
        assert!((measured.rate(Kind::Get) - 500.5).abs() < 0.001);
        assert_eq!(measured.kinds().collect::<Vec<_>>(), [Kind::Put, Kind::Get]);
        assert_eq!(measured.operations(), 1_004);
    }
}
