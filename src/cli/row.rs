//! The rows of the option table: their fields, and the functions that build them.

use super::draft::Draft;
use crate::command::Command;
use crate::error::CommandError;

/// A row of the option table.
#[derive(Debug)]
pub struct OptionRow {
    pub long: &'static str,
    pub short: &'static [u8],
    pub argument: Argument,
    /// The values for help and completions; empty if they cannot be listed.
    pub values: &'static [&'static str],
    pub section: Section,
    pub help: &'static str,
    /// The name in messages. Options that share a name exclude each other.
    pub name: &'static str,
    /// The verbs that allow the option, by their long names.
    pub verbs: &'static [&'static str],
    /// The option may be repeated, and every verb allows it.
    pub unchecked: bool,
    /// The rules of a verb; `None` for every other option.
    pub verb: Option<Verb>,
    apply: Apply,
}

/// The argument of an option; its name is for the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    None,
    Required(&'static str),
    Optional { name: &'static str, default: &'static [u8] },
}

/// The section of the help that lists an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Commands,
    VirtualService,
    RealServer,
    Listing,
    Daemon,
    Everywhere,
}

/// The rules of a verb: an option that comes first on the line and decides what the line does.
#[derive(Debug)]
pub struct Verb {
    /// The names of the options that the verb requires.
    pub requires: &'static [&'static str],
    /// Nothing behind the verb is read.
    pub ignores_rest: bool,
    /// Takes the verb's operands from the words that belong to no option.
    pub(super) operands: Operands,
    /// Makes the command from a draft that has passed the checks of the options.
    pub(super) command: MakeCommand,
}

/// The function that applies an option to the draft. Without an argument its text is empty.
#[derive(Debug)]
enum Apply {
    Set(Set),
    Parse(Parse),
}

type Set = for<'a> fn(&mut Draft<'a>, &'a [u8]);
type Parse = for<'a> fn(&mut Draft<'a>, &'a [u8]) -> Result<(), CommandError>;
type Operands =
    for<'a> fn(&mut Draft<'a>, &mut dyn Iterator<Item = &'a [u8]>) -> Result<(), CommandError>;
type MakeCommand = for<'a> fn(Draft<'a>) -> Result<Command, CommandError>;

impl OptionRow {
    /// Applies the option to the draft.
    pub(super) fn apply<'a>(
        &self,
        draft: &mut Draft<'a>,
        value: Option<&'a [u8]>,
    ) -> Result<(), CommandError> {
        let text = match (value, self.argument) {
            (Some(value), _) => value,
            (None, Argument::Optional { default, .. }) => default,
            (None, _) => b"",
        };
        match self.apply {
            Apply::Set(set) => {
                set(draft, text);
                Ok(())
            }
            Apply::Parse(parse) => parse(draft, text),
        }
    }

    pub(super) const fn help(mut self, help: &'static str) -> OptionRow {
        self.help = help;
        self
    }

    pub(super) const fn name(mut self, name: &'static str) -> OptionRow {
        self.name = name;
        self
    }

    pub(super) const fn argument(mut self, name: &'static str) -> OptionRow {
        self.argument = Argument::Required(name);
        self
    }

    pub(super) const fn optional_argument(
        mut self,
        name: &'static str,
        default: &'static [u8],
    ) -> OptionRow {
        self.argument = Argument::Optional { name, default };
        self
    }

    pub(super) const fn values(mut self, values: &'static [&'static str]) -> OptionRow {
        self.values = values;
        self
    }

    pub(super) const fn unchecked(mut self) -> OptionRow {
        self.unchecked = true;
        self
    }

    pub(super) const fn sets(mut self, set: Set) -> OptionRow {
        self.apply = Apply::Set(set);
        self
    }

    pub(super) const fn parses(mut self, parse: Parse) -> OptionRow {
        self.apply = Apply::Parse(parse);
        self
    }

    pub(super) const fn operands(mut self, operands: Operands) -> OptionRow {
        if let Some(verb) = &mut self.verb {
            verb.operands = operands;
        }
        self
    }

    pub(super) const fn ignores_rest(mut self) -> OptionRow {
        if let Some(verb) = &mut self.verb {
            verb.ignores_rest = true;
        }
        self
    }
}

/// Returns the row of an option without an argument. It sets nothing, but the draft records it.
pub(super) const fn option(
    long: &'static str,
    short: &'static [u8],
    section: Section,
    verbs: &'static [&'static str],
) -> OptionRow {
    OptionRow {
        long,
        short,
        argument: Argument::None,
        values: &[],
        section,
        help: "",
        name: long,
        verbs,
        unchecked: false,
        verb: None,
        apply: Apply::Set(|_, _| ()),
    }
}

/// Returns the row of a verb that requires some options and makes a command.
pub(super) const fn verb(
    long: &'static str,
    short: &'static [u8],
    requires: &'static [&'static str],
    command: MakeCommand,
) -> OptionRow {
    let mut row = option(long, short, Section::Commands, &[]);
    row.verb = Some(Verb { requires, ignores_rest: false, operands: |_, _| Ok(()), command });
    row
}
