//! Over localhost: a small web server and its client, a round trip and a stream.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Answers every request with a page that lies in `folder`, where it puts it first.
pub fn serve(port: u16, folder: &str) -> io::Result<()> {
    let page = format!("{folder}/page");
    fs::write(&page, "a page from the server\n")?;
    for connection in TcpListener::bind(("127.0.0.1", port))?.incoming() {
        let mut connection = connection?;
        let body = fs::read(&page)?;
        let mut request = [0; 1024];
        let _length = connection.read(&mut request)?;
        write!(
            connection,
            "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        connection.write_all(&body)?;
    }
    Ok(())
}

/// The whole answer of the server on `port`.
pub fn fetch(port: u16) -> io::Result<Vec<u8>> {
    let mut connection = connect(port)?;
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Sends four bytes back as often as they come, for one client.
pub fn echo(port: u16) -> io::Result<()> {
    let (mut connection, _) = TcpListener::bind(("127.0.0.1", port))?.accept()?;
    let mut message = [0; 4];
    while connection.read_exact(&mut message).is_ok() {
        connection.write_all(&message)?;
    }
    Ok(())
}

/// Nanoseconds that four bytes need there and back: the median of `rounds` after a tenth as many to warm up.
pub fn ping(port: u16, rounds: usize) -> io::Result<u64> {
    let mut connection = connect(port)?;
    let mut message = *b"ping";
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds + rounds / 10 {
        let begun = Instant::now();
        connection.write_all(&message)?;
        connection.read_exact(&mut message)?;
        if round >= rounds / 10 {
            times.push(begun.elapsed().as_nanos() as u64);
        }
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// Takes all that one client sends, then answers one byte.
pub fn sink(port: u16) -> io::Result<()> {
    let (mut connection, _) = TcpListener::bind(("127.0.0.1", port))?.accept()?;
    let mut buffer = vec![0; 64 * 1024];
    let mut left = u64::from_le_bytes(read_array(&mut connection)?);
    while left > 0 {
        let length = connection.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= length as u64;
    }
    connection.write_all(&[1])
}

/// Bytes per second of one stream of `bytes`, until the other side has them all.
pub fn stream(port: u16, bytes: u64) -> io::Result<u64> {
    let mut connection = connect(port)?;
    let buffer = vec![7; 64 * 1024];
    let begun = Instant::now();
    connection.write_all(&bytes.to_le_bytes())?;
    let mut left = bytes;
    while left > 0 {
        let length = left.min(buffer.len() as u64);
        connection.write_all(&buffer[..length as usize])?;
        left -= length;
    }
    read_array::<1>(&mut connection)?;
    Ok((bytes as f64 / begun.elapsed().as_secs_f64()) as u64)
}

/// The server may start later than its client.
fn connect(port: u16) -> io::Result<TcpStream> {
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                thread::sleep(Duration::from_micros(200))
            }
            done => return done,
        }
    }
}

fn read_array<const N: usize>(connection: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    connection.read_exact(&mut bytes)?;
    Ok(bytes)
}
