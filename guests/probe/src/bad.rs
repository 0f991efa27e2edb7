//! Guests that do what a runtime must survive. Each says on stdout that it is about to, so that a test knows when to look.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn announce(text: &str) {
    println!("{text}");
    // A guest that never ends never flushes by ending.
    let _ = std::io::stdout().flush();
}

fn usage(text: &str) -> Result<u8, String> {
    Err(format!("usage: {text}"))
}

/// `bad-spin [plain|memory]`: computes for ever, without touching memory or touching it all the time.
pub fn spin(args: &[String]) -> Result<u8, String> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    match args.first().map(String::as_str) {
        None | Some("plain") => {
            announce("spinning");
            #[expect(clippy::empty_loop, reason = "wasting the processor is the purpose")]
            loop {}
        }
        Some("memory") => {
            announce("spinning in memory");
            loop {
                COUNTER.fetch_add(1, Ordering::Relaxed);
            }
        }
        Some(_) => usage("bad-spin [plain|memory]"),
    }
}

/// `bad-sleep`: waits for ever.
pub fn sleep(_: &[String]) -> Result<u8, String> {
    announce("sleeping");
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// `bad-alloc [abort|survive]`: takes memory by the MiB until it is refused; then dies of it, or says how much it got.
pub fn alloc(args: &[String]) -> Result<u8, String> {
    const MIB: usize = 1 << 20;
    let survive = match args.first().map(String::as_str) {
        None | Some("abort") => false,
        Some("survive") => true,
        Some(_) => return usage("bad-alloc [abort|survive]"),
    };
    announce("allocating");
    // Its own memory must not need to grow at the wrong moment.
    let mut held: Vec<Vec<u8>> = Vec::with_capacity(4096);
    loop {
        let mut block = Vec::new();
        match block.try_reserve_exact(MIB) {
            Ok(()) => {
                // Touched, so that it is real memory of the machine, too.
                block.resize(MIB, 1);
                held.push(block);
            }
            Err(_) if survive => break,
            Err(_) => std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u8; MIB]>()),
        }
    }
    let mebibytes = held.len();
    drop(held);
    println!("refused after {mebibytes} MiB");
    Ok(0)
}

/// `bad-stdout [LINES]`: prints without end, or that many lines.
pub fn stdout(args: &[String]) -> Result<u8, String> {
    let lines: u64 = crate::argument(args, 0, u64::MAX)?;
    let mut out = std::io::stdout().lock();
    for number in 0..lines {
        writeln!(
            out,
            "line {number} of a flood that does not care whether anybody reads it"
        )
        .map_err(|error| error.to_string())?;
    }
    Ok(0)
}

/// `bad-trap [abort|panic|stack]`
pub fn trap(args: &[String]) -> Result<u8, String> {
    match args.first().map(String::as_str) {
        None | Some("abort") => std::process::abort(),
        Some("panic") => panic!("a guest's own panic"),
        Some("stack") => Ok(descend(1) as u8),
        Some(_) => usage("bad-trap [abort|panic|stack]"),
    }
}

#[inline(never)]
#[expect(
    unconditional_recursion,
    reason = "running out of stack is the purpose"
)]
fn descend(depth: u64) -> u64 {
    std::hint::black_box(depth) + descend(std::hint::black_box(depth + 1))
}

/// `bad-read [stdin|accept]`: blocks in a call of the host. Whoever does come makes it end.
pub fn read(args: &[String]) -> Result<u8, String> {
    match args.first().map(String::as_str) {
        None | Some("stdin") => {
            announce("reading");
            let read = std::io::stdin()
                .read(&mut [0; 1])
                .map_err(|error| error.to_string())?;
            println!("read {read}");
        }
        Some("accept") => {
            let listener = listener()?;
            announce("accepting");
            listener.accept().map_err(|error| error.to_string())?;
            println!("accepted");
        }
        Some(_) => return usage("bad-read [stdin|accept]"),
    }
    Ok(0)
}

#[cfg(target_env = "p1")]
fn listener() -> Result<std::net::TcpListener, String> {
    crate::preopened::listener()
}

#[cfg(not(target_env = "p1"))]
fn listener() -> Result<std::net::TcpListener, String> {
    std::net::TcpListener::bind("0.0.0.0:8080").map_err(|error| error.to_string())
}
