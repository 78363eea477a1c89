//! The two languages of the pages.

/// The language of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lang {
    #[default]
    Japanese,
    English,
}

impl Lang {
    /// The words in this language.
    pub(super) fn say<'a>(&self, japanese: &'a str, english: &'a str) -> &'a str {
        match self {
            Lang::Japanese => japanese,
            Lang::English => english,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        self.say("ja", "en")
    }

    pub(super) fn is_japanese(&self) -> bool {
        *self == Lang::Japanese
    }
}
