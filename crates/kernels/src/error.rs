/// Why a kernel refuses its arguments.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A slice has the wrong length.
    #[error("{what} has {actual} elements, expected {expected}")]
    Length {
        /// The argument.
        what: &'static str,
        /// Elements it should have.
        expected: usize,
        /// Elements it has.
        actual: usize,
    },
    /// Sizes do not fit each other.
    #[error("{what} {actual} does not fit {expected}")]
    Shape {
        /// The size.
        what: &'static str,
        /// What it must fit.
        expected: usize,
        /// What it is.
        actual: usize,
    },
    /// Sizes whose product memory cannot hold.
    #[error("{what} would have more elements than memory can hold")]
    Size {
        /// What would be so large.
        what: &'static str,
    },
    /// The window does not fit the padded image, or a stride is 0.
    #[error("a window with kernel {kernel:?} and stride {stride:?} does not fit the padded image")]
    Window {
        /// `[height, width]`.
        kernel: [usize; 2],
        /// `[vertical, horizontal]`.
        stride: [usize; 2],
    },
    /// An int32 accumulator could overflow.
    #[error("a reduction over {k} products does not fit an int32 accumulator, at most {max} do")]
    Depth {
        /// The reduction's length.
        k: usize,
        /// The longest one.
        max: usize,
    },
    /// A scale or multiplier cannot be used.
    #[error("{what} {value} is not finite and within {bounds}")]
    Number {
        /// The argument.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What would be accepted.
        bounds: &'static str,
    },
}

/// The product of `sizes`, if a slice of `T` can be so long.
pub(crate) fn checked_len<T>(what: &'static str, sizes: &[usize]) -> Result<usize, KernelError> {
    let len = sizes.iter().try_fold(1_usize, |len, size| len.checked_mul(*size));
    let fits =
        |len: &usize| len.checked_mul(size_of::<T>()).is_some_and(|bytes| isize::try_from(bytes).is_ok());
    len.filter(fits).ok_or(KernelError::Size { what })
}

/// Checks one slice's length.
pub(crate) fn check_len(what: &'static str, actual: usize, expected: usize) -> Result<(), KernelError> {
    if actual == expected { Ok(()) } else { Err(KernelError::Length { what, expected, actual }) }
}

/// Checks that a slice is long enough.
pub(crate) fn check_at_least(what: &'static str, actual: usize, expected: usize) -> Result<(), KernelError> {
    if actual >= expected { Ok(()) } else { Err(KernelError::Length { what, expected, actual }) }
}

/// Checks that a size is the one that another argument asks for.
pub(crate) fn check_fits(what: &'static str, actual: usize, expected: usize) -> Result<(), KernelError> {
    if actual == expected { Ok(()) } else { Err(KernelError::Shape { what, expected, actual }) }
}
