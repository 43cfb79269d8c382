//! What the table of operations promises: routes, checked input, and agreement with the API's public model.

mod input;
mod model;
mod properties;
mod routing;
mod sample;
mod table;
