//! `-o custom-columns=NAME:.metadata.name,...` (`kubectl/pkg/cmd/get/customcolumn.go`).

use serde_json::Value;

use super::jsonpath::JsonPath;
use super::tabs::escape;
use super::{gotext, table::Table};

/// Columns of one's own: a head and an expression each.
#[derive(Clone, Debug)]
pub struct Columns {
    columns: Vec<(String, JsonPath)>,
    headers: bool,
}

impl Columns {
    fn new(columns: Vec<(String, JsonPath)>) -> Columns {
        Columns {
            columns,
            headers: true,
        }
    }

    pub fn without_headers(self) -> Columns {
        Columns {
            headers: false,
            ..self
        }
    }

    /// `HEAD:expression,HEAD:expression`
    pub fn parse(text: &str) -> Result<Columns, String> {
        if text.is_empty() {
            return Err("custom-columns format specified but no custom columns given".to_owned());
        }
        let column = |part: &str| match part.split_once(':') {
            Some((head, expression)) => Ok((head.to_owned(), JsonPath::relaxed(expression)?)),
            None => Err(format!(
                "unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"
            )),
        };
        text.split(',')
            .map(column)
            .collect::<Result<_, _>>()
            .map(Columns::new)
    }

    /// A line of heads and a line of expressions, both parted by blanks.
    pub fn parse_file(text: &str) -> Result<Columns, String> {
        const FORMAT: &str = "Expected format is one line of space separated headers, one line of space separated column specs.";
        let mut lines = text.lines();
        let mut words = |what: &str| match lines.next() {
            Some(line) => Ok(line.split_whitespace().collect::<Vec<_>>()),
            None => Err(format!("invalid template, missing {what} line. {FORMAT}")),
        };
        let (heads, expressions) = (words("header")?, words("spec")?);
        if heads.len() != expressions.len() {
            return Err(format!(
                "number of headers ({}) and field specifications ({}) don't match",
                heads.len(),
                expressions.len()
            ));
        }
        let column = |(head, expression): (&str, &str)| {
            Ok((head.to_owned(), JsonPath::relaxed(expression)?))
        };
        heads
            .into_iter()
            .zip(expressions)
            .map(column)
            .collect::<Result<_, _>>()
            .map(Columns::new)
    }

    pub fn head(&self) -> Vec<String> {
        self.columns.iter().map(|(head, _)| head.clone()).collect()
    }

    /// What one object has in these columns.
    pub fn row(&self, object: &Value) -> Result<Vec<String>, String> {
        let cell = |(_, path): &(String, JsonPath)| {
            let found = path.find(object)?;
            let nothing = found.first().is_none_or(|first| first.is_empty());
            let values = found
                .iter()
                .flatten()
                .map(|value| escape(&gotext::sprint(value)));
            let none = nothing.then(|| "<none>".to_owned());
            Ok(none.into_iter().chain(values).collect::<Vec<_>>().join(","))
        };
        self.columns.iter().map(cell).collect()
    }

    /// Head and rows, aligned.
    pub fn print(
        &self,
        objects: &[Value],
        table: &mut Table,
        headers: bool,
    ) -> Result<String, String> {
        let mut rows: Vec<Vec<String>> = (headers && self.headers)
            .then(|| self.head())
            .into_iter()
            .collect();
        for object in objects {
            rows.push(self.row(object)?);
        }
        Ok(table.rows(&rows))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_print_as_kubectl_prints_them() {
        let columns = Columns::parse("NAME:.metadata.name,IMAGES:.spec.containers[*].image,NOTHING:.x,LABELS:metadata.labels").unwrap();
        let objects = [
            json!({"metadata": {"name": "web", "labels": {"b": "2", "a": "1"}}, "spec": {"containers": [{"image": "nginx"}, {"image": "busybox"}]}}),
            json!({"metadata": {"name": "a-longer-name"}, "spec": {"containers": []}}),
        ];
        let text = "\
NAME            IMAGES          NOTHING   LABELS
web             nginx,busybox   <none>    map[a:1 b:2]
a-longer-name   <none>          <none>    <none>
";
        assert_eq!(
            columns
                .print(&objects, &mut Table::default(), true)
                .unwrap(),
            text
        );
    }

    #[test]
    fn wrong_columns_are_refused() {
        assert_eq!(
            Columns::parse("NAME").unwrap_err(),
            "unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>"
        );
        assert_eq!(
            Columns::parse_file("A B\n{.a}\n").unwrap_err(),
            "number of headers (2) and field specifications (1) don't match"
        );
    }
}
