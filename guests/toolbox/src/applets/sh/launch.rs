//! Simple commands: what goes by the name in front, run within this program.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use super::builtins;
use super::run::{DEEPEST, Flow, Ran, Shell};
use super::streams::Streams;
use super::tree::{Redirect, Word};
use crate::applet::{Applet, Io, reason};
use crate::applets;

impl Shell {
    fn exported(&self) -> BTreeMap<String, String> {
        let exported = self.variables.iter().filter(|(_, v)| v.exported);
        exported
            .map(|(name, variable)| (name.clone(), variable.value.clone()))
            .collect()
    }

    pub fn simple(
        &mut self,
        assignments: &[(String, Word)],
        words: &[Word],
        redirects: &[Redirect],
        streams: &mut Streams,
    ) -> Ran {
        self.substituted = None;
        let arguments = self.arguments(words, streams)?;
        self.redirected(redirects, streams, |shell, streams| {
            let mut before = Vec::new();
            for (name, word) in assignments {
                let value = shell.text(word, streams)?;
                shell.trace(streams, &[format!("{name}={value}")]);
                before.push((name, shell.variables.get(name).cloned()));
                shell.assign(name, value);
            }
            if arguments.is_empty() {
                shell.status = shell.substituted.take().unwrap_or(0);
                return Ok(());
            }
            for (name, _) in &before {
                shell.variables.entry((*name).clone()).or_default().exported = true;
            }
            shell.trace(streams, &arguments);
            let result = shell.dispatch(&arguments, streams);
            // They were for this command alone.
            for (name, variable) in before.into_iter().rev() {
                match variable {
                    Some(variable) => shell.variables.insert(name.clone(), variable),
                    None => shell.variables.remove(name),
                };
            }
            shell.status = result?;
            Ok(())
        })
    }

    fn trace(&self, streams: &mut Streams, words: &[String]) {
        if self.xtrace {
            let _ = writeln!(streams.err, "+ {}", words.join(" "));
        }
    }

    /// Runs what goes by the name in front.
    pub fn dispatch(&mut self, arguments: &[String], streams: &mut Streams) -> Result<u8, Flow> {
        let Some((name, rest)) = arguments.split_first() else {
            return Ok(0);
        };
        if let Some(builtin) = builtins::find(name) {
            let code = builtin(self, rest, streams)?;
            return match streams.out.flush() {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Flow::Exit(141)),
                _ => Ok(code),
            };
        }
        if name == "toolbox" && !rest.is_empty() {
            return self.dispatch(rest, streams);
        }
        match applets::program(name) {
            Some(applet) => self.applet(applet, rest, streams),
            None if name.contains('/') && Path::new(name).exists() => {
                self.file(name, rest, streams)
            }
            None => {
                self.complain(streams, format_args!("{name}: not found"));
                Ok(127)
            }
        }
    }

    fn applet(
        &mut self,
        applet: &Applet,
        arguments: &[String],
        streams: &mut Streams,
    ) -> Result<u8, Flow> {
        let (mut out, mut err) = (streams.out.clone(), streams.err.clone());
        let mut io = Io::new(applet.name, &mut *streams.stdin, &mut out, &mut err);
        io.exported = Some(self.exported());
        io.redirected = streams.redirected;
        let a_shell = applet.name == super::APPLET.name && arguments != ["--help"];
        let code = match a_shell {
            true if self.depth == DEEPEST => {
                self.complain(streams, format_args!("more than {DEEPEST} shells deep"));
                return Ok(2);
            }
            true => super::start(arguments, &mut io, self.depth + 1),
            false => applet.main(arguments, &mut io),
        };
        // Its reader is ours, and has gone: nothing that follows could be read either.
        match code {
            141 => Err(Flow::Exit(141)),
            code => Ok(code),
        }
    }

    /// A file can be run when it is a script.
    fn file(
        &mut self,
        path: &str,
        arguments: &[String],
        streams: &mut Streams,
    ) -> Result<u8, Flow> {
        let text = match std::fs::read(path) {
            Ok(bytes) if bytes.starts_with(b"\0asm") => {
                let why = "a guest cannot start another program: WASI has no processes";
                self.complain(streams, format_args!("{path}: {why}"));
                return Ok(126);
            }
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => {
                self.complain(streams, format_args!("{path}: {}", reason(&error)));
                return Ok(126);
            }
        };
        Ok(self.apart(streams, |shell, streams| {
            path.clone_into(&mut shell.name);
            shell.arguments = arguments.to_vec();
            shell.variables.retain(|_, variable| variable.exported);
            shell.script(&text, streams)
        }))
    }
}
