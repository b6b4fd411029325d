//! Many datagrams per system call.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;

use mio::net::UdpSocket;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

use super::DATAGRAM_BYTES_MAX;

/// How many datagrams are taken from the operating system at a time.
const RECEIVED_MAX: usize = 32;

/// How many are given to it at a time, and how many bytes.
const SENT_MAX: usize = 64;
const SENT_BYTES_MAX: usize = 256 << 10;

/// Datagrams that have come and were not asked for yet.
#[derive(Debug)]
pub(super) struct Inbox {
    buffers: Vec<Box<[u8]>>,
    /// In which buffer, how many bytes, and from where.
    come: VecDeque<(usize, usize, SocketAddr)>,
    /// Whether the operating system had no more when it was asked last, and has not said since that more has come.
    is_drained: bool,
}

impl Inbox {
    pub(super) fn new() -> Self {
        // Memory is taken up page by page, as far as datagrams reach.
        let buffers = (0..RECEIVED_MAX).map(|_| vec![0; DATAGRAM_BYTES_MAX + 1].into());
        Inbox { buffers: buffers.collect(), come: VecDeque::new(), is_drained: false }
    }

    /// The operating system says that there is more.
    pub(super) fn note_more(&mut self) {
        self.is_drained = false;
    }

    /// The next datagram, if there is one.
    pub(super) fn receive(
        &mut self,
        socket: &UdpSocket,
        buffer: &mut Vec<u8>,
    ) -> io::Result<Option<SocketAddr>> {
        if self.come.is_empty() && !self.is_drained {
            self.take(socket)?;
        }
        let Some((index, length, from)) = self.come.pop_front() else { return Ok(None) };
        buffer.clear();
        buffer.extend_from_slice(&self.buffers[index][..length]);
        Ok(Some(from))
    }

    fn take(&mut self, socket: &UdpSocket) -> io::Result<()> {
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(RECEIVED_MAX, None);
        let slices = self.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]);
        let mut slices: Vec<_> = slices.collect();
        let (fd, flags) = (socket.as_raw_fd(), MsgFlags::empty());
        match recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None) {
            Ok(received) => {
                let mut count = 0;
                for (index, message) in received.enumerate() {
                    count += 1;
                    if let Some(from) = message.address.as_ref().and_then(address) {
                        self.come.push_back((index, message.bytes, from));
                    }
                }
                // It stops before its last buffer only when there are no more.
                self.is_drained = count < RECEIVED_MAX;
                Ok(())
            }
            Err(Errno::EAGAIN) => {
                self.is_drained = true;
                Ok(())
            }
            // The last two report on a datagram sent earlier, not on this socket.
            Err(Errno::ETIMEDOUT | Errno::EINTR | Errno::ECONNRESET | Errno::ECONNREFUSED) => {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn address(from: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = from.as_sockaddr_in().map(|from| SocketAddrV4::from(*from).into());
    v4.or_else(|| from.as_sockaddr_in6().map(|from| SocketAddrV6::from(*from).into()))
}

/// Datagrams that are about to be sent, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// To whom, and where each ends.
    waiting: Vec<(SocketAddr, usize)>,
    bytes: Vec<u8>,
    /// What befell datagrams since somebody was told last.
    failed: VecDeque<io::Error>,
}

impl Outbox {
    /// Sends a datagram, now or before anything is received. An error is that of some datagram that was sent before and
    /// has not been told yet.
    pub(super) fn send(
        &mut self,
        socket: &UdpSocket,
        to: SocketAddr,
        datagram: &[u8],
    ) -> io::Result<()> {
        self.bytes.extend_from_slice(datagram);
        self.waiting.push((to, self.bytes.len()));
        if self.waiting.len() >= SENT_MAX || self.bytes.len() >= SENT_BYTES_MAX {
            self.flush(socket);
        }
        self.failed.pop_front().map_or(Ok(()), Err)
    }

    /// Sends everything that waits.
    pub(super) fn flush(&mut self, socket: &UdpSocket) {
        if let [(to, _)] = self.waiting[..] {
            self.failed.extend(socket.send_to(&self.bytes, to).err());
        } else if !self.waiting.is_empty() {
            self.send_all(socket);
        }
        self.waiting.clear();
        self.bytes.clear();
    }

    fn send_all(&mut self, socket: &UdpSocket) {
        let starts = std::iter::once(0).chain(self.waiting.iter().map(|(_, end)| *end));
        let slice = |(start, (_, end)): (usize, &(SocketAddr, usize))| {
            [IoSlice::new(&self.bytes[start..*end])]
        };
        let slices: Vec<_> = starts.zip(&self.waiting).map(slice).collect();
        let to: Vec<_> = self.waiting.iter().map(|(to, _)| Some((*to).into())).collect();
        let mut sent = 0;
        while sent < slices.len() {
            let left = slices.len() - sent;
            let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(left, None);
            let (fd, flags) = (socket.as_raw_fd(), MsgFlags::empty());
            match sendmmsg(fd, &mut headers, &slices[sent..], &to[sent..], [], flags) {
                Ok(results) => sent += results.count().max(1),
                Err(Errno::EINTR) => {}
                // It is about the first of them; the others may go through.
                Err(error) => {
                    self.failed.push_back(error.into());
                    sent += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::{Duration, Instant};

    use super::*;

    fn bound() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    #[test]
    fn what_is_sent_together_arrives_datagram_by_datagram_in_order_and_an_error_is_told_once() {
        let ((one, from), (other, to)) = (bound(), bound());
        let (mut outbox, mut inbox) = (Outbox::default(), Inbox::new());
        // Port zero is refused; what is sent with it goes through.
        let nowhere = (Ipv4Addr::LOCALHOST, 0).into();
        let datagrams: Vec<Vec<u8>> =
            (0..100).map(|number| vec![number; 1 + usize::from(number)]).collect();
        let mut failed = 0;
        for datagram in &datagrams {
            failed += u32::from(outbox.send(&one, to, datagram).is_err());
            if datagram.len() % 40 == 7 {
                failed += u32::from(outbox.send(&one, nowhere, datagram).is_err());
            }
        }
        outbox.flush(&one);
        while outbox.failed.pop_front().is_some() {
            failed += 1;
        }
        assert_eq!(failed, 3, "those of 7, 47 and 87 bytes");
        let (mut received, mut buffer) = (Vec::new(), Vec::new());
        let deadline = Instant::now() + Duration::from_secs(20);
        while received.len() < datagrams.len() {
            assert!(Instant::now() < deadline);
            inbox.note_more();
            if let Some(address) = inbox.receive(&other, &mut buffer).unwrap() {
                assert_eq!(address, from);
                received.push(buffer.clone());
            }
        }
        assert_eq!(received, datagrams);
        assert_eq!(inbox.receive(&other, &mut buffer).unwrap(), None);
    }
}
