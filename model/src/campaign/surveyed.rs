//! What all disks can come to hold, by a search in little memory: for searches by fewer rules, which are too large otherwise.

use alloc::vec::Vec;
use core::cell::RefCell;

use quorate_checker::compact::{Extent, ScratchError, Survey, survey};
use quorate_checker::world::campaign::{Disks, DisksSeen};
use quorate_checker::{Looking, Switch};
use thread_local::ThreadLocal;

use crate::check::action::Action;
use crate::check::{ClusterModel, ClusterState};

/// A survey, with a hash of what all disks hold of each state.
pub struct Surveyed {
    /// What became of conditions and goals.
    pub survey: Survey<Action>,
    disks: Disks,
}

impl Surveyed {
    /// How many different states of all disks there are.
    #[must_use]
    pub fn disks(&self) -> usize {
        self.disks.len()
    }

    /// How many states of all disks there are here and not there.
    #[must_use]
    pub fn disks_that_lacks(&self, other: &Surveyed) -> usize {
        self.disks.difference(&other.disks).count()
    }
}

/// Surveys a model with its properties. Two models of one scenario can be compared if neither takes clients for alike.
///
/// # Errors
/// If edges cannot be written.
pub fn surveyed(
    model: &ClusterModel,
    extent: &Extent,
    switch: &Switch,
) -> Result<Surveyed, ScratchError> {
    let seen = ThreadLocal::<RefCell<DisksSeen>>::new();
    let look = |state: &ClusterState, _: &mut Vec<Action>| {
        seen.get_or_default().borrow_mut().note(model.protocol(), state);
    };
    let survey = survey(&Looking { system: &model.judging(), look }, extent, switch)?;
    let disks = seen.into_iter().flat_map(|seen| seen.into_inner().disks).collect();
    Ok(Surveyed { survey, disks })
}
