//! A `quorate explore` process that ends with the test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take on a machine that is busy otherwise.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(60);

/// `quorate explore` on a free port.
pub(crate) struct Served {
    pub(crate) child: Child,
    lines: Receiver<String>,
    /// The address it printed.
    pub(crate) url: String,
}

impl Served {
    /// Explores a scenario from this directory, with this `quorate`.
    pub(crate) fn start(quorate: &Path, scenario: &str, directory: &Path) -> Served {
        let mut child = Command::new(quorate)
            .args(["explore", scenario, "--listen", "127.0.0.1:0"])
            .current_dir(directory)
            // What a killed process leaves behind goes with the test.
            .env("TMPDIR", directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("quorate starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (tell, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let mut served = Served { child, lines, url: String::new() };
        served.url = served.wait_for_line("explore it at ");
        served
    }

    /// The rest of the next line that starts so.
    pub(crate) fn wait_for_line(&self, start: &str) -> String {
        let until = Instant::now() + TIME_MAX;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("no line starts with `{start}`"));
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
