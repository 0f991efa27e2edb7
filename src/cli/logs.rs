//! `wasmpod logs`: what containers wrote (`k8s.io/kubectl/pkg/cmd/logs/logs.go`).

#[cfg(test)]
mod tests;

use std::io::{self, BufWriter, Stdout, Write};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Error, Result, anyhow};
use k8s_openapi::api::core::v1;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::print::selector::LabelSelector;
use super::{Context, Failure, containers, duration, named};
use crate::node::Store;
use crate::node::logs::{self, LogWish, PodCourse};

#[derive(clap::Args)]
pub struct Args {
    /// The pod, and its container unless -c names it.
    #[arg(value_name = "POD|TYPE/NAME")]
    resources: Vec<String>,

    /// The logs of all containers of the pod or pods.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    all_containers: Option<bool>,

    /// The container.
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,

    /// Go on with what comes, also after a restart of the container, until it cannot start again.
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    follow: Option<bool>,

    /// While several logs are followed, go on with the others when one fails.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    ignore_errors: Option<bool>,

    /// Print no more bytes than this of a log [default: no limit]
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    limit_bytes: Option<i64>,

    /// How many logs may be followed at a time.
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    max_log_requests: usize,

    /// Name pod and container before every line.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    prefix: Option<bool>,

    /// The log of the instance before the one that runs.
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    previous: Option<bool>,

    /// All pods with these labels: a=b, a!=b, a in (b,c), a; several with commas.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,

    /// Only what is newer than this: 5s, 2m, 3h [default: everything]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    since: Option<String>,

    /// Only what was written since then (RFC 3339) [default: everything]
    #[arg(long, value_name = "TIME")]
    since_time: Option<String>,

    /// Only so many lines at the end, -1 for all [default: -1, or 10 with a selector]
    #[arg(long, value_name = "LINES", allow_negative_numbers = true)]
    tail: Option<i64>,

    /// Put the time before every line.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    timestamps: Option<bool>,
}

/// Lines of each log when a selector chooses the pods.
const SELECTOR_TAIL: u64 = 10;

/// What a shell sees of a program that was killed by SIGPIPE, as others are when nobody reads their output any more.
const NOBODY_READS: u8 = 128 + 13;

const USAGE: &str = "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n\
    POD or TYPE/NAME is a required argument for the logs command";

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let (pod, container) = args.named().map_err(Failure::Machine)?;
    let wish = args.wish(crate::pod::now()).map_err(Failure::Machine)?;
    args.check(container.as_deref()).map_err(Failure::Machine)?;
    let store = context.store();
    let pods = match pod {
        Some(name) => vec![store.get(context.namespace(), &name)?],
        None => args.selected(&store, context.namespace())?,
    };
    let mut all = Vec::new();
    for pod in pods {
        let names = if args.all_containers == Some(true) {
            containers::in_order(&pod)
        } else {
            let chosen = containers::choose(&pod, container.as_deref(), true);
            vec![chosen.map_err(Failure::Machine)?]
        };
        all.extend(
            names
                .into_iter()
                .map(|name| args.log(&store, &pod, name, &wish)),
        );
    }
    if args.follow == Some(true) {
        args.check_concurrency(all.len())
            .map_err(Failure::Machine)?;
        if all.len() > 1 {
            return args.follow_all(all);
        }
    }
    print_all(&all)
}

/// All that a container of a pod has written so far, as it was written.
pub fn whole(context: &Context, pod: v1::Pod, container: String) -> Result<ExitCode, Failure> {
    print_all(&[Log {
        store: context.store(),
        pod,
        container,
        wish: LogWish::default(),
        previous: false,
        follow: false,
    }])
}

/// One after the other.
fn print_all(all: &[Log]) -> Result<ExitCode, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = all.iter().try_for_each(|log| log.print(&mut out));
    // What was read before something failed is printed all the same.
    let flushed = out.flush().map_err(Trouble::Machine);
    done.and(flushed)
        .map_or_else(Trouble::conclude, |()| Ok(ExitCode::SUCCESS))
}

impl Args {
    /// The pod and the container that stand on the command line. No pod: the selector chooses.
    fn named(&self) -> Result<(Option<String>, Option<String>)> {
        let (resource, inline) = match &self.resources[..] {
            [] if self.selector.is_none() => return Err(usage(USAGE)),
            [] => return Ok((None, self.container.clone())),
            [_] if self.selector.is_some() => {
                return Err(usage("only a selector (-l) or a POD name is allowed"));
            }
            [resource] => (resource, None),
            [resource, container] => (resource, Some(container.clone())),
            _ => return Err(usage(USAGE)),
        };
        if inline.is_some() && self.container.is_some() {
            return Err(anyhow!(
                "only one of -c or an inline [CONTAINER] arg is allowed"
            ));
        }
        Ok((
            Some(named::pod(resource, "get the logs from")?),
            inline.or_else(|| self.container.clone()),
        ))
    }

    fn wish(&self, now: Timestamp) -> Result<LogWish> {
        Ok(LogWish {
            tail: self.tail_lines()?,
            since: self.beginning(now)?,
            limit_bytes: match self.limit_bytes.unwrap_or(0) {
                0 => None,
                bytes => Some(
                    u64::try_from(bytes)
                        .map_err(|_| anyhow!("--limit-bytes must be greater than 0"))?,
                ),
            },
            timestamps: self.timestamps == Some(true),
            prefix: String::new(),
        })
    }

    fn tail_lines(&self) -> Result<Option<u64>> {
        match self.tail {
            None => Ok(self.selector.as_ref().map(|_| SELECTOR_TAIL)),
            Some(-1) => Ok(None),
            Some(lines) => u64::try_from(lines)
                .map(Some)
                .map_err(|_| anyhow!("--tail must be greater than or equal to -1")),
        }
    }

    fn beginning(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let since = self.since.as_deref().map(since).transpose()?.flatten();
        match (&self.since_time, since) {
            (Some(time), _) if time.is_empty() => Ok(None),
            (Some(_), Some(_)) => Err(anyhow!(
                "at most one of `sinceTime` or `sinceSeconds` may be specified"
            )),
            (Some(time), None) => time.parse().map(Some).map_err(|error| {
                anyhow!("--since-time {time:?} is not a time of RFC 3339: {error}")
            }),
            (None, Some(length)) => Ok(Some(now.saturating_sub(length).unwrap_or(Timestamp::MIN))),
            (None, None) => Ok(None),
        }
    }

    fn check(&self, container: Option<&str>) -> Result<()> {
        match container {
            Some(name) if self.all_containers == Some(true) => Err(anyhow!(
                "--all-containers=true should not be specified with container name {name}"
            )),
            _ => Ok(()),
        }
    }

    fn selected(&self, store: &Store, namespace: &str) -> Result<Vec<v1::Pod>, Failure> {
        let selector = self.selector.as_deref().unwrap_or_default();
        let selector = LabelSelector::parse(selector).map_err(Failure::Machine)?;
        let mut pods = store.list(Some(namespace))?;
        pods.retain(|pod| selector.matches(pod.metadata.labels.as_ref()));
        if pods.is_empty() {
            eprintln!("No resources found in {namespace} namespace.");
        }
        Ok(pods)
    }

    fn log(&self, store: &Store, pod: &v1::Pod, container: String, wish: &LogWish) -> Log {
        let mut wish = wish.clone();
        if self.prefix == Some(true) {
            let pod = pod.metadata.name.as_deref().unwrap_or_default();
            wish.prefix = format!("[pod/{pod}/{container}] ");
        }
        Log {
            store: store.clone(),
            pod: pod.clone(),
            container,
            wish,
            previous: self.previous == Some(true),
            follow: self.follow == Some(true),
        }
    }

    fn check_concurrency(&self, streams: usize) -> Result<()> {
        if streams <= self.max_log_requests {
            return Ok(());
        }
        Err(anyhow!(
            "you are attempting to follow {streams} log streams, but maximum allowed concurrency is {}, use \
             --max-log-requests to increase the limit",
            self.max_log_requests
        ))
    }

    /// Each on a thread of its own, line by line on the same output.
    fn follow_all(&self, all: Vec<Log>) -> Result<ExitCode, Failure> {
        let out = Shared(Arc::new(Mutex::new(BufWriter::new(io::stdout()))));
        let (tell, results) = channel();
        for log in all {
            let (mut out, tell) = (out.clone(), tell.clone());
            // The channel is closed when an error has ended everything.
            std::thread::spawn(move || drop(tell.send(log.print(&mut out))));
        }
        drop(tell);
        for result in results {
            let result = match result {
                Err(Trouble::Refused(message)) if self.ignore_errors == Some(true) => {
                    let line = format!("error: {message}\n");
                    out.clone()
                        .write_all(line.as_bytes())
                        .map_err(Trouble::Machine)
                }
                result => result,
            };
            let flushed = out.lock().flush().map_err(Trouble::Machine);
            if let Err(trouble) = result.and(flushed) {
                return trouble.conclude();
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn usage(message: &str) -> Error {
    anyhow!("{message}\nSee 'wasmpod logs -h' for help and examples")
}

/// To the nearest second, as kubectl rounds it; none at all means no limit.
fn since(text: &str) -> Result<Option<SignedDuration>> {
    let span = duration::parse(text)
        .map_err(|error| anyhow!("invalid argument {text:?} for \"--since\" flag: {error}"))?;
    let seconds = span
        .length
        .saturating_add(Duration::from_millis(500))
        .as_secs();
    match seconds {
        _ if span.length.is_zero() => Ok(None),
        1.. if span.negative => Err(anyhow!("--since must be greater than 0")),
        _ => Ok(Some(SignedDuration::from_secs(
            i64::try_from(seconds).unwrap_or(i64::MAX),
        ))),
    }
}

/// The log of one container.
struct Log {
    store: Store,
    pod: v1::Pod,
    container: String,
    wish: LogWish,
    previous: bool,
    follow: bool,
}

impl Log {
    fn print(&self, out: &mut dyn Write) -> Result<(), Trouble> {
        let instance =
            logs::instance(&self.pod, &self.container, self.previous).map_err(Trouble::Refused)?;
        let metadata = &self.pod.metadata;
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let pod = self.store.layout().pod_logs(
            &text(&metadata.namespace),
            &text(&metadata.name),
            &text(&metadata.uid),
        );
        let dir = pod.join(&self.container);
        // Nothing more comes from an instance that has ended.
        let done = if self.follow && !self.previous {
            PodCourse::new(&self.store, &self.pod, &self.container)
                .and_then(|mut course| logs::follow(&dir, instance, &self.wish, &mut course, out))
        } else {
            logs::print(&dir, instance, &self.wish, out)
        };
        done.map_err(Trouble::Machine)
    }
}

/// Why a log is not printed.
enum Trouble {
    /// There is none.
    Refused(String),
    Machine(io::Error),
}

impl Trouble {
    fn conclude(self) -> Result<ExitCode, Failure> {
        match self {
            Trouble::Refused(message) => Err(Failure::Server {
                reason: "BadRequest",
                message,
            }),
            Trouble::Machine(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                Ok(ExitCode::from(NOBODY_READS))
            }
            Trouble::Machine(error) => Err(Failure::Machine(
                Error::new(error).context("could not read the log"),
            )),
        }
    }
}

/// An output of many threads. What one of them writes at once stays together.
#[derive(Clone)]
struct Shared(Arc<Mutex<BufWriter<Stdout>>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BufWriter<Stdout>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush()
    }
}
