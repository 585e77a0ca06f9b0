//! Results of a class without a server: a learner's run as a short code, and the codes that a teacher has collected.
//!
//! A code is `TL1` and 20 to 60 characters of Crockford's base 32 in groups of five. They hold, byte by byte: flags; the
//! checksum of the model's name and that of the preset's (0 and a bit for each pass where it is an own recipe), two bytes
//! each; then as LEB128 the original's and the shipped bytes, the pictures and those with the same answer, both medians
//! in hundredths of a millisecond; the learner's name as UTF-8; and a checksum of all that. Checksums are CRC-16/IBM-3740:
//! every wrong character and every two that are swapped are noticed.

use super::{Cell, Draft, Effect, ModelChoice, PASSES, PRESETS, Same, State, View, source};
use crate::bridge::FixedSet;

/// Starts every code; the digit is the version.
const PREFIX: &str = "TL1";

/// Crockford's base 32: no I, L, O and U, so that nothing is misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Longer names are cut, bytes.
const LONGEST_NAME: usize = 24;

/// More than one room has.
const MOST_CODES: usize = 500;

const HAS_AGREEMENT: u8 = 1;
const IS_FIXED: u8 = 2;
const HAS_MILLIS: u8 = 4;

/// What a learner's run has given.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The learner, where the name was given.
    pub name: String,
    /// The checksum of the model's name.
    pub model: u16,
    /// What was done to it.
    pub recipe: RunRecipe,
    /// Shipped bytes of the original and of the compressed model.
    pub bytes: [u64; 2],
    /// Same answers.
    pub agreement: Option<Same>,
    /// Medians of the original and of the compressed model, in the resolution of a code.
    pub millis: Option<[f64; 2]>,
}

/// A recipe, as far as a code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunRecipe {
    /// A preset, by the checksum of its name.
    Preset(u16),
    /// An own one: a bit for each pass of [`PASSES`].
    Own(u16),
}

impl RunRecipe {
    fn of(draft: &Draft) -> Self {
        if let Some(name) = draft.unedited() {
            return Self::Preset(crc16(name.as_bytes()));
        }
        let recipe = draft.recipe();
        let has = |pass: &str| recipe.steps.iter().any(|step| step.pass() == pass);
        Self::Own((0..).zip(PASSES).filter(|(_, pass)| has(pass)).fold(0, |mask, (bit, _)| mask | 1 << bit))
    }

    /// The preset, where this version has it.
    pub fn preset(self) -> Option<&'static str> {
        let Self::Preset(crc) = self else { return None };
        PRESETS.into_iter().find(|name| crc16(name.as_bytes()) == crc)
    }

    /// The passes of an own recipe.
    pub fn passes(self) -> Vec<&'static str> {
        let Self::Own(mask) = self else { return Vec::new() };
        (0..).zip(PASSES).filter(|(bit, _)| mask & 1 << bit != 0).map(|(_, pass)| pass).collect()
    }
}

/// Why a line is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeError {
    /// It does not start as one.
    NoCode,
    /// It is one of another version of the page.
    Version,
    /// This character is in no code.
    Character(char),
    /// A character is wrong or missing.
    Checksum,
}

impl Run {
    /// Shipped bytes as a share of the original's, by which runs of different models can be compared.
    pub fn shipped_share(&self) -> f64 {
        self.bytes[1] as f64 / self.bytes[0].max(1) as f64
    }

    /// The code of this run.
    pub fn code(&self) -> String {
        let mut bytes = vec![0];
        let (kind, mask) = match self.recipe {
            // No preset's checksum is 0; a test says so.
            RunRecipe::Preset(crc) => (crc, None),
            RunRecipe::Own(mask) => (0, Some(mask)),
        };
        for value in [Some(self.model), Some(kind), mask].into_iter().flatten() {
            bytes.extend(value.to_le_bytes());
        }
        self.bytes.iter().for_each(|value| push_varint(&mut bytes, *value));
        if let Some(Same { same, n, fixed }) = self.agreement {
            bytes[0] |= HAS_AGREEMENT | if fixed { IS_FIXED } else { 0 };
            push_varint(&mut bytes, n.into());
            push_varint(&mut bytes, same.into());
        }
        if let Some(millis) = self.millis {
            bytes[0] |= HAS_MILLIS;
            millis.iter().for_each(|value| push_varint(&mut bytes, (value * 100.0).round() as u64));
        }
        bytes.extend(cut(&self.name).bytes());
        bytes.extend(crc16(&bytes).to_le_bytes());
        let text = base32(&bytes);
        let groups: Vec<&str> =
            text.as_bytes().chunks(5).map(|it| std::str::from_utf8(it).unwrap_or_default()).collect();
        format!("{PREFIX}-{}", groups.join("-"))
    }

    /// Reads a code; spaces, dashes and small letters do not matter, and neither does what stands before it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(line: &str) -> Result<Self, CodeError> {
        let upper = line.to_uppercase();
        let Some(start) = upper.rfind("TL") else { return Err(CodeError::NoCode) };
        let text = &upper[start..];
        let Some(body) = text.strip_prefix(PREFIX) else {
            let version = text.chars().nth(2).is_some_and(|it| it.is_ascii_digit());
            return Err(if version { CodeError::Version } else { CodeError::NoCode });
        };
        let bytes = bytes_of_base32(body)?;
        let (content, crc) = bytes.split_last_chunk::<2>().ok_or(CodeError::Checksum)?;
        if crc16(content) != u16::from_le_bytes(*crc) {
            return Err(CodeError::Checksum);
        }
        // A checksum that holds over what no page has written is one in 65 536: it is called wrong all the same.
        Self::of_content(content).ok_or(CodeError::Checksum)
    }

    fn of_content(mut content: &[u8]) -> Option<Self> {
        let (flags, rest) = content.split_first()?;
        content = rest;
        let mut short = || {
            let (value, rest) = content.split_first_chunk::<2>()?;
            content = rest;
            Some(u16::from_le_bytes(*value))
        };
        let model = short()?;
        let recipe = match short()? {
            0 => RunRecipe::Own(short()?),
            crc => RunRecipe::Preset(crc),
        };
        let bytes = [take_varint(&mut content)?, take_varint(&mut content)?];
        let mut agreement = None;
        if flags & HAS_AGREEMENT != 0 {
            let n = u32::try_from(take_varint(&mut content)?).ok()?;
            let same = u32::try_from(take_varint(&mut content)?).ok()?;
            agreement =
                Some(Same { same, n, fixed: flags & IS_FIXED != 0 }).filter(|it| it.same <= it.n && it.n > 0);
            agreement?;
        }
        let mut millis = None;
        if flags & HAS_MILLIS != 0 {
            let hundredths = [take_varint(&mut content)?, take_varint(&mut content)?];
            millis = Some(hundredths.map(|value| value as f64 / 100.0));
        }
        let name = std::str::from_utf8(content).ok()?.to_owned();
        Some(Self { name, model, recipe, bytes, agreement, millis })
    }
}

fn cut(name: &str) -> &str {
    let mut end = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Some(value);
        }
    }
    None
}

/// CRC-16/IBM-3740: polynomial 0x1021, start 0xFFFF, no reflection.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 },
        )
    })
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let bits =
            chunk.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) << (8 * (5 - chunk.len()));
        for idx in 0..(8 * chunk.len()).div_ceil(5) {
            text.push(char::from(ALPHABET[(bits >> (35 - 5 * idx)) as usize & 31]));
        }
    }
    text
}

fn bytes_of_base32(text: &str) -> Result<Vec<u8>, CodeError> {
    let (mut bytes, mut bits, mut n_bits) = (Vec::new(), 0_u32, 0);
    for character in text.chars().filter(|it| !it.is_whitespace() && !matches!(it, '-' | '\u{2013}' | '_')) {
        let meant = match character {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let value =
            ALPHABET.iter().position(|it| char::from(*it) == meant).ok_or(CodeError::Character(character))?;
        bits = bits << 5 | value as u32;
        n_bits += 5;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push((bits >> n_bits) as u8);
            bits &= (1 << n_bits) - 1;
        }
    }
    Ok(bytes)
}

/// What a class has collected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Room {
    /// Runs, each once, in the order in which they came.
    pub runs: Vec<Run>,
    /// What stands in the field for codes.
    pub text: String,
    /// Lines of it that are no codes, counted from 1, and why.
    pub wrong: Vec<(usize, CodeError)>,
    /// How many the last ones were, and how many of them were there already.
    pub added: Option<(usize, usize)>,
    /// The camera looks for codes.
    pub scanning: bool,
    /// This browser cannot read codes from pictures.
    pub blind: bool,
    /// The name that goes into this browser's own code.
    pub name: String,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomAction {
    /// The field for codes says something else.
    Text(String),
    /// The codes in the field are added.
    Add,
    /// A code was seen by the camera.
    Seen(String),
    /// Codes of an earlier visit.
    Restored(String),
    /// The camera looks for codes, or no longer.
    Scan(bool),
    /// This browser cannot.
    Blind,
    /// All runs are forgotten.
    Clear,
    /// Gives the visitor the table.
    SaveCsv,
    /// Another name for this browser's own code.
    Name(String),
}

/// What has to be done in the browser.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomEffect {
    /// Keeps these codes for the next visit, one a line.
    Keep(String),
    /// The camera looks for codes, or no longer.
    Scan(bool),
}

/// The state after `action`.
pub(super) fn act(state: &mut State, action: RoomAction, effects: &mut Vec<Effect>) {
    match action {
        RoomAction::Text(text) => state.room.text = text,
        RoomAction::Add => {
            let text = std::mem::take(&mut state.room.text);
            state.room.add(&text);
            effects.push(state.room.kept());
        }
        RoomAction::Seen(code) => {
            // A picture full of other codes is no mistake of anyone's.
            if Run::read(&code).is_ok_and(|run| !state.room.runs.contains(&run)) {
                state.room.add(&code);
                effects.push(state.room.kept());
            }
        }
        RoomAction::Restored(codes) => {
            state.room.add(&codes);
            state.room.added = None;
        }
        RoomAction::Scan(on) => {
            state.room.scanning = on;
            if on && !matches!(state.source, super::Source::Camera(_)) {
                // A camera is shown in Live, save here.
                let view = std::mem::replace(&mut state.view, View::Live);
                source::open_camera(state, effects);
                state.view = view;
            }
            effects.push(Effect::Room(RoomEffect::Scan(on)));
        }
        RoomAction::Blind => {
            state.room.scanning = false;
            state.room.blind = true;
        }
        RoomAction::Clear => {
            state.room.runs.clear();
            state.room.added = None;
            effects.push(state.room.kept());
        }
        RoomAction::SaveCsv => {
            let text = csv(state);
            effects.push(Effect::Save { name: "tinylens-class.csv".to_owned(), text });
        }
        RoomAction::Name(name) => state.room.name = name,
    }
}

impl Room {
    /// Adds the codes of a text, one a line. Lines that are none stay in the field.
    fn add(&mut self, text: &str) {
        let (mut added, mut known) = (0, 0);
        self.wrong.clear();
        let mut left = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            match Run::read(line) {
                Ok(run) if self.runs.contains(&run) => known += 1,
                Ok(run) if self.runs.len() < MOST_CODES => {
                    self.runs.push(run);
                    added += 1;
                }
                Ok(_) => {}
                Err(error) => {
                    left.push(line);
                    self.wrong.push((left.len(), error));
                }
            }
        }
        self.text = left.join("\n");
        self.added = Some((added, known));
    }

    fn kept(&self) -> Effect {
        let codes: Vec<String> = self.runs.iter().map(Run::code).collect();
        Effect::Room(RoomEffect::Keep(codes.join("\n")))
    }

    /// Runs that no other one beats in shipped share and agreement at once, by their position, from the smallest on.
    pub fn front(&self) -> Vec<usize> {
        let same = |idx: usize| self.runs[idx].agreement.map_or(-1.0, Same::share);
        let shipped = |idx: usize| self.runs[idx].shipped_share();
        let mut known: Vec<usize> =
            (0..self.runs.len()).filter(|idx| self.runs[*idx].agreement.is_some()).collect();
        known.sort_by(|&a, &b| shipped(a).total_cmp(&shipped(b)).then(same(b).total_cmp(&same(a))));
        let mut best = -1.0;
        known.retain(|&idx| {
            let better = same(idx) > best;
            best = same(idx).max(best);
            better
        });
        known
    }
}

impl State {
    /// The run that is on screen, once its recipe is done.
    pub fn own_run(&self) -> Option<Run> {
        let (model, facts) = (self.model.current.as_ref()?, self.recipe.current()?);
        let millis = match (self.numbers.latency_original, self.numbers.latency_compressed) {
            (Cell::Known(original), Cell::Known(compressed)) => Some([original.median, compressed.median]),
            _ => None,
        };
        let agreement = match self.numbers.agreement {
            Cell::Known(it) => {
                Some(Same { same: it.same, n: it.n, fixed: it.set == Some(FixedSet::BuiltIn) })
            }
            Cell::Missing(_) => None,
        };
        Some(Run {
            name: cut(self.room.name.trim()).to_owned(),
            model: crc16(self.model_name(model).as_bytes()),
            recipe: RunRecipe::of(&self.recipe.wanted),
            bytes: [model.shipped_bytes, facts.sizes.shipped],
            agreement: agreement.filter(|it| it.n > 0),
            millis,
        })
    }

    fn model_name<'a>(&'a self, facts: &'a crate::bridge::ModelFacts) -> &'a str {
        match &self.model.choice {
            Some(ModelChoice::Served(id) | ModelChoice::Catalog(id)) => id,
            Some(ModelChoice::Own(_)) | None => &facts.name,
        }
    }

    /// The id or name of a run's model, where this page knows it.
    pub fn model_of(&self, run: &Run) -> Option<String> {
        let served = self.served.iter().flatten().map(|it| it.id.clone());
        let known = served.chain(self.catalog.iter().map(|it| it.id.clone()));
        let own = self.model.current.iter().map(|facts| self.model_name(facts).to_owned());
        known.chain(own).find(|name| crc16(name.as_bytes()) == run.model)
    }
}

/// The table as text: numbers with points, fields without units.
fn csv(state: &State) -> String {
    let mut text = String::from("name,model,recipe,original_bytes,bytes,original_ms,ms,same,n,fixed_set\n");
    let quoted = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
    for run in &state.room.runs {
        let model = state.model_of(run).unwrap_or_else(|| format!("#{:04x}", run.model));
        let recipe = run.recipe.preset().map_or_else(|| run.recipe.passes().join(" "), str::to_owned);
        let millis = run.millis.map_or_else(|| ",".to_owned(), |[a, b]| format!("{a},{b}"));
        let same =
            run.agreement.map_or_else(|| ",,".to_owned(), |it| format!("{},{},{}", it.same, it.n, it.fixed));
        let [original, shipped] = run.bytes;
        let texts = [&run.name, &model, &recipe].map(|it| quoted(it)).join(",");
        text.push_str(&format!("{texts},{original},{shipped},{millis},{same}\n"));
    }
    text
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
