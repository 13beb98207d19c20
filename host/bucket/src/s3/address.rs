//! Where requests go: host, path or virtual-hosted style, region, and names made fit for URLs.
//!
//! Source: `object-storage.md` 4.1.

use crate::{Lookup, S3Config};

/// The place of a bucket; the region may be learned later.
#[derive(Clone, Debug)]
pub(super) struct Address {
    scheme: &'static str,
    /// As written, or `None` for AWS, whose hosts are made from the region.
    host: Option<String>,
    dualstack: bool,
    bucket: String,
    virtual_hosted: bool,
}

impl Address {
    pub(super) fn new(config: &S3Config) -> Self {
        let host = config.endpoint.to_ascii_lowercase();
        let known = is_aws(&host) || is(&host, "storage.googleapis.com") || is(&host, "aliyuncs.com");
        let dotted = config.bucket.contains('.') && !config.insecure;
        Self {
            scheme: if config.insecure { "http" } else { "https" },
            host: if aws_region(&host).is_some() { None } else { Some(config.endpoint.clone()) },
            dualstack: !config.disable_dualstack,
            bucket: config.bucket.clone(),
            virtual_hosted: match config.lookup {
                Lookup::Auto => known && !dotted,
                Lookup::VirtualHosted => true,
                Lookup::Path => false,
            },
        }
    }

    /// The URL of the object, or of the bucket.
    pub(super) fn url(&self, region: &str, key: Option<&str>, query: &[(&str, String)]) -> String {
        let mut url = format!("{}://", self.scheme);
        if self.virtual_hosted {
            url.push_str(&self.bucket);
            url.push('.');
        }
        match &self.host {
            Some(host) => url.push_str(host),
            None => url.push_str(&aws_host(region, self.dualstack)),
        }
        url.push('/');
        if !self.virtual_hosted {
            url.push_str(&self.bucket);
            url.push_str(if key.is_some() { "/" } else { "" });
        }
        escape(&mut url, key.unwrap_or_default(), true);
        for (i, (name, value)) in query.iter().enumerate() {
            url.push(if i == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            escape(&mut url, value, false);
        }
        url
    }
}

/// The region to begin with: as configured, as the host says, or `us-east-1`.
pub(super) fn first_region(config: &S3Config) -> String {
    let named = aws_region(&config.endpoint.to_ascii_lowercase()).filter(|region| !region.is_empty());
    match config.region.as_str() {
        "" => named.unwrap_or_else(|| "us-east-1".to_owned()),
        region => region.to_owned(),
    }
}

/// Whether the host is one of AWS.
pub(super) fn is_aws(host: &str) -> bool {
    is(host, "amazonaws.com") || is(host, "amazonaws.com.cn")
}

fn is(host: &str, domain: &str) -> bool {
    let host = host.split(':').next().unwrap_or(host);
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// The region in one of AWS's ordinary S3 hosts, empty for the global one; `None` for any other host, also for those of
/// AWS that are special (FIPS, private links), which are used as they are written.
fn aws_region(host: &str) -> Option<String> {
    let name = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    if name == "s3" || name == "s3-external-1" {
        return Some(String::new());
    }
    let region =
        name.strip_prefix("s3.dualstack.").or_else(|| name.strip_prefix("s3.")).or_else(|| name.strip_prefix("s3-"))?;
    let plain = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (plain && region.contains('-') && !region.contains("fips")).then(|| region.to_owned())
}

fn aws_host(region: &str, dualstack: bool) -> String {
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    let dualstack = if dualstack { "dualstack." } else { "" };
    format!("s3.{dualstack}{region}.amazonaws.com{china}")
}

/// Appends `text` with everything escaped but what RFC 3986 leaves alone, as signatures want it.
fn escape(url: &mut String, text: &str, slashes: bool) {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => url.push(char::from(byte)),
            b'/' if slashes => url.push('/'),
            _ => {
                let digit = |nibble: u8| char::from(HEX[usize::from(nibble & 15)]);
                url.extend(['%', digit(byte >> 4), digit(byte)]);
            }
        }
    }
}

/// Whether a URL can carry the key: `.` and `..` parts are taken away by every URL library.
pub(super) fn fits_url(key: &str) -> bool {
    !key.split('/').any(|part| matches!(part, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Provider, parse_config};

    fn url(yaml: &str) -> String {
        let yaml = format!("type: S3\nconfig: {{{yaml}}}");
        let Provider::S3(config) = parse_config(&yaml).unwrap().provider else { panic!("not S3") };
        Address::new(&config).url(&first_region(&config), Some("a b/+%é"), &[])
    }

    #[test]
    fn the_bucket_goes_where_the_store_wants_it() {
        let cases = [
            ("bucket: b, endpoint: 'localhost:9000', insecure: true", "http://localhost:9000/b/"),
            ("bucket: b, endpoint: s3.amazonaws.com", "https://b.s3.dualstack.us-east-1.amazonaws.com/"),
            ("bucket: b, endpoint: s3.eu-west-1.amazonaws.com", "https://b.s3.dualstack.eu-west-1.amazonaws.com/"),
            (
                "bucket: b, endpoint: s3-eu-west-1.amazonaws.com, disable_dualstack: true",
                "https://b.s3.eu-west-1.amazonaws.com/",
            ),
            ("bucket: a.b, endpoint: s3.amazonaws.com", "https://s3.dualstack.us-east-1.amazonaws.com/a.b/"),
            (
                "bucket: b, endpoint: s3.cn-north-1.amazonaws.com.cn",
                "https://b.s3.dualstack.cn-north-1.amazonaws.com.cn/",
            ),
            ("bucket: b, endpoint: s3-fips.us-east-1.amazonaws.com", "https://b.s3-fips.us-east-1.amazonaws.com/"),
            ("bucket: b, endpoint: storage.googleapis.com", "https://b.storage.googleapis.com/"),
            ("bucket: b, endpoint: notamazonaws.com", "https://notamazonaws.com/b/"),
            ("bucket: b, endpoint: minio, bucket_lookup_type: virtual-hosted", "https://b.minio/"),
            (
                "bucket: b, endpoint: s3.amazonaws.com, bucket_lookup_type: path, region: x-1",
                "https://s3.dualstack.x-1.amazonaws.com/b/",
            ),
        ];
        for (yaml, start) in cases {
            assert_eq!(url(yaml), format!("{start}a%20b/%2B%25%C3%A9"));
        }
    }
}
