//! Applets that run other applets: within this program, since a guest starts no other.

use std::collections::BTreeMap;

use crate::applet::{Failure, Io};
use crate::applets;

/// Runs what `argv` names, with this environment. `None`: no applet goes by that name.
pub fn run(
    argv: &[String],
    environment: BTreeMap<String, String>,
    io: &mut Io,
) -> Result<Option<u8>, Failure> {
    let Some(applet) = argv.first().and_then(|name| applets::program(name)) else {
        return Ok(None);
    };
    let mut inner = Io::new(applet.name, io.stdin, io.out, io.err);
    inner.exported = Some(environment);
    inner.redirected = io.redirected;
    match applet.main(&argv[1..], &mut inner) {
        141 => Err(Failure::ClosedPipe),
        code => Ok(Some(code)),
    }
}
