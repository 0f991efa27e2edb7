//! Waiting for several things at once, sockets among them. Wasmtime's own `poll_oneoff` knows none and the numbers of the
//! other descriptors lie in the guest's memory, so all of it is done here.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use wasmtime_wasi::cli::StdinStream as _;
use wasmtime_wasi::p1::types::{self, Errno};
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wasmtime_wasi::p2::InputStream;
use wiggle::{GuestMemory, GuestPtr};

use super::socket::Socket;
use super::{FIRST, P1};
use crate::sandbox::wasm::stdio::OutPort;

/// The most that one call may wait for. More is no honest program: each costs the host memory.
const MOST: u32 = 4096;

type Result<T> = std::result::Result<T, types::Error>;

/// One thing waited for.
enum Wait {
    Time(Pin<Box<tokio::time::Sleep>>),
    Input(Box<dyn InputStream>),
    Output(OutPort),
    Readable(Socket),
    Writable(Socket),
    /// Files never make anybody wait.
    Now,
    Never(Errno),
}

impl P1 {
    pub(super) async fn poll(
        &mut self,
        memory: &mut GuestMemory<'_>,
        subscriptions: GuestPtr<[types::Subscription]>,
        events: GuestPtr<[types::Event]>,
    ) -> Result<types::Size> {
        if subscriptions.len() == 0 || subscriptions.len() > MOST {
            return Err(Errno::Inval.into());
        }
        let mut waits = Vec::with_capacity(subscriptions.len() as usize);
        for subscription in subscriptions.iter() {
            let subscription = memory.read(subscription?)?;
            let wait = self.wait(memory, &subscription.u)?;
            waits.push((subscription, wait));
        }
        let ready = any(&mut waits).await;
        let mut count = 0;
        for ((subscription, wait), slot) in waits
            .iter()
            .zip(ready)
            .filter(|(_, ready)| *ready)
            .map(|(w, _)| w)
            .zip(events.iter())
        {
            memory.write(slot?, event(subscription, wait))?;
            count += 1;
        }
        Ok(count)
    }

    fn wait(&mut self, memory: &mut GuestMemory<'_>, what: &types::SubscriptionU) -> Result<Wait> {
        Ok(match what {
            types::SubscriptionU::Clock(clock) => self.time(memory, clock)?,
            types::SubscriptionU::FdRead(on) => self.reading(on.file_descriptor),
            types::SubscriptionU::FdWrite(on) => self.writing(on.file_descriptor),
        })
    }

    fn time(
        &mut self,
        memory: &mut GuestMemory<'_>,
        clock: &types::SubscriptionClock,
    ) -> Result<Wait> {
        let absolute = clock
            .flags
            .contains(types::Subclockflags::SUBSCRIPTION_CLOCK_ABSTIME);
        let nanos = match absolute {
            false => clock.timeout,
            true => clock
                .timeout
                .saturating_sub(self.wasi.clock_time_get(memory, clock.id, 0)?),
        };
        Ok(Wait::Time(Box::pin(tokio::time::sleep(
            Duration::from_nanos(nanos),
        ))))
    }

    fn reading(&self, fd: types::Fd) -> Wait {
        if let Some(socket) = self.sockets.get(fd) {
            return Wait::Readable(socket.clone());
        }
        match (u32::from(fd), self.sockets.inner(fd)) {
            (0, _) => Wait::Input(self.stdin.p2_stream()),
            (FIRST.., Ok(_)) => Wait::Now,
            _ => Wait::Never(Errno::Badf),
        }
    }

    fn writing(&self, fd: types::Fd) -> Wait {
        if let Some(socket) = self.sockets.get(fd) {
            return Wait::Writable(socket.clone());
        }
        match (u32::from(fd), self.sockets.inner(fd)) {
            (1, _) => Wait::Output(self.stdout.clone()),
            (2, _) => Wait::Output(self.stderr.clone()),
            (FIRST.., Ok(_)) => Wait::Now,
            _ => Wait::Never(Errno::Badf),
        }
    }
}

impl Wait {
    async fn ready(&mut self) {
        match self {
            Wait::Time(sleep) => sleep.await,
            Wait::Input(stream) => stream.ready().await,
            Wait::Output(port) => {
                // A broken one does not make anybody wait.
                let _ = poll_fn(|cx| port.poll_drain(cx)).await;
            }
            Wait::Readable(socket) => poll_fn(|cx| socket.poll_read_ready(cx)).await,
            Wait::Writable(socket) => poll_fn(|cx| socket.poll_write_ready(cx)).await,
            // An error is an answer, too.
            Wait::Now | Wait::Never(_) => (),
        }
    }
}

/// Waits until at least one is ready and says which are.
async fn any(waits: &mut [(types::Subscription, Wait)]) -> Vec<bool> {
    let mut waits: Vec<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = waits
        .iter_mut()
        .map(|(_, wait)| Box::pin(wait.ready()) as _)
        .collect();
    poll_fn(|cx| {
        let ready: Vec<bool> = waits
            .iter_mut()
            .map(|wait| wait.as_mut().poll(cx).is_ready())
            .collect();
        if ready.contains(&true) {
            Poll::Ready(ready)
        } else {
            Poll::Pending
        }
    })
    .await
}

fn event(subscription: &types::Subscription, wait: &Wait) -> types::Event {
    let error = match wait {
        Wait::Never(errno) => *errno,
        _ => Errno::Success,
    };
    let type_ = match subscription.u {
        types::SubscriptionU::Clock(_) => types::Eventtype::Clock,
        types::SubscriptionU::FdRead(_) => types::Eventtype::FdRead,
        types::SubscriptionU::FdWrite(_) => types::Eventtype::FdWrite,
    };
    let hangup = matches!(wait, Wait::Readable(socket) if socket.at_end());
    let flags = if hangup {
        types::Eventrwflags::FD_READWRITE_HANGUP
    } else {
        types::Eventrwflags::empty()
    };
    // "At least one" where the number is not known; programs use it as a hint.
    let nbytes = u64::from(type_ != types::Eventtype::Clock && !hangup);
    let fd_readwrite = types::EventFdReadwrite { nbytes, flags };
    types::Event {
        userdata: subscription.userdata,
        error,
        type_,
        fd_readwrite,
    }
}
