//! Reading many small files: half of it is waiting for the kernel, half is parsing, and both can be shared out.

use std::thread;

/// For fewer a thread costs more than it brings.
const WORTH_A_HAND: usize = 64;
const MOST_HANDS: usize = 8;

/// Does the work for each item, on as many processors as are worth it. The results are in the items' order; an item may have
/// none. Each hand has a buffer of its own.
pub(super) fn share_out<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(T, &mut Vec<u8>) -> Option<R> + Sync,
) -> Vec<R> {
    let wanted = (items.len() / WORTH_A_HAND).min(MOST_HANDS);
    // Asking is not free.
    let hands = if wanted > 1 {
        thread::available_parallelism().map_or(1, |processors| wanted.min(processors.get()))
    } else {
        1
    };
    let one = |items: Vec<T>| {
        let mut buffer = Vec::new();
        let results = items.into_iter().filter_map(|item| work(item, &mut buffer));
        results.collect::<Vec<R>>()
    };
    if hands == 1 {
        return one(items);
    }
    let mut rest = items.into_iter();
    let share = rest.len().div_ceil(hands);
    thread::scope(|scope| {
        // The first share is this thread's own.
        let own: Vec<T> = rest.by_ref().take(share).collect();
        let mut others = Vec::new();
        while rest.len() > 0 {
            let share: Vec<T> = rest.by_ref().take(share).collect();
            others.push(scope.spawn(|| one(share)));
        }
        let mut results = one(own);
        for other in others {
            let other = other.join();
            results.extend(other.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_whoever_made_them() {
        for count in [0, 1, 63, 64, 65, 200, 1000] {
            let odd = |n: usize, _: &mut Vec<u8>| (n % 2 == 1).then_some(n);
            let expected: Vec<usize> = (0..count).filter(|n| n % 2 == 1).collect();
            assert_eq!(share_out((0..count).collect(), odd), expected);
        }
    }
}
