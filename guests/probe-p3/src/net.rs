//! As much HTTP as a test needs, over wasi:sockets 0.3.

use std::net::SocketAddr;

use wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
};

use crate::print;

/// `net-serve ADDRESS:PORT [WORDS]...`
pub async fn serve(address: &str, words: &str) -> Result<(), String> {
    let socket = socket(address)?;
    socket.bind(parse(address)?).map_err(text)?;
    let mut clients = socket.listen().map_err(text)?;
    print(&format!("serving on {address}")).await?;
    while let Some(client) = clients.next().await {
        let request = read_until(&client, "\r\n\r\n").await?;
        let peer = client
            .get_remote_address()
            .map_or("?".to_owned(), |peer| show(&peer));
        print(&format!("{peer} {}", request.lines().next().unwrap_or(""))).await?;
        let length = words.len() + 1;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{words}\n"
        );
        send(&client, answer).await?;
    }
    Ok(())
}

/// `net-fetch ADDRESS:PORT`: prints the body.
pub async fn fetch(address: &str) -> Result<(), String> {
    let socket = socket(address)?;
    socket.connect(parse(address)?).await.map_err(text)?;
    send(
        &socket,
        format!("GET / HTTP/1.0\r\nHost: {address}\r\n\r\n"),
    )
    .await?;
    let answer = read_until(&socket, "never").await?;
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) => print(body.trim_end()).await,
        None => Err("the answer has no end of its head".to_owned()),
    }
}

fn socket(address: &str) -> Result<TcpSocket, String> {
    let family = match parse(address)? {
        IpSocketAddress::Ipv4(_) => IpAddressFamily::Ipv4,
        IpSocketAddress::Ipv6(_) => IpAddressFamily::Ipv6,
    };
    TcpSocket::create(family).map_err(text)
}

/// Sends everything and ends this direction.
async fn send(socket: &TcpSocket, data: String) -> Result<(), String> {
    let (mut writer, reader) = wasip3::wit_stream::new();
    let sent = socket.send(reader);
    writer.write_all(data.into_bytes()).await;
    drop(writer);
    sent.await.map_err(text)
}

/// Reads up to `mark` or the other side's end, whatever comes first.
async fn read_until(socket: &TcpSocket, mark: &str) -> Result<String, String> {
    let (mut stream, end) = socket.receive();
    let mut all = String::new();
    while !all.contains(mark) {
        let (status, chunk) = stream.read(Vec::with_capacity(4096)).await;
        all.push_str(&String::from_utf8_lossy(&chunk));
        if matches!(status, wasip3::wit_bindgen::StreamResult::Dropped) {
            drop(stream);
            return end.await.map(|()| all).map_err(text);
        }
    }
    Ok(all)
}

fn parse(address: &str) -> Result<IpSocketAddress, String> {
    match address.parse() {
        Ok(SocketAddr::V4(v4)) => {
            let [a, b, c, d] = v4.ip().octets();
            Ok(IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port: v4.port(),
                address: (a, b, c, d),
            }))
        }
        Ok(SocketAddr::V6(v6)) => {
            let [a, b, c, d, e, f, g, h] = v6.ip().segments();
            Ok(IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: v6.port(),
                flow_info: v6.flowinfo(),
                address: (a, b, c, d, e, f, g, h),
                scope_id: v6.scope_id(),
            }))
        }
        Err(_) => Err(format!("invalid address '{address}'")),
    }
}

fn show(address: &IpSocketAddress) -> String {
    match address {
        IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port,
            address: (a, b, c, d),
        }) => SocketAddr::from(([*a, *b, *c, *d], *port)).to_string(),
        IpSocketAddress::Ipv6(v6) => {
            let (a, b, c, d, e, f, g, h) = v6.address;
            SocketAddr::from(([a, b, c, d, e, f, g, h], v6.port)).to_string()
        }
    }
}

fn text(code: ErrorCode) -> String {
    format!("{code:?}")
}
