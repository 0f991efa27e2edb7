//! base64. The encoding is four lines of arithmetic, so no crate.

use std::io::Write;

use crate::applet::{Applet, At, Failure, Input, Io, Outcome, error};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "base64",
    usage: "[-di] [-w COLUMNS] [FILE]",
    run,
};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(
        args,
        "diw:",
        &[("decode", 'd'), ("ignore-garbage", 'i'), ("wrap", 'w')],
    )?;
    let columns = options.number('w')?.unwrap_or(76);
    let name = if options.operands.is_empty() {
        "-"
    } else {
        options.only_operand("file")?
    };
    let mut data = Vec::new();
    let mut input = match name {
        "-" => Input::Stdin,
        path => Input::File(crate::applet::open(path)?),
    };
    input.reader(io).0.read_to_end(&mut data).at(name)?;
    if options.has('d') {
        let (decoded, whole) = decode(&data, options.has('i'));
        io.out.write_all(&decoded)?;
        if !whole {
            return error("invalid input");
        }
    } else {
        wrap(&encode(&data), columns, io.out)?;
    }
    Ok(0)
}

fn encode(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len().div_ceil(3) * 4);
    for group in data.chunks(3) {
        let bits = group.iter().enumerate().fold(0, |bits, (at, byte)| {
            bits | u32::from(*byte) << (16 - 8 * at)
        });
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= group.len() { digit } else { b'=' });
        }
    }
    out
}

/// What could be decoded, and whether that was all of it.
fn decode(text: &[u8], ignore_garbage: bool) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held, mut padding) = (0u32, 0, 0);
    for byte in text {
        let digit = ALPHABET.iter().position(|known| known == byte);
        match (byte, digit) {
            (b'=', _) => padding += 1,
            (_, Some(digit)) if padding == 0 => {
                bits = bits << 6 | digit as u32;
                held += 6;
            }
            (b'\n' | b'\r', _) => {}
            _ if ignore_garbage => {}
            _ => return (out, false),
        }
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    // What is left over must be filled up to four digits by the right number of `=`: 0, 1 (held 2) or 2 (held 4).
    (out, matches!((held, padding), (0, 0) | (2, 1) | (4, 2)))
}

fn wrap(text: &[u8], columns: usize, out: &mut dyn Write) -> Result<(), Failure> {
    if columns == 0 {
        return Ok(out.write_all(text)?);
    }
    for line in text.chunks(columns) {
        out.write_all(line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{output, run_with};

    #[test]
    fn the_vectors_of_rfc_4648() {
        let rows = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in rows {
            assert_eq!(output(plain, "base64", &["-w0"]), encoded);
            assert_eq!(output(encoded, "base64", &["-d"]), plain);
        }
    }

    #[test]
    fn lines_are_wrapped_and_joined() {
        assert_eq!(output("foobar", "base64", &["-w", "4"]), "Zm9v\nYmFy\n");
        assert_eq!(output("Zm9v\nYmFy\n", "base64", &["-d"]), "foobar");
        assert_eq!(
            output([255u8; 60], "base64", &[])
                .lines()
                .next()
                .map(str::len),
            Some(76)
        );
    }

    #[test]
    fn garbage_is_refused_unless_ignored() {
        for wrong in ["Zm9v!", "Zg=", "Zg", "Z", "Zg==Zg=="] {
            assert_eq!(run_with(wrong, "base64", &["-d"]).code, 1, "{wrong}");
        }
        assert_eq!(output("Z m9v", "base64", &["-di"]), "foo");
    }
}
