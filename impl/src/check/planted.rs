//! Making the protocol wrong on purpose, to see which checks notice.
//!
//! Faults times scenarios are thousands of searches, so each is small: breadth first, on one thread,
//! over so many states at most. A fault is not searched for in a scenario in which it makes no step different.
//! Only a fault that nothing catches so is searched for among more states, in one scenario after the other,
//! until one catches it; at last depth first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use comfy_table::Table;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use quorate_checker::world::{Condition, Expected, Judged, Property, PropertyKind, State};
use quorate_checker::{Dive, System, dive};

use super::case::{Case, Mattering};
use super::limits::Limits;
use super::runner::check;

/// How much is searched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effort {
    /// The most states of one scenario with one fault.
    pub states_max: usize,
    /// The same for a fault that nothing catches among so many.
    pub states_max_later: usize,
    /// The same, depth first, for a fault that nothing catches among so many either.
    pub states_max_deep: usize,
    /// How many searches go on at a time.
    pub threads: usize,
}

/// What one fault makes of the scenarios.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planted {
    /// In which protocol.
    pub protocol: &'static str,
    /// The fault.
    pub fault: String,
    /// What is done wrongly, in words.
    pub statement: &'static str,
    /// What some scenario expects to hold, or not to be reached, and what then does not or is.
    pub catches: Vec<Catch>,
    /// In how many scenarios it was searched for.
    pub scenarios: usize,
    /// How much it took.
    pub level: Level,
}

/// How much it takes until a scenario catches a fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// [`Effort::states_max`] of every scenario.
    First,
    /// [`Effort::states_max_later`], until one catches it.
    Later,
    /// [`Effort::states_max_deep`], depth first, until one catches it.
    Deep,
}

/// What stands in the place of a property where a script does not come out as it says.
const SCRIPT: &str = "(a script's step)";

/// A run that shows a fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Catch {
    /// Of which scenario it is.
    pub scenario: String,
    /// Which property it violates, or which kind of state it reaches.
    pub property: &'static str,
    /// How many steps it has.
    pub steps: usize,
    /// Whether none of the scenario is shorter. Otherwise none of its steps can go.
    pub is_shortest: bool,
}

impl Planted {
    /// The shortest run per property, and of equal ones that of the scenario listed first.
    #[must_use]
    pub fn by_property(&self) -> BTreeMap<&'static str, &Catch> {
        let mut shortest: BTreeMap<&'static str, &Catch> = BTreeMap::new();
        for catch in &self.catches {
            let known = shortest.entry(catch.property).or_insert(catch);
            if catch.steps < known.steps {
                *known = catch;
            }
        }
        shortest
    }

    /// The scenarios that catch it, in the order in which they ship.
    #[must_use]
    pub fn caught_by(&self) -> Vec<&str> {
        let mut scenarios: Vec<&str> = self.catches.iter().map(|catch| &*catch.scenario).collect();
        scenarios.dedup();
        scenarios
    }
}

/// Looks for every fault in every scenario that is right by itself. `on_progress` is told now and then
/// how many searches of how many are done.
#[must_use]
pub fn plant<C: Case>(
    faults: &[C::Fault],
    scenarios: &[C],
    effort: Effort,
    on_progress: impl Fn(usize, usize) + Sync,
) -> Vec<Planted> {
    let scenarios: Vec<&C> = scenarios.iter().filter(|scenario| scenario.is_right()).collect();
    let mattered = in_parallel(effort.threads, &scenarios, |scenario| {
        scenario.what_matters(effort.states_max)
    });
    let matters = |of: &Mattering<C::Fault>, fault: C::Fault| of.faults.contains(&fault);
    let pairs: Vec<(C::Fault, usize)> = faults
        .iter()
        .flat_map(|fault| (0..scenarios.len()).map(move |scenario| (*fault, scenario)))
        .filter(|(fault, scenario)| matters(&mattered[*scenario], *fault))
        .collect();
    let done = AtomicUsize::new(0);
    let found = in_parallel(effort.threads, &pairs, |(fault, scenario)| {
        let found = search(scenarios[*scenario], *fault, effort.states_max);
        on_progress(done.fetch_add(1, Ordering::Relaxed) + 1, pairs.len());
        found
    });
    in_parallel(effort.threads, faults, |fault| {
        let mut planted = Planted {
            protocol: C::PROTOCOL,
            fault: fault.to_string(),
            statement: C::statement(*fault),
            catches: Vec::new(),
            scenarios: 0,
            level: Level::First,
        };
        let mut cut = Vec::new();
        let of_fault = pairs.iter().zip(&found).filter(|((of, _), _)| of == fault);
        for ((_, scenario), found) in of_fault {
            planted.scenarios += 1;
            planted.catches.extend(found.catches.iter().cloned());
            if found.is_cut {
                cut.push(*scenario);
            }
        }
        // Where it may matter in more states.
        let is_open =
            |index: &usize| mattered[*index].is_cut && !matters(&mattered[*index], *fault);
        cut.extend((0..scenarios.len()).filter(is_open));
        for level in [Level::Later, Level::Deep] {
            if !planted.catches.is_empty() {
                break;
            }
            planted.level = level;
            let mut still_cut = Vec::new();
            for scenario in cut {
                let found = match level {
                    Level::Deep => dive_into(scenarios[scenario], *fault, effort.states_max_deep),
                    _ => search(scenarios[scenario], *fault, effort.states_max_later),
                };
                if !found.catches.is_empty() {
                    planted.catches = found.catches;
                    break;
                }
                if found.is_cut {
                    still_cut.push(scenario);
                }
            }
            cut = still_cut;
        }
        planted
    })
}

/// What becomes of each item, as many at a time as there are threads.
fn in_parallel<I: Sync, T: Send>(
    threads: usize,
    items: &[I],
    act: impl Fn(&I) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            done.push((index, act(item)));
        }
    };
    let mut all: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let done = workers.into_iter();
        done.flat_map(|worker| worker.join().expect("a searching thread panicked")).collect()
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, done)| done).collect()
}

/// What a search found.
struct Found {
    catches: Vec<Catch>,
    /// Whether there are more states than were looked at.
    is_cut: bool,
}

/// The properties of which a single state can show that it is otherwise than a scenario expects, each with the
/// condition that does and what that says there.
fn differences<C: Case>(case: &C) -> Vec<(&'static str, Condition<C::Protocol>, bool)> {
    let differs = |property: Property<C::Protocol>| match property.kind {
        PropertyKind::Safety { holds, .. } => Some((Expected::Holds, holds, false)),
        PropertyKind::Reachability { reached, .. } => Some((Expected::NotReached, reached, true)),
        PropertyKind::EventuallyAlways { .. } => None,
    };
    let unexpected = |property: Property<C::Protocol>| {
        let (name, expected) = (property.name, case.expectations()[property.name]);
        let (wanted, condition, is_so) = differs(property)?;
        (expected == wanted).then_some((name, condition, is_so))
    };
    case.judged().into_iter().filter_map(unexpected).collect()
}

/// Looks breadth first for all that a fault makes different in a scenario, or carries its script out.
fn search<C: Case>(case: &C, fault: C::Fault, states_max: usize) -> Found {
    let limits = Limits { states_max: Some(states_max), ..Limits::default() };
    let report = check(&case.with_fault(fault), &limits, |_| {});
    let catch = |property, steps| {
        let scenario = report.scenario.clone();
        Catch { scenario, property, steps, is_shortest: true }
    };
    let differs = report.script.as_ref().filter(|played| played.difference.is_some());
    let mut catches: Vec<Catch> =
        differs.map(|played| catch(SCRIPT, played.transitions)).into_iter().collect();
    for verdict in &report.verdicts {
        let (Some(path), Some(found)) = (&verdict.path, verdict.found) else { continue };
        if let (Expected::Holds, Expected::Violated) | (Expected::NotReached, Expected::Reached) =
            (verdict.expected, found)
        {
            catches.push(catch(verdict.property.name, path.len()));
        }
    }
    Found { catches, is_cut: report.cut.is_some() }
}

/// Looks depth first for anything that a fault makes different in a scenario.
fn dive_into<C: Case>(case: &C, fault: C::Fault, states_max: usize) -> Found {
    let case = case.with_fault(fault);
    let world = case.world();
    let system = Judged::new(&world, []);
    let differences = differences(&case);
    let shown = |state: &State<C::Protocol>| -> Vec<&'static str> {
        let differs = |(_, condition, is_so): &&(_, Condition<C::Protocol>, bool)| {
            condition(world.protocol(), state) == *is_so
        };
        differences.iter().filter(differs).map(|(name, ..)| *name).collect()
    };
    let Dive { path, cut } = dive(&system, &|state| !shown(state).is_empty(), states_max);
    let Some(path) = path else { return Found { catches: Vec::new(), is_cut: cut } };
    let mut state = world.initial_state();
    for action in &path {
        state = system.apply(&state, action.clone()).expect("it is a run of the model");
    }
    let catch = |property: &'static str| {
        let (scenario, steps) = (case.name().to_owned(), path.len());
        Catch { scenario, property, steps, is_shortest: false }
    };
    Found { catches: shown(&state).into_iter().map(catch).collect(), is_cut: cut }
}

impl Catch {
    /// `7`, or `at most 7` where a shorter run may exist.
    fn told(&self) -> String {
        let Catch { steps, is_shortest, .. } = self;
        if *is_shortest { steps.to_string() } else { format!("at most {steps}") }
    }
}

/// Fault by property: the length of the shortest counterexample.
#[must_use]
pub fn matrix(planted: &[Planted], as_markdown: bool) -> String {
    let caught = planted.iter().flat_map(|planted| &planted.catches);
    let properties: BTreeSet<&str> = caught.map(|catch| catch.property).collect();
    let mut table = Table::new();
    table.load_style(if as_markdown { ASCII_MARKDOWN } else { UTF8_FULL_CONDENSED });
    let header = ["fault", "what is done"].into_iter().chain(properties.iter().copied());
    table.set_header(header.chain(["scenarios that catch it", "caught first by"]));
    for of_fault in planted {
        let shortest = of_fault.by_property();
        let lengths = properties
            .iter()
            .map(|property| shortest.get(property).map_or_else(String::new, |catch| catch.told()));
        let first = shortest.values().min_by_key(|catch| catch.steps);
        let first = first.map_or_else(|| "NOTHING".to_owned(), |first| first.scenario.clone());
        let row =
            [of_fault.fault.clone(), of_fault.statement.to_owned()].into_iter().chain(lengths);
        table.add_row(row.chain([of_fault.caught_by().len().to_string(), first]));
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// Everything about one fault.
#[must_use]
pub fn block(planted: &Planted) -> String {
    let Planted { fault, statement, catches, scenarios, .. } = planted;
    let mut text = format!("{fault}: {statement}\n");
    let _ = writeln!(
        text,
        "  searched for in {scenarios} scenarios: those that come to where it matters, and all scripts"
    );
    for catch in catches {
        let Catch { scenario, property, .. } = catch;
        let _ = writeln!(text, "  {scenario}: {property}, in {} steps", catch.told());
    }
    if catches.is_empty() {
        text.push_str("  NOTHING catches it\n");
    }
    text
}

/// How much was searched, and for which faults more.
#[must_use]
pub fn told_of(effort: Effort, planted: &[Planted]) -> String {
    let mut text = format!(
        "Each scenario was searched breadth first with each fault, in up to {} states",
        effort.states_max
    );
    let of_level = |level| {
        let of_level = planted.iter().filter(move |planted| planted.level == level);
        let faults: Vec<String> = of_level.map(|planted| planted.fault.clone()).collect();
        (!faults.is_empty()).then(|| faults.join(", "))
    };
    if let Some(faults) = of_level(Level::Later) {
        let _ = write!(
            text,
            "; with {faults}, which nothing caught among so many, in up to {} until a scenario caught it",
            effort.states_max_later
        );
    }
    if let Some(faults) = of_level(Level::Deep) {
        let _ = write!(
            text,
            "; with {faults}, which nothing caught so, depth first in up to {} until a scenario caught it",
            effort.states_max_deep
        );
    }
    text.push_str(
        ". Where a scenario has more states than were searched, convergence and progress were not \
         decided.\n",
    );
    text
}

/// The last line.
#[must_use]
pub fn summary(planted: &[Planted]) -> String {
    let missed: Vec<String> = planted
        .iter()
        .filter(|planted| planted.catches.is_empty())
        .map(|planted| planted.fault.clone())
        .collect();
    let mut text = match planted {
        [_] => "1 planted fault".to_owned(),
        _ => format!("{} planted faults", planted.len()),
    };
    match (&missed[..], planted) {
        ([], [_]) => text.push_str(": it is caught"),
        ([], _) => text.push_str(": every one is caught"),
        _ => {
            let _ = write!(text, ": nothing catches {}", missed.join(", "));
        }
    }
    text
}
