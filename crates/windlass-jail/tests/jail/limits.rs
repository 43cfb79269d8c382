//! Taking more of the machine than there is for a command.

use windlass_jail::Ended;

use crate::{Cell, Place};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn a_fork_bomb_is_ended() {
    for mut cell in Cell::all() {
        cell.jail.limits.processes = Some(100);
        // 256 processes and no more: should it not be ended, the machine lives.
        let seen = cell.run("exec perl -e 'fork for 1 .. 8; sleep 60'").await;
        assert_eq!(seen.ended, Ended::TooManyProcesses { limit: 100 }, "{:?}", cell.place);
    }
}

#[tokio::test]
async fn the_kernel_gives_no_more_processes_than_the_limit() {
    let mut cell = Cell::new(Place::Full);
    cell.jail.limits.processes = Some(400);
    if !cell.jail.probe().unwrap().bounded {
        return eprintln!("skipped: before Linux 6.14 the kernel has no such limit");
    }
    let script =
        "exec perl -e 'for (1 .. 500) { my $p = fork; defined $p or die \"refused\"; $p or do { sleep 60; exit } }'";
    let seen = cell.run(script).await;
    assert!(seen.output.contains("refused") && seen.ended == Ended::Code(11), "{:?}: {}", seen.ended, seen.output);
}

#[tokio::test]
async fn one_process_gets_no_more_memory_than_all() {
    for mut cell in Cell::all() {
        cell.jail.limits.memory = Some(200 * MIB);
        let seen = cell.run("perl -e '$x = \"x\" x (400 << 20); print \"got it\"'").await;
        assert!(!seen.output.contains("got it"), "{:?}: {}", cell.place, seen.output);
        assert!(!seen.ended.is_success());
    }
}

#[tokio::test]
async fn many_processes_get_no_more_memory_than_all() {
    for mut cell in Cell::all() {
        cell.jail.limits.memory = Some(200 * MIB);
        let seen =
            cell.run("for i in 1 2 3; do perl -e '$x = \"x\" x (50 << 20); $x .= \"y\"; sleep 60' & done; wait").await;
        assert_eq!(seen.ended, Ended::OutOfMemory { limit: 200 * MIB }, "{:?}: {}", cell.place, seen.output);
    }
}

#[tokio::test]
async fn memory_that_is_shared_counts_once() {
    let mut cell = Cell::new(Place::Full);
    cell.jail.limits.memory = Some(400 * MIB);
    // Six processes that share 100 MiB, and are there when they are looked at: the last look is after all have said so.
    let script = "perl -e '$| = 1; $x = \"x\" x (100 << 20); for (1 .. 5) { fork or do { select undef, undef, undef, 1; exit } } 1 while wait > 0'";
    assert_eq!(cell.run(script).await.ended, Ended::Code(0));
}

#[tokio::test]
async fn a_file_grows_no_larger_than_its_limit() {
    for mut cell in Cell::all() {
        cell.jail.limits.file_size = Some(MIB);
        let seen = cell.run("exec head -c 2000000 /dev/zero > large").await;
        assert_eq!(seen.ended, Ended::Signal(25), "{:?}", cell.place);
        assert_eq!(std::fs::metadata(cell.path("job/large")).unwrap().len(), MIB);
    }
}

#[tokio::test]
async fn no_more_files_are_open_than_may_be() {
    for mut cell in Cell::all() {
        cell.jail.limits.open_files = Some(50);
        let seen = cell.run("ulimit -n 1000 2>/dev/null; ulimit -Hn; for i in {10..60}; do eval \"exec $i</dev/null\" || break; done 2>/dev/null; echo $i").await;
        assert_eq!(seen.output, "50\n50\n", "{:?}", cell.place);
    }
}

#[tokio::test]
async fn many_files_take_no_more_than_the_disks_limit() {
    for mut cell in Cell::all() {
        cell.jail.limits.disk = Some(10 * MIB);
        let seen = cell.run("for i in $(seq 20); do head -c 1000000 /dev/zero > $i; done; exec sleep 60").await;
        assert_eq!(seen.ended, Ended::OutOfDisk { limit: 10 * MIB }, "{:?}: {}", cell.place, seen.output);
    }
}

#[tokio::test]
async fn a_file_with_two_names_takes_its_size_once() {
    let mut cell = Cell::new(Place::Full);
    cell.jail.limits.disk = Some(10 * MIB);
    let seen = cell.run("head -c 6000000 /dev/zero > one; ln one two; truncate -s 1G hole; sleep 2").await;
    assert_eq!(seen.ended, Ended::Code(0), "{}", seen.output);
}
