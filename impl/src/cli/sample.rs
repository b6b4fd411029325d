//! `quorate check --sample`.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use quorate_checker::Switch;
use quorate_checker::world::campaign::sample::{Missed, PART_STEPS, Part, Reached};
use quorate_checker::world::{Action, Reduces, World, numbered};

use super::scenario::{Found, of_either};
use super::{Failure, output};
use crate::check::Case;
use crate::check::text::grouped;

/// How much is sampled.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// Steps in all, at least.
    pub(super) steps: u64,
    /// What chance is made from.
    pub(super) seed: u64,
    /// Threads.
    pub(super) threads: usize,
}

/// Searches scenarios reduced, and takes random runs of their unreduced models. Scripts have nothing to sample.
///
/// # Errors
/// When a run comes to something that the search does not have.
pub(super) fn run(found: &[Found], extent: Extent) -> Result<(), Failure> {
    let mut missed = Vec::new();
    for found in found {
        if of_either!(found, loaded => is_missed(&loaded.scenario, extent))? {
            missed.push(of_either!(found, loaded => loaded.scenario.name().to_owned()));
        }
    }
    if missed.is_empty() {
        return Ok(());
    }
    let names = missed.join(", ");
    Err(Failure::Unexpected(format!(
        "runs to states that the reduced search does not have in {names}"
    )))
}

/// Samples one scenario and tells of it: whether a run comes to something that the search does not have.
fn is_missed<C: Case<Protocol: Reduces>>(case: &C, extent: Extent) -> Result<bool, Failure> {
    if case.is_script() {
        return Ok(false);
    }
    let world = case.world();
    let reached = Reached::by_search(&world, case.judged(), extent.threads, &Switch::default());
    let Some(reached) = reached else { return Ok(false) };
    let unreduced = world.with_protocol(world.protocol().unreduced());
    let parts = sample(&reached, &unreduced, extent);
    let disks: HashSet<u64> = parts.iter().flat_map(|part| part.disks.iter().copied()).collect();
    output::print(format!(
        "{}: {} random steps in {} runs of the unreduced model came to {} states of disks; the \
         reduced search has {}, in {} states\n",
        case.name(),
        grouped(parts.iter().map(|part| part.steps).sum()),
        grouped(parts.iter().map(|part| part.runs).sum()),
        grouped(disks.len() as u64),
        grouped(reached.disks() as u64),
        grouped(reached.distinct as u64),
    ))?;
    let Some((what, run)) = parts.iter().find_map(|part| part.missed.as_ref()) else {
        return Ok(false);
    };
    let what = match what {
        Missed::Disks => "whose disks hold what they hold after".to_owned(),
        Missed::Shown(shown) => format!("that shows {shown}, as there is after"),
    };
    output::print(format!("  the reduced search has no state {what}\n"))?;
    for line in numbered(&unreduced.walk(&case.words(), run).0, 0) {
        output::print(format!("  {line}\n"))?;
    }
    Ok(true)
}

/// All parts of a sample, in order: the same on any number of threads.
fn sample<P: Reduces>(
    reached: &Reached<P>,
    unreduced: &World<P>,
    extent: Extent,
) -> Vec<Part<Action<P>>> {
    let count = extent.steps.div_ceil(PART_STEPS);
    let next = AtomicU64::new(0);
    let (sender, parts) = channel();
    thread::scope(|scope| {
        for _ in 0..extent.threads {
            let (next, sender, unreduced) =
                (&next, sender.clone(), unreduced.with_fresh_counters());
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let part = reached.sample(&unreduced, extent.seed, number);
                    // Nobody stops listening.
                    let _ = sender.send((number, part));
                }
            });
        }
    });
    drop(sender);
    let mut parts: Vec<(u64, Part<Action<P>>)> = parts.into_iter().collect();
    parts.sort_by_key(|(number, _)| *number);
    parts.into_iter().map(|(_, part)| part).collect()
}
