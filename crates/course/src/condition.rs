//! Conditions of paragraphs: `FIGURE < BOUND`, `FIGURE > BOUND`, `FIGURE within A..B`, where a bound is a number or
//! another figure. Shares are `0..1`, ratios factors.

use std::fmt;
use std::str::FromStr;

use crate::FigureAt;

/// When a paragraph is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// What is compared.
    pub figure: FigureAt,
    /// With what.
    pub comparison: Comparison,
}

/// With what a figure is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    /// It is smaller.
    Below(Bound),
    /// It is larger.
    Above(Bound),
    /// It lies in the range, both ends included.
    Within(f64, f64),
}

/// A number or another figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// A number.
    Number(f64),
    /// A figure.
    Figure(FigureAt),
}

impl Condition {
    /// Whether it holds, `None` while a figure that it needs is not known.
    pub fn holds(&self, value: impl Fn(&FigureAt) -> Option<f64>) -> Option<bool> {
        let bound = |bound: &Bound| match bound {
            Bound::Number(number) => Some(*number),
            Bound::Figure(figure) => value(figure),
        };
        let it = value(&self.figure).filter(|it| !it.is_nan())?;
        match &self.comparison {
            Comparison::Below(limit) => bound(limit).filter(|limit| !limit.is_nan()).map(|limit| it < limit),
            Comparison::Above(limit) => bound(limit).filter(|limit| !limit.is_nan()).map(|limit| it > limit),
            Comparison::Within(low, high) => Some((*low..=*high).contains(&it)),
        }
    }

    /// The figures that decide it.
    pub fn figures(&self) -> Vec<&FigureAt> {
        let other = match &self.comparison {
            Comparison::Below(Bound::Figure(other)) | Comparison::Above(Bound::Figure(other)) => Some(other),
            Comparison::Below(_) | Comparison::Above(_) | Comparison::Within(..) => None,
        };
        [&self.figure].into_iter().chain(other).collect()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.comparison {
            Comparison::Below(limit) => write!(f, "{} < {limit}", self.figure),
            Comparison::Above(limit) => write!(f, "{} > {limit}", self.figure),
            Comparison::Within(low, high) => write!(f, "{} within {low}..{high}", self.figure),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Figure(figure) => figure.fmt(f),
        }
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bound = |text: &str| match text.trim().parse::<f64>() {
            Ok(number) => Ok(Bound::Number(number)),
            Err(_) => text.trim().parse().map(Bound::Figure),
        };
        let (figure, comparison) = if let Some((figure, limit)) = text.split_once('<') {
            (figure, Comparison::Below(bound(limit)?))
        } else if let Some((figure, limit)) = text.split_once('>') {
            (figure, Comparison::Above(bound(limit)?))
        } else if let Some((figure, range)) = text.split_once(" within ") {
            let numbers = range.split_once("..").map(|(low, high)| (low.trim().parse(), high.trim().parse()));
            match numbers {
                Some((Ok(low), Ok(high))) if low <= high => (figure, Comparison::Within(low, high)),
                _ => return Err(format!("`{}` is not a range such as `0.9..1.1`", range.trim())),
            }
        } else {
            return Err(format!("`{text}` compares nothing; `<`, `>` or `within a..b` does"));
        };
        Ok(Self { figure: figure.trim().parse()?, comparison })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(text: &str, values: &[(&str, f64)]) -> Option<bool> {
        let condition: Condition = text.parse().unwrap();
        condition.holds(|figure| {
            let name = figure.to_string();
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
        })
    }

    #[test]
    fn nothing_is_decided_before_all_is_known() {
        let both = "bytes.coded @ int8-per-tensor-cle < bytes.coded @ int8";
        assert_eq!(holds(both, &[]), None);
        assert_eq!(holds(both, &[("bytes.coded @ int8", 2.0)]), None);
        assert_eq!(
            holds(both, &[("bytes.coded @ int8", 2.0), ("bytes.coded @ int8-per-tensor-cle", 1.0)]),
            Some(true)
        );
    }

    #[test]
    fn what_compares_nothing_is_refused() {
        for wrong in
            ["", "ms.ratio", "ms.ratio within 1", "ms.ratio within 2..1", "ms.ratio > fast", "speed > 1"]
        {
            assert!(wrong.parse::<Condition>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn conditions_are_arithmetic(value in -10.0..10.0f64, low in -10.0..10.0f64, width in 0.0..5.0f64) {
            let known = [("ms.ratio @ int8", value), ("sparsity", low)];
            let high = low + width;
            prop_assert_eq!(holds(&format!("ms.ratio @ int8 < {low}"), &known), Some(value < low));
            prop_assert_eq!(holds(&format!("ms.ratio @ int8 > {low}"), &known), Some(value > low));
            prop_assert_eq!(holds("ms.ratio @ int8 > sparsity", &known), Some(value > low));
            let within = format!("ms.ratio @ int8 within {low}..{high}");
            prop_assert_eq!(holds(&within, &known), Some(low <= value && value <= high));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a-z.@<> 0-9-]{0,40}") {
            let _ = text.parse::<Condition>();
        }
    }
}
