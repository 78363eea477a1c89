//! Files that are right, and all the ways in which they are not.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/support/pki.rs"]
pub(crate) mod pki;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use self::pki::Authority;
use super::*;

/// A folder that is removed at the end.
pub(crate) struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("karipass-tls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn complaint(certificate: &Path, key: &Path) -> String {
    let Err(error) = Identity::load(certificate, key, &[]) else { panic!("taken") };
    error.to_string()
}

#[test]
fn a_certificate_and_its_key_are_taken() {
    let folder = Folder::new();
    let (certificate, key) = Authority::new().sign().files(&folder.0);
    Identity::load(&certificate, &key, &[]).unwrap();
}

#[test]
fn what_is_wrong_is_told_with_its_file_and_what_to_do() {
    let folder = Folder::new();
    let authority = Authority::new();
    let (certificate, key) = authority.sign().files(&folder.0);
    let told = complaint(&folder.0.join("absent.pem"), &key);
    assert!(told.contains("absent.pem: No such file"), "{told}");
    let told = complaint(&key, &key);
    assert!(told.contains("key.pem: holds no certificate; needed is PEM text"), "{told}");
    let told = complaint(&certificate, &certificate);
    assert!(told.contains("cert.pem: holds no private key; needed is PEM text"), "{told}");

    let other = folder.0.join("other.pem");
    std::fs::write(&other, authority.sign().key).unwrap();
    let told = complaint(&certificate, &other);
    assert!(
        told.contains("other.pem: not the private key of the certificate in ") && told.contains("cert.pem"),
        "{told}"
    );

    let text = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    std::fs::write(&other, text).unwrap();
    let told = complaint(&certificate, &other);
    assert!(told.contains("other.pem: the private key is encrypted") && told.contains("openssl pkey -in"), "{told}");

    std::fs::write(&other, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let told = complaint(&other, &key);
    assert!(told.contains("other.pem: "), "{told}");
}

#[test]
fn a_certificate_out_of_its_time_is_refused() {
    let folder = Folder::new();
    let authority = Authority::new();
    let (certificate, key) = authority.sign_for_years(&["localhost"], (2001, 2002)).files(&folder.0);
    let told = complaint(&certificate, &key);
    assert!(told.contains("cert.pem: the certificate has expired on 2002-01-01T00:00:00Z; renew it"), "{told}");
    let (certificate, key) = authority.sign_for_years(&["localhost"], (3000, 3001)).files(&folder.0);
    let told = complaint(&certificate, &key);
    assert!(told.contains("not valid before 3000-01-01T00:00:00Z; is this machine's clock right?"), "{told}");
}

#[test]
fn a_bad_new_certificate_leaves_the_old_one_in_force() {
    let folder = Folder::new();
    let authority = Authority::new();
    let (certificate, key) = authority.sign().files(&folder.0);
    let identity = Identity::load(&certificate, &key, &[]).unwrap();
    let shown = |identity: &Identity| identity.current.0.read().unwrap().cert[0].clone();
    let first = shown(&identity);
    std::fs::write(&certificate, "half a cert").unwrap();
    assert!(identity.reload().is_err());
    assert_eq!(shown(&identity), first);
    authority.sign().files(&folder.0);
    identity.reload().unwrap();
    assert_ne!(shown(&identity), first);
}

#[test]
fn authorities_are_read_from_a_file_that_has_some() {
    let folder = Folder::new();
    Authorities::from_file(&Authority::new().file(&folder.0)).unwrap();
    let empty = folder.0.join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    assert!(matches!(Authorities::from_file(&empty), Err(TlsError::NoCertificate(_))));
}
