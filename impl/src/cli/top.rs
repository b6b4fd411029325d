//! `quorate top`.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use super::Failure;
use super::key::WithKey;
use super::request::CONFIG_DEFAULT;
use crate::config::ClusterFile;
use crate::leader_based::statuses;
use crate::leaderless::collect_status;
use crate::top::{Watched, WatchedLeader, draw, draw_leader};

/// How long nodes are waited for that do not answer.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Watch a cluster: requests and their latency, hints, and how far homes differ; with a leader, who leads, what is
/// committed, and how far the others are behind.
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
    let cluster = args.with_key.of(ClusterFile::read(&args.config)?);
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let text = "quorate top draws on a terminal; `quorate status` prints, and --json of it is for programs";
        return Err(Failure::Usage(text.to_string()));
    }
    if cluster.leader.is_some() {
        let look = |watched: &mut WatchedLeader| {
            let all = statuses(&cluster, TIMEOUT)?;
            watched.look(Instant::now(), &all);
            Ok(())
        };
        let watched = WatchedLeader::new(cluster.clone());
        return watch(args.interval, watched, look, |watched, frame| {
            draw_leader(watched.view(), frame);
        });
    }
    let look = |watched: &mut Watched| {
        let all = collect_status(&cluster, TIMEOUT)?;
        watched.look(Instant::now(), all);
        Ok(())
    };
    watch(args.interval, Watched::new(cluster.clone()), look, |watched, frame| {
        draw(watched.view(), frame);
    })
}

/// Looks and draws until somebody has seen enough.
fn watch<W>(
    interval: Duration,
    mut watched: W,
    look: impl Fn(&mut W) -> Result<(), Failure>,
    draw: impl Fn(&W, &mut Frame<'_>),
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::Unexpected(format!("the terminal failed: {error}"));
    let mut terminal = ratatui::try_init().map_err(failed)?;
    let mut watch = || -> Result<(), Failure> {
        loop {
            let began = Instant::now();
            look(&mut watched)?;
            terminal.draw(|frame| draw(&watched, frame)).map_err(failed)?;
            while let Some(rest) = interval.checked_sub(began.elapsed()) {
                if !event::poll(rest).map_err(failed)? {
                    break;
                }
                match event::read().map_err(failed)? {
                    Event::Key(key) if key.kind == KeyEventKind::Press && quits(key) => {
                        return Ok(());
                    }
                    Event::Resize(..) => {
                        terminal.draw(|frame| draw(&watched, frame)).map_err(failed)?;
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
