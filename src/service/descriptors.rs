//! How many calls there are file descriptors for: many systems allow a process 1024 open files unless asked for more.

use super::error::StartError;
use crate::config::{Config, Limits};
use crate::net::descriptors::raise_limit;

/// The descriptors of a call: RTP and RTCP.
const DESCRIPTORS_A_CALL: u32 = 2;
/// Set aside for all that is neither a call nor a connection: listeners, the store, traces, queues.
const DESCRIPTORS_FOR_THE_REST: u32 = 256;

/// The calls that there are descriptors for, where the system allows fewer than the configuration.
pub(super) fn affordable_calls(config: &Config) -> Result<u32, StartError> {
    let (wanted, descriptors) = (config.limits.calls, wanted_descriptors(&config.limits));
    let pairs = config.rtp.ports.pairs().count();
    if !config.rtp.ports.is_any() && pairs < wanted as usize {
        tracing::warn!(wanted, pairs, "rtp.ports has room for fewer calls than limits.calls");
    }
    let Some(allowed) = raise_limit(descriptors).filter(|allowed| *allowed < descriptors) else {
        return Ok(wanted);
    };
    let calls = (allowed.saturating_sub(DESCRIPTORS_FOR_THE_REST) / DESCRIPTORS_A_CALL).min(wanted);
    if calls == 0 {
        return Err(StartError::Descriptors { allowed, wanted: descriptors });
    }
    if calls < wanted {
        tracing::warn!(wanted, calls, "the system allows too few open files: fewer calls are taken");
    } else {
        tracing::warn!(allowed, descriptors, "open files may run out when all connections are taken too");
    }
    Ok(calls)
}

/// What all calls and connections at once take.
fn wanted_descriptors(limits: &Limits) -> u32 {
    let connections = limits.http_connections.saturating_mul(2).saturating_add(limits.connections);
    let calls = limits.calls.saturating_mul(DESCRIPTORS_A_CALL);
    calls.saturating_add(connections).saturating_add(DESCRIPTORS_FOR_THE_REST)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn there_are_descriptors_for_calls_and_connections_at_once() {
        // two for each of 1000 calls, 1000 connections of SIP, 512 of the site, 512 of the API, and some for the rest
        assert_eq!(wanted_descriptors(&Config::standard().unwrap().limits), 2 * 1000 + 1000 + 512 + 512 + 256);
    }
}
