//! Build specifications, from the text to what the shell does.

mod bad;
mod choice;
mod globs;
mod good;
mod mask;
mod script;
mod variables;
