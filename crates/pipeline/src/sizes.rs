//! How large a model's file is in each form, counted from the bytes that would be written.

use std::io::{self, Write};

use compress::Storage;
use flate2::write::GzEncoder;
use formats::container::{Coding, GZIP_LEVEL, write};
use graph::Graph;

/// Bytes in three forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Every weight at its data type's width.
    pub dense: u64,
    /// The dense file through gzip.
    pub gzip: u64,
    /// Masks and weights that are not zero, where smaller.
    pub sparse: u64,
}

impl Sizes {
    /// The size of one form.
    pub fn of(&self, storage: Storage) -> u64 {
        match storage {
            Storage::Plain => self.dense,
            Storage::Gzip => self.gzip,
            Storage::SparseCoded | Storage::EntropyCoded => self.sparse,
        }
    }
}

/// Bytes of the plain file alone.
pub fn dense_bytes(graph: &Graph) -> u64 {
    write(graph, Coding::Dense).len() as u64
}

/// Writes the three files into a counter, a piece at a time.
#[derive(Debug)]
pub struct SizesRun {
    dense: Vec<u8>,
    sparse: u64,
    done: usize,
    encoder: GzEncoder<Counter>,
}

/// Bytes compressed for each call of [`SizesRun::advance`]: some tens of milliseconds in a browser.
const PIECE: usize = 1 << 20;

impl SizesRun {
    /// Serializes `graph` in its dense and its sparse form.
    pub fn new(graph: &Graph) -> Self {
        let dense = write(graph, Coding::Dense);
        let sparse = write(graph, Coding::Sparse).len() as u64;
        let encoder = GzEncoder::new(Counter(0), flate2::Compression::new(GZIP_LEVEL));
        Self { dense, sparse, done: 0, encoder }
    }

    /// Compresses the next piece. `Some` when all is counted.
    pub fn advance(&mut self) -> Option<Sizes> {
        let piece = &self.dense[self.done..self.dense.len().min(self.done + PIECE)];
        self.encoder.write_all(piece).expect("a counter takes every byte");
        self.done += piece.len();
        if self.done < self.dense.len() {
            return None;
        }
        self.encoder.try_finish().expect("a counter takes every byte");
        let gzip = self.encoder.get_ref().0;
        Some(Sizes { dense: self.dense.len() as u64, gzip, sparse: self.sparse })
    }

    /// Bytes compressed, and all there are.
    pub fn progress(&self) -> (u64, u64) {
        (self.done as u64, self.dense.len() as u64)
    }
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
