//! A proof by compilation that the core and all that it depends on do without the standard library.
//!
//! Whoever links `std` brings its panic handler. This crate has one of its own, and two of them are an
//! error (E0152) that names the crate which brought the other. No allocator is needed: nothing is linked.

#![no_std]
#![forbid(unsafe_code)]

// Linked without being used, so that its whole graph counts.
use windlass as _;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
