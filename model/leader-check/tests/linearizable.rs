//! Whether a history is linearizable is decided as Stateright's tester decides it.

use std::sync::Arc;

use quickcheck::quickcheck;
use quorate_ids::ClientId;
use quorate_leader::client::Task;
use quorate_leader::names::{Key, RequestId, Value};
use quorate_leader::statement::Statement;
use quorate_leader_model::property::linearizable::Calls;
use stateright::semantics::register::{Register, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};

fn text(number: u8) -> Arc<str> {
    Arc::from(number.to_string())
}

/// A history of one row: each event is of one of three clients, which begins a write or a read, or is answered.
/// Reads are answered with any of three values, or nothing.
fn decided_by_both(events: Vec<(u8, bool, u8)>) -> [bool; 2] {
    let mut own = Calls::default();
    let mut other = LinearizabilityTester::new(Register(0_u8));
    let mut under_way: [Option<bool>; 3] = [None; 3];
    let mut numbers = [0_u32; 3];
    for (client, writes, value) in events.into_iter().take(12) {
        let (client, value) = (usize::from(client % 3), value % 4);
        let key = Key::from("k");
        match under_way[client].take() {
            None => {
                numbers[client] += 1;
                let id = ClientId(client as u64);
                let request = RequestId { client: id, number: numbers[client] };
                under_way[client] = Some(writes);
                let (task, op) = if writes {
                    let statement = Statement::Set(text(value));
                    (Task::Write { key, statement }, RegisterOp::Write(value))
                } else {
                    (Task::Read { key }, RegisterOp::Read)
                };
                own.begin(request, task);
                other.on_invoke(client, op).expect("one operation at a time");
                if writes {
                    // Writes of a client name their value when they end.
                    numbers[client] |= u32::from(value) << 16;
                }
            }
            Some(writes) => {
                let id = ClientId(client as u64);
                let number = numbers[client] & 0xffff;
                let request = RequestId { client: id, number };
                if writes {
                    let written = (numbers[client] >> 16) as u8;
                    own.end(request, Some(Value::Text(text(written))));
                    other.on_return(client, RegisterRet::WriteOk).expect("it has begun");
                } else {
                    let found = (value > 0).then(|| Value::Text(text(value)));
                    own.end(request, found);
                    other.on_return(client, RegisterRet::ReadOk(value)).expect("it has begun");
                }
                numbers[client] = number;
            }
        }
    }
    [own.is_linearizable(), other.is_consistent()]
}

quickcheck! {
    fn a_history_is_linearizable_if_stateright_says_so(events: Vec<(u8, bool, u8)>) -> bool {
        // Nothing is what zero is to the other; nobody writes that.
        let events = events.into_iter().map(|(client, writes, value)| {
            (client, writes, if writes { value % 3 + 1 } else { value % 4 })
        });
        let [own, other] = decided_by_both(events.collect());
        own == other
    }
}

#[test]
fn histories_of_both_kinds_are_compared() {
    // One writes; another reads nothing after it has ended.
    let stale = vec![(0, true, 1), (0, true, 1), (1, false, 0), (1, false, 0)];
    assert_eq!(decided_by_both(stale), [false, false]);
    let fresh = vec![(0, true, 1), (0, true, 1), (1, false, 1), (1, false, 1)];
    assert_eq!(decided_by_both(fresh), [true, true]);
    // What is under way may be seen or not.
    let overlapping = vec![(0, true, 1), (1, false, 0), (1, false, 0)];
    assert_eq!(decided_by_both(overlapping), [true, true]);
}
