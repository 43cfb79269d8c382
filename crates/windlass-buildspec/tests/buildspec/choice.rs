//! Which build specification counts, and whether a commit concerns an app at all.

use std::collections::BTreeMap;

use windlass_buildspec::{Origin, diff, effective};

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

#[test]
fn a_commit_concerns_an_app_if_it_changes_something_below_its_root() {
    for (root, paths, expected) in [
        ("apps/a", "apps/a/src/x README.md", true),
        ("apps/a", "apps/ab/x apps README.md b/apps/a/x", false),
        ("/apps/a/", "./apps/a", true),
        ("./apps//a", "/apps/a/x", true),
        ("", "README.md", true),
        ("/", "README.md", true),
        ("..", "README.md", true),
        ("", "", false),
    ] {
        assert_eq!(diff::changed_below(root, paths.split_whitespace()), expected, "{root}: {paths}");
    }
}

#[test]
fn the_root_that_counts_is_the_named_one_or_the_apps() {
    let root = |variables: &[(&str, &str)], app_root| {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        diff::root(&variables.iter().map(owned).collect::<BTreeMap<_, _>>(), app_root)
    };
    let on = ("AMPLIFY_DIFF_DEPLOY", "True");
    assert_eq!(root(&[], Some("a")), None);
    assert_eq!(root(&[("AMPLIFY_DIFF_DEPLOY", "false")], Some("a")), None);
    assert_eq!(root(&[on], Some("a")).as_deref(), Some("a"));
    assert_eq!(root(&[on], None).as_deref(), Some("src"));
    assert_eq!(root(&[on, ("AMPLIFY_DIFF_DEPLOY_ROOT", "b")], Some("a")).as_deref(), Some("b"));
}
