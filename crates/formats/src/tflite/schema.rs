//! The tables of TensorFlow Lite's `schema.fbs` (version 3, Apache-2.0, github.com/tensorflow/tensorflow), cut down to
//! the fields that are written, and their encoding as a FlatBuffer.
//!
//! A field is a slot of its table, numbered as the schema orders the fields. Start with [`Model::encode`].

use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, VOffsetT, WIPOffset};

use super::WHAT;
use crate::FormatError;

/// `Model.version`.
const VERSION: u32 = 3;

/// `file_identifier`.
const IDENTIFIER: &str = "TFL3";

/// `Buffer.data` is `force_align: 16`.
const DATA_ALIGNMENT: usize = 16;

/// Bytes of all constants. Offsets in a FlatBuffer have 31 bits; half of that is left for everything else.
const MAX_DATA: usize = 1 << 30;

/// The position of a table's field number `idx` in its table of offsets: two offsets of two bytes stand before it.
const fn slot(idx: VOffsetT) -> VOffsetT {
    4 + 2 * idx
}

mod model {
    use super::slot;
    pub(super) const VERSION: u16 = slot(0);
    pub(super) const OPERATOR_CODES: u16 = slot(1);
    pub(super) const SUBGRAPHS: u16 = slot(2);
    pub(super) const DESCRIPTION: u16 = slot(3);
    pub(super) const BUFFERS: u16 = slot(4);
    pub(super) const METADATA: u16 = slot(6);
}

mod metadata {
    use super::slot;
    pub(super) const NAME: u16 = slot(0);
    pub(super) const BUFFER: u16 = slot(1);
}

mod operator_code {
    use super::slot;
    pub(super) const DEPRECATED_BUILTIN_CODE: u16 = slot(0);
    pub(super) const VERSION: u16 = slot(2);
    pub(super) const BUILTIN_CODE: u16 = slot(3);
}

mod sub_graph {
    use super::slot;
    pub(super) const TENSORS: u16 = slot(0);
    pub(super) const INPUTS: u16 = slot(1);
    pub(super) const OUTPUTS: u16 = slot(2);
    pub(super) const OPERATORS: u16 = slot(3);
    pub(super) const NAME: u16 = slot(4);
}

mod tensor {
    use super::slot;
    pub(super) const SHAPE: u16 = slot(0);
    pub(super) const TYPE: u16 = slot(1);
    pub(super) const BUFFER: u16 = slot(2);
    pub(super) const NAME: u16 = slot(3);
    pub(super) const QUANTIZATION: u16 = slot(4);
}

mod quantization_parameters {
    use super::slot;
    pub(super) const SCALE: u16 = slot(2);
    pub(super) const ZERO_POINT: u16 = slot(3);
    pub(super) const QUANTIZED_DIMENSION: u16 = slot(6);
}

mod operator {
    use super::slot;
    pub(super) const OPCODE_INDEX: u16 = slot(0);
    pub(super) const INPUTS: u16 = slot(1);
    pub(super) const OUTPUTS: u16 = slot(2);
    pub(super) const BUILTIN_OPTIONS_TYPE: u16 = slot(3);
    pub(super) const BUILTIN_OPTIONS: u16 = slot(4);
}

mod buffer {
    use super::slot;
    pub(super) const DATA: u16 = slot(0);
}

mod conv_2d_options {
    use super::slot;
    pub(super) const PADDING: u16 = slot(0);
    pub(super) const STRIDE_W: u16 = slot(1);
    pub(super) const STRIDE_H: u16 = slot(2);
    pub(super) const FUSED_ACTIVATION_FUNCTION: u16 = slot(3);
}

mod depthwise_conv_2d_options {
    use super::slot;
    pub(super) const PADDING: u16 = slot(0);
    pub(super) const STRIDE_W: u16 = slot(1);
    pub(super) const STRIDE_H: u16 = slot(2);
    pub(super) const DEPTH_MULTIPLIER: u16 = slot(3);
    pub(super) const FUSED_ACTIVATION_FUNCTION: u16 = slot(4);
}

mod pool_2d_options {
    use super::slot;
    pub(super) const PADDING: u16 = slot(0);
    pub(super) const STRIDE_W: u16 = slot(1);
    pub(super) const STRIDE_H: u16 = slot(2);
    pub(super) const FILTER_WIDTH: u16 = slot(3);
    pub(super) const FILTER_HEIGHT: u16 = slot(4);
}

mod concatenation_options {
    pub(super) const AXIS: u16 = super::slot(0);
}

mod softmax_options {
    pub(super) const BETA: u16 = super::slot(0);
}

mod add_options {
    pub(super) const FUSED_ACTIVATION_FUNCTION: u16 = super::slot(0);
}

/// `TensorType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    F32 = 0,
    F16 = 1,
    I32 = 2,
    I8 = 9,
}

/// `BuiltinOperator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    Add = 0,
    Concatenation = 2,
    Conv2d = 3,
    DepthwiseConv2d = 4,
    Dequantize = 6,
    FullyConnected = 9,
    MaxPool2d = 17,
    Relu = 19,
    ReluN1To1 = 20,
    Relu6 = 21,
    Softmax = 25,
    Pad = 34,
    Mean = 40,
    Maximum = 55,
    Minimum = 57,
    PadV2 = 60,
    Quantize = 114,
}

/// `ActivationFunctionType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activation {
    None = 0,
    Relu = 1,
    ReluN1To1 = 2,
    Relu6 = 3,
}

/// `Padding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    Same = 0,
    Valid = 1,
}

/// `BuiltinOptions`: a union, whose members bear these numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Options {
    /// For operators whose options are empty or all at their defaults.
    None,
    Conv2d {
        padding: Padding,
        /// `[vertical, horizontal]`.
        stride: [i32; 2],
        activation: Activation,
    },
    DepthwiseConv2d {
        padding: Padding,
        /// `[vertical, horizontal]`.
        stride: [i32; 2],
        depth_multiplier: i32,
        activation: Activation,
    },
    Pool2d {
        padding: Padding,
        /// `[vertical, horizontal]`.
        stride: [i32; 2],
        /// `[height, width]`.
        filter: [i32; 2],
    },
    FullyConnected,
    Softmax,
    Concatenation {
        axis: i32,
    },
    Add {
        activation: Activation,
    },
    Reducer,
}

/// `QuantizationParameters`: `real = scale * (q - zero_point)`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quantization {
    pub(super) scales: Vec<f32>,
    pub(super) zero_points: Vec<i64>,
    /// The dimension along which there are several scales.
    pub(super) dimension: i32,
}

/// `Tensor`, with its buffer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) shape: Vec<i32>,
    pub(super) number: Number,
    pub(super) quantization: Option<Quantization>,
    /// Little-endian numbers of a constant, empty for an activation.
    pub(super) data: Vec<u8>,
}

/// `Operator`, with its code.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operator {
    pub(super) builtin: Builtin,
    /// The first version of the operator that has what is asked of it.
    pub(super) version: i32,
    pub(super) inputs: Vec<i32>,
    pub(super) outputs: Vec<i32>,
    pub(super) options: Options,
}

/// `Model`, with its only subgraph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Model {
    pub(super) name: String,
    pub(super) description: String,
    /// Name and content of an additional buffer.
    pub(super) metadata: (String, Vec<u8>),
    pub(super) tensors: Vec<Tensor>,
    pub(super) operators: Vec<Operator>,
    pub(super) input: i32,
    pub(super) output: i32,
}

type Builder = FlatBufferBuilder<'static>;
type Table = WIPOffset<TableFinishedWIPOffset>;

impl Model {
    /// The file.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`] for constants of more than a gigabyte.
    pub(super) fn encode(&self) -> Result<Vec<u8>, FormatError> {
        let actual = self.tensors.iter().fold(0_usize, |sum, tensor| sum.saturating_add(tensor.data.len()));
        if actual > MAX_DATA {
            let what = format!("{WHAT}, bytes of constants");
            return Err(FormatError::TooLarge { what, actual: actual as u64, limit: MAX_DATA as u64 });
        }
        let mut builder = Builder::with_capacity(actual + (1 << 16));
        let root = self.table(&mut builder);
        // The root's offset and the identifier follow. The file's length must be a multiple of the alignment, because
        // a FlatBuffer is written from its end.
        align(&mut builder, 4 + IDENTIFIER.len());
        builder.finish(root, Some(IDENTIFIER));
        Ok(builder.finished_data().to_vec())
    }

    fn table(&self, builder: &mut Builder) -> Table {
        // Buffer 0 is empty and stands for "no data".
        let mut buffers = vec![data_buffer(builder, &[])];
        let mut tensors = Vec::with_capacity(self.tensors.len());
        for tensor in &self.tensors {
            let mut buffer = 0;
            if !tensor.data.is_empty() {
                buffer = buffers.len() as u32;
                buffers.push(data_buffer(builder, &tensor.data));
            }
            tensors.push(tensor.table(builder, buffer));
        }
        let metadata_buffer = buffers.len() as u32;
        buffers.push(data_buffer(builder, &self.metadata.1));
        let name = builder.create_string(&self.metadata.0);
        let table = builder.start_table();
        builder.push_slot_always(metadata::NAME, name);
        builder.push_slot_always(metadata::BUFFER, metadata_buffer);
        let metadata = builder.end_table(table);

        let mut codes: Vec<(Builtin, i32)> = Vec::new();
        let mut operators = Vec::with_capacity(self.operators.len());
        for operator in &self.operators {
            let code = (operator.builtin, operator.version);
            let idx = codes.iter().position(|known| *known == code).unwrap_or_else(|| {
                codes.push(code);
                codes.len() - 1
            });
            operators.push(operator.table(builder, idx as u32));
        }
        let codes: Vec<Table> = codes
            .into_iter()
            .map(|(builtin, version)| {
                let table = builder.start_table();
                // Readers from before the wider field exist; 127 tells them to look there.
                let deprecated = (builtin as i32).min(127) as i8;
                builder.push_slot_always(operator_code::DEPRECATED_BUILTIN_CODE, deprecated);
                builder.push_slot_always(operator_code::VERSION, version);
                builder.push_slot_always(operator_code::BUILTIN_CODE, builtin as i32);
                builder.end_table(table)
            })
            .collect();

        let tensors = builder.create_vector(&tensors);
        let inputs = builder.create_vector(&[self.input]);
        let outputs = builder.create_vector(&[self.output]);
        let operators = builder.create_vector(&operators);
        let name = builder.create_string(&self.name);
        let table = builder.start_table();
        builder.push_slot_always(sub_graph::TENSORS, tensors);
        builder.push_slot_always(sub_graph::INPUTS, inputs);
        builder.push_slot_always(sub_graph::OUTPUTS, outputs);
        builder.push_slot_always(sub_graph::OPERATORS, operators);
        builder.push_slot_always(sub_graph::NAME, name);
        let sub_graph = builder.end_table(table);

        let codes = builder.create_vector(&codes);
        let sub_graphs = builder.create_vector(&[sub_graph]);
        let description = builder.create_string(&self.description);
        let buffers = builder.create_vector(&buffers);
        let metadata = builder.create_vector(&[metadata]);
        let table = builder.start_table();
        builder.push_slot_always(model::VERSION, VERSION);
        builder.push_slot_always(model::OPERATOR_CODES, codes);
        builder.push_slot_always(model::SUBGRAPHS, sub_graphs);
        builder.push_slot_always(model::DESCRIPTION, description);
        builder.push_slot_always(model::BUFFERS, buffers);
        builder.push_slot_always(model::METADATA, metadata);
        builder.end_table(table)
    }
}

impl Tensor {
    fn table(&self, builder: &mut Builder, buffer: u32) -> Table {
        let quantization = self.quantization.as_ref().map(|quantization| {
            let scales = builder.create_vector(&quantization.scales);
            let zero_points = builder.create_vector(&quantization.zero_points);
            let table = builder.start_table();
            builder.push_slot_always(quantization_parameters::SCALE, scales);
            builder.push_slot_always(quantization_parameters::ZERO_POINT, zero_points);
            builder.push_slot(quantization_parameters::QUANTIZED_DIMENSION, quantization.dimension, 0);
            builder.end_table(table)
        });
        let shape = builder.create_vector(&self.shape);
        let name = builder.create_string(&self.name);
        let table = builder.start_table();
        builder.push_slot_always(tensor::SHAPE, shape);
        builder.push_slot(tensor::TYPE, self.number as i8, 0);
        builder.push_slot(tensor::BUFFER, buffer, 0);
        builder.push_slot_always(tensor::NAME, name);
        if let Some(quantization) = quantization {
            builder.push_slot_always(tensor::QUANTIZATION, quantization);
        }
        builder.end_table(table)
    }
}

impl Operator {
    fn table(&self, builder: &mut Builder, code_idx: u32) -> Table {
        let inputs = builder.create_vector(&self.inputs);
        let outputs = builder.create_vector(&self.outputs);
        let options = self.options.table(builder);
        let table = builder.start_table();
        builder.push_slot(operator::OPCODE_INDEX, code_idx, 0);
        builder.push_slot_always(operator::INPUTS, inputs);
        builder.push_slot_always(operator::OUTPUTS, outputs);
        if let Some((number, options)) = options {
            builder.push_slot_always(operator::BUILTIN_OPTIONS_TYPE, number);
            builder.push_slot_always(operator::BUILTIN_OPTIONS, options);
        }
        builder.end_table(table)
    }
}

impl Options {
    /// The union's number and its table.
    fn table(self, builder: &mut Builder) -> Option<(u8, Table)> {
        if self == Self::None {
            return None;
        }
        let table = builder.start_table();
        let number = match self {
            Self::None => 0,
            Self::Conv2d { padding, stride: [vertical, horizontal], activation } => {
                use conv_2d_options as slots;
                builder.push_slot(slots::PADDING, padding as i8, 0);
                builder.push_slot(slots::STRIDE_W, horizontal, 0);
                builder.push_slot(slots::STRIDE_H, vertical, 0);
                builder.push_slot(slots::FUSED_ACTIVATION_FUNCTION, activation as i8, 0);
                1
            }
            Self::DepthwiseConv2d {
                padding,
                stride: [vertical, horizontal],
                depth_multiplier,
                activation,
            } => {
                use depthwise_conv_2d_options as slots;
                builder.push_slot(slots::PADDING, padding as i8, 0);
                builder.push_slot(slots::STRIDE_W, horizontal, 0);
                builder.push_slot(slots::STRIDE_H, vertical, 0);
                builder.push_slot(slots::DEPTH_MULTIPLIER, depth_multiplier, 0);
                builder.push_slot(slots::FUSED_ACTIVATION_FUNCTION, activation as i8, 0);
                2
            }
            Self::Pool2d { padding, stride: [vertical, horizontal], filter: [height, width] } => {
                use pool_2d_options as slots;
                builder.push_slot(slots::PADDING, padding as i8, 0);
                builder.push_slot(slots::STRIDE_W, horizontal, 0);
                builder.push_slot(slots::STRIDE_H, vertical, 0);
                builder.push_slot(slots::FILTER_WIDTH, width, 0);
                builder.push_slot(slots::FILTER_HEIGHT, height, 0);
                5
            }
            Self::FullyConnected => 8,
            Self::Softmax => {
                builder.push_slot(softmax_options::BETA, 1.0_f32, 0.0);
                9
            }
            Self::Concatenation { axis } => {
                builder.push_slot(concatenation_options::AXIS, axis, 0);
                10
            }
            Self::Add { activation } => {
                builder.push_slot(add_options::FUSED_ACTIVATION_FUNCTION, activation as i8, 0);
                11
            }
            Self::Reducer => 27,
        };
        Some((number, builder.end_table(table)))
    }
}

fn data_buffer(builder: &mut Builder, data: &[u8]) -> Table {
    let data = (!data.is_empty()).then(|| {
        align(builder, data.len());
        builder.create_vector(data)
    });
    let table = builder.start_table();
    if let Some(data) = data {
        builder.push_slot_always(buffer::DATA, data);
    }
    builder.end_table(table)
}

/// Pads so that what is `len` bytes long and written next starts at a multiple of [`DATA_ALIGNMENT`] before the end.
fn align(builder: &mut Builder, len: usize) {
    while !(builder.unfinished_data().len() + len).is_multiple_of(DATA_ALIGNMENT) {
        builder.push(0_u8);
    }
}
