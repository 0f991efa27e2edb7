//! As much of DER (X.690) as it takes to find the public key in a certificate and the private one in its file.

/// One value: its tag, and what is in it.
#[derive(Clone, Copy)]
pub struct Der<'d> {
    tag: u8,
    content: &'d [u8],
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// `[0]`: the version of a certificate.
const VERSION: u8 = 0xa0;

impl<'d> Der<'d> {
    /// The first value, and what is behind it.
    fn read(bytes: &'d [u8]) -> Option<(Der<'d>, &'d [u8])> {
        let (&tag, rest) = bytes.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let digits = usize::from(first & 0x7f);
            // No file is so long that it takes more.
            if digits == 0 || digits > 4 {
                return None;
            }
            let (number, behind) = rest.split_at_checked(digits)?;
            length = number
                .iter()
                .fold(0, |sum, &digit| sum << 8 | usize::from(digit));
            rest = behind;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        Some((Der { tag, content }, rest))
    }

    /// What is in a sequence.
    fn items(self) -> Option<Vec<Der<'d>>> {
        let mut rest = self.content;
        let mut items = Vec::new();
        if self.tag != SEQUENCE {
            return None;
        }
        while !rest.is_empty() {
            let (item, behind) = Der::read(rest)?;
            items.push(item);
            rest = behind;
        }
        Some(items)
    }

    fn of(self, tag: u8) -> Option<&'d [u8]> {
        (self.tag == tag).then_some(self.content)
    }

    /// A number without the zero that keeps it from being negative.
    fn number(self) -> Option<Vec<u8>> {
        let digits = self.of(INTEGER)?;
        Some(digits.strip_prefix(&[0]).unwrap_or(digits).to_vec())
    }

    /// Whole bytes.
    fn bits(self) -> Option<&'d [u8]> {
        self.of(BIT_STRING)?.strip_prefix(&[0])
    }
}

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

#[derive(Debug, PartialEq, Eq)]
pub enum PublicKey {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// A point, uncompressed.
    Ec(Vec<u8>),
    Ed25519(Vec<u8>),
    Unknown,
}

#[derive(Debug, PartialEq, Eq)]
pub struct RsaKey {
    pub modulus: Vec<u8>,
    pub exponent: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Key {
    Rsa(RsaKey),
    /// The secret number.
    Ec(Vec<u8>),
    /// The seed.
    Ed25519(Vec<u8>),
}

/// The key that a certificate is about (RFC 5280, section 4.1).
pub fn public_key(certificate: &[u8]) -> Option<PublicKey> {
    let (certificate, _) = Der::read(certificate)?;
    let signed = certificate.items()?.first()?.items()?;
    let fields = match signed.first()?.tag {
        VERSION => &signed[1..],
        _ => &signed[..],
    };
    // Behind the serial number, the signature's algorithm, the issuer, the validity and the subject.
    let info = fields.get(5)?.items()?;
    let [algorithm, key] = info[..] else {
        return None;
    };
    let name = algorithm.items()?.first()?.of(OBJECT)?;
    let key = key.bits()?;
    Some(match name {
        RSA => {
            let numbers = Der::read(key)?.0.items()?;
            PublicKey::Rsa {
                modulus: numbers.first()?.number()?,
                exponent: numbers.get(1)?.number()?,
            }
        }
        EC => PublicKey::Ec(key.to_vec()),
        ED25519 => PublicKey::Ed25519(key.to_vec()),
        _ => PublicKey::Unknown,
    })
}

/// PKCS 8 (RFC 5208), PKCS 1 (RFC 8017) or SEC 1 (RFC 5915).
pub fn private_key(bytes: &[u8]) -> Option<Key> {
    let fields = Der::read(bytes)?.0.items()?;
    match fields[..] {
        [_, algorithm, key, ..] if algorithm.tag == SEQUENCE => {
            let key = key.of(OCTET_STRING)?;
            match algorithm.items()?.first()?.of(OBJECT)? {
                RSA => rsa(&Der::read(key)?.0.items()?),
                EC => ec(&Der::read(key)?.0.items()?),
                ED25519 => Some(Key::Ed25519(Der::read(key)?.0.of(OCTET_STRING)?.to_vec())),
                _ => None,
            }
        }
        [_, second, ..] if second.tag == OCTET_STRING => ec(&fields),
        _ => rsa(&fields),
    }
}

fn rsa(fields: &[Der]) -> Option<Key> {
    Some(Key::Rsa(RsaKey {
        modulus: fields.get(1)?.number()?,
        exponent: fields.get(2)?.number()?,
    }))
}

fn ec(fields: &[Der]) -> Option<Key> {
    Some(Key::Ec(fields.get(1)?.of(OCTET_STRING)?.to_vec()))
}
