//! Steps of a script in words.

use quorate_checker::world::{Selector, Words};
use quorate_ids::{Enumerated, NodeId};

use super::raw::RawTimer;
use super::verb::{Answer, Held, Verb};
use crate::leader_based::LeaderBased;

/// A step as one line: `x: k = red via A`.
pub(super) fn step(names: &LeaderBased, verb: &Verb) -> String {
    match verb {
        Verb::Ask { client, written, via, .. } => {
            let via = via.map_or_else(String::new, |via| format!(" via {}", names.node(via)));
            format!("{}: {written}{via}", names.client(*client))
        }
        Verb::ExpectAnswer { client, answer } => {
            format!("expect {} to have {}", names.client(*client), answer_in_words(answer))
        }
        Verb::DeliverAll => "deliver all".to_owned(),
        Verb::Deliver(message) => format!("deliver {}", selector(names, message)),
        Verb::Drop(message) => format!("drop {}", selector(names, message)),
        Verb::Duplicate(message) => format!("duplicate {}", selector(names, message)),
        Verb::LoseFrom(node) => format!("lose everything from {}", names.node(*node)),
        Verb::Fire { node, timer, to, .. } => fired(names, *node, *timer, *to),
        Verb::Timeout(client) => format!("{} has waited long enough", names.client(*client)),
        Verb::Crash(node) => format!("crash {}", names.node(*node)),
        Verb::Recover(node) => format!("recover {}", names.node(*node)),
        Verb::Wipe(node) => format!("wipe {}", names.node(*node)),
        Verb::Isolate(node) => format!("isolate {}", names.node(*node)),
        Verb::Partition(groups) => format!("partition {}", names.groups(groups)),
        Verb::Heal => "heal".to_owned(),
        Verb::Settle => "settle".to_owned(),
        Verb::ExpectLeaders(leaders) if leaders.is_empty() => "expect nobody to lead".to_owned(),
        Verb::ExpectLeaders(leaders) => format!("expect {} to lead", names.node_set(*leaders)),
        Verb::ExpectHeld(held) => {
            let one = |Held { node, key, value }: &Held| {
                let value = value.as_deref().unwrap_or("nothing");
                format!("{} to hold {value} of {key}", names.node(*node))
            };
            format!("expect {}", held.iter().map(one).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The expiry of a timer, in words.
pub(super) fn fired(
    names: &LeaderBased,
    node: NodeId,
    timer: RawTimer,
    to: Option<NodeId>,
) -> String {
    let node = names.node(node);
    match (timer, to) {
        (RawTimer::Election, _) => format!("{node} takes its leader for gone"),
        (RawTimer::Heartbeat, Some(to)) => format!("heartbeat of {node} for {}", names.node(to)),
        (RawTimer::Heartbeat, None) => format!("heartbeat of {node}"),
        (RawTimer::Synchronous, _) => format!("{node} takes its synchronous follower for gone"),
        (RawTimer::CatchUp, _) => format!("{node} asks again what others hold"),
    }
}

/// How an operation stands, in words.
pub(super) fn answer_in_words(answer: &Answer) -> String {
    match answer {
        Answer::Pending => "no answer yet".to_owned(),
        Answer::Ok => "ok".to_owned(),
        Answer::Found(Some(value)) => format!("found {value}"),
        Answer::Found(None) => "found nothing".to_owned(),
        Answer::Unknown => "given up".to_owned(),
    }
}

fn selector(names: &LeaderBased, selector: &Selector<LeaderBased>) -> String {
    let Selector { kind, from, to, which } = selector;
    let mut text = kind.name().to_owned();
    if let Some(from) = from {
        text.push_str(&format!(" from {}", names.peer(*from)));
    }
    if let Some(to) = to {
        text.push_str(&format!(" to {}", names.peer(*to)));
    }
    if let Some(which) = which {
        text.push_str(&format!(" (number {which})"));
    }
    text
}
