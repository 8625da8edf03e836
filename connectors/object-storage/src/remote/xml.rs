//! XML as the stores answer in: small, read whole, the order of its elements kept.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;

/// A document that was read. It borrows from what was read, and is one list however many elements there are.
pub(crate) struct Document<'a> {
    /// The elements in the order in which they begin, each before what lies in it.
    nodes: Vec<Node<'a>>,
}

struct Node<'a> {
    /// Without a namespace.
    name: &'a str,
    /// As they stand in the tag.
    attributes: &'a str,
    text: Cow<'a, str>,
    /// How many of the nodes behind it lie in it.
    inside: usize,
}

/// An element: its name without a namespace, its own text, what lies in it.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    node: &'a Node<'a>,
    inside: &'a [Node<'a>],
}

/// How deep elements lie in one another at most.
const MAX_DEPTH: usize = 16;

impl<'a> Document<'a> {
    /// Reads a document; `None` when it is none.
    pub(crate) fn parse(document: &'a [u8]) -> Option<Self> {
        let document = std::str::from_utf8(document).ok()?;
        // The reader does not count it in its positions.
        let document = document.strip_prefix('\u{feff}').unwrap_or(document);
        let mut reader = Reader::from_str(document);
        let mut nodes: Vec<Node<'a>> = Vec::new();
        // Which elements are open, the outermost first.
        let mut open: Vec<usize> = Vec::new();
        loop {
            let begin = usize::try_from(reader.buffer_position()).ok()?;
            let text = match reader.read_event().ok()? {
                Event::Start(start) if open.len() < MAX_DEPTH => {
                    open.push(nodes.len());
                    nodes.push(Node::begun(document.get(begin..)?, &start)?);
                    continue;
                }
                Event::Empty(empty) => {
                    nodes.push(Node::begun(document.get(begin..)?, &empty)?);
                    continue;
                }
                Event::End(_) => {
                    let index = open.pop()?;
                    let inside = nodes.len() - index - 1;
                    nodes.get_mut(index)?.inside = inside;
                    continue;
                }
                Event::Text(text) => text.into_inner(),
                Event::CData(text) => text.into_inner(),
                Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                    Some(one) => one.to_string().into(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference)?.into(),
                },
                Event::Eof => break,
                Event::Start(_) => return None,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => continue,
            };
            if let Some(&index) = open.last() {
                nodes.get_mut(index)?.append(text);
            }
        }
        (open.is_empty() && !nodes.is_empty()).then_some(Self { nodes })
    }

    /// The element that everything else lies in.
    pub(crate) fn root(&self) -> Element<'_> {
        elements(&self.nodes).next().unwrap_or_default()
    }
}

impl<'a> Node<'a> {
    /// What a tag begins. The event's own name does not live as long as the document, so it is taken from there.
    fn begun(document: &'a str, start: &BytesStart<'_>) -> Option<Self> {
        let tag = document.strip_prefix('<')?.get(..start.len())?;
        let (name, attributes) = tag.split_at_checked(start.name().as_ref().len())?;
        if !Attributes::new(attributes, 0).all(|attribute| attribute.is_ok()) {
            return None;
        }
        Some(Self {
            name: QName(name).local_name().into_inner(),
            attributes,
            text: Cow::Borrowed(""),
            inside: 0,
        })
    }

    fn append(&mut self, piece: Cow<'a, str>) {
        if self.text.is_empty() {
            self.text = piece;
        } else {
            self.text.to_mut().push_str(&piece);
        }
    }
}

/// Elements that lie side by side.
fn elements<'a>(mut nodes: &'a [Node<'a>]) -> impl Iterator<Item = Element<'a>> {
    std::iter::from_fn(move || {
        let (node, behind) = nodes.split_first()?;
        let (inside, next) = behind.split_at_checked(node.inside)?;
        nodes = next;
        Some(Element { node, inside })
    })
}

impl<'a> Element<'a> {
    pub(crate) fn name(self) -> &'a str {
        self.node.name
    }

    /// What lies in it, the order kept.
    pub(crate) fn children(self) -> impl Iterator<Item = Self> {
        elements(self.inside)
    }

    /// The first element of this name in it.
    pub(crate) fn child(self, name: &str) -> Option<Self> {
        self.children().find(|child| child.name() == name)
    }

    /// The text of the first element of this name in it; empty when there is none.
    pub(crate) fn text(self, name: &str) -> &'a str {
        self.child(name).map_or("", Self::own_text)
    }

    /// The same where empty means nothing.
    pub(crate) fn some_text(self, name: &str) -> Option<String> {
        Some(self.text(name))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    }

    pub(crate) fn own_text(self) -> &'a str {
        &self.node.text
    }

    pub(crate) fn attribute(self, name: &str) -> Option<Cow<'a, str>> {
        let mut attributes = Attributes::new(self.node.attributes, 0).flatten();
        let found = attributes.find(|one| one.key.local_name().as_ref() == name);
        found.map(|one| one.value)
    }
}

/// One in which there is nothing.
impl Default for Element<'_> {
    fn default() -> Self {
        static NOTHING: Node<'static> = Node {
            name: "",
            attributes: "",
            text: Cow::Borrowed(""),
            inside: 0,
        };
        Self {
            node: &NOTHING,
            inside: &[],
        }
    }
}

/// A text as it stands in an element, copied only where it must be. `None` when XML 1.0 has no way to write it.
pub(crate) fn escaped(text: &str) -> Option<Cow<'_, str>> {
    let is_plain = |b| matches!(b, b' '..=b'~') && !matches!(b, b'&' | b'<' | b'>');
    if text.bytes().all(is_plain) {
        return Some(Cow::Borrowed(text));
    }
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
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_order_and_every_character_of_their_text() {
        let document = "<?xml version=\"1.0\"?><L xmlns=\"x\"><V><K> a &amp; &#233;<![CDATA[<b>]]> </K></V><D/><V><K/></V></L>";
        let list = Document::parse(document.as_bytes()).unwrap();
        let children: Vec<Element<'_>> = list.root().children().collect();
        let names: Vec<&str> = children.iter().map(|one| one.name()).collect();
        assert_eq!(names, ["V", "D", "V"]);
        assert_eq!(children[0].text("K"), " a & é<b> ");
        assert_eq!(children[2].some_text("K"), None);
    }

    #[test]
    fn an_element_has_what_lies_in_it_and_nothing_of_its_neighbours() {
        let document = "\u{feff}<!-- <a> --><x:L><A><B><C>1</C></B><D>2</D></A> <D y:of = 'a &lt;' o=\"p\">3</D ><B/></x:L>\n";
        let document = Document::parse(document.as_bytes()).unwrap();
        let root = document.root();
        assert_eq!(root.name(), "L");
        assert_eq!(root.children().count(), 3);
        assert_eq!(root.text("C"), "");
        assert_eq!(root.text("D"), "3");
        let a = root.child("A").unwrap();
        assert_eq!(a.text("D"), "2");
        assert_eq!(a.child("B").unwrap().text("C"), "1");
        assert_eq!(root.child("B").unwrap().children().count(), 0);
        let d = root.child("D").unwrap();
        assert_eq!(d.attribute("of").unwrap(), "a &lt;");
        assert_eq!(d.attribute("o").unwrap(), "p");
        assert!(d.attribute("y").is_none() && a.attribute("of").is_none());
    }

    #[test]
    fn what_is_no_document_is_none() {
        for document in [
            "",
            "no",
            "<a>",
            "<a></b>",
            "<a>&nope;</a>",
            "<a b></a>",
            "</a>",
        ] {
            assert!(Document::parse(document.as_bytes()).is_none(), "{document}");
        }
        assert!(Document::parse(&[0xff, b'<']).is_none());
        assert!(Document::parse("<a>".repeat(100_000).as_bytes()).is_none());
    }

    #[test]
    fn a_text_is_escaped_or_refused() {
        assert_eq!(
            escaped("a<b>&\"'\r ü").unwrap(),
            "a&lt;b&gt;&amp;\"'&#13; ü"
        );
        assert_eq!(escaped("a\u{1}"), None);
        assert!(matches!(escaped("users/7/a b.txt"), Some(Cow::Borrowed(_))));
    }
}
