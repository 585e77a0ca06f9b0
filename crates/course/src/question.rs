//! Questions and guesses, and what is said to each answer.

use std::str::FromStr;

use serde::Deserialize;

use crate::names::{optional, text};
use crate::{CourseRecipe, Figure, FigureAt, Kind, Quantity};

/// A question with options.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// A stable id.
    pub id: String,
    /// The question.
    pub text: String,
    /// How a measurement decides which option is right. Without it, an option says so.
    #[serde(default, deserialize_with = "optional")]
    pub answer: Option<Rule>,
    /// The options.
    pub options: Vec<Choice>,
}

/// An option of a question.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What it says.
    pub text: String,
    /// It is right.
    #[serde(default)]
    pub answer: bool,
    /// The kind of layer that it stands for.
    #[serde(default, deserialize_with = "optional")]
    pub kind: Option<Kind>,
    /// The recipe that it stands for.
    #[serde(default, deserialize_with = "optional")]
    pub recipe: Option<CourseRecipe>,
    /// What is said to whoever chooses it.
    pub feedback: String,
}

/// How a measurement decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The kind with the largest share.
    KindWithLargest(Quantity),
    /// The kind whose layers, kept in float32, rescue most agreement.
    KindThatRescues,
    /// The recipe with the larger agreement; the option without a recipe where both are equal.
    LargerAgreement,
    /// The recipe with the fewer bytes after entropy coding.
    FewerCodedBytes,
}

const RULES: &[(&str, Rule)] = &[
    ("kind with the largest share.weights", Rule::KindWithLargest(Quantity::Weights)),
    ("kind with the largest share.macs", Rule::KindWithLargest(Quantity::Macs)),
    ("kind with the largest share.ms", Rule::KindWithLargest(Quantity::Ms)),
    ("kind whose keep-KIND recipe has the largest agreement.fixed", Rule::KindThatRescues),
    ("recipe with the larger agreement.fixed; equal counts as equal", Rule::LargerAgreement),
    ("recipe with the smaller bytes.coded", Rule::FewerCodedBytes),
];

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = text.strip_prefix("live: ").and_then(|rule| RULES.iter().find(|(name, _)| *name == rule));
        rule.map(|(_, rule)| *rule).ok_or_else(|| {
            let names: Vec<&str> = RULES.iter().map(|(name, _)| *name).collect();
            format!("`{text}` decides nothing; after `live: `, these do: {}", names.join(" | "))
        })
    }
}

/// What is known about an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is right.
    Right,
    /// Another one is right.
    Wrong,
    /// Not measured yet: no verdict.
    Open,
}

impl Ask {
    /// What is known about option `position`, with the values that are known.
    pub fn verdict(&self, position: usize, value: impl Fn(&FigureAt) -> Option<f64>) -> Answer {
        let Some(rule) = self.answer else {
            let right = self.options.get(position).is_some_and(|option| option.answer);
            return if right { Answer::Right } else { Answer::Wrong };
        };
        match self.measured(rule, value) {
            None => Answer::Open,
            Some(right) if right == position => Answer::Right,
            Some(_) => Answer::Wrong,
        }
    }

    /// The position of the option that a measurement makes right.
    fn measured(&self, rule: Rule, value: impl Fn(&FigureAt) -> Option<f64>) -> Option<usize> {
        let figure = |option: &Choice| match (rule, option.kind, option.recipe) {
            (Rule::KindWithLargest(quantity), Some(kind), _) => {
                Some(FigureAt { figure: Figure::Share(quantity, kind), recipe: None })
            }
            (Rule::KindThatRescues, Some(kind), _) => {
                let recipe = match kind {
                    Kind::First => CourseRecipe::KeepFirst,
                    Kind::Depthwise => CourseRecipe::KeepDepthwise,
                    Kind::Pointwise => CourseRecipe::KeepPointwise,
                    Kind::Classifier => CourseRecipe::KeepClassifier,
                };
                Some(FigureAt { figure: Figure::AgreementFixed, recipe: Some(recipe) })
            }
            (Rule::LargerAgreement, _, Some(recipe)) => {
                Some(FigureAt { figure: Figure::AgreementFixed, recipe: Some(recipe) })
            }
            (Rule::FewerCodedBytes, _, Some(recipe)) => {
                Some(FigureAt { figure: Figure::BytesCoded, recipe: Some(recipe) })
            }
            _ => None,
        };
        let mut values = Vec::new();
        for (idx, option) in self.options.iter().enumerate() {
            if let Some(figure) = figure(option) {
                values.push((idx, value(&figure)?));
            }
        }
        let best = |one: &(usize, f64), other: &(usize, f64)| match rule {
            Rule::FewerCodedBytes => other.1.total_cmp(&one.1),
            Rule::KindWithLargest(_) | Rule::KindThatRescues | Rule::LargerAgreement => {
                one.1.total_cmp(&other.1)
            }
        };
        let (winner, most) = values.iter().copied().max_by(best)?;
        let level = values.iter().filter(|(_, value)| *value == most).count() > 1;
        if level {
            return self.options.iter().position(|option| option.kind.is_none() && option.recipe.is_none());
        }
        Some(winner)
    }
}

/// A guess on a slider.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guess {
    /// A stable id, which `guess.ID` names.
    pub id: String,
    /// The question.
    pub text: String,
    /// Its slider.
    #[serde(deserialize_with = "text")]
    pub slider: Range,
    /// What was measured.
    #[serde(deserialize_with = "text")]
    pub answer: Truth,
    /// What is said.
    pub feedback: GuessFeedback,
}

/// What is said to a guess.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuessFeedback {
    /// The guess is below the result.
    pub low: String,
    /// Near it.
    pub close: String,
    /// Above it.
    pub high: String,
}

/// The range and unit of a guess: `0..100 %`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The unit.
    pub unit: Unit,
}

/// The unit of a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Per cent of a share.
    Percent,
    /// Points between two shares in per cent.
    Points,
    /// A factor.
    Factor,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("`{text}` is not a range such as `0..100 %`, `0.5..5 ×` or `-20..60 points`");
        let (range, unit) = text.split_once(' ').ok_or_else(refuse)?;
        let unit = match unit {
            "%" => Unit::Percent,
            "points" => Unit::Points,
            "×" => Unit::Factor,
            _ => return Err(refuse()),
        };
        let (low, high) = range.split_once("..").ok_or_else(refuse)?;
        let (low, high) = (low.parse().map_err(|_| refuse())?, high.parse().map_err(|_| refuse())?);
        if low < high { Ok(Self { low, high, unit }) } else { Err(refuse()) }
    }
}

/// What a guess is held against: a figure, or the difference of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// A figure.
    Figure(FigureAt),
    /// The first less the second.
    Difference(FigureAt, FigureAt),
}

impl FromStr for Truth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let figures =
            text.strip_prefix("live: ").ok_or_else(|| format!("`{text}` does not begin with `live: `"))?;
        match figures.split_once(" - ") {
            Some((one, other)) => Ok(Self::Difference(one.parse()?, other.parse()?)),
            None => figures.parse().map(Self::Figure),
        }
    }
}

impl Truth {
    /// The figures that it needs.
    pub fn figures(&self) -> Vec<&FigureAt> {
        match self {
            Self::Figure(figure) => vec![figure],
            Self::Difference(one, other) => vec![one, other],
        }
    }
}

/// Where a guess lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Below the result.
    Low,
    /// Within 5 points, or 15 % for factors.
    Close,
    /// Above it.
    High,
}

impl Guess {
    /// The result in the slider's unit, `None` while it is not measured.
    pub fn truth(&self, value: impl Fn(&FigureAt) -> Option<f64>) -> Option<f64> {
        let result = match &self.answer {
            Truth::Figure(figure) => value(figure)?,
            Truth::Difference(one, other) => value(one)? - value(other)?,
        };
        Some(match self.slider.unit {
            Unit::Percent | Unit::Points => 100.0 * result,
            Unit::Factor => result,
        })
    }

    /// Where `guess` lies against `truth`, both in the slider's unit.
    pub fn outcome(&self, guess: f64, truth: f64) -> Outcome {
        let close = match self.slider.unit {
            Unit::Percent | Unit::Points => (guess - truth).abs() <= 5.0 + 1e-9,
            Unit::Factor => (guess - truth).abs() <= 0.15 * truth.abs() + 1e-9,
        };
        match () {
            () if close => Outcome::Close,
            () if guess < truth => Outcome::Low,
            () => Outcome::High,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(slider: &str, answer: &str) -> Guess {
        let said = || "said".to_owned();
        Guess {
            id: "g".to_owned(),
            text: "?".to_owned(),
            slider: slider.parse().unwrap(),
            answer: answer.parse().unwrap(),
            feedback: GuessFeedback { low: said(), close: said(), high: said() },
        }
    }

    #[test]
    fn close_is_five_points_or_fifteen_per_cent() {
        let share = guess("0..100 %", "live: agreement.fixed @ fp16");
        assert_eq!(share.truth(|_| Some(0.42)), Some(42.0));
        assert_eq!(
            [36.0, 37.0, 47.0, 48.0].map(|it| share.outcome(it, 42.0)),
            [Outcome::Low, Outcome::Close, Outcome::Close, Outcome::High]
        );
        let factor = guess("0.5..5 ×", "live: ms.ratio @ int8");
        assert_eq!(
            [1.6, 1.7, 2.3, 2.4].map(|it| factor.outcome(it, 2.0)),
            [Outcome::Low, Outcome::Close, Outcome::Close, Outcome::High]
        );
        let points = guess("-20..60 points", "live: heldout.after - heldout.before");
        let known = |it: &FigureAt| Some(if it.figure == Figure::HeldoutAfter { 0.5 } else { 0.75 });
        assert_eq!(points.truth(known), Some(-25.0));
    }

    fn recipes() -> Ask {
        let option = |recipe| Choice {
            text: String::new(),
            answer: false,
            kind: None,
            recipe,
            feedback: String::new(),
        };
        Ask {
            id: "q".to_owned(),
            text: "?".to_owned(),
            answer: Some(Rule::LargerAgreement),
            options: vec![option(Some(CourseRecipe::Fp16)), option(Some(CourseRecipe::Bf16)), option(None)],
        }
    }

    #[test]
    fn a_measurement_decides_once_all_is_measured() {
        let verdicts = |fp16, bf16| {
            let value = |it: &FigureAt| if it.recipe == Some(CourseRecipe::Fp16) { fp16 } else { bf16 };
            [0, 1, 2].map(|position| recipes().verdict(position, value))
        };
        assert_eq!(verdicts(Some(1.0), None), [Answer::Open; 3]);
        assert_eq!(verdicts(Some(1.0), Some(0.9)), [Answer::Right, Answer::Wrong, Answer::Wrong]);
        assert_eq!(verdicts(Some(0.9), Some(1.0)), [Answer::Wrong, Answer::Right, Answer::Wrong]);
        assert_eq!(verdicts(Some(0.9), Some(0.9)), [Answer::Wrong, Answer::Wrong, Answer::Right]);
    }
}
