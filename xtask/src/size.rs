//! `cargo xtask size`: what a visitor downloads before any model, file by file.
//!
//! Counted is WebAssembly, scripts and styles of the page and of *one* engine: a browser starts one of the four, so the
//! largest counts and the others stand beside it. Brotli comes from Node, at its best quality, as a host would store it.

use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::offline::files_below;
use crate::shell::{capture, command};
use crate::{site, tools};

/// The limit for the sum, bytes as brotli.
const LIMIT_BYTES: u64 = 1_000_000;

const COUNTED: [&str; 3] = ["wasm", "js", "css"];

/// Prints the lengths of all files of `args` as brotli, one a line.
const BROTLI: &str = "for (const path of process.argv.slice(1)) console.log(zlib.brotliCompressSync(fs.readFileSync(path)).length)";

struct Row {
    name: String,
    raw: u64,
    brotli: u64,
}

/// Prints the table and the sum; fails where the sum is above the limit.
pub fn print() -> Result<()> {
    let dist = site::dist();
    if !dist.join("index.html").is_file() {
        bail!("there is no built page; `cargo xtask build` makes it");
    }
    tools::require_node()?;
    let mut paths = files_below(&dist)?;
    paths.retain(|path| path.extension().is_some_and(|end| COUNTED.iter().any(|counted| end == *counted)));
    let mut node = command("node")?;
    node.arg("-e").arg(BROTLI).args(&paths).stdin(Stdio::null());
    let lengths = capture(&mut node)?;
    let mut rows = Vec::new();
    for (path, length) in paths.iter().zip(lengths.lines()) {
        let name =
            path.strip_prefix(&dist).context("a file lies in its folder")?.to_string_lossy().into_owned();
        rows.push(Row { name, raw: path.metadata()?.len(), brotli: length.trim().parse()? });
    }
    if rows.len() != paths.len() {
        bail!("Node compressed {} of {} files", rows.len(), paths.len());
    }
    let (engine, page, others) = counted(rows);
    println!("{:>12} {:>12}", "raw bytes", "brotli");
    let line = |row: &Row| println!("{:>12} {:>12}  {}", row.raw, row.brotli, row.name);
    page.iter().chain(&engine).for_each(line);
    let sum = |part: fn(&Row) -> u64| page.iter().chain(&engine).map(part).sum::<u64>();
    let (raw, brotli) = (sum(|row| row.raw), sum(|row| row.brotli));
    println!("{raw:>12} {brotli:>12}  sum: the page and its largest engine, limit {LIMIT_BYTES}");
    println!("\nnot counted, because a browser starts one engine:");
    others.iter().for_each(line);
    if brotli > LIMIT_BYTES {
        bail!("{brotli} bytes are more than {LIMIT_BYTES}");
    }
    Ok(())
}

/// The files of the largest engine, those of the page, and those of the other engines.
fn counted(rows: Vec<Row>) -> (Vec<Row>, Vec<Row>, Vec<Row>) {
    let folder_of = |row: &Row| {
        row.name.strip_prefix("worker/").and_then(|rest| rest.split('/').next()).map(str::to_owned)
    };
    let weight = |folder: &str| -> u64 {
        rows.iter().filter(|row| folder_of(row).as_deref() == Some(folder)).map(|row| row.brotli).sum()
    };
    let largest = rows.iter().filter_map(folder_of).max_by_key(|folder| weight(folder));
    let (engines, page): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| folder_of(row).is_some());
    let (engine, others) = engines.into_iter().partition(|row| folder_of(row) == largest);
    (engine, page, others)
}

#[cfg(test)]
mod tests {
    use super::{Row, counted};

    #[test]
    fn the_largest_engine_counts_with_the_page() {
        let row = |name: &str, brotli| Row { name: name.to_owned(), raw: 2 * brotli, brotli };
        let rows = vec![
            row("app.wasm", 5),
            row("worker/a/worker.js", 1),
            row("worker/a/worker_bg.wasm", 7),
            row("worker/b/worker_bg.wasm", 9),
            row("worker.js", 1),
        ];
        let (engine, page, others) = counted(rows);
        let sum = |rows: &[Row]| rows.iter().map(|row| row.brotli).sum::<u64>();
        assert_eq!((sum(&engine), sum(&page), sum(&others)), (9, 6, 8));
    }
}
