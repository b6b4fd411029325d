//! `quorate validate`.

use std::path::PathBuf;

use clap::Args;
use quorate_checker::refine::{Refused, Report, Traced, Validated};
use quorate_leader_model::refine::LeaderTraces;
use quorate_model::refine::LeaderlessTraces;
use serde::Serialize;

use super::{Failure, output};
use crate::refine::{self, ValidateError};

/// Replay the traces of a running cluster through the model's code, and judge what must hold.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 when every step is what the protocol gives and everything promised \
    holds, 1 at the first line for which that is not so, or when nothing was judged, 2 when a file \
    cannot be read or is no trace of this version."
)]
pub struct ValidateArgs {
    /// Traces of the nodes and clients of one cluster: of all its nodes that took part, and of as
    /// many clients as there are
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,
    /// Accept traces of which no promised property was put to the test
    #[arg(long)]
    allow_vacuous: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// What is said where nothing was judged.
const VACUOUS: &str = "nothing was judged: no promised property was ever put to the test. Clients \
    are judged by their own traces: run `quorate put`, `get` and `delete` with `--trace FILE` and \
    validate that file too, or accept this with --allow-vacuous";

/// What is printed as JSON.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Document<'a> {
    Accepted(Accepted<'a>),
    Refused { file: &'a str, line: usize, message: String },
}

#[derive(Serialize)]
struct Accepted<'a> {
    /// Whether nothing was judged.
    vacuous: bool,
    #[serde(flatten)]
    report: &'a Report,
}

impl Document<'_> {
    fn refused<P: Traced>(refused: &Refused<P>) -> Document<'_> {
        let (file, line) = (&*refused.place.file, refused.place.line);
        Document::Refused { file, line, message: refused.to_string() }
    }
}

/// Runs the command.
///
/// # Errors
/// When the traces are not accepted, or are none.
pub fn run(args: &ValidateArgs) -> Result<(), Failure> {
    if refine::are_with_leader(&args.traces) {
        return run_of::<LeaderTraces>(args);
    }
    run_of::<LeaderlessTraces>(args)
}

/// The same for whatever protocol the traces are of.
fn run_of<V: Validated>(args: &ValidateArgs) -> Result<(), Failure> {
    match refine::validate_files_of::<V>(&args.traces) {
        Ok(report) => {
            let vacuous = report.is_vacuous();
            if args.json {
                output::json(&Document::Accepted(Accepted { vacuous, report: &report }))?;
            } else {
                output::print(refine::report(&report))?;
            }
            if vacuous && !args.allow_vacuous {
                return Err(Failure::Unexpected(VACUOUS.to_owned()));
            }
            Ok(())
        }
        Err(ValidateError::Refused(refused)) => {
            if args.json {
                output::json(&Document::refused(&refused))?;
            }
            Err(Failure::Unexpected(refused.to_string()))
        }
        Err(error @ (ValidateError::Unreadable { .. } | ValidateError::Format(_))) => {
            Err(Failure::Usage(error.to_string()))
        }
    }
}
