//! The `quorate` command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use quorate::cli::{self, Failure};

/// Leaderless quorum replication whose checked specification is its running code.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(cli::check::CheckArgs),
    Replay(cli::replay::ReplayArgs),
    Cluster(cli::cluster::ClusterArgs),
    Node(cli::node::NodeArgs),
    Put(cli::put::PutArgs),
    Get(cli::get::GetArgs),
    Delete(cli::delete::DeleteArgs),
    Status(cli::status::StatusArgs),
    Validate(cli::validate::ValidateArgs),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Check(args) => cli::check::run(&args),
        Command::Replay(args) => cli::replay::run(&args),
        Command::Cluster(args) => cli::cluster::run(&args),
        Command::Node(args) => cli::node::run(&args),
        Command::Put(args) => cli::put::run(&args),
        Command::Get(args) => cli::get::run(&args),
        Command::Delete(args) => cli::delete::run(&args),
        Command::Status(args) => cli::status::run(&args),
        Command::Validate(args) => cli::validate::run(&args),
    }
}
