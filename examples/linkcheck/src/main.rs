//! The `linkcheck` command.

fn main() {}
