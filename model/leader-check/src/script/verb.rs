//! What a step means: every name in it is of something that there is.

use quorate_checker::world::Selector;
use quorate_ids::{ClientId, Enumerated, NodeId, NodeSet, Peer};
use quorate_leader::config::ElectionKind;
use quorate_leader::names::Key;
use quorate_leader::shards::ShardId;

use super::raw::{RawAnswer, RawDeliver, RawFire, RawMessage, RawStep, RawTimer};
use crate::kinds::MessageKind;
use crate::leader_based::LeaderBased;
use crate::setting::LeaderFile;

/// What a step does, or looks at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verb {
    /// A client starts the next operation of its program.
    Ask {
        /// Which client.
        client: ClientId,
        /// The operation, as it is written.
        written: String,
        /// Which node; the first that it may ask if `None`.
        via: Option<NodeId>,
        /// How it is to stand at the end of the step; `None` when that is not judged.
        expect: Option<Answer>,
    },
    /// How a client's last operation is to stand.
    ExpectAnswer {
        /// Whose.
        client: ClientId,
        /// How.
        answer: Answer,
    },
    /// Everything that is under way arrives, and all that follows from it, as far as nodes are up.
    DeliverAll,
    /// One message arrives.
    Deliver(Selector<LeaderBased>),
    /// One message is lost.
    Drop(Selector<LeaderBased>),
    /// One message will arrive once more.
    Duplicate(Selector<LeaderBased>),
    /// Everything is lost that a node sent and that has not arrived.
    LoseFrom(NodeId),
    /// A timer of a node expires.
    Fire {
        /// Whose.
        node: NodeId,
        /// Which.
        timer: RawTimer,
        /// For which follower.
        to: Option<NodeId>,
        /// About which log.
        shard: ShardId,
    },
    /// A client has waited long enough.
    Timeout(ClientId),
    /// A node stops.
    Crash(NodeId),
    /// A node that stopped starts again.
    Recover(NodeId),
    /// The disk of a node that is down is lost.
    Wipe(NodeId),
    /// A node is cut off from all others; what else is split stays so.
    Isolate(NodeId),
    /// The network splits into these groups.
    Partition(Vec<NodeSet>),
    /// The network is whole again.
    Heal,
    /// The cluster is left to itself until nothing changes any more.
    Settle,
    /// Who takes itself for the leader of some log.
    ExpectLeaders(NodeSet),
    /// What nodes are to hold.
    ExpectHeld(Vec<Held>),
}

/// How an operation stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It has no answer yet.
    Pending,
    /// It is done, whatever it found.
    Ok,
    /// It is a read, and found this, or nothing.
    Found(Option<String>),
    /// Its client has given up.
    Unknown,
}

/// What a node is to hold of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// Which node.
    pub node: NodeId,
    /// Which key.
    pub key: Key,
    /// What; `None` for nothing.
    pub value: Option<String>,
}

/// What this step of a file means.
pub(super) fn of(file: &LeaderFile, step: &RawStep) -> Result<Verb, String> {
    check_shape(step)?;
    let names = Names { file };
    if let (Some(written), Some(client)) = (&step.ask, &step.client) {
        return Ok(Verb::Ask {
            client: names.client("step.client", client)?,
            written: crate::describe::task(&written.0),
            via: step.via.as_ref().map(|via| names.node("step.via", via)).transpose()?,
            expect: answer(step.expect, step.finds.as_deref())?,
        });
    }
    if let Some(expected) = &step.expect_answer {
        let client = names.client("step.expect-answer.client", &expected.client)?;
        let answer = answer(expected.expect, expected.finds.as_deref())?;
        let answer = answer.ok_or("step.expect-answer: say what, in `expect` or `finds`")?;
        return Ok(Verb::ExpectAnswer { client, answer });
    }
    match &step.deliver {
        Some(RawDeliver::All(_)) => return Ok(Verb::DeliverAll),
        Some(RawDeliver::One(message)) => {
            return names.selector("step.deliver", message).map(Verb::Deliver);
        }
        None => {}
    }
    if let Some(message) = &step.drop {
        return names.selector("step.drop", message).map(Verb::Drop);
    }
    if let Some(message) = &step.duplicate {
        return names.selector("step.duplicate", message).map(Verb::Duplicate);
    }
    if let Some(fire) = &step.fire {
        return names.fire(fire);
    }
    if let Some(node) = &step.promote {
        if file.protocol.election != ElectionKind::Manual {
            return Err("step.promote: only where election = \"manual\"".to_owned());
        }
        let node = names.node("step.promote", node)?;
        return Ok(Verb::Fire { node, timer: RawTimer::Election, to: None, shard: ShardId(0) });
    }
    if let Some(client) = &step.timeout {
        return names.client("step.timeout", client).map(Verb::Timeout);
    }
    if let Some(groups) = &step.partition {
        let group = |names_of: &Vec<String>| names.nodes("step.partition", names_of);
        return groups.iter().map(group).collect::<Result<_, _>>().map(Verb::Partition);
    }
    if let Some(leaders) = &step.expect_leaders {
        return names.nodes("step.expect-leaders", leaders).map(Verb::ExpectLeaders);
    }
    if let Some(held) = &step.expect_held {
        let one = |held: &super::raw::RawHeld| {
            Ok(Held {
                node: names.node("step.expect-held.node", &held.node)?,
                key: Key::from(&*held.key),
                value: held.value.clone(),
            })
        };
        return held.iter().map(one).collect::<Result<_, String>>().map(Verb::ExpectHeld);
    }
    type OfOneNode<'a> = (&'static str, &'a Option<String>, fn(NodeId) -> Verb);
    let of_one_node: [OfOneNode<'_>; 5] = [
        ("step.lose-from", &step.lose_from, Verb::LoseFrom),
        ("step.crash", &step.crash, Verb::Crash),
        ("step.recover", &step.recover, Verb::Recover),
        ("step.wipe", &step.wipe, Verb::Wipe),
        ("step.isolate", &step.isolate, Verb::Isolate),
    ];
    for (field, name, verb) in of_one_node {
        if let Some(name) = name {
            return names.node(field, name).map(verb);
        }
    }
    // What is left of the one verb that there is.
    Ok(if step.heal.is_some() { Verb::Heal } else { Verb::Settle })
}

/// Exactly one verb, and beside it only what belongs to it.
fn check_shape(step: &RawStep) -> Result<(), String> {
    let verbs = [
        ("ask", step.ask.is_some()),
        ("expect-answer", step.expect_answer.is_some()),
        ("deliver", step.deliver.is_some()),
        ("drop", step.drop.is_some()),
        ("duplicate", step.duplicate.is_some()),
        ("lose-from", step.lose_from.is_some()),
        ("fire", step.fire.is_some()),
        ("timeout", step.timeout.is_some()),
        ("promote", step.promote.is_some()),
        ("crash", step.crash.is_some()),
        ("recover", step.recover.is_some()),
        ("wipe", step.wipe.is_some()),
        ("isolate", step.isolate.is_some()),
        ("partition", step.partition.is_some()),
        ("heal", step.heal.is_some()),
        ("settle", step.settle.is_some()),
        ("expect-leaders", step.expect_leaders.is_some()),
        ("expect-held", step.expect_held.is_some()),
    ];
    let quoted = |names: &[&str]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let present = verbs.iter().filter(|(_, is_present)| *is_present).map(|(name, _)| *name);
    let present: Vec<&str> = present.collect();
    let [verb] = present[..] else {
        let known: Vec<&str> = verbs.iter().map(|(name, _)| *name).collect();
        let found = if present.is_empty() { "none".to_owned() } else { quoted(&present) };
        return Err(format!("step: a step is exactly one of {}; found {found}", quoted(&known)));
    };
    let companions = [
        ("client", step.client.is_some()),
        ("via", step.via.is_some()),
        ("expect", step.expect.is_some()),
        ("finds", step.finds.is_some()),
    ];
    if let Some((name, _)) = companions.iter().find(|(_, is_present)| *is_present && verb != "ask")
    {
        return Err(format!("step.{name}: belongs to `ask`, and not to `{verb}`"));
    }
    for (name, flag) in [("heal", step.heal), ("settle", step.settle)] {
        if flag == Some(false) {
            return Err(format!("step.{name}: write `{name} = true`, or leave the step out"));
        }
    }
    Ok(())
}

fn answer(expect: Option<RawAnswer>, finds: Option<&str>) -> Result<Option<Answer>, String> {
    if let Some(found) = finds {
        if expect.is_some_and(|expect| expect != RawAnswer::Ok) {
            return Err("step.finds: only a read that is \"ok\" finds anything".to_owned());
        }
        return Ok(Some(Answer::Found((!found.is_empty()).then(|| found.to_owned()))));
    }
    Ok(expect.map(|expect| match expect {
        RawAnswer::Ok => Answer::Ok,
        RawAnswer::Pending => Answer::Pending,
        RawAnswer::Unknown => Answer::Unknown,
    }))
}

/// Whom steps name.
struct Names<'a> {
    file: &'a LeaderFile,
}

impl Names<'_> {
    fn node(&self, field: &str, name: &str) -> Result<NodeId, String> {
        let nodes = &self.file.nodes;
        let position = nodes.iter().position(|known| known == name);
        position.map(|at| NodeId(at as u16)).ok_or_else(|| {
            format!("{field}: no node is called `{name}`: known are {}", nodes.join(", "))
        })
    }

    fn nodes(&self, field: &str, names: &[String]) -> Result<NodeSet, String> {
        names.iter().map(|name| self.node(field, name)).collect()
    }

    fn client(&self, field: &str, name: &str) -> Result<ClientId, String> {
        let clients = &self.file.protocol.clients;
        let position = clients.iter().position(|client| client.name == name);
        position.map(|at| ClientId(at as u64)).ok_or_else(|| {
            let known: Vec<&str> = clients.iter().map(|client| &*client.name).collect();
            format!("{field}: no step is of a client `{name}`: known are {}", known.join(", "))
        })
    }

    fn peer(&self, field: &str, name: &str) -> Result<Peer, String> {
        match self.client(field, name) {
            Ok(client) => Ok(client.into()),
            Err(_) => self.node(field, name).map(Peer::from),
        }
    }

    fn selector(&self, field: &str, raw: &RawMessage) -> Result<Selector<LeaderBased>, String> {
        let kind = MessageKind::ALL.iter().find(|known| known.name() == raw.kind);
        let kind = kind.ok_or_else(|| {
            let known: Vec<&str> = MessageKind::ALL.iter().map(|kind| kind.name()).collect();
            format!("{field}.kind: unknown kind `{}`: known are {}", raw.kind, known.join(", "))
        })?;
        if raw.which == Some(0) {
            return Err(format!("{field}.which: must be at least 1"));
        }
        let peer = |end: &str, name: &Option<String>| {
            name.as_ref().map(|name| self.peer(&format!("{field}.{end}"), name)).transpose()
        };
        let (from, to) = (peer("from", &raw.from)?, peer("to", &raw.to)?);
        Ok(Selector { kind: *kind, from, to, which: raw.which })
    }

    fn fire(&self, raw: &RawFire) -> Result<Verb, String> {
        let to = raw.to.as_ref().map(|to| self.node("step.fire.to", to)).transpose()?;
        match (raw.timer, to) {
            (RawTimer::Heartbeat, None) => {
                return Err("step.fire.to: missing; say for which follower".to_owned());
            }
            (RawTimer::Heartbeat, Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                return Err("step.fire.to: belongs to the timer \"heartbeat\" only".to_owned());
            }
        }
        let logs = self.file.protocol.shards.len().max(1);
        let log = raw.log.unwrap_or(1);
        if log == 0 || usize::from(log) > logs {
            return Err(format!("step.fire.log: must be from 1 to {logs}"));
        }
        let node = self.node("step.fire.node", &raw.node)?;
        Ok(Verb::Fire { node, timer: raw.timer, to, shard: ShardId(log - 1) })
    }
}
