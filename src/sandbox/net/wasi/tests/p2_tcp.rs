use super::at;
use super::host::network;
use super::p2_world::{World, address, again, code, now, traps};
use crate::sandbox::net::Network;
use futures::FutureExt;
use waiting::Ready;
use wasmtime::component::Resource;
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::sockets::instance_network::Host as _;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, Host as _, HostNetwork, IpAddressFamily, Network as Door,
};
use wasmtime_wasi::p2::bindings::sockets::tcp::{HostTcpSocket, ShutdownType};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as _;
use wasmtime_wasi::p2::{DynPollable, StreamError, subscribe};

/// Waiting as `wasi:io/poll` does.
mod waiting {
    use super::{DynPollable, Resource, World};
    use wasmtime_wasi::WasiView;
    use wasmtime_wasi::p2::bindings::io::poll::HostPollable;

    pub trait Ready {
        async fn block(&mut self, pollable: &Resource<DynPollable>);
    }

    impl Ready for World {
        async fn block(&mut self, pollable: &Resource<DynPollable>) {
            let table = self.guest.ctx().table;
            HostPollable::block(table, Resource::new_borrow(pollable.rep()))
                .await
                .unwrap();
        }
    }
}

fn world() -> World {
    World::new(&network())
}

#[test]
fn an_operation_is_finished_before_the_next_begins() {
    let mut world = world();
    let socket = world.socket();
    assert_eq!(
        code(world.net().finish_bind(again(&socket))),
        ErrorCode::NotInProgress
    );
    world.start_bind(&socket, at("127.0.0.1:0")).unwrap();
    assert_eq!(
        code(world.start_listen(&socket)),
        ErrorCode::ConcurrencyConflict
    );
    assert_eq!(
        code(world.start_connect(&socket, at("127.0.0.1:1"))),
        ErrorCode::ConcurrencyConflict
    );
    assert_eq!(
        code(world.net().finish_listen(again(&socket))),
        ErrorCode::NotInProgress
    );
    world.net().finish_bind(again(&socket)).unwrap();
    assert_eq!(
        code(world.net().finish_bind(again(&socket))),
        ErrorCode::NotInProgress
    );
}

#[test]
fn operations_fit_the_state() {
    let mut world = world();
    let fresh = world.socket();
    assert_eq!(code(world.start_listen(&fresh)), ErrorCode::InvalidState);
    assert_eq!(
        code(world.net().local_address(again(&fresh))),
        ErrorCode::InvalidState
    );
    assert_eq!(
        code(world.net().remote_address(again(&fresh))),
        ErrorCode::InvalidState
    );
    assert_eq!(code(world.accept(&fresh)), ErrorCode::InvalidState);
    assert_eq!(
        code(world.net().shutdown(again(&fresh), ShutdownType::Both)),
        ErrorCode::InvalidState
    );
    world.bind(&fresh, at("127.0.0.1:0")).unwrap();
    assert_eq!(
        code(world.bind(&fresh, at("127.0.0.1:0"))),
        ErrorCode::InvalidState
    );

    let (listener, listening_at) = world.listen();
    assert!(world.net().is_listening(again(&listener)).unwrap());
    assert_eq!(
        code(world.bind(&listener, at("127.0.0.1:0"))),
        ErrorCode::InvalidState
    );
    assert_eq!(code(world.start_listen(&listener)), ErrorCode::InvalidState);
    assert_eq!(
        code(world.start_connect(&listener, listening_at)),
        ErrorCode::InvalidState
    );
    assert_eq!(code(world.accept(&listener)), ErrorCode::WouldBlock);

    let client = world.connect(listening_at).unwrap();
    assert_eq!(
        code(world.start_connect(&client.socket, listening_at)),
        ErrorCode::InvalidState
    );
    assert_eq!(
        code(world.start_listen(&client.socket)),
        ErrorCode::InvalidState
    );
    assert_eq!(
        code(
            world
                .net()
                .set_listen_backlog_size(again(&client.socket), 1)
        ),
        ErrorCode::InvalidState
    );
}

#[test]
fn addresses_fit_the_socket() {
    let mut world = world();
    let v4 = world.socket();
    let v6 = world
        .net()
        .create_tcp_socket(IpAddressFamily::Ipv6)
        .unwrap();
    for to in ["[::1]:1", "224.0.0.1:1", "255.255.255.255:1"] {
        assert_eq!(
            code(world.start_bind(&v4, at(to))),
            ErrorCode::InvalidArgument,
            "bind {to}"
        );
    }
    for to in [
        "127.0.0.1:1",
        "[::ffff:127.0.0.1]:1",
        "[::127.0.0.1]:1",
        "[ff02::1]:1",
    ] {
        assert_eq!(
            code(world.start_bind(&v6, at(to))),
            ErrorCode::InvalidArgument,
            "bind {to}"
        );
        assert_eq!(
            code(world.start_connect(&v6, at(to))),
            ErrorCode::InvalidArgument,
            "connect {to}"
        );
    }
    for to in ["127.0.0.1:0", "0.0.0.0:80", "[::1]:80"] {
        assert_eq!(
            code(world.start_connect(&v4, at(to))),
            ErrorCode::InvalidArgument,
            "connect {to}"
        );
    }
    // None of this spoiled the sockets.
    world.bind(&v4, at("0.0.0.0:0")).unwrap();
    world.bind(&v6, at("[::]:0")).unwrap();
    let other = world.socket();
    assert_eq!(
        code(world.start_bind(&other, at("192.0.2.1:0"))),
        ErrorCode::AddressNotBindable
    );
    let taken = world.net().local_address(again(&v4)).unwrap();
    assert_eq!(
        code(world.start_bind(&other, address(taken))),
        ErrorCode::AddressInUse
    );
}

#[test]
fn a_refused_socket_repeats_why() {
    let mut world = world();
    let socket = world.socket();
    world.start_connect(&socket, at("127.0.0.1:9")).unwrap();
    assert_eq!(
        code(world.net().local_address(again(&socket))),
        ErrorCode::InvalidState
    );
    assert_eq!(
        code(world.net().finish_connect(again(&socket))),
        ErrorCode::ConnectionRefused
    );
    assert_eq!(
        code(world.net().finish_connect(again(&socket))),
        ErrorCode::NotInProgress
    );
    assert_eq!(
        code(world.net().remote_address(again(&socket))),
        ErrorCode::ConnectionRefused
    );
    assert_eq!(
        code(world.start_connect(&socket, at("127.0.0.1:9"))),
        ErrorCode::InvalidState
    );
    assert_eq!(
        code(world.net().hop_limit(again(&socket))),
        ErrorCode::ConnectionRefused
    );
}

#[test]
fn options_are_checked_clamped_and_inherited() {
    let mut world = world();
    let (listener, to) = world.listen();
    assert_eq!(
        code(world.net().set_hop_limit(again(&listener), 0)),
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        code(world.net().set_listen_backlog_size(again(&listener), 0)),
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        code(world.net().set_keep_alive_idle_time(again(&listener), 0)),
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        code(world.net().set_keep_alive_interval(again(&listener), 0)),
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        code(world.net().set_keep_alive_count(again(&listener), 0)),
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        code(world.net().set_receive_buffer_size(again(&listener), 0)),
        ErrorCode::InvalidArgument
    );
    assert_eq!(
        code(world.net().set_send_buffer_size(again(&listener), 0)),
        ErrorCode::InvalidArgument
    );
    world
        .net()
        .set_keep_alive_enabled(again(&listener), true)
        .unwrap();
    world
        .net()
        .set_keep_alive_idle_time(again(&listener), 7_000_000_000)
        .unwrap();
    world
        .net()
        .set_keep_alive_interval(again(&listener), 1)
        .unwrap();
    world
        .net()
        .set_keep_alive_count(again(&listener), 1000)
        .unwrap();
    world.net().set_hop_limit(again(&listener), 42).unwrap();
    world
        .net()
        .set_send_buffer_size(again(&listener), u64::MAX)
        .unwrap();

    let _client = world.connect(to).unwrap();
    let socket = world.accept(&listener).unwrap().socket;
    assert!(world.net().keep_alive_enabled(again(&socket)).unwrap());
    assert_eq!(
        world.net().keep_alive_idle_time(again(&socket)).unwrap(),
        7_000_000_000
    );
    assert_eq!(
        world.net().keep_alive_interval(again(&socket)).unwrap(),
        1_000_000_000
    );
    assert_eq!(world.net().keep_alive_count(again(&socket)).unwrap(), 127);
    assert_eq!(world.net().hop_limit(again(&socket)).unwrap(), 42);
    assert!(world.net().receive_buffer_size(again(&socket)).unwrap() > 0);
    assert!(world.net().send_buffer_size(again(&socket)).unwrap() > 0);
}

#[test]
fn a_backlog_of_one_refuses_the_second() {
    let mut world = world();
    let (listener, to) = world.listen();
    world
        .net()
        .set_listen_backlog_size(again(&listener), 1)
        .unwrap();
    let _first = world.connect(to).unwrap();
    assert_eq!(code(world.connect(to)), ErrorCode::ConnectionRefused);
    world.accept(&listener).unwrap();
    world.connect(to).unwrap();
}

#[test]
fn both_ends_know_both_addresses() {
    let mut world = world();
    let (listener, to) = world.listen();
    let client = world.connect(to).unwrap();
    let server = world.accept(&listener).unwrap();
    let local = address(world.net().local_address(again(&client.socket)).unwrap());
    assert_eq!(
        address(world.net().remote_address(again(&client.socket)).unwrap()),
        to
    );
    assert_eq!(
        address(world.net().local_address(again(&server.socket)).unwrap()),
        to
    );
    assert_eq!(
        address(world.net().remote_address(again(&server.socket)).unwrap()),
        local
    );
    assert!(matches!(
        world.net().address_family(again(&server.socket)).unwrap(),
        IpAddressFamily::Ipv4
    ));
}

#[test]
fn bytes_reach_a_guest_of_another_store() {
    let pod: Network = network();
    let (mut here, mut there) = (World::new(&pod), World::new(&pod));
    let (listener, to) = here.listen();
    let client = there.connect(to).unwrap();
    there.write(&client, b"across").unwrap();
    let server = here.accept(&listener).unwrap();
    assert_eq!(here.read(&server).unwrap(), b"across");
    assert_eq!(here.read(&server).unwrap(), b"");
    there.close(client);
    assert!(matches!(here.read(&server), Err(StreamError::Closed)));
}

#[test]
fn writing_after_the_peer_closed_succeeds_once() {
    let mut world = world();
    let (client, server) = world.pair();
    world.close(server);
    world.write(&client, b"into the void").unwrap();
    // A blocking flush asks once more: it must not turn a write that was accepted into a failure.
    world.output(&client).flush().unwrap();
    assert!(world.output(&client).check_write().unwrap() > 0);
    assert!(matches!(
        world.output(&client).write("again".into()),
        Err(StreamError::Closed)
    ));
    assert!(matches!(
        world.output(&client).check_write(),
        Err(StreamError::Closed)
    ));
}

#[test]
fn unread_bytes_make_a_close_a_reset() {
    let mut world = world();
    let (client, server) = world.pair();
    world.write(&client, b"unread").unwrap();
    world.close(server);
    let Err(StreamError::LastOperationFailed(error)) = world.read(&client) else {
        panic!("a reset is an error");
    };
    let error = world.guest.ctx().table.push(error).unwrap();
    assert_eq!(
        world.net().network_error_code(error).unwrap(),
        Some(ErrorCode::ConnectionReset)
    );
    // Told once, the stream is closed.
    assert!(matches!(world.read(&client), Err(StreamError::Closed)));
}

#[test]
fn shutdown_is_per_direction_and_idempotent() {
    let mut world = world();
    let (client, server) = world.pair();
    world.write(&client, b"last").unwrap();
    for _ in 0..2 {
        world
            .net()
            .shutdown(again(&client.socket), ShutdownType::Send)
            .unwrap();
    }
    assert!(matches!(
        world.output(&client).check_write(),
        Err(StreamError::Closed)
    ));
    assert_eq!(world.read(&server).unwrap(), b"last");
    assert!(matches!(world.read(&server), Err(StreamError::Closed)));
    world.write(&server, b"answer").unwrap();
    assert_eq!(world.read(&client).unwrap(), b"answer");
    world.write(&server, b"to be discarded").unwrap();
    for _ in 0..2 {
        world
            .net()
            .shutdown(again(&client.socket), ShutdownType::Receive)
            .unwrap();
    }
    assert!(matches!(world.read(&client), Err(StreamError::Closed)));
    world
        .net()
        .shutdown(again(&client.socket), ShutdownType::Both)
        .unwrap();
}

#[test]
fn a_full_pipe_permits_nothing_until_it_is_read() {
    let mut world = world();
    let (client, server) = world.pair();
    let mut written = 0;
    loop {
        let permit = world.output(&client).check_write().unwrap();
        if permit == 0 {
            break;
        }
        world.output(&client).write(vec![7; permit].into()).unwrap();
        written += permit;
    }
    let pollable = subscribe(
        world.guest.ctx().table,
        Resource::<wasmtime_wasi::p2::DynOutputStream>::new_borrow(client.output.rep()),
    )
    .unwrap();
    assert!(world.block(&pollable).now_or_never().is_none());
    let mut read = 0;
    while read < written {
        read += world.read(&server).unwrap().len();
    }
    assert_eq!(read, written);
    now(world.block(&pollable));
    assert!(world.output(&client).check_write().unwrap() > 0);
}

#[test]
fn writing_more_than_permitted_traps() {
    let mut world = world();
    let (client, _server) = world.pair();
    assert!(matches!(
        world.output(&client).write("unasked".into()),
        Err(StreamError::Trap(_))
    ));
    let permit = world.output(&client).check_write().unwrap();
    assert!(matches!(
        world.output(&client).write(vec![0; permit + 1].into()),
        Err(StreamError::Trap(_))
    ));
}

#[test]
fn a_listener_is_ready_when_somebody_knocks() {
    let mut world = world();
    let (listener, to) = world.listen();
    let pollable = HostTcpSocket::subscribe(&mut world.net(), again(&listener)).unwrap();
    assert!(world.block(&pollable).now_or_never().is_none());
    let client = world.connect(to).unwrap();
    now(world.block(&pollable));
    let server = world.accept(&listener).unwrap();
    assert!(world.block(&pollable).now_or_never().is_none());

    let input = subscribe(
        world.guest.ctx().table,
        Resource::<wasmtime_wasi::p2::DynInputStream>::new_borrow(server.input.rep()),
    )
    .unwrap();
    assert!(world.block(&input).now_or_never().is_none());
    world.write(&client, b"knock").unwrap();
    now(world.block(&input));
    assert_eq!(world.read(&server).unwrap(), b"knock");
    world.close(client);
    now(world.block(&input));
}

/// The waker itself, not only the state: a guest sleeps in one thread and its peer acts in another.
#[tokio::test]
async fn a_sleeping_reader_is_woken_by_its_peer() {
    let pod = network();
    let (mut here, mut there) = (World::new(&pod), World::new(&pod));
    let (listener, to) = here.listen();
    let client = there.connect(to).unwrap();
    let server = here.accept(&listener).unwrap();
    let reader = tokio::spawn(async move {
        let bytes = here.input(&server).blocking_read(100).await.unwrap();
        (here, bytes)
    });
    tokio::task::yield_now().await;
    there.write(&client, b"wake up").unwrap();
    let (_here, bytes) = reader.await.unwrap();
    assert_eq!(&bytes[..], b"wake up");
}

#[test]
fn a_socket_outlives_its_streams_in_the_table() {
    let mut world = world();
    let (client, _server) = world.pair();
    let dropped = HostTcpSocket::drop(&mut world.net(), Resource::new_own(client.socket.rep()));
    assert!(dropped.is_err());
    world.close(client);
}

#[test]
fn only_a_real_network_handle_opens_the_network() {
    let mut world = world();
    let socket = world.socket();
    let forged: Resource<Door> = Resource::new_borrow(socket.rep());
    assert!(traps(world.net().start_connect(
        again(&socket),
        forged,
        at("127.0.0.1:1").into()
    )));
    let door = world.net().instance_network().unwrap();
    HostNetwork::drop(&mut world.net(), door).unwrap();
}

#[test]
fn a_dying_container_takes_its_sockets_along() {
    let pod = network();
    let (mut here, mut there) = (World::new(&pod), World::new(&pod));
    let (listener, to) = here.listen();
    let client = there.connect(to).unwrap();
    let _server = here.accept(&listener).unwrap();
    drop(here);
    assert!(matches!(there.read(&client), Err(StreamError::Closed)));
    assert_eq!(code(there.connect(to)), ErrorCode::ConnectionRefused);
}
