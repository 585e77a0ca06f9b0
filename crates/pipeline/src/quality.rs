//! How good a model's answers are: against labels, and against those of another model.
//!
//! Each picture is judged alone ([`AgainstLabel`], [`AgainstReference`]), so that pictures may be judged in any order
//! and on many threads; [`Accuracy`] and [`Agreement`] then sum up, with 95 % intervals. Knows neither pictures nor
//! networks. A score is worth something on pictures that calibrated nothing; keeping them apart is the caller's part.

use crate::PipelineError;

/// Answers that count as "the first five".
pub const TOP: usize = 5;

/// The 97.5 % point of the normal distribution: 95 % lie within this many standard errors.
const Z: f64 = 1.959_963_984_540_054;

/// A model's probabilities for one picture.
#[derive(Clone, Copy, Debug)]
pub struct Prediction<'a> {
    /// One for each output. NaN counts as 0.
    pub probabilities: &'a [f32],
    /// True where output 0 is "background" and class `c` is output `c + 1`.
    pub background_class: bool,
}

/// One answer against the picture's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgainstLabel {
    /// The label is the first answer.
    pub top1: bool,
    /// The label is among the first [`TOP`] answers.
    pub top5: bool,
}

/// One answer against that of a reference model to the same picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgainstReference {
    /// Both have the same first answer.
    pub same_top1: bool,
    /// Share of the first [`TOP`] answers (of all, where there are fewer) that both have, in any order, `0.0..=1.0`.
    pub top5_overlap: f64,
    /// `KL(reference || model)`, nats.
    pub kl: f64,
}

/// A share of pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Pictures that count.
    pub hits: usize,
    /// All pictures.
    pub n: usize,
}

/// A mean over pictures with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// `value ± 1.96 · s / √n` with the sample's standard deviation `s`; the value itself for one picture.
    pub interval: (f64, f64),
}

/// Shares of right answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accuracy {
    /// Right first answers.
    pub top1: Share,
    /// Right answers among the first [`TOP`].
    pub top5: Share,
}

/// How a model answers beside a reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Same first answers.
    pub top1: Share,
    /// Mean of [`AgainstReference::top5_overlap`].
    pub top5_overlap: Mean,
    /// Mean of [`AgainstReference::kl`].
    pub kl: Mean,
}

impl Prediction<'_> {
    /// Classes, a background output not counted.
    pub fn n_classes(&self) -> usize {
        self.probabilities.len().saturating_sub(usize::from(self.background_class))
    }

    fn first(&self, n: usize) -> Vec<usize> {
        let answers = vision::answers(self.probabilities, self.background_class, n);
        answers.iter().map(|answer| answer.class).collect()
    }

    /// All outputs, or only the classes, rescaled to the sum 1.
    fn distribution(&self, without_background: bool) -> Vec<f64> {
        let skipped = usize::from(without_background && self.background_class);
        let finite = |p: &f32| if p.is_nan() { 0.0 } else { f64::from(*p) };
        let mut shares: Vec<f64> = self.probabilities.iter().skip(skipped).map(finite).collect();
        let sum: f64 = shares.iter().sum();
        if sum > 0.0 {
            shares.iter_mut().for_each(|share| *share /= sum);
        }
        shares
    }
}

impl AgainstLabel {
    /// Judges an answer; `class` counts without a background output.
    pub fn judge(prediction: Prediction<'_>, class: usize) -> Self {
        let first = prediction.first(TOP);
        Self { top1: first.first() == Some(&class), top5: first.contains(&class) }
    }
}

impl AgainstReference {
    /// Judges an answer.
    ///
    /// `KL(p || q) = sum(p · ln(p / q))` over all outputs, or over the classes, rescaled, where only one model has a
    /// background output. `q` below the smallest normal float32 (where a softmax underflows) counts as that.
    ///
    /// # Errors
    /// [`PipelineError::Classes`] when the models have different numbers of classes.
    pub fn judge(prediction: Prediction<'_>, reference: Prediction<'_>) -> Result<Self, PipelineError> {
        let (expected, actual) = (reference.n_classes(), prediction.n_classes());
        if expected != actual {
            return Err(PipelineError::Classes { expected, actual });
        }
        let without_background = prediction.background_class != reference.background_class;
        let (q, p) =
            (prediction.distribution(without_background), reference.distribution(without_background));
        let smallest = f64::from(f32::MIN_POSITIVE);
        let terms = p.iter().zip(&q).filter(|(p, _)| **p > 0.0);
        let kl: f64 = terms.map(|(p, q)| p * (p / q.max(smallest)).ln()).sum();

        let (ours, theirs) = (prediction.first(TOP), reference.first(TOP));
        let common = ours.iter().filter(|class| theirs.contains(class)).count();
        Ok(Self {
            same_top1: ours.first() == theirs.first(),
            top5_overlap: common as f64 / theirs.len().max(1) as f64,
            kl: kl.max(0.0),
        })
    }
}

impl Share {
    /// Counts.
    pub fn of(hits: impl IntoIterator<Item = bool>) -> Self {
        hits.into_iter()
            .fold(Self::default(), |Self { hits, n }, hit| Self { hits: hits + usize::from(hit), n: n + 1 })
    }

    /// `0.0..=1.0`, or `None` without pictures.
    pub fn value(self) -> Option<f64> {
        (self.n > 0).then(|| self.hits as f64 / self.n as f64)
    }

    /// The 95 % interval by Wilson's score, within `0.0..=1.0`; all of it without pictures.
    ///
    /// `centre = (p + z²/2n) / (1 + z²/n)`, `half = z / (1 + z²/n) · √(p(1−p)/n + z²/4n²)`.
    ///
    /// Source: E. B. Wilson, JASA 22 (1927) 209-212.
    pub fn interval(self) -> (f64, f64) {
        let Some(share) = self.value() else { return (0.0, 1.0) };
        let n = self.n as f64;
        let scale = 1.0 + Z * Z / n;
        let centre = (share + Z * Z / (2.0 * n)) / scale;
        let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        ((centre - half).max(0.0), (centre + half).min(1.0))
    }
}

impl Mean {
    /// Of at least one value, else `None`. The order of the values may change the last bits.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let n = values.len() as f64;
        let value = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|x| (x - value) * (x - value)).sum();
        let half = if values.len() > 1 { Z * (squares / (n - 1.0) / n).sqrt() } else { 0.0 };
        Some(Self { value, interval: (value - half, value + half) })
    }
}

impl Accuracy {
    /// Sums up.
    pub fn of(judged: &[AgainstLabel]) -> Self {
        Self {
            top1: Share::of(judged.iter().map(|it| it.top1)),
            top5: Share::of(judged.iter().map(|it| it.top5)),
        }
    }
}

impl Agreement {
    /// Sums up, `None` without pictures.
    pub fn of(judged: &[AgainstReference]) -> Option<Self> {
        let mean =
            |part: fn(&AgainstReference) -> f64| Mean::of(&judged.iter().map(part).collect::<Vec<_>>());
        Some(Self {
            top1: Share::of(judged.iter().map(|it| it.same_top1)),
            top5_overlap: mean(|it| it.top5_overlap)?,
            kl: mean(|it| it.kl)?,
        })
    }
}

/// How much a share grows from one model to another on the same pictures, with its 95 % interval; `None` for different
/// numbers of pictures or none. Pictures in the same order, `true` where the answer is right.
///
/// The value is `(c - b) / n` with `c` pictures that only `after` has right and `b` that only `before` has. The interval
/// is that of the same counts with half a picture more in each of the four cells, so that it has a width where `b` and
/// `c` are 0: `d ± z · √(b + c - (c - b)²/n) / n`.
///
/// Source: A. Agresti, Y. Min, Statistics in Medicine 24 (2005) 729-740.
pub fn paired_change(before: &[bool], after: &[bool]) -> Option<Mean> {
    if before.len() != after.len() || before.is_empty() {
        return None;
    }
    let count = |wanted: (bool, bool)| {
        before.iter().zip(after).filter(|(before, after)| (**before, **after) == wanted).count() as f64
    };
    let (lost, won, n) = (count((true, false)), count((false, true)), before.len() as f64);
    let (b, c, wider) = (lost + 0.5, won + 0.5, n + 2.0);
    let half = Z * (b + c - (c - b) * (c - b) / wider).sqrt() / wider;
    let centre = (c - b) / wider;
    Some(Mean { value: (won - lost) / n, interval: ((centre - half).max(-1.0), (centre + half).min(1.0)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(probabilities: &[f32]) -> Prediction<'_> {
        Prediction { probabilities, background_class: false }
    }

    #[test]
    fn labels_count_without_the_background() {
        let probabilities = [0.05, 0.3, 0.2, 0.15, 0.12, 0.1, 0.08];
        let judge = |background_class, class| {
            let AgainstLabel { top1, top5 } =
                AgainstLabel::judge(Prediction { probabilities: &probabilities, background_class }, class);
            (top1, top5)
        };
        assert_eq!(
            [judge(true, 0), judge(true, 4), judge(true, 5)],
            [(true, true), (false, true), (false, false)]
        );
        assert_eq!([judge(false, 1), judge(false, 0)], [(true, true), (false, false)]);
        assert_eq!(judge(false, 99), (false, false));
    }

    #[test]
    fn divergence_is_that_of_the_formula() {
        let judge = |q: &[f32], p: &[f32]| AgainstReference::judge(plain(q), plain(p)).unwrap();
        let judged = judge(&[0.25, 0.75], &[0.5, 0.5]);
        let expected = 0.5 * 2.0_f64.ln() + 0.5 * (2.0_f64 / 3.0).ln();
        assert!((judged.kl - expected).abs() < 1e-12, "{judged:?}");
        assert_eq!((judged.same_top1, judged.top5_overlap), (false, 1.0));
        assert_eq!(
            judge(&[0.1, 0.9], &[0.1, 0.9]),
            AgainstReference { same_top1: true, top5_overlap: 1.0, kl: 0.0 }
        );
        let underflown = judge(&[1.0, 0.0], &[0.0, 1.0]);
        assert!((underflown.kl + f64::from(f32::MIN_POSITIVE).ln()).abs() < 1e-9);
        assert!(judge(&[f32::NAN, f32::NAN], &[0.5, 0.5]).kl.is_finite());
    }

    #[test]
    fn overlap_ignores_the_order() {
        let p = [0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05];
        let q = [0.2, 0.3, 0.15, 0.12, 0.01, 0.1, 0.12];
        let judged = AgainstReference::judge(plain(&q), plain(&p)).unwrap();
        assert_eq!((judged.same_top1, judged.top5_overlap), (false, 0.8));
    }

    #[test]
    fn a_background_on_one_side_is_left_out() {
        let with = Prediction { probabilities: &[0.5, 0.3, 0.2], background_class: true };
        let judged = AgainstReference::judge(with, plain(&[0.6, 0.4])).unwrap();
        assert!(judged.same_top1 && judged.kl < 1e-12, "{judged:?}");
        let error = AgainstReference::judge(with, plain(&[0.5, 0.3, 0.2])).unwrap_err();
        assert_eq!(error.to_string(), "the model has 2 classes, the reference 3; they must have the same");
    }

    #[test]
    fn wilson_agrees_with_the_published_values() {
        let rounded = |hits, n| {
            let (low, high) = Share { hits, n }.interval();
            ((low * 1000.0).round(), (high * 1000.0).round())
        };
        assert_eq!(rounded(114, 120), (895.0, 977.0));
        assert_eq!(rounded(12, 12), (758.0, 1000.0));
        assert_eq!(rounded(0, 10), (0.0, 278.0));
        assert_eq!(Share::default().interval(), (0.0, 1.0));
        assert_eq!(Share::of([true, false, true, true]), Share { hits: 3, n: 4 });
        assert_eq!(Share::default().value(), None);
    }

    #[test]
    fn means_have_the_interval_of_their_standard_error() {
        assert_eq!(Mean::of(&[]), None);
        assert_eq!(Mean::of(&[2.0]), Some(Mean { value: 2.0, interval: (2.0, 2.0) }));
        // s² = 4/3, standard error √(s² / 4).
        let mean = Mean::of(&[1.0, 1.0, 3.0, 3.0]).unwrap();
        let half = 1.96 * (4.0_f64 / 3.0 / 4.0).sqrt();
        assert!((mean.value - 2.0).abs() < 1e-9 && (mean.interval.1 - 2.0 - half).abs() < 1e-4, "{mean:?}");
    }

    #[test]
    fn sums_keep_each_measure_apart() {
        let judged = |same_top1, top5_overlap, kl| AgainstReference { same_top1, top5_overlap, kl };
        let agreement = Agreement::of(&[judged(true, 1.0, 0.0), judged(false, 0.6, 0.5)]).unwrap();
        assert_eq!(agreement.top1, Share { hits: 1, n: 2 });
        assert_eq!((agreement.top5_overlap.value, agreement.kl.value), (0.8, 0.25));
        assert_eq!(Agreement::of(&[]), None);
        let labels = [AgainstLabel { top1: false, top5: true }, AgainstLabel { top1: true, top5: true }];
        let accuracy = Accuracy { top1: Share { hits: 1, n: 2 }, top5: Share { hits: 2, n: 2 } };
        assert_eq!(Accuracy::of(&labels), accuracy);
    }

    #[test]
    fn a_change_is_judged_picture_by_picture() {
        let right = |n_right: usize| (0..100).map(|i| i < n_right).collect::<Vec<_>>();
        let change = paired_change(&right(90), &right(87)).unwrap();
        assert!((change.value + 0.03).abs() < 1e-12);
        assert!(change.interval.0 < -0.03 && change.interval.1 > -0.03 && change.interval.1 < 0.02);
        // The same kind of loss made of 33 lost and 10 won is less certain.
        let moved: Vec<bool> = (0..100).map(|i| i >= 33).collect();
        let wide = paired_change(&right(90), &moved).unwrap();
        let width = |mean: Mean| mean.interval.1 - mean.interval.0;
        assert!(width(wide) > 1.5 * width(change), "{wide:?} {change:?}");
        let same = paired_change(&right(90), &right(90)).unwrap();
        assert!(same.value == 0.0 && same.interval.0 < 0.0 && same.interval.1 > 0.0);
        assert_eq!(paired_change(&[true], &[]), None);
    }
}
