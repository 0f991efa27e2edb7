//! What a user may name: `pods web`, `cm/app secret/keys`, `pods,configmaps`, `all`, and kubectl's words for what cannot be
//! meant (`k8s.io/cli-runtime/pkg/resource/builder.go`).

use anyhow::{Error, anyhow, bail};

use crate::spec::Kind;

/// How the arguments were typed: what may stand beside them depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Nothing,
    /// `pods`, `pods,cm`
    Kinds,
    /// `pods a b`
    Names,
    /// `pod/a cm/b`
    Pairs,
}

/// The objects of one kind that were asked for. No names: all that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub kind: Kind,
    pub names: Vec<String>,
    /// A manifest says where its object is. None: where the user is.
    pub namespace: Option<String>,
}

impl Asked {
    fn typed(kind: Kind, names: Vec<String>) -> Asked {
        Asked {
            kind,
            names,
            namespace: None,
        }
    }
}

/// What the arguments name, before anything is looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub asked: Vec<Asked>,
    pub form: Form,
    /// More than one kind, or `all`: then names are printed with their kind.
    pub several_kinds: bool,
    /// Exactly one object was named: it is printed itself, and not in a list.
    pub single: bool,
}

/// Reads the arguments of a verb that takes `TYPE NAME…` or `TYPE/NAME…`.
pub fn parse(args: &[String]) -> Result<Named, Error> {
    let pairs = args.iter().filter(|arg| arg.contains('/')).count();
    if pairs > 0 && pairs < args.len() {
        bail!(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form \
             (e.g. 'wasmpod get resource/<resource_name>' instead of 'wasmpod get resource resource/<resource_name>'"
        );
    }
    if pairs > 0 {
        return in_pairs(args);
    }
    let Some((kinds, names)) = args.split_first() else {
        return Ok(Named::default());
    };
    let mut asked = Vec::new();
    for word in kinds.split(',').filter(|word| !word.is_empty()) {
        asked.push(Asked::typed(kind_or_category(word)?, names.to_vec()));
    }
    let form = match names {
        [] => Form::Kinds,
        _ => Form::Names,
    };
    Ok(Named {
        several_kinds: kinds == "all" || kinds.contains(','),
        single: asked.len() == 1 && names.len() == 1,
        asked,
        form,
    })
}

/// `pod/web cm/app`
fn in_pairs(args: &[String]) -> Result<Named, Error> {
    let mut asked: Vec<Asked> = Vec::new();
    for arg in args {
        let (kind, name) = pair(arg)?;
        match asked.last_mut() {
            Some(last) if last.kind == kind => last.names.push(name),
            _ => asked.push(Asked::typed(kind, vec![name])),
        }
    }
    Ok(Named {
        several_kinds: asked.iter().any(|one| one.kind != asked[0].kind),
        single: args.len() == 1,
        asked,
        form: Form::Pairs,
    })
}

/// `cm/app`
pub fn pair(arg: &str) -> Result<(Kind, String), Error> {
    match arg.split('/').collect::<Vec<_>>()[..] {
        [word, name] if !word.is_empty() && !name.is_empty() => {
            Ok((kind_or_category(word)?, name.to_owned()))
        }
        [_, _] => bail!("arguments in resource/name form must have a single resource and name"),
        _ => bail!("arguments in resource/name form may not have more than one slash"),
    }
}

/// The kind that a word names.
pub fn kind(word: &str) -> Result<Kind, Error> {
    Kind::parse(word).ok_or_else(|| anyhow!("the server doesn't have a resource type {word:?}"))
}

/// `all` is a category of the API server's, in which of these kinds there are pods alone.
fn kind_or_category(word: &str) -> Result<Kind, Error> {
    match word {
        "all" => Ok(Kind::Pod),
        word => kind(word),
    }
}

/// The pod that `NAME` or `pod/NAME` names, for the verbs that speak to one; `doing`: as messages say what cannot be done to
/// anything else (`kubectl/pkg/polymorphichelpers/attachablepodforobject.go`).
pub fn pod(text: &str, doing: &str) -> Result<String, Error> {
    if !text.contains('/') {
        return Ok(text.to_owned());
    }
    match pair(text)? {
        (Kind::Pod, name) => Ok(name),
        (other, _) => {
            let kind = other.kind();
            bail!("cannot {doing} *v1.{kind}: selector for *v1.{kind} not implemented")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Result<Named, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        parse(&words).map_err(|error| error.to_string())
    }

    fn asked(kind: Kind, names: &[&str]) -> Asked {
        Asked::typed(kind, names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn kinds_and_names_in_all_their_forms() {
        let pods = |names: &[&str]| vec![asked(Kind::Pod, names)];
        let two = |a, b| vec![a, b];
        let (cm, none) = (Kind::ConfigMap, &[] as &[&str]);
        let cases = [
            ("", vec![], Form::Nothing, false, false),
            ("po", pods(none), Form::Kinds, false, false),
            ("Pods a b", pods(&["a", "b"]), Form::Names, false, false),
            ("pod web", pods(&["web"]), Form::Names, false, true),
            ("pod/web", pods(&["web"]), Form::Pairs, false, true),
            ("pod/a po/b", pods(&["a", "b"]), Form::Pairs, false, false),
            (
                "pod/a cm/b",
                two(asked(Kind::Pod, &["a"]), asked(cm, &["b"])),
                Form::Pairs,
                true,
                false,
            ),
            (
                "po,configmaps",
                two(asked(Kind::Pod, none), asked(cm, none)),
                Form::Kinds,
                true,
                false,
            ),
            ("all", pods(none), Form::Kinds, true, false),
            (
                "podpresets.settings.k8s.io x",
                vec![asked(Kind::PodPreset, &["x"])],
                Form::Names,
                false,
                true,
            ),
        ];
        for (text, asked, form, several_kinds, single) in cases {
            let right = Named {
                asked,
                form,
                several_kinds,
                single,
            };
            assert_eq!(named(text), Ok(right), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_kubectls_words() {
        let refused = |text| named(text).unwrap_err();
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

    #[test]
    fn only_pods_are_spoken_to() {
        let said = |text| pod(text, "attach to").map_err(|error| error.to_string());
        assert_eq!(said("web"), Ok("web".to_owned()));
        assert_eq!(said("po/web"), Ok("web".to_owned()));
        assert_eq!(
            said("cm/app"),
            Err(
                "cannot attach to *v1.ConfigMap: selector for *v1.ConfigMap not implemented"
                    .to_owned()
            )
        );
    }
}
