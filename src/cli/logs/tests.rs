use super::*;
use clap::Parser;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn args(line: &str) -> Args {
    let words = std::iter::once("logs").chain(line.split_whitespace());
    Command::try_parse_from(words).unwrap().args
}

fn wish(line: &str) -> Result<LogWish> {
    args(line).wish(Timestamp::from_second(1000).unwrap())
}

#[test]
fn the_pod_and_the_container_are_named_in_several_ways() {
    let named = |line| {
        let (pod, container) = args(line).named().unwrap();
        (pod.unwrap_or_default(), container.unwrap_or_default())
    };
    let expected = |pod: &str, container: &str| (pod.to_owned(), container.to_owned());
    assert_eq!(named("web"), expected("web", ""));
    assert_eq!(named("pod/web -c app"), expected("web", "app"));
    assert_eq!(named("web app"), expected("web", "app"));
    assert_eq!(named("-l a=b -c app"), expected("", "app"));
    assert_eq!(named("-fp web"), expected("web", ""));
    assert_eq!(named("--follow=true web"), expected("web", ""));
}

#[test]
fn what_cannot_be_meant_is_refused_in_kubectls_words() {
    let refused = |line: &str| {
        let args = args(line);
        let named = args.named().and_then(|(_, container)| {
            args.wish(Timestamp::UNIX_EPOCH)?;
            args.check(container.as_deref())
        });
        named.unwrap_err().to_string()
    };
    assert!(refused("").starts_with("expected 'logs [-f] [-p] (POD | TYPE/NAME)"));
    assert!(refused("-l a web").starts_with("only a selector (-l) or a POD name is allowed"));
    let table = [
        (
            "web app -c app",
            "only one of -c or an inline [CONTAINER] arg is allowed",
        ),
        (
            "web --since 5s --since-time 2026-01-31T12:00:00Z",
            "at most one of `sinceTime` or `sinceSeconds` may be specified",
        ),
        (
            "web --all-containers=true -c app",
            "--all-containers=true should not be specified with container name app",
        ),
        (
            "web --limit-bytes -1",
            "--limit-bytes must be greater than 0",
        ),
        ("web --since -5s", "--since must be greater than 0"),
        (
            "web --tail -2",
            "--tail must be greater than or equal to -1",
        ),
        (
            "web --since 5",
            "invalid argument \"5\" for \"--since\" flag: time: missing unit in duration \"5\"",
        ),
        (
            "deployment/web",
            "the server doesn't have a resource type \"deployment\"",
        ),
    ];
    for (line, text) in table {
        assert_eq!(refused(line), text, "{line}");
    }
}

#[test]
fn a_selector_shows_ten_lines_unless_told_otherwise() {
    assert_eq!(wish("web").unwrap().tail, None);
    assert_eq!(wish("-l a=b").unwrap().tail, Some(10));
    assert_eq!(wish("-l a=b --tail=-1").unwrap().tail, None);
    assert_eq!(wish("web --tail 0").unwrap().tail, Some(0));
}

#[test]
fn time_is_counted_back_from_now() {
    let since = |line| wish(line).unwrap().since.map(|time| time.as_second());
    assert_eq!(since("web --since 1m"), Some(940));
    assert_eq!(since("web --since 1500ms"), Some(998));
    assert_eq!(since("web --since 0s"), None);
    assert_eq!(since("web --since-time 1970-01-01T00:00:30Z"), Some(30));
    assert_eq!(
        since("web --since-time 1970-01-01T01:00:30+01:00"),
        Some(30)
    );
}
