//! The layers that are measured: those of MobileNetV2 and V1 at 224x224, and 5x5 ones of EfficientNet-Lite0.

use std::fmt;

/// What a layer computes, and by which kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A convolution over a picture.
    Conv,
    /// A 1x1 convolution.
    Pointwise,
    /// One filter for each channel.
    Depthwise,
    /// A pointwise convolution and the depthwise one on its output, in one pass.
    ExpandDepthwise,
    /// On a vector.
    Linear,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Conv => "conv",
            Self::Pointwise => "pointwise",
            Self::Depthwise => "depthwise",
            Self::ExpandDepthwise => "expand-depthwise",
            Self::Linear => "linear",
        }
    }
}

/// A layer on a square image.
#[derive(Clone, Copy, Debug)]
pub struct Layer {
    pub kind: Kind,
    /// Rows and columns of the input.
    pub size: usize,
    pub in_channels: usize,
    pub out_channels: usize,
    /// Rows and columns of the window; half of it lies around the image.
    pub kernel: usize,
    pub stride: usize,
    /// How often MobileNetV2 runs it, the way the engine does: every expansion together with what follows it.
    pub mobilenet_v2: u64,
}

impl Layer {
    /// Rows and columns of the output.
    pub fn out_size(&self) -> usize {
        self.size.div_ceil(self.stride)
    }

    /// Multiply-adds of dense products, those with the padding included.
    pub fn dense_macs(&self) -> u64 {
        let pixels = match self.kind {
            Kind::Conv | Kind::Pointwise | Kind::Linear => self.out_size() * self.out_size(),
            Kind::ExpandDepthwise => self.size * self.size,
            Kind::Depthwise => 0,
        };
        let taps = if self.kind == Kind::Conv { self.kernel * self.kernel } else { 1 };
        (pixels * taps) as u64 * (self.in_channels * self.out_channels) as u64
    }

    /// Multiply-adds of depthwise filters, those with the padding included.
    pub fn depthwise_macs(&self) -> u64 {
        match self.kind {
            Kind::Conv | Kind::Pointwise | Kind::Linear => 0,
            Kind::Depthwise | Kind::ExpandDepthwise => {
                let pixels = self.out_size() * self.out_size();
                (pixels * self.kernel * self.kernel) as u64 * self.out_channels as u64
            }
        }
    }

    /// Whether it is measured with weights in reduced storage too: many and few pixels, long and short reductions.
    pub fn has_forms(&self) -> bool {
        let shape = (self.size, self.in_channels, self.out_channels, self.stride);
        match self.kind {
            Kind::Pointwise => matches!(
                shape,
                (56, 24, 144, 1)
                    | (28, 32, 192, 1)
                    | (14, 96 | 576, 576 | 96, 1)
                    | (7, 960, 320, 1)
                    | (7, 320, 1280, 1)
            ),
            Kind::ExpandDepthwise => matches!(shape, (28, 32, 192, 1) | (7, 160, 960, 1)),
            Kind::Linear => true,
            Kind::Conv | Kind::Depthwise => false,
        }
    }

    /// Whether it is measured with zeros among its weights too.
    pub fn has_zeros(&self) -> bool {
        self.kind == Kind::Pointwise
            && matches!(
                (self.size, self.in_channels, self.out_channels),
                (28, 32, 192)
                    | (14, 64 | 384, 384 | 64)
                    | (14, 96, 576)
                    | (7, 160, 960)
                    | (7, 960, 320)
                    | (7, 320, 1280)
            )
    }

    /// All multiply-adds.
    pub fn macs(&self) -> u64 {
        self.dense_macs() + self.depthwise_macs()
    }
}

/// The shape without the kind: `pixels x in x out` where pixels are all that matters.
impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, size, in_channels, out_channels, kernel, stride, .. } = self;
        match kind {
            Kind::Pointwise => write!(f, "{}x{in_channels}x{out_channels}", size * size),
            Kind::Linear => write!(f, "{in_channels}x{out_channels}"),
            Kind::Depthwise => write!(f, "{size}x{size}x{in_channels} {kernel}x{kernel} s{stride}"),
            Kind::Conv | Kind::ExpandDepthwise => {
                write!(f, "{size}x{size}x{in_channels}->{out_channels} {kernel}x{kernel} s{stride}")
            }
        }
    }
}

const fn pointwise(size: usize, in_channels: usize, out_channels: usize, mobilenet_v2: u64) -> Layer {
    Layer { kind: Kind::Pointwise, size, in_channels, out_channels, kernel: 1, stride: 1, mobilenet_v2 }
}

const fn depthwise(size: usize, channels: usize, kernel: usize, stride: usize, mobilenet_v2: u64) -> Layer {
    let (in_channels, out_channels) = (channels, channels);
    Layer { kind: Kind::Depthwise, size, in_channels, out_channels, kernel, stride, mobilenet_v2 }
}

const fn expand(size: usize, in_channels: usize, stride: usize, mobilenet_v2: u64) -> Layer {
    let kind = Kind::ExpandDepthwise;
    Layer { kind, size, in_channels, out_channels: 6 * in_channels, kernel: 3, stride, mobilenet_v2 }
}

/// In the order of the table.
pub const LAYERS: [Layer; 50] = [
    Layer {
        kind: Kind::Conv,
        size: 224,
        in_channels: 3,
        out_channels: 32,
        kernel: 3,
        stride: 2,
        mobilenet_v2: 1,
    },
    pointwise(112, 32, 16, 1),
    pointwise(112, 16, 96, 0),
    pointwise(56, 96, 24, 1),
    pointwise(56, 24, 144, 0),
    pointwise(56, 144, 24, 1),
    pointwise(28, 144, 32, 1),
    pointwise(28, 32, 192, 0),
    pointwise(28, 192, 32, 2),
    pointwise(14, 192, 64, 1),
    pointwise(14, 64, 384, 0),
    pointwise(14, 384, 64, 3),
    pointwise(14, 384, 96, 1),
    pointwise(14, 96, 576, 0),
    pointwise(14, 576, 96, 2),
    pointwise(7, 576, 160, 1),
    pointwise(7, 160, 960, 0),
    pointwise(7, 960, 160, 2),
    pointwise(7, 960, 320, 1),
    pointwise(7, 320, 1280, 1),
    // MobileNetV1.
    pointwise(56, 128, 128, 0),
    pointwise(28, 256, 256, 0),
    pointwise(14, 512, 512, 0),
    pointwise(7, 1024, 1024, 0),
    depthwise(112, 32, 3, 1, 1),
    depthwise(112, 96, 3, 2, 0),
    depthwise(56, 144, 3, 1, 0),
    depthwise(56, 144, 3, 2, 0),
    depthwise(28, 192, 3, 1, 0),
    depthwise(28, 192, 3, 2, 0),
    depthwise(14, 384, 3, 1, 0),
    depthwise(14, 576, 3, 1, 0),
    depthwise(14, 576, 3, 2, 0),
    depthwise(7, 960, 3, 1, 0),
    // MobileNetV1.
    depthwise(14, 512, 3, 1, 0),
    // EfficientNet-Lite0.
    depthwise(56, 144, 5, 2, 0),
    depthwise(28, 240, 5, 1, 0),
    depthwise(14, 672, 5, 1, 0),
    depthwise(14, 672, 5, 2, 0),
    depthwise(7, 1152, 5, 1, 0),
    expand(112, 16, 2, 1),
    expand(56, 24, 1, 1),
    expand(56, 24, 2, 1),
    expand(28, 32, 1, 2),
    expand(28, 32, 2, 1),
    expand(14, 64, 1, 4),
    expand(14, 96, 1, 2),
    expand(14, 96, 2, 1),
    expand(7, 160, 1, 3),
    Layer {
        kind: Kind::Linear,
        size: 1,
        in_channels: 1280,
        out_channels: 1000,
        kernel: 1,
        stride: 1,
        mobilenet_v2: 1,
    },
];
