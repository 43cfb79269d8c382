//! Which addresses may be fetched from.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, like the test")]

use std::net::IpAddr;

use windlass_runner::guard::AddressClass::{
    Benchmarking, Broadcast, Discard, Documentation, LinkLocal, Loopback, Multicast, Platform, Private, Reserved,
    Shared, ThisNetwork, Tunnel, UniqueLocal, Unspecified,
};
use windlass_runner::guard::{AddressClass, AddressGuard};

#[test]
fn public_addresses_are_let_through() {
    let guard = AddressGuard::new(vec![]);
    for address in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "52.216.1.1",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2600:1f00::1",
        "2a00:1450:4001:80e::200e",
        "2001:200::1",
        "2001:db7::1",
        "2001:db9::1",
        "3ffe::1",
        "::ffff:8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:0808:0808::1",
    ] {
        assert_eq!(guard.check(ip(address)), Ok(()), "{address}");
    }
}

#[tokio::test]
async fn the_host_of_a_repository_is_reached_by_the_addresses_that_are_let_through() {
    use windlass_git::Resolve as _;
    let guard = AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    for (host, address) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")] {
        assert_eq!(guard.resolve(host, 443).await, Ok(vec![ip(address)]));
    }
    let closed = AddressGuard::new(vec![]);
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let refused = closed.resolve(host, 443).await.unwrap_err();
        assert!(refused.contains("loopback") && refused.contains("--allow-source"), "{refused}");
    }
    assert!(guard.resolve("name.invalid", 443).await.is_err());
}

#[test]
fn all_other_addresses_are_refused_and_classed() {
    let guard = AddressGuard::new(vec![]);
    for &(address, class) in NOT_PUBLIC {
        let refused = guard.check(ip(address)).expect_err(address);
        assert_eq!((refused.address, refused.why), (ip(address), class), "{address}");
    }
}

#[test]
fn a_refused_address_is_let_through_once_its_own_network_is_allowed() {
    for &(address, _) in NOT_PUBLIC {
        let guard = AddressGuard::new(vec![ip(address).into()]);
        assert_eq!(guard.check(ip(address)), Ok(()), "{address}");
    }
}

#[test]
fn allowing_a_network_allows_nothing_beside_it() {
    let guard = AddressGuard::new(vec!["127.0.0.1/32".parse().unwrap(), "10.1.0.0/16".parse().unwrap()]);
    for allowed in ["127.0.0.1", "10.1.0.0", "10.1.255.255"] {
        assert!(guard.check(ip(allowed)).is_ok(), "{allowed}");
    }
    for refused in ["127.0.0.2", "10.0.255.255", "10.2.0.0", "::1", "169.254.169.254"] {
        assert!(guard.check(ip(refused)).is_err(), "{refused}");
    }
}

#[test]
fn an_allowed_ipv4_network_holds_for_every_ipv6_form_of_its_addresses() {
    let guard = AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()]);
    for address in ["::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"] {
        assert!(guard.check(ip(address)).is_ok(), "{address}");
    }
    assert!(guard.check(ip("::ffff:10.0.0.1")).is_err());
}

#[test]
fn a_refusal_names_the_address_its_class_and_the_way_to_allow_it() {
    let guard = AddressGuard::new(vec![]);
    let text = |address| guard.check(ip(address)).unwrap_err().to_string();
    assert_eq!(
        text("169.254.169.254"),
        "address 169.254.169.254 is link-local and may not be fetched from unless --allow-source 169.254.169.254/32 allows it"
    );
    assert_eq!(
        text("fd00:ec2::254"),
        "address fd00:ec2::254 is unique local and may not be fetched from unless --allow-source fd00:ec2::254/128 allows it"
    );
}

/// First and last addresses of each network, and those that attackers know.
const NOT_PUBLIC: &[(&str, AddressClass)] = &[
    ("0.0.0.0", Unspecified),
    ("0.0.0.1", ThisNetwork),
    ("0.255.255.255", ThisNetwork),
    ("10.0.0.0", Private),
    ("10.255.255.255", Private),
    ("100.64.0.0", Shared),
    ("100.100.100.200", Shared),
    ("100.127.255.255", Shared),
    ("127.0.0.0", Loopback),
    ("127.0.0.1", Loopback),
    ("127.255.255.255", Loopback),
    ("168.63.129.16", Platform),
    ("169.254.0.0", LinkLocal),
    ("169.254.169.254", LinkLocal),
    ("169.254.255.255", LinkLocal),
    ("172.16.0.0", Private),
    ("172.31.255.255", Private),
    ("192.0.0.0", Reserved),
    ("192.0.0.192", Reserved),
    ("192.0.0.255", Reserved),
    ("192.0.2.0", Documentation),
    ("192.0.2.255", Documentation),
    ("192.168.0.0", Private),
    ("192.168.255.255", Private),
    ("198.18.0.0", Benchmarking),
    ("198.19.255.255", Benchmarking),
    ("198.51.100.0", Documentation),
    ("203.0.113.255", Documentation),
    ("224.0.0.0", Multicast),
    ("239.255.255.255", Multicast),
    ("240.0.0.0", Reserved),
    ("255.255.255.254", Reserved),
    ("255.255.255.255", Broadcast),
    ("::", Unspecified),
    ("::1", Loopback),
    ("::2", ThisNetwork),
    ("::127.0.0.1", Loopback),
    ("::ffff:0.0.0.0", Unspecified),
    ("::ffff:127.0.0.1", Loopback),
    ("::ffff:7f00:1", Loopback),
    ("::ffff:169.254.169.254", LinkLocal),
    ("::ffff:10.0.0.1", Private),
    ("::ffff:0:127.0.0.1", Loopback),
    ("64:ff9b::127.0.0.1", Loopback),
    ("64:ff9b::a9fe:a9fe", LinkLocal),
    ("64:ff9b:1::1", Tunnel),
    ("64:ff9b:2::1", Reserved),
    ("100::", Discard),
    ("100::ffff:ffff:ffff:ffff", Discard),
    ("100:0:0:1::", Reserved),
    ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
    ("2001::", Tunnel),
    ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Tunnel),
    ("2001:1::1", Reserved),
    ("2001:2::1", Benchmarking),
    ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
    ("2001:db8::", Documentation),
    ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Documentation),
    ("2002:7f00:0001::", Loopback),
    ("2002:0a00:0001::1", Private),
    ("2002:c0a8:0101::1", Private),
    ("3fff::", Documentation),
    ("3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Documentation),
    ("4000::", Reserved),
    ("5f00::1", Reserved),
    ("fc00::", UniqueLocal),
    ("fd00:ec2::254", UniqueLocal),
    ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", UniqueLocal),
    ("fe00::", Reserved),
    ("fe80::", LinkLocal),
    ("fe80::1", LinkLocal),
    ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", LinkLocal),
    ("fec0::1", Private),
    ("ff00::", Multicast),
    ("ff02::1", Multicast),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Multicast),
];

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}
