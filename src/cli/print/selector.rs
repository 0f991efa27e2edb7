//! `-l` and `--field-selector`: which objects are meant (`apimachinery/pkg/labels/selector.go`, `pkg/fields/selector.go`).

mod fields;
mod labels;

pub use fields::FieldSelector;
pub use labels::LabelSelector;
