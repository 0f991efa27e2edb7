//! What a process writes, heard line by line while it runs.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use super::patience;

/// One stream of a running process. Everything is kept; [`Output::wait_for`] reads on from where it last stopped.
#[derive(Clone, Default)]
pub struct Output(Arc<(Mutex<Heard>, Condvar)>);

#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    /// Start of the first line that no `wait_for` has seen yet.
    unread: usize,
    closed: bool,
}

impl Output {
    /// Listens to `stream` on a thread of its own until its end.
    pub fn listen(mut stream: impl Read + Send + 'static) -> Output {
        let output = Output::default();
        let heard = output.clone();
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => return heard.close(),
                    Ok(length) => heard.push(&buffer[..length]),
                }
            }
        });
        output
    }

    /// Adds what was written.
    pub fn push(&self, bytes: &[u8]) {
        self.lock().bytes.extend_from_slice(bytes);
        self.0.1.notify_all();
    }

    /// Nothing more will be written.
    pub fn close(&self) {
        self.lock().closed = true;
        self.0.1.notify_all();
    }

    /// The next whole line that contains `part`. Lines before it are passed over: a later wait looks behind it.
    /// Fails when the stream ends first, or when patience does.
    #[track_caller]
    pub fn wait_for(&self, part: &str) -> String {
        let deadline = Instant::now() + patience();
        let mut heard = self.lock();
        loop {
            while let Some(line) = heard.next_line() {
                if line.contains(part) {
                    return line;
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !heard.closed,
                "ended without a line with `{part}`; it wrote:\n{}",
                heard.text()
            );
            assert!(
                !left.is_zero(),
                "no line with `{part}` within {:?}; so far:\n{}",
                patience(),
                heard.text()
            );
            heard = self
                .0
                .1
                .wait_timeout(heard, left)
                .expect("no listener panics")
                .0;
        }
    }

    /// Waits for the end of the stream; whether it came before `deadline`.
    pub fn wait_for_end(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self
            .0
            .1
            .wait_timeout_while(self.lock(), left, |heard| !heard.closed);
        waited.expect("no listener panics").0.closed
    }

    /// Everything written so far.
    pub fn text(&self) -> String {
        self.lock().text()
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.0.lock().expect("no listener panics")
    }
}

impl Heard {
    fn next_line(&mut self) -> Option<String> {
        let unread = &self.bytes[self.unread..];
        let length = unread.iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(&unread[..length]).into_owned();
        self.unread += length + 1;
        Some(line)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
