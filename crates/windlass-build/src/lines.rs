//! What a build prints, cut into lines.

/// A line is cut into pieces of this many bytes, so that output without line breaks takes no more memory than this.
const LONGEST: usize = 8 * 1024;

/// Bytes on their way to becoming lines. Colours and other escape sequences are left out, since a log is no terminal,
/// and of a line that is written over and over, as progress bars do, only the last state counts.
#[derive(Debug, Default)]
pub struct Lines {
    open: Vec<u8>,
}

impl Lines {
    /// Takes bytes, and hands on the lines that they end.
    pub fn take(&mut self, bytes: &[u8], mut tell: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, ends) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                Some(_) | None => (piece, false),
            };
            self.extend(text, &mut tell);
            if ends {
                self.flush(&mut tell);
            }
        }
    }

    /// Hands on what was left without a line break.
    pub fn finish(mut self, mut tell: impl FnMut(&str)) {
        if !self.open.is_empty() {
            self.flush(&mut tell);
        }
    }

    fn extend(&mut self, mut text: &[u8], tell: &mut impl FnMut(&str)) {
        while self.open.len() + text.len() > LONGEST {
            let (now, later) = text.split_at(LONGEST - self.open.len());
            self.open.extend_from_slice(now);
            // A character that does not fit whole goes into the next piece.
            let cut = self.open.len() - incomplete_tail(&self.open);
            let rest = self.open.split_off(cut);
            self.flush(tell);
            self.open = rest;
            text = later;
        }
        self.open.extend_from_slice(text);
    }

    fn flush(&mut self, tell: &mut impl FnMut(&str)) {
        tell(&shown(&String::from_utf8_lossy(&self.open)));
        self.open.clear();
    }
}

/// How many bytes at the end begin a character that is not whole.
fn incomplete_tail(bytes: &[u8]) -> usize {
    let Some(from_end) = bytes.iter().rev().take(4).position(|byte| byte & 0xC0 != 0x80) else { return 0 };
    let have = from_end + 1;
    let needs = match bytes[bytes.len() - have] {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 1,
    };
    // A piece that is nothing else has to get on.
    if have < needs && have < bytes.len() { have } else { 0 }
}

/// The line as a terminal would leave it, without its colours.
fn shown(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    let line = line.rsplit_once('\r').map_or(line, |(_, last)| last);
    if !line.contains(char::is_control) {
        return line.to_owned();
    }
    let mut shown = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' if chars.peek() == Some(&'[') => {
                // Up to and with the letter that ends the sequence.
                chars.by_ref().skip(1).find(|c| ('@'..='~').contains(c));
            }
            '\t' => shown.push(c),
            c if c.is_control() => {}
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut told) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.take(piece, |line| told.push(line.to_owned()));
        }
        lines.finish(|line| told.push(line.to_owned()));
        told
    }

    #[test]
    fn lines_are_whole_however_the_bytes_arrive() {
        assert_eq!(told(&[b"a\nb", b"c\n\nd"]), ["a", "bc", "", "d"]);
        assert_eq!(told(&["ä".as_bytes()[..1].as_ref(), &"ä\n".as_bytes()[1..]]), ["ä"]);
        assert!(told(&[]).is_empty());
    }

    #[test]
    fn colours_and_progress_bars_leave_what_a_terminal_shows() {
        assert_eq!(told(&[b"\x1b[32mok\x1b[0m\r\n10 %\r20 %\rdone\n\x07tab\there\n"]), ["ok", "done", "tab\there"]);
        assert_eq!(told(&[b"\x1b[\n\x1b\n"]), ["", ""]);
    }

    #[test]
    fn a_line_without_an_end_comes_in_pieces_that_break_no_character() {
        let long = "ü".repeat(LONGEST * 3);
        let told = told(&[long.as_bytes()]);
        assert!(told.len() > 5 && told.iter().all(|piece| piece.len() <= LONGEST));
        assert_eq!(told.concat(), long);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        assert_eq!(told(&[b"\xff\xfe\n"]), ["\u{fffd}\u{fffd}"]);
        let noise: Vec<u8> = std::iter::repeat_n(0x80_u8, LONGEST * 2 + 5).collect();
        assert_eq!(told(&[&noise]).len(), 3);
    }
}
