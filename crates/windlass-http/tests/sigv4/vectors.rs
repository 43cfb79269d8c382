//! AWS's published vectors, as they lie in the source of `aws-sigv4`. They are not ours to copy.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use windlass_http::sigv4::{Payload, Scope};

use super::{SECRET, at, verifier};

#[test]
fn the_published_vectors_are_accepted() {
    let Some(vectors) = vectors() else {
        println!("skipped: the source of aws-sigv4 on this machine has no aws-signing-test-suite/v4");
        return;
    };
    let mut accepted = 0;
    for folder in vectors {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(reason) = not_ours(&folder, &name) {
            println!("skipped {name}: {reason}");
            continue;
        }
        for file in ["header-signed-request.txt", "query-signed-request.txt"] {
            let (request, body) = parse(&fs::read_to_string(folder.join(file)).unwrap());
            let scope = Scope { region: "us-east-1".to_owned(), service: "service" };
            let outcome = verifier(scope).verify(&request, Payload::Bytes(&body), at("2015-08-30T12:36:00Z"));
            assert!(outcome.is_ok(), "{name}/{file}: {outcome:?}");
            accepted += 1;
        }
    }
    println!("{accepted} signed requests accepted");
    assert!(accepted >= 40, "only {accepted} vectors found");
}

fn not_ours(folder: &Path, name: &str) -> Option<&'static str> {
    let Ok(context) = fs::read_to_string(folder.join("context.json")) else {
        return Some("it does not say with what it was signed");
    };
    let context: serde_json::Value = serde_json::from_str(&context).unwrap();
    assert_eq!(context["credentials"]["secret_access_key"], SECRET);
    if context["omit_session_token"] == true {
        return Some("its session token is not signed, which we refuse");
    }
    if name.contains("space") {
        return Some("no HTTP request has a bare space in its path");
    }
    if context["normalize"] == false && (name.contains("slash") || name.contains("relative")) {
        return Some("paths stay as they are for s3 only");
    }
    None
}

fn parse(text: &str) -> (Parts, Vec<u8>) {
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    // A line that starts with a space continues the one before it.
    let mut lines: Vec<String> = Vec::new();
    for line in head.lines() {
        match lines.last_mut() {
            Some(last) if line.starts_with(' ') => last.push_str(line),
            Some(_) | None => lines.push(line.to_owned()),
        }
    }
    let mut start = lines[0].split(' ');
    let (method, uri) = (start.next().unwrap(), start.next().unwrap());
    let (mut request, ()) = Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
    for line in &lines[1..] {
        let (name, value) = line.split_once(':').unwrap();
        request.headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    (request, body.as_bytes().to_vec())
}

fn vectors() -> Option<Vec<PathBuf>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = Command::new(cargo).args(["metadata", "--format-version=1", "--offline"]).output().ok()?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).ok()?;
    let packages = metadata["packages"].as_array()?;
    let manifest = packages.iter().find(|package| package["name"] == "aws-sigv4")?["manifest_path"].as_str()?;
    let folder = Path::new(manifest).parent()?.join("aws-signing-test-suite/v4");
    let mut folders: Vec<_> = fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    Some(folders)
}
