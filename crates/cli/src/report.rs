//! How results are printed: one JSON object, or lines and tables for people.

use std::io::{self, ErrorKind, Write};

use anyhow::{Context, Result};
use serde::Serialize;

/// Prints `report` as JSON, or what `text` makes of it.
///
/// # Errors
/// When standard output does not take it; a reader that has gone away is no error.
pub fn print<T: Serialize>(json: bool, report: &T, text: impl Fn(&T) -> String) -> Result<()> {
    let mut output =
        if json { serde_json::to_string_pretty(report).context("report")? } else { text(report) };
    if !output.ends_with('\n') {
        output.push('\n');
    }
    let mut stdout = io::stdout().lock();
    match stdout.write_all(output.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

/// Something to know that is no failure.
pub fn note(text: &str) {
    eprintln!("note: {}", one_line(text));
}

/// A message's first paragraph on one line.
pub fn one_line(message: &str) -> String {
    let first: Vec<&str> = message.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    first.join(" ")
}

/// Lines of `label  value`, values aligned.
pub fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(label, value)| format!("{label:<width$}  {value}\n")).collect()
}

/// A table: the first column to the left, the others to the right.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|&cell| cell.to_owned()).collect();
    let length = |row: &Vec<String>, column: usize| row.get(column).map_or(0, |cell| cell.chars().count());
    let all = || std::iter::once(&header).chain(rows);
    let widths: Vec<usize> =
        (0..header.len()).map(|column| all().map(|row| length(row, column)).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = (row.iter().zip(&widths).enumerate())
            .map(|(column, (cell, &width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    all().map(line).collect()
}

/// A share in per cent with one decimal.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Bytes with thousands apart.
pub fn bytes(n: u64) -> String {
    format!("{} bytes", grouped(n))
}

/// A number with thousands apart.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_fit_on_a_line() {
        let clap = "error: the following required arguments were not provided:\n  <MODEL>\n\nUsage: tinylens";
        assert_eq!(one_line(clap), "error: the following required arguments were not provided: <MODEL>");
        assert_eq!(one_line(""), "");
    }

    #[test]
    fn columns_are_aligned() {
        let text = table(
            &["node", "ms"],
            &[vec!["stem".to_owned(), "10.5".to_owned()], vec!["a".to_owned(), "2".to_owned()]],
        );
        assert_eq!(text, "node    ms\nstem  10.5\na        2\n");
        assert_eq!(pairs(&[("a", "1".to_owned()), ("long", "2".to_owned())]), "a     1\nlong  2\n");
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 12, 123, 1234, 13_977_617].map(grouped), ["0", "12", "123", "1 234", "13 977 617"]);
    }
}
