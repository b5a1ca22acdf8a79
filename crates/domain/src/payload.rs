//! What a typed event is read from.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The payload of an event, on its way into a type.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// As it came.
    Bytes(&'a [u8]),
    /// Parsed, after upcasters changed it.
    Json(&'a Value),
}

impl Payload<'_> {
    /// Reads JSON.
    ///
    /// # Errors
    /// What serde says, with line and column where the payload is bytes.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, serde_json::Error> {
        match self {
            Self::Bytes(bytes) => serde_json::from_slice(bytes),
            Self::Json(value) => T::deserialize(value),
        }
    }
}
