//! Two natural orders of text, in which `a9` comes before `a10`: that of kubectl's YAML keys and that of `--sort-by`.

use std::cmp::Ordering;

/// The order of the keys of a map in kubectl's YAML (`sigs.k8s.io/yaml`, whose emitter sorts so): letters come after
/// everything else, and numbers compare by value.
pub fn keys(a: &str, b: &str) -> Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = left.iter().zip(&right).position(|(l, r)| l != r) else {
        return left.len().cmp(&right.len());
    };
    let (l, r) = (left[at], right[at]);
    match (l.is_alphabetic(), r.is_alphabetic()) {
        (true, true) => return l.cmp(&r),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let start = if (l == '0' || r == '0') && has_digit_before(&left[..at]) {
        1
    } else {
        0
    };
    let (left, right) = (number(&left[at..], start), number(&right[at..], start));
    left.cmp(&right).then(l.cmp(&r))
}

/// Whether the number that goes on here has begun with something else than zeros.
fn has_digit_before(before: &[char]) -> bool {
    before
        .iter()
        .rev()
        .take_while(|c| c.is_ascii_digit())
        .any(|&c| c != '0')
}

/// The value of the digits here, and how many there are.
fn number(text: &[char], start: i64) -> (i64, usize) {
    let digits = || text.iter().map_while(|c| c.to_digit(10));
    let value = digits().fold(start, |value, digit| {
        value.wrapping_mul(10).wrapping_add(i64::from(digit))
    });
    (value, digits().count())
}

/// The order of `--sort-by` for text (`github.com/fvbommel/sortorder.NaturalLess`): runs of digits compare by value, zeros
/// in front of them only decide when nothing else does.
pub fn text(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i].is_ascii_digit() && b[j].is_ascii_digit() {
            let (x, y) = (digits(&a[i..]), digits(&b[j..]));
            let (value_x, value_y) = (significant(x), significant(y));
            let order = (value_x.len().cmp(&value_y.len()))
                .then(value_x.cmp(value_y))
                .then(x.len().cmp(&y.len()));
            if order != Ordering::Equal {
                return order;
            }
            i += x.len();
            j += y.len();
        } else if a[i] != b[j] {
            return a[i].cmp(&b[j]);
        } else {
            i += 1;
            j += 1;
        }
    }
    a.len().cmp(&b.len())
}

fn digits(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    &text[..end.unwrap_or(text.len())]
}

fn significant(digits: &[u8]) -> &[u8] {
    let start = digits.iter().position(|&byte| byte != b'0');
    &digits[start.unwrap_or(digits.len())..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_keys_compare_by_value() {
        let mut names = [
            "a10", "a9", "a", "b", "a/b", "A", "a-b", "a.b", "ab", "1", "01", "10", "2",
        ];
        names.sort_by(|a, b| keys(a, b));
        assert_eq!(
            names,
            [
                "1", "01", "2", "10", "A", "a", "a-b", "a.b", "a/b", "a9", "a10", "ab", "b"
            ]
        );
    }

    #[test]
    fn numbers_in_text_compare_by_value() {
        let mut names = ["web-10", "web-9", "web", "web-09", "api-3", "web-1a"];
        names.sort_by(|a, b| text(a, b));
        assert_eq!(
            names,
            ["api-3", "web", "web-1a", "web-9", "web-09", "web-10"]
        );
    }
}
