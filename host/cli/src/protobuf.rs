//! Writing protocol buffers: fields one after the other, as the formats need that this program writes.
//!
//! Source: Protocol Buffers, Encoding.

/// A message under construction. Fields appear in the order in which they are written.
#[derive(Clone, Debug, Default)]
pub struct Message(Vec<u8>);

/// How a field's value is laid out.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

impl Message {
    /// An integer field.
    #[must_use]
    pub fn uint(mut self, field: u32, value: u64) -> Self {
        self.key(field, Wire::Varint);
        push_varint(&mut self.0, value);
        self
    }

    /// A field of 64 bits of floating point.
    #[must_use]
    pub fn double(self, field: u32, value: f64) -> Self {
        self.fixed64(field, value.to_bits())
    }

    /// A field of 64 bits.
    #[must_use]
    pub fn fixed64(mut self, field: u32, value: u64) -> Self {
        self.key(field, Wire::Fixed64);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A field of 32 bits.
    #[must_use]
    pub fn fixed32(mut self, field: u32, value: u32) -> Self {
        self.key(field, Wire::Fixed32);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A field of text or bytes.
    #[must_use]
    pub fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.key(field, Wire::Length);
        push_delimited(&mut self.0, value);
        self
    }

    /// A field that is a message itself.
    #[must_use]
    pub fn message(self, field: u32, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    /// A field of many integers in one.
    #[must_use]
    pub fn packed(self, field: u32, values: impl IntoIterator<Item = u64>) -> Self {
        let mut bytes = Vec::new();
        values.into_iter().for_each(|value| push_varint(&mut bytes, value));
        self.bytes(field, &bytes)
    }

    /// The message as it is sent.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Appends the message to `out` behind its length.
    pub fn push_to(&self, out: &mut Vec<u8>) {
        push_delimited(out, &self.0);
    }

    fn key(&mut self, field: u32, wire: Wire) {
        push_varint(&mut self.0, u64::from(field) << 3 | wire as u64);
    }
}

fn push_delimited(out: &mut Vec<u8>, bytes: &[u8]) {
    push_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_laid_out_as_the_format_says() {
        let inner = Message::default().uint(1, 150);
        let outer =
            Message::default().message(3, &inner).bytes(2, b"testing").double(4, 1.0).packed(6, [3, 270, 86942]);
        let mut expected = vec![0x1a, 3, 0x08, 0x96, 0x01, 0x12, 7];
        expected.extend(b"testing");
        expected.extend([0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x32, 6, 3, 0x8e, 0x02, 0x9e, 0xa7, 0x05]);
        assert_eq!(outer.clone().into_bytes(), expected);
        let mut framed = Vec::new();
        outer.push_to(&mut framed);
        assert_eq!(framed[0], 31);
        assert_eq!(framed[1..], expected);
    }

    #[test]
    fn numbers_of_fixed_size_begin_with_their_lowest_byte() {
        let message = Message::default().fixed64(7, 0x0102).fixed32(16, 257);
        assert_eq!(message.into_bytes(), [0x39, 2, 1, 0, 0, 0, 0, 0, 0, 0x85, 1, 1, 1, 0, 0]);
    }

    #[test]
    fn the_largest_integer_takes_ten_bytes() {
        let mut bytes = Vec::new();
        push_varint(&mut bytes, u64::MAX);
        assert_eq!(bytes.len(), 10);
        assert_eq!(bytes[9], 1);
    }
}
