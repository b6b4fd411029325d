//! Traces of real nodes that were altered are refused, and the altered line is named.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use quorate_model::ids::{NodeId, Peer};
use quorate_model::protocol::{Effect, Input, Message, Outcome};
use quorate_model::refine::trace::{ClientInput, TraceLine};
use quorate_model::refine::{Reason, Refused};
use quorate_refinement_tests::{Load, LoadSetting, Recorded, Setting, TracedCluster};

/// Traces of a short run of a real cluster, which are accepted as they are.
fn recorded() -> Recorded {
    static RECORDED: OnceLock<Recorded> = OnceLock::new();
    let record = || {
        let setting = Setting { nodes: 3, ..Setting::default() };
        let mut cluster = TracedCluster::start(env!("CARGO_BIN_EXE_traced-node"), setting);
        Load::start(&cluster, LoadSetting { clients: 4, operations: 10, keys: 2 }).join();
        let recorded = Recorded::read(&cluster.finish());
        recorded.validate().unwrap_or_else(|refused| panic!("{refused}"));
        recorded
    };
    RECORDED.get_or_init(record).clone()
}

/// Alters a line of the recorded traces and gives why they are refused then, at that line.
fn refused_after(change: impl FnMut(&mut TraceLine) -> bool) -> Refused {
    let mut recorded = recorded();
    let place = recorded.alter(change);
    let refused = *recorded.validate().unwrap_err();
    assert_eq!(refused.place.to_string(), place, "{refused}");
    refused
}

#[test]
fn a_changed_effect_of_a_node() {
    let refused = refused_after(|line| match line {
        TraceLine::Step(step) => match step.effects.first_mut() {
            Some(Effect::Send { to, .. }) => {
                *to = Peer::Node(NodeId(7));
                true
            }
            _ => false,
        },
        _ => false,
    });
    assert!(matches!(refused.reason, Reason::Effect { position: 1, .. }), "{refused}");
}

#[test]
fn an_effect_of_a_node_that_was_left_out() {
    let refused = refused_after(|line| match line {
        TraceLine::Step(step) => step.effects.pop().is_some(),
        _ => false,
    });
    assert!(matches!(refused.reason, Reason::Effect { recorded: None, .. }), "{refused}");
}

#[test]
fn a_changed_outcome_of_a_client() {
    let refused = refused_after(|line| match line {
        TraceLine::ClientStep(step) if step.outcome.is_some() => {
            step.outcome = Some(Outcome::NoAnswer);
            true
        }
        _ => false,
    });
    assert!(matches!(refused.reason, Reason::Outcome { .. }), "{refused}");
}

#[test]
fn an_operation_that_a_client_did_not_ask_for() {
    let refused = refused_after(|line| match line {
        TraceLine::ClientStep(step) => match &mut step.input {
            ClientInput::Invoke { coordinator, .. } => {
                *coordinator = NodeId((coordinator.0 + 1) % 3);
                step.effects.len() == 2
            }
            _ => false,
        },
        _ => false,
    });
    assert!(matches!(refused.reason, Reason::Effect { .. }), "{refused}");
}

#[test]
fn a_changed_digest() {
    let mut earlier = None;
    let refused = refused_after(|line| match line {
        TraceLine::Step(step) => match earlier {
            // A node that has only answered reads since is in the state that it was in.
            Some(digest) if digest != step.digest => {
                step.digest = digest;
                true
            }
            _ => {
                earlier.get_or_insert(step.digest);
                false
            }
        },
        _ => false,
    });
    assert!(matches!(refused.reason, Reason::Digest { .. }), "{refused}");
}

#[test]
fn a_removed_line() {
    for file in 0..recorded().files.len() {
        let mut recorded = recorded();
        let (name, lines) = &mut recorded.files[file];
        lines.remove(3);
        let place = format!("{name}:4");
        let refused = recorded.validate().unwrap_err();
        assert_eq!(refused.place.to_string(), place);
        assert!(matches!(refused.reason, Reason::Number { expected: 3 }), "{refused}");
    }
}

#[test]
fn two_lines_in_swapped_order() {
    for file in 0..recorded().files.len() {
        let mut recorded = recorded();
        let (name, lines) = &mut recorded.files[file];
        lines.swap(4, 5);
        let place = format!("{name}:5");
        let refused = recorded.validate().unwrap_err();
        assert_eq!(refused.place.to_string(), place);
        assert!(matches!(refused.reason, Reason::Number { expected: 4 }), "{refused}");
    }
}

#[test]
fn a_message_that_nobody_sent() {
    let refused = refused_after(|line| match line {
        TraceLine::Step(step) => match &mut step.input {
            Input::Receive { message: Message::FetchReply { state, .. }, .. } => {
                state.take().is_some()
            }
            _ => false,
        },
        _ => false,
    });
    assert!(matches!(refused.reason, Reason::NobodySent(_)), "{refused}");
}

#[test]
fn a_duplicated_acknowledgement_that_is_counted_twice() {
    // Where the second acknowledgement from elsewhere completed a quorum of three, the first one
    // comes again: a coordinator that counts messages and not nodes would answer the same.
    let mut first = BTreeMap::new();
    let refused = refused_after(|line| {
        let TraceLine::Step(step) = line else { return false };
        let Input::Receive { from, message: Message::StoreAck { request, .. } } = &mut step.input
        else {
            return false;
        };
        let answers = step.effects.iter().any(|effect| {
            matches!(effect, Effect::Reply { message: Message::PutReply { .. }, .. })
        });
        match first.get(request) {
            Some(acked) if answers => {
                *from = *acked;
                true
            }
            _ => {
                first.insert(*request, *from);
                false
            }
        }
    });
    assert!(matches!(refused.reason, Reason::Effect { expected: None, .. }), "{refused}");
}

#[test]
fn an_emptied_file() {
    for file in 0..recorded().files.len() {
        let mut recorded = recorded();
        let (name, lines) = &mut recorded.files[file];
        lines.clear();
        let place = format!("{name}:1");
        let refused = recorded.validate().unwrap_err();
        assert_eq!(refused.place.to_string(), place);
        assert!(matches!(refused.reason, Reason::Empty), "{refused}");
    }
}

#[test]
fn a_missing_trace_of_a_node() {
    let mut recorded = recorded();
    recorded.files.retain(|(name, _)| !name.starts_with("n2."));
    assert!(matches!(recorded.validate().unwrap_err().reason, Reason::Untraced(_)));
}
