//! The model as text: the classic listing, rules for `-R`, connections, JSON, tables. Writes;
//! asks no kernel.

pub mod classic;
pub(crate) mod columns;
pub mod connections;
pub mod json;
pub mod labels;
pub mod order;
pub mod pretty;
pub mod rules;
