//! Ordinary programs on std::net: nothing in here knows that it runs as a guest.

pub mod http;

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long a server may take to appear.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// Connects, and tries again while the server is only just starting.
fn connect(address: &str) -> Result<TcpStream, String> {
    let since = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return Ok(stream),
            Err(error) if since.elapsed() > PATIENCE => return Err(format!("{address}: {error}")),
            Err(_) => std::thread::sleep(BETWEEN_TRIES),
        }
    }
}

/// An error of the network as the message a guest ends with.
fn text(error: io::Error) -> String {
    error.to_string()
}
