//! Tables with a head, row by row (`cli-runtime/pkg/printers/tableprinter.go`).

use super::tabs::{Tabs, escape, pad, width};

/// Aligns what has come so far, and never makes a column narrower again: rows that come later (`-w`) stay below the first.
#[derive(Debug, Default)]
pub struct Table {
    widths: Vec<usize>,
}

impl Table {
    /// The text of some more rows.
    pub fn rows(&mut self, rows: &[Vec<String>]) -> String {
        for row in rows {
            self.widen(row);
        }
        let mut out = String::new();
        for row in rows {
            // The last cell is not a column: nothing is padded behind it.
            let (last, cells) = row
                .split_last()
                .map_or(("", &[][..]), |(l, c)| (l.as_str(), c));
            for (cell, &wanted) in cells.iter().zip(&self.widths) {
                out.push_str(cell);
                pad(&mut out, wanted.saturating_sub(width(cell)));
            }
            out.push_str(last);
            out.push('\n');
        }
        out
    }

    fn widen(&mut self, row: &[String]) {
        let cells = row.len().saturating_sub(1);
        if self.widths.len() < cells {
            self.widths.resize(cells, Tabs::TABLE.least);
        }
        for (wanted, cell) in self.widths.iter_mut().zip(&row[..cells]) {
            *wanted = (*wanted).max(width(cell) + Tabs::TABLE.padding);
        }
    }
}

/// One line of text: what comes after a line break is left out, and said to be.
pub fn cell(text: &str) -> String {
    match text.find(['\u{c}', '\n', '\r']) {
        Some(end) => escape(&text[..end]) + "...",
        None => escape(text),
    }
}

/// The head of a label's column: the part behind the last slash, in capitals.
pub fn label_head(label: &str) -> String {
    let name = label.rsplit('/').next().unwrap_or(label);
    name.to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|&cell| cell.to_owned()).collect()
    }

    #[test]
    fn later_rows_stay_below_the_first() {
        let mut table = Table::default();
        let first = table.rows(&[
            row(&["NAME", "STATUS", "AGE"]),
            row(&["a-longer-name", "Pending", "0s"]),
        ]);
        assert_eq!(
            first,
            "NAME            STATUS    AGE\na-longer-name   Pending   0s\n"
        );
        assert_eq!(
            table.rows(&[row(&["web", "Running", "1s"])]),
            "web             Running   1s\n"
        );
        assert_eq!(
            table.rows(&[row(&["web", "ContainerCreating", "1s"])]),
            "web             ContainerCreating   1s\n"
        );
        assert_eq!(
            table.rows(&[row(&["web", "Running", "2s"])]),
            "web             Running             2s\n"
        );
    }

    #[test]
    fn a_cell_is_one_line_and_harmless() {
        assert_eq!(cell("one\ntwo"), "one...");
        assert_eq!(cell("\u{1b}[31mred"), "^[[31mred");
    }

    #[test]
    fn the_head_of_a_label_is_its_name() {
        assert_eq!(label_head("app.kubernetes.io/name"), "NAME");
        assert_eq!(label_head("tier"), "TIER");
    }
}
