//! Prints what a program sees of its loopback through `std::net`, one observation a line.
//!
//! The same source runs natively, where it describes the kernel's loopback, and as a WASI 0.2 guest, where it describes the
//! pod's. The two transcripts must be equal: so nothing here may depend on time, on port numbers that were picked, or on sizes of
//! buffers. Both ends of every connection are driven from this one thread, because a guest has no other.
//!
//! What WASI must do differently from Linux, by its WIT or because its libc cannot carry the fact, is left out; each such place
//! has a comment beginning with "Left out".
#![forbid(unsafe_code)]

mod names;
mod report;
mod tcp;
mod tcp_bind;
mod tcp_bulk;
mod tcp_close;
mod udp;

fn main() {
    for family in report::FAMILIES {
        tcp_bind::run(family);
        tcp::run(family);
        tcp_close::run(family);
        tcp_bulk::run(family);
        udp::run(family);
    }
    names::run();
    println!("end");
}
