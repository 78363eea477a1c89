//! What Linphone sets itself up from to be the example contract's telephone.

use std::net::SocketAddr;

use crate::account::Contract;

/// Linphone's remote provisioning: sections and entries of its configuration file as XML (`lpconfig.xsd`). There is no
/// password in it; Linphone asks for one when it is challenged.
pub(super) fn settings(contract: &Contract, address: SocketAddr) -> String {
    let line = contract.customer_number;
    let sections: [(&str, Vec<(&str, String)>); 3] = [
        (
            "sip",
            vec![
                ("default_proxy", "0".to_owned()),
                ("use_rfc2833", "1".to_owned()),
                ("media_encryption", "none".to_owned()),
            ],
        ),
        (
            "proxy_0",
            vec![
                ("reg_proxy", format!("<sip:{address};transport=udp>")),
                ("reg_identity", format!("<sip:{line}@{address}>")),
                ("reg_expires", "600".to_owned()),
                ("reg_sendregister", "1".to_owned()),
                ("publish", "0".to_owned()),
            ],
        ),
        // fetched once, not at every start
        ("misc", vec![("transient_provisioning", "1".to_owned())]),
    ];
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<config xmlns=\"http://www.linphone.org/xsds/lpconfig.xsd\">\n",
    );
    for (section, entries) in sections {
        xml += &format!("  <section name=\"{section}\">\n");
        for (name, value) in entries {
            let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            xml += &format!("    <entry name=\"{name}\" overwrite=\"true\">{value}</entry>\n");
        }
        xml += "  </section>\n";
    }
    xml + "</config>\n"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::account::demo_contract;

    #[test]
    fn linphone_gets_well_formed_settings_without_a_password() {
        let contract = demo_contract().unwrap();
        let address = "[::1]:5060".parse().unwrap();
        let xml = settings(&contract, address);
        assert!(
            xml.contains("<entry name=\"reg_proxy\" overwrite=\"true\">&lt;sip:[::1]:5060;transport=udp&gt;</entry>")
        );
        assert!(xml.contains("&lt;sip:0600001111@[::1]:5060&gt;"));
        assert!(!xml.contains("passw"));
        for tag in ["config", "section", "entry"] {
            let (opened, closed) = (format!("<{tag} "), format!("</{tag}>"));
            assert_eq!(xml.matches(&opened).count(), xml.matches(&closed).count(), "{tag}");
        }
    }
}
