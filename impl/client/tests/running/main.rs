//! Clients of running clusters, whose nodes are killed under them.

#[path = "../../examples/cart/carts.rs"]
#[allow(dead_code)] // the service shows carts to others, too
mod carts;
mod nodes;
#[path = "../../../tests/support/ports.rs"]
mod ports;
#[path = "../../examples/cart/service.rs"]
mod service;

mod cart;
mod sessions;
