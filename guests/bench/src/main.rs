//! What the benchmarks in `benches/` run. Whatever can only be seen from inside (a round trip, a computation) is measured
//! here and told as a line `result=NUMBER`; what is seen from outside is told by a line that the benchmark waits for.

mod compute;
mod net;

use std::error::Error;
use std::{env, fs, thread, time::Duration};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: bench hello | idle | serve PORT DIR | fetch PORT DIR | echo PORT | ping PORT ROUNDS | sink PORT | stream PORT BYTES | compute NAME";

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["hello"] => println!("hello"),
        ["idle"] => idle(),
        ["serve", port, folder] => net::serve(port.parse()?, folder)?,
        ["fetch", port, folder] => {
            let page = net::fetch(port.parse()?)?;
            fs::write(format!("{folder}/fetched"), page)?;
            idle();
        }
        ["echo", port] => net::echo(port.parse()?)?,
        ["ping", port, rounds] => tell(net::ping(port.parse()?, rounds.parse()?)?),
        ["sink", port] => net::sink(port.parse()?)?,
        ["stream", port, bytes] => tell(net::stream(port.parse()?, bytes.parse()?)?),
        ["compute", name] => tell(
            compute::nanoseconds(name)
                .ok_or_else(|| format!("no computation is called `{name}`"))?,
        ),
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn tell(result: u64) {
    println!("result={result}");
}

/// Says that it is ready, and from then on does nothing at all.
fn idle() {
    println!("ready");
    loop {
        thread::sleep(Duration::from_secs(24 * 60 * 60));
    }
}
