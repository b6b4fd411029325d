//! Actions and states in words.

use std::fmt::Write;

use itertools::Itertools;
use quorate_ids::{ClientId, NodeId, NodeSet, Peer};

use super::action::{Action, Envelope};
use super::environment::Faults;
use super::protocol::Protocol;
use super::state::{ActorState, NodeState, Seat, State};
use crate::shared::Shared;

/// How people call the parts of a protocol. What is not said is shown as `Debug` shows it, so a protocol may say
/// nothing at all; then actions, states, changes and diagrams are told by the methods at the end.
pub trait Words<P: Protocol> {
    /// The name of a node.
    fn node(&self, node: NodeId) -> String {
        node.to_string()
    }

    /// The name of a client.
    fn client(&self, client: ClientId) -> String {
        client.to_string()
    }

    /// A message without its ends: what it says.
    fn message(&self, message: &P::Message) -> String {
        format!("{message:?}")
    }

    /// What stands above a message's arrow: as short as can be told apart.
    fn label(&self, message: &P::Message) -> String {
        self.message(message)
    }

    /// The request that a message serves, in words.
    fn serves(&self, message: &P::Message) -> Option<String> {
        let _ = message;
        None
    }

    /// Where a message stands in a list that people read, before its sender and its receiver. The network itself
    /// is in the order of fingerprints.
    fn place(&self, message: &P::Message) -> String {
        let _ = message;
        String::new()
    }

    /// Whether a message is the answer to what its client asked.
    fn is_answer(&self, sent: &Envelope<P>) -> bool {
        matches!(sent.to, Peer::Client(_))
    }

    /// What a timer is for.
    fn timer(&self, timer: P::Timer) -> String {
        format!("{timer:?}")
    }

    /// The expiry of a timer that is a fault, as short as can be told apart.
    fn timeout_label(&self, timer: P::Timer) -> String {
        format!("timeout {}", self.timer(timer))
    }

    /// An operator tells a node something.
    fn command(&self, node: NodeId, command: &P::Command) -> String {
        format!("an operator tells {} {command:?}", self.node(node))
    }

    /// The same, as short as can be told apart.
    fn command_label(&self, command: &P::Command) -> String {
        format!("{command:?}")
    }

    /// The operation that a client is to start next.
    fn starts(&self, client: ClientId, state: &P::Client) -> Option<String> {
        let _ = (client, state);
        None
    }

    /// What a node holds and waits for, a line each.
    fn node_lines(&self, node: &NodeState<P>) -> Vec<String> {
        // A protocol that keeps nothing volatile has nothing to tell of it.
        let replica = (size_of::<P::Replica>() > 0).then(|| format!("{:?}", node.replica));
        replica.into_iter().chain([format!("{:?}", node.store)]).collect()
    }

    /// What a node holds and waits for, in one line.
    fn node_line(&self, node: &NodeState<P>) -> String {
        self.node_lines(node).join("; ")
    }

    /// What a client waits for, and what it will do.
    fn client_line(&self, client: ClientId, state: &P::Client) -> String {
        match self.starts(client, state) {
            Some(next) => format!("next: {next}"),
            None => format!("{state:?}"),
        }
    }

    /// What a client waits for, or how far it has come.
    fn client_progress(&self, client: ClientId, state: &P::Client) -> String {
        self.client_line(client, state)
    }

    /// What is worth telling of the history of a state: names, each with its lines.
    fn history(&self, history: &P::History) -> Vec<(String, Vec<String>)> {
        let _ = history;
        Vec::new()
    }

    /// A fact that is worth a line of its own: how an operation ended.
    fn fact(&self, fact: &P::Fact) -> Option<String> {
        let _ = fact;
        None
    }

    // What follows from these.

    /// The name of either.
    fn peer(&self, peer: Peer) -> String {
        match peer {
            Peer::Node(node) => self.node(node),
            Peer::Client(client) => self.client(client),
        }
    }

    /// `{A, B}`
    fn node_set(&self, nodes: NodeSet) -> String {
        format!("{{{}}}", nodes.iter().map(|node| self.node(node)).join(", "))
    }

    /// `{A, B} | {C}`
    fn groups(&self, groups: &[NodeSet]) -> String {
        groups.iter().map(|group| self.node_set(*group)).join(" | ")
    }

    /// `A -> B  Store k: … (x#1)`
    fn envelope(&self, envelope: &Envelope<P>) -> String {
        let mut text = format!(
            "{} -> {}  {}",
            self.peer(envelope.from),
            self.peer(envelope.to),
            self.message(&envelope.message)
        );
        if let Some(served) = self.serves(&envelope.message) {
            let _ = write!(text, " ({served})");
        }
        text
    }

    /// Messages in the order in which people read them.
    fn in_reading_order<'a>(
        &self,
        sent: impl IntoIterator<Item = &'a Shared<Envelope<P>>>,
    ) -> Vec<&'a Shared<Envelope<P>>>
    where
        Self: Sized,
    {
        let mut sent: Vec<_> = sent.into_iter().collect();
        sent.sort_by_cached_key(|one| {
            (self.place(&one.message), one.from, one.to, self.envelope(one))
        });
        sent
    }

    /// One action as one line. A client's start is told with the operation it starts, where that is known.
    fn action(&self, action: &Action<P>, starts: Option<&str>) -> String {
        let starts = starts.unwrap_or("its next operation");
        match action {
            Action::Invoke { client, coordinator } => {
                let (client, node) = (self.client(*client), self.node(*coordinator));
                format!("{client} starts {starts} via {node}")
            }
            Action::InvokeLate { client, coordinator } => {
                let (client, node) = (self.client(*client), self.node(*coordinator));
                format!(
                    "{client} starts {starts} via {node}, and gives up before the request arrives"
                )
            }
            Action::Deliver(envelope) => self.envelope(envelope),
            Action::Drop(envelope) => format!("lost: {}", self.envelope(envelope)),
            Action::Duplicate(envelope) => format!("duplicated: {}", self.envelope(envelope)),
            Action::Lie(envelope) => {
                format!(
                    "{} lies, in the place of: {}",
                    self.peer(envelope.from),
                    self.envelope(envelope)
                )
            }
            Action::Expire { peer, timer } => self.expiry(*peer, *timer),
            Action::Crash { node } => format!("{} crashes", self.node(*node)),
            Action::Recover { node } => format!("{} starts again", self.node(*node)),
            Action::Wipe { node } => format!("{} loses its disk", self.node(*node)),
            Action::Snapshot { node } => {
                format!("somebody copies the disk of {}", self.node(*node))
            }
            Action::Restore { node, copy: 0 } => {
                format!("{} gets a copy of its disk back", self.node(*node))
            }
            Action::Restore { node, copy } => {
                format!("{} gets copy {} of its disk back", self.node(*node), copy + 1)
            }
            Action::Partition { groups } => format!("the network splits: {}", self.groups(groups)),
            Action::Command { node, command } => self.command(*node, command),
            Action::Heal => "the network is whole again".to_owned(),
            Action::SetClock { node, to } => {
                format!("somebody sets the clock of {} to {}", self.node(*node), to.0)
            }
        }
    }

    /// A timer expires.
    fn expiry(&self, peer: Peer, timer: P::Timer) -> String {
        format!("{}: {}", self.peer(peer), self.timer(timer))
    }

    /// An action as one line, told with what the client starts if it is a start.
    fn tell(&self, before: &State<P>, action: &Action<P>) -> String {
        let starts = match action {
            Action::Invoke { client, .. } | Action::InvokeLate { client, .. } => {
                Some(self.starts_in(before, *client))
            }
            _ => None,
        };
        self.action(action, starts.as_deref())
    }

    /// The operation that a client is to start next in a state.
    fn starts_in(&self, state: &State<P>, client: ClientId) -> String {
        let next = state.client(client).and_then(|state| self.starts(client, state));
        next.unwrap_or_else(|| "nothing".to_owned())
    }

    /// What one step changed, a line per actor that changed, and the messages that were sent.
    fn changes(&self, before: &State<P>, after: &State<P>) -> Vec<String>
    where
        Self: Sized,
    {
        let line = |seat: &Seat<P>, peer: Peer| match (&seat.state, peer) {
            (ActorState::Client(state), Peer::Client(client)) => {
                self.client_progress(client, state)
            }
            (ActorState::Node(node), _) => self.node_line(node),
            (ActorState::Client(_), Peer::Node(_)) => panic!("clients come after nodes"),
        };
        let mut lines = Vec::new();
        for ((peer, old), new) in peers(before).zip(&before.seats).zip(&after.seats) {
            let (old, new) = (line(old, peer), line(new, peer));
            if old != new {
                lines.push(format!("{} now {new}", self.peer(peer)));
            }
        }
        let mut rest = before.network.to_vec();
        let mut sent = Vec::new();
        for envelope in &after.network {
            match rest.iter().position(|known| known == envelope) {
                Some(at) => {
                    rest.swap_remove(at);
                }
                None => sent.push(envelope),
            }
        }
        if !sent.is_empty() {
            let sent = self.in_reading_order(sent);
            lines.push(format!("sent: {}", sent.iter().map(|one| self.envelope(one)).join("; ")));
        }
        lines
    }

    /// A state laid out for people: a block per actor, then messages, history and faults. Every state of a
    /// scenario has the same actors, so a state differs from the one before only where something happened.
    fn state(&self, state: &State<P>) -> String
    where
        Self: Sized,
    {
        let mut blocks = Vec::new();
        for (peer, seat) in peers(state).zip(&state.seats) {
            let lines = match (&seat.state, peer) {
                (ActorState::Client(state), Peer::Client(client)) => {
                    vec![self.client_line(client, state)]
                }
                (ActorState::Node(node), _) => self.node_lines(node),
                (ActorState::Client(_), Peer::Node(_)) => panic!("clients come after nodes"),
            };
            blocks.push((self.peer(peer), lines));
        }
        let under_way = self.in_reading_order(&state.network);
        let under_way = under_way.into_iter().map(|one| self.envelope(one)).collect();
        blocks.push(("under way".to_owned(), under_way));
        blocks.extend(self.history(&state.history));
        let some = |is_some: bool, line: String| if is_some { vec![line] } else { Vec::new() };
        blocks.extend([
            ("down".to_owned(), some(!state.down.is_empty(), self.node_set(state.down))),
            ("split".to_owned(), some(!state.groups.is_empty(), self.groups(&state.groups))),
            ("faults left".to_owned(), vec![faults_left(state.faults)]),
        ]);
        let width = blocks.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        let lines = blocks.iter().flat_map(|(name, lines)| {
            lines.iter().enumerate().map(move |(position, line)| {
                let name = if position == 0 { name } else { "" };
                format!("{name:<width$}  {line}")
            })
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Who sits where.
fn peers<P: Protocol>(state: &State<P>) -> impl Iterator<Item = Peer> + use<P> {
    let (nodes, clients) = (state.nodes().count() as u16, state.clients().count() as u64);
    let clients = (0..clients).map(|client| Peer::Client(ClientId(client)));
    (0..nodes).map(|node| Peer::Node(NodeId(node))).chain(clients)
}

fn faults_left(faults: Faults) -> String {
    let budgets = [
        (faults.drops, "drop"),
        (faults.duplicates, "duplicate"),
        (faults.timeouts, "timeout"),
        (faults.crashes, "crash"),
        (faults.wipes, "lost disk"),
        (faults.rollbacks, "older disk"),
        (faults.partitions, "partition"),
        (faults.lies, "lie"),
    ];
    let left = budgets.iter().filter(|(count, _)| *count > 0).map(|(count, fault)| {
        match (*count, *fault) {
            (1, fault) => format!("1 {fault}"),
            (count, "crash") => format!("{count} crashes"),
            (count, fault) => format!("{count} {fault}s"),
        }
    });
    let left = left.collect::<Vec<_>>().join(", ");
    if left.is_empty() { "none".to_owned() } else { left }
}
