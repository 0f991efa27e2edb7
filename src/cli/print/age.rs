//! Ages, as kubectl rounds them (`apimachinery/pkg/util/duration.HumanDuration`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// `95s`, `5m30s`, `42m`, `3h20m`, `30h`, `3d4h`, `90d`, `2y30d`, `9y`: two units while the second one still matters.
///
/// Clocks may differ by a little: up to two seconds ahead is now, more is `<invalid>`.
pub fn human(age: SignedDuration) -> String {
    let seconds = age.as_secs();
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds, MINUTE, "m", 1, "s"),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds, HOUR, "h", MINUTE, "m"),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds, DAY, "d", HOUR, "h"),
        _ if seconds < 2 * YEAR => format!("{}d", seconds / DAY),
        _ if seconds < 8 * YEAR => two(seconds, YEAR, "y", DAY, "d"),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// Two units, the second only if there is any of it.
fn two(seconds: i64, large: i64, large_name: &str, small: i64, small_name: &str) -> String {
    let (many, rest) = (seconds / large, seconds % large / small);
    match rest {
        0 => format!("{many}{large_name}"),
        _ => format!("{many}{large_name}{rest}{small_name}"),
    }
}

/// The age of something, or `<unknown>` when nobody wrote the time down.
pub fn since(time: Option<&Time>, now: Timestamp) -> String {
    elapsed(time.map(|time| time.0), now)
}

/// The same for the finer times of newer events.
pub fn since_micro(time: Option<&MicroTime>, now: Timestamp) -> String {
    elapsed(time.map(|time| time.0), now)
}

fn elapsed(time: Option<Timestamp>, now: Timestamp) -> String {
    match time {
        Some(time) => human(now.duration_since(time)),
        None => "<unknown>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_rounds_them() {
        let cases = [
            (-3, "<invalid>"),
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (1, "1s"),
            (119, "119s"),
            (120, "2m"),
            (121, "2m1s"),
            (599, "9m59s"),
            (600, "10m"),
            (3 * HOUR - 1, "179m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 20 * MINUTE, "3h20m"),
            (8 * HOUR - 1, "7h59m"),
            (8 * HOUR, "8h"),
            (2 * DAY - 1, "47h"),
            (2 * DAY, "2d"),
            (3 * DAY + 4 * HOUR, "3d4h"),
            (8 * DAY - 1, "7d23h"),
            (8 * DAY, "8d"),
            (2 * YEAR - 1, "729d"),
            (2 * YEAR, "2y"),
            (2 * YEAR + 30 * DAY, "2y30d"),
            (8 * YEAR - 1, "7y364d"),
            (8 * YEAR, "8y"),
            (20 * YEAR, "20y"),
        ];
        for (seconds, text) in cases {
            assert_eq!(human(SignedDuration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_fraction_of_a_second_ahead_is_now() {
        assert_eq!(human(SignedDuration::from_millis(-900)), "0s");
        assert_eq!(human(SignedDuration::from_millis(-1900)), "0s");
    }

    #[test]
    fn an_unknown_time_has_no_age() {
        assert_eq!(since(None, Timestamp::UNIX_EPOCH), "<unknown>");
    }
}
