//! One sample: registers and a copy of the stack, taken inside a signal handler.
//!
//! The kernel copies the stack and ends where memory ends, so nothing can fault; and it is asked by a plain system call.
//!
//! Source: process_vm_readv(2), signal-safety(7).

#![expect(unsafe_code, reason = "the kernel is handed pointers, and errno is one")]

use std::ptr;

use libc::{iovec, ucontext_t};

/// Most of a stack that is looked at, bytes; what called that is not seen.
const STACK_BYTES: usize = 64 << 10;

/// Pieces in which a stack is copied: one that is unmapped ends the copy before it.
const PIECE_BYTES: usize = 4096;

/// One sample.
pub(super) struct Raw {
    /// Instruction, stack, frame pointer and, where there is one, link register.
    pub(super) registers: [u64; 4],
    length: usize,
    stack: [u8; STACK_BYTES],
}

impl Raw {
    /// A sample still to be taken.
    pub(super) fn new() -> Self {
        Self { registers: [0; 4], length: 0, stack: [0; STACK_BYTES] }
    }

    /// Takes the sample. Safe in a signal handler: no memory is taken and errno stays as it was.
    pub(super) fn take(&mut self, context: &ucontext_t) {
        self.registers = registers(context);
        self.length = copy_stack(self.registers[1], &mut self.stack);
    }

    /// What lies on the stack at `address`.
    pub(super) fn word(&self, address: u64) -> Result<u64, ()> {
        let start = usize::try_from(address.checked_sub(self.registers[1]).ok_or(())?).map_err(drop)?;
        let stack = self.stack.get(..self.length).ok_or(())?;
        let bytes = stack.get(start..start.saturating_add(8)).ok_or(())?;
        Ok(u64::from_ne_bytes(bytes.try_into().map_err(drop)?))
    }
}

#[cfg(target_arch = "x86_64")]
fn registers(context: &ucontext_t) -> [u64; 4] {
    let all = &context.uc_mcontext.gregs;
    let of = |name: libc::c_int| {
        usize::try_from(name).ok().and_then(|name| all.get(name)).map_or(0, |value| value.cast_unsigned())
    };
    [of(libc::REG_RIP), of(libc::REG_RSP), of(libc::REG_RBP), 0]
}

#[cfg(target_arch = "aarch64")]
fn registers(context: &ucontext_t) -> [u64; 4] {
    let machine = &context.uc_mcontext;
    [machine.pc, machine.sp, machine.regs[29], machine.regs[30]]
}

/// Copies what lies from `from` upwards, and leaves errno as it was; the number of bytes.
fn copy_stack(from: u64, into: &mut [u8; STACK_BYTES]) -> usize {
    let Ok(mut at) = usize::try_from(from) else { return 0 };
    let mut pieces = [iovec { iov_base: ptr::null_mut(), iov_len: 0 }; STACK_BYTES / PIECE_BYTES];
    for piece in &mut pieces {
        // The first one ends where a page does.
        let length = PIECE_BYTES - at % PIECE_BYTES;
        *piece = iovec { iov_base: ptr::without_provenance_mut(at), iov_len: length };
        at = at.wrapping_add(length);
    }
    let local = iovec { iov_base: into.as_mut_ptr().cast(), iov_len: STACK_BYTES };
    // SAFETY: the kernel writes at most `iov_len` bytes to `into` and checks the other side itself; errno is this thread's.
    let copied = unsafe {
        let errno = *libc::__errno_location();
        let copied = libc::process_vm_readv(
            libc::getpid(),
            &raw const local,
            1,
            pieces.as_ptr(),
            pieces.len() as libc::c_ulong,
            0,
        );
        *libc::__errno_location() = errno;
        copied
    };
    usize::try_from(copied).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_copied_until_memory_ends() {
        let words: Vec<u64> = (0..100_000).collect();
        let mut raw = Raw::new();
        let from = words.as_ptr() as u64;
        raw.registers[1] = from;
        raw.length = copy_stack(from, &mut raw.stack);
        assert!(raw.length > STACK_BYTES - PIECE_BYTES && raw.length <= STACK_BYTES, "{}", raw.length);
        assert_eq!(raw.word(from), Ok(0));
        assert_eq!(raw.word(from + 8 * 1000), Ok(1000));
        assert_eq!(raw.word(from - 8), Err(()));
        assert_eq!(raw.word(from + STACK_BYTES as u64), Err(()));
        assert_eq!(raw.word(u64::MAX), Err(()));
        // Nothing is mapped at the start and at the end of memory.
        assert_eq!(copy_stack(8, &mut raw.stack), 0);
        assert_eq!(copy_stack(u64::MAX - 7, &mut raw.stack), 0);
    }
}
