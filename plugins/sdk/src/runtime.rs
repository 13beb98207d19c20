//! Allocator and panic handler for guests without std, small because they are compiled at every cold start.
#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32,
    cell::UnsafeCell,
    panic::PanicInfo,
    ptr,
};

use crate::bindings::lithify::policy::host::{Level, log};
use crate::text::decimal;

/// Size classes are powers of two from 16 bytes up; a class keeps a list of what was freed.
///
/// An instance lives for one unit of work, so nothing is ever given back to the host, and classes never mix.
struct Classes {
    free: UnsafeCell<[*mut u8; 32]>,
    next: UnsafeCell<usize>,
    end: UnsafeCell<usize>,
}

// SAFETY: a component has one thread.
unsafe impl Sync for Classes {}

#[global_allocator]
static HEAP: Classes =
    Classes { free: UnsafeCell::new([ptr::null_mut(); 32]), next: UnsafeCell::new(0), end: UnsafeCell::new(0) };

const PAGE: usize = 65536;

/// The class of a request: the exponent of the power of two that holds size and alignment.
fn class(layout: Layout) -> usize {
    let bytes = layout.size().max(layout.align()).max(16);
    (usize::BITS - (bytes - 1).leading_zeros()) as usize
}

// SAFETY: blocks of a class are aligned to the class's size up to a page, do not overlap, and are handed out once until
// they are freed.
unsafe impl GlobalAlloc for Classes {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let class = class(layout);
        if class >= 31 {
            return ptr::null_mut(); // More than half of what 32 bits can address.
        }
        // SAFETY: one thread, and no reference outlives this function. A freed block holds the next one's address.
        unsafe {
            let head = (*self.free.get()).as_mut_ptr().add(class);
            if !(*head).is_null() {
                let block = *head;
                *head = *block.cast::<*mut u8>();
                return block;
            }
            self.fresh(1 << class, layout.align())
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let class = class(layout);
        // SAFETY: the caller gives back a block of this layout, hence of this class, of at least 16 bytes.
        unsafe {
            let head = (*self.free.get()).as_mut_ptr().add(class);
            *block.cast::<*mut u8>() = *head;
            *head = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for layout and size.
        unsafe {
            let wanted = Layout::from_size_align_unchecked(size, layout.align());
            if class(wanted) == class(layout) {
                return block;
            }
            let moved = self.alloc(wanted);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

impl Classes {
    /// Cuts a block from the end of the memory, which grows when it must.
    ///
    /// # Safety
    /// One thread; `size` is a power of two below 2 GiB.
    unsafe fn fresh(&self, size: usize, align: usize) -> *mut u8 {
        // SAFETY: see above; memory behind `end` belongs to nobody until it is grown.
        unsafe {
            let (next, end) = (&mut *self.next.get(), &mut *self.end.get());
            let start = (*next + align - 1) & !(align - 1);
            if start + size > *end || *end == 0 {
                let pages = (size + align).div_ceil(PAGE).max(2);
                let grown = wasm32::memory_grow::<0>(pages);
                if grown == usize::MAX {
                    return ptr::null_mut();
                }
                if grown * PAGE != *end {
                    *next = grown * PAGE;
                }
                *end = (grown + pages) * PAGE;
                return self.fresh(size, align);
            }
            *next = start + size;
            start as *mut u8
        }
    }
}

/// Tells file and line, then traps. The message is left out: formatting it costs more code than most policies have.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if let Some(place) = info.location() {
        let fields = [("file".into(), place.file().into()), ("line".into(), decimal(u64::from(place.line())))];
        log(Level::Error, "panic", &fields);
    }
    wasm32::unreachable()
}
