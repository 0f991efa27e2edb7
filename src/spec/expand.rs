//! `$(NAME)` in environment values, command and args (`third_party/forked/golang/expansion/expand.go`).

/// The text would need more room than there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Replaces `$(NAME)` by what `lookup` gives for it. An unknown name stays as it is written, `$$` is a dollar sign, and
/// a `$` before anything else is itself. Not a shell.
///
/// What is produced is taken from `room`: values that refer to values double with every step, so a short manifest could
/// ask for any amount of text.
pub fn expand<'v>(
    text: &str,
    lookup: impl Fn(&str) -> Option<&'v str>,
    room: &mut usize,
) -> Result<String, TooLong> {
    let mut result = String::new();
    let mut push = |part: &str| {
        *room = room.checked_sub(part.len()).ok_or(TooLong)?;
        result.push_str(part);
        Ok(())
    };
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        push(&rest[..at])?;
        let from_dollar = &rest[at..];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            push("$")?;
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            let written = &from_dollar[..from_dollar.len() - after.len()];
            push(lookup(name).unwrap_or(written))?;
            rest = after;
        } else {
            push("$")?;
        }
    }
    push(rest)?;
    Ok(result)
}

/// `(NAME)` and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('(')?.split_once(')')
}

/// Text that [`expand`] turns into the given one.
pub fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

/// The first name that `$(NAME)` asks for and that is not defined.
pub fn first_unknown<'t, 'v>(
    text: &'t str,
    lookup: impl Fn(&str) -> Option<&'v str>,
) -> Option<&'t str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            if lookup(name).is_none() {
                return Some(name);
            }
            rest = after;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expanded<'v>(text: &str, lookup: impl Fn(&str) -> Option<&'v str>) -> String {
        expand(text, lookup, &mut usize::MAX.clone()).expect("there is room")
    }

    fn lookup(name: &str) -> Option<&'static str> {
        match name {
            "A" => Some("one"),
            "B" => Some("$(A)"),
            "EMPTY" | "" => Some(""),
            _ => None,
        }
    }

    #[test]
    fn references_are_replaced_once_and_only_where_known() {
        for (text, result) in [
            ("", ""),
            ("plain", "plain"),
            ("$(A)", "one"),
            ("x$(A)y$(A)z", "xoneyonez"),
            ("$(B)", "$(A)"),
            ("$(EMPTY)", ""),
            ("$(UNKNOWN)", "$(UNKNOWN)"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$one"),
            ("$$$$", "$$"),
            ("$", "$"),
            ("$A", "$A"),
            ("cost: 5$", "cost: 5$"),
            ("$(A", "$(A"),
            ("$($(A))", "$($(A))"),
            ("$(A)$(", "one$("),
            ("${A}", "${A}"),
            ("é$(A)é", "éoneé"),
        ] {
            assert_eq!(expanded(text, lookup), result, "{text}");
        }
    }

    #[test]
    fn what_is_produced_is_bounded() {
        let mut room = 5;
        assert_eq!(expand("$(A)", lookup, &mut room), Ok("one".to_owned()));
        assert_eq!(room, 2);
        assert_eq!(expand("$(A)", lookup, &mut room), Err(TooLong));
    }

    /// One character after the other, as the rule is told.
    fn naive(text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let (mut result, mut at) = (String::new(), 0);
        while at < chars.len() {
            let close = chars[at..]
                .iter()
                .position(|&c| c == ')')
                .map(|offset| at + offset);
            match (chars[at], chars.get(at + 1), close) {
                ('$', Some('$'), _) => {
                    result.push('$');
                    at += 2;
                }
                ('$', Some('('), Some(close)) => {
                    let name: String = chars[at + 2..close].iter().collect();
                    result += &lookup(&name).map_or(format!("$({name})"), str::to_owned);
                    at = close + 1;
                }
                (c, _, _) => {
                    result.push(c);
                    at += 1;
                }
            }
        }
        result
    }

    proptest! {
        #[test]
        fn expansion_equals_the_naive_model(text in "[$()ABx é]{0,20}") {
            prop_assert_eq!(expanded(&text, lookup), naive(&text));
        }

        #[test]
        fn literal_text_survives_expansion(text in "[$()ABx é]{0,20}") {
            prop_assert_eq!(expanded(&literal(&text), lookup), text);
        }

        #[test]
        fn text_without_unknown_names_keeps_none(text in "[$()ABx]{0,20}") {
            let known = first_unknown(&text, lookup).is_none();
            let marked = expanded(&text, |name| lookup(name).or(Some("\u{1}")));
            prop_assert_eq!(known, !marked.contains('\u{1}'));
        }
    }
}
