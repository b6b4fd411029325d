//! No two clients are told the same number by an auto-increment.

use quorate_checker::world::Property;
use quorate_ids::NodeSet;
use quorate_leader::client::{Ended, Task};
use quorate_leader::message::Outcome;
use quorate_leader::names::{Key, Value};
use quorate_leader::statement::Statement;

use crate::facts::Fact;
use crate::leader_based::LeaderBased;
use crate::setting::Setting;

/// The numbers that clients were told, in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Memory {
    told: Vec<(Key, Value)>,
    led_between: bool,
}

impl crate::history::Memory for Memory {
    const NAME: &'static str = "unique-ids";

    fn blank(_: &Setting, _: &[String]) -> Self {
        Memory { told: Vec::new(), led_between: false }
    }

    fn note(&mut self, fact: &Fact, _: &[NodeSet]) {
        match fact {
            Fact::Led { .. } => self.led_between |= !self.told.is_empty(),
            Fact::Ended(Ended {
                task: Task::Write { key, statement: Statement::NextId },
                outcome: Some(Outcome::Written { value, .. }),
                ..
            }) => self.told.push((key.clone(), value.clone())),
            _ => {}
        }
    }

    /// In which order numbers were told does not matter, only that they were.
    fn obliges_as_much_as(&self, other: &Self) -> bool {
        let is_told = |(at, one): (usize, &(Key, Value))| {
            let as_often = |told: &[(Key, Value)]| told.iter().filter(|told| *told == one).count();
            as_often(&self.told) > as_often(&other.told[..at])
        };
        other.told.iter().enumerate().all(is_told) && (self.led_between || !other.led_between)
    }
}

pub(super) const STATEMENT: &str = "no two clients are told the same number by an auto-increment";

pub(super) fn property() -> Property<LeaderBased> {
    let repeats =
        |told: &[(Key, Value)]| told.iter().enumerate().any(|(at, one)| told[..at].contains(one));
    // The witness: two numbers were told, and a new leader was found after the first.
    super::of_memory(
        |state| state.history.unique_ids.as_deref(),
        move |memory: &Memory| !repeats(&memory.told),
        |memory| memory.told.len() > 1 && memory.led_between,
    )
}
