//! `-h` and `-v`.

use crate::cli::help;
use crate::error::CommandError;
use crate::ui::Ui;
use std::io::Write;

/// Prints the help.
pub fn help(ui: &mut Ui) -> Result<(), CommandError> {
    ui.write_all(help::text().as_bytes()).map_err(CommandError::output)
}

/// Prints the version.
pub fn version(ui: &mut Ui) -> Result<(), CommandError> {
    writeln!(ui, "{}", help::version()).map_err(CommandError::output)
}
