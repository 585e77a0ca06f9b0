//! The course as it is served: every file can be read, both languages are the same course, every name exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use course::{Block, Glossary, Inline, Lesson, N_LESSONS, Sources, Step};

const LANGUAGES: [&str; 2] = ["en", "de"];

fn file(language: &str, name: &str) -> String {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../static/course").join(language).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lesson(language: &str, number: u8) -> Lesson {
    let lesson = Lesson::parse(&file(language, &format!("lesson-{number}.md")));
    lesson.unwrap_or_else(|error| panic!("{language}, lesson {number}: {error}"))
}

fn steps(language: &str) -> Vec<Step> {
    (1..=N_LESSONS).flat_map(|number| lesson(language, number).steps).collect()
}

fn names<T: ToString>(all: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    all.into_iter().map(|it| it.to_string()).collect()
}

#[test]
fn the_page_gets_what_the_files_say() {
    for language in LANGUAGES {
        for number in 1..=N_LESSONS {
            let json = course::lesson_json(&file(language, &format!("lesson-{number}.md"))).unwrap();
            let fetched: Lesson = serde_json::from_str(&json.to_string()).unwrap();
            assert_eq!(fetched, lesson(language, number), "{language}, lesson {number}");
        }
        let glossary = Glossary::parse(&file(language, "glossary.yaml")).unwrap();
        let json = serde_json::to_string(&glossary).unwrap();
        assert_eq!(serde_json::from_str::<Glossary>(&json).unwrap(), glossary);
        let sources = Sources::parse(&file(language, "sources.yaml")).unwrap();
        let json = serde_json::to_string(&sources).unwrap();
        assert_eq!(serde_json::from_str::<Sources>(&json).unwrap(), sources);
    }
}

#[test]
fn lessons_are_numbered_and_so_are_their_steps() {
    for number in 1..=N_LESSONS {
        let lesson = lesson("en", number);
        assert_eq!(lesson.number, number);
        for (step, at) in lesson.steps.iter().zip(1..) {
            assert_eq!(step.control.step, format!("l{number}.{at}"));
        }
    }
}

#[test]
fn both_languages_are_one_course() {
    for (english, german) in steps("en").iter().zip(steps("de")) {
        let place = &english.control.step;
        let mut control = german.control.clone();
        assert_eq!(names(english.figures()), names(german.figures()), "{place}");
        assert_eq!(
            (english.after.is_empty(), english.before.len()),
            (german.after.is_empty(), german.before.len())
        );
        // Only words may differ.
        match (&mut control.ask, &english.control.ask) {
            (Some(ask), Some(same)) => {
                ask.text.clone_from(&same.text);
                assert_eq!(ask.options.len(), same.options.len(), "{place}");
                for (option, same) in ask.options.iter_mut().zip(&same.options) {
                    option.text.clone_from(&same.text);
                    option.feedback.clone_from(&same.feedback);
                }
            }
            (one, other) => assert_eq!(one.is_none(), other.is_none(), "{place}"),
        }
        if let (Some(guess), Some(same)) = (&mut control.guess, &english.control.guess) {
            guess.text.clone_from(&same.text);
            guess.feedback.clone_from(&same.feedback);
        }
        assert_eq!(control, english.control, "{place}");
    }
    assert_eq!(steps("en").len(), steps("de").len());
}

#[test]
fn control_blocks_list_the_figures_of_the_prose() {
    for step in steps("en") {
        let in_text = step.blocks().flat_map(Block::inlines).filter_map(|inline| match inline {
            Inline::Figure(figure) => Some(figure),
            _ => None,
        });
        let (in_text, listed) = (names(in_text), names(&step.control.live));
        assert!(in_text.is_subset(&listed), "{}: {in_text:?} against {listed:?}", step.control.step);
        let used = names(step.figures());
        assert!(listed.is_subset(&used), "{}: {listed:?} against {used:?}", step.control.step);
    }
}

#[test]
fn terms_and_sources_exist() {
    for language in LANGUAGES {
        let glossary = Glossary::parse(&file(language, "glossary.yaml")).unwrap();
        let sources = Sources::parse(&file(language, "sources.yaml")).unwrap();
        for step in steps(language) {
            let place = format!("{language}, {}", step.control.step);
            for inline in step.blocks().flat_map(Block::inlines) {
                match inline {
                    Inline::Term(word) => assert!(glossary.term(word).is_some(), "{place}: term `{word}`"),
                    Inline::Source { key, .. } => {
                        assert!(sources.source(key).is_some(), "{place}: source `{key}`")
                    }
                    Inline::Text(_) | Inline::Stress(_) | Inline::Figure(_) => {}
                }
            }
            if let Some(key) = &step.control.source {
                assert!(sources.source(key).is_some(), "{place}: source `{key}`");
            }
        }
    }
    let keys = |language| {
        let sources = Sources::parse(&file(language, "sources.yaml")).unwrap();
        names(sources.0.into_iter().map(|source| source.key))
    };
    assert_eq!(keys("en"), keys("de"));
}

#[test]
fn questions_have_one_right_answer_or_a_rule() {
    let mut ids = BTreeSet::new();
    for step in steps("en") {
        for id in
            step.control.ask.iter().map(|ask| &ask.id).chain(step.control.guess.iter().map(|guess| &guess.id))
        {
            assert!(ids.insert(id.clone()), "`{id}` is there twice");
        }
        if let Some(ask) = &step.control.ask {
            let right = ask.options.iter().filter(|option| option.answer).count();
            assert_eq!(right, usize::from(ask.answer.is_none()), "{}", ask.id);
        }
        for figure in step.figures() {
            if let course::Figure::Guess(id) = &figure.figure {
                assert!(ids.contains(id), "{}: the guess `{id}` comes later or never", step.control.step);
            }
        }
    }
}

const SMALL: &str = "---\nlesson: 1\ntitle: T\nminutes: 1\naim: A\nkeep: K\n---\n\n# T\n\n## 1. S\n\nText {{live: sparsity}}.\n\n```control\nstep: l1.1\nview: compare\nlive: [sparsity]\n```\n";

#[test]
fn what_does_not_exist_is_refused_with_its_place() {
    assert!(Lesson::parse(SMALL).is_ok());
    for (right, wrong, named) in [
        ("live: [sparsity]", "live: [sparsety]", "sparsety"),
        ("{{live: sparsity}}", "{{live: sparsety}}", "sparsety"),
        ("view: compare", "view: compair", "compair"),
        ("view: compare", "view: compare\nviews: 3", "views"),
        ("view: compare", "view: compare\nrecipe: int7", "int7"),
        ("view: compare", "view: compare\nslider: \"sparsity 95..0\"", "sparsity 95..0"),
        ("Text", "[when: sparsity] Text", "sparsity"),
        ("Text", "[otherwise] Text", "otherwise"),
        ("Text", "[reveal]\n\nText", "reveal"),
        ("Text", "- Text", "List"),
        ("## 1. S", "## 2. S", "1. "),
        ("aim: A", "aims: A", "aims"),
    ] {
        let error = Lesson::parse(&SMALL.replacen(right, wrong, 1)).unwrap_err();
        assert!(error.to_string().contains(named), "{error} does not name {named}");
    }
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_read_or_refused(text in "[a-z.:@<>{}\\[\\]#`*| \n0-9-]{0,200}") {
            let _ = Lesson::parse(&text);
            let _ = Lesson::parse(&SMALL.replacen("Text", &text, 1));
        }
    }
}
