//! What an observer remembers of a run: of each property that the scenario judges, what that property must remember,
//! and no more, since history tells states apart.

use quorate_ids::NodeSet;

use crate::facts::Fact;
use crate::property::{
    both_sides_acknowledge, consistent_prefix, exactly_once, leader_completeness, linearizable,
    monotonic_reads, no_lost_write, one_acting_leader, one_leader_per_epoch, read_your_writes,
    unique_ids, write_acknowledged,
};
use crate::setting::Setting;

/// What a property remembers of facts.
pub(crate) trait Memory: Sized + PartialEq {
    /// The property's name.
    const NAME: &'static str;

    /// Before anything happened, in such a scenario.
    fn blank(setting: &Setting, nodes: &[String]) -> Self;

    /// Something happened while the network was split into these groups.
    fn note(&mut self, fact: &Fact, groups: &[NodeSet]);

    /// Whether whatever breaks the property after the other memory breaks it after this one, and whatever puts it to the
    /// test there does so here.
    fn obliges_as_much_as(&self, other: &Self) -> bool {
        self == other
    }
}

macro_rules! memories {
    ($($property:ident),* $(,)?) => {
        /// The memories of the properties that are judged.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub struct History {
            $(pub(crate) $property: Option<Box<$property::Memory>>,)*
        }

        impl History {
            /// Before anything happened, to judge these properties.
            pub(crate) fn blank(judged: &[&str], setting: &Setting, nodes: &[String]) -> Self {
                History {
                    $($property: judged
                        .contains(&<$property::Memory as Memory>::NAME)
                        .then(|| Box::new($property::Memory::blank(setting, nodes))),)*
                }
            }

            /// Whether whatever is violated, or put to the test, after the other history is so after this one, too.
            pub(crate) fn obliges_as_much_as(&self, other: &History) -> bool {
                let all = [$(match (&self.$property, &other.$property) {
                    (Some(memory), Some(other)) => memory.obliges_as_much_as(other),
                    (memory, other) => memory.is_none() && other.is_none(),
                },)*];
                !all.contains(&false)
            }

            /// Takes note of a fact.
            pub(crate) fn note(&mut self, fact: &Fact, groups: &[NodeSet]) {
                $(if let Some(memory) = &mut self.$property {
                    memory.note(fact, groups);
                })*
            }
        }
    };
}

memories! {
    no_lost_write,
    one_leader_per_epoch,
    one_acting_leader,
    leader_completeness,
    write_acknowledged,
    both_sides_acknowledge,
    linearizable,
    read_your_writes,
    monotonic_reads,
    consistent_prefix,
    exactly_once,
    unique_ids,
}
