//! Interrupting code that was compiled without checks.
//!
//! Nothing in such code ever looks whether it should stop, so it is stopped from outside, as Go preempts its goroutines:
//! a signal is sent to the guest's thread, and if the handler finds it *inside a function of the guest* it moves the
//! thread's program counter to an instruction that traps. Wasmtime then sees a trap like any other and unwinds the guest.
//! A thread found anywhere else (a host function may hold a lock, a trampoline has not set up its frame) is left alone
//! and met again a moment later.
//!
//! Taking the access rights from the guest's memory instead would be simpler and wrong: host functions read and write
//! that memory too, and a fault there takes the whole process down.
//!
//! The trapping instruction is the body of a module of ours. Wasmtime looks trapping instructions up by address, whose
//! module does not matter.

use std::cell::Cell;
use std::ops::Range;
use std::ptr;
use std::sync::{Arc, OnceLock};

use nix::libc;
use wasmtime::{Module, ModuleFunction};

use super::stop::Stop;

/// Ignored by default and hardly used by anybody (out-of-band data on sockets), which is why Go chose it too.
const SIGNAL: libc::c_int = libc::SIGURG;

/// `(module (func unreachable))`
pub(super) const LANDING: &[u8] =
    b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x05\x01\x03\0\0\x0b";

/// An instruction that wasmtime takes for a trap of the guest.
pub(super) struct Landing {
    pc: usize,
    /// Keeps the code, and wasmtime's knowledge of it, in place.
    _module: Module,
}

impl Landing {
    /// Finds the instruction in the machine code of [`LANDING`], and makes the process listen to the signal. None on other
    /// kinds of processor, or where somebody else has taken the signal.
    pub fn new(module: Module) -> Option<Landing> {
        let function = module.functions().next()?;
        let text = module.text();
        let body = text.get(function.offset..function.offset + function.len)?;
        let offset = body.windows(TRAP.len()).position(|bytes| bytes == TRAP)?;
        let pc = text.as_ptr() as usize + function.offset + offset;
        listen().then_some(Landing {
            pc,
            _module: module,
        })
    }
}

/// `ud2`, into which cranelift makes `unreachable`.
#[cfg(target_arch = "x86_64")]
const TRAP: &[u8] = &[0x0f, 0x0b];
/// Other processors have no handler yet: longer than any function of one instruction, it is never found.
#[cfg(not(target_arch = "x86_64"))]
const TRAP: &[u8] = &[0; 4096];

/// Where the functions of one program lie, and where to send a thread that is in one of them.
pub(super) struct Reach {
    /// In ascending order, without overlaps.
    functions: Vec<Range<usize>>,
    landing: Arc<Landing>,
}

impl Reach {
    pub fn new(
        text: &[u8],
        functions: impl Iterator<Item = ModuleFunction>,
        landing: Arc<Landing>,
    ) -> Reach {
        let base = text.as_ptr() as usize;
        let mut functions: Vec<_> = functions
            .map(|f| base + f.offset..base + f.offset + f.len)
            .collect();
        functions.sort_by_key(|range| range.start);
        Reach { functions, landing }
    }

    fn holds(&self, pc: usize) -> bool {
        let after = self.functions.partition_point(|range| range.start <= pc);
        after > 0 && self.functions[after - 1].contains(&pc)
    }
}

/// What the handler needs to know of the thread it runs on.
struct Target {
    reach: *const Reach,
    stop: *const Stop,
}

thread_local! {
    /// Without a destructor and with a constant beginning, so that a signal handler may look at it at any time.
    static TARGET: Cell<*const Target> = const { Cell::new(ptr::null()) };
}

/// Runs `body`, which runs a guest on this thread, so that [`poke`] can interrupt it.
pub(super) fn interruptible<R>(reach: Option<&Reach>, stop: &Stop, body: impl FnOnce() -> R) -> R {
    let Some(reach) = reach else { return body() };
    let target = Target { reach, stop };
    TARGET.set(&raw const target);
    let _clear = Clear;
    body()
}

/// Also when `body` panics: the target is gone then.
struct Clear;

impl Drop for Clear {
    fn drop(&mut self) {
        TARGET.set(ptr::null());
    }
}

/// Makes a thread of this process look whether its guest should stop.
pub(super) fn poke(thread: i32) {
    // SAFETY: a system call on numbers. Should the thread have ended and its number be in use again by a thread of this
    // process, that one finds no target or nothing to stop; the kernel refuses numbers of other processes.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, SIGNAL) };
}

/// Installs the handler once. False if the signal belongs to somebody else.
fn listen() -> bool {
    static LISTENING: OnceLock<bool> = OnceLock::new();
    *LISTENING.get_or_init(|| {
        // SAFETY: `old` and `new` are valid for the calls; all-zero is a valid `sigaction` (an empty mask). The handler
        // does only what a signal handler may, see there.
        unsafe {
            let mut old: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(SIGNAL, ptr::null(), &mut old) != 0 {
                return false;
            }
            if old.sa_sigaction != libc::SIG_DFL && old.sa_sigaction != libc::SIG_IGN {
                return false;
            }
            let mut new: libc::sigaction = std::mem::zeroed();
            new.sa_sigaction = handler as *const () as usize;
            // On the stack that wasmtime gives each of its threads for signals: the guest's own may be nearly full.
            new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
            libc::sigaction(SIGNAL, &new, ptr::null_mut()) == 0
        }
    })
}

/// Sends the thread to the landing if its guest should stop and it is in one of the guest's functions.
///
/// It may have interrupted anything, so it allocates nothing, takes no lock and calls nothing that might: a thread-local
/// without destructor, an atomic, a search in a list that nobody changes.
extern "C" fn handler(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let target = TARGET.get();
    // SAFETY: not null only while `interruptible` is on this thread's stack, where the target lives, and whose reach and
    // stop are borrowed for longer.
    let Some((reach, stop)) = (unsafe {
        target
            .as_ref()
            .map(|target| (&*target.reach, &*target.stop))
    }) else {
        return;
    };
    if !stop.is_requested() {
        return;
    }
    // SAFETY: with SA_SIGINFO the third argument is the interrupted thread's context, ours to change until we return.
    // To go on at the landing is sound because the thread is between two instructions of a wasm function: wasmtime has
    // recorded where that was entered, which is where a trap unwinds to, and the landing touches neither registers nor
    // memory before it traps.
    unsafe { redirect(context, reach) };
}

#[cfg(target_arch = "x86_64")]
unsafe fn redirect(context: *mut libc::c_void, reach: &Reach) {
    // SAFETY: the caller vouches for the context.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    let pc = &mut context.uc_mcontext.gregs[libc::REG_RIP as usize];
    if reach.holds(*pc as usize) {
        *pc = reach.landing.pc as i64;
    }
}

#[cfg(not(target_arch = "x86_64"))]
unsafe fn redirect(_: *mut libc::c_void, reach: &Reach) {
    // Never reached: there is no landing here.
    let _ = (reach.holds(0), reach.landing.pc);
}
