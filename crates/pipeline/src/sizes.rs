//! How large a model's file is in each form, counted from the bytes that would be written.

use std::io::{self, Write};
use std::sync::Arc;

use compress::Storage;
use flate2::write::GzEncoder;
use formats::container::{
    Breakdown, Coding, EntropyWriter, GZIP_LEVEL, WeightBytes, breakdown, gzip, weight_bytes, write,
};
use graph::Graph;

/// Bytes in four forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Every weight at its data type's width.
    pub dense: u64,
    /// The dense file through gzip.
    pub gzip: u64,
    /// Masks and weights that are not zero, where smaller.
    pub sparse: u64,
    /// Everything entropy-coded.
    pub coded: u64,
    /// What the bytes of [`Self::coded`] are for.
    pub breakdown: Breakdown,
}

impl Sizes {
    /// The size of one form.
    pub fn of(&self, storage: Storage) -> u64 {
        match storage {
            Storage::Plain => self.dense,
            Storage::Gzip => self.gzip,
            Storage::SparseCoded => self.sparse,
            Storage::EntropyCoded => self.coded,
        }
    }
}

/// The file of a model in one form.
pub fn model_file(graph: &Graph, storage: Storage) -> Vec<u8> {
    match storage {
        Storage::Plain => write(graph, Coding::Dense),
        Storage::Gzip => gzip(&write(graph, Coding::Dense)),
        Storage::SparseCoded => write(graph, Coding::Sparse),
        Storage::EntropyCoded => write(graph, Coding::Entropy),
    }
}

/// Writes the four files into a counter, a piece at a time.
#[derive(Debug)]
pub struct SizesRun {
    dense: Vec<u8>,
    sparse: u64,
    stored: Stored,
    done: usize,
    encoder: GzEncoder<Counter>,
    coder: EntropyWriter<Arc<Graph>>,
    coded: Option<(u64, Breakdown)>,
}

/// Bytes of each weight in the plain, the sparse and the coded file.
#[derive(Debug, Default)]
struct Stored {
    dense: Vec<WeightBytes>,
    sparse: Vec<WeightBytes>,
    coded: Vec<WeightBytes>,
}

/// Bytes compressed for each call of [`SizesRun::advance`]: some milliseconds in a browser, tens for runs of zeros.
const PIECE: usize = 64 << 10;

impl SizesRun {
    /// Serializes `graph` in its dense and its sparse form.
    pub fn new(graph: Arc<Graph>) -> Self {
        let dense = write(&graph, Coding::Dense);
        let sparse = write(&graph, Coding::Sparse);
        let stored = Stored { dense: by_weight(&dense), sparse: by_weight(&sparse), coded: Vec::new() };
        let sparse = sparse.len() as u64;
        let encoder = GzEncoder::new(Counter(0), flate2::Compression::new(GZIP_LEVEL));
        Self { dense, sparse, stored, done: 0, encoder, coder: EntropyWriter::new(graph), coded: None }
    }

    /// Codes or compresses the next piece. `Some` when all is counted.
    pub fn advance(&mut self) -> Option<Sizes> {
        let Some((coded, breakdown)) = self.coded else {
            if !self.coder.advance() {
                let file = self.coder.file();
                self.stored.coded = by_weight(&file);
                self.coded = Some(measured(&file));
            }
            return None;
        };
        let piece = &self.dense[self.done..self.dense.len().min(self.done + PIECE)];
        self.encoder.write_all(piece).expect("a counter takes every byte");
        self.done += piece.len();
        if self.done < self.dense.len() {
            return None;
        }
        self.encoder.try_finish().expect("a counter takes every byte");
        let gzip = self.encoder.get_ref().0;
        Some(Sizes { dense: self.dense.len() as u64, gzip, sparse: self.sparse, coded, breakdown })
    }

    /// Bytes of each weight in the file of this form, in the order of the nodes; nothing before it is written. A gzip file
    /// does not tell them apart: there they are those of the plain file inside.
    pub fn by_weight(&self, storage: Storage) -> &[WeightBytes] {
        match storage {
            Storage::Plain | Storage::Gzip => &self.stored.dense,
            Storage::SparseCoded => &self.stored.sparse,
            Storage::EntropyCoded => &self.stored.coded,
        }
    }

    /// Weights coded and bytes compressed, and all there are.
    pub fn progress(&self) -> (u64, u64) {
        let (n_coded, n) = self.coder.progress();
        (n_coded + self.done as u64, n + self.dense.len() as u64)
    }
}

fn measured(file: &[u8]) -> (u64, Breakdown) {
    (file.len() as u64, breakdown(file).expect("what was written has a header"))
}

fn by_weight(file: &[u8]) -> Vec<WeightBytes> {
    weight_bytes(file).expect("what was written has a header and a graph")
}

/// Counts what is written to it and keeps nothing.
#[derive(Debug)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use graph::{Clip, GraphBuilder, LabelSet, Linear, Metadata, Op, Preprocessing, Weight};

    use super::*;

    fn graph() -> Graph {
        let metadata = Metadata {
            name: "network".to_owned(),
            origin: String::new(),
            licence: String::new(),
            labels: LabelSet::Numbers,
            background_class: false,
            preprocessing: Preprocessing::usual(4, Preprocessing::MINUS_ONE_TO_ONE),
        };
        let (mut builder, input) = GraphBuilder::new(metadata, 4, 4).unwrap();
        let x = builder.add("pool", Op::GlobalAveragePool, &[input]).unwrap();
        let values = (0..3 * 12_000).map(|idx| (idx * 37 % 101) as f32 * f32::from(idx % 3 == 0)).collect();
        let linear = Linear { weight: Weight::f32(vec![12_000, 3], values), bias: Some(vec![0.5; 12_000]) };
        let x = builder.add("classes", Op::Linear(linear), &[x]).unwrap();
        let x = builder.add("clip", Op::Clip(Clip::RELU6), &[x]).unwrap();
        builder.finish(x).unwrap()
    }

    #[test]
    fn sizes_are_lengths_of_files_that_are_read_back() {
        let graph = Arc::new(graph());
        let mut run = SizesRun::new(Arc::clone(&graph));
        let mut progress = run.progress();
        let sizes = loop {
            let sizes = run.advance();
            let (done, total) = run.progress();
            assert!(done >= progress.0 && done <= total && total == progress.1);
            assert!(done - progress.0 <= 1 << 17, "{done} after {progress:?}");
            progress = (done, total);
            if let Some(sizes) = sizes {
                break sizes;
            }
        };
        assert_eq!(progress.0, progress.1);
        for storage in [Storage::Plain, Storage::Gzip, Storage::SparseCoded, Storage::EntropyCoded] {
            let file = model_file(&graph, storage);
            assert_eq!(sizes.of(storage), file.len() as u64, "{storage:?}");
            assert_eq!(formats::read_model(&file, "file").unwrap(), *graph);
        }
        assert_eq!(sizes.breakdown.total(), sizes.coded);
        assert!(sizes.breakdown.masks > 0);
        let weights = |storage| run.by_weight(storage).iter().map(|weight| weight.weights).sum::<u64>();
        assert_eq!(weights(Storage::EntropyCoded), sizes.breakdown.weights);
        let weight = graph.weights().next().unwrap();
        let dense = 4 * weight.len() as u64;
        assert_eq!((weights(Storage::Plain), weights(Storage::Gzip)), (dense, dense));
        assert_eq!(weights(Storage::SparseCoded), dense - 4 * weight.count_zeros() as u64);
    }
}
