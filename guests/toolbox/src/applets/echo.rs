use crate::applet::{Applet, Io, Outcome};
use crate::escape::{Octal, expand};

pub const APPLET: Applet = Applet {
    name: "echo",
    usage: "",
    run,
};

/// Options are only those words in front that consist of n, e and E alone; anything else is text.
fn run(args: &[String], io: &mut Io) -> Outcome {
    let (mut newline, mut escapes) = (true, false);
    let mut words = args;
    while let Some((word, rest)) = words.split_first()
        && let Some(letters) = word.strip_prefix('-')
        && !letters.is_empty()
        && letters.bytes().all(|b| b"neE".contains(&b))
    {
        for letter in letters.bytes() {
            match letter {
                b'n' => newline = false,
                b'e' => escapes = true,
                _ => escapes = false,
            }
        }
        words = rest;
    }
    let text = words.join(" ");
    if escapes {
        let (bytes, stopped) = expand(text.as_bytes(), Octal::LeadingZero);
        io.out.write_all(&bytes)?;
        newline &= !stopped;
    } else {
        io.out.write_all(text.as_bytes())?;
    }
    if newline {
        writeln!(io.out)?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use crate::testing::output;

    #[test]
    fn words_are_joined_by_spaces() {
        assert_eq!(output("", "echo", &["a", "b  c"]), "a b  c\n");
        assert_eq!(output("", "echo", &[]), "\n");
    }

    #[test]
    fn only_known_letters_are_options() {
        assert_eq!(output("", "echo", &["-n", "a"]), "a");
        assert_eq!(output("", "echo", &["-ne", r"a\tb\n"]), "a\tb\n");
        assert_eq!(output("", "echo", &["-x", "--help", "-"]), "-x --help -\n");
        assert_eq!(output("", "echo", &[r"a\n"]), "a\\n\n");
        assert_eq!(output("", "echo", &["-e", r"a\cb"]), "a");
    }
}
