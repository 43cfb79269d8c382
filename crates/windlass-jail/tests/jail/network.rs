//! The machine's network, or none.

use std::net::TcpListener;

use windlass_jail::Network;

use crate::{Cell, Place};

#[tokio::test]
async fn without_a_network_not_even_the_machines_loopback_is_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let script = format!("echo > /dev/tcp/127.0.0.1/{} && echo in", listener.local_addr().unwrap().port());
    let mut cell = Cell::new(Place::Full);
    assert_eq!(cell.run(&script).await.output, "in\n", "the attempt itself works");
    cell.jail.network = Network::None;
    match cell.jail.probe() {
        Ok(report) => assert!(report.network),
        Err(error) => return eprintln!("skipped: {error}"),
    }
    let seen = cell.run(&script).await;
    assert!(!seen.output.contains("in\n") && seen.output.contains("refused"), "{}", seen.output);
    let seen =
        cell.run("echo > /dev/udp/169.254.169.254/80 && echo in; echo > /dev/tcp/169.254.169.254/80 && echo in").await;
    assert!(!seen.output.contains("in\n") && seen.output.contains("unreachable"), "{}", seen.output);
}

#[tokio::test]
async fn without_a_network_it_has_a_loopback_of_its_own() {
    let mut cell = Cell::new(Place::Full);
    cell.jail.network = Network::None;
    if let Err(error) = cell.jail.probe() {
        return eprintln!("skipped: {error}");
    }
    let script =
        "perl -MIO::Socket::INET -e '$l = IO::Socket::INET->new(Listen => 1, LocalAddr => \"127.0.0.1\") or die;
        IO::Socket::INET->new(PeerAddr => \"127.0.0.1\", PeerPort => $l->sockport) or die $!; print \"in\"'";
    assert_eq!(cell.run(script).await.output, "in");
}

#[tokio::test]
async fn no_network_is_refused_where_it_cannot_be_had() {
    let mut cell = Cell::new(Place::Landlock);
    cell.jail.network = Network::None;
    let error = cell.jail.probe().unwrap_err().to_string();
    assert!(error.contains("no network of its own can be had"), "{error}");
    assert!(cell.jail.spawn(&cell.script("true")).await.is_err());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn abstract_sockets_are_out_of_reach() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};

    let name = format!("windlass-jail-{}", std::process::id());
    let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let script = format!(
        "perl -MSocket -e 'socket S, AF_UNIX, SOCK_STREAM, 0; print connect(S, pack_sockaddr_un(\"\\0{name}\")) ? \"in\" : \"out\"'"
    );
    for cell in Cell::apart() {
        if !cell.jail.probe().unwrap().scoped {
            eprintln!("skipped: nothing guards abstract sockets on this machine");
            continue;
        }
        assert_eq!(cell.run(&script).await.output, "out", "{:?}", cell.place);
    }
    assert_eq!(Cell::new(Place::Free).run(&script).await.output, "in", "the attempt itself works");
}
