//! `karipass prune`: removes old rows of the tables that would grow for ever.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use super::output::{Answer, Failure, finish, json_line, now, readable};
use crate::account::Mode;
use crate::account::{Action, AuditEntry, Pruned, Store, Write as Entry};
use crate::config::Config;
use crate::service::open_store;
use crate::time::UnixTime;

/// Rows of each kind in one transaction: calls that store a password wait for one of these at most.
const BATCH: u32 = 2000;
/// Between two transactions: a writer that waits for the store retries every few milliseconds.
const PAUSE: Duration = Duration::from_millis(20);

/// Remove old call records, audit rows, and mails that were sent or have failed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: once a day, such as from cron\n  \
    karipass prune --days 90\n\n\
    It may run while the service does. Queued mails, contracts, passwords, settings and faxes stay. The file does not\n\
    shrink: freed space is reused. The audit records what was removed.")]
pub(super) struct Args {
    /// Keep the rows of the last N days
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `karipass prune`.
pub(super) fn run(args: &Args, config: &Config) -> ExitCode {
    finish(|out| perform(args, config, now(), out))
}

fn perform(args: &Args, config: &Config, now: UnixTime, out: &mut dyn Write) -> Result<Answer, Failure> {
    let before = UnixTime(now.0.saturating_sub(i64::from(args.days) * 24 * 60 * 60));
    let mut store = open_store(config, Mode::Existing)?;
    let pruned = prune(&mut store, before, BATCH, || std::thread::sleep(PAUSE))?;
    if pruned != Pruned::default() {
        let Pruned { calls, audit, mails } = pruned;
        let detail = format!("before {}: {calls} calls, {audit} audit rows, {mails} mails", readable(before));
        let action = Action::Other("pruned".to_owned());
        let entry =
            AuditEntry { at: now, actor: "prune".to_owned(), action, unit: None, number: None, detail: Some(detail) };
        store.commit(&[Entry::Audit(&entry)])?.into_iter().collect::<Result<(), _>>()?;
    }
    let Pruned { calls, audit, mails } = pruned;
    if args.json {
        json_line(out, &json!({"before": before, "calls": calls, "audit": audit, "mails": mails}))?;
    } else {
        writeln!(out, "removed of before {}: calls: {calls}, audit rows: {audit}, mails: {mails}", readable(before))?;
    }
    Ok(Answer::Yes)
}

/// In short transactions, with pauses for other writers.
fn prune(store: &mut dyn Store, before: UnixTime, batch: u32, pause: impl Fn()) -> Result<Pruned, Failure> {
    let mut sum = Pruned::default();
    loop {
        let Pruned { calls, audit, mails } = store.prune(before, batch)?;
        sum = Pruned { calls: sum.calls + calls, audit: sum.audit + audit, mails: sum.mails + mails };
        if [calls, audit, mails].into_iter().all(|removed| removed < batch as usize) {
            return Ok(sum);
        }
        pause();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::output::testing::{NOW, Ran, Scene};
    use super::*;
    use crate::account::{AuditFilter, CallFilter, CallRecord, Outcome};

    const DAY: i64 = 86_400;

    fn run(scene: &Scene, line: &str) -> Ran {
        scene.run::<Args>(line, perform)
    }

    /// One call for each of these ages in days.
    fn scene(days: &[i64]) -> Scene {
        let scene = Scene::new();
        let mut store = open_store(&scene.config(), Mode::Create).unwrap();
        for day in days {
            let at = UnixTime(NOW.0 - day * DAY);
            store.record_call(&CallRecord::new(format!("c-{day}"), at, "192.0.2.1", Outcome::HungUp)).unwrap();
        }
        scene
    }

    fn calls(scene: &Scene) -> Vec<String> {
        let store = open_store(&scene.config(), Mode::Existing).unwrap();
        store.calls(&CallFilter::default()).unwrap().into_iter().map(|call| call.id).collect()
    }

    #[test]
    fn what_is_older_goes_and_that_it_went_is_in_the_audit() {
        let scene = scene(&[100, 91, 90, 1]);
        let told = "removed of before 2026-02-27T20:26:40Z: calls: 2, audit rows: 0, mails: 0\n";
        assert_eq!(run(&scene, "--days 90"), Ran::yes(told));
        assert_eq!(calls(&scene), ["c-90", "c-1"]);
        let store = open_store(&scene.config(), Mode::Existing).unwrap();
        let [entry] = store.audit(&AuditFilter::default()).unwrap().try_into().unwrap();
        assert_eq!((entry.actor.as_str(), entry.action.name(), entry.at), ("prune", "pruned", NOW));
        // nothing more to do, and nothing to report
        let nothing = "{\"audit\":0,\"before\":1772224000,\"calls\":0,\"mails\":0}\n";
        assert_eq!(run(&scene, "--days 90 --json"), Ran::yes(nothing));
        assert_eq!(store.audit(&AuditFilter::default()).unwrap().len(), 1);
    }

    #[test]
    fn much_goes_in_short_transactions_with_pauses() {
        let scene = scene(&(100..107).collect::<Vec<_>>());
        let mut store = open_store(&scene.config(), Mode::Existing).unwrap();
        let pauses = std::cell::Cell::new(0);
        let sum = prune(&mut store, NOW, 2, || pauses.set(pauses.get() + 1)).unwrap();
        assert_eq!((sum.calls, pauses.get()), (7, 3));
        assert_eq!(calls(&scene), [""; 0]);
    }

    #[test]
    fn days_are_told_and_at_least_one() {
        let scene = scene(&[100]);
        for line in ["", "--days 0", "--days -1", "--days many"] {
            assert_eq!(run(&scene, line).exit, 2, "{line}");
        }
        assert_eq!(calls(&scene), ["c-100"]);
        assert_eq!(run(&Scene::new(), "--days 1").exit, 3);
        assert!(Scene::help::<Args>(&[]).contains("karipass prune --days"));
    }
}
