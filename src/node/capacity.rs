//! What this machine has to give: to the node's status and to containers that ask.

use std::path::Path;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::statvfs::statvfs;
use nix::sys::sysinfo::sysinfo;
use nix::unistd::Pid;

use crate::spec::Allocatable;

/// Everything the machine has, in milli-CPU and bytes: nothing is reserved. The disk is that of `data`. What cannot be found out is
/// told as nothing.
pub fn capacity(data: &Path) -> Allocatable {
    let cores = cores().unwrap_or_default();
    // Before the first pod there is no directory; its file system is that of what is there.
    let there = data.ancestors().find_map(|path| statvfs(path).ok());
    Allocatable {
        cpu_milli: cores * 1000,
        memory: sysinfo().map_or(0, |info| info.ram_total()),
        ephemeral_storage: there.map_or(0, |disk| disk.blocks() * disk.fragment_size()),
    }
}

/// Those that this process may run on. One system call: every pod that starts asks.
fn cores() -> nix::Result<u64> {
    let set = sched_getaffinity(Pid::from_raw(0))?;
    let all = (0..CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or_default());
    Ok(all.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_something_of_everything() {
        let found = capacity(Path::new("/no/such/folder"));
        assert!(
            found.cpu_milli >= 1000 && found.cpu_milli.is_multiple_of(1000),
            "{found:?}"
        );
        assert!(
            found.memory > 1 << 20 && found.ephemeral_storage > 1 << 20,
            "{found:?}"
        );
    }
}
