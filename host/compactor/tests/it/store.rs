//! A bucket in memory that remembers what was done to it and fails where it is told to.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use lithify_bucket::{Answer, Attributes, Bucket, Depth, Entry, Error, Failure, Operation, Pages, Reader, Writer};

/// Clones share the objects.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Bytes>,
    /// Names of objects in the order in which they became visible or went.
    changes: Vec<String>,
    operations: usize,
    fails_from: Option<usize>,
    broken: Option<String>,
}

impl Store {
    pub(crate) fn put(&self, name: &str, content: impl Into<Bytes>) {
        self.lock().objects.insert(name.to_owned(), content.into());
    }

    pub(crate) fn remove(&self, name: &str) {
        self.lock().objects.remove(name);
    }

    pub(crate) fn objects(&self) -> BTreeMap<String, Bytes> {
        self.lock().objects.clone()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        Some(String::from_utf8_lossy(self.lock().objects.get(name)?).into_owned())
    }

    /// What changed since the last call.
    pub(crate) fn changes(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().changes)
    }

    /// Operations so far.
    pub(crate) fn operations(&self) -> usize {
        self.lock().operations
    }

    /// From the operation of this number on all fail, as if the network were gone; `None` mends it.
    pub(crate) fn fail_from(&self, operation: Option<usize>) {
        let mut inner = self.lock();
        (inner.operations, inner.fails_from) = (0, operation);
    }

    /// Everything that concerns objects whose name holds `part` fails.
    pub(crate) fn break_names_with(&self, part: &str) {
        self.lock().broken = Some(part.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no test panics while it holds the objects")
    }

    fn take_turn(&self, operation: Operation, object: &str) -> Result<(), Error> {
        let mut inner = self.lock();
        inner.operations += 1;
        let gone = inner.fails_from.is_some_and(|from| inner.operations > from);
        if gone || inner.broken.as_ref().is_some_and(|part| object.contains(part)) {
            return Err(Error::Unavailable(evidence(operation, object)));
        }
        Ok(())
    }

    fn find(&self, operation: Operation, name: &str) -> Result<Bytes, Error> {
        self.take_turn(operation, name)?;
        self.lock().objects.get(name).cloned().ok_or_else(|| Error::NotFound(evidence(operation, name)))
    }

    fn set(&self, name: &str, content: Bytes) -> Result<(), Error> {
        self.take_turn(Operation::Upload, name)?;
        let mut inner = self.lock();
        inner.objects.insert(name.to_owned(), content);
        inner.changes.push(name.to_owned());
        Ok(())
    }
}

fn evidence(operation: Operation, object: &str) -> Box<Failure> {
    Box::new(Failure { operation, object: object.to_owned(), detail: "injected".to_owned(), source: None })
}

impl Bucket for Store {
    fn name(&self) -> &str {
        "memory"
    }

    fn list(&self, dir: &str, depth: Depth) -> Box<dyn Pages + '_> {
        assert_eq!(depth, Depth::All, "nobody here lists one level");
        let dir = if dir.is_empty() { String::new() } else { format!("{}/", dir.trim_end_matches('/')) };
        let page = self.take_turn(Operation::Iter, &dir).map(|()| {
            let inner = self.lock();
            let below = inner.objects.range::<str, _>((Bound::Included(dir.as_str()), Bound::Unbounded));
            let entries = below.take_while(|(name, _)| name.starts_with(&dir)).map(|(name, content)| Entry {
                name: name.clone(),
                size: Some(content.len() as u64),
                modified: None,
                etag: None,
            });
            entries.collect()
        });
        Box::new(OnePage(Some(page)))
    }

    fn get<'a>(&'a self, name: &'a str, _: u64) -> Answer<'a, Bytes> {
        Box::pin(async move { self.find(Operation::Get, name) })
    }

    fn get_range<'a>(&'a self, name: &'a str, offset: u64, length: Option<u64>) -> Answer<'a, Bytes> {
        Box::pin(async move {
            let content = self.find(Operation::GetRange, name)?;
            let from = usize::try_from(offset).unwrap().min(content.len());
            let until = length.map_or(content.len(), |length| from + usize::try_from(length).unwrap());
            Ok(content.slice(from..until.min(content.len())))
        })
    }

    fn exists<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        Box::pin(async move {
            self.take_turn(Operation::Exists, name)?;
            Ok(self.lock().objects.contains_key(name))
        })
    }

    fn attributes<'a>(&'a self, name: &'a str) -> Answer<'a, Attributes> {
        Box::pin(async move {
            let size = self.find(Operation::Attributes, name)?.len() as u64;
            Ok(Attributes { size, modified: None, etag: None })
        })
    }

    fn upload<'a>(&'a self, name: &'a str, data: Bytes) -> Answer<'a, ()> {
        Box::pin(async move { self.set(name, data) })
    }

    fn create<'a>(&'a self, name: &'a str) -> Answer<'a, Box<dyn Writer>> {
        Box::pin(async move {
            self.take_turn(Operation::Upload, name)?;
            let writer = Growing { store: self.clone(), name: name.to_owned(), content: Vec::new() };
            Ok(Box::new(writer) as Box<dyn Writer>)
        })
    }

    fn open<'a>(&'a self, name: &'a str) -> Answer<'a, Arc<dyn Reader>> {
        Box::pin(async move {
            self.find(Operation::Attributes, name)?;
            Ok(Arc::new(Opened { store: self.clone(), name: name.to_owned() }) as Arc<dyn Reader>)
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            self.take_turn(Operation::Delete, name)?;
            let mut inner = self.lock();
            inner.objects.remove(name);
            inner.changes.push(format!("-{name}"));
            Ok(())
        })
    }
}

struct OnePage(Option<Result<Vec<Entry>, Error>>);

impl Pages for OnePage {
    fn next(&mut self) -> Answer<'_, Option<Vec<Entry>>> {
        let page = self.0.take();
        Box::pin(async move { page.transpose() })
    }
}

struct Opened {
    store: Store,
    name: String,
}

impl Reader for Opened {
    fn size(&self) -> u64 {
        self.store.lock().objects.get(&self.name).map_or(0, |content| content.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let content = self.store.find(Operation::GetRange, &self.name).map_err(io::Error::other)?;
        let from = usize::try_from(offset).unwrap();
        let bytes = content.get(from..from + into.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn file(&self) -> Option<&File> {
        None
    }
}

struct Growing {
    store: Store,
    name: String,
    content: Vec<u8>,
}

impl Writer for Growing {
    fn append(&mut self, data: Bytes) -> Result<(), Error> {
        self.store.take_turn(Operation::Upload, &self.name)?;
        self.content.extend_from_slice(&data);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        self.store.set(&self.name, Bytes::from(self.content))
    }
}
