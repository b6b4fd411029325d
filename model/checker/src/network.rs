//! Messages under way, and which of them are older than a wait that a node has begun.
//!
//! A node may wait until what was sent before is gone, for one lifetime of a datagram. New messages are sent all the time meanwhile; what is gone at the end of the wait
//! is what was sent *before it began*. So the network remembers, for each node that waits, the
//! messages that were under way when its wait began and still are.
//!
//! Of copies of one message the oldest arrives first, and it is the youngest that is doubled: a
//! receiver cannot tell copies apart, and every wait that this order ends late would end no later
//! in the other one.

use std::ops::Deref;

use crate::shared::Shared;

/// Messages `M` under way, and waits of `W`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Network<M, W> {
    /// A multiset, sorted.
    messages: Vec<Shared<M>>,
    /// For each node with a wait that some message outlasts so far, by node: those messages, a
    /// part of all, sorted.
    older: Vec<(W, Vec<Shared<M>>)>,
}

impl<M, W> Default for Network<M, W> {
    fn default() -> Self {
        Network { messages: Vec::new(), older: Vec::new() }
    }
}

impl<M, W> Deref for Network<M, W> {
    type Target = [Shared<M>];

    fn deref(&self) -> &[Shared<M>] {
        &self.messages
    }
}

impl<'a, M, W> IntoIterator for &'a Network<M, W> {
    type Item = &'a Shared<M>;
    type IntoIter = core::slice::Iter<'a, Shared<M>>;

    fn into_iter(self) -> Self::IntoIter {
        self.messages.iter()
    }
}

impl<M: Eq, W: Copy + Ord> Network<M, W> {
    /// Puts a message under way.
    pub fn send(&mut self, message: Shared<M>) {
        insert(&mut self.messages, message);
    }

    /// Puts a second copy of a message under way, as old as the first; says whether there is a
    /// first.
    pub fn duplicate(&mut self, message: &Shared<M>) -> bool {
        let copies = count(&self.messages, message);
        if copies == 0 {
            return false;
        }
        for (_, older) in &mut self.older {
            if count(older, message) == copies {
                insert(older, message.clone());
            }
        }
        insert(&mut self.messages, message.clone());
        true
    }

    /// Takes one copy of a message out; says whether there was one.
    pub fn take(&mut self, message: &Shared<M>) -> bool {
        let is_taken = remove(&mut self.messages, message);
        if is_taken && !self.older.is_empty() {
            for (_, older) in &mut self.older {
                remove(older, message);
            }
            self.older.retain(|(_, older)| !older.is_empty());
        }
        is_taken
    }

    /// How many copies of a message are under way.
    #[must_use]
    pub fn copies(&self, message: &Shared<M>) -> usize {
        count(&self.messages, message)
    }

    /// Takes out all messages but these.
    pub fn retain(&mut self, mut keeps: impl FnMut(&Shared<M>) -> bool) {
        let before = self.messages.len();
        self.messages.retain(|sent| keeps(sent));
        if self.messages.len() == before || self.older.is_empty() {
            return;
        }
        for (_, older) in &mut self.older {
            let all = core::mem::take(older);
            for sent in all {
                if count(older, &sent) < count(&self.messages, &sent) {
                    older.push(sent);
                }
            }
        }
        self.older.retain(|(_, older)| !older.is_empty());
    }

    /// Puts other messages in the place of all of these.
    pub fn replace(&mut self, mut replaced: impl FnMut(&Shared<M>) -> Option<Shared<M>>) {
        let lists = self.older.iter_mut().map(|(_, older)| older);
        for messages in core::iter::once(&mut self.messages).chain(lists) {
            let mut is_changed = false;
            for sent in messages.iter_mut() {
                if let Some(other) = replaced(sent) {
                    (*sent, is_changed) = (other, true);
                }
            }
            if is_changed {
                messages.sort();
            }
        }
    }

    /// Calls nodes otherwise, one to one: their waits are those of the nodes of the other names.
    pub fn rename_waits(&mut self, renamed: impl Fn(W) -> W) {
        for (node, _) in &mut self.older {
            *node = renamed(*node);
        }
        self.older.sort_by_key(|(node, _)| *node);
    }

    /// Takes these messages out and gives them.
    pub fn extract(&mut self, is_wanted: impl Fn(&M) -> bool) -> Vec<Shared<M>> {
        let wanted = self.messages.iter().filter(|sent| is_wanted(sent)).cloned().collect();
        self.retain(|sent| !is_wanted(sent));
        wanted
    }

    /// A wait of this node begins, or begins anew: all that is under way is older.
    pub fn begin_wait(&mut self, node: W) {
        self.end_wait(node);
        if !self.messages.is_empty() {
            let at = self.older.partition_point(|(known, _)| *known < node);
            self.older.insert(at, (node, self.messages.clone()));
        }
    }

    /// This node waits no longer.
    pub fn end_wait(&mut self, node: W) {
        self.older.retain(|(known, _)| *known != node);
    }

    /// The messages under way that were sent before this node's wait began.
    #[must_use]
    pub fn older_than_wait_of(&self, node: W) -> &[Shared<M>] {
        let older = self.older.iter().find(|(known, _)| *known == node);
        older.map_or(&[], |(_, older)| older)
    }
}

fn position<M: Eq>(messages: &[Shared<M>], message: &Shared<M>) -> Option<usize> {
    let first = messages.partition_point(|known| known < message);
    let in_range = |at: &usize| messages[*at].fingerprint() == message.fingerprint();
    (first..messages.len()).take_while(in_range).find(|at| messages[*at] == *message)
}

fn count<M: Eq>(messages: &[Shared<M>], message: &Shared<M>) -> usize {
    let first = messages.partition_point(|known| known < message);
    let in_range = |sent: &&Shared<M>| sent.fingerprint() == message.fingerprint();
    messages[first..].iter().take_while(in_range).filter(|sent| *sent == message).count()
}

fn insert<M: Eq>(messages: &mut Vec<Shared<M>>, message: Shared<M>) {
    let at = messages.partition_point(|known| *known < message);
    messages.insert(at, message);
}

fn remove<M: Eq>(messages: &mut Vec<Shared<M>>, message: &Shared<M>) -> bool {
    let at = position(messages, message);
    if let Some(at) = at {
        messages.remove(at);
    }
    at.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITING: u8 = 0;

    fn probe(number: u64) -> Shared<u64> {
        Shared::new(number)
    }

    fn waiting_for(numbers: &[u64]) -> Network<u64, u8> {
        let mut network = Network::default();
        for number in numbers {
            network.send(probe(*number));
        }
        network.begin_wait(WAITING);
        network
    }

    #[test]
    fn a_wait_is_for_what_was_under_way_when_it_began() {
        let mut network = waiting_for(&[1]);
        network.send(probe(2));
        assert_eq!(network.older_than_wait_of(WAITING), [probe(1)]);
        assert!(network.take(&probe(1)));
        assert!(network.older_than_wait_of(WAITING).is_empty());
        assert_eq!(*network, [probe(2)]);
    }

    #[test]
    fn a_copy_that_is_sent_during_a_wait_is_not_older_and_arrives_after_the_one_that_is() {
        let mut network = waiting_for(&[1]);
        network.send(probe(1));
        assert_eq!(network.older_than_wait_of(WAITING).len(), 1);
        assert!(network.take(&probe(1)));
        assert!(network.older_than_wait_of(WAITING).is_empty());
        assert_eq!(network.len(), 1);
    }

    #[test]
    fn a_duplicate_is_as_old_as_the_youngest_copy() {
        let mut network = waiting_for(&[1]);
        assert!(network.duplicate(&probe(1)));
        assert_eq!(network.older_than_wait_of(WAITING).len(), 2);
        network.send(probe(1));
        assert!(network.duplicate(&probe(1)));
        assert_eq!((network.len(), network.older_than_wait_of(WAITING).len()), (4, 2));
        assert!(!network.duplicate(&probe(2)));
    }

    #[test]
    fn what_is_taken_out_is_waited_for_no_longer() {
        let mut network = waiting_for(&[1, 1, 2]);
        network.retain(|sent| *sent != probe(1));
        assert_eq!(network.older_than_wait_of(WAITING), [probe(2)]);
        assert_eq!(network.extract(|sent| *sent == *probe(2)), [probe(2)]);
        assert_eq!(network, Network::default());
    }

    #[test]
    fn a_wait_that_begins_anew_is_for_all_that_is_under_way() {
        let mut network = waiting_for(&[1]);
        network.send(probe(2));
        network.begin_wait(WAITING);
        assert_eq!(network.older_than_wait_of(WAITING).len(), 2);
        network.end_wait(WAITING);
        assert!(network.older_than_wait_of(WAITING).is_empty());
    }
}
