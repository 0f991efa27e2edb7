//! Sockets for core modules. WASI 0.1 can accept, receive and send, but has no way to open a socket; so a module finds its
//! listeners open when it begins, as systemd hands them over: descriptors from 3, `LISTEN_FDS`, `LISTEN_FDNAMES`
//! (sd_listen_fds(3)). Only modules that import `sock_accept` come this way; all others use wasmtime's own functions.
//!
//! The numbers of a guest's descriptors:
//!
//! | guest's | is |
//! |---|---|
//! | 0, 1, 2 | the same of wasmtime's |
//! | 3 .. 3+n | the n listeners |
//! | 3+n .. | 3 .. of wasmtime's: directories and files |
//! | [`ACCEPTED`] .. | accepted connections |

mod calls;
mod poll;
mod socket;

use std::collections::BTreeMap;

use wasmtime::{Caller, Extern, Linker};
use wasmtime_wasi::p1::types::{self, Errno};
use wasmtime_wasi::p1::{WasiP1Ctx, wasi_snapshot_preview1};
use wiggle::{GuestMemory, GuestPtr};

use self::socket::Socket;
use super::state::State;
use super::stdio::{InPort, OutPort};
use crate::sandbox::net::TcpListener;

/// The first descriptor that systemd's convention gives away.
const FIRST: u32 = 3;

/// Where the numbers of accepted connections begin: above any that files can have, whose number is bounded by `view`.
const ACCEPTED: u32 = 1 << 16;

/// The context of a core module: wasmtime's own and what it lacks.
pub(super) struct P1 {
    pub wasi: WasiP1Ctx,
    sockets: Sockets,
    /// For waiting on them beside sockets.
    stdin: InPort,
    stdout: OutPort,
    stderr: OutPort,
}

impl P1 {
    pub fn new(
        wasi: WasiP1Ctx,
        listeners: Vec<TcpListener>,
        streams: (InPort, OutPort, OutPort),
    ) -> P1 {
        let (stdin, stdout, stderr) = streams;
        P1 {
            wasi,
            sockets: Sockets::new(listeners),
            stdin,
            stdout,
            stderr,
        }
    }
}

/// The descriptors that are sockets, and where all others lie.
struct Sockets {
    listeners: u32,
    open: BTreeMap<u32, Socket>,
}

impl Sockets {
    fn new(listeners: Vec<TcpListener>) -> Sockets {
        let count = listeners.len() as u32;
        Sockets {
            listeners: count,
            open: (FIRST..)
                .zip(listeners.into_iter().map(Socket::listener))
                .collect(),
        }
    }

    fn get(&self, fd: types::Fd) -> Option<&Socket> {
        self.open.get(&fd.into())
    }

    fn get_mut(&mut self, fd: types::Fd) -> Option<&mut Socket> {
        self.open.get_mut(&fd.into())
    }

    fn remove(&mut self, fd: types::Fd) -> Option<Socket> {
        self.open.remove(&fd.into())
    }

    fn renumber(&mut self, from: types::Fd, to: types::Fd) {
        if let Some(socket) = self.open.remove(&from.into()) {
            self.open.insert(to.into(), socket);
        }
    }

    /// Gives a socket the lowest free number, as a kernel does.
    fn push(&mut self, socket: Socket) -> types::Fd {
        let mut number = ACCEPTED;
        for (&taken, _) in self.open.range(ACCEPTED..) {
            if taken != number {
                break;
            }
            number += 1;
        }
        self.open.insert(number, socket);
        number.into()
    }

    /// What wasmtime calls a descriptor that is no socket.
    fn inner(&self, fd: types::Fd) -> Result<types::Fd, types::Error> {
        let number = u32::from(fd);
        if self.open.contains_key(&number) {
            return Err(Errno::Notsup.into());
        }
        match number {
            0..FIRST => Ok(fd),
            ACCEPTED.. => Err(Errno::Badf.into()),
            _ if number < FIRST + self.listeners => Err(Errno::Badf.into()),
            _ => Ok((number - self.listeners).into()),
        }
    }

    /// What the guest calls a descriptor of wasmtime's.
    fn outer(&self, fd: types::Fd) -> types::Fd {
        let number = u32::from(fd);
        if number < FIRST {
            fd
        } else {
            (number + self.listeners).into()
        }
    }

    /// The name under which a listener passes for a directory.
    fn stand_in(&self, fd: types::Fd) -> Option<String> {
        let number = u32::from(fd);
        (number < FIRST + self.listeners && self.open.contains_key(&number))
            .then(|| format!("/dev/fd/{number}"))
    }
}

/// `wasi_snapshot_preview1` for modules with sockets.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasi_snapshot_preview1::add_to_linker(linker, |state: &mut State| &mut state.p1)?;
    linker.allow_shadowing(true);
    let abi = "wasi_snapshot_preview1";
    linker.func_wrap_async(abi, "sock_accept", |mut caller, args| {
        Box::new(async move { accept(&mut caller, args).await })
    })?;
    linker.func_wrap_async(abi, "sock_recv", |mut caller, args| {
        Box::new(async move { receive(&mut caller, args).await })
    })?;
    linker.func_wrap_async(abi, "sock_send", |mut caller, args| {
        Box::new(async move { send(&mut caller, args).await })
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

async fn accept(
    caller: &mut Caller<'_, State>,
    (fd, flags, into): (u32, u32, u32),
) -> wasmtime::Result<i32> {
    let (mut memory, p1) = split(caller)?;
    errno(
        p1.accept(&mut memory, fd.into(), flags, GuestPtr::new(into))
            .await,
    )
}

async fn receive(
    caller: &mut Caller<'_, State>,
    (fd, data, count, flags, size, told): (u32, u32, u32, u32, u32, u32),
) -> wasmtime::Result<i32> {
    let (mut memory, p1) = split(caller)?;
    let into = (GuestPtr::new(size), GuestPtr::new(told));
    errno(
        p1.receive(
            &mut memory,
            fd.into(),
            GuestPtr::new((data, count)),
            flags,
            into,
        )
        .await,
    )
}

async fn send(
    caller: &mut Caller<'_, State>,
    (fd, data, count, _, size): (u32, u32, u32, u32, u32),
) -> wasmtime::Result<i32> {
    let (mut memory, p1) = split(caller)?;
    errno(
        p1.send(
            &mut memory,
            fd.into(),
            GuestPtr::new((data, count)),
            GuestPtr::new(size),
        )
        .await,
    )
}

impl P1 {
    /// Of what is a socket; the error tells a file from nothing at all.
    fn socket(&self, fd: types::Fd) -> Result<Socket, types::Error> {
        match self.sockets.get(fd) {
            Some(socket) => Ok(socket.clone()),
            None => Err(self
                .sockets
                .inner(fd)
                .map_or_else(|error| error, |_| Errno::Notsock.into())),
        }
    }

    async fn accept(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        flags: u32,
        into: GuestPtr<types::Fd>,
    ) -> Result<(), types::Error> {
        let flags = types::Fdflags::try_from(flags as u16)?;
        let listener = self.socket(fd)?;
        let mut accepted = listener.accept().await?;
        accepted.nonblocking = flags.contains(types::Fdflags::NONBLOCK);
        memory.write(into, self.sockets.push(accepted))?;
        Ok(())
    }

    async fn receive(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        iovs: types::IovecArray,
        flags: u32,
        (size, told): (GuestPtr<types::Size>, GuestPtr<types::Roflags>),
    ) -> Result<(), types::Error> {
        let flags = types::Riflags::try_from(flags as u16)?;
        let socket = self.socket(fd)?;
        let received = socket
            .receive(memory, iovs, flags.contains(types::Riflags::RECV_PEEK))
            .await?;
        memory.write(size, received)?;
        memory.write(told, types::Roflags::empty())?;
        Ok(())
    }

    async fn send(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        ciovs: types::CiovecArray,
        size: GuestPtr<types::Size>,
    ) -> Result<(), types::Error> {
        let socket = self.socket(fd)?;
        let sent = socket.send(memory, ciovs).await?;
        memory.write(size, sent)?;
        Ok(())
    }
}

/// The guest's memory and its context, as the generated functions take them.
fn split<'a>(caller: &'a mut Caller<'_, State>) -> wasmtime::Result<(GuestMemory<'a>, &'a mut P1)> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Err(wasmtime::Error::msg("missing required memory export"));
    };
    let (bytes, state) = memory.data_and_store_mut(caller);
    Ok((GuestMemory::Unshared(bytes), &mut state.p1))
}

fn errno(result: Result<(), types::Error>) -> wasmtime::Result<i32> {
    match result {
        Ok(()) => Ok(Errno::Success as i32),
        Err(error) => error.downcast().map(|errno| errno as i32),
    }
}
