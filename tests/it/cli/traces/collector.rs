//! A collector of OTLP over HTTP in the test's process, and what it was sent.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// How it behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    Good,
    Refusing,
    /// It takes everything and never says a word.
    Silent,
}

pub(super) struct Collector {
    pub(super) address: String,
    requests: Arc<Mutex<Vec<Received>>>,
}

/// A request.
#[derive(Clone)]
pub(super) struct Received {
    pub(super) head: String,
    pub(super) resource: BTreeMap<String, String>,
    pub(super) spans: Vec<Span>,
}

/// A span; ids in hexadecimal digits.
#[derive(Clone, Debug, Default)]
pub(super) struct Span {
    pub(super) name: String,
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) kind: u64,
    pub(super) begun: u64,
    pub(super) ended: u64,
    pub(super) attributes: BTreeMap<String, String>,
    /// What its event says, if its status is that of an error.
    pub(super) error: Option<String>,
}

impl Collector {
    pub(super) fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::<Mutex<Vec<Received>>>::default();
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, manners, &kept));
            }
        });
        Self { address, requests }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        self.received().into_iter().flat_map(|request| request.spans).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.spans().len()
    }
}

fn serve(mut stream: TcpStream, manners: Manners, kept: &Mutex<Vec<Received>>) {
    while let Some((head, body)) = request(&mut stream) {
        let answer = match manners {
            Manners::Good => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            Manners::Refusing => "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno\n",
            Manners::Silent => continue,
        };
        kept.lock().unwrap().push(decoded(head, &body));
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.to_lowercase().split_once("content-length: ").unwrap().1.split("\r\n").next().unwrap().to_owned();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// A field of a message: its number, its value, its bytes.
type Field<'a> = (u64, u64, &'a [u8]);

fn fields(mut bytes: &[u8]) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let (value, content): (u64, &[u8]) = match key & 7 {
            0 => (varint(&mut bytes), &[]),
            1 => (u64::from_le_bytes(taken(&mut bytes, 8).try_into().unwrap()), &[]),
            5 => (u32::from_le_bytes(taken(&mut bytes, 4).try_into().unwrap()).into(), &[]),
            2 => {
                let length = varint(&mut bytes);
                (0, taken(&mut bytes, length.try_into().unwrap()))
            }
            wire => panic!("no wire type: {wire}"),
        };
        found.push((key >> 3, value, content));
    }
    found
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = taken(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn taken<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn pair(bytes: &[u8]) -> (String, String) {
    let fields = fields(bytes);
    let part = |number| fields.iter().find(|(field, ..)| *field == number).unwrap().2;
    (text(part(1)), self::fields(part(2)).first().map(|(_, _, value)| text(value)).unwrap_or_default())
}

fn decoded(head: String, body: &[u8]) -> Received {
    let mut received = Received { head, resource: BTreeMap::new(), spans: Vec::new() };
    for (_, _, of_resource) in fields(body) {
        for (number, _, content) in fields(of_resource) {
            match number {
                1 => received.resource.extend(fields(content).into_iter().map(|(_, _, bytes)| pair(bytes))),
                _ => {
                    let spans = fields(content).into_iter().filter(|(number, ..)| *number == 2);
                    received.spans.extend(spans.map(|(_, _, bytes)| span(bytes)));
                }
            }
        }
    }
    received
}

fn span(bytes: &[u8]) -> Span {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (mut span, mut said, mut failed) = (Span::default(), BTreeMap::new(), false);
    for (number, value, content) in fields(bytes) {
        match number {
            1 => span.trace = hex(content),
            2 => span.id = hex(content),
            4 => span.parent = hex(content),
            5 => span.name = text(content),
            6 => span.kind = value,
            7 => span.begun = value,
            8 => span.ended = value,
            9 => span.attributes.extend([pair(content)]),
            11 => said.extend(fields(content).into_iter().filter(|(at, ..)| *at == 3).map(|(_, _, bytes)| pair(bytes))),
            15 => failed = fields(content) == [(3, 2, &[][..])],
            _ => {}
        }
    }
    span.error = failed.then(|| said["error.object"].clone());
    span
}
