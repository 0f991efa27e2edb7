//! p1 cannot open a socket, but it can accept on one that the host opened for it: systemd's convention, descriptors from 3 on.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::FromRawFd;
use std::sync::Once;

/// The first listener that was passed in.
pub fn listener() -> Result<TcpListener, String> {
    static TAKEN: Once = Once::new();
    let passed: i32 = std::env::var("LISTEN_FDS")
        .unwrap_or_default()
        .parse()
        .unwrap_or(0);
    if passed < 1 {
        return Err("no listener was passed in: LISTEN_FDS is not set".to_owned());
    }
    if TAKEN.is_completed() {
        return Err("the listener is taken".to_owned());
    }
    TAKEN.call_once(|| {});
    // SAFETY: LISTEN_FDS says that descriptor 3 is ours, and TAKEN that nobody else in this program owns it.
    Ok(unsafe { TcpListener::from_raw_fd(3) })
}

/// `p1-serve [WORDS]...`: answers every HTTP request with the words, and prints its first line.
pub fn serve(args: &[String]) -> Result<u8, String> {
    let body = match args {
        [] => "hello from p1".to_owned(),
        words => words.join(" "),
    };
    let listener = listener()?;
    println!(
        "serving {}",
        std::env::var("LISTEN_FDNAMES").unwrap_or_default()
    );
    loop {
        let (stream, _) = listener
            .accept()
            .map_err(|error| format!("accept: {error}"))?;
        if let Err(error) = answer(stream, &body) {
            eprintln!("client: {error}");
        }
    }
}

fn answer(stream: TcpStream, body: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 0 && header.trim_end() != "" {
        header.clear();
    }
    println!("{}", first.trim_end());
    let length = body.len() + 1;
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}\n");
    reader.get_mut().write_all(answer.as_bytes())
}
