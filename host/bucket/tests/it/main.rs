//! Every store passes one acceptance list; then what is peculiar to each.

#[cfg(test)]
mod acceptance;
#[cfg(test)]
mod filesystem;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod sync;
