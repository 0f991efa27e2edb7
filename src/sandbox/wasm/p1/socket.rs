//! One descriptor that is a socket.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll};

use wasmtime_wasi::p1::types::{self, Errno};
use wiggle::{GuestMemory, GuestPtr};

use crate::sandbox::net::{TcpListener, TcpStream};

type Result<T> = std::result::Result<T, types::Error>;

#[derive(Clone)]
pub(super) struct Socket {
    kind: Kind,
    pub nonblocking: bool,
}

#[derive(Clone)]
enum Kind {
    Listener(TcpListener),
    Stream(TcpStream),
}

impl Socket {
    pub fn listener(listener: TcpListener) -> Socket {
        Socket {
            kind: Kind::Listener(listener),
            nonblocking: false,
        }
    }

    fn stream(&self) -> Result<&TcpStream> {
        match &self.kind {
            Kind::Stream(stream) => Ok(stream),
            Kind::Listener(_) => Err(Errno::Notconn.into()),
        }
    }

    pub async fn accept(&self) -> Result<Socket> {
        let Kind::Listener(listener) = &self.kind else {
            return Err(Errno::Inval.into());
        };
        let accepted = if self.nonblocking {
            listener.try_accept()
        } else {
            listener.accept().await
        };
        let stream = accepted.map_err(errno)?;
        Ok(Socket {
            kind: Kind::Stream(stream),
            nonblocking: false,
        })
    }

    /// Into the first buffer that is not empty: a receiver may always get less than it asked for.
    pub async fn receive(
        &self,
        memory: &mut GuestMemory<'_>,
        iovs: types::IovecArray,
        peek: bool,
    ) -> Result<types::Size> {
        let stream = self.stream()?;
        let Some(buffer) = first_buffer(memory, iovs)? else {
            return Ok(0);
        };
        let bytes = memory.as_slice_mut(buffer)?.ok_or(Errno::Notsup)?;
        loop {
            let result = if peek {
                stream.try_peek(bytes)
            } else {
                stream.try_read(bytes)
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.nonblocking => {
                    poll_fn(|cx| stream.poll_read_ready(cx)).await;
                }
                other => return other.map(|n| n as types::Size).map_err(errno),
            }
        }
    }

    /// From the first buffer that is not empty: as much as there is room for.
    pub async fn send(
        &self,
        memory: &mut GuestMemory<'_>,
        ciovs: types::CiovecArray,
    ) -> Result<types::Size> {
        let stream = self.stream()?;
        let Some(buffer) = first_const_buffer(memory, ciovs)? else {
            return Ok(0);
        };
        let bytes = memory.as_slice(buffer)?.ok_or(Errno::Notsup)?;
        loop {
            match stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.nonblocking => {
                    poll_fn(|cx| stream.poll_write_ready(cx)).await;
                }
                other => return other.map(|n| n as types::Size).map_err(errno),
            }
        }
    }

    pub fn shutdown(&self, how: types::Sdflags) -> Result<()> {
        let (read, write) = (
            how.contains(types::Sdflags::RD),
            how.contains(types::Sdflags::WR),
        );
        let how = match (read, write) {
            (true, true) => Shutdown::Both,
            (true, false) => Shutdown::Read,
            (false, true) => Shutdown::Write,
            (false, false) => return Err(Errno::Inval.into()),
        };
        self.stream()?.shutdown(how).map_err(errno)
    }

    /// Ready when an accept or a read would not wait.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.kind {
            Kind::Listener(listener) => listener.poll_ready(cx),
            Kind::Stream(stream) => stream.poll_read_ready(cx),
        }
    }

    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.kind {
            // Nothing can be written to a listener, which is known at once.
            Kind::Listener(_) => Poll::Ready(()),
            Kind::Stream(stream) => stream.poll_write_ready(cx),
        }
    }

    /// Whether the peer has finished, for a socket that is ready to be read.
    pub fn at_end(&self) -> bool {
        match &self.kind {
            Kind::Listener(_) => false,
            Kind::Stream(stream) => !matches!(stream.try_peek(&mut [0]), Ok(1)),
        }
    }

    pub fn fdstat(&self) -> types::Fdstat {
        let flags = if self.nonblocking {
            types::Fdflags::NONBLOCK
        } else {
            types::Fdflags::empty()
        };
        let rights = match self.kind {
            Kind::Listener(_) => types::Rights::SOCK_ACCEPT | types::Rights::POLL_FD_READWRITE,
            Kind::Stream(_) => {
                types::Rights::FD_READ
                    | types::Rights::FD_WRITE
                    | types::Rights::SOCK_SHUTDOWN
                    | types::Rights::POLL_FD_READWRITE
            }
        };
        types::Fdstat {
            fs_filetype: types::Filetype::SocketStream,
            fs_flags: flags,
            fs_rights_base: rights,
            // What a listener hands on to what it accepts.
            fs_rights_inheriting: rights,
        }
    }
}

pub(super) fn filestat() -> types::Filestat {
    types::Filestat {
        dev: 0,
        ino: 0,
        filetype: types::Filetype::SocketStream,
        nlink: 1,
        size: 0,
        atim: 0,
        mtim: 0,
        ctim: 0,
    }
}

fn first_buffer(
    memory: &GuestMemory<'_>,
    iovs: types::IovecArray,
) -> Result<Option<GuestPtr<[u8]>>> {
    for iov in iovs.iter() {
        let iov = memory.read(iov?)?;
        if iov.buf_len > 0 {
            return Ok(Some(iov.buf.as_array(iov.buf_len)));
        }
    }
    Ok(None)
}

fn first_const_buffer(
    memory: &GuestMemory<'_>,
    ciovs: types::CiovecArray,
) -> Result<Option<GuestPtr<[u8]>>> {
    for ciov in ciovs.iter() {
        let ciov = memory.read(ciov?)?;
        if ciov.buf_len > 0 {
            return Ok(Some(ciov.buf.as_array(ciov.buf_len)));
        }
    }
    Ok(None)
}

/// The network's errors are the kernel's; they keep their names.
fn errno(error: io::Error) -> types::Error {
    use io::ErrorKind as K;
    use nix::errno::Errno as Os;
    let errno = match (error.raw_os_error().map(Os::from_raw), error.kind()) {
        (Some(Os::EMFILE), _) => Errno::Mfile,
        (Some(Os::ENOBUFS), _) => Errno::Nobufs,
        (Some(Os::ENETDOWN), _) => Errno::Netdown,
        (_, K::WouldBlock) => Errno::Again,
        (_, K::BrokenPipe) => Errno::Pipe,
        (_, K::ConnectionReset) => Errno::Connreset,
        (_, K::ConnectionAborted) => Errno::Connaborted,
        (_, K::NotConnected) => Errno::Notconn,
        (_, K::InvalidInput) => Errno::Inval,
        (_, K::TimedOut) => Errno::Timedout,
        _ => Errno::Io,
    };
    errno.into()
}
