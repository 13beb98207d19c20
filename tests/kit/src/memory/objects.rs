//! Objects of a bucket in memory as they are listed, read and written.

use std::{fs::File, io};

use bytes::Bytes;
use lithify_bucket::{Answer, Entry, Error, Operation, Pages, Reader, Writer};

use super::Store;

/// A place in an object; beyond every end where the machine cannot count so far.
pub(super) fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// A listing of all objects that begin with a prefix, in one page.
pub(super) struct OnePage {
    store: Store,
    prefix: String,
    is_over: bool,
}

impl OnePage {
    pub(super) fn new(store: Store, prefix: String) -> Self {
        Self { store, prefix, is_over: false }
    }
}

impl Pages for OnePage {
    fn next(&mut self) -> Answer<'_, Option<Vec<Entry>>> {
        if std::mem::replace(&mut self.is_over, true) {
            return Box::pin(std::future::ready(Ok(None)));
        }
        let (store, prefix) = (&self.store, self.prefix.as_str());
        store.answer(Operation::Iter, prefix, move |inner| {
            let below = inner.below(prefix).filter(|(name, _)| *name != prefix);
            Ok(Some(below.map(|(name, object)| object.entry(name)).collect()))
        })
    }
}

/// An object that is read in parts; each part is asked for anew.
pub(super) struct Opened {
    store: Store,
    name: String,
}

impl Opened {
    pub(super) fn new(store: Store, name: String) -> Self {
        Self { store, name }
    }
}

impl Reader for Opened {
    fn size(&self) -> u64 {
        self.store.lock().objects.get(&self.name).map_or(0, |object| object.content.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let read = |content: &Bytes| content.get(position(offset)..)?.get(..into.len()).map(Bytes::copy_from_slice);
        let bytes = self.store.attempt_now(Operation::GetRange, &self.name, |inner| {
            Ok(read(&inner.find(Operation::GetRange, &self.name)?.content))
        });
        into.copy_from_slice(&bytes.map_err(io::Error::other)?.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn file(&self) -> Option<&File> {
        None
    }
}

/// An object that is being written.
pub(super) struct Growing {
    store: Store,
    name: String,
    content: Vec<u8>,
}

impl Growing {
    pub(super) fn new(store: Store, name: String) -> Self {
        Self { store, name, content: Vec::new() }
    }
}

impl Writer for Growing {
    fn append(&mut self, data: Bytes) -> Result<(), Error> {
        self.store.attempt_now(Operation::Upload, &self.name, |_| {
            self.content.extend_from_slice(&data);
            Ok(())
        })
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        let Self { store, name, content } = *self;
        store.attempt_now(Operation::Upload, &name, |inner| {
            inner.write(&name, Bytes::from(content));
            Ok(())
        })
    }
}
