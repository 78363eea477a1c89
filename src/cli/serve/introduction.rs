//! What `serve --demo` prints: the settings to type into a softphone, or to scan with Linphone, and what to do next.

use std::io::{self, Write};
use std::net::SocketAddr;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::account::Contract;

/// How to reach the example contract's service.
pub(super) struct Introduction<'a> {
    pub contract: &'a Contract,
    pub service_number: String,
    /// Where it takes UDP.
    pub address: SocketAddr,
}

impl Introduction<'_> {
    /// What to type into a softphone, and into a second terminal. `site` is its URL without the last slash; a code to scan is
    /// for people, who have a terminal before them.
    pub(super) fn write(&self, out: &mut dyn Write, site: &str, terminal: bool) -> io::Result<()> {
        let Introduction { contract, service_number, address } = self;
        let customer = contract.customer_number;
        writeln!(out, "\nExample contract {customer}:")?;
        for number in contract.numbers() {
            writeln!(out, "  {number}  {}", contract.services_of(number))?;
        }
        writeln!(
            out,
            "\nSoftphone on this machine (From is believed on loopback, so no password is needed):\n  \
             user name  {customer}\n  \
             domain     {address}\n  \
             transport  UDP\n  \
             register   yes or no, as you like\n  \
             codec      PCMU (G.711 u-law) or PCMA\n  \
             DTMF       RFC 4733 (RFC 2833), in-band or SIP INFO\n  \
             dial       sip:{service_number}@{address}\n\n\
             Linphone sets itself up from this address (remote configuration: type it, or scan it):\n  \
             {site}/linphone.xml"
        )?;
        if terminal {
            write!(out, "{}", scannable(&format!("{site}/linphone.xml")).unwrap_or_default())?;
        }
        writeln!(
            out,
            "\nA softphone elsewhere needs --sip and --site with an address of this machine, and a password:\n  \
             karipass line passwd {customer} --generate\n\n\
             Or without a telephone, in a second terminal:\n  \
             karipass call --to sip:{service_number}@{address} --from {customer} --unit line --password 48151623\n  \
             printf 48151623 | karipass account verify --unit line --number {customer}\n\n\
             Then log in to the settings site with it:\n  \
             {site}/\n"
        )
    }
}

/// A QR code in half blocks, two modules a character, black on white whatever the terminal's own colours are.
fn scannable(text: &str) -> Option<String> {
    const BLACK_ON_WHITE: &str = "\x1b[30;107m";
    const RESET: &str = "\x1b[0m";
    let code = QrCode::new(text).ok()?;
    let drawn = code.render::<Dense1x2>().quiet_zone(true).build();
    Some(drawn.lines().map(|line| format!("  {BLACK_ON_WHITE}{line}{RESET}\n")).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use qrcode::Color;

    use super::*;
    use crate::account::demo_contract;

    fn written(terminal: bool) -> String {
        let contract = demo_contract().unwrap();
        let address = "127.0.0.1:5060".parse().unwrap();
        let introduction = Introduction { contract: &contract, service_number: "0664806430".to_owned(), address };
        let mut out = Vec::new();
        introduction.write(&mut out, "http://127.0.0.1:8080", terminal).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_code_is_for_terminals_and_the_address_for_everybody() {
        assert!(written(true).contains("\x1b["));
        let piped = written(false);
        assert!(!piped.contains('\x1b') && !piped.contains('█'));
        for text in
            ["\n  http://127.0.0.1:8080/linphone.xml\n", "0600001111", "dial       sip:0664806430@127.0.0.1:5060"]
        {
            assert!(piped.contains(text) && written(true).contains(text), "{text}");
        }
    }

    #[test]
    fn every_module_of_the_code_is_drawn_with_a_margin_of_four() {
        let text = "http://127.0.0.1:8080/linphone.xml";
        let drawn = scannable(text).unwrap();
        let mut light: Vec<Vec<bool>> = Vec::new();
        for line in drawn.lines() {
            let line = line.strip_prefix("  \x1b[30;107m").unwrap().strip_suffix("\x1b[0m").unwrap();
            light.push(line.chars().map(|c| !matches!(c, '▀' | '█')).collect());
            light.push(line.chars().map(|c| !matches!(c, '▄' | '█')).collect());
        }
        let code = QrCode::new(text).unwrap();
        let width = code.width();
        for y in 0..width {
            for x in 0..width {
                assert_eq!(light[y + 4][x + 4], code[(x, y)] == Color::Light, "{x} {y}");
            }
        }
        assert!(light[..4].iter().flatten().all(|light| *light) && light.iter().all(|row| row.len() == width + 8));
        // ISO/IEC 18004 §6.3.3: a finder pattern is dark, with a light ring one module in
        assert!(
            (0..7).all(|x| !light[4][4 + x]) && (1..6).all(|x| light[5][4 + x]) && (2..5).all(|x| !light[6][4 + x])
        );
    }
}
