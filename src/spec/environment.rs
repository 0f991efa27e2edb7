//! The environment of a container.

use std::collections::HashMap;

use k8s_openapi::api::core::v1;

use super::expand::{TooLong, expand};

/// Names in the order they were first defined, with their last values.
#[derive(Default)]
pub struct Environment<'w> {
    list: Vec<(String, String)>,
    index: HashMap<&'w str, usize>,
}

impl<'w> Environment<'w> {
    /// Values see what is defined before them; a later definition of a name replaces the earlier one where it stood.
    /// What comes from elsewhere (`valueFrom`) is left out.
    pub fn of(written: &'w [v1::EnvVar], room: &mut usize) -> Result<Environment<'w>, TooLong> {
        let mut env = Environment::default();
        for variable in written
            .iter()
            .filter(|variable| variable.value_from.is_none())
        {
            let value = expand(
                variable.value.as_deref().unwrap_or_default(),
                |name| env.get(name),
                room,
            )?;
            *room = room.checked_sub(variable.name.len()).ok_or(TooLong)?;
            match env.index.get(variable.name.as_str()) {
                Some(&earlier) => env.list[earlier].1 = value,
                None => {
                    env.index.insert(&variable.name, env.list.len());
                    env.list.push((variable.name.clone(), value));
                }
            }
        }
        Ok(env)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.index.get(name).map(|&at| self.list[at].1.as_str())
    }

    pub fn into_list(self) -> Vec<(String, String)> {
        self.list
    }
}
