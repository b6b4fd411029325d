//! `quorate validate`.

use std::path::PathBuf;

use clap::Args;
use quorate_model::refine::{Refused, Report};
use serde::Serialize;

use super::{Failure, output};
use crate::refine::{self, ValidateError};

/// Replay the traces of a running cluster through the model, and judge what must hold.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 when every step is one of the model's and everything promised \
    holds, 1 at the first line for which that is not so, 2 when a file cannot be read or is no \
    trace of this version."
)]
pub struct ValidateArgs {
    /// Traces of the nodes and clients of one cluster: of all its nodes that took part, and of as
    /// many clients as there are
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// What is printed as JSON.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Document<'a> {
    Accepted(&'a Report),
    Refused { file: &'a str, line: usize, message: String },
}

impl Document<'_> {
    fn refused(refused: &Refused) -> Document<'_> {
        let (file, line) = (&*refused.place.file, refused.place.line);
        Document::Refused { file, line, message: refused.to_string() }
    }
}

/// Runs the command.
///
/// # Errors
/// When the traces are not accepted, or are none.
pub fn run(args: &ValidateArgs) -> Result<(), Failure> {
    match refine::validate_files(&args.traces) {
        Ok(report) if args.json => output::json(&Document::Accepted(&report)),
        Ok(report) => output::print(&refine::report(&report)),
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
