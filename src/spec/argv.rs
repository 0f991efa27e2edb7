//! The command line of a container: what the manifest says against what the image says.

use super::compose::Composed;

/// `command` replaces the image's entrypoint and drops its cmd; `args` alone replace the cmd
/// (<https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/>).
pub fn argv(composed: &Composed, entrypoint: &[String], cmd: &[String]) -> Vec<String> {
    let (first, rest) = match (composed.command.as_slice(), composed.args.as_slice()) {
        ([], []) => (entrypoint, cmd),
        ([], args) => (entrypoint, args),
        (command, args) => (command, args),
    };
    first.iter().chain(rest).cloned().collect()
}
