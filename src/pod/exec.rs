//! Sessions with the containers of a running pod.

use std::io;

use super::Handle;
use crate::control::{Attach, Duplex, Exec, Refusal, Session};

impl Handle {
    /// Runs a command in a container's view: a new instance with its mounts, environment, network and limits. It ends
    /// with the session's guard, and with the container.
    ///
    /// # Errors
    /// No such container, not running, no command. A command that cannot be found is no error but a session that ends
    /// with 127 (126 if it is there and cannot be run) and says why.
    pub async fn exec(&self, wish: Exec) -> Result<Session, Refusal> {
        match &self.desk {
            Some(desk) => desk.exec(wish).await,
            None => Err(simulated()),
        }
    }

    /// Joins the running instance of a container: its output from now on, and its input if the container has `stdin`.
    /// One who reads too slowly is let go; the container never waits for him.
    ///
    /// # Errors
    /// No such container, not running.
    pub async fn attach(&self, wish: Attach) -> Result<Session, Refusal> {
        match &self.desk {
            Some(desk) => desk.attach(&wish),
            None => Err(simulated()),
        }
    }

    /// Connects to a port on the loopback of the pod.
    ///
    /// # Errors
    /// Nobody listens there, or the pod has ended.
    pub async fn connect(&self, port: u16) -> io::Result<Box<dyn Duplex>> {
        match &self.desk {
            Some(desk) => desk.connect(port).await,
            None => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a simulated pod has no network",
            )),
        }
    }
}

fn simulated() -> Refusal {
    Refusal::NotReady("a simulated pod runs no programs".to_owned())
}
