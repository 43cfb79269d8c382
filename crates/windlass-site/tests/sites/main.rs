//! Sites as a browser sees them.

#[cfg(test)]
mod access;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod caching;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod domains;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod encodings;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod live;
#[cfg(test)]
mod password;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod ranges;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod wire;
