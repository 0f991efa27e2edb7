use super::at;
use super::host::network;
use super::p2_world::{World, address, again, code, now, traps};
use futures::FutureExt;
use std::net::SocketAddr;
use wasmtime::component::Resource;
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::SocketResult;
use wasmtime_wasi::p2::bindings::io::poll::HostPollable;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{Host as _, HostResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::udp::{
    HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, IncomingDatagramStream,
    OutgoingDatagram, OutgoingDatagramStream, UdpSocket,
};
use wasmtime_wasi::p2::bindings::sockets::udp_create_socket::Host as _;

/// A socket, its streams and its address.
struct Post {
    socket: Resource<UdpSocket>,
    incoming: Resource<IncomingDatagramStream>,
    outgoing: Resource<OutgoingDatagramStream>,
    address: SocketAddr,
}

fn socket(world: &mut World) -> Resource<UdpSocket> {
    now(world.net().create_udp_socket(IpAddressFamily::Ipv4)).unwrap()
}

fn bind(world: &mut World, socket: &Resource<UdpSocket>, to: SocketAddr) -> SocketResult<()> {
    let network = world.network();
    now(world.net().start_bind(again(socket), network, to.into()))?;
    world.net().finish_bind(again(socket))
}

fn stream(
    world: &mut World,
    socket: &Resource<UdpSocket>,
    to: Option<SocketAddr>,
) -> SocketResult<(
    Resource<IncomingDatagramStream>,
    Resource<OutgoingDatagramStream>,
)> {
    now(world.net().stream(again(socket), to.map(Into::into)))
}

/// A socket on a free port, unconnected.
fn post(world: &mut World) -> Post {
    let socket = socket(world);
    bind(world, &socket, at("127.0.0.1:0")).unwrap();
    let (incoming, outgoing) = stream(world, &socket, None).unwrap();
    let address = address(world.net().local_address(again(&socket)).unwrap());
    Post {
        socket,
        incoming,
        outgoing,
        address,
    }
}

fn send(
    world: &mut World,
    from: &Post,
    letters: &[(&[u8], Option<SocketAddr>)],
) -> SocketResult<u64> {
    world.net().check_send(again(&from.outgoing))?;
    let datagrams = letters.iter().map(|(data, to)| OutgoingDatagram {
        data: data.to_vec(),
        remote_address: to.map(Into::into),
    });
    world.net().send(again(&from.outgoing), datagrams.collect())
}

fn receive(world: &mut World, at: &Post) -> Vec<Vec<u8>> {
    let datagrams = world.net().receive(again(&at.incoming), 100).unwrap();
    datagrams
        .into_iter()
        .map(|datagram| datagram.data)
        .collect()
}

fn drop_streams(world: &mut World, post: &Post) {
    HostIncomingDatagramStream::drop(&mut world.net(), Resource::new_own(post.incoming.rep()))
        .unwrap();
    now(HostOutgoingDatagramStream::drop(
        &mut world.net(),
        Resource::new_own(post.outgoing.rep()),
    ))
    .unwrap();
}

#[test]
fn datagrams_arrive_one_by_one() {
    let mut world = World::new(&network());
    let (one, two) = (post(&mut world), post(&mut world));
    let to = Some(two.address);
    assert_eq!(
        send(&mut world, &one, &[(b"a", to), (b"", to), (b"ccc", to)]).unwrap(),
        3
    );
    assert_eq!(receive(&mut world, &two), [&b"a"[..], b"", b"ccc"]);
    assert!(receive(&mut world, &two).is_empty());
    assert!(
        world
            .net()
            .receive(again(&two.incoming), 0)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn operations_fit_the_state() {
    let mut world = World::new(&network());
    let socket = socket(&mut world);
    assert_eq!(
        code(stream(&mut world, &socket, None)),
        ErrorCode::InvalidState
    );
    assert_eq!(
        code(world.net().local_address(again(&socket))),
        ErrorCode::InvalidState
    );
    assert_eq!(
        code(world.net().finish_bind(again(&socket))),
        ErrorCode::NotInProgress
    );
    assert_eq!(
        code(bind(&mut world, &socket, at("[::1]:0"))),
        ErrorCode::InvalidArgument
    );
    bind(&mut world, &socket, at("127.0.0.1:0")).unwrap();
    assert_eq!(
        code(bind(&mut world, &socket, at("127.0.0.1:0"))),
        ErrorCode::InvalidState
    );
    assert_eq!(
        code(world.net().remote_address(again(&socket))),
        ErrorCode::InvalidState
    );
    assert_eq!(
        code(stream(&mut world, &socket, Some(at("127.0.0.1:0")))),
        ErrorCode::InvalidArgument
    );
    let _streams = stream(&mut world, &socket, Some(at("127.0.0.1:9"))).unwrap();
    assert_eq!(
        address(world.net().remote_address(again(&socket)).unwrap()),
        at("127.0.0.1:9")
    );
    assert_eq!(
        code(world.net().set_unicast_hop_limit(again(&socket), 0)),
        ErrorCode::InvalidArgument
    );
    world
        .net()
        .set_unicast_hop_limit(again(&socket), 9)
        .unwrap();
    assert_eq!(world.net().unicast_hop_limit(again(&socket)).unwrap(), 9);
}

#[test]
fn a_socket_has_one_pair_of_streams() {
    let mut world = World::new(&network());
    let post = post(&mut world);
    assert!(traps(stream(&mut world, &post.socket, None)));
    drop_streams(&mut world, &post);
    stream(&mut world, &post.socket, None).unwrap();
}

#[test]
fn sending_needs_a_permit_and_a_destination() {
    let mut world = World::new(&network());
    let (one, two) = (post(&mut world), post(&mut world));
    let letter = |to: Option<SocketAddr>| {
        vec![OutgoingDatagram {
            data: vec![1],
            remote_address: to.map(Into::into),
        }]
    };
    assert!(traps(
        world
            .net()
            .send(again(&one.outgoing), letter(Some(two.address)))
    ));
    assert_eq!(
        code(send(&mut world, &one, &[(b"x", None)])),
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        code(send(&mut world, &one, &[(b"x", Some(at("[::1]:1")))])),
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        code(send(&mut world, &one, &[(&[0; 65508], Some(two.address))])),
        ErrorCode::DatagramTooLarge
    );
    // After the first was sent, an error is no longer told: the guest meets it when it goes on from there.
    assert_eq!(
        send(
            &mut world,
            &one,
            &[(b"sent", Some(two.address)), (b"not", None)]
        )
        .unwrap(),
        1
    );
    assert_eq!(receive(&mut world, &two), [b"sent"]);
}

#[test]
fn a_connected_socket_hears_and_reaches_its_peer_alone() {
    let mut world = World::new(&network());
    let (one, friend, stranger) = (post(&mut world), post(&mut world), post(&mut world));
    // What a stranger sent before the socket was connected must not come out after.
    send(&mut world, &stranger, &[(b"early", Some(one.address))]).unwrap();
    drop_streams(&mut world, &one);
    let (incoming, outgoing) = stream(&mut world, &one.socket, Some(friend.address)).unwrap();
    let one = Post {
        incoming,
        outgoing,
        ..one
    };
    send(&mut world, &stranger, &[(b"late", Some(one.address))]).unwrap();
    send(&mut world, &friend, &[(b"welcome", Some(one.address))]).unwrap();
    assert_eq!(receive(&mut world, &one), [b"welcome"]);
    assert_eq!(
        code(send(&mut world, &one, &[(b"x", Some(stranger.address))])),
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        send(
            &mut world,
            &one,
            &[(b"x", None), (b"y", Some(friend.address))]
        )
        .unwrap(),
        2
    );
    assert_eq!(receive(&mut world, &friend), [b"x", b"y"]);

    drop_streams(&mut world, &one);
    let (incoming, outgoing) = stream(&mut world, &one.socket, None).unwrap();
    let one = Post {
        incoming,
        outgoing,
        ..one
    };
    assert_eq!(
        code(world.net().remote_address(again(&one.socket))),
        ErrorCode::InvalidState
    );
    send(&mut world, &stranger, &[(b"again", Some(one.address))]).unwrap();
    assert_eq!(receive(&mut world, &one), [b"again"]);
}

#[test]
fn a_receiver_is_ready_when_a_datagram_is_there() {
    let mut world = World::new(&network());
    let (one, two) = (post(&mut world), post(&mut world));
    let pollable =
        HostIncomingDatagramStream::subscribe(&mut world.net(), again(&two.incoming)).unwrap();
    let writable =
        HostOutgoingDatagramStream::subscribe(&mut world.net(), again(&one.outgoing)).unwrap();
    now(HostPollable::block(
        world.guest.ctx().table,
        again(&writable),
    ))
    .unwrap();
    assert!(
        HostPollable::block(world.guest.ctx().table, again(&pollable))
            .now_or_never()
            .is_none()
    );
    send(&mut world, &one, &[(b"x", Some(two.address))]).unwrap();
    now(HostPollable::block(
        world.guest.ctx().table,
        again(&pollable),
    ))
    .unwrap();
    assert_eq!(receive(&mut world, &two), [b"x"]);
}

fn addresses_of(world: &mut World, name: &str) -> SocketResult<Vec<IpAddress>> {
    let network = world.network();
    let stream = world.net().resolve_addresses(network, name.into())?;
    let mut addresses = Vec::new();
    while let Some(address) = world.net().resolve_next_address(again(&stream))? {
        addresses.push(address);
    }
    HostResolveAddressStream::drop(&mut world.net(), stream).unwrap();
    Ok(addresses)
}

#[tokio::test]
async fn names_are_the_pods_own() {
    let mut world = World::new(&network());
    assert!(matches!(
        addresses_of(&mut world, "localhost").unwrap()[0],
        IpAddress::Ipv4((127, 0, 0, 1))
    ));
    assert!(!addresses_of(&mut world, "pod").unwrap().is_empty());
    assert!(matches!(
        addresses_of(&mut world, "192.0.2.7").unwrap()[..],
        [IpAddress::Ipv4((192, 0, 2, 7))]
    ));
    assert!(matches!(
        addresses_of(&mut world, "[::1]").unwrap()[..],
        [IpAddress::Ipv6(_)]
    ));
    assert_eq!(
        code(addresses_of(&mut world, "no name")),
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        code(addresses_of(&mut world, "nowhere.example")),
        ErrorCode::NameUnresolvable
    );
}
