//! What retention rules have reserved of their budgets, an object a run.
//!
//! Source: `policies.md` 5.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use lithify_block::{BlockId, budget::Reservation};

use crate::{Bucket, Depth, Error, layout};

/// Objects that are read or removed at a time.
const AT_A_TIME: usize = 16;

/// Most bytes of a reservation: a million blocks.
pub const RESERVATION_BYTES_MAX: u64 = 64 << 20;

/// All reservations by id, or what is wrong with one: an object that cannot be understood must not pass for nothing.
///
/// # Errors
/// Those of the bucket.
pub async fn reservations(bucket: &dyn Bucket) -> Result<Vec<(BlockId, Result<Reservation, String>)>, Error> {
    let mut ids: Vec<BlockId> = Vec::new();
    let mut pages = bucket.list(layout::RESERVATIONS, Depth::All);
    while let Some(page) = pages.next().await? {
        ids.extend(page.iter().filter_map(|entry| layout::reservation_id(&entry.name)));
    }
    drop(pages);
    ids.sort_unstable();
    // Collected, because a closure in a future that waits keeps it from being sent to another thread.
    let reads: Vec<_> = ids.into_iter().map(|id| read(bucket, id)).collect();
    let mut reads = futures_util::stream::iter(reads).buffered(AT_A_TIME);
    let mut found = Vec::new();
    while let Some(read) = reads.try_next().await? {
        found.extend(read);
    }
    Ok(found)
}

async fn read(bucket: &dyn Bucket, id: BlockId) -> Result<Option<(BlockId, Result<Reservation, String>)>, Error> {
    match bucket.get(&layout::reservation(id), RESERVATION_BYTES_MAX).await {
        Ok(text) => Ok(Some((id, Reservation::from_json(&text).map_err(|error| error.to_string())))),
        // Somebody removed it since it was listed, because it counts no more or was withdrawn.
        Err(Error::NotFound(_)) => Ok(None),
        Err(error @ Error::Invalid(_)) => Ok(Some((id, Err(error.to_string())))),
        Err(error) => Err(error),
    }
}

/// Writes a reservation under an id that no other has.
///
/// # Errors
/// Those of the bucket; it may be there all the same.
pub async fn write_reservation(bucket: &dyn Bucket, id: BlockId, reservation: &Reservation) -> Result<(), Error> {
    bucket.upload(&layout::reservation(id), Bytes::from(reservation.to_json())).await
}

/// Removes reservations; those that are gone already are no failure.
///
/// # Errors
/// Those of the bucket; what was not reached stays.
pub async fn remove_reservations(bucket: &dyn Bucket, ids: &[BlockId]) -> Result<(), Error> {
    let removals: Vec<_> = ids.iter().map(|id| remove(bucket, *id)).collect();
    futures_util::stream::iter(removals).buffer_unordered(AT_A_TIME).try_collect::<()>().await
}

async fn remove(bucket: &dyn Bucket, id: BlockId) -> Result<(), Error> {
    match bucket.delete(&layout::reservation(id)).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
