//! Scenarios that can be made up, made simpler, and written down.

use std::fmt::Write;

use quorate_checker::world::Faults;
use quorate_checker::world::campaign::{With, fewer_asked, fewer_faults, simpler_by};
use quorate_ids::Enumerated;

use crate::kinds::Rule;

/// The names of nodes.
const NODES: [&str; 5] = ["A", "B", "C", "D", "E"];

/// The names of clients.
const CLIENTS: [&str; 3] = ["x", "y", "z"];

/// What is written in the place of what, in order: what a read finds names the write.
const VALUES: [&str; 6] = ["red", "blue", "green", "gray", "black", "white"];

/// A scenario as it may be written down. Nothing says that the format takes it. Words are those of the format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// How many nodes there are, at most five.
    pub nodes: usize,
    /// Whose acknowledgements a write waits for.
    pub replication: &'static str,
    /// How a leader is found.
    pub election: &'static str,
    /// Where clients read.
    pub reads: &'static str,
    /// What the log ships.
    pub log: &'static str,
    /// Whether leaders have epochs.
    pub epochs: bool,
    /// Whether clients may take their own writes for old.
    pub window_passes: bool,
    /// How often a client asks for one request.
    pub attempts: u8,
    /// Whether a client that hears that nobody leads waits.
    pub waits_for_leader: bool,
    /// After how many committed entries logs are compacted.
    pub snapshot_after: Option<u32>,
    /// Of how many clients the log remembers the last write, if not of all. Not without epochs.
    pub sessions: Option<u32>,
    /// How many requests wait at a leader at most.
    pub pending_max: Option<usize>,
    /// How many entries a message has at most.
    pub entries_max: Option<u32>,
    /// How many rows a page has at most.
    pub page_rows: Option<usize>,
    /// Whether nodes that crash never come back.
    pub crashed_stay_down: bool,
    /// Whose timers may be wrong, if not those of all.
    pub impatient: Vec<Somebody>,
    /// Whether clocks differ: the first node's is ahead most.
    pub clocks_differ: bool,
    /// How the protocol is wrong.
    pub deviation: Option<&'static str>,
    /// Who leads at first, if not the first node.
    pub leader: Option<usize>,
    /// Who leads the second log at first, if there are two.
    pub second_log: Option<usize>,
    /// Who asks, at most three.
    pub clients: Vec<DraftClient>,
    /// Budgets of faults.
    pub faults: Faults,
    /// How many of the first nodes are in a group of their own, where the network is or may be split.
    pub split: Option<usize>,
    /// Whether the last node is in a third group then.
    pub splits_in_three: bool,
    /// Whether the network may become whole again.
    pub heals: bool,
    /// Nodes that are down at the beginning.
    pub down: Vec<usize>,
    /// Whether they may start.
    pub down_returns: bool,
    /// Nodes that faults strike, if not all.
    pub faulty: Vec<usize>,
    /// The one reduction that is off, if one is.
    pub without: Option<Rule>,
    /// The properties that are judged, by name.
    pub asked: Vec<&'static str>,
}

/// A node or a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Somebody {
    /// The node of this number.
    Node(usize),
    /// The client of this number.
    Client(usize),
}

/// One client of a draft.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DraftClient {
    /// What it does.
    pub operations: Vec<DraftOperation>,
    /// Whom it asks first, if not who leads at first.
    pub asks: Option<usize>,
    /// Whether it begins once the first client is done.
    pub is_after_first: bool,
}

/// One operation of a draft.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DraftOperation {
    /// Whether it is about another key than most.
    pub other_key: bool,
    /// What it does.
    pub verb: Verb,
}

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// Reads.
    Read,
    /// Writes a value that nobody else writes.
    Set,
    /// Writes what this word comes to: `+= 2`, `= next-id()`, `= now()`, `= random()`.
    Execute(&'static str),
}

impl Draft {
    /// A cluster of so many nodes, whose clients do nothing, of which nothing is asked.
    #[must_use]
    pub fn plain(nodes: usize) -> Draft {
        Draft {
            nodes,
            replication: "async",
            election: "raft",
            reads: "leader",
            log: "row",
            epochs: true,
            window_passes: false,
            attempts: 1,
            waits_for_leader: false,
            snapshot_after: None,
            sessions: None,
            pending_max: None,
            entries_max: None,
            page_rows: None,
            crashed_stay_down: false,
            impatient: Vec::new(),
            clocks_differ: false,
            deviation: None,
            leader: None,
            second_log: None,
            clients: Vec::new(),
            faults: Faults::default(),
            split: None,
            splits_in_three: false,
            heals: false,
            down: Vec::new(),
            down_returns: false,
            faulty: Vec::new(),
            without: None,
            asked: Vec::new(),
        }
    }

    /// The text of the scenario file.
    #[must_use]
    pub fn toml(&self) -> String {
        let mut text = String::from("title = \"Made up\"\n");
        // Writing to a string does not fail.
        let _ = self.write_top(&mut text).and_then(|()| self.write_protocol(&mut text));
        for (at, client) in self.clients.iter().enumerate() {
            let _ = self.write_client(&mut text, at, client);
        }
        let _ = self.write_rest(&mut text);
        text
    }

    fn write_top(&self, text: &mut String) -> std::fmt::Result {
        let nodes = &NODES[..self.nodes];
        writeln!(text, "nodes = {nodes:?}")?;
        if let Some(at) = self.split {
            let (one, others) = nodes.split_at(at);
            match others.split_last() {
                Some((last, rest)) if self.splits_in_three && !rest.is_empty() => {
                    writeln!(text, "partition = {:?}", [one, rest, &[*last]])?;
                }
                _ => writeln!(text, "partition = {:?}", [one, others])?,
            }
        }
        flag(text, "heals", self.heals)?;
        if !self.down.is_empty() {
            writeln!(text, "down = {:?}", names(&self.down))?;
        }
        flag(text, "down-returns", self.down_returns)?;
        if !self.faulty.is_empty() {
            writeln!(text, "faulty = {:?}", names(&self.faulty))?;
        }
        Ok(())
    }

    fn write_protocol(&self, text: &mut String) -> std::fmt::Result {
        text.push_str("\n[protocol]\nname = \"leader\"\n");
        for (key, word) in [
            ("replication", self.replication),
            ("election", self.election),
            ("reads", self.reads),
            ("log", self.log),
        ] {
            writeln!(text, "{key} = {word:?}")?;
        }
        if !self.epochs {
            text.push_str("epochs = false\n");
        }
        flag(text, "window-passes", self.window_passes)?;
        if self.attempts > 1 {
            writeln!(text, "attempts = {}", self.attempts)?;
        }
        flag(text, "waits-for-leader", self.waits_for_leader)?;
        if let Some(entries) = self.snapshot_after {
            writeln!(text, "snapshot-after = {entries}")?;
        }
        if let Some(sessions) = self.sessions {
            writeln!(text, "sessions = {sessions}")?;
        }
        if let Some(requests) = self.pending_max {
            writeln!(text, "pending-max = {requests}")?;
        }
        if let Some(entries) = self.entries_max {
            writeln!(text, "entries-max = {entries}")?;
        }
        if let Some(rows) = self.page_rows {
            writeln!(text, "page-rows = {rows}")?;
        }
        flag(text, "crashed-stay-down", self.crashed_stay_down)?;
        if !self.impatient.is_empty() {
            let name = |somebody: &Somebody| match somebody {
                Somebody::Node(node) => NODES[*node],
                Somebody::Client(client) => CLIENTS[*client],
            };
            let named: Vec<_> = self.impatient.iter().map(name).collect();
            writeln!(text, "impatient = {named:?}")?;
        }
        if self.clocks_differ {
            let ahead: Vec<usize> = (1..=self.nodes).rev().collect();
            writeln!(text, "clocks-ahead = {ahead:?}")?;
        }
        if let Some(deviation) = self.deviation {
            writeln!(text, "deviations = [{deviation:?}]")?;
        }
        if let Some(rule) = self.without {
            writeln!(text, "without = [{:?}]", rule.name())?;
        }
        match (self.leader, self.second_log) {
            (leader, Some(second)) => {
                let leaders = [NODES[leader.unwrap_or_default()], NODES[second]];
                writeln!(
                    text,
                    "shards = [{{ leader = {:?} }}, {{ leader = {:?}, from = \"p\" }}]",
                    leaders[0], leaders[1]
                )?;
            }
            (Some(leader), None) => writeln!(text, "leader = {:?}", NODES[leader])?,
            (None, None) => {}
        }
        Ok(())
    }

    fn write_client(&self, text: &mut String, at: usize, client: &DraftClient) -> std::fmt::Result {
        let is_set = |operation: &&DraftOperation| operation.verb == Verb::Set;
        let earlier = self.clients[..at].iter().flat_map(|client| &client.operations);
        let mut values = VALUES.iter().skip(earlier.filter(is_set).count());
        let written = |DraftOperation { other_key, verb }: &DraftOperation| {
            let key = if *other_key { "z" } else { "k" };
            match verb {
                Verb::Read => format!("read {key}"),
                Verb::Set => format!("{key} = {}", values.next().unwrap_or(&"black")),
                Verb::Execute(what) => format!("{key} {what}"),
            }
        };
        let operations: Vec<String> = client.operations.iter().map(written).collect();
        write!(
            text,
            "\n[[protocol.clients]]\nname = {:?}\noperations = {operations:?}\n",
            CLIENTS[at]
        )?;
        if let Some(node) = client.asks {
            writeln!(text, "asks = {:?}", NODES[node])?;
        }
        if client.is_after_first {
            writeln!(text, "after = {:?}", CLIENTS[0])?;
        }
        Ok(())
    }

    fn write_rest(&self, text: &mut String) -> std::fmt::Result {
        if self.faults != Faults::default() {
            text.push_str("\n[faults]\n");
        }
        for (name, budget) in self.faults.by_name() {
            if budget > 0 {
                writeln!(text, "{name} = {budget}")?;
            }
        }
        text.push_str("\n[expect]\n");
        for property in &self.asked {
            let expected = if OF_REACHING.contains(property) { "not reached" } else { "holds" };
            writeln!(text, "{property} = {expected:?}")?;
        }
        Ok(())
    }

    /// Everything that is this scenario with one thing less, what makes it smallest first.
    #[must_use]
    pub fn simpler(&self) -> Vec<Draft> {
        simpler_by(self, |with| {
            for client in 0..self.clients.len() {
                if self.clients.len() > 1 {
                    with(&|draft| draft.remove_client(client));
                }
                for operation in 0..self.clients[client].operations.len() {
                    if self.clients[client].operations.len() > 1 {
                        with(&|draft| {
                            draft.clients[client].operations.remove(operation);
                        });
                    }
                }
            }
            with(&Draft::remove_last_node);
            fewer_asked(&self.asked, |draft: &mut Draft| &mut draft.asked, with);
            self.simpler_faults(with);
            self.simpler_protocol(with);
            for client in 0..self.clients.len() {
                self.simpler_client(client, with);
            }
        })
    }

    fn simpler_faults(&self, with: &mut With<'_, Draft>) {
        fewer_faults(|draft| &mut draft.faults, with);
        with(&|draft| {
            (draft.split, draft.splits_in_three, draft.heals) = (None, false, false);
            draft.faults.partitions = 0;
            draft.asked.retain(|asked| *asked != "both-sides-acknowledge");
            if draft.asked.is_empty() {
                draft.asked.push("convergence");
            }
        });
        with(&|draft| draft.splits_in_three = false);
        with(&|draft| draft.heals = false);
        with(&|draft| (draft.down, draft.down_returns) = (Vec::new(), false));
        with(&|draft| draft.down_returns = false);
        with(&|draft| draft.down.truncate(1));
        with(&|draft| draft.faulty.clear());
        with(&|draft| draft.faulty.truncate(1));
    }

    fn simpler_protocol(&self, with: &mut With<'_, Draft>) {
        let plain = Draft::plain(self.nodes);
        with(&|draft| draft.without = None);
        with(&|draft| draft.deviation = None);
        with(&|draft| draft.epochs = true);
        with(&|draft| draft.window_passes = false);
        with(&|draft| draft.attempts = 1);
        with(&|draft| draft.attempts = draft.attempts.min(2));
        with(&|draft| draft.waits_for_leader = false);
        with(&|draft| draft.snapshot_after = None);
        with(&|draft| draft.snapshot_after = draft.snapshot_after.map(|_| 1));
        with(&|draft| draft.sessions = None);
        with(&|draft| draft.sessions = draft.sessions.map(|_| 1));
        with(&|draft| draft.pending_max = None);
        with(&|draft| draft.entries_max = None);
        with(&|draft| draft.page_rows = None);
        with(&|draft| draft.crashed_stay_down = false);
        with(&|draft| draft.clocks_differ = false);
        with(&|draft| draft.impatient.clear());
        with(&|draft| draft.impatient.truncate(1));
        with(&|draft| draft.second_log = None);
        with(&|draft| draft.leader = None);
        with(&|draft| draft.log = plain.log);
        with(&|draft| draft.reads = plain.reads);
        with(&|draft| draft.replication = plain.replication);
        with(&|draft| draft.election = plain.election);
    }

    fn simpler_client(&self, client: usize, with: &mut With<'_, Draft>) {
        with(&|draft| draft.clients[client].asks = None);
        with(&|draft| draft.clients[client].is_after_first = false);
        for at in 0..self.clients[client].operations.len() {
            with(&|draft| draft.clients[client].operations[at].other_key = false);
            if let Verb::Execute(_) = self.clients[client].operations[at].verb {
                with(&|draft| draft.clients[client].operations[at].verb = Verb::Set);
            }
        }
    }

    fn remove_client(&mut self, client: usize) {
        self.clients.remove(client);
        self.impatient.retain(|somebody| *somebody != Somebody::Client(client));
        for somebody in &mut self.impatient {
            if let Somebody::Client(other) = somebody
                && *other > client
            {
                *other -= 1;
            }
        }
        if client == 0 {
            self.clients.iter_mut().for_each(|other| other.is_after_first = false);
        }
    }

    /// Takes the last node out, which nothing may need.
    fn remove_last_node(&mut self) {
        if self.nodes <= 2 {
            return;
        }
        self.nodes -= 1;
        let nodes = self.nodes;
        let is_left = |node: &usize| *node < nodes;
        self.split = self.split.map(|split| split.min(nodes - 1));
        self.splits_in_three &= nodes > 2;
        self.down.retain(is_left);
        self.down_returns &= !self.down.is_empty();
        self.faulty.retain(is_left);
        self.impatient.retain(|somebody| match somebody {
            Somebody::Node(node) => is_left(node),
            Somebody::Client(_) => true,
        });
        let last = |node: &mut usize| *node = (*node).min(nodes - 1);
        self.leader.iter_mut().chain(&mut self.second_log).for_each(last);
        self.clients.iter_mut().filter_map(|client| client.asks.as_mut()).for_each(last);
    }
}

/// Properties of what is to be reached.
const OF_REACHING: [&str; 2] = ["write-acknowledged", "both-sides-acknowledge"];

fn flag(text: &mut String, name: &str, on: bool) -> std::fmt::Result {
    if on { writeln!(text, "{name} = true") } else { Ok(()) }
}

fn names(nodes: &[usize]) -> Vec<&'static str> {
    nodes.iter().map(|node| NODES[*node]).collect()
}
