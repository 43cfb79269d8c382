//! Which addresses the server may fetch from.
//!
//! Whoever starts a deployment names a URL, and the server fetches it from inside its own network. Without a guard they
//! could read what only the server can reach: a database's port, a neighbour's console, a cloud's metadata. So an
//! address is refused unless it is public, or the operator named it.

mod resolver;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

pub use resolver::CheckedResolver;

/// The addresses that sources may be fetched from: public ones, and those that the operator allows.
///
/// ```
/// use windlass_runner::guard::AddressGuard;
///
/// let guard = AddressGuard::new(vec!["10.1.0.0/16".parse()?]);
/// assert!(guard.check("10.1.2.3".parse()?).is_ok());
/// assert!(guard.check("10.2.0.1".parse()?).is_err());
/// assert!(guard.check("::ffff:127.0.0.1".parse()?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AddressGuard {
    allowed: Arc<[IpNet]>,
}

/// An address that may not be fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "address {address} is {why} and may not be fetched from unless --allow-source {} allows it",
    IpNet::from(*address)
)]
pub struct Refused {
    /// The address as it was to be connected to.
    pub address: IpAddr,
    /// What kind of address it is.
    pub why: AddressClass,
}

/// What an address that is not public is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// `0.0.0.0` and `::`.
    Unspecified,
    /// `0.0.0.0/8`, a host on the sender's own network.
    ThisNetwork,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// RFC 1918, and the site-local addresses that IPv6 once had.
    Private,
    /// `fc00::/7`.
    UniqueLocal,
    /// `169.254.0.0/16` and `fe80::/10`, where clouds answer for metadata and credentials.
    LinkLocal,
    /// `100.64.0.0/10`, addresses behind a carrier's address translation.
    Shared,
    /// Public in form, but answered by the cloud platform that the server runs on.
    Platform,
    /// `224.0.0.0/4` and `ff00::/8`.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// Reserved for examples in documents.
    Documentation,
    /// Reserved for measuring networks.
    Benchmarking,
    /// `100::/64`, where packets are thrown away.
    Discard,
    /// An address of a tunnel or translator whose far end cannot be told from it.
    Tunnel,
    /// Assigned to protocols, or to nobody yet.
    Reserved,
}

impl AddressGuard {
    /// A guard that lets public addresses through, and those in `allowed`.
    #[must_use]
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Whether the server may connect to `address`.
    ///
    /// An IPv6 address that carries an IPv4 one (mapped, compatible, translated, NAT64, 6to4) is judged by the address it
    /// carries, and may be allowed by either.
    ///
    /// # Errors
    ///
    /// [`Refused`] where the address is not public and not allowed.
    pub fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let (judged, class) = match address {
            IpAddr::V4(v4) => (address, class_of_v4(v4)),
            IpAddr::V6(v6) => match carried_v4(v6) {
                Some(v4) => (IpAddr::V4(v4), class_of_v4(v4)),
                None => (address, class_of_v6(v6)),
            },
        };
        match class {
            Some(why) if !self.allows(address) && !self.allows(judged) => Err(Refused { address, why }),
            Some(_) | None => Ok(()),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|net| net.contains(&address))
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "unspecified",
            Self::ThisNetwork => "on this network (0.0.0.0/8)",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::UniqueLocal => "unique local",
            Self::LinkLocal => "link-local",
            Self::Shared => "shared by a carrier (100.64.0.0/10)",
            Self::Platform => "the cloud platform's own",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Documentation => "for documentation",
            Self::Benchmarking => "for benchmarking",
            Self::Discard => "discard-only",
            Self::Tunnel => "inside a tunnel",
            Self::Reserved => "reserved",
        })
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

/// What is not public in IPv4. The first row that holds an address names it.
const NOT_PUBLIC_V4: &[(Ipv4Net, AddressClass)] = &[
    (v4(0, 0, 0, 0, 32), AddressClass::Unspecified),
    (v4(0, 0, 0, 0, 8), AddressClass::ThisNetwork),
    (v4(10, 0, 0, 0, 8), AddressClass::Private),
    (v4(100, 64, 0, 0, 10), AddressClass::Shared),
    (v4(127, 0, 0, 0, 8), AddressClass::Loopback),
    // Azure's virtual machines reach their host's agent here.
    (v4(168, 63, 129, 16, 32), AddressClass::Platform),
    (v4(169, 254, 0, 0, 16), AddressClass::LinkLocal),
    (v4(172, 16, 0, 0, 12), AddressClass::Private),
    (v4(192, 0, 0, 0, 24), AddressClass::Reserved),
    (v4(192, 0, 2, 0, 24), AddressClass::Documentation),
    (v4(192, 168, 0, 0, 16), AddressClass::Private),
    (v4(198, 18, 0, 0, 15), AddressClass::Benchmarking),
    (v4(198, 51, 100, 0, 24), AddressClass::Documentation),
    (v4(203, 0, 113, 0, 24), AddressClass::Documentation),
    (v4(224, 0, 0, 0, 4), AddressClass::Multicast),
    (v4(255, 255, 255, 255, 32), AddressClass::Broadcast),
    (v4(240, 0, 0, 0, 4), AddressClass::Reserved),
];

/// What is not public in IPv6 and carries no IPv4 address. The first row that holds an address names it.
const NOT_PUBLIC_V6: &[(Ipv6Net, AddressClass)] = &[
    (v6(0x0064, 0xff9b, 0x0001, 48), AddressClass::Tunnel),
    (v6(0x0100, 0, 0, 64), AddressClass::Discard),
    (v6(0x2001, 0, 0, 32), AddressClass::Tunnel),
    (v6(0x2001, 0x0002, 0, 48), AddressClass::Benchmarking),
    (v6(0x2001, 0, 0, 23), AddressClass::Reserved),
    (v6(0x2001, 0x0db8, 0, 32), AddressClass::Documentation),
    (v6(0x3fff, 0, 0, 20), AddressClass::Documentation),
    (v6(0xfc00, 0, 0, 7), AddressClass::UniqueLocal),
    (v6(0xfe80, 0, 0, 10), AddressClass::LinkLocal),
    (v6(0xfec0, 0, 0, 10), AddressClass::Private),
    (v6(0xff00, 0, 0, 8), AddressClass::Multicast),
];

/// The part of IPv6 that public addresses are given from. All else is reserved.
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);

fn class_of_v4(address: Ipv4Addr) -> Option<AddressClass> {
    let row = NOT_PUBLIC_V4.iter().find(|(net, _)| net.contains(&address));
    row.map(|&(_, class)| class)
}

fn class_of_v6(address: Ipv6Addr) -> Option<AddressClass> {
    if address.is_unspecified() {
        return Some(AddressClass::Unspecified);
    }
    if address.is_loopback() {
        return Some(AddressClass::Loopback);
    }
    let row = NOT_PUBLIC_V6.iter().find(|(net, _)| net.contains(&address));
    match row {
        Some(&(_, class)) => Some(class),
        None if GLOBAL_UNICAST.contains(&address) => None,
        None => Some(AddressClass::Reserved),
    }
}

/// The IPv4 address that a packet to `address` ends up at, where the address says so.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // `::` and `::1` are addresses in their own right.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0, high, low] => from(high, low),
        [0, 0, 0, 0, 0, 0xffff, high, low] => from(high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => from(high, low),
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => from(high, low),
        [0x2002, high, low, _, _, _, _, _] => from(high, low),
        _ => None,
    }
}
