//! The memory of a guest: all its linear memories and tables together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::ResourceLimiter;

/// What an element of a table takes.
const TABLE_ELEMENT: u64 = size_of::<usize>() as u64;

/// Counts what a store's memories and tables hold and refuses what would exceed the limit. Wasmtime's own `StoreLimits`
/// counts each memory by itself, and a component may have many.
///
/// A growth that was allowed and then fails (the kernel has no memory left) stays counted. `memory_grow_failed` could give
/// it back, but wasmtime also calls that for growths it never asked about, and a guest that grows by one page and then
/// asks for the impossible, again and again, would be given back all that it holds.
pub(super) struct Limiter {
    limit: Option<u64>,
    /// Read by others, written only here.
    used: Arc<AtomicU64>,
    refused: Option<Refusal>,
}

/// A growth that the limit forbade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What the guest would have held.
    pub wanted: u64,
    pub limit: u64,
}

impl Limiter {
    pub fn new(limit: Option<u64>, used: Arc<AtomicU64>) -> Limiter {
        Limiter {
            limit,
            used,
            refused: None,
        }
    }

    /// Set if the last growth asked for was refused. Whoever traps or aborts then has run out of memory.
    pub fn refused(&self) -> Option<Refusal> {
        self.refused
    }

    fn grow(&mut self, by: u64) -> bool {
        let used = self.used.load(Ordering::Relaxed);
        let wanted = used.saturating_add(by);
        if let Some(limit) = self.limit.filter(|limit| wanted > *limit) {
            self.refused = Some(Refusal { wanted, limit });
            return false;
        }
        self.refused = None;
        self.used.store(wanted, Ordering::Relaxed);
        true
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Beyond the program's own maximum it fails anyway; that is not ours to remember.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grow((desired - current) as u64))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grow((desired - current) as u64 * TABLE_ELEMENT))
    }
}
