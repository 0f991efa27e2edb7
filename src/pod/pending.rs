//! TEMPORARY adapter.
use super::Handle;
use crate::control::{Attach, Duplex, Exec, Refusal, Session};
use crate::spec::Complaints;
use std::io;
use std::sync::Arc;
impl Handle {
    pub fn update(&self, _: Arc<crate::spec::pod::Pod>) -> Result<(), Complaints> {
        Ok(())
    }
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
/// x
pub fn sweep(dirs: &super::Dirs, uid: &str) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(dirs.pods().join(uid)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}
