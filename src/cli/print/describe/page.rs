//! Text with tab stops, line by line.

use crate::cli::print::tabs::{Tabs, escape};

#[derive(Default)]
pub struct Page(String);

impl Page {
    /// A line two blanks further in for each level.
    pub fn line(&mut self, level: usize, text: &str) {
        self.0.extend(std::iter::repeat_n("  ", level));
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// `name:  text`
    pub fn field(&mut self, level: usize, name: &str, text: &str) {
        self.line(level, &format!("{name}:\t{text}"));
    }

    /// The same, unless there is nothing to say.
    pub fn filled(&mut self, level: usize, name: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.field(level, name, text);
        }
    }

    /// `title:` with one text a line behind it, or `<none>`.
    pub fn list(&mut self, title: &str, texts: impl Iterator<Item = String>) {
        let texts: Vec<String> = texts.collect();
        match texts.is_empty() {
            true => self.field(0, title, "<none>"),
            false => self.field(0, title, &texts.join("\n\t")),
        }
    }

    pub fn align(self) -> String {
        Tabs::DESCRIBE.align(&escape(&self.0))
    }
}
