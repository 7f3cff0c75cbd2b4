//! Exit codes.

use serde_json::json;

use exchports::catalog::all;

use super::{Stand, ran, report, rows, silent, told, words};

#[test]
fn what_makes_the_exit_code_1_can_be_chosen() {
    let soon = Stand::with(&["certificate-expires-soon"]);
    let expired = Stand::with(&["certificate-expired@imaps"]);
    for (stand, fail_on, exit) in [
        (&soon, "fail", 0),
        (&soon, "warn", 1),
        (&soon, "never", 0),
        (&expired, "fail", 1),
        (&expired, "warn", 1),
        (&expired, "never", 0),
    ] {
        let (out, err, code) = told(&stand.check(&format!("-q --fail-on {fail_on}")));
        assert_eq!((out.as_str(), err.as_str()), ("", ""), "{fail_on}");
        assert_eq!(code, Some(exit), "{fail_on}");
    }
}

#[test]
fn what_was_not_looked_at_is_no_success() {
    let port = silent();
    let arguments = format!("127.0.0.1 -s smtp --map smtp={port} --json --deadline 300ms");
    let (document, exit) = report(&arguments, &[]);
    assert_eq!(rows(&document)[0]["status"], "skip");
    assert_eq!(rows(&document)[0]["failure"]["code"], "deadline");
    assert_eq!(exit, Some(1));
    // Not even `never` makes it one; and who has asked to hear nothing hears that.
    let (_, exit) = report(&format!("{arguments} --fail-on never"), &[]);
    assert_eq!(exit, Some(2));
    let quiet = format!("check 127.0.0.1 -s smtp --map smtp={port} --deadline 300ms -q");
    let (out, err, exit) = told(&ran(&words(&format!("{quiet} --fail-on never"))));
    assert_eq!((out.as_str(), exit), ("", Some(2)));
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("nothing could be judged: smtp: "), "{err}");
    assert!(err.contains("[deadline]"), "{err}");
    let (out, err, exit) = told(&ran(&words(&quiet)));
    assert_eq!((out.as_str(), err.as_str(), exit), ("", "", Some(1)));
    // With hardly any time at all there is still a row for each.
    let (document, exit) = report(
        &format!("127.0.0.1 no-such-host.invalid --map smtp={port} --json --deadline 1ms"),
        &[],
    );
    assert_eq!(rows(&document).len(), 2 * all().count());
    assert_eq!(exit, Some(1));
}

#[test]
fn what_cannot_leave_this_machine_was_not_judged() {
    let (document, exit) = report("127.0.0.1 --source 192.0.2.1 --json", &[]);
    assert_eq!(exit, Some(2));
    assert_eq!(document["summary"]["skip"], all().count());
    assert_eq!(rows(&document)[0]["failure"]["code"], "source-unusable");
    let (out, err, exit) = told(&ran(&words("check 127.0.0.1 --source 192.0.2.1 -q")));
    assert_eq!((out.as_str(), exit), ("", Some(2)));
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("[source-unusable]"), "{err}");
    // One that leads nowhere is no router's fault.
    let line = "192.0.2.1 --source 127.0.0.1 -s smtp --json";
    let (document, exit) = report(line, &[]);
    assert_eq!(exit, Some(2));
    let row = rows(&document)[0];
    assert_eq!(
        (&row["status"], &row["state"]),
        (&json!("skip"), &json!("blocked"))
    );
    if row["failure"]["code"] != "address-family-missing" {
        assert_eq!(row["failure"]["code"], "source-unusable");
    }
    // A source that is this machine's is used, and chooses the family.
    let stand = Stand::with(&[]);
    let (document, exit) = stand.report("--json --source 127.0.0.1 -s imaps");
    assert_eq!(exit, Some(0));
    let local = rows(&document)[0]["local_address"].as_str();
    assert!(local.is_some_and(|local| local.starts_with("127.0.0.1:")));
}
