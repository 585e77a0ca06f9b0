//! How often which symbols occur among stored weights, and how few bits that could take.

use graph::{Graph, Weight, WeightValues, order_0_bits};

use crate::layer_facts::layers;

/// Levels or positions in a codebook, ascending, each with how many weights have it; `None` for weights that are numbers
/// of their own.
pub fn symbols(weight: &Weight) -> Option<Vec<(i16, u32)>> {
    let mut counts = [0_u32; 512];
    let place = |symbol: i16| (symbol + 128) as usize;
    match &weight.values {
        WeightValues::F32(_) | WeightValues::F16(_) | WeightValues::Bf16(_) => return None,
        WeightValues::Integer(weights) => {
            weights.levels.iter().for_each(|level| counts[place(i16::from(*level))] += 1);
        }
        WeightValues::Clustered(weights) => {
            weights.codes.iter().for_each(|code| counts[place(i16::from(*code))] += 1);
        }
    }
    let seen = counts.into_iter().zip(-128_i16..).filter(|(count, _)| *count > 0);
    Some(seen.map(|(count, symbol)| (symbol, count)).collect())
}

/// The entropy of symbols that occur so often, bits for each; 0 where there are none.
pub fn entropy(counts: impl IntoIterator<Item = u32>) -> f64 {
    let counts: Vec<u32> = counts.into_iter().collect();
    let total: f64 = counts.iter().copied().map(f64::from).sum();
    order_0_bits(counts) / total.max(1.0)
}

/// Mean bits for each weight by the entropy of its layer's symbols, weights as numbers of their own left out; `None` where
/// there are no others.
pub fn entropy_bits(graph: &Graph) -> Option<f64> {
    let coded = layers(graph).filter_map(|(_, weight)| Some((symbols(weight)?, weight.len() as f64)));
    let (bits, n) = coded.fold((0.0, 0.0), |(bits, n), (symbols, len)| {
        (bits + order_0_bits(symbols.into_iter().map(|(_, count)| count)), n + len)
    });
    (n > 0.0).then(|| bits / n)
}

#[cfg(test)]
mod tests {
    use compress::{Granularity, quantize_weights};

    use super::*;
    use crate::zoo;

    #[test]
    fn entropy_is_that_of_the_formula() {
        assert_eq!(entropy([4, 4, 4, 4]), 2.0);
        assert_eq!(entropy([7]), 0.0);
        assert!((entropy([1, 3, 0]) - 0.811_278_124_459_132_8).abs() < 1e-12);
        assert_eq!(entropy([]), 0.0);
    }

    #[test]
    fn symbols_are_counted_and_floats_have_none() {
        let weight = Weight::int8(vec![2, 3], vec![-128, 127, 0, 0, 0, 5], vec![1.0]);
        assert_eq!(symbols(&weight), Some(vec![(-128, 1), (0, 3), (5, 1), (127, 1)]));
        assert_eq!(symbols(&Weight::f32(vec![1, 1], vec![0.5])), None);
    }

    /// One scale for a layer leaves its narrow channels few levels, which is what an entropy coder lives on.
    #[test]
    fn one_scale_for_a_layer_has_less_entropy_than_one_for_each_channel() {
        let mut graph = graph::fold_batch_norms(&zoo::mobilenet_v1(0.25, 64, 1)).unwrap();
        for weight in graph.weights_mut() {
            let (mut values, len) = (weight.to_f32().into_owned(), weight.channel_len());
            values[..len].iter_mut().for_each(|w| *w *= 50.0);
            *weight = Weight::f32(weight.shape.clone(), values);
        }
        assert_eq!(entropy_bits(&graph), None);
        let bits = |granularity| {
            let rounded = quantize_weights(&graph, 8, granularity, &Default::default()).unwrap();
            entropy_bits(&rounded).unwrap()
        };
        let (tensor, channel) = (bits(Granularity::PerTensor), bits(Granularity::PerChannel));
        assert!(tensor < channel && channel < 8.0, "{tensor} and {channel}");
    }
}
