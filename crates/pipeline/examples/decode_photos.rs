//! Writes every JPEG of a folder as PNG into another, decoded as the tests decode it.
//!
//! `cargo run -p pipeline --example decode_photos -- FROM TO`. JPEG decoders differ by a level here and there, which
//! changes answers that are nearly ties; golden answers are computed from these pixels.

use std::path::Path;
use std::{env, fs};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [from, to] = arguments.as_slice() else { panic!("two folders: from, to") };
    fs::create_dir_all(to).expect("the folder can be made");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "jpg") {
            let name = path.with_extension("png");
            let name = name.file_name().expect("a file has a name");
            image::open(&path)
                .expect("a photo")
                .to_rgb8()
                .save(Path::new(to).join(name))
                .expect("it can be written");
        }
    }
}
