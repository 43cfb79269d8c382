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
mod table;
mod violations;
