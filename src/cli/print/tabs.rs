//! Text with tab stops, aligned the way Go's `text/tabwriter` aligns it, which every table of kubectl goes through.
//!
//! A cell is text that a tab ends; what follows the last tab of a line belongs to no column. Adjacent lines that have a cell
//! in the same place form a column, and the column is as wide as its widest cell plus the padding. So a line without tabs
//! ends every column above it: `describe` relies on that.

/// How wide columns are made.
#[derive(Clone, Copy, Debug)]
pub struct Tabs {
    /// The least width of a column, padding included.
    pub least: usize,
    /// Blanks after the widest cell.
    pub padding: usize,
}

impl Tabs {
    /// Tables (`cli-runtime/pkg/printers/tabwriter.go`).
    pub const TABLE: Tabs = Tabs {
        least: 6,
        padding: 3,
    };
    /// `describe` (`kubectl/pkg/describe/describe.go`, `tabbedString`).
    pub const DESCRIBE: Tabs = Tabs {
        least: 0,
        padding: 2,
    };

    pub fn align(self, text: &str) -> String {
        // A vertical tab ends a cell as well, and a form feed a line.
        let lines: Vec<Vec<&str>> = text
            .split(['\n', '\u{c}'])
            .map(|line| line.split(['\t', '\u{b}']).collect())
            .collect();
        let mut out = String::with_capacity(text.len() * 2);
        self.block(&lines, &mut Vec::new(), &mut out);
        // The last line was not ended by a newline; what wrote it may have left it open.
        out.pop();
        out
    }

    /// Writes lines that share the columns `widths`, finding the next column of each run of them.
    fn block(self, lines: &[Vec<&str>], widths: &mut Vec<usize>, out: &mut String) {
        let column = widths.len();
        let has_cell = |line: &Vec<&str>| column + 1 < line.len();
        let mut rest = lines;
        while let Some(line) = rest.first() {
            if !has_cell(line) {
                write_line(line, widths, out);
                rest = &rest[1..];
                continue;
            }
            let end = rest
                .iter()
                .position(|line| !has_cell(line))
                .unwrap_or(rest.len());
            let widest = rest[..end]
                .iter()
                .map(|line| width(line[column]) + self.padding);
            widths.push(widest.max().unwrap_or(0).max(self.least));
            self.block(&rest[..end], widths, out);
            widths.pop();
            rest = &rest[end..];
        }
    }
}

fn write_line(line: &[&str], widths: &[usize], out: &mut String) {
    for (at, cell) in line.iter().enumerate() {
        out.push_str(cell);
        if let Some(&wanted) = widths.get(at) {
            pad(out, wanted.saturating_sub(width(cell)));
        }
    }
    out.push('\n');
}

pub fn pad(out: &mut String, blanks: usize) {
    out.extend(std::iter::repeat_n(' ', blanks));
}

/// Go counts characters, not what a terminal makes of them.
pub fn width(cell: &str) -> usize {
    cell.chars().count()
}

/// What a terminal would obey is shown instead (`cli-runtime/pkg/printers/terminal.go`).
pub fn escape(text: &str) -> String {
    text.replace('\u{1b}', "^[").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_its_widest_cell() {
        let text = "NAME\tREADY\tAGE\nweb\t1/1\t5m\na-longer-name\t0/1\t3h20m\n";
        let table = "\
NAME            READY   AGE
web             1/1     5m
a-longer-name   0/1     3h20m
";
        assert_eq!(Tabs::TABLE.align(text), table);
    }

    #[test]
    fn narrow_columns_have_a_least_width() {
        assert_eq!(
            Tabs::TABLE.align("A\tB\tC\n1\t2\t3\n"),
            "A     B     C\n1     2     3\n"
        );
    }

    #[test]
    fn a_line_without_a_cell_ends_the_column() {
        let text = "Name:\tweb\nLabels:\tapp=web\n\ttier=front\nConditions:\n  Type\tStatus\n  Initialized \tTrue \n";
        let table = "\
Name:    web
Labels:  app=web
         tier=front
Conditions:
  Type          Status
  Initialized   True 
";
        assert_eq!(Tabs::DESCRIBE.align(text), table);
    }

    #[test]
    fn text_after_the_last_tab_is_not_padded() {
        assert_eq!(Tabs::DESCRIBE.align("a\tb\nccc\td"), "a    b\nccc  d");
    }

    #[test]
    fn characters_count_not_bytes() {
        assert_eq!(Tabs::DESCRIBE.align("é\tb\nccc\td\n"), "é    b\nccc  d\n");
    }
}
