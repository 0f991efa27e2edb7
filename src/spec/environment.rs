//! The environment of a container as it grows: names in the order they were first defined, with their last values.

use std::collections::HashMap;

use super::expand::{TooLong, expand};

#[derive(Default)]
pub struct Environment {
    list: Vec<(String, String)>,
    index: HashMap<String, usize>,
}

impl Environment {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.index.get(name).map(|&at| self.list[at].1.as_str())
    }

    /// A later definition of a name replaces the earlier one where it stood.
    pub fn set(&mut self, name: &str, value: String) {
        match self.index.get(name) {
            Some(&earlier) => self.list[earlier].1 = value,
            None => {
                self.index.insert(name.to_owned(), self.list.len());
                self.list.push((name.to_owned(), value));
            }
        }
    }

    /// Replaces `$(NAME)` by what is defined so far.
    pub fn expand(&self, text: &str, room: &mut usize) -> Result<String, TooLong> {
        expand(text, |name| self.get(name), room)
    }

    pub fn into_list(self) -> Vec<(String, String)> {
        self.list
    }
}
