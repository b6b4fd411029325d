//! Several values in one body: `multipart/mixed`, RFC 2046.

/// A boundary that none of the values holds.
pub(super) fn boundary(values: &[&[u8]]) -> String {
    loop {
        let boundary = format!("{:032x}", rand::random::<u128>());
        let is_in = |value: &&[u8]| value.windows(32).any(|window| window == boundary.as_bytes());
        if !values.iter().any(is_in) {
            return boundary;
        }
    }
}

/// A body with a part for each value.
pub(super) fn body(values: &[&[u8]], boundary: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for value in values {
        body.extend(
            format!("--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n").bytes(),
        );
        body.extend(*value);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_a_part_byte_for_byte() {
        let body = body(&[b"a\r\n\xff", b""], "XX");
        let part = "--XX\r\nContent-Type: application/octet-stream\r\n\r\n";
        let expected =
            [part.as_bytes(), b"a\r\n\xff\r\n", part.as_bytes(), b"\r\n--XX--\r\n"].concat();
        assert_eq!(body, expected);
    }
}
