//! Sites as a browser sees them.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod caching;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod encodings;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod live;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod ranges;
#[cfg(test)]
mod wire;
