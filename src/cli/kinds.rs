//! What a user may name: `pods web`, `po/web`, and kubectl's words for what cannot be meant
//! (`k8s.io/cli-runtime/pkg/resource/builder.go`).

use anyhow::{Error, anyhow};

/// The names of pods, as the API server knows them, and the category they are in.
const PODS: &[&str] = &["pods", "pod", "po", "pods.v1.", "pod.v1.", "all"];

/// What the arguments name, before anything is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    Nothing,
    /// `pods`
    Kind,
    /// `pods a b`, `pod/a pod/b`
    Names(Vec<String>),
    /// The same, typed as `pod/a pod/b`: it may not stand beside selectors either, in other words.
    Pairs(Vec<String>),
}

/// Reads the arguments of a verb that takes `TYPE NAME…` or `TYPE/NAME…`.
pub fn parse(args: &[String]) -> Result<Named, Error> {
    let pairs = args.iter().filter(|arg| arg.contains('/')).count();
    if pairs > 0 && pairs < args.len() {
        return Err(anyhow!(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form \
             (e.g. 'wasmpod get resource/<resource_name>' instead of 'wasmpod get resource resource/<resource_name>'"
        ));
    }
    if pairs > 0 {
        let names = args.iter().map(|arg| pair(arg));
        return Ok(Named::Pairs(names.collect::<Result<_, _>>()?));
    }
    let Some((kinds, names)) = args.split_first() else {
        return Ok(Named::Nothing);
    };
    kinds
        .split(',')
        .filter(|kind| !kind.is_empty())
        .try_for_each(known)?;
    Ok(match names {
        [] => Named::Kind,
        names => Named::Names(names.to_vec()),
    })
}

fn pair(arg: &str) -> Result<String, Error> {
    match arg.split('/').collect::<Vec<_>>()[..] {
        [kind, name] if !kind.is_empty() && !name.is_empty() => {
            known(kind)?;
            Ok(name.to_owned())
        }
        [_, _] => Err(anyhow!(
            "arguments in resource/name form must have a single resource and name"
        )),
        _ => Err(anyhow!(
            "arguments in resource/name form may not have more than one slash"
        )),
    }
}

fn known(kind: &str) -> Result<(), Error> {
    if PODS.contains(&kind.to_lowercase().as_str()) {
        Ok(())
    } else {
        Err(anyhow!("the server doesn't have a resource type {kind:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn both_forms_name_pods() {
        let names = |names: &str| words(names);
        assert_eq!(parse(&words("")).unwrap(), Named::Nothing);
        assert_eq!(parse(&words("pods")).unwrap(), Named::Kind);
        assert_eq!(parse(&words("po a b")).unwrap(), Named::Names(names("a b")));
        assert_eq!(
            parse(&words("pod/a Pods/b")).unwrap(),
            Named::Pairs(names("a b"))
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_kubectls_words() {
        let refused = |text| parse(&words(text)).unwrap_err().to_string();
        assert!(refused("pod pod/a").starts_with("there is no need to specify a resource type"));
        assert_eq!(
            refused("widgets a"),
            "the server doesn't have a resource type \"widgets\""
        );
        assert_eq!(
            refused("pod/a/b"),
            "arguments in resource/name form may not have more than one slash"
        );
        assert_eq!(
            refused("pod/"),
            "arguments in resource/name form must have a single resource and name"
        );
    }
}
