//! The authority of this installation: the `ca.crt` beside every mounted token.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, SerialNumber,
};
use ring::rand::{SecureRandom, SystemRandom};

use super::pem;

/// Whose certificate it is. An authority that is made anew has another key, and so another key identifier.
const COMMON_NAME: &str = "wasmpod";
/// `cmd/kubeadm/app/constants/constants.go` `CACertificateValidityPeriod`.
const YEARS: i32 = 10;

/// A new key (PKCS #8, DER).
pub(super) fn generate() -> Result<Vec<u8>, String> {
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    Ok(key.serialize_der())
}

/// The certificate (PEM) that this key gives itself, valid from this year on.
pub(super) fn certificate(pkcs8: &[u8], year: i32) -> Result<String, String> {
    let certify = || {
        let key = KeyPair::try_from(pkcs8)?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, COMMON_NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        params.not_before = rcgen::date_time_ymd(year, 1, 1);
        params.not_after = rcgen::date_time_ymd(year + YEARS, 12, 31);
        params.serial_number = Some(serial()?);
        let certificate = params.self_signed(&key)?;
        Ok::<_, rcgen::Error>(pem::encode("CERTIFICATE", certificate.der()))
    };
    certify().map_err(|error| error.to_string())
}

/// 127 bits of chance: positive, and never the same for two authorities of one name.
fn serial() -> Result<SerialNumber, rcgen::Error> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| rcgen::Error::RingUnspecified)?;
    bytes[0] &= 0x7f;
    Ok(SerialNumber::from_slice(&bytes))
}
