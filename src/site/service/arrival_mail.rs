//! 着信お知らせメール: mails about calls.

use super::{Row, Settings};
use crate::account::setting::ArrivalMail;
use crate::number::hyphenated;
use crate::site::field::{Field, Fields, Form, Reader, one_a_line};
use crate::site::lang::Lang;

const ADDRESSES: usize = 5;
const LISTED: usize = 100;

impl Settings for ArrivalMail {
    fn fields(&self) -> Fields {
        Fields::default()
            .with("addresses", self.addresses.join("\n"))
            .with("callers", if self.only_listed { "listed" } else { "all" })
            .with("listed", one_a_line(&self.listed))
    }

    fn read(reader: &mut Reader<'_>, active: bool, _: &ArrivalMail) -> ArrivalMail {
        let asked = ArrivalMail {
            addresses: reader.addresses("addresses", ADDRESSES),
            only_listed: reader.choice("callers", &[("all", false), ("listed", true)]).unwrap_or_default(),
            listed: reader.numbers("listed", LISTED),
        };
        reader.require(
            !active || !asked.addresses.is_empty(),
            "addresses",
            "開始するには、メールアドレスを1件以上入力してください。",
            "To start, enter at least one mail address.",
        );
        reader.require(
            !active || !asked.only_listed || !asked.listed.is_empty(),
            "listed",
            "お知らせする電話番号を1件以上入力してください。",
            "Enter at least one number to be told about.",
        );
        asked
    }

    fn form(form: &Form<'_>) -> Vec<Field> {
        vec![
            form.lines(
                "addresses",
                ("お知らせ先メールアドレス", "Mail addresses"),
                ("1行に1件、5件まで。", "One a line, up to 5."),
                "email",
            ),
            form.choice(
                "callers",
                ("お知らせする着信", "Calls to be told about"),
                &[
                    ("all", "すべての着信", "All calls"),
                    ("listed", "登録した番号からの着信だけ", "Only calls from listed numbers"),
                ],
            ),
            form.lines(
                "listed",
                ("登録する電話番号", "Listed numbers"),
                ("1行に1件、100件まで。", "One a line, up to 100."),
                "tel",
            ),
        ]
    }

    fn rows(&self, lang: Lang) -> Vec<Row> {
        let callers = match self.only_listed {
            true => lang.say("登録した番号からの着信だけ", "Only calls from listed numbers"),
            false => lang.say("すべての着信", "All calls"),
        };
        vec![
            Row::new(lang.say("お知らせ先メールアドレス", "Mail addresses"), self.addresses.clone()),
            Row::one(lang.say("お知らせする着信", "Calls to be told about"), callers),
            Row::new(
                lang.say("登録する電話番号", "Listed numbers"),
                self.listed.iter().map(|number| hyphenated(*number)).collect(),
            ),
        ]
    }
}
