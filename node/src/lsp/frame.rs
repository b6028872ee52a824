//! Messages on a byte stream: a header with the length, then JSON.

use std::io::{self, BufRead, Read as _, Write};

use lsp_server::Message;
use serde_json::json;

/// Most bytes of one message. The largest document that is compiled is 1 MiB; its text may be sent
/// whole, every character escaped (`\u0001`), and with company. A larger message is passed over and
/// refused. Read, a message may be some ten times as large: `[0,0,…` is a list of values.
pub(super) const MESSAGE_BYTES_MAX: u64 = 8 << 20;
/// Most bytes of a line of a header; a longer one is no header, and the stream is given up.
const HEADER_BYTES_MAX: u64 = 4_096;
/// Most lines of a header.
const HEADER_COUNT_MAX: usize = 32;

/// What was read.
#[derive(Debug)]
pub(super) enum Frame {
    /// A message.
    Message(Message),
    /// Bytes that are none; the next message can be read. The number is a JSON-RPC error code.
    Malformed(i32, String),
}

/// Reads the header of a message: how many bytes it has. `None` at the end of the stream.
///
/// # Errors
/// The stream cannot be read, or is out of step: no header where one belongs.
pub(super) fn read_length(from: &mut impl BufRead) -> io::Result<Option<u64>> {
    let mut length: Option<u64> = None;
    let mut lines = 0;
    loop {
        let mut line = Vec::new();
        from.by_ref().take(HEADER_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() && lines == 0 {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') {
            return Err(invalid("the header ends in the middle of a line"));
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            break;
        }
        lines += 1;
        if lines > HEADER_COUNT_MAX {
            return Err(invalid("the header has more than 32 lines"));
        }
        let (name, value) =
            text.split_once(':').ok_or_else(|| invalid("a line of the header has no colon"))?;
        if name.eq_ignore_ascii_case("content-length") {
            let value = value.trim();
            length = Some(value.parse().map_err(|_| invalid("Content-Length is no number"))?);
        }
    }
    length.map(Some).ok_or_else(|| invalid("the header has no Content-Length"))
}

/// Reads a message of a length that its header gave.
///
/// # Errors
/// The stream cannot be read, or ends before the message does.
pub(super) fn read_body(from: &mut impl BufRead, length: u64) -> io::Result<Frame> {
    let mut body = from.by_ref().take(length);
    if length > MESSAGE_BYTES_MAX {
        let passed = io::copy(&mut body, &mut io::sink())?;
        if passed < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let why = format!("a message of {length} bytes, limit {MESSAGE_BYTES_MAX}");
        return Ok(Frame::Malformed(INVALID_REQUEST, why));
    }
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // An array would be read as the fields of a message, in order.
    let object = bytes.trim_ascii_start().first() == Some(&b'{');
    Ok(match serde_json::from_slice(&bytes) {
        Ok(_) if !object => Frame::Malformed(INVALID_REQUEST, "a message is an object".to_owned()),
        Ok(message) => Frame::Message(message),
        Err(error) if error.is_data() => {
            Frame::Malformed(INVALID_REQUEST, format!("no JSON-RPC message: {error}"))
        }
        Err(error) => Frame::Malformed(PARSE_ERROR, format!("not JSON: {error}")),
    })
}

const PARSE_ERROR: i32 = lsp_server::ErrorCode::ParseError as i32;
const INVALID_REQUEST: i32 = lsp_server::ErrorCode::InvalidRequest as i32;

/// Writes one message.
///
/// # Errors
/// The stream cannot be written.
pub(super) fn write(to: &mut impl Write, message: &Message) -> io::Result<()> {
    let mut value = serde_json::to_value(message)?;
    value["jsonrpc"] = json!("2.0");
    // A response without an error has a result, `null` included.
    if let Message::Response(response) = message
        && response.error.is_none()
        && response.result.is_none()
    {
        value["result"] = json!(null);
    }
    write_value(to, &value)
}

/// Answers a message that could not be read: nobody knows its number.
///
/// # Errors
/// As [`write()`].
pub(super) fn write_malformed(to: &mut impl Write, code: i32, why: &str) -> io::Result<()> {
    let error = json!({ "code": code, "message": why });
    write_value(to, &json!({ "jsonrpc": "2.0", "id": null, "error": error }))
}

fn write_value(to: &mut impl Write, value: &serde_json::Value) -> io::Result<()> {
    let text = serde_json::to_string(value)?;
    write!(to, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    to.flush()
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `None` at the end of the stream.
    fn read(from: &mut impl BufRead) -> io::Result<Option<Frame>> {
        read_length(from)?.map(|length| read_body(from, length)).transpose()
    }

    fn frame(body: &str) -> Vec<u8> {
        format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    #[test]
    fn what_is_malformed_is_passed_over_and_the_next_message_read() {
        let exit = frame(r#"{"jsonrpc":"2.0","method":"exit"}"#);
        for (bad, code) in [
            ("{", PARSE_ERROR),
            ("[1, 2]", INVALID_REQUEST),
            (r#"{"id": {}}"#, INVALID_REQUEST),
            ("\u{0}", PARSE_ERROR),
        ] {
            let bytes = [frame(bad), exit.clone()].concat();
            let mut bytes = bytes.as_slice();
            assert!(
                matches!(read(&mut bytes).unwrap(), Some(Frame::Malformed(found, _)) if found == code)
            );
            let next = read(&mut bytes).unwrap();
            assert!(matches!(next, Some(Frame::Message(Message::Notification(_)))));
            assert!(read(&mut bytes).unwrap().is_none());
        }
    }

    #[test]
    fn the_limit_of_a_message_is_exact() {
        let fill = |length: u64| format!("\"{}\"", "x".repeat(length as usize - 2));
        let at = frame(&fill(MESSAGE_BYTES_MAX));
        let Some(Frame::Malformed(_, why)) = read(&mut at.as_slice()).unwrap() else { panic!() };
        assert!(why.contains("no JSON-RPC message"), "{why}");
        let over = frame(&fill(MESSAGE_BYTES_MAX + 1));
        let Some(Frame::Malformed(_, why)) = read(&mut over.as_slice()).unwrap() else { panic!() };
        assert!(why.contains("8388609 bytes, limit 8388608"), "{why}");
        let lie = b"Content-Length: 18446744073709551615\r\n\r\nx";
        assert!(read(&mut lie.as_slice()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), body in ".{0,40}") {
            let _ = read(&mut bytes.as_slice());
            let _ = read(&mut frame(&body).as_slice());
            let _ = read(&mut [b"Content-Length: ".as_slice(), &bytes].concat().as_slice());
        }
    }
}
