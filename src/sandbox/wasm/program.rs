//! A loaded program: what it is, what it needs, ready to be started any number of times.

use std::io;
use std::sync::Arc;

use wasmtime::component::Component;
use wasmtime::{ExternType, InstancePre, Module, UnknownImportError};
use wasmtime_wasi::{p2, p3};

use super::engine::Flavour;
use super::interrupt::Reach;
use super::state::State;
use super::{Digest, Guest, GuestSpec, LoadError};

/// What a wasm binary turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A core module over `wasi_snapshot_preview1` (or the older `wasi_unstable`, or no WASI at all).
    Module,
    /// A component exporting `wasi:cli/run@0.2`.
    P2,
    /// A component exporting `wasi:cli/run@0.3`.
    P3,
}

/// A program of which every import is provided and whose entry is known. Cheap to clone.
#[derive(Clone)]
pub struct Program(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub digest: Digest,
    pub checks: bool,
    pub entry: Entry,
    pub engine: wasmtime::Engine,
    pub takes_listeners: bool,
    /// For code without checks, where this machine can interrupt it.
    pub reach: Option<Reach>,
}

/// Linked and type-checked once; an instance is then a matter of microseconds.
pub(super) enum Entry {
    Module(InstancePre<State>),
    P2(p2::bindings::CommandPre<State>),
    P3(p3::bindings::CommandPre<State>),
}

/// Machine code, mapped.
pub(super) enum Loaded {
    Module(Module),
    Component(Component),
}

impl Program {
    pub fn kind(&self) -> Kind {
        match self.0.entry {
            Entry::Module(_) => Kind::Module,
            Entry::P2(_) => Kind::P2,
            Entry::P3(_) => Kind::P3,
        }
    }

    /// The identity of the wasm binary it was made from.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Whether the code holds interruption checks.
    pub fn checks(&self) -> bool {
        self.0.checks
    }

    /// Whether it is a core module that can use listeners made for it (it imports `sock_accept`).
    pub fn takes_listeners(&self) -> bool {
        self.0.takes_listeners
    }

    /// Starts one instance on a thread of its own. Fails only if no thread can be had; everything else that goes wrong
    /// before the entry is [`super::Exit::Failed`] through `on_exit`.
    pub fn start(&self, spec: GuestSpec) -> io::Result<Guest> {
        Guest::start(self.0.clone(), spec)
    }
}

impl Inner {
    pub fn link(
        name: &str,
        digest: Digest,
        code: Loaded,
        flavour: &Flavour,
    ) -> Result<Inner, LoadError> {
        let linking = Linking { name, flavour };
        let mut takes_listeners = false;
        let reach = flavour.landing.clone().map(|landing| match &code {
            Loaded::Module(module) => Reach::new(module.text(), module.functions(), landing),
            Loaded::Component(component) => {
                Reach::new(component.text(), component.functions(), landing)
            }
        });
        let entry = match code {
            Loaded::Module(module) => {
                takes_listeners = module.imports().any(|import| {
                    import.module() == "wasi_snapshot_preview1" && import.name() == "sock_accept"
                });
                linking.module(&module, takes_listeners)?
            }
            Loaded::Component(component) => linking.component(&component)?,
        };
        Ok(Inner {
            digest,
            checks: flavour.checks,
            entry,
            engine: flavour.engine.clone(),
            takes_listeners,
            reach,
        })
    }
}

/// One attempt to find everything a program asks for.
struct Linking<'a> {
    name: &'a str,
    flavour: &'a Flavour,
}

impl Linking<'_> {
    fn module(&self, module: &Module, listening: bool) -> Result<Entry, LoadError> {
        self.module_entry(module)?;
        let linkers = &self.flavour.linkers;
        let linker = if listening {
            linkers.listening()
        } else {
            linkers.modules()
        };
        let linker = linker.map_err(|error| self.broken(error))?;
        let pre = linker.instantiate_pre(module).map_err(|error| {
            match error.downcast_ref::<UnknownImportError>() {
                Some(import) => self.missing(format!("{}.{}", import.module(), import.name())),
                None => self.missing_of(&error),
            }
        })?;
        Ok(Entry::Module(pre))
    }

    fn module_entry(&self, module: &Module) -> Result<(), LoadError> {
        let why = match module.get_export("_start") {
            Some(ExternType::Func(f)) if f.params().len() == 0 && f.results().len() == 0 => {
                return Ok(());
            }
            Some(_) => "its _start is not a function without parameters and results",
            None if module.get_export("_initialize").is_some() => {
                "it exports _initialize and no _start: a library (reactor), not a program"
            }
            None => "it exports no _start",
        };
        Err(self.wrong_world(why.into()))
    }

    fn component(&self, component: &Component) -> Result<Entry, LoadError> {
        let ty = component.component_type();
        let engine = &self.flavour.engine;
        let exports: Vec<String> = ty
            .exports(engine)
            .map(|(name, _)| name.to_owned())
            .collect();
        let world =
            World::of(exports.iter().map(String::as_str)).map_err(|why| self.wrong_world(why))?;
        let newer = world == World::P3
            || ty
                .imports(engine)
                .any(|(name, _)| name.starts_with("wasi:") && name.contains("@0.3"));
        let linker = if newer {
            self.flavour.linkers.p3()
        } else {
            self.flavour.linkers.p2()
        };
        let linker = linker.map_err(|error| self.broken(error))?;
        let pre = linker
            .instantiate_pre(component)
            .map_err(|error| self.missing_of(&error))?;
        match world {
            World::P2 => p2::bindings::CommandPre::new(pre).map(Entry::P2),
            World::P3 => p3::bindings::CommandPre::new(pre).map(Entry::P3),
        }
        .map_err(|error| self.wrong_world(format!("{error:#}")))
    }

    fn wrong_world(&self, why: String) -> LoadError {
        LoadError::WrongWorld {
            name: self.name.into(),
            why,
        }
    }

    fn broken(&self, error: wasmtime::Error) -> LoadError {
        LoadError::Compile {
            name: self.name.into(),
            why: format!("{error:#}"),
        }
    }

    /// Wasmtime's own complaint; the import stands between its first back-quotes.
    fn missing_of(&self, error: &wasmtime::Error) -> LoadError {
        let text = format!("{error:#}");
        match text.split('`').nth(1) {
            Some(import)
                if text.contains("not found in the linker") || text.contains("unknown import") =>
            {
                self.missing(import.replace("::", "."))
            }
            _ => LoadError::MissingImport {
                name: self.name.into(),
                import: text.split('`').nth(1).unwrap_or("something").into(),
                hint: Some(text),
            },
        }
    }

    fn missing(&self, import: String) -> LoadError {
        let hint = hint(&import).map(str::to_owned);
        LoadError::MissingImport {
            name: self.name.into(),
            import,
            hint,
        }
    }
}

/// What a reader of the message probably wants to know.
fn hint(import: &str) -> Option<&'static str> {
    if import.starts_with("wasi:http") {
        Some("HTTP through wasi:http is not supported yet, sockets are")
    } else if import.starts_with("env.") {
        Some("a program built for a browser or another host, or a symbol left undefined at linking")
    } else if import.starts_with("wasi.thread-spawn") {
        Some("threads of wasi-threads are not supported")
    } else if import.starts_with("wasi_snapshot_preview1.sock_") {
        Some("WASI 0.1 has only sock_accept, sock_recv, sock_send and sock_shutdown")
    } else {
        None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    P2,
    P3,
}

impl World {
    /// Which command world the exports make, or why none.
    fn of<'a>(exports: impl Iterator<Item = &'a str> + Clone) -> Result<World, String> {
        let mut runs = exports
            .clone()
            .filter(|name| name.starts_with("wasi:cli/run@"));
        match runs.next() {
            Some(name) if name.contains("@0.2") => Ok(World::P2),
            Some(name) if name.contains("@0.3") => Ok(World::P3),
            Some(name) => Err(format!(
                "it exports {name}, a version that is not known here"
            )),
            None => Err(not_a_command(exports)),
        }
    }
}

fn not_a_command<'a>(mut exports: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(http) = exports.clone().find(|name| name.starts_with("wasi:http/")) {
        return format!("it exports {http}, a server without a main program, and no wasi:cli/run");
    }
    match exports.next() {
        None => "it exports nothing, and no wasi:cli/run".into(),
        Some(first) => {
            let more = exports.count();
            let and = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            format!("it exports {first}{and}, but no wasi:cli/run")
        }
    }
}
