//! `--baseline`: what changed since an earlier run.

use std::fs;

use super::{Stand, folder, refusal, told, words};
use crate::schema::held;

#[test]
fn a_certificate_that_changed_is_one_finding() {
    let folder = folder();
    let baseline = folder.path().join("baseline.json");
    let check = |stand: &Stand, more: &str| {
        let typed = format!("-s imaps,submission --report json {more}");
        let (out, err, exit) = told(&stand.check(&typed));
        assert_eq!((err.as_str(), exit), ("", Some(0)), "{out}");
        out
    };
    let against = format!("--baseline {}", baseline.display());
    let stand = Stand::with(&[]);
    fs::write(&baseline, check(&stand, "")).expect("a file");
    let same = held(&check(&stand, &against));
    assert_eq!(same["targets"][0]["diagnoses"], serde_json::json!([]));
    drop(stand);

    let other = held(&check(&Stand::with(&[]), &against));
    let found = other["targets"][0]["diagnoses"].as_array().expect("a list");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["code"], "changed-certificate");
    assert_eq!(found[0]["severity"], "info");
    assert_eq!(
        found[0]["services"],
        serde_json::json!(["submission", "imaps"])
    );
    let message = found[0]["message"].as_str().expect("words");
    assert!(
        message.contains("before") && message.contains("now"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_compared_with_is_refused_on_one_line() {
    let folder = folder();
    let file = folder.path().join("before.json");
    let typed = words(&format!("check a.example --baseline {}", file.display()));
    assert!(refusal(&typed).contains("--baseline"));
    for (text, word) in [
        ("", "not JSON"),
        ("{\"schema_version\": 1", "not JSON"),
        ("{\"scan\": []}", "not a document"),
        (
            "{\"schema_version\": 9, \"exchports\": \"9.0\", \"targets\": []}",
            "version 9",
        ),
    ] {
        fs::write(&file, text).expect("a file");
        assert!(
            refusal(&typed).contains(word),
            "{text}: {}",
            refusal(&typed)
        );
    }
}
