//! The operators, their parameters and the shapes they give.

use std::ops::RangeInclusive;

use crate::{GraphError, Padding, Shape, Weight};

/// What a node computes. Matches on it are exhaustive everywhere, so that a new operator is a list of compiler
/// errors.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Cross-correlation with zero padding, grouped.
    Conv2d(Conv2d),
    /// `gamma * (x - mean) / sqrt(variance + epsilon) + beta` per channel, with the statistics of training.
    BatchNorm(BatchNorm),
    /// `min(max(x, min), max)`: ReLU is `0..inf`, ReLU6 `0..6`.
    Clip(Clip),
    /// Elementwise sum of two activations of one shape.
    Add,
    /// The channels of several images of one height and width, one image behind the other. Has at least two inputs.
    Concat,
    /// Largest element of each channel under a window.
    MaxPool(MaxPool),
    /// Mean over height and width: image to vector of channels.
    GlobalAveragePool,
    /// `weight * x + bias` of a vector.
    Linear(Linear),
    /// `exp(x - max) / sum` of a vector.
    Softmax,
}

/// Parameters of a convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2d {
    /// `oihw`: `[out_channels, in_channels / groups, kernel_height, kernel_width]`.
    pub weight: Weight,
    /// One for each output channel.
    pub bias: Option<Vec<f32>>,
    /// `[vertical, horizontal]`.
    pub stride: [usize; 2],
    /// Zeros around the input.
    pub padding: Padding,
    /// Channel groups; `in_channels` for a depthwise convolution.
    pub groups: usize,
}

/// A window that slides over an image. What lies around the image does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// `[height, width]`.
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`.
    pub stride: [usize; 2],
    /// Around the input; on each side less than the kernel, which then always touches the image.
    pub padding: Padding,
}

/// Parameters of a batch normalisation; each vector has one entry for each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// Scale.
    pub gamma: Vec<f32>,
    /// Shift.
    pub beta: Vec<f32>,
    /// Running mean.
    pub mean: Vec<f32>,
    /// Running variance.
    pub variance: Vec<f32>,
    /// Added to the variance.
    pub epsilon: f32,
}

/// Bounds of a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Smallest output; may be `-inf`.
    pub min: f32,
    /// Largest output.
    pub max: UpperBound,
}

/// The largest output of a clip; may be `inf`.
///
/// A ReLU6 whose channels are scaled by `1 / s` has the bounds `6 / s`, one for each channel: see Nagel et al. 2019
/// (arXiv 1906.04721), section 4.1.
#[derive(Clone, Debug, PartialEq)]
pub enum UpperBound {
    /// One for all channels.
    Uniform(f32),
    /// One for each channel of an image or element of a vector.
    PerChannel(Vec<f32>),
}

impl Clip {
    /// `x` as it is.
    pub const NONE: Self = Self { min: f32::NEG_INFINITY, max: UpperBound::Uniform(f32::INFINITY) };
    /// `max(x, 0)`.
    pub const RELU: Self = Self { min: 0.0, max: UpperBound::Uniform(f32::INFINITY) };
    /// `min(max(x, 0), 6)`.
    pub const RELU6: Self = Self { min: 0.0, max: UpperBound::Uniform(6.0) };

    fn check(&self, channels: usize) -> Result<(), String> {
        let bounds = match &self.max {
            UpperBound::Uniform(max) => std::slice::from_ref(max),
            UpperBound::PerChannel(max) if max.len() != channels => {
                return Err(format!("{} upper bounds, input has {channels} channels", max.len()));
            }
            UpperBound::PerChannel(max) => max,
        };
        match bounds.iter().find(|max| self.min.is_nan() || max.is_nan() || self.min > **max) {
            Some(max) => Err(format!("bounds {}..{max} are not in order", self.min)),
            None => Ok(()),
        }
    }
}

impl UpperBound {
    /// The bound of a channel.
    ///
    /// # Panics
    /// When there are fewer bounds, which a validated graph excludes.
    pub fn of(&self, channel: usize) -> f32 {
        match self {
            Self::Uniform(max) => *max,
            Self::PerChannel(max) => max[channel],
        }
    }
}

/// Parameters of a linear layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Weight,
    /// One for each output.
    pub bias: Option<Vec<f32>>,
}

impl Conv2d {
    /// `[height, width]` of the kernel, 0 where the weight's shape lacks them.
    pub fn kernel(&self) -> [usize; 2] {
        [2, 3].map(|axis| self.weight.shape.get(axis).copied().unwrap_or(0))
    }

    /// Input channels that the weight's shape asks for.
    pub fn in_channels(&self) -> usize {
        self.weight.shape.get(1).copied().unwrap_or(0).saturating_mul(self.groups)
    }

    /// One filter for each channel.
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.in_channels() && self.groups == self.weight.out_channels()
    }
}

impl Op {
    /// The operator's name in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conv2d(_) => "conv2d",
            Self::BatchNorm(_) => "batch_norm",
            Self::Clip(_) => "clip",
            Self::Add => "add",
            Self::Concat => "concat",
            Self::MaxPool(_) => "max_pool",
            Self::GlobalAveragePool => "global_average_pool",
            Self::Linear(_) => "linear",
            Self::Softmax => "softmax",
        }
    }

    /// How many values it reads: at least and at most.
    pub fn arity(&self) -> RangeInclusive<usize> {
        match self {
            Self::Add => 2..=2,
            Self::Concat => 2..=usize::MAX,
            Self::Conv2d(_)
            | Self::BatchNorm(_)
            | Self::Clip(_)
            | Self::MaxPool(_)
            | Self::GlobalAveragePool
            | Self::Linear(_)
            | Self::Softmax => 1..=1,
        }
    }

    /// Whether it hands on elements as they are, so that its inputs and its output can have one grid and int8 is exact.
    pub fn keeps_elements(&self) -> bool {
        match self {
            Self::Concat | Self::MaxPool(_) => true,
            Self::Conv2d(_)
            | Self::BatchNorm(_)
            | Self::Clip(_)
            | Self::Add
            | Self::GlobalAveragePool
            | Self::Linear(_)
            | Self::Softmax => false,
        }
    }

    /// The weight that a compression pass may change.
    pub fn weight(&self) -> Option<&Weight> {
        match self {
            Self::Conv2d(conv) => Some(&conv.weight),
            Self::Linear(linear) => Some(&linear.weight),
            Self::BatchNorm(_)
            | Self::Clip(_)
            | Self::Add
            | Self::Concat
            | Self::MaxPool(_)
            | Self::GlobalAveragePool
            | Self::Softmax => None,
        }
    }

    /// Where the bias of a convolution or linear layer is kept, `None` for other operators.
    pub fn bias_mut(&mut self) -> Option<&mut Option<Vec<f32>>> {
        match self {
            Self::Conv2d(conv) => Some(&mut conv.bias),
            Self::Linear(linear) => Some(&mut linear.bias),
            Self::BatchNorm(_)
            | Self::Clip(_)
            | Self::Add
            | Self::Concat
            | Self::MaxPool(_)
            | Self::GlobalAveragePool
            | Self::Softmax => None,
        }
    }

    /// The bias of a convolution or linear layer that has one.
    pub fn bias(&self) -> Option<&[f32]> {
        match self {
            Self::Conv2d(conv) => conv.bias.as_deref(),
            Self::Linear(linear) => linear.bias.as_deref(),
            Self::BatchNorm(_)
            | Self::Clip(_)
            | Self::Add
            | Self::Concat
            | Self::MaxPool(_)
            | Self::GlobalAveragePool
            | Self::Softmax => None,
        }
    }

    /// That weight, to be rewritten.
    pub fn weight_mut(&mut self) -> Option<&mut Weight> {
        match self {
            Self::Conv2d(conv) => Some(&mut conv.weight),
            Self::Linear(linear) => Some(&mut linear.weight),
            Self::BatchNorm(_)
            | Self::Clip(_)
            | Self::Add
            | Self::Concat
            | Self::MaxPool(_)
            | Self::GlobalAveragePool
            | Self::Softmax => None,
        }
    }

    /// The shape it gives for these inputs; `node` names it in errors.
    ///
    /// # Errors
    /// [`GraphError::InputShape`] when an input has the wrong kind of shape, [`GraphError::Node`] when parameters
    /// and input do not fit.
    pub fn output_shape(&self, node: &str, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let fail = |detail: String| GraphError::Node { op: self.name(), node: node.to_owned(), detail };
        if !self.arity().contains(&inputs.len()) {
            let or_more = if self.arity().end() > self.arity().start() { " or more" } else { "" };
            return Err(fail(format!("{} inputs, expected {}{or_more}", inputs.len(), self.arity().start())));
        }
        match self {
            Self::Conv2d(conv) => conv_output(conv, self.image(node, inputs[0])?).map_err(fail),
            Self::BatchNorm(norm) => {
                let [height, width, channels] = self.image(node, inputs[0])?;
                norm.check(channels).map_err(fail)?;
                Ok(Shape::Image { height, width, channels })
            }
            Self::Clip(clip) => {
                clip.check(inputs[0].channels()).map_err(fail)?;
                Ok(inputs[0])
            }
            Self::Add if inputs[0] != inputs[1] => {
                Err(fail(format!("inputs {} and {} differ in shape", inputs[0], inputs[1])))
            }
            Self::Add => Ok(inputs[0]),
            Self::Concat => {
                let [height, width, mut channels] = self.image(node, inputs[0])?;
                for (position, input) in inputs.iter().enumerate().skip(1) {
                    let [other_height, other_width, others] = self.image(node, *input)?;
                    if [height, width] != [other_height, other_width] {
                        let (first, input) = (inputs[0], *input);
                        return Err(fail(format!(
                            "input {position} is {input}, input 0 is {first}: sizes differ"
                        )));
                    }
                    channels = channels
                        .checked_add(others)
                        .ok_or_else(|| fail("more channels than can be counted".to_owned()))?;
                }
                Ok(Shape::Image { height, width, channels })
            }
            Self::MaxPool(pool) => {
                let [height, width, channels] = self.image(node, inputs[0])?;
                let [height, width] = pool.output_size([height, width]).map_err(fail)?;
                Ok(Shape::Image { height, width, channels })
            }
            Self::GlobalAveragePool => {
                let [_, _, channels] = self.image(node, inputs[0])?;
                Ok(Shape::Vector { length: channels })
            }
            Self::Linear(linear) => {
                let length = self.vector(node, inputs[0])?;
                check_weight(&linear.weight, 2, linear.bias.as_deref()).map_err(fail)?;
                if linear.weight.shape[1] != length {
                    return Err(fail(format!(
                        "weight takes {} values, input has {length}",
                        linear.weight.shape[1]
                    )));
                }
                Ok(Shape::Vector { length: linear.weight.shape[0] })
            }
            Self::Softmax => Ok(Shape::Vector { length: self.vector(node, inputs[0])? }),
        }
    }

    fn image(&self, node: &str, actual: Shape) -> Result<[usize; 3], GraphError> {
        match actual {
            Shape::Image { height, width, channels } => Ok([height, width, channels]),
            Shape::Vector { .. } => Err(self.wrong_shape(node, "an image", actual)),
        }
    }

    fn vector(&self, node: &str, actual: Shape) -> Result<usize, GraphError> {
        match actual {
            Shape::Vector { length } => Ok(length),
            Shape::Image { .. } => Err(self.wrong_shape(node, "a vector", actual)),
        }
    }

    fn wrong_shape(&self, node: &str, expected: &str, actual: Shape) -> GraphError {
        let (node, expected) = (node.to_owned(), expected.to_owned());
        GraphError::InputShape { op: self.name(), node, position: 0, expected, actual }
    }
}

impl MaxPool {
    /// `[height, width]` of the output.
    fn output_size(&self, input: [usize; 2]) -> Result<[usize; 2], String> {
        let Self { kernel, stride, padding } = *self;
        let Padding { top, left, bottom, right } = padding;
        if input.contains(&0) || top.max(bottom) >= kernel[0] || left.max(right) >= kernel[1] {
            let [height, width] = input;
            return Err(format!(
                "kernel {kernel:?} with padding {padding:?} could lie beside the input {height}x{width}"
            ));
        }
        slid(input, kernel, stride, padding)
    }
}

impl BatchNorm {
    /// The depthwise 1x1 convolution that computes the same, for a batch norm that could not be folded.
    pub fn to_conv(&self) -> Conv2d {
        let Self { gamma, beta, mean, variance, epsilon } = self;
        let gains: Vec<f32> =
            gamma.iter().zip(variance).map(|(gamma, variance)| gamma / (variance + epsilon).sqrt()).collect();
        let bias = beta.iter().zip(mean).zip(&gains).map(|((beta, mean), gain)| beta - mean * gain).collect();
        Conv2d {
            weight: Weight::f32(vec![gains.len(), 1, 1, 1], gains),
            bias: Some(bias),
            stride: [1, 1],
            padding: Padding::default(),
            groups: gamma.len(),
        }
    }

    fn check(&self, channels: usize) -> Result<(), String> {
        let Self { gamma, beta, mean, variance, epsilon } = self;
        for (what, values) in [("gamma", gamma), ("beta", beta), ("mean", mean), ("variance", variance)] {
            if values.len() != channels {
                return Err(format!("{what} has {} entries, input has {channels} channels", values.len()));
            }
        }
        if !(epsilon.is_finite() && *epsilon >= 0.0)
            || variance.iter().any(|v| v.is_nan() || v + epsilon <= 0.0)
        {
            return Err(format!("variance + epsilon ({epsilon}) must be positive in every channel"));
        }
        Ok(())
    }
}

fn conv_output(conv: &Conv2d, [height, width, channels]: [usize; 3]) -> Result<Shape, String> {
    check_weight(&conv.weight, 4, conv.bias.as_deref())?;
    let (groups, out_channels) = (conv.groups, conv.weight.out_channels());
    if groups == 0 || !channels.is_multiple_of(groups) {
        return Err(format!("groups {groups} does not divide in_channels {channels}"));
    }
    if !out_channels.is_multiple_of(groups) {
        return Err(format!("groups {groups} does not divide out_channels {out_channels}"));
    }
    if conv.in_channels() != channels {
        return Err(format!("weight takes {} channels, input has {channels}", conv.in_channels()));
    }
    let [height, width] = slid([height, width], conv.kernel(), conv.stride, conv.padding)?;
    Ok(Shape::Image { height, width, channels: out_channels })
}

/// `[height, width]` of what a window that slides over an image gives.
fn slid(
    [height, width]: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> Result<[usize; 2], String> {
    let Padding { top, left, bottom, right } = padding;
    let size = |input: usize, before: usize, after: usize, axis: usize| {
        let padded = input.checked_add(before)?.checked_add(after)?;
        Some(padded.checked_sub(kernel[axis])?.checked_div(stride[axis])? + 1)
    };
    match (size(height, top, bottom, 0), size(width, left, right, 1)) {
        (Some(height), Some(width)) => Ok([height, width]),
        _ => Err(format!(
            "kernel {kernel:?} with stride {stride:?} and padding {padding:?} does not fit input {height}x{width}"
        )),
    }
}

fn check_weight(weight: &Weight, n_dimensions: usize, bias: Option<&[f32]>) -> Result<(), String> {
    let shape = &weight.shape;
    if shape.len() != n_dimensions {
        return Err(format!("weight has {} dimensions, expected {n_dimensions}", shape.len()));
    }
    weight.check()?;
    match bias {
        Some(bias) if bias.len() != shape[0] => {
            Err(format!("bias has {} entries, weight has {} output channels", bias.len(), shape[0]))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_images_have_one_size_and_pools_touch_the_image() {
        let image = |height, channels| Shape::Image { height, width: 5, channels };
        let shape =
            |op: &Op, inputs: &[Shape]| op.output_shape("n", inputs).map_err(|error| error.to_string());
        assert_eq!(shape(&Op::Concat, &[image(4, 3), image(4, 2), image(4, 1)]), Ok(image(4, 6)));
        let error = shape(&Op::Concat, &[image(4, 3)]).unwrap_err();
        assert!(error.contains("1 inputs, expected 2 or more"), "{error}");
        let error = shape(&Op::Concat, &[image(4, 3), image(3, 3)]).unwrap_err();
        assert!(error.contains("sizes differ"), "{error}");
        assert!(shape(&Op::Concat, &[image(4, 3), image(4, usize::MAX)]).is_err());
        assert!(shape(&Op::Concat, &[image(4, 3), Shape::Vector { length: 3 }]).is_err());

        let pool = |padding| Op::MaxPool(MaxPool { kernel: [3, 3], stride: [2, 2], padding });
        let below = |bottom| Padding { bottom, ..Padding::default() };
        let shape_of =
            |bottom| shape(&pool(below(bottom)), &[Shape::Image { height: 4, width: 7, channels: 2 }]);
        assert_eq!(shape_of(0), Ok(Shape::Image { height: 1, width: 3, channels: 2 }));
        assert_eq!(shape_of(1), Ok(Shape::Image { height: 2, width: 3, channels: 2 }));
        let error = shape_of(3).unwrap_err();
        assert!(error.contains("could lie beside the input"), "{error}");
        assert!(shape(&pool(below(0)), &[image(0, 1)]).is_err());
    }

    #[test]
    fn clips_have_one_upper_bound_or_one_for_each_channel() {
        let check = |min: f32, max: UpperBound| {
            let input = Shape::Image { height: 1, width: 1, channels: 2 };
            Op::Clip(Clip { min, max }).output_shape("clip", &[input]).map_err(|error| error.to_string())
        };
        let per_channel = |max: &[f32]| UpperBound::PerChannel(max.to_vec());
        assert!(check(0.0, UpperBound::Uniform(0.0)).is_ok());
        assert!(check(0.0, per_channel(&[0.0, f32::INFINITY])).is_ok());
        for max in [UpperBound::Uniform(-1.0), per_channel(&[1.0, -1.0]), per_channel(&[f32::NAN, 1.0])] {
            assert!(check(0.0, max).unwrap_err().contains("are not in order"));
        }
        assert!(check(f32::NAN, UpperBound::Uniform(1.0)).is_err());
        let error = check(0.0, per_channel(&[1.0])).unwrap_err();
        assert!(error.contains("1 upper bounds, input has 2 channels"), "{error}");
    }
}
