//! The limit on open files: a call has two sockets, and many systems allow a process 1024 files by default.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to `wanted` as far as the hard limit allows; returns the new soft limit, `None` for no limit.
pub fn raise_limit(wanted: u32) -> Option<u32> {
    let limit = getrlimit(Resource::Nofile);
    let soft = limit.current?;
    let raised = u64::from(wanted).min(limit.maximum.unwrap_or(u64::MAX));
    if raised > soft && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }).is_ok() {
        return Some(u32::try_from(raised).unwrap_or(u32::MAX));
    }
    Some(u32::try_from(soft).unwrap_or(u32::MAX))
}
