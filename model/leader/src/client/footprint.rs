//! What each step of a client declares to touch, and its components one by one.

use alloc::collections::BTreeSet;

use quorate_ids::NodeId;

use super::{Asked, Client, ClientConfig, Task};
use crate::config::Reads;
use crate::footprint::{Component, Declaration};
use crate::message::{Message, Outcome};
use crate::names::RequestId;

impl Client {
    /// What the start of this operation declares to touch.
    #[must_use]
    pub fn footprint_of_start(&self, config: &ClientConfig, task: &Task) -> Declaration {
        let mut declared = Declaration::default();
        let shard = config.shards.of(task.key());
        declared.write(Component::Asked).read(Component::Believes(shard)).send("request").tell();
        if config.has_sessions {
            declared.read(Component::Seen(shard));
        }
        match (task, config.reads) {
            (Task::Write { .. }, Reads::OwnWrites) => {
                declared.write(Component::Written);
            }
            (Task::Read { .. }, Reads::OwnWrites) => {
                declared.read(Component::Written);
            }
            (Task::Read { .. }, Reads::Sticky) => {
                declared.read(Component::Sticky);
            }
            (Task::Read { .. }, Reads::Position) => {
                declared.read(Component::Seen(shard));
            }
            _ => {}
        }
        declared
    }

    /// What the arrival of this message declares to touch.
    #[must_use]
    pub fn footprint_of_arrival(
        &self,
        config: &ClientConfig,
        from: NodeId,
        message: &Message,
    ) -> Declaration {
        let mut declared = Declaration::default();
        let Message::Reply { request, outcome } = message else { return declared };
        declared.read(Component::Asked);
        let own = RequestId { client: self.id, number: self.number };
        let Some(asked) = self.asked.as_ref().filter(|_| *request == own) else { return declared };
        let shard = config.shards.of(asked.operation.key());
        match outcome {
            Outcome::Written { .. } | Outcome::Found { .. } => {
                declared.write(Component::Asked).tell();
                if config.reads == Reads::Position || config.has_sessions {
                    declared.write(Component::Seen(shard));
                }
                if matches!(outcome, Outcome::Written { .. }) {
                    declared.write(Component::Believes(shard));
                } else if config.reads == Reads::Sticky {
                    declared.write(Component::Sticky);
                }
            }
            Outcome::Redirect { .. }
            | Outcome::Behind { .. }
            | Outcome::NoSession { .. }
            | Outcome::Refused(_)
                if from != asked.node => {}
            Outcome::NoSession { .. } => {
                declared.write(Component::Asked).write(Component::Seen(shard));
                declared.send("request").tell();
            }
            Outcome::Refused(_) => {
                declared.write(Component::Asked).tell();
            }
            Outcome::Redirect { .. } | Outcome::Behind { .. } => {
                Self::ask_again(asked, config, &mut declared);
            }
        }
        declared
    }

    /// What the expiry of its timer declares to touch.
    #[must_use]
    pub fn footprint_of_expiry(&self, config: &ClientConfig) -> Declaration {
        let mut declared = Declaration::default();
        declared.write(Component::Sticky).read(Component::Asked);
        if let Some(asked) = &self.asked {
            Self::ask_again(asked, config, &mut declared);
        }
        declared
    }

    /// What it declares to touch when its writes have become old.
    #[must_use]
    pub fn footprint_of_forgetting() -> Declaration {
        let mut declared = Declaration::default();
        declared.write(Component::Written);
        declared
    }

    /// Somebody else is asked, or it gives up.
    fn ask_again(asked: &Asked, config: &ClientConfig, declared: &mut Declaration) {
        let shard = config.shards.of(asked.operation.key());
        declared.write(Component::Asked).write(Component::Believes(shard));
        declared.send("request").tell();
        if config.has_sessions {
            declared.write(Component::Seen(shard));
        }
    }

    /// Its components. What it does not have is blank.
    #[must_use]
    pub fn components(&self) -> BTreeSet<Component> {
        let mut all = BTreeSet::from([Component::Asked, Component::Sticky, Component::Written]);
        all.extend(self.believes.keys().copied().map(Component::Believes));
        all.extend(self.seen.keys().chain(self.since.keys()).copied().map(Component::Seen));
        all
    }

    /// Whether a component is the same here and there.
    #[must_use]
    pub fn is_same(&self, component: &Component, other: &Client) -> bool {
        match component {
            Component::Asked => (self.number, &self.asked) == (other.number, &other.asked),
            Component::Sticky => self.sticky == other.sticky,
            Component::Written => self.written == other.written,
            Component::Believes(shard) => self.believes.get(shard) == other.believes.get(shard),
            Component::Seen(shard) => {
                (self.seen.get(shard), self.since.get(shard))
                    == (other.seen.get(shard), other.since.get(shard))
            }
            _ => true,
        }
    }

    /// Takes a component over from another one, and leaves all others as they are.
    pub fn take_over(&mut self, component: &Component, from: &Client) {
        match component {
            Component::Asked => {
                self.number = from.number;
                self.asked.clone_from(&from.asked);
            }
            Component::Sticky => self.sticky = from.sticky,
            Component::Written => self.written.clone_from(&from.written),
            Component::Believes(shard) => {
                self.believes.remove(shard);
                self.believes.extend(from.believes.get(shard).map(|node| (*shard, *node)));
            }
            Component::Seen(shard) => {
                self.seen.remove(shard);
                self.seen.extend(from.seen.get(shard).map(|position| (*shard, *position)));
                self.since.remove(shard);
                self.since.extend(from.since.get(shard).map(|position| (*shard, *position)));
            }
            _ => {}
        }
    }
}
