//! Thrift in its two protocols: what Jaeger takes over HTTP, and what it takes in datagrams.
//!
//! Source: Apache Thrift, binary and compact protocol encoding.

/// A value.
pub(super) enum Thrift {
    Bool(bool),
    I32(i32),
    I64(i64),
    Double(f64),
    Text(String),
    /// Structs, one after the other.
    List(Vec<Thrift>),
    /// Fields by number, ascending; those without value are left out.
    Struct(Vec<(i16, Thrift)>),
}

impl Thrift {
    /// The value in the binary protocol.
    pub(super) fn binary(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bool(value) => out.push(u8::from(*value)),
            Self::I32(value) => out.extend(value.to_be_bytes()),
            Self::I64(value) => out.extend(value.to_be_bytes()),
            Self::Double(value) => out.extend(value.to_be_bytes()),
            Self::Text(text) => {
                out.extend(length(text.len()).to_be_bytes());
                out.extend(text.as_bytes());
            }
            Self::List(items) => {
                out.push(12);
                out.extend(length(items.len()).to_be_bytes());
                items.iter().for_each(|item| item.binary(out));
            }
            Self::Struct(fields) => {
                for (id, value) in fields {
                    out.push(match value {
                        Self::Bool(_) => 2,
                        Self::Double(_) => 4,
                        Self::I32(_) => 8,
                        Self::I64(_) => 10,
                        Self::Text(_) => 11,
                        Self::Struct(_) => 12,
                        Self::List(_) => 15,
                    });
                    out.extend(id.to_be_bytes());
                    value.binary(out);
                }
                out.push(0);
            }
        }
    }

    /// The value in the compact protocol. A truth value has none: it stands in the head of its field.
    pub(super) fn compact(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bool(_) => {}
            Self::I32(value) => varint(zigzag(i64::from(*value)), out),
            Self::I64(value) => varint(zigzag(*value), out),
            Self::Double(value) => out.extend(value.to_le_bytes()),
            Self::Text(text) => {
                varint(text.len() as u64, out);
                out.extend(text.as_bytes());
            }
            Self::List(items) => {
                match u8::try_from(items.len()) {
                    Ok(few @ 0..15) => out.push(few << 4 | 12),
                    _ => {
                        out.push(0xf0 | 12);
                        varint(items.len() as u64, out);
                    }
                }
                items.iter().for_each(|item| item.compact(out));
            }
            Self::Struct(fields) => {
                let mut last = 0;
                for (id, value) in fields {
                    let kind = match value {
                        Self::Bool(true) => 1,
                        Self::Bool(false) => 2,
                        Self::I32(_) => 5,
                        Self::I64(_) => 6,
                        Self::Double(_) => 7,
                        Self::Text(_) => 8,
                        Self::List(_) => 9,
                        Self::Struct(_) => 12,
                    };
                    match u8::try_from(id - last) {
                        Ok(step @ 1..=15) => out.push(step << 4 | kind),
                        _ => {
                            out.push(kind);
                            varint(zigzag(i64::from(*id)), out);
                        }
                    }
                    last = *id;
                    value.compact(out);
                }
                out.push(0);
            }
        }
    }
}

/// A call of `method` that nobody answers, in the compact protocol, with this argument.
pub(super) fn one_way(method: &str, argument: Thrift) -> Vec<u8> {
    // Protocol, kind of message and version, number of the call.
    let mut out = vec![0x82, 4 << 5 | 1, 0];
    varint(method.len() as u64, &mut out);
    out.extend(method.as_bytes());
    Thrift::Struct(vec![(1, argument)]).compact(&mut out);
    out
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("batches are far below 4 GiB")
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value() -> Thrift {
        Thrift::Struct(vec![
            (1, Thrift::Text("ab".to_owned())),
            (2, Thrift::I32(-1)),
            (5, Thrift::Bool(true)),
            (21, Thrift::I64(300)),
            (22, Thrift::List(vec![Thrift::Struct(vec![(1, Thrift::Double(1.0))])])),
        ])
    }

    #[test]
    fn the_binary_protocol_has_types_numbers_and_sizes_at_full_width() {
        let mut out = Vec::new();
        value().binary(&mut out);
        let expected: Vec<u8> = [
            &[11, 0, 1, 0, 0, 0, 2, b'a', b'b'][..],
            &[8, 0, 2, 0xff, 0xff, 0xff, 0xff],
            &[2, 0, 5, 1],
            &[10, 0, 21, 0, 0, 0, 0, 0, 0, 1, 44],
            &[15, 0, 22, 12, 0, 0, 0, 1, 4, 0, 1, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0],
            &[0],
        ]
        .concat();
        assert_eq!(out, expected);
    }

    #[test]
    fn the_compact_protocol_has_steps_and_variable_widths() {
        let out = one_way("f", value());
        let expected: Vec<u8> = [
            &[0x82, 0x81, 0, 1, b'f', 0x1c][..],
            &[0x18, 2, b'a', b'b', 0x15, 1, 0x31],
            &[0x06, 42, 0xd8, 4],
            &[0x19, 0x1c, 0x17, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0],
            &[0, 0],
        ]
        .concat();
        assert_eq!(out, expected);
    }
}
