//! Both languages say the same things, and say everything that the code asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::*;

/// Message keys of a file with the variables that each one uses.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut key = String::new();
    for line in source(language).lines() {
        if let Some((name, _)) = line.split_once(" =")
            && line.starts_with(|first: char| first.is_ascii_lowercase())
        {
            key = name.to_owned();
            assert!(!messages.contains_key(&key), "{key} stands twice in {}", language.tag());
            messages.insert(key.clone(), BTreeSet::new());
        }
        for variable in line.split('$').skip(1) {
            let name: String =
                variable.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_').collect();
            messages.get_mut(&key).expect("a variable belongs to a message").insert(name);
        }
    }
    messages
}

/// Literal keys in the sources of the app.
fn keys_in_code() -> BTreeSet<String> {
    fn visit(folder: &Path, keys: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                visit(&path, keys);
            } else if !path.ends_with("words/tests.rs") {
                let code = fs::read_to_string(&path).expect("a source file");
                for call in ["text(", "text_with(", "key("] {
                    for (at, _) in code.match_indices(call) {
                        // Not the end of a longer name, as in `get_context(`.
                        let whole =
                            !code[..at].ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_');
                        let argument =
                            code[at + call.len()..].trim_start().strip_prefix('"').filter(|_| whole);
                        let literal = argument.and_then(|argument| argument.split_once('"'));
                        keys.extend(literal.map(|(key, _)| key.to_owned()));
                    }
                }
                // The unit is the second argument there.
                for rest in code.split("\"unit-").skip(1) {
                    keys.extend(rest.split_once('"').map(|(unit, _)| format!("unit-{unit}")));
                }
            }
        }
    }
    let mut keys = BTreeSet::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app"), &mut keys);
    keys
}

/// Keys that are put together from an id: of a served list, of a preset, of a pass, of what lessons name.
const BY_ID: [&str; 8] = [
    "model-name-",
    "model-about-",
    "preset-name-",
    "preset-about-",
    "pass-",
    "course-recipe-",
    "course-view-",
    "course-figure-",
];

#[test]
fn both_files_are_sound() {
    for language in [Language::English, Language::German] {
        let resource = FluentResource::try_new(source(language).to_owned());
        assert!(resource.is_ok(), "{}: {:?}", language.tag(), resource.err().map(|(_, errors)| errors));
    }
}

#[test]
fn both_languages_have_the_same_keys_and_variables() {
    let (english, german) = (messages(Language::English), messages(Language::German));
    for (key, variables) in &english {
        assert_eq!(german.get(key), Some(variables), "{key}");
    }
    for key in german.keys() {
        assert!(english.contains_key(key), "{key} is German only");
    }
}

#[test]
fn every_key_in_the_code_exists_and_every_text_is_used() {
    let (english, code) = (messages(Language::English), keys_in_code());
    assert!(code.len() > 50, "the scan finds the keys");
    for key in &code {
        assert!(english.contains_key(key), "{key} is used but not written");
    }
    for key in english.keys() {
        assert!(
            code.contains(key) || BY_ID.iter().any(|prefix| key.starts_with(prefix)),
            "{key} is written but not used"
        );
    }
}

#[test]
fn no_text_fails_when_it_is_put_together() {
    for language in [Language::English, Language::German] {
        let words = Words::new(language);
        for (key, variables) in messages(language) {
            let variables: Vec<&'static str> =
                variables.into_iter().map(|name| &*Box::leak(name.into_boxed_str())).collect();
            let values: Vec<_> = variables.iter().map(|name| (*name, Value::Plural(3))).collect();
            let text = words.find(&key, &values).expect("a message with a value");
            assert!(!text.is_empty() && !text.contains('{'), "{key}: {text}");
        }
    }
}

#[test]
fn german_is_chosen_by_any_german_tag() {
    for tag in ["de", "de-DE", "de_AT", "DE-ch"] {
        assert_eq!(Language::from_tag(tag), Language::German);
    }
    for tag in ["en", "fr-FR", "", "den"] {
        assert_eq!(Language::from_tag(tag), Language::English);
    }
}

#[test]
fn a_missing_key_shows_itself() {
    let words = Words::new(Language::English);
    let missing: &'static str = "no-such-thing";
    assert_eq!(words.text_with(missing, &[]), "no-such-thing");
}

#[test]
fn numbers_and_units_hold_together() {
    let words = Words::new(Language::English);
    assert_eq!(words.size(3_070_000), "3.07\u{a0}MB");
    assert_eq!(words.percent(0.712, 1), "71.2\u{a0}%");
    assert_eq!((words.factor(3.07, 0.47), words.factor(30.0, 1.0)), ("6.5".into(), "30".into()));
    assert_eq!([0.42, 2.06, 99.96, 549.5].map(|millis| words.millis(millis)), ["0.42", "2.1", "100", "550"]);
}
