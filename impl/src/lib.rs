//! The `quorate` library: sockets, disks and clocks around `quorate-model`.
