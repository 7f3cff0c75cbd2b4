//! `exchports list`: the catalog is printed.

use super::error::Error;
use super::terminal::{print, style, to_stdout};
use crate::cli::ColorWhen;
use crate::exit::Exit;
use crate::report;

pub(super) fn list(json: bool, color: ColorWhen) -> Result<Exit, Error> {
    let mut text = Vec::new();
    let listed = if json {
        report::catalog_json(&mut text)
    } else {
        report::catalog_table(&mut text, style(color, report::Rows::All))
    };
    listed.map_err(to_stdout)?;
    print(&text)
}
