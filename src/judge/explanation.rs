//! A page of plain text: what it says is settled, how wide it is comes last.

/// A page of paragraphs; each is wrapped between words when the page is laid out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation(Vec<Block>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Block {
    text: String,
    /// An empty line above it.
    is_apart: bool,
    /// Columns before its first line, and before the others.
    first: usize,
    others: usize,
}

impl Explanation {
    /// The page in lines of at most so many columns, a longer word aside, with a newline at its end.
    #[must_use]
    pub fn in_columns(&self, columns: usize) -> String {
        let mut out = String::new();
        for block in &self.0 {
            block.wrap(columns, &mut out);
        }
        out
    }

    pub(super) fn new(title: &str) -> Self {
        let mut page = Self(Vec::new());
        page.push(title, false, 0, 0);
        page
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.push(text, true, 0, 0);
    }

    pub(super) fn section(&mut self, heading: &str) {
        self.push(heading, true, 0, 0);
    }

    pub(super) fn item(&mut self, text: &str) {
        self.push(text, false, 2, 2);
    }

    /// One of several items: its further lines stand further in.
    pub(super) fn entry(&mut self, text: &str) {
        self.push(text, false, 2, 4);
    }

    fn push(&mut self, text: &str, is_apart: bool, first: usize, others: usize) {
        self.0.push(Block {
            text: text.to_owned(),
            is_apart,
            first,
            others,
        });
    }
}

impl Block {
    fn wrap(&self, columns: usize, out: &mut String) {
        if self.is_apart {
            out.push('\n');
        }
        let mut width = 0;
        for word in self.text.split_whitespace() {
            let length = word.chars().count();
            if width == 0 {
                width = indent(self.first, out);
            } else if width + 1 + length > columns {
                out.push('\n');
                width = indent(self.others, out);
            } else {
                out.push(' ');
                width += 1;
            }
            out.push_str(word);
            width += length;
        }
        out.push('\n');
    }
}

fn indent(columns: usize, out: &mut String) -> usize {
    out.extend(std::iter::repeat_n(' ', columns));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_as_wide_as_it_is_asked_to_be() {
        let mut page = Explanation::new("a title");
        page.paragraph("one two three four");
        page.entry("five six seven");
        assert_eq!(
            page.in_columns(80),
            "a title\n\none two three four\n  five six seven\n"
        );
        assert_eq!(
            page.in_columns(10),
            "a title\n\none two\nthree four\n  five six\n    seven\n"
        );
        assert_eq!(
            page.in_columns(1),
            "a\ntitle\n\none\ntwo\nthree\nfour\n  five\n    six\n    seven\n"
        );
    }
}
