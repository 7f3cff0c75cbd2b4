//! `explain`.

use exchports::catalog::{ROLES, SERVICES, WEB, all, virtual_directory};
use exchports::finding::{Code, Status};
use exchports::judge::{self, rules};
use exchports::observation::State;

use super::EXPECTATIONS;

fn explain(word: &str) -> Option<String> {
    judge::explain(word).map(|page| page.in_columns(80))
}

#[test]
fn every_word_of_the_tool_is_explained() {
    let mut words: Vec<String> = vec!["web".into(), "all".into()];
    for service in all() {
        words.push(service.name.into());
        words.push(service.port.to_string());
        words.extend(service.aliases.iter().map(ToString::to_string));
        words.push(service.security.as_str().into());
    }
    words.extend(ROLES.iter().map(|row| row.name.into()));
    words.extend(Code::all().map(|code| code.as_str().into()));
    for state in [
        State::Open,
        State::Closed,
        State::Filtered,
        State::Unreachable,
        State::Blocked,
        State::Unresolved,
    ] {
        words.push(state.as_str().into());
    }
    for status in [
        Status::Pass,
        Status::Absent,
        Status::Skip,
        Status::Warn,
        Status::Fail,
    ] {
        words.push(status.as_str().into());
    }
    words.extend(EXPECTATIONS.iter().map(|expect| expect.as_str().into()));
    words.extend(["LISTENING", "NOT LISTENING", "FILTERED"].map(String::from));
    for word in words {
        let text = explain(&word).unwrap_or_else(|| panic!("{word} is not explained"));
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text}");
        for line in text.lines() {
            // An address is never broken.
            let is_address = line.trim_start().starts_with("https://");
            assert!(is_address || line.chars().count() <= 80, "{word}: {line}");
            assert_eq!(line, line.trim_end(), "{word}");
            assert!(!line.contains(char::is_control), "{word}: {line}");
        }
        assert_eq!(explain(&word.to_uppercase()), Some(text), "{word}");
    }
}

#[test]
fn a_code_is_explained_by_its_whole_row() {
    for rule in rules() {
        let text = explain(rule.code.as_str()).expect("every code is explained");
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.starts_with(rule.code.as_str()), "{text}");
        let definition = rule.code.definition();
        assert!(flat.contains(definition.severity.as_str()), "{text}");
        for words in [definition.meaning, definition.hint] {
            assert!(flat.contains(words), "{text}");
        }
        for (document, url) in rule.code.references() {
            assert!(flat.contains(document), "{text}");
            assert!(flat.contains(url.as_deref().unwrap_or(document)), "{text}");
        }
        for alias in definition.aliases {
            assert_eq!(explain(alias), Some(text.clone()), "{alias}");
        }
    }
}

#[test]
fn portqrys_words_lead_to_ours() {
    for (word, ours) in [
        ("LISTENING", "open"),
        ("not listening", "refused"),
        ("FILTERED", "filtered"),
        ("closed", "refused"),
    ] {
        let text = explain(word).expect("PortQry's words are explained");
        assert!(text.contains(ours), "{text}");
    }
    for (code, word) in [
        ("refused", "NOT LISTENING"),
        ("filtered", "FILTERED"),
        ("open", "LISTENING"),
    ] {
        let text = explain(code).expect("states are explained");
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn a_service_is_explained_with_the_roles_that_expect_it() {
    let text = explain("3389").expect("a port is explained");
    assert_eq!(explain("ms-wbt-server"), Some(text.clone()));
    for words in [
        "required: any",
        "optional: mailbox, edge, domain-controller",
        "forbidden: published",
        "a self-signed one is normal",
    ] {
        assert!(text.contains(words), "{text}");
    }
    let text = explain("published").expect("a role is explained");
    for words in [
        "required: https (443)",
        "forbidden: ldap (389), ldaps (636), rdp",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn what_stands_behind_443_is_told_with_it_and_as_a_group() {
    for word in ["443", "https", "web"] {
        let text = explain(word).expect("it is explained");
        for service in &WEB {
            let path = virtual_directory(service.id).expect("each has one").path;
            let line = format!("  {}: {}, {path}", service.name, service.title);
            assert!(text.lines().any(|found| found == line), "{word}: {text}");
        }
    }
    let text = explain("owa").expect("it is explained");
    assert!(
        text.contains("path /owa/; load balancers ask /owa/healthcheck.htm"),
        "{text}"
    );
    let text = explain("all").expect("it is explained");
    for service in &SERVICES {
        assert!(
            text.contains(&format!(", port {}\n", service.port)),
            "{text}"
        );
    }
}

#[test]
fn a_page_follows_its_width() {
    for word in ["443", "published", "certificate-differs", "web"] {
        let page = judge::explain(word).expect("it is explained");
        let words =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        let wide = page.in_columns(100);
        for columns in [40, 60, 80] {
            let text = page.in_columns(columns);
            assert_eq!(words(&text), words(&wide));
            let is_one_word = |line: &str| line.split_whitespace().count() == 1;
            for line in text.lines() {
                assert!(
                    line.chars().count() <= columns || is_one_word(line),
                    "{line}"
                );
            }
        }
    }
}

#[test]
fn a_word_that_is_nearly_one_leads_to_it() {
    for (word, first) in [
        ("filterd", "filtered"),
        ("certificate-expird", "certificate-expired"),
        ("certificate_expires", "certificate-expired"),
        ("immaps", "imaps"),
        ("outlook", "outlook-web"),
        ("autodiscovery", "autodiscover"),
        ("domain controler", "domain-controller"),
    ] {
        let near = judge::near(word);
        assert_eq!(near.first(), Some(&first), "{word}: {near:?}");
        assert!(near.len() <= 5, "{word}: {near:?}");
        let known = near.iter().all(|found| explain(found).is_some());
        assert!(known, "{word}: {near:?}");
    }
    let long = "a".repeat(100_000);
    for word in ["", "x", "26", "8443", "gremlins", "\u{1b}[2J", &long] {
        assert!(judge::near(word).is_empty(), "{word:?}");
    }
}

#[test]
fn what_means_nothing_is_not_explained() {
    for word in [
        "",
        " ",
        "26",
        "65536",
        "-1",
        "443x",
        "no-such-word",
        "\u{1b}[2J",
    ] {
        assert_eq!(explain(word), None, "{word:?}");
    }
}
