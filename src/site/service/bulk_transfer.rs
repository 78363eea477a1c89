//! 一括転送: bulk forwarding, number by number. All at once by CSV is in `bulk_csv`.

use super::{Row, Settings};
use crate::account::setting::BulkTransfer;
use crate::number::hyphenated;
use crate::site::field::{Field, Fields, Form, Reader};
use crate::site::lang::Lang;

impl Settings for BulkTransfer {
    fn fields(&self) -> Fields {
        Fields::default().with("destination", self.destination.map(hyphenated).unwrap_or_default())
    }

    fn read(reader: &mut Reader<'_>, active: bool, _: &BulkTransfer) -> BulkTransfer {
        let destination = reader.destination("destination");
        reader.require(
            !active || destination.is_some(),
            "destination",
            "開始するには、転送先の電話番号を入力してください。",
            "To start, enter the number to forward to.",
        );
        BulkTransfer { destination }
    }

    fn form(form: &Form<'_>) -> Vec<Field> {
        let hint = ("この番号にかかってきた電話の転送先です。", "Where the calls of this number go.");
        vec![form.line("destination", ("転送先の電話番号", "Destination"), hint, "tel")]
    }

    fn rows(&self, lang: Lang) -> Vec<Row> {
        let destination = self.destination.map(hyphenated).unwrap_or_default();
        vec![Row::one(lang.say("転送先の電話番号", "Destination"), &destination)]
    }
}
