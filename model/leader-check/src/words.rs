//! The protocol in words.

use quorate_checker::world::{NodeState, Words};
use quorate_ids::{ClientId, NodeId};
use quorate_leader::client::Ended;
use quorate_leader::effect::Timer;
use quorate_leader::log::{Content, Entry, RowEffect};
use quorate_leader::message::{Append, Message, Operation, Outcome};
use quorate_leader::replica::Role;
use quorate_leader::shards::ShardId;
use quorate_leader::store::MemoryStore;

use crate::client::ScriptedClient;
use crate::describe::{self, statement};
use crate::facts::Fact;
use crate::kinds::{Alarm, Packet};
use crate::leader_based::LeaderBased;

impl LeaderBased {
    fn several_logs(&self) -> bool {
        self.client_config().shards.0.len() > 1
    }

    fn log(&self, shard: ShardId, text: &str) -> String {
        if self.several_logs() { format!("log {}: {text}", shard.0 + 1) } else { text.to_owned() }
    }

    fn node_or_nobody(&self, node: Option<NodeId>) -> String {
        node.map_or_else(|| "nobody".to_owned(), |node| self.node(node))
    }

    fn entry(&self, entry: &Entry) -> String {
        let epoch = entry.epoch;
        match &entry.content {
            Content::Lead(node) => format!("{epoch}: {} leads", self.node(*node)),
            Content::Write { key, effect: RowEffect::Row(value), .. } => {
                format!("{epoch}: {key} = {value}")
            }
            Content::Write { key, effect: RowEffect::Execute(what), .. } => {
                format!("{epoch}: {key} {}", statement(what))
            }
        }
    }

    fn entries(&self, entries: &[Entry]) -> String {
        let told: Vec<String> = entries.iter().map(|entry| self.entry(entry)).collect();
        format!("[{}]", told.join(", "))
    }

    fn append(&self, name: &str, append: &Append) -> String {
        let Append { epoch, previous, entries, commit, round } = append;
        let round = if *round > 0 { format!(", round {round}") } else { String::new() };
        format!(
            "{name} of epoch {epoch}: {} after {previous}, committed to {}{round}",
            self.entries(entries),
            commit.0
        )
    }

    fn outcome(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Written { value, position } => format!("written: {value} (at {position})"),
            Outcome::Found { value: Some(value), position } => {
                format!("found: {value} (at {position})")
            }
            Outcome::Found { value: None, position } => format!("found nothing (at {position})"),
            Outcome::Redirect { leader } => format!("{} leads", self.node_or_nobody(*leader)),
            Outcome::Behind { leader } => {
                format!("behind; {} leads", self.node_or_nobody(*leader))
            }
            Outcome::NoSession { position } => format!("no session (at {position})"),
            Outcome::Refused(refusal) => format!("refused: {refusal}"),
        }
    }

    fn store(&self, store: &MemoryStore) -> String {
        let rows: Vec<String> =
            store.all_rows().iter().map(|(key, value)| format!("{key} = {value}")).collect();
        let base = store.base_position();
        let base = if base.index.0 > 0 { format!("compacted to {base}, ") } else { String::new() };
        format!(
            "epoch {}, voted for {}; {base}log {}, committed to {}; {{{}}}",
            store.latest_ballot().epoch,
            self.node_or_nobody(store.latest_ballot().vote),
            self.entries(store.entries()),
            store.committed_index().0,
            rows.join(", ")
        )
    }
}

impl Words<LeaderBased> for LeaderBased {
    fn node(&self, node: NodeId) -> String {
        self.scenario().nodes[node.index()].clone()
    }

    fn client(&self, client: ClientId) -> String {
        self.setting().clients[client.0 as usize].name.clone()
    }

    fn message(&self, packet: &Packet) -> String {
        let told = match &packet.message {
            Message::Request { operation, .. } => match operation {
                Operation::Write { key, statement: what, since } => {
                    let since = since.map(|since| format!(", having seen {since}"));
                    format!("{key} {}{}", statement(what), since.unwrap_or_default())
                }
                Operation::Read { key, from } => format!("read {key} from {from:?}"),
            },
            Message::Reply { outcome, .. } => self.outcome(outcome),
            Message::Append(append) => self.append("append", append),
            Message::Coordinator(append) => self.append("coordinator", append),
            Message::Appended { epoch, matched, round } => {
                let round = if *round > 0 { format!(", round {round}") } else { String::new() };
                format!("appended to {} in epoch {epoch}{round}", matched.0)
            }
            Message::Ask { epoch, last } => format!("ask after {} in epoch {epoch}", last.0),
            Message::Snapshot(page) => format!(
                "snapshot at {}, {} rows{}",
                page.position,
                page.rows.len(),
                if page.end.is_some() { ", the last page" } else { "" }
            ),
            Message::More { position, .. } => format!("ask for a page of {position}"),
            Message::RequestVote { epoch, last } => {
                format!("request for a vote in epoch {epoch}, log to {last}")
            }
            Message::Vote { epoch } => format!("vote in epoch {epoch}"),
            Message::Stale { epoch } => format!("it is epoch {epoch}"),
            Message::Election => "election".to_owned(),
            Message::Answer => "answer".to_owned(),
            Message::Recall { .. } => "recall".to_owned(),
            Message::Recalled { epoch, last, .. } => {
                format!("recalled: epoch {epoch}, log to {last}")
            }
        };
        self.log(packet.shard, &told)
    }

    fn timer(&self, alarm: Alarm) -> String {
        let Alarm::Node { shard, timer, is_wrong } = alarm else {
            return match alarm {
                Alarm::Request => "has waited long enough".to_owned(),
                _ => "takes its writes for old".to_owned(),
            };
        };
        let told = match timer {
            Timer::Election if is_wrong => "takes its leader for gone, and is wrong".to_owned(),
            Timer::Election => "takes its leader for gone".to_owned(),
            Timer::Candidacy if is_wrong => "begins its election again, too early".to_owned(),
            Timer::Candidacy => "begins its election again".to_owned(),
            Timer::Heartbeat(node) => format!("heartbeat for {}", self.node(node)),
            Timer::Synchronous if is_wrong => {
                "takes its synchronous follower for gone, and is wrong".to_owned()
            }
            Timer::Synchronous => "takes its synchronous follower for gone".to_owned(),
            Timer::CatchUp => "asks again what others hold".to_owned(),
        };
        self.log(shard, &told)
    }

    fn starts(&self, client: ClientId, state: &ScriptedClient) -> Option<String> {
        Some(describe::task(state.ready(self, client)?))
    }

    fn node_lines(&self, node: &NodeState<LeaderBased>) -> Vec<String> {
        let mut lines = Vec::new();
        for (shard, store) in node.store.iter().enumerate() {
            let role = match node.replica.get(shard).map(|replica| replica.role()) {
                None => "down".to_owned(),
                Some(Role::Follower { leader }) => {
                    format!("follows {}", self.node_or_nobody(*leader))
                }
                Some(Role::Candidate { votes }) => {
                    format!("candidate with the votes of {}", self.node_set(*votes))
                }
                Some(Role::Bullying { is_answered: false }) => "asks the higher nodes".to_owned(),
                Some(Role::Bullying { is_answered: true }) => "was answered".to_owned(),
                Some(Role::Leader(_)) => "leads".to_owned(),
            };
            lines.push(self.log(ShardId(shard as u16), &format!("{role}; {}", self.store(store))));
        }
        lines
    }

    fn client_line(&self, client: ClientId, state: &ScriptedClient) -> String {
        match (state.client.asks(), state.ready(self, client)) {
            (Some((_, node, task)), _) => {
                format!("waits for {}: {}", self.node(node), describe::task(task))
            }
            (None, Some(next)) => format!("next: {}", describe::task(next)),
            (None, None) => "done".to_owned(),
        }
    }

    fn fact(&self, fact: &Fact) -> Option<String> {
        match fact {
            Fact::Ended(Ended { request, task, outcome }) => {
                let outcome = outcome.as_ref().map(|outcome| self.outcome(outcome));
                let outcome = outcome.unwrap_or_else(|| "nobody knows".to_owned());
                Some(format!(
                    "{}: {}: {outcome}",
                    self.client(request.client),
                    describe::task(task)
                ))
            }
            Fact::Led { node, epoch, shard, .. } => {
                Some(self.log(*shard, &format!("{} leads in epoch {epoch}", self.node(*node))))
            }
            _ => None,
        }
    }
}
