//! Whether the proof would notice. Rules of the core are broken on purpose, one at a time, in a copy of the crate;
//! the copy must still compile, and its proof must fail by the promise that the rule keeps. A rule that does not
//! compile once it is broken is held by the compiler, which must say so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A rule that is broken, and who notices.
struct Break {
    what: &'static str,
    patches: &'static [Patch],
    noticed: By,
}

/// A piece of the core's source, and what stands there instead.
struct Patch {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

enum By {
    /// The compiler, in these words.
    Compiler(&'static str),
    /// The proof of this scenario: the promise is violated.
    Proof { scenario: &'static str, promise: &'static str },
}

const MANUAL: &str = "a_manual_job_with_two_runners_keeps_every_promise";
const PUSHES: &str = "pushes_behind_a_job_that_works_keep_every_promise";
const RETRY: &str = "a_retry_behind_a_live_job_keeps_every_promise";

const BREAKS: &[Break] = &[
    Break {
        what: "a runner that was given up is heard",
        patches: &[Patch {
            file: "job/decide.rs",
            from: "if reported == self.progress.attempt && reported != Attempt::NONE {",
            to: "if reported != Attempt::NONE {",
        }],
        noticed: By::Proof { scenario: MANUAL, promise: "nothing that a stale attempt says is heard" },
    },
    Break {
        what: "stopping a running job does nothing",
        patches: &[Patch {
            file: "job/decide.rs",
            from: "JobStatus::Cancelling => Ok(Records::NONE),",
            to: "JobStatus::Cancelling | JobStatus::Running => Ok(Records::NONE),",
        }],
        noticed: By::Proof { scenario: MANUAL, promise: "no job goes live after it was told to stop" },
    },
    Break {
        what: "a job that was told to stop may succeed",
        patches: &[LATE_SUCCESS],
        noticed: By::Compiler("SUCCEED must follow from RUNNING by Succeeded alone"),
    },
    Break {
        what: "a job that was told to stop may succeed, and the compiler looks away",
        patches: &[
            LATE_SUCCESS,
            Patch {
                file: "status.rs",
                from: "assert!(goes_live == by_success,",
                to: "assert!(goes_live || !by_success,",
            },
            Patch {
                file: "status.rs",
                from: "assert!(t.from as usize <= t.to as usize,",
                to: "assert!(t.from as usize <= STATUSES,",
            },
        ],
        noticed: By::Proof { scenario: MANUAL, promise: "no job goes live after it was told to stop" },
    },
    Break {
        what: "a branch works on two jobs at a time",
        patches: &[Patch {
            file: "branch.rs",
            from: "*command == Command::Claim && working.job != job.id()",
            to: "*command == Command::Claim && working.job == job.id()",
        }],
        noticed: By::Proof { scenario: PUSHES, promise: "one job of a branch works at a time" },
    },
    Break {
        what: "a deployment is made while another waits",
        patches: &[Patch {
            file: "branch.rs",
            from: "match self.busy() {",
            to: "match self.working.map(|working| working.job) {",
        }],
        noticed: By::Proof { scenario: RETRY, promise: "one job of a branch waits at a time" },
    },
    Break {
        what: "a stop that nobody confirms never ends",
        patches: &[Patch {
            file: "limits.rs",
            from: "JobStatus::Cancelling => (Limit::Cancel, self.cancel),",
            to: "JobStatus::Cancelling => return None,",
        }],
        noticed: By::Proof { scenario: MANUAL, promise: "time alone ends every job" },
    },
    Break {
        what: "each record gives a job more time",
        patches: &[Patch {
            file: "job.rs",
            from: "if next != self.progress.status {",
            to: "if next != self.progress.status || !next.is_terminal() {",
        }],
        noticed: By::Proof { scenario: MANUAL, promise: "a deadline moves only when the status does" },
    },
    Break {
        what: "time waits for the sweeper",
        patches: &[Patch {
            file: "job.rs",
            from: "if self.is_due(now) {",
            to: "if self.is_due(now) && *command == Command::Expire {",
        }],
        noticed: By::Proof { scenario: MANUAL, promise: "whoever speaks to an overdue job ends it" },
    },
    Break {
        what: "time goes back with the clock",
        patches: &[Patch {
            file: "job/decide.rs",
            from: "at: to_millis(now).max(self.progress.at), event }",
            to: "at: to_millis(now), event }",
        }],
        noticed: By::Proof { scenario: MANUAL, promise: "records are in order of number and time" },
    },
    Break {
        what: "a number is used again after a deletion",
        patches: &[Patch {
            file: "branch.rs",
            from: "JobId::new(self.last.saturating_add(1))",
            to: "JobId::new(self.jobs.saturating_add(1))",
        }],
        noticed: By::Proof { scenario: RETRY, promise: "numbers never repeat" },
    },
    Break {
        what: "a failure takes the site down",
        patches: &[Patch {
            file: "branch.rs",
            from: "JobStatus::Failed | JobStatus::Cancelled => {}",
            to: "JobStatus::Failed | JobStatus::Cancelled => self.live = None,",
        }],
        noticed: By::Proof { scenario: RETRY, promise: "the live job is the one that succeeded last" },
    },
    Break {
        what: "a job that failed is taken up again, and the compiler looks away",
        patches: &[
            Patch {
                file: "status.rs",
                from: "row(Running, E::Reclaimed, Running),",
                to: "row(Running, E::Reclaimed, Running), row(JobStatus::Failed, E::Reclaimed, JobStatus::Failed),",
            },
            Patch { file: "status.rs", from: "assert!(moves != status.is_terminal(),", to: "assert!(moves || !moves," },
        ],
        noticed: By::Proof { scenario: MANUAL, promise: "an ended job never changes" },
    },
    Break {
        what: "a decision is made that the law does not allow",
        patches: &[Patch { file: "job/decide.rs", from: "self.allows(EventKind::Started)?;\n", to: "" }],
        noticed: By::Proof { scenario: MANUAL, promise: "nothing makes the core panic" },
    },
    Break {
        what: "a step goes on after its job has ended",
        patches: &[Patch {
            file: "job.rs",
            from: "if next.is_terminal() {\n            self.progress.steps.close(next, at);",
            to: "if next == JobStatus::Failed {\n            self.progress.steps.close(next, at);",
        }],
        noticed: By::Proof { scenario: MANUAL, promise: "a step never outlives its job" },
    },
    Break {
        what: "a history is written that its own job refuses",
        patches: &[Patch {
            file: "job/decide.rs",
            from: "seq: after(claimed.seq), at: claimed.at, event: Event::Provisioned",
            to: "seq: claimed.seq, at: claimed.at, event: Event::Provisioned",
        }],
        noticed: By::Proof { scenario: MANUAL, promise: "the records make the job" },
    },
];

/// The table has a row for it.
const LATE_SUCCESS: Patch = Patch {
    file: "status.rs",
    from: "row(Cancelling, E::Stopped, Cancelled),",
    to: "row(Cancelling, E::Stopped, Cancelled), row(Cancelling, E::Succeeded, Succeed),",
};

#[test]
fn each_rule_that_is_broken_on_purpose_is_noticed() {
    let copy = Copy::new();
    copy.write_sources(&[]);
    let whole = copy.prove(&[MANUAL, PUSHES, RETRY]);
    assert!(whole.status.success(), "no rule is broken, and yet the proof fails:\n{}", text(&whole));
    assert!(text(&whole).contains("3 passed"), "the scenarios have other names now:\n{}", text(&whole));

    let mut unnoticed = Vec::new();
    for each in BREAKS {
        match copy.try_out(each) {
            Ok(told) => println!("{told}"),
            Err(missed) => unnoticed.push(missed),
        }
    }
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n\n"));
}

/// A workspace of its own, with a copy of the core and of its proof.
struct Copy {
    root: PathBuf,
}

impl Copy {
    /// Copies all but the sources of the core.
    fn new() -> Self {
        let copy = Self { root: Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken_rules") };
        let workspace = package().join("../..");
        let manifest = fs::read_to_string(workspace.join("Cargo.toml")).expect("the workspace has a manifest");
        write(&copy.root.join("Cargo.toml"), manifest_of_the_copy(&manifest).as_bytes());
        write(&copy.root.join("Cargo.lock"), &read(&workspace.join("Cargo.lock")));
        for file in files(&package()).iter().filter(|file| !file.starts_with("src")) {
            write(&copy.package().join(file), &read(&package().join(file)));
        }
        copy
    }

    fn package(&self) -> PathBuf {
        self.root.join("crates/windlass")
    }

    /// The core's sources as they are, but for the patches.
    fn write_sources(&self, patches: &[Patch]) {
        let sources = package().join("src");
        for file in files(&sources) {
            let mut source = String::from_utf8(read(&sources.join(&file))).expect("a source is text");
            for patch in patches.iter().filter(|patch| Path::new(patch.file) == file) {
                let found = source.matches(patch.from).count();
                assert_eq!(found, 1, "the rule has moved: {} has {found} times {:?}", patch.file, patch.from);
                source = source.replace(patch.from, patch.to);
            }
            write(&self.package().join("src").join(&file), source.as_bytes());
        }
    }

    /// Breaks a rule. Answers how it was noticed, or fails with what came instead.
    fn try_out(&self, each: &Break) -> Result<String, String> {
        let missed = |output: &Output| format!("not noticed: {}\n{}", each.what, text(output));
        self.write_sources(each.patches);
        let built = self.cargo(&["--no-run"]);
        match each.noticed {
            By::Compiler(words) if !built.status.success() && text(&built).contains(words) => {
                Ok(format!("{}: does not compile, {words}\n", each.what))
            }
            By::Proof { scenario, promise } if built.status.success() => {
                let proof = self.prove(&[scenario]);
                let told = text(&proof);
                match told.split_once(&format!("violated: {promise}\n")) {
                    Some((_, trace)) if !proof.status.success() => {
                        let trace = trace.lines().take_while(|line| line.starts_with(' '));
                        Ok(trace.fold(format!("{}: {promise}\n", each.what), |told, line| told + line + "\n"))
                    }
                    Some(_) | None => Err(missed(&proof)),
                }
            }
            By::Compiler(_) | By::Proof { .. } => Err(missed(&built)),
        }
    }

    /// Runs the proof of these scenarios, which is compiled.
    fn prove(&self, scenarios: &[&str]) -> Output {
        self.cargo(&[&["--", "--exact"], scenarios].concat())
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO"))
            .args(["test", "--offline", "--test", "proof"])
            .args(arguments)
            .current_dir(self.package())
            .env("CARGO_TARGET_DIR", self.root.join("target"))
            // What a broken rule leaves unused is no error, and the copy's worlds are enough.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("DEEPER")
            .output()
            .expect("cargo runs")
    }
}

/// The workspace's manifest with one member, and without the path of any other.
fn manifest_of_the_copy(manifest: &str) -> String {
    let (_, rest) = manifest.split_once("[workspace.package]").expect("the workspace says what its packages share");
    let rest = rest.lines().filter(|line| !line.contains("path = \"crates/"));
    rest.fold(
        "[workspace]\nresolver = \"3\"\nmembers = [\"crates/windlass\"]\n\n[workspace.package]".into(),
        |text, line| text + line + "\n",
    )
}

fn package() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// Every file below a folder, named from there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(folder.join(&below)).expect("a folder can be read") {
            let entry = entry.expect("a folder can be read");
            let path = below.join(entry.file_name());
            let is_folder = entry.file_type().expect("a file is of some type").is_dir();
            if is_folder { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes a file, unless it is so already: what has not changed is not compiled again.
fn write(path: &Path, content: &[u8]) {
    if fs::read(path).is_ok_and(|known| known == content) {
        return;
    }
    let folder = path.parent().expect("a file is in a folder");
    fs::create_dir_all(folder).and_then(|()| fs::write(path, content)).expect("the target folder can be written");
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
