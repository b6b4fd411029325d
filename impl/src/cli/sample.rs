//! `quorate check --sample`.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use quorate_checker::Switch;
use quorate_model::campaign::sample::{Missed, PART_STEPS, Part, Reached};
use quorate_model::check::ClusterModel;
use quorate_model::check::trace::{numbered, walk};
use quorate_model::scenario::Reductions;

use super::scenario::Loaded;
use super::{Failure, output};
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
pub(super) fn run(loaded: &[Loaded], extent: Extent) -> Result<(), Failure> {
    let mut missed = Vec::new();
    for loaded in loaded.iter().filter(|loaded| loaded.scenario.script.is_none()) {
        let name = &loaded.scenario.name;
        let model = ClusterModel::new(Arc::clone(&loaded.scenario));
        let Some(reached) = Reached::by_search(&model, extent.threads, &Switch::default()) else {
            continue;
        };
        let unreduced = model.with_reductions(Reductions::NONE);
        let parts = sample(&reached, &unreduced, extent);
        let disks: HashSet<u64> =
            parts.iter().flat_map(|part| part.disks.iter().copied()).collect();
        output::print(format!(
            "{name}: {} random steps in {} runs of the unreduced model came to {} states of disks; the \
             reduced search has {}, in {} states\n",
            grouped(parts.iter().map(|part| part.steps).sum()),
            grouped(parts.iter().map(|part| part.runs).sum()),
            grouped(disks.len() as u64),
            grouped(reached.disks() as u64),
            grouped(reached.distinct as u64),
        ))?;
        if let Some((what, run)) = parts.iter().find_map(|part| part.missed.as_ref()) {
            let what = match what {
                Missed::Disks => "whose disks hold what they hold after".to_owned(),
                Missed::Shown(condition) => format!("that shows {condition}, as there is after"),
            };
            output::print(format!("  the reduced search has no state {what}\n"))?;
            for line in numbered(&walk(&unreduced, run).0, 0) {
                output::print(format!("  {line}\n"))?;
            }
            missed.push(name.clone());
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

/// All parts of a sample, in order: the same on any number of threads.
fn sample(reached: &Reached, unreduced: &ClusterModel, extent: Extent) -> Vec<Part> {
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
    let mut parts: Vec<(u64, Part)> = parts.into_iter().collect();
    parts.sort_by_key(|(number, _)| *number);
    parts.into_iter().map(|(_, part)| part).collect()
}
