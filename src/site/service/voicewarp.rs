//! ボイスワープ: call forwarding.

use super::{Row, Settings};
use crate::account::setting::{Condition, RingSeconds, Select, Voicewarp};
use crate::number::hyphenated;
use crate::site::field::{Field, Fields, Form, Kind, Reader, Slot, narrow, one_a_line};
use crate::site::lang::Lang;

const CONDITIONS: [(&str, Condition); 4] = [
    ("always", Condition::Always),
    ("no-answer", Condition::NoAnswer),
    ("busy", Condition::Busy),
    ("no-answer-or-busy", Condition::NoAnswerOrBusy),
];
const SELECTS: [(&str, Select); 3] =
    [("off", Select::Off), ("forward-listed", Select::ForwardListed), ("ring-listed", Select::RingListed)];
const PLACES: [(&str, u8); 4] = [("1", 0), ("2", 1), ("3", 2), ("4", 3)];
const SLOTS: [&str; 4] = ["destination1", "destination2", "destination3", "destination4"];
const LISTED: usize = 100;

impl Settings for Voicewarp {
    fn fields(&self) -> Fields {
        let mut fields = Fields::default()
            .with("condition", word(&CONDITIONS, self.condition))
            .with("ring_seconds", self.ring_seconds.0.to_string())
            .with("in_use", word(&PLACES, self.in_use))
            .with("select", word(&SELECTS, self.select))
            .with("listed", one_a_line(&self.listed));
        for (name, destination) in SLOTS.iter().zip(self.destinations) {
            fields = fields.with(name, destination.map(hyphenated).unwrap_or_default());
        }
        fields
    }

    fn read(reader: &mut Reader<'_>, active: bool, before: &Voicewarp) -> Voicewarp {
        let asked = Voicewarp {
            condition: reader.choice("condition", &CONDITIONS).unwrap_or_default(),
            ring_seconds: ring_seconds(reader, before),
            destinations: SLOTS.map(|name| reader.destination(name)),
            in_use: reader.choice("in_use", &PLACES).unwrap_or_default(),
            select: reader.choice("select", &SELECTS).unwrap_or_default(),
            listed: reader.numbers("listed", LISTED),
        };
        let name = SLOTS.get(usize::from(asked.in_use)).copied().unwrap_or_default();
        let in_use = asked.destinations.get(usize::from(asked.in_use)).copied().flatten();
        reader.require(
            !active || in_use.is_some(),
            name,
            "開始するには、使用する転送先の電話番号を入力してください。",
            "To start, enter the number of the destination in use.",
        );
        reader.require(
            !active || asked.select == Select::Off || !asked.listed.is_empty(),
            "listed",
            "セレクト機能を使うには、電話番号を1件以上登録してください。",
            "To select callers, register at least one number.",
        );
        asked
    }

    fn form(form: &Form<'_>) -> Vec<Field> {
        vec![
            form.choice(
                "condition",
                ("転送の条件", "When to forward"),
                &[
                    ("always", "すべて転送（無条件）", "Always"),
                    ("no-answer", "応答がないとき", "When nobody answers"),
                    ("busy", "話し中のとき", "When busy"),
                    ("no-answer-or-busy", "応答がないとき・話し中のとき", "When nobody answers, or busy"),
                ],
            ),
            form.line(
                "ring_seconds",
                ("呼び出し秒数", "Seconds of ringing"),
                (
                    "応答がないときに転送するまでの秒数（5〜60秒）",
                    "Before a call that nobody answers is forwarded: 5 to 60",
                ),
                "numeric",
            ),
            destinations(form),
            form.choice(
                "select",
                ("セレクト機能", "Select by caller"),
                &[
                    ("off", "使わない", "Off"),
                    (
                        "forward-listed",
                        "登録した番号からの電話だけを転送する",
                        "Forward only calls from listed numbers",
                    ),
                    ("ring-listed", "登録した番号からの電話は転送しない", "Ring here for calls from listed numbers"),
                ],
            ),
            form.lines(
                "listed",
                ("登録する電話番号", "Listed numbers"),
                ("1行に1件、100件まで。行を消すと削除されます。", "One a line, up to 100. Remove a line to delete it."),
                "tel",
            ),
        ]
    }

    fn rows(&self, lang: Lang) -> Vec<Row> {
        let place = usize::from(self.in_use) + 1;
        let seconds = format!("{}{}", self.ring_seconds.0, lang.say("秒", " seconds"));
        let destination = |(index, number): (usize, _)| {
            let mark = if index + 1 == place { lang.say("（使用中）", " (in use)") } else { "" };
            format!("{}. {}{mark}", index + 1, hyphenated(number))
        };
        let set = self.destinations.iter().enumerate().filter_map(|(index, number)| Some((index, (*number)?)));
        vec![
            Row::one(lang.say("転送の条件", "When to forward"), condition(self.condition, lang)),
            Row::one(lang.say("呼び出し秒数", "Seconds of ringing"), &seconds),
            Row::new(lang.say("転送先", "Destinations"), set.map(destination).collect()),
            Row::one(lang.say("セレクト機能", "Select by caller"), select(self.select, lang)),
            Row::new(
                lang.say("登録する電話番号", "Listed numbers"),
                self.listed.iter().map(|number| hyphenated(*number)).collect(),
            ),
        ]
    }
}

fn ring_seconds(reader: &mut Reader<'_>, before: &Voicewarp) -> RingSeconds {
    let digits = narrow(reader.fields.text("ring_seconds"));
    let seconds = digits.parse().ok().filter(|seconds| (5..=60).contains(seconds));
    reader.require(
        seconds.is_some(),
        "ring_seconds",
        "5〜60の数字を入力してください。",
        "Enter a number from 5 to 60.",
    );
    seconds.map_or(before.ring_seconds, RingSeconds)
}

fn destinations(form: &Form<'_>) -> Field {
    let slot = |(index, name): (usize, &&str)| Slot {
        place: index + 1,
        value: form.fields.text(name).to_owned(),
        in_use: form.fields.is("in_use", &(index + 1).to_string()),
        error: form.mistakes.of(name),
    };
    let slots = SLOTS.iter().enumerate().map(slot).collect();
    let hint = ("使用する転送先を選んでください。", "Choose the one in use.");
    form.field("in_use", ("転送先（4件まで）", "Destinations (up to 4)"), hint, Kind::Slots(slots))
}

fn word<T: PartialEq + Copy>(choices: &[(&'static str, T)], value: T) -> &'static str {
    choices.iter().find(|(_, other)| *other == value).map_or("", |(word, _)| word)
}

fn condition(condition: Condition, lang: Lang) -> &'static str {
    match condition {
        Condition::Always => lang.say("すべて転送（無条件）", "Always"),
        Condition::NoAnswer => lang.say("応答がないとき", "When nobody answers"),
        Condition::Busy => lang.say("話し中のとき", "When busy"),
        Condition::NoAnswerOrBusy => lang.say("応答がないとき・話し中のとき", "When nobody answers, or busy"),
    }
}

fn select(select: Select, lang: Lang) -> &'static str {
    match select {
        Select::Off => lang.say("使わない", "Off"),
        Select::ForwardListed => lang.say("登録した番号だけ転送", "Forward listed callers only"),
        Select::RingListed => lang.say("登録した番号は転送しない", "Ring for listed callers"),
    }
}
