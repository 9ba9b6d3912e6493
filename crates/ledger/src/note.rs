//! C2SP signed notes: a text and the signatures under it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;

use crate::hash::sha256;

/// The longest note that is read: room for a checkpoint and some hundred cosignatures.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;
/// The most signatures that are read; the standard asks for 16 at least.
pub const MAX_SIGNATURES: usize = 256;
/// The longest name of a key in bytes.
const MAX_NAME_BYTES: usize = 255;
/// An em dash and a space begin a signature's line.
const SIGNATURE_LINE: &str = "\u{2014} ";

/// A text with signatures that nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A line under a note: who says to have signed, and the signature in the form of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    pub name: String,
    /// The first four bytes of a hash over name, kind and public key.
    pub key_hash: u32,
    pub signature: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNote {
    #[error("the note is longer than {MAX_NOTE_BYTES} bytes")]
    TooLong,
    #[error("the note holds a control character")]
    Control,
    #[error("the note has no empty line between text and signatures")]
    Unsigned,
    #[error("the note's text does not end with a newline")]
    Text,
    #[error("a signature's line is not a dash, a name and base64")]
    Signature,
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
}

/// Tells whether a text can name a key.
pub(crate) fn is_key_name(name: &str) -> bool {
    let allowed = |letter: char| !letter.is_whitespace() && !letter.is_control() && letter != '+';
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.chars().all(allowed)
}

/// Returns the number by which a signature's line names its key.
pub(crate) fn key_hash(name: &str, kind: u8, key: &VerifyingKey) -> u32 {
    let hash = sha256(&[name.as_bytes(), b"\n", &[kind], key.as_bytes()]);
    u32::from_be_bytes([hash.0[0], hash.0[1], hash.0[2], hash.0[3]])
}

impl SignedNote {
    /// Makes a note of a text, which must end with a newline.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidNote> {
        let note = Self { text: text.into(), signatures: Vec::new() };
        if note.text.len() > MAX_NOTE_BYTES {
            return Err(InvalidNote::TooLong);
        }
        check_characters(&note.text)?;
        if note.text.ends_with('\n') { Ok(note) } else { Err(InvalidNote::Text) }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Returns what this key is said to have signed.
    pub(crate) fn of_key(&self, name: &str, key_hash: u32) -> impl Iterator<Item = &[u8]> {
        let same = move |signature: &&NoteSignature| signature.key_hash == key_hash && signature.name == name;
        self.signatures.iter().filter(same).map(|signature| signature.signature.as_slice())
    }

    /// Adds a signature, unless it is there already.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), InvalidNote> {
        if self.signatures.contains(&signature) {
            return Ok(());
        }
        if !is_key_name(&signature.name) || signature.signature.is_empty() {
            return Err(InvalidNote::Signature);
        }
        if self.signatures.len() == MAX_SIGNATURES {
            return Err(InvalidNote::TooManySignatures);
        }
        self.signatures.push(signature);
        Ok(())
    }
}

fn check_characters(text: &str) -> Result<(), InvalidNote> {
    let allowed = |byte: u8| byte >= 0x20 || byte == b'\n';
    if text.bytes().all(allowed) { Ok(()) } else { Err(InvalidNote::Control) }
}

impl FromStr for SignedNote {
    type Err = InvalidNote;
    fn from_str(note: &str) -> Result<Self, Self::Err> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(InvalidNote::TooLong);
        }
        check_characters(note)?;
        let (before, lines) = note.rsplit_once("\n\n").ok_or(InvalidNote::Unsigned)?;
        let mut read = Self::new(format!("{before}\n"))?;
        let lines = lines.strip_suffix('\n').ok_or(InvalidNote::Signature)?;
        for line in lines.split('\n') {
            read.add(line.parse()?)?;
        }
        Ok(read)
    }
}

impl FromStr for NoteSignature {
    type Err = InvalidNote;
    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let parts = line.strip_prefix(SIGNATURE_LINE).and_then(|line| line.split_once(' '));
        let (name, encoded) = parts.ok_or(InvalidNote::Signature)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidNote::Signature)?;
        let (hash, signature) = bytes.split_first_chunk::<4>().ok_or(InvalidNote::Signature)?;
        if !is_key_name(name) || signature.is_empty() {
            return Err(InvalidNote::Signature);
        }
        let key_hash = u32::from_be_bytes(*hash);
        Ok(Self { name: name.to_owned(), key_hash, signature: signature.to_vec() })
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_hash.to_be_bytes(), self.signature.as_slice()].concat();
        write!(f, "{SIGNATURE_LINE}{} {}", self.name, STANDARD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{LogKey, NOTE_SIGNATURE};
    use ed25519_dalek::Signature;

    /// From golang.org/x/mod/sumdb/note, the reference implementation.
    const REFERENCE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_reference_note_of_go_is_read_checked_and_written_alike() {
        let note: SignedNote = REFERENCE.parse().unwrap();
        assert_eq!(note.to_string(), REFERENCE);
        let key: LogKey =
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
        let hash = key_hash(key.origin(), NOTE_SIGNATURE, key.key());
        let signature = note.of_key(key.origin(), hash).next().unwrap();
        let signature = Signature::from_slice(signature).unwrap();
        key.key().verify_strict(note.text().as_bytes(), &signature).unwrap();
    }

    #[test]
    fn a_text_may_hold_empty_lines() {
        let note: SignedNote = "a\n\nb\n\n\u{2014} n AAAAAAA=\n".parse().unwrap();
        assert_eq!(note.text(), "a\n\nb\n");
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let cases = [
            ("", InvalidNote::Unsigned),
            ("text\n", InvalidNote::Unsigned),
            ("text\n\n", InvalidNote::Signature),
            ("text\n\n\u{2014} n AAAAAAA=", InvalidNote::Signature),
            ("text\n\n- n AAAAAAA=\n", InvalidNote::Signature),
            ("text\n\n\u{2014} n AAAAAA==\n", InvalidNote::Signature),
            ("text\n\n\u{2014} n+m AAAAAAA=\n", InvalidNote::Signature),
            ("text\r\n\n\u{2014} n AAAAAAA=\n", InvalidNote::Control),
        ];
        for (text, fault) in cases {
            assert_eq!(text.parse::<SignedNote>(), Err(fault), "{text:?}");
        }
        let long = "x".repeat(MAX_NOTE_BYTES + 1);
        assert_eq!(long.parse::<SignedNote>(), Err(InvalidNote::TooLong));
        let lines: String = (0..=MAX_SIGNATURES).map(|n| format!("\u{2014} n{n} AAAAAAA=\n")).collect();
        assert_eq!(format!("t\n\n{lines}").parse::<SignedNote>(), Err(InvalidNote::TooManySignatures));
    }
}
