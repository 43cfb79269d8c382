//! Files: the server's, other jobs', the system's and its own.

use std::fs;
use std::os::unix::net::UnixListener;

use crate::{Cell, Place, program};

#[tokio::test]
async fn credentials_next_door_cannot_be_read() {
    for cell in Cell::apart() {
        let seen = cell
            .run("cat ../credentials || cat $PWD/../credentials || ls .. || cp -r .. stolen; grep -rs key stolen")
            .await;
        assert!(!seen.output.contains("secret key"), "{:?}: {}", cell.place, seen.output);
        assert!(!seen.output.contains("\ncredentials"), "{:?}: {}", cell.place, seen.output);
    }
    let free = Cell::new(Place::Free);
    assert_eq!(free.run("cat ../credentials").await.output, "secret key", "the attempt itself works");
}

#[tokio::test]
async fn nothing_is_written_next_door() {
    for cell in Cell::apart() {
        let script =
            "echo x > ../new; echo x >> ../credentials; rm -f ../credentials; mv ../credentials .; ln ../credentials .
            ln -s ../credentials link; echo x >> link; mkdir ../d; echo x > ../tools/new; truncate -s 0 ../credentials";
        let seen = cell.run(script).await;
        let mut left: Vec<_> =
            fs::read_dir(cell.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.retain(|name| name != "server");
        left.sort();
        assert_eq!(left, ["credentials", "job", "tools"], "{:?}: {}", cell.place, seen.output);
        assert_eq!(fs::read_to_string(cell.path("credentials")).unwrap(), "secret key");
        assert_eq!(fs::read_dir(cell.path("tools")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn modes_next_door_are_not_changed() {
    let cell = Cell::new(Place::Full);
    if !cell.has_a_root_of_its_own() {
        return eprintln!("skipped: no root of its own on this machine");
    }
    let before = fs::metadata(cell.path("credentials")).unwrap();
    cell.run("chmod 777 ../credentials ../tools /usr/bin/env; touch -d 2000-01-01 ../credentials").await;
    let after = fs::metadata(cell.path("credentials")).unwrap();
    assert_eq!((after.permissions(), after.modified().unwrap()), (before.permissions(), before.modified().unwrap()));
}

#[tokio::test]
async fn secrets_of_the_system_cannot_be_read() {
    for cell in Cell::apart() {
        let seen = cell.run("for f in /etc/shadow /etc/ssl/private /etc/ssh /root /home /run /var/lib /proc/1/root/root; do ls $f/ || cat $f; done 2>/dev/null | grep .").await;
        assert_eq!(seen.output, "", "{:?}", cell.place);
    }
}

#[tokio::test]
async fn the_system_itself_is_not_written() {
    for cell in Cell::apart() {
        let script = "for f in /usr/new /etc/new /opt/new /new /dev/new /var/tmp/new /proc/sys/kernel/core_pattern
            do echo x > $f && echo wrote $f; done 2>/dev/null";
        assert_eq!(cell.run(script).await.output, "", "{:?}", cell.place);
    }
}

#[tokio::test]
async fn its_own_directory_is_its_own() {
    for cell in Cell::all() {
        let script = "mkdir -p a/b && echo x > a/b/f && mv a/b/f g && ln g h && chmod 700 g && ln -s g l && cat l && mktemp >/dev/null
            pwd && echo /dev/stdout > /dev/stdout && echo err > /dev/stderr";
        let output = format!("x\n{}\n/dev/stdout\nerr\n", cell.path("job").canonicalize().unwrap().display());
        assert_eq!(cell.run(script).await.output, output, "{:?}", cell.place);
        assert_eq!(fs::read_to_string(cell.path("job/h")).unwrap(), "x\n");
    }
}

#[tokio::test]
async fn tools_elsewhere_can_be_named() {
    for cell in Cell::all() {
        program(&cell.path("tools"), "compile", "#!/bin/sh\necho compiled");
        assert_eq!(cell.run("../tools/compile").await.output, "compiled\n", "{:?}", cell.place);
    }
}

#[tokio::test]
async fn its_temporary_files_are_in_the_directory_that_was_named() {
    let cell = Cell::new(Place::Full);
    if !cell.has_a_root_of_its_own() {
        return eprintln!("skipped: no root of its own on this machine");
    }
    assert_eq!(cell.run("echo x > /tmp/f; cat tmp/f").await.output, "x\n");
    assert_eq!(fs::read_to_string(cell.path("job/tmp/f")).unwrap(), "x\n");
}

#[tokio::test]
async fn local_sockets_are_out_of_reach() {
    let cell = Cell::new(Place::Full);
    if !cell.has_a_root_of_its_own() {
        return eprintln!("skipped: no root of its own on this machine");
    }
    let _listener = UnixListener::bind(cell.path("socket")).unwrap();
    let script = "perl -MIO::Socket::UNIX -e 'print IO::Socket::UNIX->new(Peer => \"../socket\") ? \"in\" : \"out\"'";
    assert_eq!(cell.run(script).await.output, "out");
    let free = Cell { place: Place::Free, jail: Cell::new(Place::Free).jail, ..cell };
    assert_eq!(free.run(script).await.output, "in", "the attempt itself works");
}

#[tokio::test]
async fn a_path_that_is_not_there_is_named() {
    for cell in Cell::all() {
        let mut run = cell.script("true");
        run.readable.push(cell.path("missing"));
        let error = cell.jail.spawn(&run).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        assert!(error.to_string().contains("/missing: "), "{error}");
    }
}
