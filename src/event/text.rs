//! The mails' words: Japanese, plain text. The sender adds the links beneath.

use crate::account::setting::FaultNotice;
use crate::number::{CallingNumber, PhoneNumber, hyphenated};
use crate::time::UnixTime;

/// What became of a number's bulk forwarding at a fault or a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forwarding {
    Started(PhoneNumber),
    Already(PhoneNumber),
    Nowhere,
    NotContracted,
    LeftAlone,
    Stopped,
    GoesOn(PhoneNumber),
    Off,
}

impl Forwarding {
    fn words(self) -> String {
        match self {
            Forwarding::Started(to) => format!("自動で開始しました（転送先 {}）", hyphenated(to)),
            Forwarding::Already(to) => format!("すでに開始しています（転送先 {}）", hyphenated(to)),
            Forwarding::Nowhere => "転送先が設定されていないため、開始していません".to_owned(),
            Forwarding::NotContracted => "ご契約がないため、開始していません".to_owned(),
            Forwarding::LeftAlone => "自動では開始しない設定です".to_owned(),
            Forwarding::Stopped => "自動で停止しました".to_owned(),
            Forwarding::GoesOn(to) => format!("自動では停止しない設定です（転送中、転送先 {}）", hyphenated(to)),
            Forwarding::Off => "停止しています".to_owned(),
        }
    }
}

/// A mail's subject and text.
#[derive(Clone)]
pub(super) struct Words {
    pub(super) subject: String,
    pub(super) body: String,
}

pub(super) fn arrival(caller: Option<CallingNumber>, called: PhoneNumber, now: UnixTime) -> Words {
    let rows = [("着信日時", now.in_japan()), ("発信者番号", shown(caller)), ("着信番号", hyphenated(called))];
    letter(
        format!("【karipass】着信のお知らせ {}", hyphenated(called)),
        "",
        &format!("{} に着信がありました。", hyphenated(called)),
        &rows,
    )
}

pub(super) fn fault(notice: &FaultNotice, number: PhoneNumber, forwarding: Forwarding, now: UnixTime) -> Words {
    about_line(notice, number, forwarding, now, FAULT)
}

pub(super) fn recovery(notice: &FaultNotice, number: PhoneNumber, forwarding: Forwarding, now: UnixTime) -> Words {
    about_line(notice, number, forwarding, now, RECOVERY)
}

/// The words for what happened to a line.
struct Happening {
    what: &'static str,
    sentence: &'static str,
    when: &'static str,
}

const FAULT: Happening =
    Happening { what: "故障発生", sentence: "回線の故障が発生しました。", when: "発生日時" };
const RECOVERY: Happening =
    Happening { what: "故障回復", sentence: "回線の故障が回復しました。", when: "回復日時" };

fn about_line(
    notice: &FaultNotice,
    number: PhoneNumber,
    forwarding: Forwarding,
    now: UnixTime,
    Happening { what, sentence, when }: Happening,
) -> Words {
    let mut rows = vec![(when, now.in_japan()), ("電話番号", hyphenated(number))];
    if !notice.site.is_empty() {
        rows.push(("設置場所", notice.site.clone()));
    }
    rows.push(("一括転送", forwarding.words()));
    letter(format!("【karipass】{what}のお知らせ {}", hyphenated(number)), &notice.contractor, sentence, &rows)
}

pub(super) fn fax(caller: Option<CallingNumber>, called: PhoneNumber, pages: u32, now: UnixTime) -> Words {
    let rows = [
        ("受信日時", now.in_japan()),
        ("発信者番号", shown(caller)),
        ("受信番号", hyphenated(called)),
        ("枚数", format!("{pages}枚")),
    ];
    letter(
        format!("【karipass】FAX受信のお知らせ {}", hyphenated(called)),
        "",
        &format!("{} でFAXを受信しました。", hyphenated(called)),
        &rows,
    )
}

pub(super) fn confirmation(number: PhoneNumber) -> Words {
    letter(
        format!("【karipass】メールアドレス確認のお願い {}", hyphenated(number)),
        "",
        "FAXお知らせメールの送信先として、このメールアドレスが登録されました。\r\n\
         24時間以内に下のリンクを開き、確認のボタンを押すと、お知らせが届くようになります。\r\n\
         お心当たりがない場合は、このメールを破棄してください。",
        &[("電話番号", hyphenated(number))],
    )
}

fn shown(caller: Option<CallingNumber>) -> String {
    caller.map_or_else(|| "非通知".to_owned(), CallingNumber::shown)
}

fn letter(subject: String, to: &str, what: &str, rows: &[(&str, String)]) -> Words {
    let mut body = if to.is_empty() { String::new() } else { format!("{to} 様\r\n\r\n") };
    body += what;
    body += "\r\n\r\n";
    for (name, value) in rows {
        body += &format!("■{name}: {value}\r\n");
    }
    Words { subject, body }
}
