//! Recipes travel as JSON, as they are kept and shared anyway: their steps are the largest type of the messages, and
//! this way neither side carries a second reader of them.

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Serializes `it` as a text.
pub(super) fn serialize<T: Serialize, S: Serializer>(it: &T, to: S) -> Result<S::Ok, S::Error> {
    serde_json::to_string(it).map_err(S::Error::custom)?.serialize(to)
}

/// Deserializes it from such a text.
pub(super) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    serde_json::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
}
