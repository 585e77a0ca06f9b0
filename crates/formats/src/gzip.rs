//! Gzip around a file, bounded when it is taken off.

use std::borrow::Cow;
use std::io::{ErrorKind, Read, Write};

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use crate::FormatError;
use crate::limits::MAX_FILE;

/// The level that [`gzip`] uses: zlib's smallest.
pub const GZIP_LEVEL: u32 = 9;

/// Compresses with level [`GZIP_LEVEL`], without name or time: the same bytes give the same file.
///
/// Source: RFC 1952.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
    encoder.write_all(bytes).expect("a vector takes every byte");
    encoder.finish().expect("a vector takes every byte")
}

/// Whether `bytes` start with gzip's magic number.
pub(crate) fn looks_like_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Takes gzip off where it is there, once.
///
/// # Errors
/// [`FormatError::CutOff`], [`FormatError::TooLarge`] when more than 512 MiB come out, [`FormatError::Malformed`]
/// for a wrong checksum, a broken stream or bytes behind it.
pub(crate) fn without_gzip(bytes: &[u8]) -> Result<Cow<'_, [u8]>, FormatError> {
    if looks_like_gzip(bytes) { gunzip(bytes, MAX_FILE).map(Cow::Owned) } else { Ok(Cow::Borrowed(bytes)) }
}

/// Takes gzip off, to `limit` bytes.
///
/// # Errors
/// As [`without_gzip`].
pub(crate) fn gunzip(bytes: &[u8], limit: u64) -> Result<Vec<u8>, FormatError> {
    let malformed =
        |place: String, detail: String| FormatError::Malformed { what: "gzip file", place, detail };
    let mut decoder = GzDecoder::new(bytes);
    let mut unpacked = Vec::new();
    match decoder.by_ref().take(limit + 1).read_to_end(&mut unpacked) {
        Ok(_) if unpacked.len() as u64 > limit => Err(FormatError::TooLarge {
            what: "gzip file, bytes unpacked".to_owned(),
            actual: unpacked.len() as u64,
            limit,
        }),
        Ok(_) => match decoder.into_inner().len() {
            0 => Ok(unpacked),
            behind => {
                Err(malformed("end".to_owned(), format!("{behind} bytes follow the compressed stream")))
            }
        },
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(FormatError::CutOff {
            what: "gzip file".to_owned(),
            expected: None,
            actual: bytes.len() as u64,
        }),
        Err(error) => Err(malformed(format!("after {} unpacked bytes", unpacked.len()), error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_and_bears_no_time() {
        let bytes: Vec<u8> = (0..10_000_u32).map(|x| (x % 7) as u8).collect();
        let packed = gzip(&bytes);
        assert!(packed.len() < bytes.len() / 10);
        assert_eq!(packed[4..8], [0; 4]);
        assert_eq!(packed, gzip(&bytes));
        assert_eq!(without_gzip(&packed).unwrap(), bytes);
        assert_eq!(without_gzip(&bytes).unwrap(), bytes);
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let packed = gzip(&[0; 100]);
        assert_eq!(gunzip(&packed, 100).unwrap(), [0; 100]);
        let error = gunzip(&packed, 99).unwrap_err();
        assert_eq!(error.to_string(), "gzip file, bytes unpacked: 100 is too large, accepted are at most 99");
    }

    #[test]
    fn broken_streams_are_refused() {
        let packed = gzip(b"some bytes, some bytes, some bytes");
        for len in 2..packed.len() {
            assert!(matches!(without_gzip(&packed[..len]), Err(FormatError::CutOff { .. })), "{len}");
        }
        let mut longer = packed.clone();
        longer.push(0);
        assert!(matches!(without_gzip(&longer), Err(FormatError::Malformed { .. })));
        let mut wrong_checksum = packed;
        let checksum = wrong_checksum.len() - 8;
        wrong_checksum[checksum] ^= 1;
        assert!(matches!(without_gzip(&wrong_checksum), Err(FormatError::Malformed { .. })));
    }
}
