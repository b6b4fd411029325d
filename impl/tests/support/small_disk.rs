//! A disk of a few mebibytes, in memory, which can be made larger or read-only.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Mounted over a directory until it is dropped.
pub struct SmallDisk {
    directory: PathBuf,
}

impl SmallDisk {
    /// Mounts one of this size over a directory, which is made; `None`, with a word on standard error, where
    /// that is not permitted.
    pub fn mount(directory: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(directory).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o"]).arg(format!("size={size}")).arg("tmpfs").arg(directory);
        if !succeeds(&mut command) {
            eprintln!("skipped: mounting a small disk is not permitted here; it takes root");
            return None;
        }
        Some(SmallDisk { directory: directory.into() })
    }

    /// Changes how it is mounted.
    pub fn remount(&self, option: &str) {
        let option = format!("remount,{option}");
        assert!(succeeds(Command::new("mount").args(["-o", &option]).arg(&self.directory)));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process of the test may still be on it.
        let _ = succeeds(Command::new("umount").arg("-l").arg(&self.directory));
    }
}

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
