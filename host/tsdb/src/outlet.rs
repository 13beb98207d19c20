//! The last stage: filled buffers are taken off the encoders' hands, by a thread of its own or in place.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{Scope, ScopedJoinHandle},
};

use bytes::Bytes;

use crate::{BlockFile, Error, Output, Sink};

/// An encoder hands its buffer on when it holds this much, bytes.
pub(crate) const BUFFER_BYTES: usize = 128 << 10;
/// How many orders may wait for the writing thread: bounds what is encoded but not written.
const QUEUE_ORDERS: usize = 4;
/// How many buffers there can be: in the queue, with the writing thread, and with the encoders of index and segments.
pub(crate) const BUFFERS: usize = QUEUE_ORDERS + 4;

/// Takes what encoders produced.
pub(crate) trait Outlet {
    /// Appends `buffer` to `file`, which is created by its first append, and leaves an empty buffer in its place.
    fn append(&mut self, file: BlockFile, buffer: &mut Vec<u8>) -> Result<(), Error>;

    /// Completes `file`.
    fn finish(&mut self, file: BlockFile) -> Result<(), Error>;
}

/// Writes in the caller's thread.
pub(crate) struct Direct<'o> {
    output: &'o mut dyn Output,
    open: BTreeMap<BlockFile, Box<dyn Sink>>,
}

impl<'o> Direct<'o> {
    pub(crate) fn new(output: &'o mut dyn Output) -> Self {
        Self { output, open: BTreeMap::new() }
    }

    fn sink(&mut self, file: BlockFile) -> Result<&mut Box<dyn Sink>, Error> {
        if !self.open.contains_key(&file) {
            let sink = self.output.create(file).map_err(|source| Error::Write { file, source })?;
            self.open.insert(file, sink);
        }
        Ok(self.open.get_mut(&file).expect("it was inserted above"))
    }
}

impl Outlet for Direct<'_> {
    fn append(&mut self, file: BlockFile, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let bytes = Bytes::from(std::mem::take(buffer));
        let kept = bytes.clone();
        self.sink(file)?.append(bytes).map_err(|source| Error::Write { file, source })?;
        if kept.is_unique() {
            *buffer = kept.into(); // The sink is done with it: no copy, the same allocation.
            buffer.clear();
        }
        Ok(())
    }

    fn finish(&mut self, file: BlockFile) -> Result<(), Error> {
        self.sink(file)?;
        let sink = self.open.remove(&file).expect("it was created above");
        sink.finish().map_err(|source| Error::Write { file, source })
    }
}

enum Order {
    Append(BlockFile, Vec<u8>),
    Finish(BlockFile),
}

/// Writes in a thread of its own, so that merging goes on while the output takes its time.
pub(crate) struct Behind<'scope> {
    orders: SyncSender<Order>,
    empty: Receiver<Vec<u8>>,
    thread: Option<ScopedJoinHandle<'scope, Result<(), Error>>>,
}

impl<'scope> Behind<'scope> {
    pub(crate) fn new<'env>(scope: &'scope Scope<'scope, 'env>, output: &'env mut dyn Output) -> Self {
        let (orders, todo) = sync_channel(QUEUE_ORDERS);
        // Room for every buffer there can be, so that giving one back never waits.
        let (give, empty) = sync_channel(BUFFERS);
        let thread = scope.spawn(move || write(&todo, &give, output));
        Self { orders, empty, thread: Some(thread) }
    }

    /// Waits until everything is written.
    pub(crate) fn close(mut self) -> Result<(), Error> {
        self.join()
    }

    fn send(&mut self, order: Order) -> Result<(), Error> {
        if self.orders.send(order).is_ok() {
            return Ok(());
        }
        // The thread ended early: only an error makes it do so.
        self.join().and(Err(Error::Cancelled))
    }

    fn join(&mut self) -> Result<(), Error> {
        let (closed, _) = sync_channel(0);
        self.orders = closed;
        match self.thread.take().map(ScopedJoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Ok(()),
        }
    }
}

impl Outlet for Behind<'_> {
    fn append(&mut self, file: BlockFile, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let next = self.empty.try_recv().unwrap_or_default();
        self.send(Order::Append(file, std::mem::replace(buffer, next)))
    }

    fn finish(&mut self, file: BlockFile) -> Result<(), Error> {
        self.send(Order::Finish(file))
    }
}

fn write(todo: &Receiver<Order>, give: &SyncSender<Vec<u8>>, output: &mut dyn Output) -> Result<(), Error> {
    let mut direct = Direct::new(output);
    for order in todo {
        match order {
            Order::Append(file, mut buffer) => {
                direct.append(file, &mut buffer)?;
                if buffer.capacity() > 0 {
                    // A caller that is gone needs no buffers.
                    let _ = give.try_send(buffer);
                }
            }
            Order::Finish(file) => direct.finish(file)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::Memory;

    struct Full;

    impl Output for Full {
        fn create(&mut self, _: BlockFile) -> io::Result<Box<dyn Sink>> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn bytes_arrive_in_order_from_both_outlets() {
        let (mut beside, mut in_place) = (Memory::default(), Memory::default());
        std::thread::scope(|scope| {
            let mut behind = Behind::new(scope, &mut beside);
            let mut direct = Direct::new(&mut in_place);
            for outlet in [&mut behind as &mut dyn Outlet, &mut direct] {
                let mut buffer = Vec::new();
                for i in 0..100_u8 {
                    buffer.extend([i; 3]);
                    outlet.append(BlockFile::Index, &mut buffer).unwrap();
                    assert!(buffer.is_empty());
                }
                outlet.finish(BlockFile::Index).unwrap();
                outlet.finish(BlockFile::Segment(1)).unwrap();
            }
            behind.close().unwrap();
        });
        assert_eq!(beside.files().get(&BlockFile::Index).unwrap().len(), 300);
        assert_eq!(beside.files(), in_place.files());
    }

    #[test]
    fn an_error_of_the_output_reaches_the_encoder() {
        let mut full = Full;
        std::thread::scope(|scope| {
            let mut behind = Behind::new(scope, &mut full);
            let failed = (0..100).find_map(|_| behind.append(BlockFile::Index, &mut vec![1]).err());
            assert!(matches!(failed, Some(Error::Write { file: BlockFile::Index, .. })));
        });
    }
}
