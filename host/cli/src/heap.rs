//! The heap gives memory back while the program runs.
#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "the heap of the C library has no safe interface")
)]

/// Free memory at the end of the heap that is given back, bytes: where the C library of GNU starts.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const TRIMMED_BYTES: libc::c_int = 128 << 10;

/// Keeps the C library of GNU from changing its mind: after a large block was freed once, it takes blocks of that size from
/// the heap and keeps twice as much of it for ever. Compiling a policy frees many megabytes that are never needed again.
///
/// Other systems have no such habit; nothing is done there.
///
/// Source: mallopt(3), `M_TRIM_THRESHOLD`.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: nothing is handed over but two numbers, and a number that is refused changes nothing.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, TRIMMED_BYTES);
    }
}
