//! As much HTTP as a test needs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::{connect, text};

/// `net-serve [ADDRESS:PORT [WORDS]...]`: answers every request with the words; prints one line each, with who asked.
pub fn serve(args: &[String]) -> Result<u8, String> {
    let address = args.first().map_or("0.0.0.0:8080", String::as_str);
    let body = match args.get(1..) {
        None | Some([]) => "hello".to_owned(),
        Some(words) => words.join(" "),
    };
    let listener = TcpListener::bind(address).map_err(|error| format!("{address}: {error}"))?;
    println!("serving on {}", listener.local_addr().map_err(text)?);
    loop {
        let (stream, peer) = listener.accept().map_err(text)?;
        if let Err(error) = answer(stream, peer, &body) {
            eprintln!("{peer}: {error}");
        }
    }
}

fn answer(stream: TcpStream, peer: SocketAddr, body: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 0 && header.trim_end() != "" {
        header.clear();
    }
    println!("{peer} {}", first.trim_end());
    let length = body.len() + 1;
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}\n");
    reader.get_mut().write_all(answer.as_bytes())
}

/// `net-fetch HOST:PORT[/PATH]`: prints the body, once the server is there.
pub fn fetch(args: &[String]) -> Result<u8, String> {
    let [url] = args else {
        return Err("usage: net-fetch HOST:PORT[/PATH]".to_owned());
    };
    let url = url.strip_prefix("http://").unwrap_or(url);
    let (address, path) = url.split_at(url.find('/').unwrap_or(url.len()));
    let path = if path.is_empty() { "/" } else { path };
    let mut stream = connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(text)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or("the answer has no end of its head")?;
    if !head.starts_with("HTTP/1.1 200") && !head.starts_with("HTTP/1.0 200") {
        return Err(head.lines().next().unwrap_or("").to_owned());
    }
    print!("{body}");
    Ok(0)
}
