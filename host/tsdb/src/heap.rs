//! The binary heap of the reference: which of two equal elements comes out first can be seen in the result.
//!
//! Source: `tsdb-format.md` 6.10; Go container/heap as Prometheus storage/merge.go uses it.

/// A heap whose order is a function given to every call; elements never change while inside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heap<T> {
    elements: Vec<T>,
}

impl<T: Copy> Heap<T> {
    pub(crate) fn new() -> Self {
        Self { elements: Vec::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.elements.clear();
    }

    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        self.elements.len()
    }

    /// The element that [`Heap::pop`] would remove.
    pub(crate) fn top(&self) -> Option<T> {
        self.elements.first().copied()
    }

    pub(crate) fn push(&mut self, element: T, less: impl Fn(T, T) -> bool) {
        self.elements.push(element);
        let mut child = self.elements.len() - 1;
        while child > 0 {
            let parent = (child - 1) / 2;
            if !self.is_less(child, parent, &less) {
                break;
            }
            self.elements.swap(child, parent);
            child = parent;
        }
    }

    pub(crate) fn pop(&mut self, less: impl Fn(T, T) -> bool) -> Option<T> {
        let last = self.elements.len().checked_sub(1)?;
        self.elements.swap(0, last);
        let removed = self.elements.pop();
        let mut parent = 0;
        loop {
            let left = 2 * parent + 1;
            if left >= last {
                return removed;
            }
            let right_is_less = left + 1 < last && self.is_less(left + 1, left, &less);
            let child = if right_is_less { left + 1 } else { left };
            if !self.is_less(child, parent, &less) {
                return removed;
            }
            self.elements.swap(parent, child);
            parent = child;
        }
    }

    /// The smallest element but for the top.
    pub(crate) fn second(&self, less: impl Fn(T, T) -> bool) -> Option<T> {
        match (self.elements.get(1).copied(), self.elements.get(2).copied()) {
            (Some(left), Some(right)) if less(right, left) => Some(right),
            (left, _) => left,
        }
    }

    /// Puts an element in the place of the top that is less than all others.
    pub(crate) fn replace_top(&mut self, element: T) {
        if let Some(top) = self.elements.first_mut() {
            *top = element;
        }
    }

    fn is_less(&self, a: usize, b: usize, less: impl Fn(T, T) -> bool) -> bool {
        match (self.elements.get(a), self.elements.get(b)) {
            (Some(&a), Some(&b)) => less(a, b),
            _ => false,
        }
    }
}

impl<T: Copy + PartialEq> Heap<T> {
    /// Whether all elements but the top stay where they are when an element is pushed and the top is popped, and the new
    /// one takes its place. It must not be less than the top, and both be less than all others. With equal elements
    /// among the others they may change places.
    pub(crate) fn is_steady(&self, element: T, scratch: &mut Self, less: impl Fn(T, T) -> bool) -> bool {
        scratch.elements.clone_from(&self.elements);
        scratch.push(element, &less);
        scratch.pop(&less);
        scratch.top() == Some(element) && scratch.elements.get(1..) == self.elements.get(1..)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(keys: &[u8]) -> Vec<usize> {
        let less = |a: usize, b: usize| keys.get(a) < keys.get(b);
        let mut heap = Heap::new();
        for i in 0..keys.len() {
            heap.push(i, less);
        }
        std::iter::from_fn(|| heap.pop(less)).collect()
    }

    #[test]
    fn equal_elements_come_out_as_the_reference_has_them() {
        assert_eq!(order(&[1, 1, 1, 1]), [0, 3, 2, 1]);
        assert_eq!(order(&[1, 1, 1]), [0, 2, 1]);
    }

    proptest! {
        #[test]
        fn elements_come_out_ascending(keys: Vec<u8>) {
            let out: Vec<u8> = order(&keys).into_iter().filter_map(|i| keys.get(i).copied()).collect();
            let mut sorted = keys.clone();
            sorted.sort_unstable();
            prop_assert_eq!(out, sorted);
        }
    }
}
