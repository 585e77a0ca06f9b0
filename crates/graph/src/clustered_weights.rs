//! Weights that share few values.

/// Weights as positions in a codebook: `real = codebook[code]`.
///
/// Source: Han et al. 2016 (arXiv 1510.00149), section 3.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusteredWeights {
    /// Row-major as the weight's shape says, each below [`Self::n_clusters`].
    pub codes: Vec<u8>,
    /// `[1, n_clusters]`, for all channels, or `[out, n_clusters]`; finite.
    pub codebooks: Vec<f32>,
    /// Entries of a codebook, `2..=256`.
    pub n_clusters: usize,
}

impl ClusteredWeights {
    /// The values that an output channel's codes stand for.
    pub fn codebook(&self, channel: usize) -> &[f32] {
        let first = if self.codebooks.len() == self.n_clusters { 0 } else { channel * self.n_clusters };
        &self.codebooks[first..first + self.n_clusters]
    }

    /// Bits that tell the codes apart: `ceil(log2(n_clusters))`.
    pub fn code_bits(&self) -> u32 {
        self.n_clusters.next_power_of_two().ilog2()
    }

    pub(crate) fn to_f32(&self, channel_len: usize) -> Vec<f32> {
        let channels = self.codes.chunks(channel_len.max(1)).enumerate();
        channels
            .flat_map(|(channel, codes)| {
                let codebook = self.codebook(channel);
                codes.iter().map(|code| codebook[usize::from(*code)])
            })
            .collect()
    }

    pub(crate) fn check(&self, out_channels: usize) -> Result<(), String> {
        let Self { codes, codebooks, n_clusters } = self;
        if !(2..=256).contains(n_clusters) {
            return Err(format!("{n_clusters} clusters, accepted are 2..=256"));
        }
        let all = out_channels.checked_mul(*n_clusters);
        if codebooks.len() != *n_clusters && Some(codebooks.len()) != all {
            return Err(format!(
                "codebooks of {} values, expected {n_clusters} for all channels or for each of {out_channels}",
                codebooks.len()
            ));
        }
        if codebooks.iter().any(|value| !value.is_finite()) {
            return Err("a value of a codebook is not finite".to_owned());
        }
        match codes.iter().find(|code| usize::from(**code) >= *n_clusters) {
            Some(code) => Err(format!("code {code} in codebooks of {n_clusters} values")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Weight, WeightValues};

    fn clustered() -> ClusteredWeights {
        let codebooks = vec![0.0, 1.0, -0.5, 3.0, -0.0, 2.0];
        ClusteredWeights { codes: vec![0, 2, 1, 1, 0, 2], codebooks, n_clusters: 3 }
    }

    #[test]
    fn codes_stand_for_their_channels_values() {
        let weight = |values| Weight { shape: vec![2, 3], values: WeightValues::Clustered(values) };
        let per_channel = weight(clustered());
        assert_eq!(per_channel.to_f32().as_ref(), [0.0, -0.5, 1.0, 0.0, 3.0, 2.0]);
        assert_eq!((per_channel.stored_bits(), per_channel.side_bytes()), (2, 24));
        assert_eq!(per_channel.count_zeros(), 2);
        let mut per_tensor = clustered();
        per_tensor.codebooks.truncate(3);
        assert_eq!(weight(per_tensor).to_f32().as_ref(), [0.0, -0.5, 1.0, 1.0, 0.0, -0.5]);
    }

    #[test]
    fn codes_take_the_bits_that_their_number_asks_for() {
        let bits = |n_clusters| ClusteredWeights { n_clusters, ..clustered() }.code_bits();
        assert_eq!([2, 3, 4, 5, 16, 17, 32, 33, 256].map(bits), [1, 2, 2, 3, 4, 5, 5, 6, 8]);
    }

    #[test]
    fn codes_without_a_value_are_refused() {
        type Edit = fn(&mut ClusteredWeights);
        let edits: [(&str, Edit); 5] = [
            ("code 3 in", |weights| weights.codes[4] = 3),
            ("codebooks of 5 values", |weights| weights.codebooks.truncate(5)),
            ("1 clusters", |weights| weights.n_clusters = 1),
            ("257 clusters", |weights| weights.n_clusters = 257),
            ("not finite", |weights| weights.codebooks[5] = f32::NAN),
        ];
        clustered().check(2).unwrap();
        for (expected, edit) in edits {
            let mut weights = clustered();
            edit(&mut weights);
            let message = weights.check(2).unwrap_err();
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }
}
