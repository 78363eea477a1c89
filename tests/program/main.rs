//! The program as its users run it: real processes, real sockets on loopback, a real store.

mod bad_input;
mod calls;
mod kill;
mod support;
