//! What whoever has a key can say to a node, at random. `cargo run --example hostile` does so for longer.

use crate::hostile::{Siege, with_leader};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_altered_message_of_somebody_with_a_key_makes_a_node_panic(seed in any::<u64>()) {
        let mut siege = Siege::new(seed);
        for _ in 0..3_000 {
            siege.go_on();
        }
        let done = siege.done;
        prop_assert!(done.decoded > 100 && done.from_clients > 10, "{:?}", done);
    }

    #[test]
    fn no_bytes_of_somebody_with_a_key_make_a_node_panic(
        seed in any::<u64>(),
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..50),
    ) {
        let mut siege = Siege::new(seed);
        messages.iter().for_each(|bytes| siege.tell(bytes));
    }

    #[test]
    fn no_altered_message_of_somebody_with_a_key_makes_a_node_with_a_leader_panic(
        seed in any::<u64>(),
    ) {
        let mut siege = with_leader::Siege::new(seed);
        for _ in 0..3_000 {
            siege.go_on();
        }
        let done = siege.done;
        prop_assert!(done.decoded > 100 && done.from_clients > 10, "{:?}", done);
    }
}
