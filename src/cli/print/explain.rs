//! What a field means (`kubectl/pkg/explain/v2/templates/plaintext.tmpl`), from the schema of its kind.

use serde_json::Value;

/// Where a line of text ends, before it is indented.
const WIDTH: usize = 76;

/// What is explained.
pub struct Question<'q> {
    pub kind: &'q str,
    /// Empty for the core kinds.
    pub group: &'q str,
    pub version: &'q str,
    /// The schema of the kind, with the schemas it refers to under `$defs`.
    pub schema: &'q Value,
    /// The way from the object to the field: `["spec", "containers"]`.
    pub path: &'q [&'q str],
    /// Only the names of the fields, but all the way down.
    pub recursive: bool,
}

impl Question<'_> {
    /// # Errors
    /// There is no such field.
    pub fn answer(&self) -> Result<String, String> {
        let mut out = String::new();
        if !self.group.is_empty() {
            out += &format!("GROUP:      {}\n", self.group);
        }
        out += &format!(
            "KIND:       {}\nVERSION:    {}\n\n",
            self.kind, self.version
        );
        let mut schema = self.schema;
        for (at, name) in self.path.iter().enumerate() {
            let fields = self.object(schema).get("properties");
            schema = fields.and_then(|fields| fields.get(*name)).ok_or_else(|| {
                format!("field {:?} does not exist", self.path[self.path.len() - 1])
            })?;
            if at + 1 == self.path.len() {
                out += &format!("FIELD: {name} <{}>\n\n\n", self.type_of(schema));
            }
        }
        out += "DESCRIPTION:\n";
        let mut description = String::new();
        self.describe(schema, &mut description);
        if description.is_empty() {
            description = "<empty>".to_owned();
        }
        out += &(indent(&wrap(&description, WIDTH), 4) + "\n");
        let mut fields = String::new();
        self.fields(schema, 1, &mut Vec::new(), &mut fields);
        if !fields.is_empty() {
            out += &format!("FIELDS:\n{fields}");
        }
        Ok(out + "\n")
    }

    fn target(&self, schema: &Value) -> Option<(&str, &Value)> {
        let name = schema.get("$ref")?.as_str()?.rsplit('/').next()?;
        let (name, target) = self.schema.get("$defs")?.as_object()?.get_key_value(name)?;
        Some((name, target))
    }

    /// What the schema is about in the end: what it refers to, or what a list or a map of it holds.
    fn object<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let inner = self.target(schema).map(|(_, target)| target);
        match inner.or_else(|| inside(schema)) {
            Some(inner) => self.object(inner),
            None => schema,
        }
    }

    /// Its own description, then that of what it refers to or holds.
    fn describe(&self, schema: &Value, out: &mut String) {
        if let Some(text) = schema.get("description").and_then(Value::as_str) {
            out.push_str(text);
            out.push('\n');
        }
        match self.target(schema) {
            Some((_, target)) => self.describe(target, out),
            None => {
                if let Some(inner) = inside(schema) {
                    self.describe(inner, out);
                }
            }
        }
    }

    /// `seen`: the kinds on the way here. A kind within itself is not gone into again.
    fn fields<'s>(
        &'s self,
        schema: &'s Value,
        level: usize,
        seen: &mut Vec<&'s str>,
        out: &mut String,
    ) {
        if let Some((name, target)) = self.target(schema) {
            if !seen.contains(&name) {
                seen.push(name);
                self.fields(target, level, seen, out);
                seen.pop();
            }
            return;
        }
        if let Some(inner) = inside(schema) {
            return self.fields(inner, level, seen, out);
        }
        let fields = schema.get("properties").and_then(Value::as_object);
        for (name, field) in fields.into_iter().flatten() {
            self.field(schema, name, field, level, out);
            if self.recursive {
                self.fields(field, level + 1, seen, out);
            }
        }
    }

    fn field(&self, of: &Value, name: &str, field: &Value, level: usize, out: &mut String) {
        let required = of.get("required").and_then(Value::as_array);
        let required = required.is_some_and(|names| names.iter().any(|one| one == name));
        let mark = if required { " -required-" } else { "" };
        let blanks = " ".repeat(level * 2);
        *out += &format!("{blanks}{name}\t<{}>{mark}\n", self.type_of(field));
        if !self.recursive {
            let description = field.get("description").and_then(Value::as_str);
            let text = wrap(
                description.unwrap_or("<no description>"),
                WIDTH + 2 - level * 2,
            );
            *out += &format!("{}\n\n", indent(&text, level * 2 + 2));
        }
    }

    /// `string`, `[]Container`, `map[string]Quantity`, `PodSpec`
    fn type_of(&self, schema: &Value) -> String {
        if let Some(items) = schema.get("items") {
            return format!("[]{}", self.type_of(items));
        }
        if let Some(values) = schema
            .get("additionalProperties")
            .filter(|values| values.is_object())
        {
            return format!("map[string]{}", self.type_of(values));
        }
        if let Some((name, target)) = self.target(schema) {
            let short = name.rsplit('.').next().unwrap_or(name);
            return match target.get("type").and_then(Value::as_str) {
                // These two are texts or numbers, and have names of their own.
                Some(_) if matches!(short, "Quantity" | "IntOrString") => short.to_owned(),
                None | Some("object") => short.to_owned(),
                Some(simple) => simple.to_owned(),
            };
        }
        match schema.get("type").and_then(Value::as_str) {
            None | Some("object") => "Object".to_owned(),
            Some(simple) => simple.to_owned(),
        }
    }
}

/// What a list or a map holds.
fn inside(schema: &Value) -> Option<&Value> {
    let values = schema
        .get("additionalProperties")
        .filter(|values| values.is_object());
    schema.get("items").or(values)
}

/// Breaks lines at blanks, so that none is longer than `width` unless a word is.
fn wrap(text: &str, width: usize) -> String {
    let wrapped = |line: &str| {
        let mut out = String::new();
        let mut column = 0;
        for (at, word) in line.split(' ').enumerate() {
            let length = word.chars().count();
            let blank = usize::from(at > 0);
            if at > 0 && column + blank + length > width && length < width && length > 0 {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
                column = 0;
            } else {
                out.extend(std::iter::repeat_n(' ', blank));
                column += blank;
            }
            out.push_str(word);
            column += length;
        }
        out
    };
    text.split('\n').map(wrapped).collect::<Vec<_>>().join("\n")
}

/// Before every line, also an empty one.
fn indent(text: &str, blanks: usize) -> String {
    let blanks = " ".repeat(blanks);
    format!("{blanks}{}", text.replace('\n', &format!("\n{blanks}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "description": "A thing.",
            "properties": {
                "kind": {"type": "string", "description": "What it is."},
                "spec": {"$ref": "#/$defs/io.k8s.Spec", "description": "What is wanted of it, in so many words that they do not fit into one line of this page."},
            },
            "required": ["spec"],
            "$defs": {
                "io.k8s.Spec": {"type": "object", "description": "Spec is a spec.", "properties": {
                    "limits": {"type": "object", "additionalProperties": {"$ref": "#/$defs/io.k8s.Quantity"}},
                    "parts": {"type": "array", "items": {"$ref": "#/$defs/io.k8s.Spec"}, "description": "Parts."},
                }},
                "io.k8s.Quantity": {"type": "string", "description": "Quantity is an amount."},
            },
        })
    }

    fn answer(path: &[&str], recursive: bool) -> Result<String, String> {
        let schema = schema();
        let question = Question {
            kind: "Thing",
            group: "",
            version: "v1",
            schema: &schema,
            path,
            recursive,
        };
        question.answer()
    }

    #[test]
    fn a_kind() {
        let text = "\
KIND:       Thing
VERSION:    v1

DESCRIPTION:
    A thing.
    
FIELDS:
  kind\t<string>
    What it is.

  spec\t<Spec> -required-
    What is wanted of it, in so many words that they do not fit into one line of
    this page.


";
        assert_eq!(answer(&[], false).unwrap(), text);
    }

    #[test]
    fn a_field() {
        let text = "\
KIND:       Thing
VERSION:    v1

FIELD: parts <[]Spec>


DESCRIPTION:
    Parts.
    Spec is a spec.
    
FIELDS:
  limits\t<map[string]Quantity>
    <no description>

  parts\t<[]Spec>
    Parts.


";
        assert_eq!(answer(&["spec", "parts"], false).unwrap(), text);
        assert_eq!(
            answer(&["spec", "x"], false),
            Err("field \"x\" does not exist".to_owned())
        );
    }

    #[test]
    fn all_the_way_down() {
        let text = "\
KIND:       Thing
VERSION:    v1

DESCRIPTION:
    A thing.
    
FIELDS:
  kind\t<string>
  spec\t<Spec> -required-
    limits\t<map[string]Quantity>
    parts\t<[]Spec>

";
        assert_eq!(answer(&[], true).unwrap(), text);
    }
}
