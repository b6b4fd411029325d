//! What a sequence diagram shows, row by row, before any of it is drawn.

use quorate_ids::{NodeId, NodeSet, Peer};

use crate::shared::Shared;
use crate::world::World;
use crate::world::action::{Action, Envelope};
use crate::world::protocol::Protocol;
use crate::world::state::State;
use crate::world::words::Words;

/// As many waiting messages are drawn beside each other; more share the last line.
const SLOTS_MAX: usize = 4;

/// What a mark or an arrow is about, which decides its colour.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A message that arrives.
    Message,
    /// What clients ask and are told, and what goes well.
    Good,
    /// What will have a consequence later.
    Notice,
    /// A fault.
    Fault,
}

/// One row of the diagram.
pub(super) struct Row {
    /// The number of the step it begins, from one; `None` for what follows in the same step, and
    /// for what is so from the beginning.
    pub(super) step: Option<usize>,
    pub(super) tone: Tone,
    pub(super) label: String,
    /// The whole text, shown when the pointer rests on the row.
    pub(super) title: String,
    pub(super) shape: Shape,
}

pub(super) enum Shape {
    /// A message arrives, or is lost before it does. Without `sent` it takes no time.
    Arrow { from: Peer, to: Peer, sent: Option<Sent>, is_lost: bool },
    /// Something happens at one place.
    Mark { at: Peer, mark: Mark },
    /// Something happens to the network: the groups that it is split into, or none when it is
    /// whole again.
    Network { groups: Vec<NodeSet> },
}

/// How something that happens at one place is marked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A timer expires, or a message is copied.
    Dot,
    /// A node stops: its lifeline ends here.
    Cross,
    /// A node starts: its lifeline begins again here.
    Ring,
    /// Something happens to a disk or a clock.
    Square,
}

/// Where a message waits.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) row: usize,
    /// Which of the lines along the lifeline it has, while it waits.
    pub(super) slot: usize,
}

/// A message that is under way when the run ends.
pub(super) struct Waiting {
    pub(super) from: Peer,
    pub(super) to: Peer,
    pub(super) sent: Sent,
    pub(super) title: String,
}

/// While a node is down.
pub(super) struct Outage {
    pub(super) node: NodeId,
    /// The row in which it stops; `None` when it is down from the beginning.
    pub(super) from: Option<usize>,
    /// The row in which it starts again; `None` when it never does.
    pub(super) until: Option<usize>,
}

/// A run as it is drawn.
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    pub(super) outages: Vec<Outage>,
    /// What is under way at the end.
    pub(super) waiting: Vec<Waiting>,
}

/// The rows of a run from the initial state. Actions that the model does not allow end it.
pub(super) fn of<P: Protocol>(
    world: &World<P>,
    words: &impl Words<P>,
    actions: &[Action<P>],
) -> Rows {
    let mut builder =
        Builder { world, words, rows: Vec::new(), outages: Vec::new(), under_way: Vec::new() };
    let mut state = world.initial_state();
    builder.begin(&state);
    for (position, action) in actions.iter().enumerate() {
        let mut hops = Vec::new();
        let on_hop = |hop: &Envelope<P>| hops.push(hop.clone());
        let Some(next) = world.apply_telling(&state, action.clone(), on_hop, |_| {}) else { break };
        let first = builder.rows.len();
        let asked = builder.add_action(position + 1, &state, action, &hops);
        for (at, hop) in hops.iter().enumerate() {
            if Some(at) != asked {
                builder.add_hop(hop, &next);
            }
        }
        builder.note_sent(first, &next);
        state = next;
    }
    let waiting = builder.under_way.iter().map(|(envelope, sent)| Waiting {
        from: envelope.from,
        to: envelope.to,
        sent: *sent,
        title: "under way: ".to_string() + &words.envelope(envelope),
    });
    Rows { waiting: waiting.collect(), rows: builder.rows, outages: builder.outages }
}

/// Rows as they are made from a run.
struct Builder<'a, P: Protocol, W> {
    world: &'a World<P>,
    words: &'a W,
    rows: Vec<Row>,
    outages: Vec<Outage>,
    under_way: Vec<(Shared<Envelope<P>>, Sent)>,
}

impl<P: Protocol, W: Words<P>> Builder<'_, P, W> {
    /// What is so before anything happens: nodes that are down, a network that is split.
    fn begin(&mut self, state: &State<P>) {
        let down = state.down.iter();
        self.outages.extend(down.map(|node| Outage { node, from: None, until: None }));
        if !state.groups.is_empty() {
            let action = Action::Partition { groups: state.groups.clone() };
            let title = "from the beginning, ".to_string() + &self.words.tell(state, &action);
            let shape = Shape::Network { groups: state.groups.clone() };
            let label = "network is split".to_string();
            self.rows.push(Row { step: None, tone: Tone::Fault, label, title, shape });
        }
    }

    /// The first row of a step: the action itself. Gives the position of the hop that it shows, if
    /// it shows one.
    fn add_action(
        &mut self,
        step: usize,
        before: &State<P>,
        action: &Action<P>,
        hops: &[Envelope<P>],
    ) -> Option<usize> {
        let row = self.rows.len();
        let mut asked = None;
        let mark = |node: NodeId, mark: Mark| Shape::Mark { at: node.into(), mark };
        let (tone, label, shape) = match action {
            Action::Invoke { client, .. } => {
                let label = self.words.starts_in(before, *client);
                asked = hops.iter().position(|hop| hop.from == Peer::Client(*client));
                let shape = match asked.map(|at| &hops[at]) {
                    Some(Envelope { from, to, .. }) => {
                        Shape::Arrow { from: *from, to: *to, sent: None, is_lost: false }
                    }
                    None => Shape::Mark { at: (*client).into(), mark: Mark::Dot },
                };
                (Tone::Good, label, shape)
            }
            // Its request is under way from here on, drawn like every message that waits.
            Action::InvokeLate { client, .. } => {
                let label = self.words.starts_in(before, *client) + ", given up";
                (Tone::Fault, label, Shape::Mark { at: (*client).into(), mark: Mark::Dot })
            }
            Action::Deliver(envelope) | Action::Drop(envelope) => {
                let sent = self.take_sent(envelope);
                let is_lost = matches!(action, Action::Drop(_));
                let (from, to) = (envelope.from, envelope.to);
                let (tone, label) = self.arrow_label(envelope, is_lost);
                (tone, label, Shape::Arrow { from, to, sent, is_lost })
            }
            Action::Duplicate(envelope) => {
                let label = "copied: ".to_string() + &self.words.label(&envelope.message);
                (Tone::Notice, label, Shape::Mark { at: envelope.from, mark: Mark::Dot })
            }
            // What is sent in its place is drawn as if it had been sent here.
            Action::Lie(envelope) => {
                let label = "a lie, for: ".to_string() + &self.words.label(&envelope.message);
                (Tone::Fault, label, Shape::Mark { at: envelope.from, mark: Mark::Dot })
            }
            Action::Expire { peer, timer } => {
                let (tone, label) = if self.world.protocol().is_background(*timer) {
                    (Tone::Good, self.words.timer(*timer))
                } else {
                    (Tone::Fault, self.words.timeout_label(*timer))
                };
                (tone, label, Shape::Mark { at: *peer, mark: Mark::Dot })
            }
            Action::Crash { node } => {
                self.outages.push(Outage { node: *node, from: Some(row), until: None });
                (Tone::Fault, "crash".into(), mark(*node, Mark::Cross))
            }
            Action::Recover { node } => {
                let mut outages = self.outages.iter_mut().rev();
                if let Some(outage) = outages.find(|outage| outage.node == *node) {
                    outage.until = Some(row);
                }
                (Tone::Good, "starts again".into(), mark(*node, Mark::Ring))
            }
            Action::Command { node, command } => {
                (Tone::Fault, self.words.command_label(command), mark(*node, Mark::Square))
            }
            Action::Wipe { node } => (Tone::Fault, "disk lost".into(), mark(*node, Mark::Square)),
            Action::Snapshot { node } => {
                (Tone::Notice, "disk copied".into(), mark(*node, Mark::Square))
            }
            Action::Restore { node, .. } => {
                (Tone::Fault, "older disk".into(), mark(*node, Mark::Square))
            }
            Action::SetClock { node, .. } => {
                (Tone::Notice, "clock set".into(), mark(*node, Mark::Square))
            }
            Action::Partition { groups } => {
                let shape = Shape::Network { groups: groups.clone() };
                (Tone::Fault, "network splits".into(), shape)
            }
            Action::Heal => {
                (Tone::Good, "network whole again".into(), Shape::Network { groups: Vec::new() })
            }
        };
        let title = self.words.tell(before, action);
        self.rows.push(Row { step: Some(step), tone, label, title, shape });
        asked
    }

    /// A message that reached its receiver within the step, or would have if that were up.
    fn add_hop(&mut self, hop: &Envelope<P>, after: &State<P>) {
        // Most were sent in this step. One that was under way before is there no more.
        let count_now = after.network.iter().filter(|known| ***known == *hop).count();
        let count_before = self.under_way.iter().filter(|(known, _)| **known == *hop).count();
        let sent = if count_before > count_now { self.take_sent(hop) } else { None };
        let is_lost = after.is_down(hop.to);
        let (tone, label) = self.arrow_label(hop, is_lost);
        let told = self.words.envelope(hop);
        let title = if is_lost { "reaches nobody: ".to_string() + &told } else { told };
        let shape = Shape::Arrow { from: hop.from, to: hop.to, sent, is_lost };
        self.rows.push(Row { step: None, tone, label, title, shape });
    }

    /// Where a message was sent that is under way no more.
    fn take_sent(&mut self, envelope: &Envelope<P>) -> Option<Sent> {
        let at = self.under_way.iter().position(|(known, _)| **known == *envelope)?;
        Some(self.under_way.remove(at).1)
    }

    /// Remembers which messages the step that begins in this row has sent.
    fn note_sent(&mut self, first: usize, after: &State<P>) {
        // What left the network without an arrow can have no effect any more.
        self.under_way.retain(|(known, _)| after.network.contains(known));
        for envelope in &after.network {
            let same = |other: &&Shared<Envelope<P>>| *other == envelope;
            let copies = after.network.iter().filter(same).count();
            let known = self.under_way.iter().filter(|(other, _)| other == envelope).count();
            if known < copies {
                // Peers are ordered as their lifelines are: nodes, then clients.
                let is_free = |slot: &usize| {
                    self.under_way.iter().all(|(other, sent)| {
                        sent.slot != *slot
                            || other.from != envelope.from
                            || (other.from < other.to) != (envelope.from < envelope.to)
                    })
                };
                let slot = (0..SLOTS_MAX).find(is_free).unwrap_or(SLOTS_MAX - 1);
                let row = self.row_of_sending(first, envelope.from);
                self.under_way.push((envelope.clone(), Sent { row, slot }));
            }
        }
    }

    /// The row of this step in which something last happened at a sender: there it sent.
    fn row_of_sending(&self, first: usize, sender: Peer) -> usize {
        let happens_there = |row: &Row| match row.shape {
            Shape::Arrow { to, is_lost, .. } => to == sender && !is_lost,
            Shape::Mark { at, .. } => at == sender,
            Shape::Network { .. } => false,
        };
        let last = self.rows[first..].iter().rposition(happens_there);
        first + last.unwrap_or_default()
    }

    fn arrow_label(&self, envelope: &Envelope<P>, is_lost: bool) -> (Tone, String) {
        let text = self.words.label(&envelope.message);
        match is_lost {
            true => (Tone::Fault, "lost: ".to_string() + &text),
            false if self.words.is_answer(envelope) => (Tone::Good, text),
            false => (Tone::Message, text),
        }
    }
}
