//! What a peer says is text to whoever reads a report, whatever it is: no markup, no command, no end of a cell.
//!
//! The readers are not ours: an XML parser, a Markdown parser, a JSON parser. They have to see the same structure as when
//! the peer says a plain word.

use proptest::prelude::*;
use pulldown_cmark::{Event as Part, Options, Parser, Tag};

use exchports::facts::Text;
use exchports::report::Format;

use crate::report::{PLAIN, said_everywhere, told};

/// What means something to a reader of one report or another.
const PIECES: &[&str] = &[
    "::error title=x::",
    "::stop-commands::t",
    "##[error]",
    "##vso[task.complete]",
    "%0A::error::",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "]]>",
    "<img src=x onerror=a()>",
    "&lt;",
    "&#60;",
    "&",
    "\"",
    "'",
    "|",
    "\\|",
    "`",
    "```",
    "~~~~",
    "$(id)",
    "\r\n",
    "\n",
    "\n\n",
    "\n# ",
    "\n- ",
    "\n| a | b |",
    "\n    ",
    "**",
    "__",
    "~~",
    "[x](http://e.example)",
    "![x](http://e.example/p.png)",
    "[x]: http://e.example",
    "<http://e.example>",
    "https://e.example/",
    "www.e.example",
    "@somebody",
    "#1",
    "1. ",
    "> ",
    "<details>",
    "</details>",
    "<b>",
    "\u{0}",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{ffff}",
    "\u{2028}",
    "{{ x }}",
    "{% x %}",
    "\\",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn what_a_peer_says_is_text_in_every_report(bytes in said()) {
        let plain = said_everywhere(&Text::from("word"));
        let events = said_everywhere(&Text::from_bytes(&bytes));
        let both = |format| (told(&plain, format, PLAIN), told(&events, format, PLAIN));

        let (expected, markdown) = both(Format::Markdown);
        prop_assert_eq!(structure(&markdown), structure(&expected), "{}", markdown);

        let (expected, junit) = both(Format::Junit);
        prop_assert_eq!(elements(&junit), elements(&expected), "{}", junit);

        let (expected, html) = both(Format::Html);
        let (expected, html) = (split(&expected), split(&html));
        prop_assert_eq!(tags(html.0), tags(expected.0), "{}", html.0);
        prop_assert!(serde_json::from_str::<serde_json::Value>(html.1).is_ok(), "{}", html.1);

        let (_, commands) = both(Format::Github);
        for line in commands.lines() {
            let kinds = ["::error title=", "::warning title=", "::notice title="];
            prop_assert!(kinds.iter().any(|kind| line.starts_with(kind)), "{}", line);
        }
        for format in Format::ALL.into_iter().filter(|format| *format != Format::Github) {
            for line in told(&events, format, PLAIN).lines() {
                let is_command = line.contains("##[") || line.contains("##vso[") || is_workflow_command(line);
                prop_assert!(!is_command, "{:?}: {}", format, line);
            }
        }
    }
}

fn said() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        2 => proptest::collection::vec(b' '..=b'~', 1..10),
        1 => proptest::collection::vec(any::<u8>(), 1..6),
    ];
    // The word in front keeps fields from being empty, which would leave their element out.
    proptest::collection::vec(piece, 0..10)
        .prop_map(|pieces| [b"x".to_vec(), pieces.concat()].concat())
}

/// Everything in a Markdown text but its words.
fn structure(markdown: &str) -> Vec<String> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    Parser::new_ext(markdown, options)
        .filter_map(|part| match part {
            Part::Text(_) => None,
            // What keeps a name from being a mention, or an address from being a link.
            Part::InlineHtml(comment) if *comment == *"<!-- -->" => None,
            Part::Code(_) => Some("code".to_owned()),
            Part::Start(Tag::CodeBlock(_)) => Some("block of code".to_owned()),
            Part::Html(html) | Part::InlineHtml(html) => Some(html.trim().to_owned()),
            other => Some(format!("{other:?}")),
        })
        .collect()
}

/// The elements of an XML document, in order.
fn elements(xml: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(xml).expect("XML");
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    elements
        .map(|element| element.tag_name().name().to_owned())
        .collect()
}

/// A page without its JSON, and the JSON.
fn split(page: &str) -> (&str, &str) {
    let (before, rest) = page
        .split_once("<script type=\"application/json\" id=\"report\">")
        .expect("JSON");
    let (json, _) = rest.split_once("</script>").expect("its end");
    (before, json)
}

/// Every tag of a page, attributes and all, with what the peer said in none of them.
fn tags(page: &str) -> Vec<&str> {
    page.split('<')
        .skip(1)
        .filter_map(|after| after.split_once('>'))
        .map(|(tag, _)| tag)
        .collect()
}

/// Whether GitHub's runner takes a line for a command to itself: `::name parameters::value`, blanks before it or not. What
/// has no name, as an IPv6 address or two colons alone, is none.
fn is_workflow_command(line: &str) -> bool {
    let parts = line
        .trim_start()
        .strip_prefix("::")
        .and_then(|rest| rest.split_once("::"));
    parts.is_some_and(|(command, _)| {
        let name = command.split(' ').next().unwrap_or_default();
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
    })
}

#[test]
fn a_workflow_command_is_known_by_its_name() {
    for line in ["::error::x", "  ::error title=x::y", "::add-mask::"] {
        assert!(is_workflow_command(line), "{line}");
    }
    for line in ["::", ":: x", "::1", "::::", "fe80::error::", "::error"] {
        assert!(!is_workflow_command(line), "{line}");
    }
}
