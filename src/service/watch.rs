//! Whether the account store is still the one that was opened: a service that has lost it can only refuse, so it ends, and
//! its supervisor starts it with what has the store's name now.

use std::time::Duration;

use tracing::error;

use super::stop::Stop;
use crate::account::{Presence, StoreError};

/// Between two looks at the files.
const EVERY: Duration = Duration::from_secs(1);

/// Looks at the files until they are lost; then asks for a stop that waits for no running call, since none of them could
/// store anything any more.
pub(super) async fn until_lost(presence: Presence, stop: Stop) -> Option<StoreError> {
    let mut before = None;
    loop {
        tokio::time::sleep(EVERY).await;
        let presence = presence.clone();
        // beside the loop: a disk that hangs holds up no call
        let look = tokio::task::spawn_blocking(move || presence.check()).await.ok()?;
        let lost = loss(look);
        if let Some(error) = lost_for_good(before.take(), lost.clone()) {
            error!(%error, "the service ends: it has lost its store");
            stop.ask();
            stop.ask();
            return Some(error);
        }
        before = lost;
    }
}

/// A file that may not be looked at may be there all the same: that is waited out.
fn loss(look: Result<(), StoreError>) -> Option<StoreError> {
    look.err().filter(|error| matches!(error, StoreError::Gone { .. }))
}

/// One look may fall into the moment in which a file is moved and put back.
fn lost_for_good(before: Option<StoreError>, now: Option<StoreError>) -> Option<StoreError> {
    before.and(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_lost_for_good_at_the_second_look_and_not_for_another_fault() {
        let store = || "karipass.db".to_owned();
        let gone = StoreError::Gone { store: store() };
        let unseen = StoreError::Unreachable { store: store(), why: "permission denied".to_owned() };
        assert_eq!(loss(Ok(())), None);
        assert_eq!(loss(Err(unseen)), None);
        assert_eq!(loss(Err(gone.clone())), Some(gone.clone()));
        assert_eq!(lost_for_good(None, Some(gone.clone())), None);
        assert_eq!(lost_for_good(Some(gone.clone()), None), None);
        assert_eq!(lost_for_good(Some(gone.clone()), Some(gone.clone())), Some(gone));
    }
}
