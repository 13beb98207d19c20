//! The names that a client's certificate carries: its subject alternative names, as text.
//!
//! A certificate is a tree of tag, length and value. Only the way to these names is followed; rustls has checked the
//! rest by then, or nobody asked for that.
//!
//! Source: RFC 5280 4.1, 4.2.1.6; X.690 8.1; Prometheus exporter-toolkit web/tls_config.go (`VerifyPeerCertificate`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const OCTETS: u8 = 0x04;
/// Where extensions stand in what is signed.
const EXTENSIONS: u8 = 0xa3;
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const IP: u8 = 0x87;
/// 2.5.29.17.
const SUBJECT_ALTERNATIVE_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

/// DNS names, addresses of mail, IP addresses and URIs of a certificate in DER; `None` if it is no certificate.
pub(super) fn names(certificate: &[u8]) -> Option<Vec<String>> {
    let (certificate, _) = value(certificate, SEQUENCE)?;
    let (mut signed, _) = value(certificate, SEQUENCE)?;
    while let Some((tag, content, rest)) = next(signed) {
        signed = rest;
        if tag == EXTENSIONS {
            let (mut extensions, _) = value(content, SEQUENCE)?;
            while !extensions.is_empty() {
                let (extension, rest) = value(extensions, SEQUENCE)?;
                extensions = rest;
                let (id, rest) = value(extension, OBJECT_IDENTIFIER)?;
                if id == SUBJECT_ALTERNATIVE_NAME {
                    // It may say before whether it is critical.
                    let rest = value(rest, BOOLEAN).map_or(rest, |(_, rest)| rest);
                    return texts(value(value(rest, OCTETS)?.0, SEQUENCE)?.0);
                }
            }
        }
    }
    signed.is_empty().then(Vec::new)
}

fn texts(mut names: &[u8]) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    while !names.is_empty() {
        let (tag, content, rest) = next(names)?;
        names = rest;
        match tag {
            EMAIL | DNS | URI => {
                texts.push(std::str::from_utf8(content).ok().filter(|text| text.is_ascii())?.to_owned())
            }
            IP => texts.push(address(content)?.to_canonical().to_string()),
            _ => {}
        }
    }
    Some(texts)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).ok().map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    four.or_else(|| Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?))))
}

/// The value of the first element, which must have this tag, and what follows it.
fn value(bytes: &[u8], expected: u8) -> Option<(&[u8], &[u8])> {
    next(bytes).filter(|(tag, ..)| *tag == expected).map(|(_, content, rest)| (content, rest))
}

/// Tag and value of the first element, and what follows it. Lengths take up to four bytes.
fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = bytes else { return None };
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn certificate(names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = names;
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn four() -> Vec<SanType> {
        vec![
            SanType::DnsName("scraper.example".try_into().unwrap()),
            SanType::Rfc822Name("ann@example.org".try_into().unwrap()),
            SanType::URI("spiffe://example.org/scraper".try_into().unwrap()),
            SanType::IpAddress("10.1.2.3".parse().unwrap()),
            SanType::IpAddress("fd00::1".parse().unwrap()),
        ]
    }

    #[test]
    fn names_of_all_kinds_are_found() {
        let found = names(&certificate(four())).unwrap();
        let expected = ["scraper.example", "ann@example.org", "spiffe://example.org/scraper", "10.1.2.3", "fd00::1"];
        assert_eq!(found, expected);
        assert_eq!(names(&certificate(Vec::new())), Some(Vec::new()));
    }

    #[test]
    fn a_certificate_that_was_cut_has_no_names() {
        let whole = certificate(four());
        for length in 0..whole.len() {
            assert_eq!(names(&whole[..length]), None, "{length}");
        }
    }

    proptest! {
        #[test]
        fn damaged_bytes_do_no_harm(at in 0_usize..400, byte: u8) {
            let mut bytes = certificate(four());
            let at = at % bytes.len();
            bytes[at] = byte;
            names(&bytes);
        }
    }
}
