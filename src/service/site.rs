//! From the configuration to the settings site.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;

use super::beside::http_limits;
use super::certificates::Certificates;
use super::stores::open_store;
use crate::account::Mode;
use crate::config::{self, Config};
use crate::net::clock::time_of_day;
use crate::net::tls::Identity;
use crate::site::{Options, PageOptions, Rules, Security};

/// A refused login is answered no sooner than this after it came: longer than the hashing takes.
const REFUSAL_AFTER: Duration = Duration::from_millis(400);

/// `linphone`: what Linphone sets itself up from, where there is an example contract.
pub(super) fn options(config: &Config, certificates: &Certificates, linphone: Option<String>) -> Options {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let length = &config.site.password_length;
    let for_stores = config.clone();
    let pages = PageOptions {
        security: security(&config.site, certificates.site.as_ref()),
        service_number: config.sip.service_number,
        open_store: Box::new(move || Ok(Box::new(open_store(&for_stores, Mode::Existing)?))),
        cost: config.store.hash_cost,
        hashers: config.limits.hash_workers as usize,
        clock: Arc::new(time_of_day),
        random: Arc::new(|| rand::rng().random()),
        rules: Rules {
            fewest: (*length.start()).into(),
            most: (*length.end()).into(),
            letters_and_digits: config.site.password_letters_and_digits,
            valid_seconds: i64::from(config.site.password_days) * 24 * 60 * 60,
        },
        idle_seconds: seconds(config.site.idle_timeout),
        logins_per_minute: config.site.logins_per_minute,
        proxies: config.site.trusted_proxies.clone(),
        refusal_after: REFUSAL_AFTER,
        sends_mail: config.mail.smtp.is_some(),
        linphone,
    };
    Options { listen: config.site.listen, limits: http_limits(config), pages }
}

fn security(site: &config::Site, identity: Option<&Arc<Identity>>) -> Security {
    match identity {
        Some(identity) => Security::Here(identity.config()),
        None if site.behind_tls => Security::Before,
        None => Security::Plain,
    }
}
