//! Steps of a script in words.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use itertools::Itertools;
use quorate_checker::world::{Enumerated, Words};

use crate::check::model::ClusterModel;
use crate::check::words::Names;
use crate::ids::{NodeSet, Value};
use crate::protocol::Timer;
use crate::scenario::script::{Answer, Held, HintKept, Reach, Selector, Verb};

/// A step as one line: `x: put k = "v" via A`.
#[must_use]
pub fn step(model: &ClusterModel, verb: &Verb) -> String {
    let names = model.names();
    match verb {
        Verb::Ask { client, operation, via, reach, .. } => {
            let asks = names.operation(*client, *operation).unwrap_or("nothing");
            let (client, via) = (names.client(*client), names.node(*via));
            format!("{client}: {asks} via {via}{}", reaching(names, *reach))
        }
        Verb::Timeout { node, client, reach, .. } => {
            let whose = node.map_or_else(|| names.client(*client), |node| names.node(node));
            let client = names.client(*client);
            format!("{whose} times out for {client}{}", reaching(names, *reach))
        }
        Verb::ExpectAnswer { client, answer: expected } => {
            format!("expect {} to have {}", names.client(*client), answer(expected))
        }
        Verb::Partition(groups) => format!("partition {}", sets(names, groups)),
        Verb::Isolate(node) => format!("isolate {}", names.node(*node)),
        Verb::Heal => "heal".to_string(),
        Verb::Crash(node) => format!("crash {}", names.node(*node)),
        Verb::Recover(node) => format!("recover {}", names.node(*node)),
        Verb::Wipe(node) => format!("wipe {}", names.node(*node)),
        Verb::Snapshot(node) => format!("snapshot {}", names.node(*node)),
        Verb::Restore(node) => format!("restore {}", names.node(*node)),
        Verb::SetClock { node, to } => {
            format!("set the clock of {} to {}", names.node(*node), to.0)
        }
        Verb::AcceptLoss { node, lost } => {
            format!("accept at {} the loss of {}", names.node(*node), names.node_set(*lost))
        }
        Verb::DeliverAll => "deliver all".to_string(),
        Verb::Deliver(message) => format!("deliver {}", selector(names, message)),
        Verb::Drop(message) => format!("drop {}", selector(names, message)),
        Verb::Duplicate(message) => format!("duplicate {}", selector(names, message)),
        Verb::Fire { node, timer } => {
            format!("fire {}: {}", names.node(*node), fired(names, *timer))
        }
        Verb::Settle => "settle".to_string(),
        Verb::ExpectHeld(held) => {
            let one = |held: &Held| {
                let (node, values) = (names.node(held.node), values(&held.values));
                format!("{node} to hold {values} of {}", held.key)
            };
            format!("expect {}", held.iter().map(one).join("; "))
        }
        Verb::ExpectHint(hints) => {
            let one = |hint: &HintKept| {
                let (node, home) = (names.node(hint.node), names.node(hint.home));
                match &hint.values {
                    Some(kept) => {
                        format!("{node} to keep {} of {} for {home}", values(kept), hint.key)
                    }
                    None => format!("{node} to keep no hint of {} for {home}", hint.key),
                }
            };
            format!("expect {}", hints.iter().map(one).join("; "))
        }
        Verb::ExpectAgree { key, agree: true } => format!("expect the homes of {key} to agree"),
        Verb::ExpectAgree { key, agree: false } => format!("expect the homes of {key} to differ"),
    }
}

fn fired(names: &Names, timer: Timer) -> String {
    names.timer(timer)
}

fn sets(names: &Names, groups: &[NodeSet]) -> String {
    groups.iter().map(|group| names.node_set(*group)).join(" | ")
}

fn reaching(names: &Names, reach: Reach) -> String {
    match reach {
        Reach::Everybody => String::new(),
        Reach::Only(nodes) => format!(", reaching only {}", names.node_set(nodes)),
        Reach::Nobody => ", reaching nobody".to_string(),
    }
}

fn selector(names: &Names, selector: &Selector) -> String {
    let mut text = selector.kind.name().to_string();
    for (word, peer) in [("from", selector.from), ("to", selector.to)] {
        if let Some(peer) = peer {
            text.push_str(&format!(" {word} {}", names.peer(peer)));
        }
    }
    if let Some(which) = selector.which {
        text.push_str(&format!(", number {which}"));
    }
    text
}

/// `ok`, `unavailable`, or `ok, finding "u", "v"`
pub(super) fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Pending => "no answer yet".to_string(),
        Answer::Ok => "ok".to_string(),
        Answer::Found(found) => format!("ok, finding {}", values(found)),
        Answer::Unavailable => "unavailable".to_string(),
        Answer::Refused => "a refusal".to_string(),
        Answer::NoAnswer => "given up without an answer".to_string(),
    }
}

/// `"u", "v"`, or `nothing`
pub(super) fn values(values: &BTreeSet<Value>) -> String {
    if values.is_empty() {
        return "nothing".to_string();
    }
    values.iter().map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(", ")
}
