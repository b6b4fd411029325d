//! `quorate completions` and `quorate man`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::{Failure, output};

/// Print the completions of a shell.
///
/// bash: quorate completions bash > ~/.local/share/bash-completion/completions/quorate
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

/// Print the manual page, or write those of all commands to a directory.
///
/// man: quorate man | man -l -
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for every command to this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints completions for this command.
///
/// # Errors
/// When standard output cannot be written to.
pub fn completions(args: &CompletionsArgs, mut command: Command) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "quorate", &mut text);
    output::raw(&text)
}

/// Prints the manual of this command, or writes that of all its commands.
///
/// # Errors
/// When it cannot be written.
pub fn man(args: &ManArgs, command: Command) -> Result<(), Failure> {
    let Some(directory) = &args.dir else {
        let mut text = Vec::new();
        let rendered = clap_mangen::Man::new(command).render(&mut text);
        rendered.map_err(|error| Failure::Unexpected(format!("cannot write the page: {error}")))?;
        return output::raw(&text);
    };
    let unwritable =
        |error| Failure::Usage(format!("--dir: cannot write to {}: {error}", directory.display()));
    fs::create_dir_all(directory).map_err(unwritable)?;
    clap_mangen::generate_to(command, directory).map_err(unwritable)
}
