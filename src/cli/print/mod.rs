//! How objects look when they are printed: kubectl's tables, `describe`, YAML, JSON, jsonpath and columns of one's own.
//!
//! Everything here is a function of objects, the wish of the user and the time: no clock, and no file but one that a template is in. What kubectl prints is
//! the judge, byte for byte; where a rule comes from is said beside it, as a path in kubernetes/kubernetes (v1.36).

mod age;
pub mod columns;
mod custom;
pub mod describe;
pub mod events;
pub mod explain;
pub mod format;
mod gotext;
mod json;
mod jsonpath;
mod natural;
pub mod nodes;
pub mod pods;
mod scalar;
pub mod selector;
mod sort;
mod table;
mod tabs;
mod yaml;

#[cfg(test)]
mod fixtures;

pub use age::since;
pub use json::pretty;
pub use jsonpath::JsonPath;
pub use sort::sort_by;
pub use table::{Table, cell, label_head};
pub use yaml::yaml;
