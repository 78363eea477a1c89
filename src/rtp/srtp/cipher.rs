//! Session keys: derivation (RFC 3711 §4.3), counter mode with HMAC-SHA1 (RFC 3711 §4.1, §4.2) and
//! Galois/counter mode (RFC 7714).
//!
//! Packets are changed in place. One that does not verify is left as it was.

use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use aes::{Aes128Enc, Aes256Enc};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ctr::{CtrCore, flavors};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::keying::{MasterKey, Suite};

/// The tag of SRTCP in counter mode, and of SRTP in the suites named 80.
const TAG_80: usize = 10;
/// The tag of SRTP in the suites named 32.
const TAG_32: usize = 4;
/// The tag of Galois/counter mode (RFC 7714 §14).
const TAG_GCM: usize = 16;
/// The part of an RTCP packet that stays in clear: its first header and SSRC.
pub(super) const RTCP_CLEAR: usize = 8;
/// The word behind an RTCP packet: whether it is encrypted, and its index.
const WORD: usize = 4;
/// In that word: the packet is encrypted.
pub(super) const ENCRYPTED: u32 = 1 << 31;

type CounterMode<'a, C> = StreamCipherCoreWrapper<CtrCore<&'a C, flavors::Ctr128BE>>;

/// A packet's source and index, which make its key stream unique. The RTP index is the rollover counter
/// and the sequence number (48 bits), the RTCP index that of SRTCP (31 bits).
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    pub(super) index: u64,
}

impl Place {
    fn rollover(self) -> [u8; 4] {
        ((self.index >> 16) as u32).to_be_bytes()
    }
}

/// Encrypts, or decrypts, either RTP or RTCP of one direction.
pub(super) enum Cipher {
    Counter(Box<Counter>),
    Galois(Box<Galois>),
}

/// The use that keys are derived for (RFC 3711 §4.3.2): the first of three labels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Rtp = 0,
    Rtcp = 3,
}

impl Cipher {
    pub(super) fn derive(master: &MasterKey, protocol: Protocol) -> Cipher {
        let tag = match (master.suite(), protocol) {
            (Suite::AesCm128HmacSha1_32, Protocol::Rtp) => TAG_32,
            _ => TAG_80,
        };
        let first = protocol as u8;
        let (mut key, mut authentication) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 20]));
        let mut salt = Salt([0; 14]);
        let key = key.get_mut(..master.suite().key_length()).unwrap_or_default();
        derive(master, first, key);
        derive(master, first + 1, &mut authentication[..]);
        derive(master, first + 2, salt.0.get_mut(..master.suite().salt_length()).unwrap_or_default());
        Cipher::of_session(master.suite(), key, &authentication[..], salt, tag)
    }

    /// With session keys as they are.
    pub(super) fn of_session(suite: Suite, key: &[u8], authentication: &[u8], salt: Salt, tag: usize) -> Cipher {
        // the lengths are the suite's: nothing of this can fail
        let aes = || Aes128Enc::new_from_slice(key).unwrap_or_else(|_| Aes128Enc::new(&Default::default()));
        match suite {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => {
                let hmac = <Hmac<Sha1> as KeyInit>::new_from_slice(authentication);
                let hmac = hmac.unwrap_or_else(|_| <Hmac<Sha1> as KeyInit>::new(&Default::default()));
                Cipher::Counter(Box::new(Counter { aes: aes(), salt, hmac, tag }))
            }
            Suite::AeadAes128Gcm => {
                let aead = Aes128Gcm::new_from_slice(key).unwrap_or_else(|_| Aes128Gcm::new(&Default::default()));
                Cipher::Galois(Box::new(Galois { aead: Aead::Aes128(aead), salt }))
            }
            Suite::AeadAes256Gcm => {
                let aead = Aes256Gcm::new_from_slice(key).unwrap_or_else(|_| Aes256Gcm::new(&Default::default()));
                Cipher::Galois(Box::new(Galois { aead: Aead::Aes256(aead), salt }))
            }
        }
    }

    /// Encrypts an RTP packet behind its header and appends the tag.
    pub(super) fn seal_rtp(&self, place: Place, packet: &mut Vec<u8>, header: usize) {
        let Some((clear, body)) = packet.split_at_mut_checked(header) else { return };
        match self {
            Cipher::Counter(counter) => {
                counter.crypt(place, body);
                let tag = counter.authenticate(packet, &place.rollover());
                packet.extend(tag.into_bytes().into_iter().take(counter.tag));
            }
            Cipher::Galois(galois) => {
                let tag = galois.encrypt(place, clear, body);
                packet.extend(tag);
            }
        }
    }

    /// Verifies and decrypts an RTP packet; returns the remaining length. `identifier` bytes of master key identifier
    /// are in it.
    pub(super) fn open_rtp(&self, place: Place, packet: &mut [u8], header: usize, identifier: usize) -> Option<usize> {
        match self {
            Cipher::Counter(counter) => {
                let length = packet.len().checked_sub(counter.tag + identifier)?;
                let tag = packet.get(length + identifier..)?;
                counter.authenticate(packet.get(..length)?, &place.rollover()).verify_truncated_left(tag).ok()?;
                counter.crypt(place, packet.get_mut(header..length)?);
                Some(length)
            }
            Cipher::Galois(galois) => {
                let length = packet.len().checked_sub(TAG_GCM + identifier)?;
                let (clear, rest) = packet.split_at_mut_checked(header)?;
                let (body, tag) = rest.split_at_mut_checked(length.checked_sub(header)?)?;
                galois.decrypt(place, clear, body, tag.get(..TAG_GCM)?)?;
                Some(length)
            }
        }
    }

    /// Encrypts an RTCP packet behind its first eight bytes, and appends index and tag.
    pub(super) fn seal_rtcp(&self, place: Place, packet: &mut Vec<u8>) {
        let Some((clear, body)) = packet.split_at_mut_checked(RTCP_CLEAR) else { return };
        let word = (place.index as u32 | ENCRYPTED).to_be_bytes();
        match self {
            Cipher::Counter(counter) => {
                counter.crypt(place, body);
                packet.extend(word);
                let tag = counter.authenticate(packet, &[]);
                packet.extend(tag.into_bytes().into_iter().take(TAG_80));
            }
            Cipher::Galois(galois) => {
                let tag = galois.encrypt(place, &with_word(clear, word), body);
                packet.extend(tag);
                packet.extend(word);
            }
        }
    }

    /// The word behind an RTCP packet, not verified yet.
    pub(super) fn rtcp_word(&self, packet: &[u8], identifier: usize) -> Option<u32> {
        let behind = match self {
            Cipher::Counter(_) => TAG_80 + identifier,
            Cipher::Galois(_) => identifier,
        };
        let end = packet.len().checked_sub(behind)?;
        Some(u32::from_be_bytes(*packet.get(..end)?.last_chunk::<WORD>()?))
    }

    /// Verifies and decrypts an RTCP packet; returns the remaining length.
    pub(super) fn open_rtcp(&self, place: Place, word: u32, packet: &mut [u8], identifier: usize) -> Option<usize> {
        let encrypted = word & ENCRYPTED != 0;
        match self {
            Cipher::Counter(counter) => {
                let covered = packet.len().checked_sub(TAG_80 + identifier)?;
                let tag = packet.get(covered + identifier..)?;
                counter.authenticate(packet.get(..covered)?, &[]).verify_truncated_left(tag).ok()?;
                let length = covered.checked_sub(WORD)?;
                let body = packet.get_mut(RTCP_CLEAR..length)?;
                if encrypted {
                    counter.crypt(place, body);
                }
                Some(length)
            }
            Cipher::Galois(galois) => {
                let length = packet.len().checked_sub(TAG_GCM + WORD + identifier)?;
                let tag = *packet.get(length..)?.first_chunk::<TAG_GCM>()?;
                if !encrypted {
                    return galois.verify(place, word, packet, length, tag);
                }
                let (clear, rest) = packet.split_at_mut_checked(RTCP_CLEAR)?;
                let body = rest.get_mut(..length.checked_sub(RTCP_CLEAR)?)?;
                galois.decrypt(place, &with_word(clear, word.to_be_bytes()), body, &tag)?;
                Some(length)
            }
        }
    }
}

/// A session salt: shorter ones end in zeros.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Salt(pub(super) [u8; 14]);

/// AES in counter mode and HMAC-SHA1.
pub(super) struct Counter {
    aes: Aes128Enc,
    salt: Salt,
    hmac: Hmac<Sha1>,
    /// The tag's bytes on RTP.
    tag: usize,
}

impl Counter {
    /// RFC 3711 §4.1.1. Encrypting and decrypting are the same.
    fn crypt(&self, place: Place, body: &mut [u8]) {
        let mut iv = [0; 16];
        iv.iter_mut().zip(self.salt.0).for_each(|(byte, salt)| *byte = salt);
        mix(&mut iv[4..8], &place.ssrc.to_be_bytes());
        mix(&mut iv[8..14], &place.index.to_be_bytes()[2..]);
        key_stream(&self.aes, iv, body);
    }

    fn authenticate(&self, covered: &[u8], behind: &[u8]) -> hmac_output::Unfinished {
        let mut hmac = self.hmac.clone();
        hmac.update(covered);
        hmac.update(behind);
        hmac_output::Unfinished(hmac)
    }
}

mod hmac_output {
    //! A tag that can still be compared in constant time.
    use hmac::digest::MacError;
    use hmac::{Hmac, Mac};
    use sha1::Sha1;

    pub(in super::super) struct Unfinished(pub(super) Hmac<Sha1>);

    impl Unfinished {
        pub(super) fn into_bytes(self) -> [u8; 20] {
            self.0.finalize().into_bytes().into()
        }

        pub(super) fn verify_truncated_left(self, tag: &[u8]) -> Result<(), MacError> {
            self.0.verify_truncated_left(tag)
        }
    }
}

/// AES in Galois/counter mode.
pub(super) struct Galois {
    aead: Aead,
    salt: Salt,
}

enum Aead {
    Aes128(Aes128Gcm),
    Aes256(Aes256Gcm),
}

impl Galois {
    /// RFC 7714 §8.1 and §9.1: both are this.
    fn nonce(&self, place: Place) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce.iter_mut().zip(self.salt.0).for_each(|(byte, salt)| *byte = salt);
        mix(&mut nonce[2..6], &place.ssrc.to_be_bytes());
        mix(&mut nonce[6..12], &place.index.to_be_bytes()[2..]);
        nonce
    }

    fn encrypt(&self, place: Place, clear: &[u8], body: &mut [u8]) -> [u8; TAG_GCM] {
        let nonce = self.nonce(place).into();
        let tag = match &self.aead {
            Aead::Aes128(aead) => aead.encrypt_inout_detached(&nonce, clear, body.into()),
            Aead::Aes256(aead) => aead.encrypt_inout_detached(&nonce, clear, body.into()),
        };
        // fails only from 64 GiB on; without a tag no receiver accepts the packet
        tag.map(Into::into).unwrap_or_default()
    }

    fn decrypt(&self, place: Place, clear: &[u8], body: &mut [u8], tag: &[u8]) -> Option<()> {
        let nonce = self.nonce(place).into();
        let tag: [u8; TAG_GCM] = tag.try_into().ok()?;
        let opened = match &self.aead {
            Aead::Aes128(aead) => aead.decrypt_inout_detached(&nonce, clear, body.into(), &tag.into()),
            Aead::Aes256(aead) => aead.decrypt_inout_detached(&nonce, clear, body.into(), &tag.into()),
        };
        opened.ok()
    }

    /// An RTCP packet that is not encrypted (RFC 7714 §9.3): all of it and the word are covered.
    fn verify(&self, place: Place, word: u32, packet: &mut [u8], length: usize, tag: [u8; 16]) -> Option<usize> {
        let (before, word) = (*packet.get(length..)?.first_chunk::<WORD>()?, word.to_be_bytes());
        // the tag makes way for the word, so that what is covered is in one piece
        packet.get_mut(length..length + WORD)?.copy_from_slice(&word);
        let verified = self.decrypt(place, packet.get(..length + WORD)?, &mut [], &tag);
        packet.get_mut(length..length + WORD)?.copy_from_slice(&before);
        verified.map(|()| length)
    }
}

fn with_word(clear: &[u8], word: [u8; WORD]) -> [u8; RTCP_CLEAR + WORD] {
    let mut covered = [0; RTCP_CLEAR + WORD];
    covered.iter_mut().zip(clear.iter().chain(&word)).for_each(|(to, from)| *to = *from);
    covered
}

fn mix(into: &mut [u8], from: &[u8]) {
    into.iter_mut().zip(from).for_each(|(byte, mixed)| *byte ^= mixed);
}

/// RFC 3711 §4.3.1 with a key derivation rate of 0: the key stream of the master key, at a place that the label names.
/// For Galois/counter mode the salt is taken for one of 14 bytes that ends in zeros (RFC 7714 §11).
fn derive(master: &MasterKey, label: u8, out: &mut [u8]) {
    let mut iv = [0; 16];
    iv.iter_mut().zip(master.expose_salt()).for_each(|(byte, salt)| *byte = *salt);
    iv[7] ^= label;
    let key = master.expose_key();
    if let Ok(aes) = Aes128Enc::new_from_slice(key) {
        key_stream(&aes, iv, out);
    } else if let Ok(aes) = Aes256Enc::new_from_slice(key) {
        key_stream(&aes, iv, out);
    }
}

fn key_stream<C>(aes: &C, iv: [u8; 16], body: &mut [u8])
where
    C: aes::cipher::BlockCipherEncrypt + aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>,
{
    let core = CtrCore::<&C, flavors::Ctr128BE>::inner_iv_init(aes, &iv.into());
    // a packet is far shorter than the counter is long
    let _ = CounterMode::<C>::from_core(core).try_apply_keystream(body);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rtp::srtp::tests::hex;

    /// The AES-CM test vectors (RFC 3711 §B.2).
    #[test]
    fn the_key_stream_is_that_of_rfc_3711() {
        let aes = Aes128Enc::new_from_slice(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
        let iv: [u8; 16] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
        let mut stream = vec![0; 0xff02 * 16];
        key_stream(&aes, iv, &mut stream);
        let first =
            "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0";
        assert_eq!(stream[..48], hex(first));
        let last = "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44";
        assert_eq!(stream[0xfeff * 16..], hex(last));
    }

    /// RFC 3711 §B.3.
    #[test]
    fn keys_are_derived_as_in_rfc_3711() {
        let master = hex("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
        let master = MasterKey::new(Suite::AesCm128HmacSha1_80, &master).unwrap();
        let derived = |label: u8, length: usize| {
            let mut out = vec![0; length];
            derive(&master, label, &mut out);
            out
        };
        assert_eq!(derived(0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived(2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
        let authentication = "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF\
             72270986371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2";
        assert_eq!(derived(1, 94), hex(authentication));
    }
}
