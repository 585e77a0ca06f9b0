//! A recipe in an address: its JSON, deflated, in base64url.

use std::io::{Read, Write};

use pipeline::Recipe;

/// Longer recipes are refused, bytes of JSON.
const LONGEST_RECIPE: u64 = 16 << 10;

/// A recipe as the address carries it.
pub(super) fn code_of(recipe: &Recipe) -> String {
    // A recipe is always JSON, and memory takes all that is written.
    let json = serde_json::to_vec(recipe).unwrap_or_default();
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    let written = deflate.write_all(&json).and_then(|()| deflate.finish());
    base64url(&written.unwrap_or_default())
}

/// The recipe of such a code, where it is one.
pub(super) fn recipe_of(code: &str) -> Option<Recipe> {
    let bytes = bytes_of_base64url(code)?;
    let mut json = String::new();
    let mut inflate = flate2::read::DeflateDecoder::new(&*bytes).take(LONGEST_RECIPE);
    inflate.read_to_string(&mut json).ok()?;
    Recipe::from_json(&json).ok()
}

/// RFC 4648, section 5, without padding.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for idx in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * idx)) as usize & 63]));
        }
    }
    text
}

fn bytes_of_base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for character in chunk {
            let value = ALPHABET.iter().position(|it| it == character)?;
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        bits <<= 6 * (4 - chunk.len());
        bytes.extend(&bits.to_be_bytes()[1..chunk.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(bytes_of_base64url(&base64url(&bytes)), Some(bytes));
        }
    }
}
