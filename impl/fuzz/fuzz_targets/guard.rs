//! Any bytes, from a stranger: nothing of them is taken in.
#![no_main]

use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use quorate::guard::{Guard, GuardSettings};
use quorate::keys::{Access, make_key};
use quorate::leaderless::Leaderless;
use quorate::wire::Fingerprint;
use quorate_model::cluster::ClusterSpec;
use quorate_model::ids::NodeId;

static NODE: LazyLock<Mutex<Guard>> = LazyLock::new(|| {
    let spec = spec();
    let path = std::env::temp_dir().join(format!("quorate-fuzz-{}.key", std::process::id()));
    let access = Access::KeyFile(path);
    make_key(&access).unwrap();
    let cluster = Fingerprint::of::<Leaderless>(&spec);
    let settings = GuardSettings { access, cluster, nodes: 3, lifetime: Duration::from_secs(30), configuration: vec![7] };
    Mutex::new(Guard::of_node(&settings, NodeId(0), 0).unwrap())
});

fn spec() -> ClusterSpec {
    ClusterSpec {
        nodes: ["n1", "n2", "n3"].map(String::from).to_vec(),
        n: 3,
        r: 2,
        w: 2,
        versioning: Default::default(),
        read_repair: Default::default(),
        speculative_retry: false,
        placement: Default::default(),
        tokens_per_node: 8,
        sloppy: false,
        background: quorate_model::cluster::Background::OFF,
        client_fan_out: false,
        limits: quorate_model::cluster::BytesMax::default(),
        left: Vec::new(),
        deviations: Vec::new(),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut node = NODE.lock().unwrap();
    // What comes after what every datagram of this version starts with is the interesting part.
    let start = [&quorate::wire::MAGIC[..], &[quorate::wire::WIRE_VERSION]].concat();
    let cluster = Fingerprint::of::<Leaderless>(&spec()).bytes();
    for bytes in [bytes.to_vec(), [&start[..], &cluster, bytes].concat()] {
        assert!(node.open(&bytes, ([127, 0, 0, 1], 1).into(), 1).is_err());
        assert!(!node.admits(&bytes, 1 << 20, 1));
    }
});
