//! What each kind of setting may be, read from a value.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::network::Listen;
use super::value::{Unfit, Value};
use crate::account::Cost;
use crate::ivr::Confirm;
use crate::secret::Secret;
use crate::sip::digest::Algorithm;
use crate::sip::sdp::Srtp;

pub(super) fn each_once(listen: Vec<Listen>) -> Result<Vec<Listen>, Unfit> {
    let is_again = |(place, one): (usize, &Listen)| {
        let earlier = listen.iter().take(place);
        (one.address.port() != 0 && earlier.clone().any(|other| other == one)).then(|| one.to_string())
    };
    match listen.iter().enumerate().find_map(is_again) {
        Some(again) => Err(format!("{again} is given twice")),
        None if listen.is_empty() => Err("the list is empty".to_owned()),
        None => Ok(listen),
    }
}

/// A realm is hashed as it is, and phones differ in how they read escapes.
pub(super) fn realm(value: &Value) -> Result<String, Unfit> {
    let text = value.text()?;
    let sound = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\:".contains(&byte));
    let fits = sound && (1..=64).contains(&text.len()) && text.trim() == text;
    if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} is not a valid realm")) }
}

/// By name, as RFC 7616 §3.3 writes it, in any case.
pub(super) fn algorithms(value: &Value) -> Result<Vec<Algorithm>, Unfit> {
    let mut read = Vec::new();
    for one in value.list()? {
        let name = one.text()?;
        let algorithm =
            Algorithm::parse(name.trim()).ok_or_else(|| format!("{name:?} is not a supported digest algorithm"))?;
        if read.contains(&algorithm) {
            return Err(format!("{} is given twice", algorithm.name()));
        }
        read.push(algorithm);
    }
    if read.is_empty() { Err("the list is empty".to_owned()) } else { Ok(read) }
}

/// What may stand behind `@` in a user name.
pub(super) fn domain(value: &Value) -> Result<String, Unfit> {
    let text = value.text()?;
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} is not a host")) }
}

/// An address, or one of each family.
pub(super) fn families(value: &Value) -> Result<Vec<IpAddr>, Unfit> {
    let addresses = if let Value::Text(_) = value { vec![value.parse()?] } else { value.parse_list::<IpAddr>()? };
    match addresses.as_slice() {
        [] => Err("the list is empty".to_owned()),
        [_] => Ok(addresses),
        [one, other] if one.is_ipv4() != other.is_ipv4() => Ok(addresses),
        _ => Err("more than one address of a family".to_owned()),
    }
}

pub(super) fn file(value: &Value) -> Result<PathBuf, Unfit> {
    let path = PathBuf::from(value.text()?);
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(path),
        Ok(_) => Err(format!("{} is not a file", path.display())),
        Err(why) => Err(format!("{}: {why}", path.display())),
    }
}

pub(super) fn folder(value: &Value) -> Result<PathBuf, Unfit> {
    let path = PathBuf::from(value.text()?);
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(path),
        Ok(_) => Err(format!("{} is not a folder", path.display())),
        Err(why) => Err(format!("{}: {why}", path.display())),
    }
}

/// A folder that may be missing: a shell's `~` would be created literally.
pub(super) fn new_folder(value: &Value) -> Result<PathBuf, Unfit> {
    let text = value.text()?;
    match text {
        "" => Err("the text is empty".to_owned()),
        _ if text.starts_with("~/") => Err(format!("{text:?}: ~ is not expanded; write the full path")),
        _ => Ok(PathBuf::from(text)),
    }
}

pub(super) fn confirm(value: &Value) -> Result<Confirm, Unfit> {
    match value.text()?.trim() {
        "read-back" => Ok(Confirm::ReadBack),
        "re-enter" => Ok(Confirm::ReEnter),
        other => Err(format!("{other:?} is not a mode of confirmation")),
    }
}

pub(super) fn srtp(value: &Value) -> Result<Srtp, Unfit> {
    let name = value.text()?.trim();
    Srtp::from_name(name).ok_or_else(|| format!("{name:?} is not a mode of encryption"))
}

pub(super) fn range(value: &Value, allowed: RangeInclusive<i64>) -> Result<RangeInclusive<u8>, Unfit> {
    match value.list()?.as_slice() {
        [fewest, most] => {
            let (fewest, most) = (fewest.integer(allowed.clone())?, most.integer(allowed)?);
            if fewest <= most { Ok(fewest..=most) } else { Err(format!("{fewest} is more than {most}")) }
        }
        other => Err(format!("expected 2 numbers, found {}", other.len())),
    }
}

pub(super) fn cost(value: &Value) -> Result<Cost, Unfit> {
    const ANY: RangeInclusive<i64> = 0..=u32::MAX as i64;
    match value.list()?.as_slice() {
        [memory, passes, lanes] => Cost::new(memory.integer(ANY)?, passes.integer(ANY)?, lanes.integer(ANY)?)
            .map_err(|_| "argon2 does not accept these parameters".to_owned()),
        other => Err(format!("expected 3 numbers, found {}", other.len())),
    }
}

pub(super) fn web_address(value: &Value) -> Result<String, Unfit> {
    let text = value.text()?.trim();
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let fits = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:/[]_~".contains(c));
    if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} is not a web address")) }
}

pub(super) fn mailbox(value: &Value) -> Result<String, Unfit> {
    let text = value.text()?.trim();
    match text.parse::<lettre::message::Mailbox>() {
        Ok(_) => Ok(text.to_owned()),
        Err(why) => Err(format!("{text:?}: {why}")),
    }
}

/// The message does not show it.
pub(super) fn token(value: &Value) -> Result<Secret, Unfit> {
    let text = value.text()?.trim();
    let fits = (16..=512).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
    if fits { Ok(Secret::from(text)) } else { Err(format!("{} characters, not a valid token", text.chars().count())) }
}

pub(super) fn seconds(from: u64, to: u64) -> RangeInclusive<Duration> {
    Duration::from_secs(from)..=Duration::from_secs(to)
}
