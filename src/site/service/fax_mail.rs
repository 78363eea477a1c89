//! FAXお知らせメール: received faxes are kept, and announced by mail.

use super::{Row, Settings};
use crate::account::setting::FaxMail;
use crate::site::field::{Field, Fields, Form, Reader, bad_address, is_mail_address, narrow};
use crate::site::lang::Lang;

impl Settings for FaxMail {
    fn fields(&self) -> Fields {
        Fields::default().with("address", &*self.address)
    }

    fn read(reader: &mut Reader<'_>, active: bool, before: &FaxMail) -> FaxMail {
        let address = narrow(reader.fields.text("address"));
        let fits = is_mail_address(&address) || (address.is_empty() && !active);
        if !fits {
            reader.mistakes.add("address", bad_address(reader.lang));
        }
        // another address has to be confirmed by its owner again
        FaxMail { confirmed: before.confirmed && before.address == address, address }
    }

    fn form(form: &Form<'_>) -> Vec<Field> {
        let hint = ("受信をお知らせするメールアドレスです。", "Where you are told of received faxes.");
        vec![form.line("address", ("メールアドレス", "Mail address"), hint, "email")]
    }

    fn rows(&self, lang: Lang) -> Vec<Row> {
        let state = match (self.address.is_empty(), self.confirmed) {
            (true, _) => "",
            (false, true) => lang.say("確認済み", "Confirmed"),
            (false, false) => lang.say("未確認", "Not confirmed yet"),
        };
        vec![
            Row::one(lang.say("メールアドレス", "Mail address"), &self.address),
            Row::one(lang.say("アドレスの確認", "Confirmation"), state),
        ]
    }
}
