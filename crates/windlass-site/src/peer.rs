//! Who asks.

use std::net::IpAddr;

use http::HeaderMap;

use crate::upstream::{FORWARDED_FOR, FORWARDED_PROTO};

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    /// Whether it may be a proxy of ours: on this machine or on a private network. What any other says of whom it speaks for
    /// is its own invention.
    pub(crate) fn is_near(self) -> bool {
        match self.0.to_canonical() {
            IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        }
    }

    /// The visitor: the peer, or whom a near one speaks for. Each proxy adds whom it saw to what it was told, so from the
    /// end it is the first that is no proxy of ours.
    pub(crate) fn visitor(self, headers: &HeaderMap) -> IpAddr {
        let lists = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|list| list.to_str().ok());
        let hops: Vec<IpAddr> =
            lists.flat_map(|list| list.split(',')).filter_map(|hop| hop.trim().parse().ok()).collect();
        let named = hops.iter().rev().find(|hop| !Self(**hop).is_near()).or(hops.first());
        if self.is_near() { named.copied().unwrap_or(self.0) } else { self.0 }
    }

    /// Whether the visitor came over TLS, as a near proxy says.
    pub(crate) fn is_secure(self, headers: &HeaderMap) -> bool {
        self.is_near()
            && headers.get(FORWARDED_PROTO).is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_who_is_near_can_speak_for_another() {
        for (peer, named, visitor) in [
            ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
            ("10.1.2.3", "203.0.113.7, 10.9.9.9", "203.0.113.7"),
            ("127.0.0.1", "1.2.3.4, 203.0.113.7", "203.0.113.7"),
            ("127.0.0.1", "10.9.9.9, 10.8.8.8", "10.9.9.9"),
            ("::1", " 2001:db8::1 ,x", "2001:db8::1"),
            ("::ffff:192.168.0.1", "203.0.113.7", "203.0.113.7"),
            ("fd00::1", "203.0.113.7", "203.0.113.7"),
            ("203.0.113.9", "203.0.113.7", "203.0.113.9"),
            ("2001:db8::2", "203.0.113.7", "2001:db8::2"),
            ("127.0.0.1", "=cmd()", "127.0.0.1"),
            ("127.0.0.1", "", "127.0.0.1"),
        ] {
            let peer = Peer(peer.parse().expect(peer));
            let headers = HeaderMap::from_iter([
                (FORWARDED_FOR, HeaderValue::from_static(named)),
                (FORWARDED_PROTO, HeaderValue::from_static("https")),
            ]);
            assert_eq!(peer.visitor(&headers).to_string(), visitor, "{peer:?} {named}");
            assert_eq!(peer.is_secure(&headers), peer.is_near());
            assert!(!peer.is_secure(&HeaderMap::new()));
        }
    }
}
