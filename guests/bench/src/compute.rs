//! Computations that differ in what the checks for interruption cost them: those are made at every loop's head and at
//! every function's entry.

use std::hint::black_box;
use std::time::Instant;

use sha2::{Digest, Sha256};

/// How long the computation takes; none of that name is none.
pub fn nanoseconds(name: &str) -> Option<u64> {
    let computation: fn() -> u64 = match name {
        "calls" => || u64::from(fibonacci(black_box(36))),
        "loop" => || collatz(black_box(1_200_000)),
        "memory" => || chase(black_box(1 << 22), black_box(4_000_000)),
        "hash" => || hash(black_box(96)),
        _ => return None,
    };
    let begun = Instant::now();
    black_box(computation());
    Some(begun.elapsed().as_nanos() as u64)
}

/// Nearly nothing but calls.
#[inline(never)]
fn fibonacci(n: u32) -> u32 {
    if n < 2 {
        n
    } else {
        fibonacci(n - 1) + fibonacci(n - 2)
    }
}

/// The longest Collatz sequence below `limit`: a loop of four instructions.
fn collatz(limit: u64) -> u64 {
    let length = |start: u64| {
        let (mut n, mut steps) = (start, 0_u64);
        while n != 1 {
            n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
            steps += 1;
        }
        steps
    };
    (1..limit).map(length).max().unwrap_or(0)
}

/// Follows a permutation of `slots` words (a power of two) for `steps`: every step waits for memory.
fn chase(slots: u32, steps: u32) -> u64 {
    // A full cycle: multiplier 1 mod 4 and odd increment (Hull and Dobell).
    let next: Vec<u32> = (0..slots)
        .map(|slot| slot.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) & (slots - 1))
        .collect();
    (0..steps)
        .fold((0_u32, 0_u64), |(at, sum), _| {
            (next[at as usize], sum + u64::from(at))
        })
        .1
}

/// SHA-256 over `megabytes`.
fn hash(megabytes: usize) -> u64 {
    let block = vec![0x5a_u8; 1 << 20];
    let mut hasher = Sha256::new();
    (0..megabytes).for_each(|_| hasher.update(&block));
    let digest = hasher.finalize();
    u64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
}
