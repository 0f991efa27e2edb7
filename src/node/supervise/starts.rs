//! Launches, several at a time, beside everything else.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use k8s_openapi::api::core::v1;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::super::{LaunchError, Launched, Launcher};

type Result = (v1::Pod, std::result::Result<Launched, LaunchError>);

/// Threads come with work and go with it.
pub(super) struct Starts {
    launcher: Launcher,
    work: Arc<Mutex<Work>>,
    results: Receiver<Result>,
    send: Sender<Result>,
    /// Rung when there is a result.
    bell: Arc<EventFd>,
    pub(super) most: usize,
    /// Begun, and not yet taken from the results.
    open: usize,
}

#[derive(Default)]
struct Work {
    waiting: VecDeque<v1::Pod>,
    hands: usize,
}

impl Starts {
    pub fn new(launcher: Launcher) -> io::Result<Starts> {
        let (send, results) = channel();
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        // A process that sets up both computes and waits for the disk.
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Ok(Starts {
            launcher,
            work: Arc::default(),
            results,
            send,
            bell: Arc::new(EventFd::from_flags(flags)?),
            most: (processors * 2).clamp(2, 16),
            open: 0,
        })
    }

    /// Readable when there are results.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    pub fn begin(&mut self, pod: v1::Pod) {
        self.open += 1;
        let mut work = lock(&self.work);
        work.waiting.push_back(pod);
        if work.hands == self.most {
            return;
        }
        work.hands += 1;
        drop(work);
        let hand = Arc::new(Hand {
            launcher: self.launcher.clone(),
            work: Arc::clone(&self.work),
            send: self.send.clone(),
            bell: Arc::clone(&self.bell),
        });
        let other = Arc::clone(&hand);
        let named = thread::Builder::new().name("launch".to_owned());
        // Without a thread to be had, everything waits for this launch.
        if named.spawn(move || other.run()).is_err() {
            hand.run();
        }
    }

    /// Those that are through.
    pub fn results(&mut self) -> Vec<Result> {
        // Nothing to read only means that there was no bell.
        let _ = self.bell.read();
        let results: Vec<Result> = self.results.try_iter().collect();
        self.open -= results.len();
        results
    }

    /// Lets go of what has not been begun. How many are still under way.
    pub fn give_up(&mut self) -> usize {
        let waiting = std::mem::take(&mut lock(&self.work).waiting);
        self.open -= waiting.len();
        self.open
    }
}

struct Hand {
    launcher: Launcher,
    work: Arc<Mutex<Work>>,
    send: Sender<Result>,
    bell: Arc<EventFd>,
}

impl Hand {
    fn run(&self) {
        while let Some(pod) = self.next() {
            let result = self.launcher.launch(&pod);
            // Nobody there to hear it is the end of the program.
            let _ = self.send.send((pod, result));
            let _ = self.bell.write(1);
        }
    }

    fn next(&self) -> Option<v1::Pod> {
        let mut work = lock(&self.work);
        let next = work.waiting.pop_front();
        if next.is_none() {
            work.hands -= 1;
        }
        next
    }
}

fn lock(work: &Mutex<Work>) -> MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}
