//! The `quorate` command.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use mimalloc::MiMalloc;
use quorate::cli::{self, Failure};

/// States are made by one thread and let go by another, which the allocator of the C library answers with
/// locks.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Leaderless quorum replication whose checked specification is its running code.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    color: colorchoice_clap::Color,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(cli::check::CheckArgs),
    Compare(cli::compare::CompareArgs),
    Explore(cli::explore::ExploreArgs),
    Replay(cli::replay::ReplayArgs),
    Cluster(cli::cluster::ClusterArgs),
    Bench(cli::bench::BenchArgs),
    Node(cli::node::NodeArgs),
    Put(cli::put::PutArgs),
    Get(cli::get::GetArgs),
    Add(cli::add::AddArgs),
    Delete(cli::delete::DeleteArgs),
    Status(cli::status::StatusArgs),
    Top(cli::top::TopArgs),
    TraceKey(cli::trace_key::TraceKeyArgs),
    AcceptLoss(cli::accept_loss::AcceptLossArgs),
    Promote(cli::promote::PromoteArgs),
    Key(cli::key::KeyArgs),
    Config(cli::config::ConfigArgs),
    Validate(cli::validate::ValidateArgs),
    Completions(cli::manual::CompletionsArgs),
    Man(cli::manual::ManArgs),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.color.write_global();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            cli::output::error(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Check(args) => cli::check::run(&args),
        Command::Compare(args) => cli::compare::run(&args),
        Command::Explore(args) => cli::explore::run(&args),
        Command::Replay(args) => cli::replay::run(&args),
        Command::Cluster(args) => cli::cluster::run(&args),
        Command::Bench(args) => cli::bench::run(&args),
        Command::Node(args) => cli::node::run(&args),
        Command::Put(args) => cli::put::run(&args),
        Command::Get(args) => cli::get::run(&args),
        Command::Add(args) => cli::add::run(&args),
        Command::Delete(args) => cli::delete::run(&args),
        Command::Status(args) => cli::status::run(&args),
        Command::Top(args) => cli::top::run(&args),
        Command::TraceKey(args) => cli::trace_key::run(&args),
        Command::AcceptLoss(args) => cli::accept_loss::run(&args),
        Command::Promote(args) => cli::promote::run(&args),
        Command::Key(args) => cli::key::run(&args),
        Command::Config(args) => cli::config::run(&args),
        Command::Validate(args) => cli::validate::run(&args),
        Command::Completions(args) => cli::manual::completions(&args, Arguments::command()),
        Command::Man(args) => cli::manual::man(&args, Arguments::command()),
    }
}
