//! Tokens of service accounts: `wasmpod create token`, as kubectl's, and `wasmpod token`, for whoever has to judge one.

mod create;

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Subcommand;
use serde_json::Value;

use super::outcome::print;
use super::print::format::Format;
use super::{Context, Failure};
use crate::node::identity::Identity;

pub use create::{Create, run as create};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Say whether a token is valid, whose it is, and for whom; exit code 1 if it is not.
    Review(Review),
    /// Print the public keys that verify tokens, as a JSON Web Key Set.
    Jwks,
    /// Print the OpenID discovery document: who issues tokens, and where the keys are.
    Discovery,
}

#[derive(clap::Args)]
struct Review {
    /// The token, or - for standard input, which no list of processes shows.
    token: String,

    /// For whom it must be meant, if not for this installation. May be repeated: one of them is enough.
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,

    /// yaml, json or jsonpath=…
    #[arg(short, long, value_name = "FORM", default_value = "yaml")]
    output: String,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let identity = Identity::open(&context.layout());
    match &args.what {
        What::Review(review) => judge(review, context, &identity),
        What::Jwks => show(&identity.jwks()?),
        What::Discovery => show(&identity.discovery()?),
    }
}

fn judge(args: &Review, context: &Context, identity: &Identity) -> Result<ExitCode, Failure> {
    let format = Format::parse(&args.output).map_err(Failure::Usage)?;
    let token = match args.token.as_str() {
        "-" => token_from(std::io::stdin().lock())?,
        token => token.to_owned(),
    };
    let review = identity.review(&context.store(), &token, &args.audiences)?;
    let status = review.status.as_ref();
    let believed = status.is_some_and(|status| status.authenticated == Some(true));
    let review = serde_json::to_value(&review).context("could not print the review")?;
    print(&format.print(&review).map_err(Failure::Machine)?)?;
    Ok(if believed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A token as a file or another program gives it: with a line's end or without.
fn token_from(input: impl Read) -> Result<String, Failure> {
    /// Longer than any token of ours.
    const MAX: u64 = 1 << 20;
    let mut text = String::new();
    input
        .take(MAX)
        .read_to_string(&mut text)
        .map_err(|error| Failure::Machine(anyhow!("could not read the token: {error}")))?;
    Ok(text.trim().to_owned())
}

fn show(document: &Value) -> Result<ExitCode, Failure> {
    print(&Format::Json.print(document).map_err(Failure::Machine)?)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_with_and_without_the_end_of_its_line() {
        for text in ["a.b.c", "a.b.c\n", " a.b.c\r\n"] {
            assert_eq!(token_from(text.as_bytes()).unwrap(), "a.b.c");
        }
        assert!(token_from(&b"\xff"[..]).is_err());
    }
}
