//! What the registrar keeps of a line's password: its hashes for every spelling of the user name.

use crate::account::{LinePassword, UserName};
use crate::config::Config;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::sip::digest::{Algorithm, Ha1, habit};

/// Hashes `password` for the configured realm and every way in which the line's telephone may write its user name.
pub fn line_password(config: &Config, number: PhoneNumber, password: &Secret) -> LinePassword {
    let realm = config.sip.realm.clone();
    let hashed = |user_name: String| {
        let key = Ha1::derive(&user_name, &realm, password);
        let ha1 = |algorithm| key.expose(algorithm).to_owned();
        UserName { ha1_sha256: ha1(Algorithm::Sha256), ha1_md5: ha1(Algorithm::Md5), user_name }
    };
    let user_names = habit::user_names(number, &domains(config)).into_iter().map(hashed).collect();
    LinePassword { number, realm, user_names }
}

/// The hosts by which a telephone may call this server.
fn domains(config: &Config) -> Vec<String> {
    let sip = &config.sip;
    let mut domains = vec![sip.realm.replace(' ', "")];
    for listen in &sip.listen {
        let address = listen.address;
        let reached = if address.ip().is_unspecified() { sip.advertise } else { Some(address.ip()) };
        if let Some(ip) = reached {
            let bracketed = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
            domains.push(format!("{bracketed}:{}", address.port()));
            domains.push(bracketed);
        }
    }
    domains.extend(sip.advertise.map(|ip| ip.to_string()));
    domains.extend(sip.domains.iter().cloned());
    domains
}
