//! Artifacts as they come: sound ones, foreign ones, damaged ones and hostile ones.

#[cfg(test)]
mod bombs;
#[cfg(test)]
mod builder;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod defects;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod index;
#[cfg(test)]
mod pack;
#[cfg(test)]
mod reading;
