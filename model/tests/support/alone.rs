//! Reductions of the state space, each switched on alone.

use quorate_model::scenario::{Reductions, Scenario};

/// This reduction and no other, but for what it rests on.
pub(crate) fn alone(name: &str, scenario: &Scenario) -> Reductions {
    let none = Reductions::NONE;
    match name {
        // A scenario that switches this one off is about what it removes.
        "client-hops" => Reductions { client_hops: scenario.reductions.client_hops, ..none },
        "replies" => Reductions { replies: true, ..none },
        "answers" => Reductions { answers: true, ..none },
        "sync-walks" => Reductions { sync_walks: true, ..none },
        // Messages that exchanges leave behind are forgotten, or they tell states apart.
        "late-exchanges" => Reductions { late_exchanges: true, dead_messages: true, ..none },
        "client-symmetry" => Reductions { client_symmetry: true, ..none },
        "node-symmetry" => Reductions { node_symmetry: true, ..none },
        "dead-messages" => Reductions { dead_messages: true, ..none },
        "finished-requests" => Reductions { finished_requests: true, ..none },
        "stubborn-sets" => Reductions::STUBBORN,
        _ => panic!("no test says what {name} rests on"),
    }
}
