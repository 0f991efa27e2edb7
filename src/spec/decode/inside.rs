//! What a value's place says of how it is read.

/// What is special about where a value stands.
#[derive(Clone, Copy, Default)]
pub struct Inside {
    /// In a Quantity, which may be written as a number.
    pub numbers_too: bool,
    /// Bytes, written in base64.
    pub base64: bool,
    /// What no message may show.
    pub secret: bool,
}

impl Inside {
    /// The place of a field of this object, or of what is below it.
    pub fn field(self, object: Option<&str>, field: &str) -> Inside {
        let secret = object == Some("Secret") && matches!(field, "data" | "stringData");
        let base64 = matches!(
            (object, field),
            (Some("Secret"), "data") | (Some("ConfigMap"), "binaryData")
        );
        Inside {
            numbers_too: false,
            base64: self.base64 || base64,
            secret: self.secret || secret,
        }
    }
}
