//! Which paths lead to this site and nowhere else: where a login or the language switch may go on to.

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
