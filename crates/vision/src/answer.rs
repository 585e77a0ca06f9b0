//! From a network's output to its answer.

/// A class and its probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// Class number, a background output not counted.
    pub class: usize,
    /// `0.0..=1.0`.
    pub probability: f32,
}

/// The `n` most probable classes, highest first; of equals the lower class number first. NaN counts as 0.
///
/// `probabilities` are a softmax's output. With `background_class` output 0 is left out and class `c` is output
/// `c + 1`; probabilities are not rescaled.
pub fn answers(probabilities: &[f32], background_class: bool, n: usize) -> Vec<Answer> {
    let mut best: Vec<Answer> = Vec::with_capacity(n + 1);
    for (class, &probability) in probabilities.iter().skip(usize::from(background_class)).enumerate() {
        let answer = Answer { class, probability: if probability.is_nan() { 0.0 } else { probability } };
        if best.len() == n && best.last().is_none_or(|last| last.probability >= answer.probability) {
            continue;
        }
        let position = best.partition_point(|other| other.probability >= answer.probability);
        best.insert(position, answer);
        best.truncate(n);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highest_first_and_background_left_out() {
        let classes = |probabilities: &[f32], background, n| {
            answers(probabilities, background, n).iter().map(|answer| answer.class).collect::<Vec<_>>()
        };
        assert_eq!(classes(&[0.1, 0.4, 0.2, 0.3], false, 3), [1, 3, 2]);
        assert_eq!(classes(&[0.9, 0.4, 0.2, 0.3], true, 2), [0, 2]);
        assert_eq!(classes(&[0.2, 0.2, f32::NAN, 0.2], false, 4), [0, 1, 3, 2]);
        assert_eq!(classes(&[0.5], true, 5), [0; 0]);
        assert_eq!(classes(&[0.5], false, 0), [0; 0]);
    }
}
