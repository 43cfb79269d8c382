//! The committed page of the law is the law.

use std::fs;
use std::path::Path;

#[test]
fn the_committed_page_shows_the_law() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("lifecycle.md");
    let page = windlass::lifecycle::page();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let committed = fs::read_to_string(&path).expect("the page is committed");
    assert!(committed == page, "lifecycle.md is not what the table says; UPDATE=1 cargo test rewrites it:\n{page}");
}
