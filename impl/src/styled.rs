//! Text for people: pieces, each with a style, and the one place that keeps a terminal from being
//! told what to do by the titles, values and names that are printed.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

/// As it is.
pub const PLAIN: Style = Style::new();
/// The name of something.
pub const NAME: Style = Style::new().bold();
/// What is beside the point.
pub const ASIDE: Style = Style::new().dimmed();
/// What holds.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is violated, as somebody may expect.
pub const BAD: Style = AnsiColor::Yellow.on_default();
/// What was reached.
pub const REACHED: Style = AnsiColor::Cyan.on_default();
/// What differs from what was expected.
pub const WRONG: Style = AnsiColor::Red.on_default().bold();

/// How wide a line of running text or of an overview is at most, in characters.
pub const WIDTH: usize = 80;

/// A text in lines of at most [`WIDTH`], the first after `start` and the others indented as far.
#[must_use]
pub fn wrapped(start: &str, text: &str) -> String {
    let indent = " ".repeat(start.chars().count());
    let options = textwrap::Options::new(WIDTH).initial_indent(start).subsequent_indent(&indent);
    // Words are not broken: names and numbers must stay findable.
    let options = options.break_words(false).word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text.trim(), options).join("\n")
}

/// Text in pieces.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Styled {
    pieces: Vec<(Style, String)>,
}

impl Styled {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Styled::default()
    }

    /// Adds text in this style.
    pub fn push(&mut self, style: Style, text: impl Into<String>) {
        self.pieces.push((style, text.into()));
    }

    /// Adds what is said elsewhere.
    pub fn append(&mut self, other: Styled) {
        self.pieces.extend(other.pieces);
    }

    /// The text alone, fit for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| escaped(text)).collect()
    }

    /// The text, fit for a terminal, with the sequences that style it.
    #[must_use]
    pub fn rendered(&self) -> String {
        let mut rendered = String::new();
        for (style, text) in &self.pieces {
            let _ = write!(rendered, "{style}{}{style:#}", escaped(text));
        }
        rendered
    }
}

impl From<&str> for Styled {
    fn from(text: &str) -> Self {
        Styled::from(text.to_owned())
    }
}

impl From<&String> for Styled {
    fn from(text: &String) -> Self {
        Styled::from(text.to_owned())
    }
}

impl From<String> for Styled {
    fn from(text: String) -> Self {
        Styled { pieces: Vec::from([(PLAIN, text)]) }
    }
}

/// Whether a character does something to a terminal beyond standing there: control characters but
/// for ends of lines and tabs, and those that turn the direction of what follows.
fn commands_a_terminal(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    turns || (character.is_control() && character != '\n' && character != '\t')
}

/// The text with everything written out that would command a terminal: `\u{1b}` for an escape.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(commands_a_terminal) {
        return Cow::Borrowed(text);
    }
    let written = |character: char| {
        if commands_a_terminal(character) {
            character.escape_default().to_string()
        } else {
            character.to_string()
        }
    };
    Cow::Owned(text.chars().map(written).collect())
}

/// A JSON document with everything escaped that would command a terminal. It says the same: such
/// characters stand in strings only, and serde_json escapes but some of them.
#[must_use]
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    if !json.contains(commands_a_terminal) {
        return Cow::Borrowed(json);
    }
    let written = |character: char| {
        if commands_a_terminal(character) {
            format!("\\u{:04x}", u32::from(character))
        } else {
            character.to_string()
        }
    };
    Cow::Owned(json.chars().map(written).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_command_a_terminal_is_written_out_and_layout_stays() {
        assert_eq!(
            escaped("a\x1b[2J\r\u{9b}b\u{202e}c\td\n"),
            "a\\u{1b}[2J\\r\\u{9b}b\\u{202e}c\td\n"
        );
        assert_eq!(escaped("plain: ä ✓\n"), "plain: ä ✓\n");
    }

    #[test]
    fn only_the_styles_of_a_text_command_the_terminal() {
        let mut styled = Styled::from("title \x1b]0;x\x07");
        styled.push(WRONG, "WRONG");
        assert_eq!(styled.text(), "title \\u{1b}]0;x\\u{7}WRONG");
        assert_eq!(styled.rendered(), format!("title \\u{{1b}}]0;x\\u{{7}}{WRONG}WRONG{WRONG:#}"));
    }

    #[test]
    fn json_means_the_same_with_everything_escaped_that_commands_a_terminal() {
        let value = serde_json::json!({ "a": "\u{9b}\u{7f}\u{202e}\n\u{1b}" });
        let text = serde_json::to_string_pretty(&value).expect("it can be written");
        let escaped = escaped_json(&text);
        assert!(!escaped.contains(commands_a_terminal), "{escaped}");
        let read: serde_json::Value = serde_json::from_str(&escaped).expect("it is JSON");
        assert_eq!(read, value);
    }
}
