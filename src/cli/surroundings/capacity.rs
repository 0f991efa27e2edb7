//! What this machine has to give.

use std::path::Path;

use nix::sys::statvfs::statvfs;
use nix::sys::sysinfo::sysinfo;

use crate::spec::Allocatable;

/// Everything the machine has: nothing is reserved. What cannot be found out is told as nothing.
pub fn of_this_machine(data: &Path) -> Allocatable {
    let cores = std::thread::available_parallelism().map_or(0, |cores| cores.get() as u64);
    // Before the first pod there is no directory; its file system is that of what is there.
    let there = data.ancestors().find_map(|path| statvfs(path).ok());
    Allocatable {
        cpu_milli: cores * 1000,
        memory: sysinfo().map_or(0, |info| info.ram_total()),
        ephemeral_storage: there.map_or(0, |disk| disk.blocks() * disk.fragment_size()),
    }
}
