//! The spellings of a line's user name in phones.
//!
//! HA1 is a hash of user name, realm and password, so a name that is written otherwise needs a key of its own, and can have one
//! only while the password is at hand. These are the spellings that get one, for the line 06-0000-1111:
//!
//! | spelling | from |
//! |---|---|
//! | `0600001111`, `+81600001111`, `81600001111`, `０６００００１１１１` | every phone |
//! | each of these with `@domain` | phones that put the whole address into the user name |
//! | `06-0000-1111`, `060-000-1111` …, `+81-6-0000-1111` … | people who type it as it is printed, wherever the area code ends |

use crate::number::PhoneNumber;

/// All of them; `domains` are the hosts that may stand behind `@`: the realm, and the addresses by which we are reached.
pub fn user_names(line: PhoneNumber, domains: &[String]) -> Vec<String> {
    let national = line.as_str();
    let after_zero = national.strip_prefix('0').unwrap_or(national);
    let wide = national
        .chars()
        .map(|digit| digit.to_digit(10).map_or(digit, |d| WIDE.get(d as usize).copied().unwrap_or(digit)));
    let plain = [national.to_owned(), format!("+81{after_zero}"), format!("81{after_zero}"), wide.collect()];
    let mut names: Vec<String> = plain.to_vec();
    for domain in domains {
        names.extend(plain.iter().map(|name| format!("{name}@{domain}")));
    }
    for printed in printed(national) {
        names.push(printed.replacen('0', "+81-", 1));
        names.push(printed);
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

const WIDE: [char; 10] = ['０', '１', '２', '３', '４', '５', '６', '７', '８', '９'];

/// With hyphens: mobile numbers 3-4-4, others with an area code of two to five digits before the last four, and 0120-000-111.
fn printed(national: &str) -> Vec<String> {
    let cut = |first: usize, second: usize| {
        let (area, rest) = national.split_at_checked(first)?;
        let (exchange, own) = rest.split_at_checked(second)?;
        Some(format!("{area}-{exchange}-{own}"))
    };
    match national.len() {
        11 => cut(3, 4).into_iter().collect(),
        length => {
            let areas = (2..=5).filter_map(|area| cut(area, length.checked_sub(4 + area)?));
            areas.chain(cut(4, 3)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(line: &str, domains: &[&str]) -> Vec<String> {
        let domains: Vec<String> = domains.iter().map(|domain| (*domain).to_owned()).collect();
        user_names(PhoneNumber::parse(line).unwrap(), &domains)
    }

    #[test]
    fn every_writing_names_the_line_and_no_two_are_alike() {
        for line in ["0600001111", "0312345678", "09012345678", "05012345678", "0120000111"] {
            let all = names(line, &["karipass", "192.0.2.1", "192.0.2.1:5060"]);
            for name in &all {
                let user = name.split('@').next().unwrap();
                let international = if user.starts_with("81") { format!("+{user}") } else { user.to_owned() };
                assert_eq!(PhoneNumber::parse(&international).unwrap().as_str(), line, "{name}");
            }
            let unique: std::collections::HashSet<&String> = all.iter().collect();
            assert_eq!(unique.len(), all.len());
        }
    }

    #[test]
    fn the_usual_writings_are_among_them() {
        let all = names("0600001111", &["karipass", "192.0.2.1"]);
        for name in [
            "0600001111",
            "+81600001111",
            "81600001111",
            "０６００００１１１１",
            "0600001111@karipass",
            "+81600001111@192.0.2.1",
            "06-0000-1111",
            "+81-6-0000-1111",
        ] {
            assert!(all.iter().any(|other| other == name), "{name}");
        }
        assert!(names("09012345678", &[]).contains(&"090-1234-5678".to_owned()));
        assert!(names("0120000111", &[]).contains(&"0120-000-111".to_owned()));
        assert!(all.len() < 40, "{}", all.len());
    }
}
