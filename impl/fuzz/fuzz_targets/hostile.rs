//! Any bytes, from somebody who has the key: the body of a message, as nodes and clients send it. The first bytes choose what
//! the cluster has been through.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/hostile/mod.rs"]
mod hostile;

fuzz_target!(|bytes: &[u8]| {
    let Some((seed, body)) = bytes.split_first_chunk() else { return };
    let mut siege = hostile::Siege::new(u64::from_le_bytes(*seed) % 64);
    for _ in 0..50 {
        siege.go_on();
    }
    siege.tell(body);
});
