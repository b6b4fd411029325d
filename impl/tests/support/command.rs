//! The command as a user runs it.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) fn quorate_in(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quorate"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("the binary runs")
}

pub(crate) fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
