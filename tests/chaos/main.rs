//! Everything may be killed at any moment: pod processes, commands in the middle of their work, the supervisor. What is
//! left must be known or gone.
//!
//! A seeded story of random commands and random kills. Every answer of `get` on the way is held against the processes there
//! are; now and then the story pauses for an account of all that is there, and for a deletion of everything, after which
//! no process and no file may be left. `WASMPOD_CHAOS_ROUNDS` makes it longer, `WASMPOD_CHAOS_SEED` tells another one. (What
//! is done follows from the seed; when exactly it hits does not.)

#[path = "../common/mod.rs"]
mod common;

mod account;
mod story;

use std::env;

use story::Story;

/// Enough for CI to meet every kind of kill some times.
const ROUNDS: u64 = 300;
/// So often everything is deleted ...
const CHAPTER: u64 = 100;
/// ... and so often an account is given.
const PAGE: u64 = 20;

#[test]
fn whatever_is_killed_every_pod_is_known_or_gone() {
    let mut story = Story::new(number("WASMPOD_CHAOS_SEED").unwrap_or(0x5eed));
    for round in 1..=number("WASMPOD_CHAOS_ROUNDS").unwrap_or(ROUNDS) {
        story.round(round);
        if round % PAGE == 0 {
            story.account();
        }
        if round % CHAPTER == 0 {
            story.clear();
        }
    }
    story.clear();
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is `{text}`, not a number")),
    )
}
