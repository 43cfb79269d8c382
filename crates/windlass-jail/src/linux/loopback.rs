//! Switching on the loopback of a network namespace, which is born without it.

use std::io;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// `rtnetlink(7)`: a header (length, `RTM_NEWLINK`, `NLM_F_REQUEST | NLM_F_ACK`, sequence, port) and an `ifinfomsg`
/// (family, type, interface 1, which is always the loopback, `IFF_UP` as value and as mask).
const LINK: u16 = 16;
const REQUEST_AND_ACK: u16 = 1 | 4;
const LOOPBACK: u32 = 1;
const UP: u32 = 1;
const LENGTH: usize = 32;

pub(super) fn switch_on() -> io::Result<()> {
    // The protocol of number 0 is `NETLINK_ROUTE`.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let mut message = Vec::with_capacity(LENGTH);
    message.extend((LENGTH as u32).to_ne_bytes());
    message.extend(LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACK.to_ne_bytes());
    for word in [1, 0, 0, LOOPBACK, UP, UP] {
        message.extend(u32::to_ne_bytes(word));
    }
    send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0; 64];
    recv(&socket, &mut answer[..], RecvFlags::empty())?;
    // After the header of the answer: the error, negative, or 0.
    let error = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-error)) }
}
