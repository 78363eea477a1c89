//! Japanese, and English at a switch.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};

use super::field::Fields;
use super::{Shared, cookie};

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

    /// As the browser's cookie says.
    pub(super) fn of(headers: &HeaderMap) -> Lang {
        match cookie::read(headers, cookie::LANGUAGE) {
            Some("en") => Lang::English,
            Some(_) | None => Lang::Japanese,
        }
    }
}

pub(super) async fn switch(State(app): State<Shared>, uri: Uri) -> Response {
    let asked = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let lang = if asked.is("to", "en") { Lang::English } else { Lang::Japanese };
    let back = asked.find("back").filter(|path| is_own_path(path)).unwrap_or("/");
    let mut response = Redirect::to(back).into_response();
    cookie::add(&mut response, cookie::language(lang, app.secure));
    response
}

/// A path of this site and nothing that a browser could take for another one. The login page's has another one in it.
pub(super) fn is_own_path(path: &str) -> bool {
    let inner = ["%2F", "%3F", "%3D", "%26"].into_iter().fold(path.to_owned(), |path, code| path.replace(code, "-"));
    path.starts_with('/')
        && !path.starts_with("//")
        && inner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '?' | '=' | '&'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_leads_nowhere_else() {
        for own in ["/", "/voicewarp?number=0600001111", "/fax-mail", "/login?back=%2Ffax-mail%3Fnumber%3D1"] {
            assert!(is_own_path(own), "{own}");
        }
        for other in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a%0d%0ab",
            "/x:y",
            "/@evil",
            "%2F%2Fevil",
        ] {
            assert!(!is_own_path(other), "{other}");
        }
    }
}
