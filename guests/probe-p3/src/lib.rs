//! The probe for WASI 0.3: `hello`, `exit`, `net-serve` and `net-fetch` as the p2 one has them, over asynchronous calls, streams and
//! futures. The guest is chosen by the first argument; addresses are numbers, a client asks the host's resolver for no name.

mod net;

use wasip3::cli::{environment, exit, stderr, stdout};

struct Probe;

wasip3::cli::command::export!(Probe);

impl wasip3::exports::cli::run::Guest for Probe {
    async fn run() -> Result<(), ()> {
        let argv = environment::get_arguments();
        let args: Vec<&str> = argv.iter().skip(1).map(String::as_str).collect();
        let outcome = match args[..] {
            ["hello", ref words @ ..] => print(&[&["hello"], words].concat().join(" ")).await,
            ["exit", code] => match code.parse() {
                Ok(code) => {
                    exit::exit_with_code(code);
                    Ok(())
                }
                Err(_) => Err(format!("invalid argument '{code}'")),
            },
            ["net-serve", address, ref words @ ..] => net::serve(address, &words.join(" ")).await,
            ["net-fetch", address] => net::fetch(address).await,
            _ => Err("usage: probe-p3 hello|exit|net-serve|net-fetch [ARGUMENT]...".to_owned()),
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(message) => {
                let (mut writer, reader) = wasip3::wit_stream::new();
                let written = stderr::write_via_stream(reader);
                writer
                    .write_all(format!("probe-p3: {message}\n").into_bytes())
                    .await;
                drop(writer);
                let _ = written.await;
                Err(())
            }
        }
    }
}

/// Prints a line.
async fn print(line: &str) -> Result<(), String> {
    let (mut writer, reader) = wasip3::wit_stream::new();
    let written = stdout::write_via_stream(reader);
    let left = writer.write_all(format!("{line}\n").into_bytes()).await;
    drop(writer);
    match written.await {
        Ok(()) if left.is_empty() => Ok(()),
        outcome => Err(format!("stdout: {outcome:?}")),
    }
}
