//! What the served folder lists: models, models on the web, pictures, names of classes. Plain data as their JSON
//! files spell it; a key that is not used here may be there.

use std::rc::Rc;

use serde::Deserialize;

use super::words::Language;
use crate::bridge::Labels;

/// An entry of `models/index.json`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ServedModel {
    /// `everyday-60` or `efficientnet-lite0`.
    pub id: String,
    /// Bytes of its file.
    pub bytes: u64,
}

/// An entry of `catalog.json`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CatalogEntry {
    /// Its id in requests.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Who offers it.
    pub origin: String,
    /// Bytes of the download.
    pub bytes: u64,
    /// Its licence.
    pub licence: String,
}

/// An entry of `pictures/index.json`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PictureFacts {
    /// The file in `pictures/`.
    pub file: String,
    /// What it shows.
    pub title: InLanguages,
    /// Its licence, one line.
    pub licence: String,
}

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct InLanguages {
    /// English.
    pub en: String,
    /// German.
    pub de: String,
}

/// Names of classes: `{"en": ["cup", …], "de": ["Tasse", null, …]}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ClassNames {
    en: Vec<String>,
    #[serde(default)]
    de: Vec<Option<String>>,
}

/// The names that belong to the loaded model, as far as they are there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Naming {
    /// Which set was asked for.
    pub labels: Option<Labels>,
    /// The names, once they have arrived.
    pub names: Option<Rc<ClassNames>>,
}

impl Naming {
    /// The name of a class: in `language`, else English, else `None`.
    pub fn name(&self, class: u32, language: Language) -> Option<&str> {
        self.names.as_ref()?.name(class, language)
    }
}

impl ClassNames {
    /// The name of a class: in `language`, else English, else `None`.
    pub fn name(&self, class: u32, language: Language) -> Option<&str> {
        let class = usize::try_from(class).ok()?;
        let german = self.de.get(class).and_then(Option::as_deref).filter(|name| !name.is_empty());
        let english = self.en.get(class).map(String::as_str).filter(|name| !name.is_empty());
        match language {
            Language::English => english,
            Language::German => german.or(english),
        }
    }
}

/// Where the names of a label set are served, or `None` where classes have no names.
pub fn labels_path(labels: Labels) -> Option<&'static str> {
    match labels {
        Labels::Everyday60 => Some("labels/everyday-60.json"),
        Labels::ImageNet => Some("labels/imagenet.json"),
        Labels::Numbers => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn german_falls_back_to_english_and_then_to_nothing() {
        let names: ClassNames =
            serde_json::from_str(r#"{"en":["cup","sock",""],"de":["Tasse",null]}"#).unwrap();
        assert_eq!(names.name(0, Language::German), Some("Tasse"));
        assert_eq!(names.name(1, Language::German), Some("sock"));
        assert_eq!(names.name(0, Language::English), Some("cup"));
        assert_eq!(names.name(2, Language::English), None);
        assert_eq!(names.name(u32::MAX, Language::English), None);
    }

    #[test]
    fn the_served_files_can_be_read() {
        let names: ClassNames =
            serde_json::from_str(include_str!("../../static/labels/everyday-60.json")).unwrap();
        assert!(names.name(59, Language::German).is_some() && names.name(60, Language::English).is_none());
        let catalog: Vec<CatalogEntry> =
            serde_json::from_str(include_str!("../../static/catalog.json")).unwrap();
        assert!(catalog.iter().all(|entry| entry.bytes > 0 && !entry.licence.is_empty()));
    }
}
