//! XML as the stores answer in: small, read whole, the order of its elements kept.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// An element: its name without a namespace, its own text, what lies in it.
#[derive(Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    text: String,
    attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
}

/// How deep elements lie in one another at most.
const MAX_DEPTH: usize = 16;

impl Element {
    /// Reads a document; `None` when it is none.
    pub(crate) fn parse(document: &[u8]) -> Option<Self> {
        let document = std::str::from_utf8(document).ok()?;
        let mut reader = Reader::from_str(document);
        // The elements that are open, the outermost first; the first stands for the document.
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) if open.len() < MAX_DEPTH => open.push(Self {
                    name: start.local_name().as_ref().to_owned(),
                    attributes: attributes(&start)?,
                    ..Self::default()
                }),
                Event::Empty(empty) => open.last_mut()?.children.push(Self {
                    name: empty.local_name().as_ref().to_owned(),
                    ..Self::default()
                }),
                Event::Text(text) => open.last_mut()?.text.push_str(&text),
                Event::CData(text) => open.last_mut()?.text.push_str(&text),
                Event::GeneralRef(reference) => {
                    let resolved = match reference.resolve_char_ref().ok()? {
                        Some(one) => one.to_string(),
                        None => {
                            quick_xml::escape::resolve_predefined_entity(&reference)?.to_owned()
                        }
                    };
                    open.last_mut()?.text.push_str(&resolved);
                }
                Event::End(_) => {
                    let done = open.pop()?;
                    open.last_mut()?.children.push(done);
                }
                Event::Eof => break,
                Event::Start(_) => return None,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        let [document] = <[Self; 1]>::try_from(open).ok()?;
        document.children.into_iter().next()
    }

    /// The first element of this name in it.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first element of this name in it; empty when there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.as_str())
    }

    /// The same where empty means nothing.
    pub(crate) fn some_text(&self, name: &str) -> Option<String> {
        Some(self.text(name))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    }

    pub(crate) fn own_text(&self) -> &str {
        &self.text
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn attributes(start: &BytesStart<'_>) -> Option<Vec<(String, String)>> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let name = attribute.key.local_name().as_ref().to_owned();
        attributes.push((name, attribute.value.clone().into_owned()));
    }
    Some(attributes)
}

/// A text as it stands in an element. `None` when XML 1.0 has no way to write it.
pub(crate) fn escaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Left as they are, a parser takes the first for a line break and may trim the others.
            '\r' => out.push_str("&#13;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_order_and_every_character_of_their_text() {
        let document = "<?xml version=\"1.0\"?><L xmlns=\"x\"><V><K> a &amp; &#233;<![CDATA[<b>]]> </K></V><D/><V><K/></V></L>";
        let list = Element::parse(document.as_bytes()).unwrap();
        let names: Vec<&str> = list.children.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["V", "D", "V"]);
        assert_eq!(list.children[0].text("K"), " a & é<b> ");
        assert_eq!(list.children[2].some_text("K"), None);
    }

    #[test]
    fn what_is_no_document_is_none() {
        for document in ["", "no", "<a>", "<a></b>", "<a>&nope;</a>"] {
            assert!(Element::parse(document.as_bytes()).is_none(), "{document}");
        }
        assert!(Element::parse(&[0xff, b'<']).is_none());
        assert!(Element::parse("<a>".repeat(100_000).as_bytes()).is_none());
    }

    #[test]
    fn a_text_is_escaped_or_refused() {
        assert_eq!(
            escaped("a<b>&\"'\r ü").unwrap(),
            "a&lt;b&gt;&amp;\"'&#13; ü"
        );
        assert_eq!(escaped("a\u{1}"), None);
    }
}
