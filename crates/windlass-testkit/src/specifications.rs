//! Bytes that say they are a build specification.

use std::collections::BTreeSet;

use windlass_buildspec::{Artifacts, BuildSpec, Context, Phase, Plan, SpecError, SpecFault, script, variables};

/// Paths that patterns are asked about.
const PATHS: [&str; 8] =
    ["index.html", "a/b/c.js", ".git/config", "a/.git/HEAD", "node_modules/.cache/x", "ü/ñ b.png", "!a", ""];

/// As many characters as a text has at most that tells what is wrong, where it quotes no key.
const TOLD: usize = 600;

/// What can be read has a plan for each of its applications, which stays within the repository; what cannot be read is
/// refused in one line.
pub fn specifications(data: &[u8]) {
    // What is not UTF-8 is refused by whoever reads the file.
    let text = String::from_utf8_lossy(data);
    match BuildSpec::parse(&text) {
        Ok(spec) => is_followed(&spec),
        Err(error) => is_told(&error),
    }
}

fn is_followed(spec: &BuildSpec) {
    for warning in spec.warnings() {
        assert!(is_line(warning), "a warning is one line: {warning:?}");
    }
    let roots: Vec<_> = spec.app_roots().map(str::to_owned).collect();
    is_plan(spec.plan(None), roots.first().map(String::as_str));
    for root in &roots {
        // Without a name, the first is meant.
        let expected = if root.trim().is_empty() { roots.first() } else { Some(root) };
        is_plan(spec.plan(Some(root)), expected.map(String::as_str));
    }
    if let Err(error) = spec.plan(Some("no/such/app")) {
        is_told(&error);
    }
}

fn is_plan(plan: Result<Plan, SpecError>, root: Option<&str>) {
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            is_told(&error);
            assert_eq!(error.fault, SpecFault::NoArtifacts, "all else was checked when it was read");
            return;
        }
    };
    assert_eq!(plan.app_root.as_deref(), root);
    for folder in [&plan.working_directory, &plan.published_folder()] {
        assert!(is_within(folder), "{folder:?} leaves the repository");
    }
    is_script(&plan.build);
    are_artifacts(&plan.artifacts);
    if let Some(test) = &plan.test {
        assert!(!test.phases.is_empty(), "tests without a phase are none");
        is_script(&test.phases);
        test.artifacts.iter().for_each(|artifacts| {
            are_artifacts(artifacts);
            assert!(is_within(&plan.folder_of(artifacts)));
        });
    }
    if let Some(cache) = &plan.cache {
        let is_named = cache.paths.iter().any(|path| path.contains("node_modules/.cache"));
        assert!(is_named || !cache.selects("node_modules/.cache/x"), "AWS leaves this out unless it is named");
    }
    let names: BTreeSet<_> = plan.variables.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), plan.variables.len(), "each name is there once");
    let told = variables(&Context { app_id: "d1".to_owned(), spec: plan.variables.clone(), ..Context::default() });
    assert_eq!(told["AWS_APP_ID"], "d1", "nobody can pretend to be another app");
    let cannot = |name: &str| name.is_empty() || name.contains(['=', '\0']) || name.starts_with("LD_");
    assert!(!told.iter().any(|(name, value)| cannot(name) || value.contains('\0')), "{told:?}");
    let quiet = plan.without_backend().without_tests();
    assert!(quiet.test.is_none() && quiet.build.iter().all(|phase| phase.name.to_string().starts_with("frontend")));
}

fn is_script(phases: &[Phase]) {
    for phase in phases {
        let any = !phase.commands.is_empty() && phase.commands.iter().all(|command| !command.trim().is_empty());
        assert!(any, "a phase has commands, and none is empty: {phase:?}");
    }
    let script = script(phases);
    assert_eq!(script.is_empty(), phases.is_empty());
    assert!(!script.contains('\0'), "a shell cannot hold a NUL");
    // Within a quoted word every quote is written `'\''`, so a script has an even number of plain ones.
    let plain = script.replace(r"'\''", "").matches('\'').count();
    assert!(plain.is_multiple_of(2), "a quote is left open: {script}");
}

fn are_artifacts(artifacts: &Artifacts) {
    for path in PATHS {
        let is_git = path.split('/').any(|name| name == ".git");
        assert!(!(is_git && artifacts.selects(path)), "what belongs to git is never published");
        let published = artifacts.published_as(path);
        assert!(!artifacts.discard_paths || !published.contains('/'));
    }
}

fn is_told(error: &SpecError) {
    let told = error.to_string();
    assert!(is_line(&told), "what is wrong is told in one line: {told:?}");
    let limit = TOLD + error.key.chars().count();
    assert!(told.chars().count() <= limit, "and it has an end: {told:?}");
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

/// Whether a folder is named as it lies in the repository.
fn is_within(folder: &str) -> bool {
    folder.is_empty() || folder.split('/').all(|name| !["", ".", ".."].contains(&name))
}
