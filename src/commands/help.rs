//! `-h` and `-v`.

use crate::cli::help;
use crate::error::CommandError;
use crate::ui::Ui;
use std::io::Write;

/// Prints a screen of help, or the whole of it.
pub fn help(ui: &mut Ui, whole: bool) -> Result<(), CommandError> {
    let text = if whole { help::text() } else { help::short() };
    ui.write_all(text.as_bytes()).map_err(CommandError::output)
}

/// Prints the version.
pub fn version(ui: &mut Ui) -> Result<(), CommandError> {
    writeln!(ui, "{}", help::version()).map_err(CommandError::output)
}
