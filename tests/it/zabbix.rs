//! The template for Zabbix, held against what an import takes, and against a document of this program.
//!
//! What an import takes: Zabbix's manual, "Template export/import" and its YAML element tags, version 7.0.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Map, Value};
use yaml_rust2::{Yaml, YamlLoader};

use exchports::report::Format;

use crate::report::{PLAIN, run, told};

/// What stands for the name of a discovered service.
const SERVICE: &str = "{#SERVICE}";

/// The keys of an element: those that have to be there, then those that may.
const KEYS: [(&str, &[&str], &[&str]); 12] = [
    (
        "template",
        &["uuid", "template", "name", "groups", "items"],
        &[
            "description",
            "vendor",
            "discovery_rules",
            "macros",
            "valuemaps",
            "tags",
        ],
    ),
    (
        "item",
        &["uuid", "name", "key"],
        &[
            "type",
            "delay",
            "history",
            "trends",
            "value_type",
            "units",
            "description",
            "valuemap",
            "preprocessing",
            "master_item",
            "tags",
            "triggers",
            "timeout",
        ],
    ),
    (
        "item_prototype",
        &["uuid", "name", "key"],
        &[
            "type",
            "delay",
            "history",
            "trends",
            "value_type",
            "units",
            "description",
            "valuemap",
            "preprocessing",
            "master_item",
            "tags",
            "trigger_prototypes",
        ],
    ),
    (
        "discovery_rule",
        &["uuid", "name", "key", "item_prototypes"],
        &[
            "type",
            "delay",
            "description",
            "preprocessing",
            "master_item",
            "lld_macro_paths",
        ],
    ),
    (
        "trigger",
        &["uuid", "expression", "name", "priority"],
        &["description", "opdata", "tags"],
    ),
    (
        "preprocessing",
        &["type", "parameters"],
        &["error_handler", "error_handler_params"],
    ),
    ("tag", &["tag"], &["value"]),
    ("lld_macro_path", &["lld_macro", "path"], &[]),
    ("macro", &["macro"], &["value", "description"]),
    ("valuemap", &["uuid", "name", "mappings"], &[]),
    ("mapping", &["value", "newvalue"], &[]),
    ("vendor", &["name", "version"], &[]),
];

/// The words that an element may have.
const WORDS: [(&str, &[&str]); 5] = [
    ("type of an item", &["ZABBIX_ACTIVE", "DEPENDENT"]),
    (
        "value_type",
        &["FLOAT", "CHAR", "LOG", "UNSIGNED", "TEXT", "BINARY"],
    ),
    (
        "priority",
        &[
            "NOT_CLASSIFIED",
            "INFO",
            "WARNING",
            "AVERAGE",
            "HIGH",
            "DISASTER",
        ],
    ),
    (
        "type of a step",
        &[
            "JSONPATH",
            "MULTIPLIER",
            "JAVASCRIPT",
            "DISCARD_UNCHANGED_HEARTBEAT",
        ],
    ),
    (
        "error_handler",
        &[
            "ORIGINAL_ERROR",
            "DISCARD_VALUE",
            "CUSTOM_VALUE",
            "CUSTOM_ERROR",
        ],
    ),
];

#[test]
fn an_import_takes_the_template() {
    let template = template();
    holds("template", &template);
    let items = list(&template, "items");
    let rules = list(&template, "discovery_rules");
    let prototypes = || rules.iter().flat_map(|rule| list(rule, "item_prototypes"));
    for item in items {
        is_item("item", item, &template);
    }
    for item in prototypes() {
        is_item("item_prototype", item, &template);
        assert!(text(item, "key").contains(SERVICE), "{item:?}");
    }
    for rule in rules {
        is_item("discovery_rule", rule, &template);
        let paths = list(rule, "lld_macro_paths");
        assert!(paths.iter().any(|path| text(path, "lld_macro") == SERVICE));
        all_hold("lld_macro_path", paths);
    }
    let keys: Vec<&str> = items
        .iter()
        .chain(prototypes())
        .map(|item| text(item, "key"))
        .collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    all_hold("macro", list(&template, "macros"));
    for map in list(&template, "valuemaps") {
        holds("valuemap", map);
        all_hold("mapping", list(map, "mappings"));
    }
    holds("vendor", &template["vendor"]);
}

/// An item, a prototype of one, or a rule.
fn is_item(kind: &str, item: &Yaml, template: &Yaml) {
    holds(kind, item);
    word("type of an item", text(item, "type"));
    if let Some(value) = item["value_type"].as_str() {
        word("value_type", value);
        // What is no number has no trends.
        let is_number = matches!(value, "FLOAT" | "UNSIGNED");
        assert_eq!(item["trends"].as_str() != Some("0"), is_number, "{item:?}");
    }
    if text(item, "type") == "DEPENDENT" {
        let master = text(&item["master_item"], "key");
        let is_it =
            |other: &Yaml| text(other, "type") != "DEPENDENT" && text(other, "key") == master;
        assert!(list(template, "items").iter().any(is_it), "{item:?}");
        assert_eq!(text(item, "delay"), "0", "{item:?}");
    }
    if !item["valuemap"].is_badvalue() {
        let map = text(&item["valuemap"], "name");
        let mut maps = list(template, "valuemaps").iter();
        assert!(maps.any(|it| text(it, "name") == map), "{item:?}");
    }
    for step in list(item, "preprocessing") {
        holds("preprocessing", step);
        word("type of a step", text(step, "type"));
        if let Some(handler) = step["error_handler"].as_str() {
            word("error_handler", handler);
            let has_value = step["error_handler_params"].as_str().is_some();
            assert_eq!(has_value, handler.starts_with("CUSTOM"), "{step:?}");
        }
    }
    let triggers = list(item, "triggers").iter();
    for trigger in triggers.chain(list(item, "trigger_prototypes")) {
        holds("trigger", trigger);
        word("priority", text(trigger, "priority"));
        let expression = text(trigger, "expression");
        let of_it = format!("(/{}/{}", text(template, "template"), text(item, "key"));
        assert!(expression.contains(&of_it), "{expression}");
    }
    all_hold("tag", list(item, "tags"));
}

#[test]
fn what_the_template_names_is_there_once() {
    let template = template();
    let mut uuids = Vec::new();
    every_uuid(&template, &mut uuids);
    for uuid in &uuids {
        let digits = uuid.as_bytes();
        assert!(
            digits.len() == 32
                && digits
                    .iter()
                    .all(|digit| b"0123456789abcdef".contains(digit))
                && digits[12] == b'4'
                && b"89ab".contains(&digits[16]),
            "{uuid} is no UUID of version 4 without dashes"
        );
    }
    let once: BTreeSet<&String> = uuids.iter().collect();
    assert_eq!(once.len(), uuids.len(), "a UUID is there twice");
    let macros = list(&template, "macros");
    for used in source().split("{$").skip(1) {
        let used = format!("{{${}}}", used.split('}').next().unwrap_or_default());
        let mut defined = macros.iter().map(|it| text(it, "macro"));
        assert!(defined.any(|it| it == used), "{used} is not defined");
    }
}

fn all_hold(kind: &str, elements: &[Yaml]) {
    for element in elements {
        holds(kind, element);
    }
}

/// The paths lead to something in a document of this program, of the kind that the item wants.
#[test]
fn the_items_find_their_values_in_a_document() {
    let template = template();
    let document: Value =
        serde_json::from_str(&told(&run(), Format::Json, PLAIN)).expect("a document");
    let rule = &list(&template, "discovery_rules")[0];
    let first_path = |item: &Yaml| text(&list(item, "preprocessing")[0], "type") == "JSONPATH";
    for item in list(&template, "items")
        .iter()
        .filter(|item| text(item, "type") == "DEPENDENT")
    {
        assert!(first_path(item), "{item:?}");
        let found = value_of(item, &document, None);
        assert!(found.is_some(), "{item:?}");
    }
    let services = find(
        &document,
        text(&list(rule, "preprocessing")[0], "parameters"),
    )
    .expect("rows");
    let services = services.as_array().expect("rows");
    assert_eq!(services.len(), 12);
    let mut found = Map::new();
    for service in services {
        let name = find(service, path_of(rule, SERVICE)).expect("a name");
        let name = name.as_str().expect("a name");
        for prototype in list(rule, "item_prototypes") {
            if let Some(value) = value_of(prototype, &document, Some(name)) {
                found.insert(text(prototype, "key").replace(SERVICE, name), value);
            }
        }
    }
    let of = |key: &str| found.get(key).cloned();
    assert_eq!(of("exchports.check.status[https]"), Some("fail".into()));
    assert_eq!(of("exchports.check.status[http]"), Some("pass".into()));
    assert_eq!(of("exchports.check.days[https]"), Some(18.into()));
    // What has no certificate has no days, and what is well has nothing wrong.
    assert_eq!(of("exchports.check.days[http]"), None);
    assert_eq!(
        of("exchports.check.diagnosis[http]"),
        Some("nothing".into())
    );
    assert!(of("exchports.check.time[ldap]").is_some_and(|took| took == 3000.0));
    // Each word has its number, and each number is named.
    let statuses = ["pass", "absent", "warn", "fail", "skip"];
    let list_of_words = format!(
        "[{}].indexOf(value)",
        statuses.map(|it| format!("'{it}'")).join(", ")
    );
    assert!(source().contains(&list_of_words), "{list_of_words}");
    for (number, status) in statuses.iter().enumerate() {
        let mappings = list(&list(&template, "valuemaps")[0], "mappings");
        assert!(mappings.iter().any(|map| {
            text(map, "value") == number.to_string() && text(map, "newvalue") == *status
        }));
    }
}

// -- the parts

fn source() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.github/monitoring/zabbix.yml");
    fs::read_to_string(path).expect("the template")
}

fn template() -> Yaml {
    let read = YamlLoader::load_from_str(&source()).expect("it is YAML");
    let export = read[0]["zabbix_export"].clone();
    assert_eq!(text(&export, "version"), "7.0");
    let templates = list(&export, "templates");
    let groups = list(&export, "template_groups");
    for group in list(&templates[0], "groups") {
        assert!(
            groups
                .iter()
                .any(|known| text(known, "name") == text(group, "name"))
        );
    }
    templates[0].clone()
}

#[track_caller]
fn holds(kind: &str, element: &Yaml) {
    let (_, required, allowed) = KEYS
        .iter()
        .find(|(name, ..)| *name == kind)
        .expect("a kind");
    let hash = element
        .as_hash()
        .unwrap_or_else(|| panic!("{kind}: {element:?}"));
    let keys: Vec<&str> = hash.keys().filter_map(Yaml::as_str).collect();
    for key in &keys {
        assert!(
            required.contains(key) || allowed.contains(key),
            "{kind} has no `{key}`: {element:?}"
        );
    }
    for key in *required {
        assert!(keys.contains(key), "{kind} lacks `{key}`: {element:?}");
    }
}

#[track_caller]
fn word(kind: &str, found: &str) {
    let (_, words) = WORDS
        .iter()
        .find(|(name, _)| *name == kind)
        .expect("a kind");
    assert!(words.contains(&found), "`{found}` is no {kind}");
}

/// A text, or the first of several.
#[track_caller]
fn text<'a>(element: &'a Yaml, key: &str) -> &'a str {
    let found = &element[key];
    found
        .as_str()
        .or_else(|| found[0].as_str())
        .unwrap_or_else(|| panic!("`{key}` of {element:?}"))
}

fn list<'a>(element: &'a Yaml, key: &str) -> &'a [Yaml] {
    element[key].as_vec().map_or(&[], Vec::as_slice)
}

fn every_uuid(element: &Yaml, found: &mut Vec<String>) {
    match element {
        Yaml::Hash(hash) => {
            for (key, value) in hash {
                if key.as_str() == Some("uuid") {
                    found.push(value.as_str().unwrap_or_default().to_owned());
                }
                every_uuid(value, found);
            }
        }
        Yaml::Array(all) => all.iter().for_each(|one| every_uuid(one, found)),
        _ => {}
    }
}

fn path_of<'a>(rule: &'a Yaml, name: &str) -> &'a str {
    let mut paths = list(rule, "lld_macro_paths").iter();
    let path = paths.find(|path| text(path, "lld_macro") == name);
    text(path.expect("a path"), "path")
}

/// What the first step makes of a document; `None` where the value is discarded.
fn value_of(item: &Yaml, document: &Value, service: Option<&str>) -> Option<Value> {
    let step = &list(item, "preprocessing")[0];
    let path = text(step, "parameters");
    let path = service.map_or_else(|| path.to_owned(), |service| path.replace(SERVICE, service));
    find(document, &path).or_else(|| match step["error_handler"].as_str() {
        Some("CUSTOM_VALUE") => Some(text(step, "error_handler_params").into()),
        Some("DISCARD_VALUE") => None,
        other => panic!("{path} finds nothing, and then {other:?}"),
    })
}

/// As much of Zabbix's `JSONPath` as the template uses: names, places, `*`, one comparison, and a function at the end. Where a path
/// may find several, it is an array of them, and nothing where it finds none.
fn find(document: &Value, path: &str) -> Option<Value> {
    let mut rest = path.strip_prefix('$').expect("it begins at the root");
    let mut found = vec![document];
    let mut may_be_several = false;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (inside, behind) = inside.split_once(']').expect("it is closed");
            rest = behind;
            found = match inside
                .strip_prefix("?(@.")
                .and_then(|it| it.strip_suffix(')'))
            {
                Some(filter) => {
                    may_be_several = true;
                    let (key, is_equal, wanted) = filter
                        .split_once("!=")
                        .map(|(key, wanted)| (key, false, wanted))
                        .or_else(|| {
                            filter
                                .split_once("==")
                                .map(|(key, wanted)| (key, true, wanted))
                        })
                        .expect("a comparison");
                    let wanted = wanted.trim_matches('\'');
                    elements(&found)
                        .into_iter()
                        .filter(|one| (one[key].as_str() == Some(wanted)) == is_equal)
                        .collect()
                }
                None if inside == "*" => {
                    may_be_several = true;
                    elements(&found)
                }
                None => {
                    let index: usize = inside.parse().expect("a place");
                    found.iter().filter_map(|one| one.get(index)).collect()
                }
            };
            continue;
        }
        let name = rest.strip_prefix('.').expect("a name");
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (name, behind) = name.split_at(end);
        rest = behind;
        let Some(function) = name.strip_suffix("()") else {
            found = found.iter().filter_map(|one| one.get(name)).collect();
            continue;
        };
        assert!(behind.is_empty(), "{path}");
        let numbers = found.iter().filter_map(|one| one.as_f64());
        return match function {
            "first" => found
                .first()
                .map(|one| (*one).clone())
                .filter(|one| !one.is_null()),
            "sum" if !found.is_empty() => Some(numbers.sum::<f64>().into()),
            "min" => numbers.reduce(f64::min).map(Value::from),
            _ => None,
        };
    }
    match (may_be_several, found.as_slice()) {
        (_, []) => None,
        (false, [one]) => Some((*one).clone()),
        (_, several) => Some(several.iter().map(|one| (*one).clone()).collect()),
    }
}

fn elements<'a>(found: &[&'a Value]) -> Vec<&'a Value> {
    let arrays = found.iter().filter_map(|one| one.as_array());
    arrays.flatten().collect()
}
