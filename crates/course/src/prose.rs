//! From Markdown's events to the blocks of a step.

use std::mem;

use pulldown_cmark::{Event, Tag, TagEnd};

use crate::{Block, Condition, CourseError, Inline};

/// What a paragraph is: text, or the mark where the hidden part begins.
enum Piece {
    Block(Block),
    When(Condition, Vec<Inline>),
    Otherwise(Vec<Inline>),
    Reveal,
}

/// Gathers the blocks of one step.
#[derive(Default)]
pub(crate) struct Prose {
    open: bool,
    text: Vec<Inline>,
    style: Option<Style>,
    head: Vec<Vec<Inline>>,
    rows: Vec<Vec<Vec<Inline>>>,
    row: Vec<Vec<Inline>>,
    pending: Option<(Condition, Vec<Inline>)>,
    /// Blocks above the mark, and below it.
    before: Vec<Block>,
    after: Option<Vec<Block>>,
}

#[derive(Clone, Copy)]
enum Style {
    Term,
    Stress,
}

impl Prose {
    /// Takes in the next event of a step.
    pub(crate) fn take(&mut self, event: &Event<'_>, place: &str) -> Result<(), CourseError> {
        match event {
            Event::Start(Tag::Paragraph | Tag::TableCell) => self.open = true,
            Event::End(TagEnd::Paragraph) => {
                self.open = false;
                let text = mem::take(&mut self.text);
                let piece = piece(text).map_err(|detail| CourseError::new(place, detail))?;
                self.add(piece, place)?;
            }
            Event::End(TagEnd::TableCell) => {
                self.open = false;
                self.row.push(mem::take(&mut self.text));
            }
            Event::End(TagEnd::TableHead) => self.head = mem::take(&mut self.row),
            Event::End(TagEnd::TableRow) => self.rows.push(mem::take(&mut self.row)),
            Event::End(TagEnd::Table) => {
                let table = Block::Table { head: mem::take(&mut self.head), rows: mem::take(&mut self.rows) };
                self.add(Piece::Block(table), place)?;
            }
            Event::Start(Tag::Strong) => self.style = Some(Style::Term),
            Event::Start(Tag::Emphasis) => self.style = Some(Style::Stress),
            Event::End(TagEnd::Strong | TagEnd::Emphasis) => self.style = None,
            Event::Start(Tag::Table(_) | Tag::TableHead | Tag::TableRow) => {}
            Event::Text(text) if self.open => match self.style {
                Some(Style::Term) => self.text.push(Inline::Term(text.to_string())),
                Some(Style::Stress) => self.text.push(Inline::Stress(text.to_string())),
                None => inlines(text, &mut self.text).map_err(|detail| CourseError::new(place, detail))?,
            },
            Event::SoftBreak => self.text.push(Inline::Text(" ".to_owned())),
            other => return Err(CourseError::new(place, format!("{other:?} has no place in a lesson"))),
        }
        Ok(())
    }

    fn add(&mut self, piece: Piece, place: &str) -> Result<(), CourseError> {
        let refuse = |detail| Err(CourseError::new(place, detail));
        let block = match (piece, self.pending.take()) {
            (Piece::Otherwise(otherwise), Some((condition, when))) => {
                Block::Either { condition, when, otherwise }
            }
            (Piece::Otherwise(_), None) => return refuse("`[otherwise]` without a `[when: …]` before it"),
            (_, Some(_)) => return refuse("`[when: …]` without an `[otherwise]` after it"),
            (Piece::When(condition, when), None) => {
                self.pending = Some((condition, when));
                return Ok(());
            }
            (Piece::Reveal, None) if self.after.is_some() => return refuse("a second `[reveal]`"),
            (Piece::Reveal, None) => {
                self.after = Some(Vec::new());
                return Ok(());
            }
            (Piece::Block(block), None) => block,
        };
        self.after.as_mut().unwrap_or(&mut self.before).push(block);
        Ok(())
    }

    /// The blocks above `[reveal]`, and below it.
    pub(crate) fn end(self, place: &str) -> Result<(Vec<Block>, Vec<Block>), CourseError> {
        if self.pending.is_some() {
            return Err(CourseError::new(place, "`[when: …]` without an `[otherwise]` after it"));
        }
        Ok((self.before, self.after.unwrap_or_default()))
    }
}

/// What a paragraph is, by the mark at its beginning. Marks look like sources until here.
fn piece(mut text: Vec<Inline>) -> Result<Piece, String> {
    let Some(Inline::Source { key, place }) = text.first() else {
        return Ok(Piece::Block(Block::Paragraph(text)));
    };
    let mark = format!("{key}{place}");
    if mark == "reveal" {
        return if text.len() == 1 { Ok(Piece::Reveal) } else { Err("`[reveal]` stands alone".to_owned()) };
    }
    let condition = match mark.strip_prefix("when: ") {
        Some(condition) => Some(condition.parse()?),
        None if mark == "otherwise" => None,
        None => return Ok(Piece::Block(Block::Paragraph(text))),
    };
    text.remove(0);
    if let Some(Inline::Text(first)) = text.first_mut() {
        *first = first.trim_start().to_owned();
    }
    Ok(match condition {
        Some(condition) => Piece::When(condition, text),
        None => Piece::Otherwise(text),
    })
}

/// Splits text at `{{live: …}}` and `[…]`.
fn inlines(text: &str, into: &mut Vec<Inline>) -> Result<(), String> {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '[']) {
        let (plain, marked) = rest.split_at(at);
        if !plain.is_empty() {
            into.push(Inline::Text(plain.to_owned()));
        }
        let unclosed = || format!("`{}` is not closed", marked.chars().take(30).collect::<String>());
        if let Some(figure) = marked.strip_prefix("{{live:") {
            let (name, after) = figure.split_once("}}").ok_or_else(unclosed)?;
            into.push(Inline::Figure(name.trim().parse()?));
            rest = after;
        } else if let Some(bracketed) = marked.strip_prefix('[') {
            let (inside, after) = bracketed.split_once(']').ok_or_else(unclosed)?;
            let (key, place) = inside.split_at(inside.find(", ").unwrap_or(inside.len()));
            into.push(Inline::Source { key: key.to_owned(), place: place.to_owned() });
            rest = after;
        } else {
            return Err(format!(
                "`{}`: braces hold `{{{{live: NAME}}}}`",
                marked.chars().take(30).collect::<String>()
            ));
        }
    }
    if !rest.is_empty() {
        into.push(Inline::Text(rest.to_owned()));
    }
    Ok(())
}
