//! `wasmpod`: arguments to the cli, an exit code back.

use std::process::ExitCode;

use wasmpod::{cli, pod};

fn main() -> ExitCode {
    // The hidden verb of the compiler process, before anything that it has no use for.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|verb| verb == "__compile")
    {
        return pod::compile_main();
    }
    cli::main(std::env::args_os())
}
