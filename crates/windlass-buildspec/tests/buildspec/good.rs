//! Texts that can be followed, as they are found in repositories.

use windlass_buildspec::{BuildSpec, Phase, Plan};

/// AWS's reference, with every section.
const REFERENCE: &str = "
version: 1
env:
  variables:
    key: value
    port: 08080
    version: 1.10
    debug: yes
    nothing:
    infinite: .inf
    quoted: \"1.0\"
    hex: 0x1F
    big: 123456789012345678901234567890
backend:
  phases:
    preBuild: {commands: []}
    build:
      commands:
        - amplifyPush --simple
    postBuild:
frontend:
  phases:
    postBuild:
      commands: echo done
    preBuild:
      commands:
        - npm ci
        -
        - |
          if true; then
            echo 'many lines'
          fi
    build:
      commands: [npm run build, true, 7, 1.50, ' ']
  artifacts:
    files: ['**/*']
    discard-paths: no
    baseDirectory: dist
  cache:
    paths:
      - node_modules/**/*
      - '!node_modules/x'
test:
  phases:
    preTest: {commands: [npm i]}
    test: {commands: [npx cypress run]}
  artifacts:
    baseDirectory: cypress
    configFilePath: '**/mochawesome.json'
    files: ['**/*.png', '**/*.mp4']
";

#[test]
fn the_reference_is_read_as_it_is_written() {
    let spec = read(REFERENCE);
    assert_eq!(spec.warnings(), [] as [&str; 0]);
    let plan = planned(&spec, None);
    assert_eq!(
        told(&plan.build),
        [
            "backend.build: amplifyPush --simple",
            "frontend.preBuild: npm ci",
            "frontend.preBuild: if true; then\n  echo 'many lines'\nfi\n",
            "frontend.build: npm run build",
            "frontend.build: true",
            "frontend.build: 7",
            "frontend.build: 1.50",
            "frontend.postBuild: echo done",
        ]
    );
    let variables: Vec<_> = plan.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        variables,
        [
            "key=value",
            "port=08080",
            "version=1.10",
            "debug=yes",
            "nothing=",
            "infinite=.inf",
            "quoted=1.0",
            "hex=0x1F",
            "big=123456789012345678901234567890"
        ]
    );
    let test = plan.test.clone().expect("tests");
    assert_eq!(told(&test.phases), ["test.preTest: npm i", "test.test: npx cypress run"]);
    assert_eq!(test.config_file_path.as_deref(), Some("**/mochawesome.json"));
    assert_eq!(plan.folder_of(test.artifacts.as_ref().expect("artifacts")), "cypress");
    assert_eq!((plan.app_root.as_deref(), plan.working_directory.as_str()), (None, ""));
    assert_eq!(plan.published_folder(), "dist");
    assert!(plan.cache.is_some());

    let plan = plan.without_backend().without_tests();
    assert!(told(&plan.build).iter().all(|told| told.starts_with("frontend.")));
    assert!(plan.test.is_none());
}

#[test]
fn an_application_of_a_monorepo_is_found_by_its_root() {
    let spec = read(MONOREPO);
    assert_eq!(spec.app_roots().collect::<Vec<_>>(), ["apps/one", "two"]);
    for (wanted, root, directory, published) in [
        (None, "apps/one", "apps/one", "apps/one/dist"),
        (Some(" "), "apps/one", "apps/one", "apps/one/dist"),
        (Some("apps/one"), "apps/one", "apps/one", "apps/one/dist"),
        (Some("/apps//one/"), "apps/one", "apps/one", "apps/one/dist"),
        (Some("two"), "two", "", "dist/two"),
    ] {
        let plan = planned(&spec, wanted);
        assert_eq!(plan.app_root.as_deref(), Some(root), "{wanted:?}");
        assert_eq!(plan.working_directory, directory, "{wanted:?}");
        assert_eq!(plan.published_folder(), published, "{wanted:?}");
    }
    assert_eq!(planned(&spec, None).variables, [("A".into(), "all".into()), ("B".into(), "one".into())]);

    let error = spec.plan(Some("apps/three")).expect_err("no such application");
    assert_eq!(
        error.to_string(),
        "amplify.yml: CustomerError: Invalid monorepo spec, no appRoot matching apps/three found; set \
         AMPLIFY_MONOREPO_APP_ROOT to one of apps/one, two"
    );
    assert!(spec.plan(Some("../apps/one")).is_err());

    let spec = read("applications: [{appRoot: ., frontend: {artifacts: {}}}]");
    assert_eq!(planned(&spec, Some("/")).app_root.as_deref(), Some(""));
    assert!(spec.plan(Some("a")).expect_err("no such application").to_string().ends_with("to one of ."));
}

const MONOREPO: &str = "
version: 1
env: {variables: {A: all, B: all}}
applications:
  - frontend: {artifacts: {baseDirectory: /dist/}}
    appRoot: ./apps/one/
    env: {variables: {B: one}}
  - appRoot: two
    frontend:
      artifacts: {baseDirectory: dist/two}
      buildPath: /
";

#[test]
fn a_repository_that_is_one_application_has_no_roots_to_choose_from() {
    let spec = read("frontend: {artifacts: {}}");
    assert_eq!(
        spec.plan(Some("apps/one")).expect_err("no monorepo").to_string(),
        "amplify.yml: CustomerError: Monorepo spec provided without \"applications\" key; AMPLIFY_MONOREPO_APP_ROOT is \
         \"apps/one\""
    );
    assert_eq!(planned(&spec, Some("/")).app_root, None);
}

#[test]
fn without_artifacts_there_is_no_plan() {
    for (text, place) in [
        ("", " line 1"),
        ("# nothing", " line 1"),
        ("version: 1", " line 1"),
        ("backend: {phases: {build: {commands: [a]}}}", " line 1"),
        ("version: 1\nfrontend:\n  phases: {}", " line 3: frontend"),
        ("version: 1\nfrontend:\n  artifacts:", " line 3: frontend"),
    ] {
        let error = read(text).plan(None).expect_err(text).to_string();
        let what = "CustomerError: The artifacts key was not provided in the build spec";
        assert_eq!(error, format!("amplify.yml{place}: {what}"), "{text:?}");
    }
}

#[test]
fn another_application_without_artifacts_does_not_matter() {
    let spec = read("applications: [{appRoot: a}, {appRoot: b, frontend: {artifacts: {}}}]");
    assert!(spec.plan(Some("a")).is_err());
    assert!(spec.plan(Some("b")).is_ok());
}

#[test]
fn a_base_directory_may_climb_as_long_as_it_stays_in_the_repository() {
    let spec = read("applications: [{appRoot: apps/a, frontend: {artifacts: {baseDirectory: ../../dist/apps/a}}}]");
    let plan = planned(&spec, None);
    assert_eq!(plan.artifacts.base_directory, "../../dist/apps/a");
    assert_eq!(plan.published_folder(), "dist/apps/a");
}

#[test]
fn a_cache_of_nothing_is_none_as_in_the_templates_of_aws() {
    for cache in ["", "paths:", "paths: []", "paths: ['']"] {
        let plan = planned(&read(&format!("frontend: {{artifacts: {{}}, cache: {{{cache}}}}}")), None);
        assert!(plan.cache.is_none_or(|cache| !cache.selects("node_modules/x")), "{cache}");
    }
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let spec = read(
        "
shared: &shared
  commands: &commands [npm ci]
frontend:
  phases:
    preBuild: *shared
    build:
      <<: *shared
    postBuild:
      commands: *commands
  artifacts: {files: &all '**/*'}
  cache: {paths: [*all]}
",
    );
    let told = told(&planned(&spec, None).build);
    assert_eq!(told, ["frontend.preBuild: npm ci", "frontend.build: npm ci", "frontend.postBuild: npm ci"]);
}

#[test]
fn what_is_not_known_is_told_and_passed_over() {
    let spec = read(
        "
version: 0.2
appRoot: x
frontnd: {}
env: {parameter-store: {}, variables: {AWS_JOB_ID: 1, LD_PRELOAD: x}}
frontend:
  phases:
    prebuild: {commands: [a]}
    build: {commands: [b], finally: [c]}
  artifacts: {basedirectory: dist}
  customHeaders: []
  cache: {path: a, paths: [~/.npm, node_modules, /root/.npm]}
",
    );
    assert_eq!(
        spec.warnings(),
        [
            "line 2: version: version 0.2 is not known and is read as version 1",
            "line 3: appRoot: this key is ignored outside of a list of applications",
            "line 4: frontnd: this key is not known here and is ignored; known are version, applications, env, backend, \
             frontend, test",
            "line 5: env.parameter-store: this key is not known here and is ignored; known are variables",
            "line 5: env.variables.AWS_JOB_ID: a build sets this variable itself, or is not given it, and this value is \
             ignored",
            "line 5: env.variables.LD_PRELOAD: a build sets this variable itself, or is not given it, and this value is \
             ignored",
            "line 8: frontend.phases.prebuild: this key is not known here and is ignored; known are preBuild, build, \
             postBuild",
            "line 9: frontend.phases.build.finally: this key is not known here and is ignored; known are commands",
            "line 10: frontend.artifacts.basedirectory: this key is not known here and is ignored; known are \
             baseDirectory, files, discard-paths",
            "line 11: frontend.customHeaders: headers are not read from here, but from customHttp.yml or the app's \
             customHeaders",
            "line 12: frontend.cache.path: this key is not known here and is ignored; known are paths",
            "line 12: frontend.cache.paths[0]: only what is inside of the repository is kept",
            "line 12: frontend.cache.paths[2]: only what is inside of the repository is kept",
        ]
    );
}

#[test]
fn a_list_of_applications_goes_before_sections_beside_it() {
    let spec = read("frontend: {artifacts: {}}\napplications: [{appRoot: a, frontend: {artifacts: {}}}]");
    assert_eq!(planned(&spec, None).app_root.as_deref(), Some("a"));
    let [warning] = spec.warnings() else { panic!("{:?}", spec.warnings()) };
    assert_eq!(warning, "line 1: frontend: this section is ignored, because there is a list of applications");
}

#[test]
fn files_are_published_under_their_bare_names_if_paths_are_discarded() {
    for (text, published) in
        [("yes", "c.txt"), ("True", "c.txt"), ("no", "a/b/c.txt"), ("false", "a/b/c.txt"), ("", "a/b/c.txt")]
    {
        let spec = read(&format!("frontend:\n  artifacts:\n    discard-paths: {text}"));
        assert_eq!(planned(&spec, None).artifacts.published_as("a/b/c.txt"), published, "{text}");
    }
}

#[test]
fn lines_may_end_as_windows_ends_them() {
    let spec = read(
        "\u{feff}frontend:\r\n  phases:\r\n    build:\r\n      commands:\r\n        - npm ci\r\n  artifacts: {}\r\n",
    );
    assert_eq!(told(&planned(&spec, None).build), ["frontend.build: npm ci"]);
}

#[test]
fn without_a_specification_nothing_runs_and_everything_but_git_is_published() {
    let plan = Plan::plain();
    assert!(plan.build.is_empty() && plan.test.is_none() && plan.cache.is_none());
    assert_eq!((plan.working_directory.as_str(), plan.published_folder().as_str()), ("", ""));
    assert!(plan.artifacts.selects("index.html") && plan.artifacts.selects("a/.b/c"));
    assert!(!plan.artifacts.selects(".git/config") && !plan.artifacts.selects("a/.git"));
}

fn read(text: &str) -> BuildSpec {
    BuildSpec::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn planned(spec: &BuildSpec, app_root: Option<&str>) -> Plan {
    spec.plan(app_root).unwrap_or_else(|error| panic!("{error}"))
}

fn told(phases: &[Phase]) -> Vec<String> {
    let commands = |phase: &Phase| phase.commands.iter().map(|it| format!("{}: {it}", phase.name)).collect::<Vec<_>>();
    phases.iter().flat_map(commands).collect()
}
