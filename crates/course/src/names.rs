//! Enums whose variants have names in the files, and fields that hold one name or a list of them.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::Serializer;

/// Makes an enum with the names of its variants, `ALL` of them, and `FromStr`, which lists the names where it refuses.
macro_rules! named {
    ($(#[$about:meta])* $name:ident, $what:literal, { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// All of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As the files spell it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().copied().find(|it| it.name() == text);
                found.ok_or_else(|| {
                    let names: Vec<&str> = Self::ALL.iter().map(|it| it.name()).collect();
                    format!("`{text}` is not {}; these are: {}", $what, names.join(", "))
                })
            }
        }
    };
}
pub(crate) use named;

/// Deserializes one text, or a list of texts, into what they name.
pub(crate) fn texts<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    struct Texts<T>(PhantomData<T>);
    impl<'de, T: FromStr<Err = String>> Visitor<'de> for Texts<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of texts")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            text.parse().map(|it| vec![it]).map_err(E::custom)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(text) = list.next_element::<String>()? {
                all.push(text.parse().map_err(de::Error::custom)?);
            }
            Ok(all)
        }
    }
    from.deserialize_any(Texts(PhantomData))
}

/// Deserializes one text into what it names.
pub(crate) fn text<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(from: D) -> Result<T, D::Error> {
    let text: String = serde::Deserialize::deserialize(from)?;
    text.parse().map_err(de::Error::custom)
}

/// As [`text`], for a field that may be absent.
pub(crate) fn optional<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    text(from).map(Some)
}

/// Serializes what [`text`] deserializes.
pub(crate) fn as_text<S: Serializer>(it: &impl fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(it)
}
