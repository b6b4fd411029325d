//! When nodes were heard of last.

use std::time::{Duration, Instant};

use quorate_protocol::ids::NodeId;

/// For how long a node that was heard of is taken to be there without asking. A node that dies meanwhile may be asked to
/// coordinate a write that then nobody knows the end of; a shorter time costs clients that ask rarely a ping more often.
const LATELY: Duration = Duration::from_secs(1);

/// When each node was heard of last.
#[derive(Debug)]
pub(super) struct Heard(Vec<Option<Instant>>);

impl Heard {
    pub(super) fn of(nodes: usize) -> Self {
        Heard(vec![None; nodes])
    }

    pub(super) fn hear(&mut self, node: NodeId, now: Instant) {
        if let Some(heard) = self.0.get_mut(node.index()) {
            *heard = Some(now);
        }
    }

    /// It was to be heard of, and was not.
    pub(super) fn forget(&mut self, node: NodeId) {
        if let Some(heard) = self.0.get_mut(node.index()) {
            *heard = None;
        }
    }

    pub(super) fn lately(&self, node: NodeId, now: Instant) -> bool {
        let heard = self.0.get(node.index()).copied().flatten();
        heard.is_some_and(|heard| now.saturating_duration_since(heard) < LATELY)
    }

    pub(super) fn since(&self, node: NodeId, then: Instant) -> bool {
        self.0.get(node.index()).copied().flatten().is_some_and(|heard| heard >= then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_taken_to_be_there_for_a_while_after_it_was_heard_of() {
        let (mut heard, start) = (Heard::of(2), Instant::now());
        let [one, other] = [NodeId(0), NodeId(1)];
        heard.hear(one, start);
        assert!(heard.lately(one, start) && heard.since(one, start));
        assert!(!heard.lately(other, start));
        assert!(!heard.lately(one, start + LATELY));
        assert!(!heard.since(one, start + Duration::from_millis(1)));
        heard.forget(one);
        assert!(!heard.lately(one, start));
        // A node that it does not know is nobody.
        heard.hear(NodeId(9), start);
        assert!(!heard.lately(NodeId(9), start));
    }
}
