//! Listings, of both versions; keys are taken as they come.

use reqwest::Method;

use crate::{
    Answer, Depth, Entry, Error, ListVersion, Operation, Pages,
    error::Failure,
    s3::{
        answer::ListPage,
        client::{Ask, Client, SHORT},
    },
};

pub(super) struct Listing<'a> {
    client: &'a Client,
    /// Empty, or with a final slash.
    dir: String,
    depth: Depth,
    next: Next,
}

enum Next {
    First,
    /// A token or marker.
    From(String),
    Done,
}

impl<'a> Listing<'a> {
    pub(super) fn new(client: &'a Client, dir: &str, depth: Depth) -> Self {
        let slash = if dir.is_empty() || dir.ends_with('/') { "" } else { "/" };
        Self { client, dir: format!("{dir}{slash}"), depth, next: Next::First }
    }

    async fn page(&mut self) -> Result<Option<Vec<Entry>>, Error> {
        let version = self.client.config.list_version;
        let mut ask = Ask::bucket(Operation::Iter, Method::GET, &self.dir);
        if version == ListVersion::V2 {
            ask = ask.query("list-type", "2");
        }
        ask = ask.query("encoding-type", "url").query("max-keys", "1000").query("prefix", self.dir.as_str());
        if self.depth == Depth::One {
            ask = ask.query("delimiter", "/");
        }
        match (&self.next, version) {
            (Next::Done, _) => return Ok(None),
            (Next::First, _) => {}
            (Next::From(token), ListVersion::V2) => ask = ask.query("continuation-token", token.as_str()),
            (Next::From(marker), ListVersion::V1) => ask = ask.query("marker", marker.as_str()),
        }
        let got = self.client.ask(ask, SHORT).await?;
        let damaged = |detail: String| Error::Corrupt(Failure::new(Operation::Iter, &self.dir, detail));
        let mut page = ListPage::decode(&got.body).map_err(damaged)?;
        self.next = match page.next.take() {
            _ if !page.truncated => Next::Done,
            Some(next) => Next::From(next),
            // The first version leaves the marker out without a delimiter: it is the last key.
            None => match page.entries.iter().map(|entry| entry.name.as_str()).max() {
                Some(last) if version == ListVersion::V1 => Next::From(last.to_owned()),
                _ => return Err(damaged("the listing is cut off and does not say where it goes on".to_owned())),
            },
        };
        page.entries.retain(|entry| entry.name != self.dir && !entry.name.is_empty());
        if let Some(foreign) = page.entries.iter().find(|entry| !entry.name.starts_with(&self.dir)) {
            return Err(damaged(format!("the listing shows {:?}", foreign.name)));
        }
        Ok(Some(page.entries))
    }
}

impl Pages for Listing<'_> {
    fn next(&mut self) -> Answer<'_, Option<Vec<Entry>>> {
        Box::pin(self.page())
    }
}
