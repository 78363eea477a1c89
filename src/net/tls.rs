//! TLS, for SIP (RFC 3261 §26.3.1) and for the site: the certificate that we show, read anew when asked, and whose
//! certificates we accept.
//!
//! rustls with ring: TLS 1.2 and 1.3, no older version and no weak cipher to switch off.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, InconsistentKeys, RootCertStore, ServerConfig, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use x509_cert::der::Decode;
use zeroize::Zeroizing;

/// Why a certificate, its key or an authority cannot be used. Each says which file it is and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It cannot be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// No certificate in it.
    #[error(
        "{}: holds no certificate; needed is PEM text with BEGIN CERTIFICATE, the server's own first and those of its issuers \
         after it",
        .0.display()
    )]
    NoCertificate(PathBuf),
    /// No key in it.
    #[error("{}: holds no private key; needed is PEM text with BEGIN PRIVATE KEY", .0.display())]
    NoKey(PathBuf),
    /// It asks for a passphrase.
    #[error(
        "{path}: the private key is encrypted, and nobody is there to type its passphrase; decrypt it: openssl pkey -in {path} \
         -out plain.pem",
        path = path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// Two that do not belong together.
    #[error("{}: not the private key of the certificate in {}; name the two that were made together", key.display(), certificate.display())]
    Mismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// It is too late.
    #[error("{}: the certificate has expired on {until}; renew it", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// The end of its validity.
        until: String,
    },
    /// It is too early.
    #[error("{}: the certificate is not valid before {from}; is this machine's clock right?", path.display())]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// The beginning of its validity.
        from: String,
    },
    /// What the library says.
    #[error("{}: {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// The certificate that we show to who connects.
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// Reads a certificate with its chain, and its private key, both PEM. `protocols` are offered by ALPN (RFC 7301), such as
    /// `http/1.1`; none for SIP.
    pub fn load(certificate: &Path, key: &Path, protocols: &[&str]) -> Result<Identity, TlsError> {
        let current = Arc::new(Current(RwLock::new(Arc::new(read_identity(certificate, key)?))));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(certificate, error))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Identity { certificate: certificate.to_owned(), key: key.to_owned(), current, config: Arc::new(config) })
    }

    /// Reads both files again. New connections are shown what is in them; if that is not usable, what was there before.
    pub fn reload(&self) -> Result<(), TlsError> {
        let new = Arc::new(read_identity(&self.certificate, &self.key)?);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// For a listener; it shows what was read last.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// What takes the handshakes of who connects.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config())
    }
}

/// What new connections are shown.
struct Current(RwLock<Arc<CertifiedKey>>);

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn unusable(path: &Path, why: impl fmt::Display) -> TlsError {
    TlsError::Unusable { path: path.to_owned(), why: why.to_string() }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    std::fs::read(path).map(Zeroizing::new).map_err(|why| TlsError::Unreadable { path: path.to_owned(), why })
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = read.map_err(|why| unusable(path, why))?;
    if certificates.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(certificates) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        let is_encrypted = String::from_utf8_lossy(&text).contains("ENCRYPTED");
        let path = path.to_owned();
        if is_encrypted { TlsError::EncryptedKey { path } } else { TlsError::NoKey(path) }
    })
}

fn read_identity(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let chain = read_certificates(certificate)?;
    if let Some(own) = chain.first() {
        check_validity(certificate, own)?;
    }
    let private = read_key(key)?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(|error| {
        if matches!(error, Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) {
            return TlsError::Mismatch { key: key.to_owned(), certificate: certificate.to_owned() };
        }
        unusable(if matches!(error, Error::InvalidCertificate(_)) { certificate } else { key }, error)
    })
}

fn check_validity(path: &Path, certificate: &CertificateDer<'_>) -> Result<(), TlsError> {
    let read = x509_cert::Certificate::from_der(certificate).map_err(|why| unusable(path, why))?;
    let validity = read.tbs_certificate().validity();
    let (from, until) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if now > until {
        return Err(TlsError::Expired { path: path.to_owned(), until: validity.not_after.to_string() });
    }
    if now < from {
        return Err(TlsError::NotYetValid { path: path.to_owned(), from: validity.not_before.to_string() });
    }
    Ok(())
}

/// Whose certificates are accepted of the servers that we connect to.
#[derive(Clone)]
pub struct Authorities(TlsConnector);

impl Authorities {
    /// Those whose certificates are in a PEM file.
    pub fn from_file(path: &Path) -> Result<Authorities, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in read_certificates(path)? {
            roots.add(certificate).map_err(|why| unusable(path, why))?;
        }
        Authorities::of(roots).map_err(|why| unusable(path, why))
    }

    /// Those that this machine's system trusts.
    pub fn of_the_system() -> Result<Authorities, TlsError> {
        let mut roots = RootCertStore::empty();
        // what the system keeps beside certificates that can be used is of no interest
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Authorities::of(roots).map_err(|why| unusable(Path::new("the system's certificates"), why))
    }

    /// Whoever: the connection is encrypted, but nobody knows to whom. For laboratories.
    pub fn unchecked() -> Result<Authorities, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|why| unusable(Path::new("TLS"), why))?;
        let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked(provider())));
        Ok(Authorities(TlsConnector::from(Arc::new(config.with_no_client_auth()))))
    }

    fn of(roots: RootCertStore) -> Result<Authorities, Error> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        Ok(Authorities(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))))
    }

    pub(super) fn connector(&self) -> &TlsConnector {
        &self.0
    }
}

/// Whether a connection failed because the server's certificate is not one to believe.
pub fn is_disbelieved(error: &std::io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    matches!(cause, Some(Error::InvalidCertificate(_)))
}

/// The name that a server's certificate must hold: the host that was asked for, or the address that is connected to.
pub(super) fn server_name(host: Option<&str>, address: IpAddr) -> ServerName<'static> {
    let named = host.and_then(|host| ServerName::try_from(host.to_owned()).ok());
    named.unwrap_or_else(|| ServerName::IpAddress(address.into()))
}

/// Accepts every certificate whose key signs the handshake.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
pub(crate) mod tests;
