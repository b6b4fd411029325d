//! Running a campaign on several threads. What comes out does not depend on how many there are.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use quorate_checker::world::campaign::{
    Case, Compared, Difference, Draft, Origin, Sequence, Shortage, Tally, shrunk,
};

/// How often progress is reported.
const TICK: Duration = Duration::from_millis(200);

/// So many differences are made small: the first ones. Who mends a rule looks at one at a time.
const SHRUNK_MAX: usize = 5;

/// So many simpler scenarios are looked at to make one small.
pub(super) const TRIES_MAX: usize = 3_000;

/// Every how many-th case is taken, and which of them: the first of four, say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    /// Which, from one.
    pub index: u64,
    /// Of how many.
    pub of: u64,
}

impl Shard {
    /// Every case.
    pub const WHOLE: Shard = Shard { index: 1, of: 1 };

    fn has(self, case: u64) -> bool {
        case % self.of == self.index - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (index, of) = text.split_once('/')?;
            Some(Shard { index: index.parse().ok()?, of: of.parse().ok()? })
        };
        read()
            .filter(|shard| (1..=shard.of).contains(&shard.index))
            .ok_or_else(|| "write which of how many, such as 1/4 for the first of four".to_owned())
    }
}

/// Which cases are looked at, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// What random scenarios are made from.
    pub seed: u64,
    /// The first case.
    pub from: u64,
    /// How many cases, of which a shard takes its share.
    pub cases: u64,
    /// The share.
    pub shard: Shard,
    /// The size of the largest scenarios that are enumerated.
    pub size: usize,
    /// What has more states unreduced is left out.
    pub states_max: usize,
    /// In how many compared cases each kind of step, each mode and each rule must have taken part: one
    /// case in a thousand if nothing is said, and none if all are small, which have few modes.
    pub floor: Option<u64>,
    /// How many threads share the work.
    pub threads: usize,
}

/// How far a campaign is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Cases that are done.
    pub done: u64,
    /// Those of them that came out differently.
    pub different: u64,
    /// Time since the start.
    pub elapsed: Duration,
}

/// A case that came out differently.
#[derive(Clone, PartialEq, Debug)]
pub struct Different<D> {
    /// Which.
    pub case: Case<D>,
    /// How.
    pub difference: Difference,
    /// The same as small as it got, and how that differs. Only the first ones are made small.
    pub small: Option<(D, Difference)>,
}

/// What a campaign came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome<D: Draft> {
    /// What was to be done.
    pub plan: Plan,
    /// What was exercised.
    pub tally: Tally<D>,
    /// How many of the cases are from the enumeration of small scenarios.
    pub small_scope: u64,
    /// Differences, in the order of cases.
    pub differences: Vec<Different<D>>,
    /// In how many cases each thing had to take part.
    pub floor: u64,
    /// What took part in too few cases.
    pub shortages: Vec<Shortage>,
    /// How long it took.
    pub took: Duration,
}

impl<D: Draft> Outcome<D> {
    /// Whether nothing differs and everything was exercised often enough.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.differences.is_empty() && self.shortages.is_empty()
    }
}

/// The cases of a plan, in order.
pub fn cases<D: Draft>(plan: &Plan) -> impl Iterator<Item = Case<D>> + Send + use<D> {
    let Plan { from, cases, shard, .. } = *plan;
    let all = Sequence::new(plan.seed, plan.size);
    let before_end = move |case: &Case<D>| case.number < from + cases;
    all.skip(from as usize)
        .take_while(before_end)
        .filter(move |case: &Case<D>| shard.has(case.number))
}

/// What one thread has found.
struct Part<D: Draft> {
    tally: Tally<D>,
    small_scope: u64,
    differences: Vec<Different<D>>,
}

impl<D: Draft> Default for Part<D> {
    fn default() -> Self {
        Part { tally: Tally::default(), small_scope: 0, differences: Vec::new() }
    }
}

/// Runs a campaign. `on_progress` is called now and then.
pub fn run<D: Draft>(plan: &Plan, mut on_progress: impl FnMut(Progress)) -> Outcome<D> {
    let started = Instant::now();
    let left = Mutex::new(cases::<D>(plan));
    let (done, different) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        let mut part = Part::<D>::default();
        loop {
            let case = left.lock().expect("no thread panics with the lock").next();
            let Some(case) = case else { return part };
            let differs = part.take(case, plan);
            done.fetch_add(1, Ordering::Relaxed);
            different.fetch_add(differs.into(), Ordering::Relaxed);
        }
    };
    let progress = || Progress {
        done: done.load(Ordering::Relaxed),
        different: different.load(Ordering::Relaxed),
        elapsed: started.elapsed(),
    };
    let mut parts: Vec<Part<D>> = Vec::new();
    thread::scope(|scope| {
        let (finished, is_finished) = channel::<()>();
        let workers: Vec<_> = (0..plan.threads)
            .map(|_| {
                let (finished, work) = (finished.clone(), &work);
                scope.spawn(move || {
                    let part = work();
                    drop(finished);
                    part
                })
            })
            .collect();
        drop(finished);
        while is_finished.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            on_progress(progress());
        }
        let joined = workers.into_iter().map(|worker| worker.join());
        parts.extend(joined.map(|part| part.expect("a thread that compares panicked")));
    });
    let mut all = Part::<D>::default();
    for part in parts {
        all.tally.add(&part.tally);
        all.small_scope += part.small_scope;
        all.differences.extend(part.differences);
    }
    all.differences.sort_by_key(|different| different.case.number);
    for different in all.differences.iter_mut().take(SHRUNK_MAX) {
        different.small = Some(made_small(different, plan.states_max));
        on_progress(progress());
    }
    let is_small = all.tally.cases() == all.small_scope;
    let usual = if is_small { 0 } else { all.tally.cases() / 1_000 };
    let floor = plan.floor.unwrap_or(usual);
    Outcome {
        plan: *plan,
        floor,
        shortages: all.tally.below(floor),
        tally: all.tally,
        small_scope: all.small_scope,
        differences: all.differences,
        took: started.elapsed(),
    }
}

impl<D: Draft> Part<D> {
    /// Compares one case; whether it differs.
    fn take(&mut self, case: Case<D>, plan: &Plan) -> bool {
        self.small_scope += u64::from(case.origin == Origin::SmallScope);
        let Some((difference, switched)) = self.tally.take(&case.draft, plan.states_max) else {
            return false;
        };
        let draft = case.draft.with_switched(switched.or(case.draft.switched()));
        let case = Case { draft, ..case };
        self.differences.push(Different { case, difference, small: None });
        true
    }
}

/// The simplest scenario near one that differs, and how it differs.
fn made_small<D: Draft>(different: &Different<D>, states_max: usize) -> (D, Difference) {
    let difference = |draft: &D| match draft.compared(states_max)? {
        Compared::Different { difference, switched: None } => Some(difference),
        // Not by the reductions that the file has.
        Compared::Different { .. } => None,
        Compared::Same(_) | Compared::TooLarge => None,
    };
    let small =
        shrunk(different.case.draft.clone(), TRIES_MAX, |draft| difference(draft).is_some());
    let how = difference(&small).unwrap_or_else(|| different.difference.clone());
    (small, how)
}
