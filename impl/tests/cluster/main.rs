//! Clusters of real nodes, and what they do when nodes, disks, networks and whoever talks to them are bad.

#[path = "../../../model/examples/primary_backup/main.rs"]
#[expect(dead_code, reason = "it is run here, and not checked")]
mod example;
#[path = "../hostile/mod.rs"]
mod hostile;
#[path = "../register/mod.rs"]
mod register;
#[path = "../support/mod.rs"]
mod support;

mod another_protocol;
mod availability;
mod bench;
mod crashes;
mod full_disk;
mod guarded;
mod hostile_contents;
mod http;
mod large;
mod lossy;
mod requests;
mod restarts;
mod validate;
