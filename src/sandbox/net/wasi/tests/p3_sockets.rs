//! WASI 0.3, driven by calls of a guest's imports; what flows through streams is collected by the store's event loop.

use super::super::{NetCtxView, NetView, VirtualSockets};
use super::at;
use super::host::{Guest, guest, network};
use bytes::Bytes;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::{
    Access, FutureConsumer, FutureReader, Resource, Source, StreamConsumer, StreamReader,
    StreamResult,
};
use wasmtime::{AsContextMut, Engine, Store, StoreContextMut};
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup::{
    ErrorCode as NameCode, HostWithStore as Names,
};
use wasmtime_wasi::p3::bindings::sockets::types::{
    ErrorCode, HostTcpSocket, HostTcpSocketWithStore as Tcp, HostUdpSocket,
    HostUdpSocketWithStore as Udp, IpAddress, IpAddressFamily, TcpSocket, UdpSocket,
};
use wasmtime_wasi::p3::sockets::SocketResult;

/// How a store leads to its sockets.
const VIEW: fn(&mut Guest) -> NetCtxView<'_> = Guest::net;

type Outcome = Result<(), ErrorCode>;

fn store() -> Store<Guest> {
    Store::new(&Engine::default(), guest(&network()))
}

fn access(store: &mut Store<Guest>) -> Access<'_, Guest, VirtualSockets> {
    Access::<Guest, VirtualSockets>::new(store.as_context_mut(), VIEW)
}

fn again<T: 'static>(handle: &Resource<T>) -> Resource<T> {
    Resource::new_borrow(handle.rep())
}

fn code<T>(result: SocketResult<T>) -> ErrorCode {
    result
        .err()
        .expect("this fails")
        .downcast()
        .expect("a code, not a trap")
}

/// Hands on what a guest's stream yields.
struct Collect<T>(mpsc::UnboundedSender<T>);

impl<T: wasmtime::component::Lift + Send + Sync + 'static> StreamConsumer<Guest> for Collect<T> {
    type Item = T;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'_, Guest>,
        mut source: Source<'_, T>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut items = Vec::with_capacity(100_000);
        source.read(store, &mut items)?;
        items.into_iter().for_each(|item| drop(self.0.send(item)));
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

/// Hands on what a guest's future yields.
struct Fetch(Option<oneshot::Sender<Outcome>>);

impl FutureConsumer<Guest> for Fetch {
    type Item = Outcome;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'_, Guest>,
        mut source: Source<'_, Outcome>,
        _: bool,
    ) -> Poll<wasmtime::Result<()>> {
        let mut outcome = None;
        source.read(store, &mut outcome)?;
        let _ = self.0.take().unwrap().send(outcome.unwrap());
        Poll::Ready(Ok(()))
    }
}

fn items<T: wasmtime::component::Lift + Send + Sync + 'static>(
    store: &mut Store<Guest>,
    stream: StreamReader<T>,
) -> mpsc::UnboundedReceiver<T> {
    let (to, items) = mpsc::unbounded_channel();
    stream.pipe(store, Collect(to)).unwrap();
    items
}

fn outcome(store: &mut Store<Guest>, future: FutureReader<Outcome>) -> oneshot::Receiver<Outcome> {
    let (to, outcome) = oneshot::channel();
    future.pipe(store, Fetch(Some(to))).unwrap();
    outcome
}

async fn socket_on(store: &mut Store<Guest>, local: SocketAddr) -> Resource<TcpSocket> {
    let socket = HostTcpSocket::create(&mut store.data_mut().net(), IpAddressFamily::Ipv4).unwrap();
    HostTcpSocket::bind(&mut store.data_mut().net(), again(&socket), local.into())
        .await
        .unwrap();
    socket
}

async fn listen(
    store: &mut Store<Guest>,
) -> (mpsc::UnboundedReceiver<Resource<TcpSocket>>, SocketAddr) {
    let socket = socket_on(store, at("127.0.0.1:0")).await;
    let accepted = <VirtualSockets as Tcp<Guest>>::listen(access(store), again(&socket))
        .await
        .unwrap();
    let address =
        HostTcpSocket::get_local_address(&mut store.data_mut().net(), again(&socket)).unwrap();
    assert!(
        store
            .data_mut()
            .net()
            .get_is_listening(again(&socket))
            .unwrap()
    );
    (items(store, accepted), address.into())
}

async fn connect(store: &mut Store<Guest>, to: SocketAddr) -> SocketResult<Resource<TcpSocket>> {
    let socket = HostTcpSocket::create(&mut store.data_mut().net(), IpAddressFamily::Ipv4)?;
    let handle = again(&socket);
    let connected = store.run_concurrent(async |store| {
        let store = store.with_getter::<VirtualSockets>(VIEW);
        <VirtualSockets as Tcp<Guest>>::connect(&store, handle, to.into()).await
    });
    connected.await.unwrap()?;
    Ok(socket)
}

/// Both ends of a connection.
async fn pair(store: &mut Store<Guest>) -> (Resource<TcpSocket>, Resource<TcpSocket>) {
    let (mut accepted, to) = listen(store).await;
    let client = connect(store, to).await.unwrap();
    let server = store
        .run_concurrent(async |_| accepted.recv().await.unwrap())
        .await
        .unwrap();
    (client, server)
}

fn send(
    store: &mut Store<Guest>,
    socket: &Resource<TcpSocket>,
    bytes: Vec<u8>,
) -> oneshot::Receiver<Outcome> {
    let stream = StreamReader::new(&mut *store, Bytes::from(bytes)).unwrap();
    let sent = <VirtualSockets as Tcp<Guest>>::send(access(store), again(socket), stream).unwrap();
    outcome(store, sent)
}

fn receive(
    store: &mut Store<Guest>,
    socket: &Resource<TcpSocket>,
) -> (mpsc::UnboundedReceiver<u8>, oneshot::Receiver<Outcome>) {
    let (bytes, end) =
        <VirtualSockets as Tcp<Guest>>::receive(access(store), again(socket)).unwrap();
    (items(store, bytes), outcome(store, end))
}

async fn all(mut items: mpsc::UnboundedReceiver<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(byte) = items.recv().await {
        bytes.push(byte);
    }
    bytes
}

#[tokio::test]
async fn streams_carry_both_directions_to_their_ends() {
    let mut store = store();
    let (client, server) = pair(&mut store).await;
    // More than the network holds, so that the sender meets back-pressure.
    let large: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let sent = send(&mut store, &client, large.clone());
    let answered = send(&mut store, &server, b"answer".to_vec());
    let (up, up_end) = receive(&mut store, &server);
    let (down, down_end) = receive(&mut store, &client);
    let told = store.run_concurrent(async |_| {
        assert!(all(up).await == large);
        assert_eq!(all(down).await, b"answer");
        [sent.await, answered.await, up_end.await, down_end.await]
    });
    for outcome in told.await.unwrap() {
        outcome.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_direction_can_be_taken_once() {
    let mut store = store();
    let (client, _server) = pair(&mut store).await;
    let _first = receive(&mut store, &client);
    let (nothing, end) = receive(&mut store, &client);
    let _sending = send(&mut store, &client, vec![1]);
    let sent = send(&mut store, &client, vec![2]);
    let (bytes, end, sent) = store
        .run_concurrent(async |_| (all(nothing).await, end.await, sent.await))
        .await
        .unwrap();
    assert!(bytes.is_empty());
    assert!(matches!(end.unwrap(), Err(ErrorCode::InvalidState)));
    assert!(matches!(sent.unwrap(), Err(ErrorCode::InvalidState)));
}

#[tokio::test]
async fn a_reset_is_the_outcome_of_receiving() {
    let mut store = store();
    let (client, server) = pair(&mut store).await;
    let sent = send(&mut store, &client, b"never read".to_vec());
    store
        .run_concurrent(async |_| sent.await)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    HostTcpSocket::drop(&mut store.data_mut().net(), server).unwrap();
    let (bytes, end) = receive(&mut store, &client);
    let (bytes, end) = store
        .run_concurrent(async |_| (all(bytes).await, end.await))
        .await
        .unwrap();
    assert!(bytes.is_empty());
    assert!(matches!(end.unwrap(), Err(ErrorCode::ConnectionReset)));
}

#[tokio::test]
async fn connecting_fails_as_the_network_says() {
    let mut store = store();
    assert!(matches!(
        code(connect(&mut store, at("127.0.0.1:9")).await),
        ErrorCode::ConnectionRefused
    ));
    assert!(matches!(
        code(connect(&mut store, at("127.0.0.1:0")).await),
        ErrorCode::InvalidArgument
    ));
    assert!(matches!(
        code(connect(&mut store, at("[::1]:9")).await),
        ErrorCode::InvalidArgument
    ));
}

#[tokio::test]
async fn listening_binds_first_if_need_be() {
    let mut store = store();
    let socket = HostTcpSocket::create(&mut store.data_mut().net(), IpAddressFamily::Ipv6).unwrap();
    let _stream = <VirtualSockets as Tcp<Guest>>::listen(access(&mut store), again(&socket))
        .await
        .unwrap();
    let local: SocketAddr =
        HostTcpSocket::get_local_address(&mut store.data_mut().net(), again(&socket))
            .unwrap()
            .into();
    assert!(local.ip().is_unspecified() && local.port() != 0);
    let taken = HostTcpSocket::bind(
        &mut store.data_mut().net(),
        again(&socket),
        at("[::1]:0").into(),
    )
    .await;
    assert!(matches!(code(taken), ErrorCode::InvalidState));
}

#[tokio::test]
async fn accepted_sockets_inherit_options() {
    let mut store = store();
    let socket = socket_on(&mut store, at("127.0.0.1:0")).await;
    store
        .data_mut()
        .net()
        .set_hop_limit(again(&socket), 42)
        .unwrap();
    assert!(matches!(
        code(store.data_mut().net().set_hop_limit(again(&socket), 0)),
        ErrorCode::InvalidArgument
    ));
    let accepted = <VirtualSockets as Tcp<Guest>>::listen(access(&mut store), again(&socket))
        .await
        .unwrap();
    let mut accepted = items(&mut store, accepted);
    let to: SocketAddr =
        HostTcpSocket::get_local_address(&mut store.data_mut().net(), again(&socket))
            .unwrap()
            .into();
    let _client = connect(&mut store, to).await.unwrap();
    let server = store
        .run_concurrent(async |_| accepted.recv().await.unwrap())
        .await
        .unwrap();
    assert_eq!(
        store
            .data_mut()
            .net()
            .get_hop_limit(again(&server))
            .unwrap(),
        42
    );
}

async fn udp(store: &mut Store<Guest>) -> Resource<UdpSocket> {
    HostUdpSocket::create(&mut store.data_mut().net(), IpAddressFamily::Ipv4)
        .await
        .unwrap()
}

async fn send_to(
    store: &mut Store<Guest>,
    socket: &Resource<UdpSocket>,
    data: &[u8],
    to: Option<SocketAddr>,
) -> SocketResult<()> {
    let (socket, data) = (again(socket), data.to_vec());
    let sent = store.run_concurrent(async |store| {
        let store = store.with_getter::<VirtualSockets>(VIEW);
        <VirtualSockets as Udp<Guest>>::send(&store, socket, data, to.map(Into::into)).await
    });
    sent.await.unwrap()
}

async fn receive_from(
    store: &mut Store<Guest>,
    socket: &Resource<UdpSocket>,
) -> SocketResult<(Vec<u8>, SocketAddr)> {
    let socket = again(socket);
    let received = store.run_concurrent(async |store| {
        let store = store.with_getter::<VirtualSockets>(VIEW);
        <VirtualSockets as Udp<Guest>>::receive(&store, socket).await
    });
    received
        .await
        .unwrap()
        .map(|(data, from)| (data, from.into()))
}

#[tokio::test]
async fn datagrams_are_sent_and_received() {
    let mut store = store();
    let (one, two) = (udp(&mut store).await, udp(&mut store).await);
    assert!(matches!(
        code(receive_from(&mut store, &two).await),
        ErrorCode::InvalidState
    ));
    HostUdpSocket::bind(
        &mut store.data_mut().net(),
        again(&two),
        at("127.0.0.1:0").into(),
    )
    .await
    .unwrap();
    let to: SocketAddr = HostUdpSocket::get_local_address(&mut store.data_mut().net(), again(&two))
        .unwrap()
        .into();
    assert!(matches!(
        code(send_to(&mut store, &one, b"x", None).await),
        ErrorCode::InvalidArgument
    ));
    assert!(matches!(
        code(send_to(&mut store, &one, &[0; 65508], Some(to)).await),
        ErrorCode::DatagramTooLarge
    ));
    send_to(&mut store, &one, b"hello", Some(to)).await.unwrap();
    let (data, from) = receive_from(&mut store, &two).await.unwrap();
    assert_eq!(data, b"hello");
    // Connected to its sender, and back again.
    assert!(matches!(
        code(store.data_mut().net().disconnect(again(&two))),
        ErrorCode::InvalidState
    ));
    HostUdpSocket::connect(&mut store.data_mut().net(), again(&two), from.into())
        .await
        .unwrap();
    send_to(&mut store, &two, b"answer", None).await.unwrap();
    assert_eq!(
        receive_from(&mut store, &one).await.unwrap(),
        (b"answer".to_vec(), to)
    );
    assert!(matches!(
        code(send_to(&mut store, &two, b"x", Some(at("127.0.0.1:9"))).await),
        ErrorCode::InvalidArgument
    ));
    store.data_mut().net().disconnect(again(&two)).unwrap();
    HostUdpSocket::drop(&mut store.data_mut().net(), two).unwrap();
}

#[tokio::test]
async fn names_are_the_pods_own() {
    let mut store = store();
    let answers = store.run_concurrent(async |store| {
        let store = store.with_getter::<VirtualSockets>(VIEW);
        let mut answers = Vec::new();
        for name in ["localhost", "no name", "nowhere.example"] {
            answers.push(
                <VirtualSockets as Names<Guest>>::resolve_addresses(&store, name.into())
                    .await
                    .unwrap(),
            );
        }
        answers
    });
    let answers = answers.await.unwrap();
    assert!(matches!(
        answers[0].as_ref().unwrap()[0],
        IpAddress::Ipv4((127, 0, 0, 1))
    ));
    assert!(matches!(answers[1], Err(NameCode::InvalidArgument)));
    assert!(matches!(answers[2], Err(NameCode::NameUnresolvable)));
}
