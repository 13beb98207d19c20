//! What a store answers: XML lists, XML errors, dates.

use lithify_block::Timestamp;
use quick_xml::{Reader, events::Event};

use crate::Entry;

/// One page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ListPage {
    pub(super) entries: Vec<Entry>,
    pub(super) truncated: bool,
    /// V2: `NextContinuationToken`; V1: `NextMarker`, which is left out without a delimiter.
    pub(super) next: Option<String>,
}

/// What an error's body says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) request: String,
    pub(super) region: String,
}

/// Reads leaf elements one by one: `each` gets the path of names, joined by slashes, and the text. The end of an
/// element that holds others comes with the text `None`.
fn leaves(xml: &[u8], mut each: impl FnMut(&str, Option<&str>) -> Result<(), String>) -> Result<(), String> {
    const DEPTH: usize = 16;
    let mut reader = Reader::from_reader(xml);
    let (mut path, mut text, mut leaf) = (Vec::new(), String::new(), false);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                if path.len() == DEPTH {
                    return Err("elements are nested too deep".to_owned());
                }
                path.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
                text.clear();
                leaf = true;
            }
            Event::Text(piece) => text.push_str(&piece.decode().map_err(|error| error.to_string())?),
            Event::CData(piece) => text.push_str(&piece.decode().map_err(|error| error.to_string())?),
            Event::GeneralRef(name) => match name.resolve_char_ref() {
                Ok(Some(c)) => text.push(c),
                Ok(None) => {
                    let name = name.decode().map_err(|error| error.to_string())?;
                    text.push_str(
                        quick_xml::escape::resolve_xml_entity(&name).ok_or("an entity is not known".to_owned())?,
                    );
                }
                Err(error) => return Err(error.to_string()),
            },
            Event::End(_) => {
                each(&path.join("/"), leaf.then_some(text.as_str()))?;
                path.pop();
                leaf = false;
            }
            Event::Empty(start) => {
                path.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
                each(&path.join("/"), Some(""))?;
                path.pop();
                leaf = false;
            }
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => return Err("the document ends too early".to_owned()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

impl ListPage {
    /// Decodes the answer to a listing, of either version. Odd keys are shown as they are.
    pub(super) fn decode(xml: &[u8]) -> Result<Self, String> {
        let (mut page, mut encoded, mut root) = (Self::default(), false, false);
        let mut object = Entry { name: String::new(), size: Some(0), modified: None, etag: None };
        leaves(xml, |path, text| {
            let Some((top, path)) = path.split_once('/') else {
                root = path == "ListBucketResult";
                return Ok(());
            };
            if top != "ListBucketResult" {
                return Err(format!("a listing begins with {top}"));
            }
            match (path, text) {
                ("Contents/Key", Some(text)) => text.clone_into(&mut object.name),
                ("Contents/Size", Some(text)) => {
                    object.size = Some(text.parse().map_err(|_| "a size is no number".to_owned())?);
                }
                ("Contents/LastModified", Some(text)) => object.modified = iso_date(text),
                ("Contents/ETag", Some(text)) => object.etag = Some(text.to_owned()),
                ("Contents", _) => {
                    let empty = Entry { name: String::new(), size: Some(0), modified: None, etag: None };
                    page.entries.push(std::mem::replace(&mut object, empty));
                }
                ("CommonPrefixes/Prefix", Some(text)) => {
                    page.entries.push(Entry { name: text.to_owned(), size: None, modified: None, etag: None });
                }
                ("IsTruncated", Some(text)) => page.truncated = text == "true",
                ("NextContinuationToken" | "NextMarker", Some(text)) => page.next = Some(text.to_owned()),
                ("EncodingType", Some(text)) => encoded = text == "url",
                _ => {}
            }
            Ok(())
        })?;
        if !root {
            return Err("the answer is no listing".to_owned());
        }
        if encoded {
            for entry in &mut page.entries {
                entry.name = unescape(&entry.name);
            }
        }
        Ok(page)
    }
}

impl Refusal {
    /// Decodes an error's body. `None` if it is none, such as the page of a proxy.
    pub(super) fn decode(xml: &[u8]) -> Option<Self> {
        let mut refusal = Self::default();
        leaves(xml, |path, text| {
            let Some(text) = text else { return Ok(()) };
            match path {
                "Error/Code" => text.clone_into(&mut refusal.code),
                "Error/Message" => refusal.message = text.chars().take(200).collect(),
                "Error/RequestId" => refusal.request = text.chars().take(60).collect(),
                "Error/Region" => text.clone_into(&mut refusal.region),
                _ => {}
            }
            Ok(())
        })
        .ok()?;
        (!refusal.code.is_empty()).then_some(refusal)
    }
}

/// The text of the first element with this name, such as the id of an upload.
pub(super) fn element(xml: &[u8], name: &str) -> Option<String> {
    let mut found = None;
    leaves(xml, |path, text| {
        if path.rsplit('/').next() == Some(name) && found.is_none() {
            found = text.map(ToOwned::to_owned);
        }
        Ok(())
    })
    .ok()?;
    found
}

/// Takes the encoding of `encoding-type=url` away: `+` is a space.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (*first, pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `2026-11-22T01:02:03.456Z`
fn iso_date(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let ms = format!("{fraction:0<3}").get(..3)?.parse::<i64>().ok()?;
    Some(Timestamp(days(year, month, day)? * 86_400_000 + clock_ms(clock)? + ms))
}

/// `Sun, 22 Nov 2026 01:02:03 GMT`
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut parts = text.strip_suffix(" GMT")?.split(' ').skip(1);
    let day = parts.next()?.parse().ok()?;
    let name = parts.next()?;
    let month = (1..).zip(MONTHS).find(|(_, month)| *month == name)?.0;
    let year = parts.next()?.parse().ok()?;
    Some(Timestamp(days(year, month, day)? * 86_400_000 + clock_ms(parts.next()?)?))
}

fn clock_ms(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(|part| part.parse::<i64>().ok().filter(|n| (0..=60).contains(n)));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(((hours * 60 + minutes) * 60 + seconds) * 1000)
}

/// Days from 1970-01-01 to this day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_of_both_kinds_are_read() {
        assert_eq!(iso_date("2026-11-22T01:41:01.500Z"), Some(Timestamp(1_795_311_661_500)));
        assert_eq!(iso_date("1970-01-01T00:00:00Z"), Some(Timestamp(0)));
        assert_eq!(http_date("Sun, 22 Nov 2026 01:41:01 GMT"), Some(Timestamp(1_795_311_661_000)));
        assert_eq!(http_date("Thu, 29 Feb 2024 00:00:00 GMT"), Some(Timestamp(1_709_164_800_000)));
        for bad in ["", "T", "2026-13-01T00:00:00Z", "2026-01-01T0:0Z", "x", "-1-1-1T1:1:1Z", "2026-01-01T00:00:00.éZ"]
        {
            assert_eq!(iso_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn odd_keys_do_not_break_a_page() {
        let xml = br#"<?xml version="1.0"?><ListBucketResult xmlns="x"><Name>b</Name><Prefix/>
            <IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>
            <Contents><Key>a//b</Key><LastModified>1970-01-01T00:00:01Z</LastModified><ETag>&quot;e&quot;</ETag>
            <Size>3</Size><Owner><ID>o</ID></Owner></Contents>
            <Contents><Key>c/../up &#xe9;</Key><Size>0</Size></Contents>
            <CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>"#;
        let page = ListPage::decode(xml).unwrap();
        let names: Vec<_> = page.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["a//b", "c/../up é", "p/"]);
        assert_eq!(page.entries[0].modified, Some(Timestamp(1000)));
        assert_eq!(page.entries[0].etag.as_deref(), Some("\"e\""));
        assert_eq!((page.truncated, page.next.as_deref()), (true, Some("a&b")));
    }

    #[test]
    fn keys_encoded_for_urls_are_decoded() {
        let xml = b"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a+b%2B%25%C3%A9%0A%</Key>\
            </Contents></ListBucketResult>";
        assert_eq!(ListPage::decode(xml).unwrap().entries[0].name, "a b+%é\n%");
    }

    #[test]
    fn pages_of_proxies_are_no_answers() {
        for page in ["<html><body>404</body></html>", "not found", "", "<ListBucketResult>", "<Error></Error>"] {
            assert!(ListPage::decode(page.as_bytes()).is_err(), "{page}");
            assert_eq!(Refusal::decode(page.as_bytes()), None, "{page}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,80}") {
            let _ = (ListPage::decode(&bytes), Refusal::decode(&bytes), element(&bytes, "x"));
            let xml = format!("<ListBucketResult><Contents><Key>{text}</Key></Contents></ListBucketResult>");
            let _ = ListPage::decode(xml.as_bytes());
            let _ = (iso_date(&text), http_date(&text), unescape(&text));
        }
    }
}
