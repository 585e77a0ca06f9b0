//! Reads entropy-coded files.

use graph::{ClusteredWeights, Graph, Groups, IntegerWeights, Weight, WeightValues};
use half::{bf16, f16};

use super::super::dto::{Center, CodedFormDto, CodedGroupsDto, CodedWeightDto, GraphDto};
use super::super::network::{self, TensorReader};
use super::super::{WHAT, malformed};
use super::{CODEBOOKS, FLOAT_RUN, GRAPH, MASKS, MULTIPLIERS, SCALES, VECTORS, WEIGHTS};
use crate::FormatError;
use crate::entropy::{self, Decoder, FloatCoder, FloatLayout, LevelCoder, Rows, Sizes, Zeros};
use crate::gzip::gunzip;
use crate::limits::{MAX_HEADER, ParameterBudget, element_count};
use crate::tensors::Tensors;

/// Reads a file of this version whose header is already parsed.
pub(in super::super) fn read(mut tensors: Tensors<'_>) -> Result<Graph, FormatError> {
    let json = graph_json(&mut tensors)?;
    let mut reader = Reader {
        weights: Section::new(&mut tensors, WEIGHTS)?,
        masks: Section::new(&mut tensors, MASKS)?,
        multipliers: Section::new(&mut tensors, MULTIPLIERS)?,
        scales: Floats::new(&mut tensors, SCALES)?,
        codebooks: Floats::new(&mut tensors, CODEBOOKS)?,
        vectors: Floats::new(&mut tensors, VECTORS)?,
        budget: ParameterBudget::default(),
    };
    tensors.finish()?;
    let graph = network::read(json, &mut reader)?;
    reader.finish()?;
    Ok(graph)
}

/// The graph's text.
pub(in super::super) fn graph_json(
    tensors: &mut Tensors<'_>,
) -> Result<GraphDto<CodedWeightDto, usize>, FormatError> {
    let packed = tensors.take(GRAPH)?;
    let json = gunzip(packed.u8s()?, MAX_HEADER)?;
    serde_json::from_slice(&json).map_err(|error| malformed(error.to_string()))
}

struct Reader<'data> {
    weights: Section<'data>,
    masks: Section<'data>,
    multipliers: Section<'data>,
    scales: Floats<'data>,
    codebooks: Floats<'data>,
    vectors: Floats<'data>,
    budget: ParameterBudget,
}

impl Reader<'_> {
    fn finish(self) -> Result<(), FormatError> {
        for section in [self.weights, self.masks, self.multipliers] {
            if !section.rest.is_empty() {
                return Err(
                    section.malformed(format!("has {} bytes that no weight uses", section.rest.len()))
                );
            }
        }
        for Floats { section, coder } in [self.scales, self.codebooks, self.vectors] {
            if coder.is_some_and(|coder| !entropy::is_finished(coder.coder)) {
                return Err(section.broken());
            }
        }
        Ok(())
    }
}

impl TensorReader for Reader<'_> {
    type Weight = CodedWeightDto;
    type Vector = usize;

    fn vector(&mut self, len: usize) -> Result<Vec<f32>, FormatError> {
        self.vectors.take(len, &mut self.budget)
    }

    fn weight(&mut self, weight: CodedWeightDto) -> Result<Weight, FormatError> {
        let CodedWeightDto { shape, form, bytes, mask_bytes } = weight;
        let n = element_count(&shape)
            .ok_or_else(|| malformed(format!("shape {shape:?} of a weight has too many elements")))?;
        self.budget.take(n)?;
        let channels = shape.first().copied().unwrap_or(0);
        let channel_len = n.checked_div(channels).unwrap_or(0);
        let mask = match mask_bytes {
            Some(bytes) => Some(self.masks.levels(bytes, vec![0; n], Rows::of_sizes(channel_len))?),
            None => None,
        };
        let values = match form {
            CodedFormDto::F32 => WeightValues::F32(
                self.floats(bytes, mask, n, FloatLayout::F32)?.into_iter().map(f32::from_bits).collect(),
            ),
            CodedFormDto::F16 => {
                let bits = self.floats(bytes, mask, n, FloatLayout::F16)?;
                WeightValues::F16(bits.into_iter().map(|bits| f16::from_bits(bits as u16)).collect())
            }
            CodedFormDto::Bf16 => {
                let bits = self.floats(bytes, mask, n, FloatLayout::BF16)?;
                WeightValues::Bf16(bits.into_iter().map(|bits| bf16::from_bits(bits as u16)).collect())
            }
            CodedFormDto::Integer { bits, scales, groups } => {
                let groups = match groups {
                    Some(CodedGroupsDto { len, bytes }) => {
                        let multipliers = self.multipliers(bytes, channels, channel_len, len)?;
                        Some(Groups { len, multipliers })
                    }
                    None => None,
                };
                let scales = self.scales.take(scales, &mut self.budget)?;
                let levels = self.levels(bytes, mask, n, channel_len, Sizes::Vary)?;
                let levels = levels.into_iter().map(i8::try_from).collect::<Result<_, _>>();
                let levels =
                    levels.map_err(|_| self.weights.malformed("has levels beyond 8 bits".to_owned()))?;
                WeightValues::Integer(IntegerWeights { bits, levels, scales, groups })
            }
            CodedFormDto::Clusters { n: n_clusters, codebooks, center } => {
                let codebooks = self.codebooks.take(codebooks, &mut self.budget)?;
                let sizes = if codebooks.len() > n_clusters { Sizes::Alike } else { Sizes::Vary };
                let distances = self.levels(bytes, mask, n, channel_len, sizes)?;
                let codes = codes(&distances, channel_len, &codebooks, n_clusters, center)
                    .map_err(|detail| self.weights.malformed(detail))?;
                WeightValues::Clustered(ClusteredWeights { codes, codebooks, n_clusters })
            }
        };
        Ok(Weight { shape, values })
    }
}

impl Reader<'_> {
    fn levels(
        &mut self,
        bytes: usize,
        mask: Option<Vec<i16>>,
        n: usize,
        len: usize,
        sizes: Sizes,
    ) -> Result<Vec<i16>, FormatError> {
        match mask {
            Some(mask) => self.weights.levels(bytes, mask, Rows { len, zeros: Zeros::Known, sizes }),
            None => self.weights.levels(bytes, vec![0; n], Rows { len, zeros: Zeros::Coded, sizes }),
        }
    }

    fn floats(
        &mut self,
        bytes: usize,
        mask: Option<Vec<i16>>,
        n: usize,
        layout: FloatLayout,
    ) -> Result<Vec<u32>, FormatError> {
        let n_kept = mask.as_ref().map_or(n, |mask| mask.iter().filter(|&&bit| bit != 0).count());
        let mut coder = FloatCoder::new(Decoder::new(self.weights.take(bytes)?), layout);
        let mut numbers = vec![0; n_kept];
        if numbers.is_empty() {
            coder.numbers(&mut []);
        }
        for run in numbers.chunks_mut(FLOAT_RUN) {
            coder.numbers(run);
        }
        if !entropy::is_finished(coder.coder) {
            return Err(self.weights.broken());
        }
        let Some(mask) = mask else { return Ok(numbers) };
        let mut numbers = numbers.into_iter();
        let number = |bit| if bit == 0 { 0 } else { numbers.next().unwrap_or_default() };
        Ok(mask.into_iter().map(number).collect())
    }

    fn multipliers(
        &mut self,
        bytes: usize,
        channels: usize,
        channel_len: usize,
        len: usize,
    ) -> Result<Vec<u8>, FormatError> {
        if len == 0 {
            return Err(malformed("a weight has groups of 0 weights, expected at least 1".to_owned()));
        }
        let row_len = channel_len.div_ceil(len);
        // Not more than the weights, which are in the budget already.
        let levels = self.multipliers.levels(bytes, vec![0; channels * row_len], Rows::of_sizes(row_len))?;
        let multipliers = levels.into_iter().map(u8::try_from).collect::<Result<_, _>>();
        multipliers.map_err(|_| self.multipliers.malformed("has a negative multiplier".to_owned()))
    }
}

/// Codes from distances to the codebooks' centres.
fn codes(
    distances: &[i16],
    channel_len: usize,
    codebooks: &[f32],
    n_clusters: usize,
    center: Center,
) -> Result<Vec<u8>, String> {
    if !(2..=256).contains(&n_clusters) {
        return Err(format!("has {n_clusters} clusters, accepted are 2..=256"));
    }
    let centers: Vec<usize> = codebooks.chunks(n_clusters).map(|codebook| center.of(codebook)).collect();
    let mut codes = Vec::with_capacity(distances.len());
    for (channel, distances) in distances.chunks(channel_len.max(1)).enumerate() {
        let center = match centers[..] {
            [center] => center,
            _ => *centers.get(channel).ok_or("has more channels than codebooks")?,
        };
        for &distance in distances {
            let code = center.checked_add_signed(distance.into()).filter(|&code| code < n_clusters);
            codes.push(code.ok_or("has codes beyond their codebook")? as u8);
        }
    }
    Ok(codes)
}

/// Messages one after another.
struct Section<'data> {
    name: &'static str,
    rest: &'data [u8],
}

impl<'data> Section<'data> {
    fn new(tensors: &mut Tensors<'data>, name: &'static str) -> Result<Self, FormatError> {
        let rest = match tensors.take_optional(name)? {
            Some(tensor) => {
                tensor.u8s()?;
                tensor.data
            }
            None => &[],
        };
        Ok(Self { name, rest })
    }

    fn malformed(&self, detail: String) -> FormatError {
        FormatError::Malformed { what: WHAT, place: format!("section `{}`", self.name), detail }
    }

    fn broken(&self) -> FormatError {
        self.malformed("has a message that does not end where it should: the file is damaged".to_owned())
    }

    fn take(&mut self, bytes: usize) -> Result<&'data [u8], FormatError> {
        let (message, rest) = self.rest.split_at_checked(bytes).ok_or_else(|| {
            self.malformed(format!("ends {} bytes into a message of {bytes}", self.rest.len()))
        })?;
        self.rest = rest;
        Ok(message)
    }

    /// Reads levels in the place of `levels`.
    fn levels(&mut self, bytes: usize, mut levels: Vec<i16>, rows: Rows) -> Result<Vec<i16>, FormatError> {
        let decoder = Decoder::new(self.take(bytes)?);
        let mut coder = LevelCoder::new(decoder, rows, &[]);
        coder.rows(&mut levels);
        if entropy::is_finished(coder.coder) { Ok(levels) } else { Err(self.broken()) }
    }
}

/// One message with vectors one after another.
struct Floats<'data> {
    section: Section<'data>,
    coder: Option<FloatCoder<Decoder<'data>>>,
}

impl<'data> Floats<'data> {
    fn new(tensors: &mut Tensors<'data>, name: &'static str) -> Result<Self, FormatError> {
        let section = Section::new(tensors, name)?;
        let coder =
            (!section.rest.is_empty()).then(|| FloatCoder::new(Decoder::new(section.rest), FloatLayout::F32));
        Ok(Self { section, coder })
    }

    fn take(&mut self, len: usize, budget: &mut ParameterBudget) -> Result<Vec<f32>, FormatError> {
        budget.take(len)?;
        let Some(coder) = &mut self.coder else {
            return Err(self.section.malformed(format!("is absent, expected {len} numbers")));
        };
        let mut bits = vec![0; len];
        coder.numbers(&mut bits);
        Ok(bits.into_iter().map(f32::from_bits).collect())
    }
}
