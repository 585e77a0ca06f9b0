//! How far something long is, and why a request came to nothing.

use serde::{Deserialize, Serialize};

/// A stage of something long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Bytes of a download.
    Download,
    /// Reading and checking a model.
    Read,
    /// Calibration frames.
    Calibrate,
    /// Layers pruned or quantized.
    Weights,
    /// Layers repaired on calibration frames.
    Repair,
    /// Writing the files that are counted.
    Sizes,
    /// Pictures of a fixed set.
    FixedSet,
    /// Pictures or layers of a scan.
    Scan,
}

/// Why a request came to nothing. The page turns it into words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Failure {
    /// The page asked for it.
    Cancelled,
    /// A request that needs a model came before one.
    NoModel,
    /// The file is not a model that Tinylens reads; `detail` says what and where.
    Unreadable {
        /// The file.
        name: String,
        /// One line, lower case.
        detail: String,
    },
    /// The file ends before its contents do.
    CutOff {
        /// The file.
        name: String,
        /// Bytes that should be there, where known.
        expected: Option<u64>,
        /// Bytes that are.
        actual: u64,
    },
    /// A node uses something the engine lacks.
    Unsupported {
        /// The file.
        name: String,
        /// The node, `212, "Resize_3"`.
        node: String,
        /// The operator or attribute that is missing.
        feature: String,
    },
    /// The server answered with an HTTP status.
    Http {
        /// What was asked for.
        name: String,
        /// The status.
        status: u16,
    },
    /// No answer from the network.
    Network {
        /// What was asked for.
        name: String,
    },
    /// The bytes are not the ones that were promised.
    WrongHash {
        /// The file.
        name: String,
    },
    /// A compression step failed.
    Compression {
        /// One line, lower case.
        detail: String,
    },
    /// No pictures for the set or for calibration.
    NoPictures,
    /// Anything else; a defect.
    Internal {
        /// One line.
        detail: String,
    },
}
