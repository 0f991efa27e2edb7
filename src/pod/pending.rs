//! TEMPORARY adapter.
use super::Handle;
use crate::control::{Attach, Duplex, Exec, Refusal, Session};
use std::io;
impl Handle {
    pub async fn exec(&self, _: Exec) -> Result<Session, Refusal> {
        Err(Refusal::NotReady("not yet".into()))
    }
    pub async fn attach(&self, _: Attach) -> Result<Session, Refusal> {
        Err(Refusal::NotReady("not yet".into()))
    }
    pub async fn connect(&self, _: u16) -> io::Result<Box<dyn Duplex>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
