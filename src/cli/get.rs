//! `wasmpod get`: objects of any kind, in whatever form (`k8s.io/kubectl/pkg/cmd/get/get.go`).

mod view;
mod watch;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Error, anyhow, bail};
use serde_json::Value;

use super::documents::Files;
use super::named::{self, Asked, Named};
use super::print::format::{Format, list_of};
use super::print::sort_by;
use super::reader::{Filter, Reader};
use super::{Context, Failure, Strictness, documents, say};
use crate::node::StoreError;
use crate::spec::{Kind, Object};
use view::View;

#[derive(clap::Args)]
pub struct Args {
    /// What to show: pods, configmaps, secrets,… or all; a kind and names; or TYPE/NAME.
    #[arg(value_name = "TYPE [NAME]|TYPE/NAME")]
    resources: Vec<String>,

    #[command(flatten)]
    files: Files,

    /// wide, json, yaml, name, jsonpath=TEMPLATE, jsonpath-file=FILE, jsonpath-as-json=TEMPLATE,
    /// custom-columns=HEAD:EXPRESSION,... or custom-columns-file=FILE.
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<String>,

    /// The template, if -o does not say it.
    #[arg(long)]
    template: Option<String>,

    /// A field that a template names and the object does not have is empty, and no error.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", value_name = "true|false", action = clap::ArgAction::Set)]
    allow_missing_template_keys: bool,

    /// In every namespace.
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// Only those with these labels: a=b, a!=b, a in (b,c), a notin (b,c), a, !a; several with commas.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,

    /// Only those with these fields: metadata.name=web, status.phase!=Running; several with commas.
    #[arg(long, value_name = "FIELDS")]
    field_selector: Option<String>,

    /// Sort by what this expression finds: {.metadata.creationTimestamp}
    #[arg(long, value_name = "EXPRESSION")]
    sort_by: Option<String>,

    /// Go on with what changes, after what there is.
    #[arg(short, long)]
    watch: bool,

    /// Only show what changes, not what there is.
    #[arg(long)]
    watch_only: bool,

    /// Say of each object whether it was added, modified or deleted; with --watch or --watch-only.
    #[arg(long)]
    output_watch_events: bool,

    /// That something is not there is no error.
    #[arg(long)]
    ignore_not_found: bool,

    /// Tables without a head.
    #[arg(long)]
    no_headers: bool,

    /// Put the kind before each name.
    #[arg(long)]
    show_kind: bool,

    /// Tables with a column of all labels.
    #[arg(long)]
    show_labels: bool,

    /// Tables with a column for each of these labels.
    #[arg(short = 'L', long, value_name = "LABEL", value_delimiter = ',')]
    label_columns: Vec<String>,
}

/// How the objects are printed.
enum Form {
    Table(View),
    Object(Format),
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let wanted = args.wanted(context)?;
    let filter = Filter::parse(args.selector.as_deref(), args.field_selector.as_deref())?;
    args.check(&wanted, &filter)?;
    let form = args.form(&wanted)?;
    let mut place = Place {
        reader: Reader::new(context)?,
        namespace: (!args.all_namespaces).then(|| context.namespace().to_owned()),
    };
    if args.watch || args.watch_only {
        if let Some(namespace) = &wanted.asked[0].namespace {
            place.namespace = Some(namespace.clone());
        }
        return watch::run(args, &wanted, &filter, form, &place);
    }
    let (objects, failed) = find(args, &wanted, &filter, &place)?;
    let mut objects: Vec<(Value, Object)> = objects
        .into_iter()
        .map(|object| (object.value(), object))
        .collect();
    if let Some(expression) = &args.sort_by {
        objects = sort_by(objects, expression).map_err(Error::msg)?;
    }
    match form {
        Form::Object(format) => print_objects(&format, &wanted, objects, failed, args)?,
        Form::Table(view) => {
            if objects.is_empty() && !failed && !args.ignore_not_found {
                eprintln!("{}", place.nothing_found(&wanted));
            }
            print(&view.tables(&objects, crate::pod::now()))?;
        }
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The store, seen from a namespace.
pub struct Place {
    pub reader: Reader,
    /// None: all of them.
    pub namespace: Option<String>,
}

impl Place {
    pub fn list(&self, kind: Kind, filter: &Filter) -> Result<Vec<Object>, Failure> {
        self.reader.list(kind, self.namespace.as_deref(), filter)
    }

    /// One of those that were asked for.
    pub fn get(&self, asked: &Asked, name: &str) -> Result<Object, StoreError> {
        let namespace = asked.namespace.as_deref().or(self.namespace.as_deref());
        self.reader
            .get(asked.kind, namespace.unwrap_or_default(), name)
    }

    /// `No resources found in default namespace.`
    pub fn nothing_found(&self, wanted: &Named) -> String {
        let namespaced = wanted.asked.iter().all(|asked| asked.kind.namespaced());
        match self.namespace.as_ref().filter(|_| namespaced) {
            Some(namespace) => format!("No resources found in {namespace} namespace."),
            None => "No resources found".to_owned(),
        }
    }
}

/// The objects of manifests, one by one.
pub fn in_files(files: &Files, context: &Context) -> Result<Named, Failure> {
    let mut read = documents::read(files, context, Strictness::Ignore)?;
    if let Some(failure) = read.failures.pop() {
        return Err(failure);
    }
    let asked = read.all.into_iter().map(|document| Asked {
        kind: document.kind(),
        names: vec![document.name],
        namespace: Some(document.namespace),
    });
    let asked: Vec<Asked> = asked.collect();
    Ok(Named {
        several_kinds: asked.iter().any(|one| one.kind != asked[0].kind),
        single: asked.len() == 1,
        asked,
        ..Named::default()
    })
}

impl Args {
    fn wanted(&self, context: &Context) -> Result<Named, Failure> {
        if self.files.is_empty() {
            return Ok(named::parse(&self.resources)?);
        }
        if !self.resources.is_empty() {
            return Err(Failure::Machine(anyhow!(
                "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
            )));
        }
        in_files(&self.files, context)
    }

    fn check(&self, wanted: &Named, filter: &Filter) -> Result<(), Error> {
        let named = wanted.asked.iter().any(|asked| !asked.names.is_empty());
        if wanted.asked.is_empty() {
            bail!(
                "you must specify the type of resource to get: pods, configmaps, secrets,… or all"
            );
        }
        if named && self.all_namespaces {
            bail!("a resource cannot be retrieved by name across all namespaces");
        }
        if named && !filter.is_empty() {
            bail!("name cannot be provided when a selector is specified");
        }
        if (self.watch || self.watch_only)
            && (wanted.asked.len() > 1 || wanted.asked[0].names.len() > 1)
        {
            bail!("you may only specify a single resource type");
        }
        if self.output_watch_events && !(self.watch || self.watch_only) {
            bail!("--output-watch-events option can only be used with --watch or --watch-only");
        }
        if self.show_labels && !matches!(self.output.as_deref(), None | Some("" | "wide")) {
            bail!(
                "--show-labels option cannot be used with {} printer",
                self.output.as_deref().unwrap_or_default()
            );
        }
        Ok(())
    }

    fn form(&self, wanted: &Named) -> Result<Form, Error> {
        let template = self.template.as_deref().filter(|text| !text.is_empty());
        // A template alone is one of Go's (`cli-runtime/pkg/genericclioptions/template_flags.go`).
        let alone = template.map(|_| "go-template");
        let wide = match self
            .output
            .as_deref()
            .filter(|form| !form.is_empty())
            .or(alone)
        {
            None => false,
            Some("wide") => true,
            Some(other) => {
                let mut format =
                    Format::parse_with(other, template, self.allow_missing_template_keys)?;
                if self.no_headers {
                    format = format.without_headers();
                }
                return Ok(Form::Object(format));
            }
        };
        Ok(Form::Table(View {
            wide,
            no_headers: self.no_headers,
            with_namespace: self.all_namespaces,
            with_kind: self.show_kind || wanted.several_kinds,
            label_columns: self.label_columns.clone(),
            show_labels: self.show_labels,
        }))
    }
}

/// What was found, and whether something that was named was not. That has been said by then.
fn find(
    args: &Args,
    wanted: &Named,
    filter: &Filter,
    place: &Place,
) -> Result<(Vec<Object>, bool), Failure> {
    let (mut found, mut failed) = (Vec::new(), false);
    for asked in &wanted.asked {
        if asked.names.is_empty() {
            found.extend(place.list(asked.kind, filter)?);
        }
        for name in &asked.names {
            match place.get(asked, name) {
                Ok(object) => found.push(object),
                Err(error) if error.is_not_found() && args.ignore_not_found => {}
                Err(error) => {
                    say(&error.into());
                    failed = true;
                }
            }
        }
    }
    Ok((found, failed))
}

/// One object that was named is printed itself, anything else in a list.
fn print_objects(
    format: &Format,
    wanted: &Named,
    objects: Vec<(Value, Object)>,
    failed: bool,
    args: &Args,
) -> Result<(), Failure> {
    let mut values: Vec<Value> = objects.into_iter().map(|(value, _)| value).collect();
    let named = wanted.asked.iter().any(|asked| !asked.names.is_empty());
    if values.is_empty() && (failed || (named && args.ignore_not_found)) {
        return Ok(());
    }
    let shown = match wanted.single && values.len() == 1 {
        true => values.swap_remove(0),
        false => list_of(values),
    };
    print(&format.print(&shown)?)
}

/// Writes to stdout at once. Once nobody reads it any more, there is nothing left to do.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Told),
        Err(error) => Err(Failure::Machine(anyhow!(
            "could not write to standard output: {error}"
        ))),
    }
}
