use std::path::Path;
use std::process::Command;

const SITE: &str = "
version: 1
frontend:
  phases:
    build:
      commands: ['mkdir -p out && echo \"$WHO\" > out/index.html', 'cat /proc/1/environ > /dev/null || true']
  artifacts: {baseDirectory: out, files: ['**/*']}
test:
  phases: {test: {commands: ['grep -q visitors out/index.html']}}
";

/// What `windlass build` writes to standard output and standard error, and its exit code.
fn build(folder: &Path, args: &[&str]) -> (String, String, Option<i32>) {
    let done = Command::new(env!("CARGO_BIN_EXE_windlass")).arg("build").arg(folder).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(done.stdout), text(done.stderr), done.status.code())
}

#[test]
fn a_working_folder_is_built_as_a_server_would() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("amplify.yml"), SITE).unwrap();
    let zip = folder.path().join("site.zip");
    let (said, error, code) = build(folder.path(), &["--env", "WHO=visitors", "--zip", zip.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}{error}");
    assert!(
        said.contains("# Executing command: mkdir -p out") && said.contains("1 files would be published"),
        "{said}"
    );
    assert!(zip.metadata().unwrap().len() > 0);
    assert_eq!(std::fs::read_to_string(folder.path().join("out/index.html")).unwrap(), "visitors\n");

    let (_, error, code) = build(folder.path(), &["--env", "WHO=nobody"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("grep -q visitors out/index.html") && error.contains("exit code 1"), "{error}");
}

#[test]
fn a_bad_specification_is_refused_by_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("amplify.yml"), "version: 1\nfrontend: [1]\n").unwrap();
    let (_, error, code) = build(folder.path(), &[]);
    assert_eq!(code, Some(1));
    assert!(error.contains("line 2") && error.contains("frontend"), "{error}");
    let (_, error, code) = build(&folder.path().join("absent"), &[]);
    assert!(code == Some(1) && error.contains("absent"), "{error}");
}

#[test]
fn a_build_has_eight_gigabytes_of_memory_unless_it_is_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let spec = "{version: 1, frontend: {phases: {build: {commands: [ulimit -d]}}, artifacts: {baseDirectory: /}}}";
    std::fs::write(folder.path().join("amplify.yml"), spec).unwrap();
    for (args, kilobytes) in [(&[][..], "8388608"), (&["--build-memory", "1073741824"], "1048576")] {
        let (said, error, _) = build(folder.path(), args);
        assert!(said.lines().any(|line| line == kilobytes), "{args:?}: {said}{error}");
    }
}
