//! Assigns activations to buffers that are shared over time.

/// An activation in the plan, before it has a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// Elements.
    pub(crate) len: usize,
    /// Step that writes it; 0 is the network's input.
    pub(crate) written: usize,
    /// Last step that reads it, at least `written`.
    pub(crate) last_read: usize,
    /// The position of the activation that its step can turn into it, in place.
    pub(crate) over: Option<usize>,
}

/// A buffer for each activation and each buffer's size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// By position of the lifetime.
    pub(crate) buffers: Vec<usize>,
    /// Elements of each buffer.
    pub(crate) sizes: Vec<usize>,
}

/// Gives activations that are alive at the same time different buffers, first come, first served: the smallest free
/// buffer that is large enough, else the largest free one, grown.
///
/// `lifetimes` are in the order of `written`. An activation that is read by the step that writes another is still
/// alive then, so no kernel reads and writes one buffer, except in place, over what nobody reads later.
pub(crate) fn assign(lifetimes: &[Lifetime]) -> Assignment {
    let mut assignment = Assignment::default();
    let mut free_from: Vec<usize> = Vec::new();
    for lifetime in lifetimes {
        let over = lifetime.over.filter(|&over| {
            lifetimes[over].last_read == lifetime.written && lifetimes[over].len == lifetime.len
        });
        if let Some(over) = over {
            let buffer = assignment.buffers[over];
            free_from[buffer] = lifetime.last_read + 1;
            assignment.buffers.push(buffer);
            continue;
        }
        let sizes = &mut assignment.sizes;
        let free = (0..sizes.len()).filter(|&buffer| free_from[buffer] <= lifetime.written);
        let (fitting, smaller): (Vec<_>, Vec<_>) = free.partition(|&buffer| sizes[buffer] >= lifetime.len);
        let chosen = fitting
            .into_iter()
            .min_by_key(|&buffer| sizes[buffer])
            .or_else(|| smaller.into_iter().max_by_key(|&buffer| sizes[buffer]));
        let buffer = chosen.unwrap_or_else(|| {
            sizes.push(0);
            free_from.push(0);
            sizes.len() - 1
        });
        sizes[buffer] = sizes[buffer].max(lifetime.len);
        free_from[buffer] = lifetime.last_read + 1;
        assignment.buffers.push(buffer);
    }
    assignment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime(len: usize, written: usize, last_read: usize) -> Lifetime {
        Lifetime { len, written, last_read, over: None }
    }

    #[test]
    fn a_chain_needs_two_buffers() {
        let chain: Vec<_> = (0..10).map(|step| lifetime(100 + step, step, step + 1)).collect();
        let assignment = assign(&chain);
        assert_eq!(assignment.sizes.len(), 2);
        assert!(assignment.sizes.iter().sum::<usize>() <= 109 + 108);
    }

    #[test]
    fn only_what_nobody_reads_later_is_written_over() {
        let over = |over, lifetime| Lifetime { over: Some(over), ..lifetime };
        let assignment = assign(&[lifetime(8, 0, 1), over(0, lifetime(8, 1, 2)), over(1, lifetime(8, 2, 3))]);
        assert_eq!(assignment.buffers, [0, 0, 0]);
        let assignment = assign(&[lifetime(8, 0, 2), over(0, lifetime(8, 1, 2))]);
        assert_eq!(assignment.buffers, [0, 1]);
        let assignment = assign(&[lifetime(8, 0, 1), over(0, lifetime(16, 1, 2))]);
        assert_eq!(assignment.buffers, [0, 1]);
        // Once written over, it is not free before its successor is read.
        let assignment = assign(&[lifetime(8, 0, 1), over(0, lifetime(8, 1, 3)), lifetime(8, 2, 3)]);
        assert_eq!(assignment.buffers, [0, 0, 1]);
    }

    #[test]
    fn what_lives_together_lies_apart() {
        let lifetimes = [
            lifetime(10, 0, 3),
            lifetime(50, 1, 2),
            lifetime(10, 2, 3),
            lifetime(40, 3, 5),
            lifetime(9, 4, 5),
        ];
        let assignment = assign(&lifetimes);
        for (i, a) in lifetimes.iter().enumerate() {
            assert!(assignment.sizes[assignment.buffers[i]] >= a.len);
            for (j, b) in lifetimes.iter().enumerate().skip(i + 1) {
                let together = b.written <= a.last_read;
                assert!(!together || assignment.buffers[i] != assignment.buffers[j], "{i} and {j}");
            }
        }
    }
}
