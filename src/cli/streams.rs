//! The streams of a session, carried from and to those of this process.

use std::io::{self, IsTerminal, Read, Write};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::control::{Ended, Reader, Session, TerminalSize, Writer};

/// As much as is read at once.
const CHUNK: usize = 32 << 10;

/// What a session is given of this process's terminal: `-i` and `-t` as kubectl reads them
/// (`pkg/cmd/exec/exec.go`, `SetupTTY`): without `-i` there is no terminal, and what is none cannot be one.
pub fn terminal(stdin: bool, tty: bool, quiet: bool) -> bool {
    if !stdin || !tty {
        return false;
    }
    let is = io::stdin().is_terminal();
    if !is && !quiet {
        eprintln!("Unable to use a TTY - input is not a terminal or the right kind of file");
    }
    is
}

/// Rows and columns of the terminal we are on.
pub fn size() -> Option<TerminalSize> {
    let mut size = nix::libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the request writes a winsize, which is what the pointer leads to.
    let done = unsafe { nix::libc::ioctl(0, nix::libc::TIOCGWINSZ, &raw mut size) };
    (done == 0).then_some(TerminalSize {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// Carries a session to its end.
///
/// # Errors
/// Nobody reads our output any more ([`io::ErrorKind::BrokenPipe`]), or it cannot be written.
pub async fn carry(mut session: Session) -> io::Result<Ended> {
    if let Some(stdin) = session.stdin.take() {
        tokio::spawn(feed(stdin));
    }
    if let Some(resize) = session.resize.take() {
        tokio::spawn(follow_size(resize));
    }
    let errors = async {
        match session.stderr.take() {
            Some(stderr) => print(stderr, io::stderr()).await,
            None => Ok(()),
        }
    };
    tokio::try_join!(print(session.stdout, io::stdout()), errors)?;
    let ended = session.ended.await;
    drop(session.guard);
    Ok(ended.unwrap_or_else(|_| Ended {
        code: 1,
        message: "lost the connection to the pod process".to_owned(),
    }))
}

async fn print(mut from: Reader, mut to: impl Write) -> io::Result<()> {
    let mut bytes = vec![0; CHUNK];
    loop {
        match from.read(&mut bytes).await? {
            0 => return Ok(()),
            length => {
                to.write_all(&bytes[..length])?;
                to.flush()?;
            }
        }
    }
}

/// Hands on what is typed. Reading it blocks, and nothing can end that: the thread is left to the end of the process.
async fn feed(mut stdin: Writer) {
    let (give, mut take) = mpsc::channel(1);
    std::thread::spawn(move || {
        while let Ok(bytes) = read_some() {
            if bytes.is_empty() || give.blocking_send(bytes).is_err() {
                return;
            }
        }
    });
    while let Some(bytes) = take.recv().await {
        // A command that does not read to the end is none the worse for it.
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = stdin.shutdown().await;
}

fn read_some() -> io::Result<Bytes> {
    let mut bytes = vec![0; CHUNK];
    let length = io::stdin().lock().read(&mut bytes)?;
    bytes.truncate(length);
    Ok(Bytes::from(bytes))
}

async fn follow_size(resize: watch::Sender<TerminalSize>) {
    let Ok(mut changes) = signal(SignalKind::window_change()) else {
        return;
    };
    loop {
        if let Some(size) = size()
            && resize.send(size).is_err()
        {
            return;
        }
        if changes.recv().await.is_none() {
            return;
        }
    }
}
