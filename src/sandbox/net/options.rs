//! Socket options: remembered by virtual sockets, handed on to kernel ones, inherited by accepted ones.

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use socket2::{SockRef, TcpKeepalive};

use super::addr::Family;
use super::defs::{DEFAULT_BACKLOG, MAX_BACKLOG};

/// Read with [`super::TcpSocket::options`]. The defaults are Linux'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    pub keep_alive: bool,
    pub keep_alive_idle: Duration,
    pub keep_alive_interval: Duration,
    pub keep_alive_count: u32,
    pub hop_limit: u8,
    /// Set before connecting, the buffer sizes bound what a connection inside the pod holds.
    pub receive_buffer: usize,
    pub send_buffer: usize,
    pub backlog: usize,
}

impl Default for TcpOptions {
    fn default() -> TcpOptions {
        TcpOptions {
            keep_alive: false,
            keep_alive_idle: Duration::from_secs(7200),
            keep_alive_interval: Duration::from_secs(75),
            keep_alive_count: 9,
            hop_limit: 64,
            receive_buffer: 128 << 10,
            send_buffer: 128 << 10,
            backlog: DEFAULT_BACKLOG,
        }
    }
}

/// One change, for [`super::TcpSocket::set_option`]. Values are clamped as Linux clamps them; zero is `EINVAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOption {
    KeepAlive(bool),
    KeepAliveIdle(Duration),
    KeepAliveInterval(Duration),
    KeepAliveCount(u32),
    HopLimit(u8),
    ReceiveBuffer(u64),
    SendBuffer(u64),
    Backlog(u64),
}

impl TcpOptions {
    pub(super) fn set(&mut self, option: TcpOption) -> io::Result<()> {
        match option {
            TcpOption::KeepAlive(on) => self.keep_alive = on,
            TcpOption::KeepAliveIdle(time) => self.keep_alive_idle = keep_alive_time(time)?,
            TcpOption::KeepAliveInterval(time) => self.keep_alive_interval = keep_alive_time(time)?,
            TcpOption::KeepAliveCount(0) | TcpOption::HopLimit(0) | TcpOption::Backlog(0) => {
                return Err(Errno::EINVAL.into());
            }
            TcpOption::KeepAliveCount(count) => self.keep_alive_count = count.min(127),
            TcpOption::HopLimit(hops) => self.hop_limit = hops,
            TcpOption::ReceiveBuffer(size) => self.receive_buffer = buffer_size(size)?,
            TcpOption::SendBuffer(size) => self.send_buffer = buffer_size(size)?,
            TcpOption::Backlog(backlog) => {
                self.backlog = usize::try_from(backlog)
                    .unwrap_or(usize::MAX)
                    .min(MAX_BACKLOG)
            }
        }
        Ok(())
    }

    /// Hands to a kernel socket whatever differs from what it was told before.
    pub(super) fn apply(
        &self,
        before: &TcpOptions,
        family: Family,
        socket: SockRef<'_>,
    ) -> io::Result<()> {
        if self.keep_alive != before.keep_alive {
            socket.set_keepalive(self.keep_alive)?;
        }
        if (
            self.keep_alive_idle,
            self.keep_alive_interval,
            self.keep_alive_count,
        ) != (
            before.keep_alive_idle,
            before.keep_alive_interval,
            before.keep_alive_count,
        ) {
            let times = TcpKeepalive::new()
                .with_time(self.keep_alive_idle)
                .with_interval(self.keep_alive_interval)
                .with_retries(self.keep_alive_count);
            socket.set_tcp_keepalive(&times)?;
            // The call above also switches it on.
            socket.set_keepalive(self.keep_alive)?;
        }
        if self.hop_limit != before.hop_limit {
            set_hop_limit(&socket, family, self.hop_limit)?;
        }
        if self.receive_buffer != before.receive_buffer {
            socket.set_recv_buffer_size(self.receive_buffer)?;
        }
        if self.send_buffer != before.send_buffer {
            socket.set_send_buffer_size(self.send_buffer)?;
        }
        Ok(())
    }
}

/// Read with [`super::UdpSocket::options`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpOptions {
    pub hop_limit: u8,
    pub receive_buffer: usize,
    pub send_buffer: usize,
}

impl Default for UdpOptions {
    fn default() -> UdpOptions {
        UdpOptions {
            hop_limit: 64,
            receive_buffer: 208 << 10,
            send_buffer: 208 << 10,
        }
    }
}

/// One change, for [`super::UdpSocket::set_option`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpOption {
    HopLimit(u8),
    ReceiveBuffer(u64),
    SendBuffer(u64),
}

impl UdpOptions {
    pub(super) fn set(&mut self, option: UdpOption) -> io::Result<()> {
        match option {
            UdpOption::HopLimit(0) => return Err(Errno::EINVAL.into()),
            UdpOption::HopLimit(hops) => self.hop_limit = hops,
            UdpOption::ReceiveBuffer(size) => self.receive_buffer = buffer_size(size)?,
            UdpOption::SendBuffer(size) => self.send_buffer = buffer_size(size)?,
        }
        Ok(())
    }

    pub(super) fn apply(
        &self,
        before: &UdpOptions,
        family: Family,
        socket: SockRef<'_>,
    ) -> io::Result<()> {
        if self.hop_limit != before.hop_limit {
            set_hop_limit(&socket, family, self.hop_limit)?;
        }
        if self.receive_buffer != before.receive_buffer {
            socket.set_recv_buffer_size(self.receive_buffer)?;
        }
        if self.send_buffer != before.send_buffer {
            socket.set_send_buffer_size(self.send_buffer)?;
        }
        Ok(())
    }
}

fn set_hop_limit(socket: &SockRef<'_>, family: Family, hops: u8) -> io::Result<()> {
    match family {
        Family::V4 => socket.set_ttl_v4(hops.into()),
        Family::V6 => socket.set_unicast_hops_v6(hops.into()),
    }
}

/// Linux takes one second to 32767.
fn keep_alive_time(time: Duration) -> io::Result<Duration> {
    if time.is_zero() {
        return Err(Errno::EINVAL.into());
    }
    Ok(time.clamp(Duration::from_secs(1), Duration::from_secs(32767)))
}

/// A hint, as on Linux: whatever does not fit is clamped.
fn buffer_size(size: u64) -> io::Result<usize> {
    if size == 0 {
        return Err(Errno::EINVAL.into());
    }
    Ok(usize::try_from(size.min(i32::MAX as u64)).unwrap_or(usize::MAX))
}
