//! Where the taps of a convolution fall.

use graph::{Conv2d, Shape};

/// The geometry of a convolution on images of one size.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    image: [usize; 2],
    out: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    before: [usize; 2],
}

impl Window {
    /// That of `conv`, which reads `input` and writes `output`; `None` where these are no images.
    pub(crate) fn new(conv: &Conv2d, input: Shape, output: Shape) -> Option<Self> {
        let (Shape::Image { height, width, .. }, Shape::Image { height: out_height, width: out_width, .. }) =
            (input, output)
        else {
            return None;
        };
        Some(Self {
            image: [height, width],
            out: [out_height, out_width],
            kernel: conv.kernel(),
            stride: conv.stride,
            before: [conv.padding.top, conv.padding.left],
        })
    }

    /// Lines and columns of the image.
    pub(crate) fn image(&self) -> [usize; 2] {
        self.image
    }

    /// Lines and columns of the kernel.
    pub(crate) fn kernel(&self) -> [usize; 2] {
        self.kernel
    }

    /// Taps of the kernel.
    pub(crate) fn n_taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Pixels of the output.
    pub(crate) fn n_outputs(&self) -> usize {
        self.out[0] * self.out[1]
    }

    /// Whether tap `k` meets this line (axis 0) or column (axis 1) of the image, for one output or another.
    pub(crate) fn meets(&self, axis: usize, k: usize, place: usize) -> bool {
        let from_first = (place + self.before[axis]).checked_sub(k);
        from_first.is_some_and(|from_first| {
            from_first % self.stride[axis] == 0 && from_first / self.stride[axis] < self.out[axis]
        })
    }

    /// The channels of an image, `nhwc`, that `tap` meets for this output; `None` where it lies in the padding.
    pub(crate) fn read<'a>(
        &self,
        image: &'a [f32],
        channels: usize,
        output: usize,
        tap: usize,
    ) -> Option<&'a [f32]> {
        let place = |axis: usize, output: usize, k: usize| {
            (output * self.stride[axis] + k)
                .checked_sub(self.before[axis])
                .filter(|at| *at < self.image[axis])
        };
        let y = place(0, output / self.out[1], tap / self.kernel[1])?;
        let x = place(1, output % self.out[1], tap % self.kernel[1])?;
        image.get((y * self.image[1] + x) * channels..)?.get(..channels)
    }
}
