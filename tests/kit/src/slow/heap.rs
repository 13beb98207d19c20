//! The heap whose treatment of equals decides which sample wins.

/// A binary heap with the least element on top, given by `less`.
///
/// Source: 6.10.
pub(super) struct Heap<T, L> {
    elements: Vec<T>,
    less: L,
}

impl<T, L: Fn(&T, &T) -> bool> Heap<T, L> {
    pub(super) fn new(less: L) -> Self {
        Self { elements: Vec::new(), less }
    }

    pub(super) fn top(&self) -> Option<&T> {
        self.elements.first()
    }

    pub(super) fn push(&mut self, element: T) {
        self.elements.push(element);
        let mut child = self.elements.len() - 1;
        while child > 0 {
            let parent = (child - 1) / 2;
            if !(self.less)(&self.elements[child], &self.elements[parent]) {
                break;
            }
            self.elements.swap(child, parent);
            child = parent;
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let end = self.elements.len().checked_sub(1)?;
        self.elements.swap(0, end);
        let mut parent = 0;
        loop {
            let left = 2 * parent + 1;
            if left >= end {
                break;
            }
            let right = left + 1;
            let right_is_less = right < end && (self.less)(&self.elements[right], &self.elements[left]);
            let child = if right_is_less { right } else { left };
            if !(self.less)(&self.elements[child], &self.elements[parent]) {
                break;
            }
            self.elements.swap(parent, child);
            parent = child;
        }
        self.elements.pop()
    }
}
