//! Request bodies that tell when they have been handed over: the wait for an answer begins then.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

/// Bytes of one frame.
const FRAME: usize = 256 * 1024;

pub(super) struct Tracked {
    data: Bytes,
    sent: Arc<Notify>,
}

impl Tracked {
    /// The body, and what is notified once its last byte was taken.
    pub(super) fn new(data: Bytes) -> (Self, Arc<Notify>) {
        let sent = Arc::new(Notify::new());
        if data.is_empty() {
            sent.notify_one();
        }
        (Self { data, sent: Arc::clone(&sent) }, sent)
    }
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.data.is_empty() {
            return Poll::Ready(None);
        }
        let size = FRAME.min(self.data.len());
        let frame = self.data.split_to(size);
        if self.data.is_empty() {
            self.sent.notify_one();
        }
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.len() as u64)
    }
}
