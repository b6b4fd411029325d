//! A write can be acknowledged.

use quorate_checker::world::Property;
use quorate_ids::NodeSet;
use quorate_leader::client::Task;

use crate::facts::Fact;
use crate::leader_based::{ClusterState, LeaderBased};
use crate::setting::Setting;

/// Whether a write was started, and one acknowledged.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    is_asked: bool,
    is_acknowledged: bool,
}

impl crate::history::Memory for Memory {
    const NAME: &'static str = "write-acknowledged";

    fn blank(_: &Setting, _: &[String]) -> Self {
        Memory { is_asked: false, is_acknowledged: false }
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        match fact {
            Fact::Started { task: Task::Write { .. }, .. } => self.is_asked = true,
            Fact::Acknowledged { .. } => self.is_acknowledged = true,
            _ => {}
        }
    }
}

pub(super) const STATEMENT: &str = "some write is acknowledged";

pub(super) fn property() -> Property<LeaderBased> {
    let of = |state: &ClusterState| state.history.write_acknowledged.clone();
    Property::sometimes(
        <Memory as crate::history::Memory>::NAME,
        move |_, state| of(state).is_some_and(|memory| memory.is_acknowledged),
        move |_, state| of(state).is_some_and(|memory| memory.is_asked),
    )
}
