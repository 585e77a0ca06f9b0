//! Upper bounds on what a file may ask for. All are far above any MobileNet and far below what exhausts a browser
//! tab, whose addresses have 32 bits.

use graph::Graph;

use crate::FormatError;

/// Bytes of a file, after decompression.
pub(crate) const MAX_FILE: u64 = 512 << 20;

/// Bytes of a safetensors header.
pub(crate) const MAX_HEADER: u64 = 16 << 20;

/// Parameters of a model: half a gigabyte in single precision.
const MAX_PARAMETERS: usize = 1 << 27;

/// Elements of one activation, as in [`graph::GraphBuilder`].
const MAX_ACTIVATION: usize = 1 << 28;

/// Refuses a file over [`MAX_FILE`].
pub(crate) fn check_file(what: &str, bytes: &[u8]) -> Result<(), FormatError> {
    let actual = bytes.len() as u64;
    if actual > MAX_FILE {
        return Err(FormatError::TooLarge { what: format!("{what}, bytes"), actual, limit: MAX_FILE });
    }
    Ok(())
}

/// Counts the parameters that a reader makes, so that a small file that names one tensor many times, or codes many
/// zeros in few bits, is refused before memory runs out.
#[derive(Debug, Default)]
pub(crate) struct ParameterBudget {
    used: usize,
}

impl ParameterBudget {
    /// Counts `n` more. To be called before they are allocated.
    pub(crate) fn take(&mut self, n: usize) -> Result<(), FormatError> {
        self.used = self.used.saturating_add(n);
        if self.used > MAX_PARAMETERS {
            return Err(FormatError::TooLarge {
                what: "parameters".to_owned(),
                actual: self.used as u64,
                limit: MAX_PARAMETERS as u64,
            });
        }
        Ok(())
    }
}

/// Elements of a tensor, or `None` where they do not fit `usize`.
pub(crate) fn element_count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))
}

/// Refuses activations that could not be held; [`Graph::validate`] looks at consistency only.
pub(crate) fn check_activations(graph: &Graph) -> Result<(), FormatError> {
    for value in &graph.values {
        let elements = value.shape.checked_len().unwrap_or(usize::MAX);
        if elements > MAX_ACTIVATION {
            return Err(FormatError::TooLarge {
                what: format!("elements of value `{}`", value.name),
                actual: elements as u64,
                limit: MAX_ACTIVATION as u64,
            });
        }
    }
    Ok(())
}
