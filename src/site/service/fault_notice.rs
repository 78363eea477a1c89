//! 故障・回復通知: notices of a fault and of its end.

use super::{Row, Settings};
use crate::account::setting::FaultNotice;
use crate::site::field::{Field, Fields, Form, Reader};
use crate::site::lang::Lang;

const ADDRESSES: usize = 10;

impl Settings for FaultNotice {
    fn fields(&self) -> Fields {
        let yes = |on: bool| if on { "yes" } else { "" };
        Fields::default()
            .with("contractor", &*self.contractor)
            .with("site", &*self.site)
            .with("addresses", self.addresses.join("\n"))
            .with("start_bulk_transfer", yes(self.start_bulk_transfer))
            .with("stop_bulk_transfer", yes(self.stop_bulk_transfer))
    }

    fn read(reader: &mut Reader<'_>, active: bool, _: &FaultNotice) -> FaultNotice {
        let asked = FaultNotice {
            contractor: reader.line("contractor", 60),
            site: reader.line("site", 120),
            addresses: reader.addresses("addresses", ADDRESSES),
            start_bulk_transfer: reader.checked("start_bulk_transfer"),
            stop_bulk_transfer: reader.checked("stop_bulk_transfer"),
        };
        reader.require(
            !active || !asked.addresses.is_empty(),
            "addresses",
            "開始するには、メールアドレスを1件以上入力してください。",
            "To start, enter at least one mail address.",
        );
        asked
    }

    fn form(form: &Form<'_>) -> Vec<Field> {
        vec![
            form.line(
                "contractor",
                ("ご契約者名", "Contractor"),
                ("メールに記載されます。", "Stands in the mail."),
                "text",
            ),
            form.line(
                "site",
                ("設置場所", "Site"),
                ("メールに記載されます。例: 大阪本社ビル 3階", "Stands in the mail, such as: Osaka office, 3rd floor"),
                "text",
            ),
            form.lines(
                "addresses",
                ("お知らせ先メールアドレス", "Mail addresses"),
                ("1行に1件、10件まで。", "One a line, up to 10."),
                "email",
            ),
            form.check(
                "start_bulk_transfer",
                ("故障したら一括転送を自動で開始する", "Start bulk forwarding by itself on a fault"),
            ),
            form.check(
                "stop_bulk_transfer",
                ("回復したら一括転送を自動で停止する", "Stop bulk forwarding by itself on recovery"),
            ),
        ]
    }

    fn rows(&self, lang: Lang) -> Vec<Row> {
        let by_itself = |on: bool| if on { lang.say("する", "Yes") } else { lang.say("しない", "No") };
        vec![
            Row::one(lang.say("ご契約者名", "Contractor"), &self.contractor),
            Row::one(lang.say("設置場所", "Site"), &self.site),
            Row::new(lang.say("お知らせ先メールアドレス", "Mail addresses"), self.addresses.clone()),
            Row::one(
                lang.say("故障時の一括転送の自動開始", "Start bulk forwarding on a fault"),
                by_itself(self.start_bulk_transfer),
            ),
            Row::one(
                lang.say("回復時の一括転送の自動停止", "Stop bulk forwarding on recovery"),
                by_itself(self.stop_bulk_transfer),
            ),
        ]
    }
}
