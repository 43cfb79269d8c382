//! Other processes, rights, the environment, and what was open.

use std::process::{Child, Command, Stdio};

use crate::{Cell, Place, program, seen, without_namespaces};

/// Stands for the server: a process of the same user with a secret in its environment.
struct Victim(Child);

impl Victim {
    fn new() -> Self {
        let mut victim = Command::new("sleep");
        Self(victim.arg("1000").env("SECRET", "in the environment").stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn the_servers_environment_cannot_be_read() {
    let victim = Victim::new();
    let script = format!("tr '\\0' '\\n' < /proc/{}/environ", victim.0.id());
    for cell in Cell::apart() {
        let seen = cell.run(&script).await;
        assert!(!seen.output.contains("in the environment"), "{:?}: {}", cell.place, seen.output);
    }
    let free = Cell::new(Place::Free).run(&script).await;
    assert!(free.output.contains("in the environment"), "the attempt itself works: {}", free.output);
}

#[tokio::test]
async fn the_server_can_be_neither_killed_nor_traced() {
    let attach = if cfg!(target_arch = "aarch64") { 117 } else { 101 };
    for cell in Cell::apart() {
        let report = cell.jail.probe().unwrap();
        if !report.processes && !report.scoped {
            eprintln!("skipped: nothing guards signals on this machine");
            continue;
        }
        let mut victim = Victim::new();
        let pid = victim.0.id();
        // 16 is PTRACE_ATTACH. Its parent is the warden, which knows how to end the command.
        let script = format!(
            "for p in {pid} $PPID; do kill -9 $p; kill -STOP $p
            perl -e 'print \"traced\\n\" if syscall({attach}, 16, '$p', 0, 0) == 0'; cat /proc/$p/mem; done 2>/dev/null"
        );
        let seen = cell.run(&script).await;
        assert!(!seen.output.contains("traced"), "{:?}: {}", cell.place, seen.output);
        assert!(victim.0.try_wait().unwrap().is_none(), "{:?}: killed", cell.place);
    }
}

#[tokio::test]
async fn the_warden_cannot_be_spoken_for() {
    for cell in Cell::apart() {
        // What the server would believe, were it the warden's.
        let script =
            r#"for fd in 0 1 2; do echo '{"Ended":{"Code":0}}' > /proc/$PPID/fd/$fd; done 2>/dev/null; exit 3"#;
        let seen = cell.run(script).await;
        assert_eq!(seen.ended.to_string(), "exit code 3", "{:?}: {}", cell.place, seen.output);
    }
}

#[tokio::test]
async fn it_has_no_rights_and_can_get_none() {
    for cell in Cell::apart() {
        let seen = cell.run("grep -E '^(Cap(Prm|Eff|Inh|Amb)|NoNewPrivs)' /proc/self/status | cut -f2 | sort -u").await;
        assert_eq!(seen.output, "0000000000000000\n1\n", "{:?}", cell.place);
        let seen =
            cell.run("mount -t tmpfs none tmp 2>/dev/null || unshare -Urm mount -t tmpfs none tmp 2>/dev/null").await;
        assert!(!seen.ended.is_success(), "{:?}: mounted", cell.place);
    }
}

#[tokio::test]
async fn its_environment_is_what_it_was_given() {
    for cell in Cell::all() {
        let mut run = cell.script("");
        run.program = "env".into();
        run.arguments.clear();
        run.environment = vec![("PATH".into(), "/usr/bin".into()), ("GIVEN".into(), "two\nlines".into())];
        let seen = seen(cell.jail.spawn(&run).await.unwrap()).await;
        let mut lines: Vec<_> = seen.output.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["GIVEN=two", "PATH=/usr/bin", "lines"], "{:?}", cell.place);
    }
}

#[tokio::test]
async fn what_was_open_is_closed() {
    for place in [Place::Full, Place::Free] {
        let mut cell = Cell::new(place);
        let (secret, server) = (cell.path("credentials"), cell.jail.program);
        let script = format!("#!/bin/sh\nexec 7<{}\nexec {} \"$@\"\n", secret.display(), server.display());
        cell.jail.program = program(cell.home.path(), "server", &script);
        let seen = cell.run("cat <&7 || cat /proc/self/fd/7; ls /proc/$$/fd").await;
        assert!(!seen.output.contains("secret key"), "{:?}: {}", cell.place, seen.output);
        assert!(!seen.output.lines().any(|line| line == "7"), "{:?}: {}", cell.place, seen.output);
    }
}

#[tokio::test]
async fn who_gets_no_further_than_a_user_namespace_stays_who_it_was() {
    let mut cell = Cell::new(Place::Landlock);
    let id = cell.run("id -u; stat -c %u .").await.output;
    cell.jail.program = without_namespaces("mnt", cell.home.path(), &Cell::new(Place::Full).jail.program);
    assert_eq!(cell.run("id -u; stat -c %u .").await.output, id);
    assert!(!cell.jail.probe().unwrap().processes);
}
