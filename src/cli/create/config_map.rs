//! `wasmpod create configmap` (`kubectl/pkg/cmd/create/create_configmap.go`).

use std::process::ExitCode;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;

use super::data::{Entries, Holder, Sources};
use super::made::Flags;
use super::{hash, plain};
use crate::cli::{Context, Failure};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    flags: Flags,

    #[command(flatten)]
    sources: Sources,

    /// Put a digest of the content behind the name.
    #[arg(long)]
    append_hash: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let name = args.flags.name("create configmap")?;
    let entries = args.sources.read(Holder::ConfigMap(name))?;
    let mut map = of(name, entries);
    if args.append_hash {
        map.metadata.name = Some(format!("{name}-{}", hash::of_config_map(&map)));
    }
    let failing = Some("failed to create configmap:");
    args.flags.make(context, map.into(), failing)
}

/// What is text goes to `data`, all else to `binaryData`.
fn of(name: &str, entries: Entries) -> ConfigMap {
    let mut map = ConfigMap {
        metadata: plain::named(name),
        ..ConfigMap::default()
    };
    for (key, content) in entries {
        match String::from_utf8(content) {
            Ok(text) => {
                map.data.get_or_insert_default().insert(key, text);
            }
            Err(other) => {
                let bytes = ByteString(other.into_bytes());
                map.binary_data.get_or_insert_default().insert(key, bytes);
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_binary() {
        let entries = [("a", b"b".to_vec()), ("c", vec![0xff, 0xfe])];
        let entries = entries.map(|(key, content)| (key.to_owned(), content));
        let map = of("x", entries.into());
        let text = "\
apiVersion: v1
binaryData:
  c: //4=
data:
  a: b
kind: ConfigMap
metadata:
  name: x
";
        let object = crate::spec::Object::from(map);
        assert_eq!(crate::cli::print::yaml(&object.value()), text);
    }
}
