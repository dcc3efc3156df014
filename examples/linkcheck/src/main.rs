//! The `linkcheck` command.

use std::process::ExitCode;

use clap::Parser as _;
use linkcheck::options::Options;

fn main() -> ExitCode {
    linkcheck::run(Options::parse())
}
