//! Header field names: the compact forms and the full ones.

/// Compact form and full name, as the IANA registry "SIP Header Fields" has them.
const COMPACT: [(&str, &str); 20] = [
    ("a", "Accept-Contact"),
    ("b", "Referred-By"),
    ("c", "Content-Type"),
    ("d", "Request-Disposition"),
    ("e", "Content-Encoding"),
    ("f", "From"),
    ("i", "Call-ID"),
    ("j", "Reject-Contact"),
    ("k", "Supported"),
    ("l", "Content-Length"),
    ("m", "Contact"),
    ("n", "Identity-Info"),
    ("o", "Event"),
    ("r", "Refer-To"),
    ("s", "Subject"),
    ("t", "To"),
    ("u", "Allow-Events"),
    ("v", "Via"),
    ("x", "Session-Expires"),
    ("y", "Identity"),
];

/// The compact name of a full one, any other name as it is.
pub fn compact(name: &str) -> &str {
    COMPACT.iter().find(|(_, full)| full.eq_ignore_ascii_case(name)).map_or(name, |&(compact, _)| compact)
}

/// The full name of a compact one, any other name as it is.
pub fn full(name: &str) -> &str {
    match name.len() {
        1 => COMPACT.iter().find(|(compact, _)| compact.eq_ignore_ascii_case(name)).map_or(name, |&(_, full)| full),
        _ => name,
    }
}
