//! Everything that the page says, in both languages: texts from `static/i18n/*.ftl`, numbers by the browser's `Intl`.
//!
//! A text's key stands in the code as the literal argument of [`Words::text`], [`Words::text_with`] or [`key`]; the tests
//! find them there and compare them with both files. Digits are grouped and separated as the language does it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// The languages of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

impl Language {
    /// Its tag for `lang`, for `Intl` and for storage.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language of a tag such as `de-AT`, else English.
    pub fn from_tag(tag: &str) -> Self {
        match tag.split(['-', '_']).next() {
            Some(first) if first.eq_ignore_ascii_case("de") => Self::German,
            _ => Self::English,
        }
    }
}

/// Marks a literal as the key of a text that is looked up later.
pub const fn key(key: &'static str) -> &'static str {
    key
}

/// Joins a number and its unit, which must not part at the end of a line.
const NO_BREAK_SPACE: char = '\u{a0}';

/// The texts and number formats of one language.
pub struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
    formats: RefCell<HashMap<u8, NumberFormat>>,
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.language == other.language
    }
}

impl Words {
    /// The words of a language.
    pub fn new(language: Language) -> Self {
        // A resource with errors still gives all its sound entries; the tests refuse any error.
        let resource =
            FluentResource::try_new(source(language).to_owned()).unwrap_or_else(|(sound, _)| sound);
        let identifier: LanguageIdentifier = language.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new(vec![identifier]);
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self { language, bundle, formats: RefCell::default() }
    }

    /// The language.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The text of a key; the key itself where there is none.
    pub fn text(&self, key: &'static str) -> String {
        self.text_with(key, &[])
    }

    /// The text of a key with values for its variables. Numbers choose plural forms; pass their digits as a text.
    pub fn text_with(&self, key: &'static str, values: &[(&'static str, Value<'_>)]) -> String {
        self.find(key, values).unwrap_or_else(|| key.to_owned())
    }

    /// The text of a key that was put together while running, or `None` where there is none.
    pub fn optional_text(&self, key: &str) -> Option<String> {
        self.find(key, &[])
    }

    fn find(&self, key: &str, values: &[(&'static str, Value<'_>)]) -> Option<String> {
        let pattern = self.bundle.get_message(key)?.value()?;
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, value.fluent());
        }
        let mut errors = Vec::new();
        Some(self.bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned())
    }

    /// A number with exactly `decimals` decimals.
    pub fn number(&self, value: f64, decimals: u8) -> String {
        let mut formats = self.formats.borrow_mut();
        formats.entry(decimals).or_insert_with(|| NumberFormat::new(self.language, decimals)).format(value)
    }

    /// A whole number.
    pub fn count(&self, value: u64) -> String {
        self.number(value as f64, 0)
    }

    /// Megabytes of 10⁶ bytes with two decimals, without the unit.
    pub fn megabytes(&self, bytes: u64) -> String {
        self.number(bytes as f64 / 1e6, 2)
    }

    /// `3.07 MB`.
    pub fn size(&self, bytes: u64) -> String {
        self.with_unit(self.megabytes(bytes), "unit-megabytes")
    }

    /// Milliseconds, without the unit: three digits or so, from `0.42` over `2.1` to `103`.
    pub fn millis(&self, millis: f64) -> String {
        let decimals = match millis {
            ..0.995 => 2,
            ..99.95 => 1,
            _ => 0,
        };
        self.number(millis, decimals)
    }

    /// `71 %` of a share `0..=1`.
    pub fn percent(&self, share: f64, decimals: u8) -> String {
        self.with_unit(self.number(100.0 * share, decimals), "unit-percent")
    }

    /// A number's digits and a unit, held together.
    fn with_unit(&self, digits: String, unit: &'static str) -> String {
        format!("{digits}{NO_BREAK_SPACE}{}", self.find(unit, &[]).unwrap_or_default())
    }

    /// How often `smaller` goes into `larger`: one decimal below ten, none above.
    pub fn factor(&self, larger: f64, smaller: f64) -> String {
        let factor = if smaller > 0.0 { larger / smaller } else { 0.0 };
        self.number(factor, if factor < 9.95 { 1 } else { 0 })
    }
}

/// A value for a variable of a text.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A text, or digits that are already written.
    Text(&'a str),
    /// A number that chooses a plural form.
    Plural(u64),
}

impl Value<'_> {
    fn fluent(&self) -> FluentValue<'static> {
        match self {
            Self::Text(text) => FluentValue::String(Cow::Owned((*text).to_owned())),
            Self::Plural(number) => FluentValue::from(*number as f64),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Plural(number)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("../../static/i18n/en.ftl"),
        Language::German => include_str!("../../static/i18n/de.ftl"),
    }
}

/// `Intl.NumberFormat` in the browser; a plain stand-in natively, where only tests run.
struct NumberFormat {
    #[cfg(target_arch = "wasm32")]
    format: js_sys::Function,
    decimals: u8,
}

impl NumberFormat {
    #[cfg(target_arch = "wasm32")]
    fn new(language: Language, decimals: u8) -> Self {
        let options = js_sys::Object::new();
        for name in ["minimumFractionDigits", "maximumFractionDigits"] {
            // Setting a property of a fresh object cannot fail.
            let _ = js_sys::Reflect::set(&options, &name.into(), &f64::from(decimals).into());
        }
        let locales = js_sys::Array::of1(&language.tag().into());
        Self { format: js_sys::Intl::NumberFormat::new(&locales, &options).format(), decimals }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn new(_language: Language, decimals: u8) -> Self {
        Self { decimals }
    }

    fn format(&self, value: f64) -> String {
        #[cfg(target_arch = "wasm32")]
        if let Ok(text) = self.format.call1(&wasm_bindgen::JsValue::UNDEFINED, &value.into())
            && let Some(text) = text.as_string()
        {
            return text;
        }
        format!("{value:.*}", usize::from(self.decimals))
    }
}

#[cfg(test)]
mod tests;
