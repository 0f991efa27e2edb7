//! What the engine is told: the same for the compiler's process and for the one that runs the code, or the code would not load.

use wasmtime::{Config, WasmBacktraceDetails};

/// Stack of a guest's wasm frames. Address space: what is not touched costs nothing. Wasmtime's own default is 512 KiB;
/// native programs are used to 8 MiB, and interpreters compiled to wasm recurse deeply.
const WASM_STACK: usize = 1 << 20;

/// Stack on which a guest and the host functions it calls run; what exceeds [`WASM_STACK`] is the host functions' share.
const FIBER_STACK: usize = WASM_STACK + (512 << 10);

/// The configuration with or without interruption checks. Memory keeps wasmtime's defaults: 4 GiB reserved and 32 MiB of
/// guard, which leave no bounds checks in the code; a thousand guests then reserve 4 TiB of the 128 TiB there are.
pub(super) fn config(checks: bool) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(checks)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        // A file and a line next to each wasm frame of a trap, where the binary has them.
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .memory_init_cow(true)
        .wasm_component_model_async(true)
        .shared_memory(false);
    config
}
