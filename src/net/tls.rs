//! TLS for what listens: a certificate chain and its key from PEM files, read once at start.
//!
//! rustls with ring: TLS 1.2 and 1.3, no older version and no weak cipher to switch off.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file cannot be read.
    #[error("certificate {}: {why}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: pem::Error,
    },
    /// There is no certificate in it.
    #[error("certificate {}: no certificate in it; a PEM file with BEGIN CERTIFICATE is wanted, the server's own first", .path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key file cannot be read, or there is no key in it.
    #[error("key {}: {why}; a PEM file with BEGIN PRIVATE KEY is wanted", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong. The key itself is never shown.
        why: pem::Error,
    },
    /// They do not fit together.
    #[error("certificate {} and key {}: {why}", .certificate.display(), .key.display())]
    Pair {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// rustls's words.
        why: rustls::Error,
    },
}

/// What a TLS listener needs. `protocols` are offered by ALPN (RFC 7301), such as `http/1.1`; none for SIP.
pub fn server(certificate: &Path, key: &Path, protocols: &[&str]) -> Result<Arc<ServerConfig>, TlsError> {
    let unreadable = |why| TlsError::Certificate { path: certificate.to_owned(), why };
    let chain = CertificateDer::pem_file_iter(certificate).map_err(unreadable)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: certificate.to_owned() });
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|why| TlsError::Key { path: key.to_owned(), why })?;
    let pair = |why| TlsError::Pair { certificate: certificate.to_owned(), key: key.to_owned(), why };
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(pair)?;
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A folder with a certificate, its key, and a key of another.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("karipass-tls-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(folder.join("other.pem"), rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
        folder
    }

    #[test]
    fn files_that_do_not_do_are_told_by_name() {
        let folder = folder("told");
        let told = |certificate: &str, key: &str| {
            server(&folder.join(certificate), &folder.join(key), &[]).map(|_| ()).unwrap_err().to_string()
        };
        assert!(server(&folder.join("cert.pem"), &folder.join("key.pem"), &["http/1.1"]).is_ok());
        assert!(told("none.pem", "key.pem").contains("none.pem"));
        assert!(told("key.pem", "key.pem").contains("no certificate in it"));
        assert!(told("cert.pem", "cert.pem").contains("BEGIN PRIVATE KEY is wanted"));
        assert!(told("cert.pem", "other.pem").contains("other.pem"), "a key of another certificate");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
