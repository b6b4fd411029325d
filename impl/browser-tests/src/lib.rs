//! Tests that look at the pages of `quorate` in a real browser: build it with `cargo build --release`, then
//! `cargo test -p quorate-browser-tests --features chromium`, with Chromium installed.
