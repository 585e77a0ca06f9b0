//! The files of the course as they are written: lessons in Markdown, their control blocks, glossary and sources in YAML.
//! Here they are read and checked, and here the same becomes the JSON that the page fetches: so neither parser is
//! part of the page, and a mistake ends the build.

use pulldown_cmark::TextMergeStream;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, MetadataBlockKind, Options, Parser, Tag, TagEnd};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::prose::Prose;
use crate::{Control, CourseError, Glossary, Lesson, Sources, Step};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    lesson: u8,
    title: String,
    minutes: u8,
    aim: String,
    keep: String,
}

impl Lesson {
    /// Reads a lesson.
    ///
    /// # Errors
    /// [`CourseError`] with the step of what is not a lesson: a field, figure, recipe, condition or element that does not
    /// exist, a step without a control block or with two.
    pub fn parse(markdown: &str) -> Result<Self, CourseError> {
        read(markdown).map(|(lesson, _)| lesson)
    }
}

/// The lesson, and the control block of each step as it stands in the file.
fn read(markdown: &str) -> Result<(Lesson, Vec<Value>), CourseError> {
    let options = Options::ENABLE_YAML_STYLE_METADATA_BLOCKS | Options::ENABLE_TABLES;
    let mut reader = Reader::default();
    for event in TextMergeStream::new(Parser::new_ext(markdown, options)) {
        reader.take(&event)?;
    }
    reader.end_step()?;
    let Some(front) = reader.front else {
        return Err(CourseError::new("the beginning", "there is no front matter between two lines of `---`"));
    };
    let FrontMatter { lesson, title, minutes, aim, keep } = front;
    if reader.steps.is_empty() {
        return Err(CourseError::new("the lesson", "there are no steps; `## 1. Title` begins one"));
    }
    Ok((Lesson { number: lesson, title, minutes, aim, keep, steps: reader.steps }, reader.controls))
}

/// A lesson as the page fetches it: [`Lesson`] is deserialized of it.
///
/// # Errors
/// Those of [`Lesson::parse`].
pub fn lesson_json(markdown: &str) -> Result<Value, CourseError> {
    let (lesson, controls) = read(markdown)?;
    let steps = lesson.steps.iter().zip(controls).map(|(step, control)| {
        json!({"title": step.title, "before": step.before, "after": step.after, "control": control})
    });
    Ok(json!({
        "number": lesson.number,
        "title": lesson.title,
        "minutes": lesson.minutes,
        "aim": lesson.aim,
        "keep": lesson.keep,
        "steps": steps.collect::<Vec<_>>(),
    }))
}

impl Glossary {
    /// Reads the terms.
    ///
    /// # Errors
    /// [`CourseError`] with line and column.
    pub fn parse(text: &str) -> Result<Self, CourseError> {
        yaml(text, "glossary")
    }
}

impl Sources {
    /// Reads the sources.
    ///
    /// # Errors
    /// [`CourseError`] with line and column.
    pub fn parse(text: &str) -> Result<Self, CourseError> {
        yaml(text, "sources")
    }
}

#[derive(Default)]
struct Reader {
    front: Option<FrontMatter>,
    steps: Vec<Step>,
    /// Their control blocks as they stand in the file.
    controls: Vec<Value>,
    within: Within,
    text: String,
    open: Option<OpenStep>,
}

#[derive(Default)]
struct OpenStep {
    title: String,
    prose: Prose,
    control: Option<(Control, Value)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Prose,
    Front,
    Title,
    StepTitle,
    Control,
}

impl Reader {
    fn place(&self) -> String {
        match &self.open {
            Some(step) => format!("step {} ({})", self.steps.len() + 1, step.title),
            None => "before the first step".to_owned(),
        }
    }

    fn take(&mut self, event: &Event<'_>) -> Result<(), CourseError> {
        match event {
            Event::Start(Tag::MetadataBlock(MetadataBlockKind::YamlStyle)) => self.within = Within::Front,
            Event::End(TagEnd::MetadataBlock(_)) => self.front = Some(self.yaml("the front matter")?),
            Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => self.within = Within::Title,
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                self.end_step()?;
                self.within = Within::StepTitle;
            }
            Event::End(TagEnd::Heading(HeadingLevel::H1)) => {
                self.text.clear();
                self.within = Within::Prose;
            }
            Event::End(TagEnd::Heading(HeadingLevel::H2)) => {
                let heading = std::mem::take(&mut self.text);
                let number = format!("{}. ", self.steps.len() + 1);
                let Some(title) = heading.strip_prefix(&number) else {
                    return Err(CourseError::new(
                        heading.clone(),
                        format!("the heading does not begin with `{number}`"),
                    ));
                };
                self.open = Some(OpenStep { title: title.to_owned(), ..OpenStep::default() });
                self.within = Within::Prose;
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(name))) if &**name == "control" => {
                self.within = Within::Control;
            }
            Event::End(TagEnd::CodeBlock) => {
                let place = self.place();
                let control = self.control(&place)?;
                let Some(step) = &mut self.open else {
                    return Err(CourseError::new(place, "a control block belongs to a step"));
                };
                if step.control.replace(control).is_some() {
                    return Err(CourseError::new(place, "a step has one control block"));
                }
            }
            Event::Text(text) if self.within != Within::Prose => self.text.push_str(text),
            other => {
                let place = self.place();
                match &mut self.open {
                    Some(step) => step.prose.take(other, &place)?,
                    None => return Err(CourseError::new(place, format!("{other:?} has no place here"))),
                }
            }
        }
        Ok(())
    }

    /// Reads the control block that was gathered, as what it means and as it stands there; prose follows.
    fn control(&mut self, place: &str) -> Result<(Control, Value), CourseError> {
        self.within = Within::Prose;
        let (text, place) = (std::mem::take(&mut self.text), format!("{place}, control"));
        Ok((yaml(&text, &place)?, yaml(&text, &place)?))
    }

    /// Reads the text that was gathered; prose follows.
    fn yaml<T: DeserializeOwned>(&mut self, place: &str) -> Result<T, CourseError> {
        self.within = Within::Prose;
        yaml(&std::mem::take(&mut self.text), place)
    }

    fn end_step(&mut self) -> Result<(), CourseError> {
        let place = self.place();
        let Some(OpenStep { title, prose, control }) = self.open.take() else { return Ok(()) };
        let (control, as_written) =
            control.ok_or_else(|| CourseError::new(&place, "there is no control block"))?;
        let (before, after) = prose.end(&place)?;
        if !after.is_empty() && control.ask.is_none() && control.guess.is_none() {
            return Err(CourseError::new(place, "`[reveal]` waits for an `ask` or a `guess`"));
        }
        self.steps.push(Step { title, before, after, control });
        self.controls.push(as_written);
        Ok(())
    }
}

/// Reads YAML; `place` is what an error names.
fn yaml<T: DeserializeOwned>(text: &str, place: &str) -> Result<T, CourseError> {
    serde_saphyr::from_str(text).map_err(|error| CourseError::new(place, error.to_string()))
}
