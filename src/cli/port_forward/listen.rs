//! Sockets of this machine (`k8s.io/client-go/tools/portforward/portforward.go`, `listenOnPort`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Result, anyhow};
use tokio::net::TcpListener;

use super::ports::Ports;

/// What `--address` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// 127.0.0.1 and ::1; one of them is enough.
    Localhost,
    One(IpAddr),
}

/// One open port.
pub struct Listening {
    pub listener: TcpListener,
    pub local: SocketAddr,
    pub remote: u16,
}

pub fn addresses(texts: &[String]) -> Result<Vec<Address>> {
    let mut addresses = Vec::new();
    for text in texts {
        let address = match text.as_str() {
            "localhost" => Address::Localhost,
            text => Address::One(
                text.parse()
                    .map_err(|_| anyhow!("{text} is not a valid IP"))?,
            ),
        };
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Opens every port on every address. A port that cannot be opened is said, and fails all only when none could be.
pub async fn listen(ports: &[Ports], addresses: &[Address]) -> Result<Vec<Listening>> {
    let mut open = Vec::new();
    for pair in ports {
        let before = open.len();
        let mut errors = Vec::new();
        let mut port = pair.local;
        for address in addresses {
            listen_on(address, &mut port, pair.remote, &mut open, &mut errors).await;
        }
        if open.len() == before {
            eprintln!(
                "Unable to listen on port {}: Listeners failed to create with the following errors: [{}]",
                pair.local,
                errors.join(" ")
            );
        }
    }
    if open.is_empty() {
        let wished: Vec<String> = ports
            .iter()
            .map(|pair| format!("{{{} {}}}", pair.local, pair.remote))
            .collect();
        return Err(anyhow!(
            "unable to listen on any of the requested ports: [{}]",
            wished.join(" ")
        ));
    }
    Ok(open)
}

/// A port that was free once is then taken on the other addresses too.
async fn listen_on(
    address: &Address,
    port: &mut u16,
    remote: u16,
    open: &mut Vec<Listening>,
    errors: &mut Vec<String>,
) {
    let all = match address {
        Address::Localhost => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        Address::One(ip) => vec![*ip],
    };
    for ip in all {
        let at = SocketAddr::new(ip, *port);
        let listener = async {
            let listener = TcpListener::bind(at).await?;
            Ok::<_, std::io::Error>((listener.local_addr()?, listener))
        };
        match listener.await {
            Ok((local, listener)) => {
                *port = local.port();
                open.push(Listening {
                    listener,
                    local,
                    remote,
                });
            }
            Err(error) => {
                let family = if ip.is_ipv4() { "tcp4" } else { "tcp6" };
                errors.push(format!(
                    "unable to create listener: Error listen {family} {at}: {error}"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_free_port_is_the_same_on_both_loopbacks() {
        let ports = [Ports {
            local: 0,
            remote: 80,
        }];
        let open = listen(&ports, &[Address::Localhost]).await.unwrap();
        assert!(
            open.iter()
                .all(|one| one.local.port() == open[0].local.port())
        );
        assert_eq!(open[0].local.ip(), Ipv4Addr::LOCALHOST);
        let taken = [Ports {
            local: open[0].local.port(),
            remote: 80,
        }];
        let error = listen(&taken, &[Address::Localhost]).await.err().unwrap();
        assert!(
            error
                .to_string()
                .starts_with("unable to listen on any of the requested ports: [{"),
            "{error}"
        );
    }

    #[test]
    fn addresses_are_read() {
        let read = |text: &str| addresses(&text.split(',').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            read("localhost,10.0.0.1,localhost").unwrap(),
            [Address::Localhost, Address::One([10, 0, 0, 1].into())]
        );
        assert_eq!(
            read("here").unwrap_err().to_string(),
            "here is not a valid IP"
        );
    }
}
