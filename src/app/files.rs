//! What to do with a file that a visitor hands over, judged by its name and type alone; the worker and the browser's
//! decoders judge the contents.

/// What a file is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// ONNX or safetensors.
    Model,
    /// A still picture.
    Picture,
    /// A video.
    Video,
    /// A recipe as JSON.
    Recipe,
    /// Nothing that the page can use.
    Unknown,
}

/// What a file called `name` with the browser's guess `media_type` (may be empty) is taken for.
pub fn kind_of(name: &str, media_type: &str) -> FileKind {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("onnx" | "safetensors") => FileKind::Model,
        Some("json") => FileKind::Recipe,
        _ if media_type.starts_with("image/") => FileKind::Picture,
        _ if media_type.starts_with("video/") => FileKind::Video,
        Some("jpg" | "jpeg" | "png" | "webp" | "avif" | "gif" | "bmp") => FileKind::Picture,
        Some("mp4" | "webm" | "mov" | "m4v" | "mkv" | "ogv") => FileKind::Video,
        _ => FileKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types() {
        for (name, media_type, kind) in [
            ("model.onnx", "", FileKind::Model),
            ("Model.ONNX", "application/octet-stream", FileKind::Model),
            ("weights.safetensors", "", FileKind::Model),
            ("cat.jpg", "image/jpeg", FileKind::Picture),
            ("cat", "image/heic", FileKind::Picture),
            ("cat.WEBP", "", FileKind::Picture),
            ("walk.mov", "", FileKind::Video),
            ("walk", "video/mp4", FileKind::Video),
            ("int8.json", "application/json", FileKind::Recipe),
            ("notes.txt", "text/plain", FileKind::Unknown),
            ("onnx", "", FileKind::Unknown),
            ("", "", FileKind::Unknown),
        ] {
            assert_eq!(kind_of(name, media_type), kind, "{name} {media_type}");
        }
    }
}
