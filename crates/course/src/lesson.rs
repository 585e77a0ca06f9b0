//! A lesson's file: front matter, then steps of prose with one control block each.

use pulldown_cmark::TextMergeStream;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, MetadataBlockKind, Options, Parser, Tag, TagEnd};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::text::Prose;
use crate::{Block, Condition, Control, CourseError, FigureAt, Inline};

/// A lesson.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// Its number, from 1.
    pub number: u8,
    /// Its title.
    pub title: String,
    /// How long it takes.
    pub minutes: u8,
    /// What the learner can do afterwards.
    pub aim: String,
    /// What the learner keeps.
    pub keep: String,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step: one idea, one view.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its heading, without the number.
    pub title: String,
    /// What is read first.
    pub before: Vec<Block>,
    /// What appears once the question or the guess is answered.
    pub after: Vec<Block>,
    /// What is on the right, and what is asked.
    pub control: Control,
}

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
        let options = Options::ENABLE_YAML_STYLE_METADATA_BLOCKS | Options::ENABLE_TABLES;
        let mut reader = Reader::default();
        for event in TextMergeStream::new(Parser::new_ext(markdown, options)) {
            reader.take(&event)?;
        }
        reader.end_step()?;
        let Some(front) = reader.front else {
            return Err(CourseError::new(
                "the beginning",
                "there is no front matter between two lines of `---`",
            ));
        };
        let FrontMatter { lesson, title, minutes, aim, keep } = front;
        if reader.steps.is_empty() {
            return Err(CourseError::new("the lesson", "there are no steps; `## 1. Title` begins one"));
        }
        Ok(Self { number: lesson, title, minutes, aim, keep, steps: reader.steps })
    }
}

impl Step {
    /// Every block, those that are hidden at first too.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.before.iter().chain(&self.after)
    }

    /// The live figures of the prose and of its conditions, in the order in which they come.
    pub fn figures(&self) -> Vec<&FigureAt> {
        let in_text = self.blocks().flat_map(Block::inlines).filter_map(|inline| match inline {
            Inline::Figure(figure) => Some(figure),
            Inline::Text(_) | Inline::Term(_) | Inline::Stress(_) | Inline::Source { .. } => None,
        });
        let in_conditions = self.blocks().filter_map(|block| match block {
            Block::Either { condition, .. } => Some(condition),
            Block::Paragraph(_) | Block::Table { .. } => None,
        });
        in_text.chain(in_conditions.flat_map(Condition::figures)).collect()
    }
}

#[derive(Default)]
struct Reader {
    front: Option<FrontMatter>,
    steps: Vec<Step>,
    within: Within,
    text: String,
    open: Option<OpenStep>,
}

#[derive(Default)]
struct OpenStep {
    title: String,
    prose: Prose,
    control: Option<Control>,
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
                let control = self.yaml(&format!("{}, control", self.place()))?;
                let place = self.place();
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

    /// Reads the text that was gathered; prose follows.
    fn yaml<T: DeserializeOwned>(&mut self, place: &str) -> Result<T, CourseError> {
        self.within = Within::Prose;
        yaml(&std::mem::take(&mut self.text), place)
    }

    fn end_step(&mut self) -> Result<(), CourseError> {
        let place = self.place();
        let Some(OpenStep { title, prose, control }) = self.open.take() else { return Ok(()) };
        let control = control.ok_or_else(|| CourseError::new(&place, "there is no control block"))?;
        let (before, after) = prose.end(&place)?;
        if !after.is_empty() && control.ask.is_none() && control.guess.is_none() {
            return Err(CourseError::new(place, "`[reveal]` waits for an `ask` or a `guess`"));
        }
        self.steps.push(Step { title, before, after, control });
        Ok(())
    }
}

/// Reads YAML; `place` is what an error names.
pub(crate) fn yaml<T: DeserializeOwned>(text: &str, place: &str) -> Result<T, CourseError> {
    serde_saphyr::from_str(text).map_err(|error| CourseError::new(place, error.to_string()))
}
