//! How programs begin and end.

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// `hello [WORD]...`: greets, with its arguments.
pub fn hello(args: &[String]) -> Result<u8, String> {
    let words: String = args.iter().map(|word| format!(" {word}")).collect();
    println!("hello{words}");
    Ok(0)
}

/// `exit CODE`
pub fn exit(args: &[String]) -> Result<u8, String> {
    crate::argument(args, 0, 0)
}

/// `fail-until FILE N`: counts its runs in FILE and succeeds from the N-th on.
pub fn fail_until(args: &[String]) -> Result<u8, String> {
    let [path, wanted] = args else {
        return Err("usage: fail-until FILE N".to_owned());
    };
    let wanted: u64 = wanted
        .parse()
        .map_err(|_| format!("invalid argument '{wanted}'"))?;
    let before: u64 = match std::fs::read_to_string(path) {
        Ok(text) => text
            .trim()
            .parse()
            .map_err(|_| format!("{path}: not a number"))?,
        Err(_) => 0,
    };
    let run = before + 1;
    std::fs::write(path, format!("{run}\n")).map_err(|error| format!("{path}: {error}"))?;
    println!("run {run} of {wanted}");
    Ok(u8::from(run < wanted))
}

/// Appends lines to a log file, as programs do that know no better than to keep their own.
pub fn log_to(args: &[String]) -> Result<u8, String> {
    let [path, lines, rest @ ..] = args else {
        return Err("usage: log-to FILE LINES [MILLISECONDS]".to_owned());
    };
    let lines: u64 = lines
        .parse()
        .map_err(|_| format!("invalid argument '{lines}'"))?;
    let pause = Duration::from_millis(crate::argument(rest, 0, 0)?);
    let failed = |error: std::io::Error| format!("{path}: {error}");
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(path)
        .map_err(failed)?;
    for line in 1..=lines {
        std::thread::sleep(pause);
        writeln!(file, "line {line} of {lines}").map_err(failed)?;
    }
    Ok(0)
}

/// wasi-libc on p2 makes 1 of every code but 0; WASI itself has known codes since 0.2.12.
pub fn with_code(code: u8) -> ExitCode {
    #[cfg(all(target_os = "wasi", target_env = "p2"))]
    if code > 1 {
        let _ = std::io::stdout().flush();
        wasip2::cli::exit::exit_with_code(code);
    }
    ExitCode::from(code)
}
