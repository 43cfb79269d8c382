//! What the table of operations promises: routes, checked input, and agreement with the API's public model and with its
//! protocol.

mod input;
mod model;
mod properties;
mod public;
mod rest_json;
mod routing;
mod sample;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod violations;
