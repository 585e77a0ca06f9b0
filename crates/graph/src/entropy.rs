//! How few bits symbols could take.

/// Bits of all symbols together by an ideal code with one fixed table, where symbols occur so often: their order-0 entropy,
/// `sum(n * log2(N / n))`.
///
/// Source: C. E. Shannon, Bell System Technical Journal 27 (1948) 379-423.
pub fn order_0_bits(counts: impl IntoIterator<Item = u32>) -> f64 {
    let counts: Vec<f64> = counts.into_iter().filter(|n| *n > 0).map(f64::from).collect();
    let total: f64 = counts.iter().sum();
    counts.iter().map(|n| n * (total / n).log2()).sum()
}
