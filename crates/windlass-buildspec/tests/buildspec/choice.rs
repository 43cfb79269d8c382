//! Which build specification counts.

use windlass_buildspec::{Origin, effective};

#[test]
fn the_file_goes_before_the_branch_and_the_branch_before_the_app() {
    let all = [Some("file"), Some("branch"), Some("app")];
    for (given, expected) in [
        (all, Some((Origin::File, "file"))),
        ([None, all[1], all[2]], Some((Origin::Branch, "branch"))),
        ([Some(" \n"), Some(""), all[2]], Some((Origin::App, "app"))),
        ([None, None, None], None),
    ] {
        assert_eq!(effective(given[0], given[1], given[2]), expected);
    }
}
