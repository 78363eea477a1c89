//! Recent account activity, shown after a login. It is how a subscriber notices a login or a password that was not theirs:
//! there is no address to write to.

use super::app::App;
use super::handles::WorkError;
use super::lang::Lang;
use super::member::Newcomer;
use super::page;
use crate::account::{Action, AuditEntry, AuditFilter};
use crate::time::UnixTime;

/// The newest audit rows that are searched.
const SEARCHED: u32 = 100;
/// The limit of rows shown.
const SHOWN: usize = 10;

/// One event of the account.
pub(super) struct Row {
    pub(super) at: String,
    pub(super) what: &'static str,
}

/// Recent activity, and the part of it that is shown at once after a login.
pub(super) struct Recent {
    pub(super) lines: Vec<Row>,
    /// The login before this session's; empty when there was none.
    pub(super) last_login: String,
    /// Wrong passwords since then.
    pub(super) wrong: usize,
}

pub(super) async fn of(app: &App, newcomer: &Newcomer) -> Result<Recent, WorkError> {
    let (unit, number) = (newcomer.session.unit, newcomer.session.number);
    let filter = AuditFilter { number: Some(number), unit: Some(unit), last: Some(SEARCHED) };
    let mut rows = app.handles.store(move |store| store.audit(&filter)).await?;
    rows.reverse();
    Ok(summary(&rows, newcomer.session.created_at, newcomer.lang))
}

/// From audit rows, the newest first.
fn summary(rows: &[AuditEntry], session_began: UnixTime, lang: Lang) -> Recent {
    let login = rows.iter().find(|row| row.action == Action::LoggedIn && row.at < session_began).map(|row| row.at);
    let is_since = |row: &&AuditEntry| row.action == Action::Wrong && login.is_none_or(|login| row.at > login);
    let lines = rows.iter().filter_map(|row| {
        let what = what(&row.action, lang)?;
        Some(Row { at: page::local_time(row.at, lang), what })
    });
    Recent {
        lines: lines.take(SHOWN).collect(),
        last_login: login.map(|at| page::local_time(at, lang)).unwrap_or_default(),
        wrong: rows.iter().filter(is_since).count(),
    }
}

fn what(action: &Action, lang: Lang) -> Option<&'static str> {
    Some(match action {
        Action::TemporarySet => lang.say("お電話による仮パスワードの設定", "A temporary password was set by telephone"),
        Action::PasswordSet => lang.say("パスワードの設定", "The password was set"),
        Action::Wrong => lang.say("パスワードの間違い", "A wrong password"),
        Action::Expired => lang.say("期限切れの仮パスワードの入力", "A temporary password that had run out"),
        Action::Locked => {
            lang.say("ログインの一時停止（続けて間違えたため）", "The login was locked after wrong passwords")
        }
        Action::Unlocked => lang.say("ログインの一時停止の解除", "The lock was lifted"),
        Action::LoggedIn => lang.say("ログイン", "Logged in"),
        // a verified password is already shown as a login; the rest is not the account's
        Action::Verified
        | Action::LoggedOut
        | Action::ContractSaved
        | Action::ContractRemoved
        | Action::NumberRemoved
        | Action::LinePasswordSet
        | Action::LinePasswordRemoved
        | Action::LineWrong
        | Action::LineLocked
        | Action::Other(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: i64, action: Action) -> AuditEntry {
        AuditEntry { at: UnixTime(at), actor: "site".to_owned(), action, unit: None, number: None, detail: None }
    }

    #[test]
    fn wrong_passwords_count_from_the_login_before() {
        let rows = [
            row(500, Action::Wrong),
            row(400, Action::LoggedIn),
            row(390, Action::Wrong),
            row(300, Action::Verified),
            row(200, Action::LoggedIn),
            row(100, Action::Wrong),
        ];
        let recent = summary(&rows, UnixTime(400), Lang::English);
        assert_eq!((recent.wrong, recent.lines.len()), (2, 5));
        assert_eq!(recent.last_login, page::local_time(UnixTime(200), Lang::English));
        let first = summary(&rows, UnixTime(200), Lang::English);
        assert_eq!((first.wrong, first.last_login.as_str()), (3, ""), "a first login");
    }
}
