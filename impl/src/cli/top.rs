//! `quorate top`.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use super::Failure;
use super::key::WithKey;
use super::request::CONFIG_DEFAULT;
use crate::config::ClusterFile;
use crate::leaderless::collect_status;
use crate::top::{Watched, draw};

/// How long nodes are waited for that do not answer.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Watch a cluster: requests and their latency, hints, and how far homes differ.
#[derive(Debug, Args)]
#[command(after_help = "`quorate status` shows the same once. Exit code: 0, 2 on wrong usage.")]
pub struct TopArgs {
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
    #[command(flatten)]
    with_key: WithKey,
    /// How often to look
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    interval: Duration,
}

/// Runs the command.
///
/// # Errors
/// When there is no terminal, or nobody can be asked.
pub fn run(args: &TopArgs) -> Result<(), Failure> {
    let cluster = args.with_key.of(ClusterFile::read(&args.config)?.without_leader("`top`")?);
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let text = "quorate top draws on a terminal; `quorate status` prints, and --json of it is for programs";
        return Err(Failure::Usage(text.to_string()));
    }
    let mut watched = Watched::new(cluster.clone());
    let failed = |error: io::Error| Failure::Unexpected(format!("the terminal failed: {error}"));
    let mut terminal = ratatui::try_init().map_err(failed)?;
    let mut watch = || -> Result<(), Failure> {
        loop {
            let began = Instant::now();
            let statuses = collect_status(&cluster, TIMEOUT)?;
            watched.look(Instant::now(), statuses);
            terminal.draw(|frame| draw(watched.view(), frame)).map_err(failed)?;
            while let Some(rest) = args.interval.checked_sub(began.elapsed()) {
                if !event::poll(rest).map_err(failed)? {
                    break;
                }
                match event::read().map_err(failed)? {
                    Event::Key(key) if key.kind == KeyEventKind::Press && quits(key) => {
                        return Ok(());
                    }
                    Event::Resize(..) => {
                        terminal.draw(|frame| draw(watched.view(), frame)).map_err(failed)?;
                    }
                    _ => {}
                }
            }
        }
    };
    let watched = watch();
    ratatui::restore();
    watched
}

fn quits(key: event::KeyEvent) -> bool {
    let is_interrupt =
        key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    is_interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)
}
