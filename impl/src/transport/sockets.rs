//! A UDP socket for what fits a datagram, and streams on the same port for what does not.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, UdpSocket};
use mio::{Events, Interest, Poll, Token};
use nix::sys::socket::{setsockopt, sockopt};

use super::many::{Inbox, Outbox};
use super::streams::{LISTENER, StreamLimits, StreamTraffic, Streams};
use super::{Admits, DATAGRAM_BYTES_MAX, Transport, Waker};

const DATAGRAMS: Token = Token(0);

/// Streams count their tokens from zero and do not come this far.
const WAKE: Token = Token(usize::MAX);

/// After how many datagrams in a row streams are looked at too.
const DATAGRAMS_PER_TURN: usize = 32;

/// What the operating system is asked to keep of datagrams that nobody has taken yet.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// How often a port that is free for UDP only is given up for another, when any port will do.
const PORTS_TRIED_MAX: usize = 64;

/// How many events are taken from the operating system at a time.
const EVENTS_MAX: usize = 256;

/// One port for both: what arrives on it is a datagram or a frame of a stream.
#[derive(Debug)]
pub struct SocketTransport {
    poll: Poll,
    events: Events,
    waker: Arc<mio::Waker>,
    socket: UdpSocket,
    streams: Streams,
    inbox: Inbox,
    outbox: Outbox,
    /// Datagrams received since streams were looked at last.
    turn: usize,
}

impl SocketTransport {
    /// Binds this address for datagrams and streams. With port zero, any port that is free for
    /// both.
    ///
    /// # Errors
    /// When the address is in use or not of this machine.
    pub fn bind(address: SocketAddr, limits: StreamLimits) -> io::Result<Self> {
        let (mut socket, mut listener) = bind_both(address)?;
        // As far as the system allows: what comes while a group of steps is taken waits there.
        let _ = setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER_BYTES);
        let poll = Poll::new()?;
        poll.registry().register(&mut socket, DATAGRAMS, Interest::READABLE)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let port = socket.local_addr()?.port();
        Ok(SocketTransport {
            waker: Arc::new(mio::Waker::new(poll.registry(), WAKE)?),
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            socket,
            streams: Streams::new(listener, port, limits),
            inbox: Inbox::new(),
            outbox: Outbox::default(),
            turn: 0,
        })
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Waits for something to happen, and lets the streams go on. Says whether a signal
    /// or a [waker](Transport::waker) cut the wait short.
    fn wait(&mut self, wait: Duration) -> io::Result<bool> {
        self.turn = 0;
        let now = Instant::now();
        let due = self.streams.next_deadline();
        let wait = due.map_or(wait, |due| wait.min(due.saturating_duration_since(now)));
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            Err(error) => return Err(error),
            Ok(()) => {}
        }
        let now = Instant::now();
        let mut is_woken = false;
        for event in &self.events {
            match event.token() {
                DATAGRAMS => self.inbox.note_more(),
                WAKE => is_woken = true,
                _ => self.streams.note(event, self.poll.registry(), now),
            }
        }
        self.streams.expire(self.poll.registry(), now);
        Ok(is_woken)
    }
}

impl Drop for SocketTransport {
    fn drop(&mut self) {
        self.outbox.flush(&self.socket);
    }
}

fn bind_both(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut tried = 0;
    loop {
        let socket = UdpSocket::bind(address)?;
        match TcpListener::bind(socket.local_addr()?) {
            Ok(listener) => return Ok((socket, listener)),
            Err(error) if address.port() != 0 || tried == PORTS_TRIED_MAX => return Err(error),
            Err(_) => tried += 1,
        }
    }
}

impl Transport for SocketTransport {
    fn send(&mut self, to: SocketAddr, message: &[u8]) -> io::Result<()> {
        if message.len() <= DATAGRAM_BYTES_MAX {
            return self.outbox.send(&self.socket, to, message);
        }
        self.streams.send(to, message, self.poll.registry(), Instant::now());
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> io::Result<Option<SocketAddr>> {
        self.receive_admitted(buffer, wait, &|_, _| true)
    }

    fn receive_admitted(
        &mut self,
        buffer: &mut Vec<u8>,
        wait: Duration,
        admits: Admits<'_>,
    ) -> io::Result<Option<SocketAddr>> {
        self.outbox.flush(&self.socket);
        let mut now = Instant::now();
        let deadline = now + wait;
        let mut has_looked = false;
        loop {
            // Streams get their turn even while one datagram follows the other.
            if self.turn >= DATAGRAMS_PER_TURN && self.wait(Duration::ZERO)? {
                return Ok(None);
            }
            if let Some(from) = self.streams.receive(buffer, admits, now) {
                return Ok(Some(from));
            }
            if let Some(from) = self.inbox.receive(&self.socket, buffer)? {
                self.turn += 1;
                return Ok(Some(from));
            }
            let left = deadline.saturating_duration_since(now);
            if (has_looked && left.is_zero()) || self.wait(left)? {
                return Ok(None);
            }
            has_looked = true;
            now = Instant::now();
        }
    }

    fn waker(&self) -> io::Result<Waker> {
        let waker = Arc::clone(&self.waker);
        // Whoever cannot be woken looks again in a moment.
        Ok(Arc::new(move || drop(waker.wake())))
    }

    fn stream_traffic(&self) -> StreamTraffic {
        self.streams.traffic()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    fn limits() -> StreamLimits {
        StreamLimits { message_bytes_max: 8 << 20, ..StreamLimits::default() }
    }

    fn bound(limits: StreamLimits) -> (SocketTransport, SocketAddr) {
        let transport = SocketTransport::bind((Ipv4Addr::LOCALHOST, 0).into(), limits).unwrap();
        let address = transport.address().unwrap();
        (transport, address)
    }

    /// Binds an address that was given back just now: a process that is started meanwhile has every socket of this one
    /// until it executes its own program.
    fn bound_again(address: SocketAddr) -> SocketTransport {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match SocketTransport::bind(address, limits()) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => {
                    assert!(Instant::now() < deadline, "{error}");
                }
                bound => return bound.unwrap(),
            }
        }
    }

    /// Lets both go on until the second has received something.
    fn receive(
        sender: &mut SocketTransport,
        receiver: &mut SocketTransport,
    ) -> (Vec<u8>, SocketAddr) {
        let (mut buffer, deadline) = (Vec::new(), Instant::now() + DEADLINE);
        while Instant::now() < deadline {
            assert_eq!(sender.receive(&mut Vec::new(), Duration::ZERO).unwrap(), None);
            if let Some(from) = receiver.receive(&mut buffer, Duration::from_millis(1)).unwrap() {
                return (buffer, from);
            }
        }
        panic!("nothing came: {:?}", sender.stream_traffic());
    }

    /// Lets one go on until a condition holds.
    fn wait_until(transport: &mut SocketTransport, holds: impl Fn(StreamTraffic) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !holds(transport.stream_traffic()) {
            assert!(Instant::now() < deadline, "{:?}", transport.stream_traffic());
            transport.receive(&mut Vec::new(), Duration::from_millis(1)).unwrap();
        }
    }

    fn message(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn messages_of_any_size_arrive_whole_and_name_the_port_to_answer_on() {
        let ((mut one, from), (mut other, to)) = (bound(limits()), bound(limits()));
        for bytes in [0, 1, DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MAX + 1, 100_000, 8 << 20] {
            one.send(to, &message(bytes)).unwrap();
            let (received, answer_to) = receive(&mut one, &mut other);
            assert!(received == message(bytes), "{bytes} bytes");
            assert_eq!(answer_to, from, "{bytes} bytes");
            other.send(answer_to, &received).unwrap();
            assert!(receive(&mut other, &mut one).0 == received, "{bytes} bytes, back");
        }
        assert_eq!(one.stream_traffic().queued, 3);
    }

    #[test]
    fn several_large_messages_to_one_peer_arrive_in_order() {
        let ((mut one, _), (mut other, to)) = (bound(limits()), bound(limits()));
        let messages: Vec<_> = (0..20).map(|count| message(70_000 + count)).collect();
        for message in &messages {
            one.send(to, message).unwrap();
        }
        for message in &messages {
            assert!(receive(&mut one, &mut other).0 == *message);
        }
    }

    #[test]
    fn a_message_to_nobody_is_given_up_and_the_next_goes_to_whoever_is_there_by_then() {
        let (mut one, _) = bound(limits());
        let (gone, to) = bound(limits());
        drop(gone);
        one.send(to, &message(100_000)).unwrap();
        wait_until(&mut one, |traffic| traffic.failed == 1);
        let mut other = bound_again(to);
        one.send(to, &message(100_000)).unwrap();
        assert_eq!(receive(&mut one, &mut other).0.len(), 100_000);
        // A restart in between: a message may be lost with the old connection, not more.
        drop(other);
        let mut other = bound_again(to);
        let (mut buffer, deadline) = (Vec::new(), Instant::now() + DEADLINE);
        let received = loop {
            assert!(Instant::now() < deadline);
            one.send(to, &message(100_001)).unwrap();
            one.receive(&mut buffer, Duration::from_millis(5)).unwrap();
            if other.receive(&mut buffer, Duration::from_millis(5)).unwrap().is_some() {
                break buffer;
            }
        };
        assert_eq!(received.len(), 100_001);
    }

    #[test]
    fn a_peer_that_does_not_read_costs_bounded_memory() {
        let patient = StreamLimits { peer_bytes_max: 40 << 20, stall: 10 * DEADLINE, ..limits() };
        let ((mut one, _), (_deaf, to)) = (bound(patient), bound(limits()));
        let message = message(8 << 20);
        let deadline = Instant::now() + DEADLINE;
        // What the kernel takes over comes on top of what one peer may cost here.
        while one.stream_traffic().full == 0 {
            assert!(Instant::now() < deadline, "{:?}", one.stream_traffic());
            one.send(to, &message).unwrap();
            one.receive(&mut Vec::new(), Duration::ZERO).unwrap();
        }
        assert_eq!(one.stream_traffic().failed, 0);
    }

    #[test]
    fn a_peer_that_does_not_read_is_given_up_in_time() {
        let impatient = StreamLimits { stall: Duration::from_millis(300), ..limits() };
        let ((mut one, _), (_deaf, to)) = (bound(impatient), bound(limits()));
        let message = message(8 << 20);
        let deadline = Instant::now() + DEADLINE;
        while one.stream_traffic().failed == 0 {
            assert!(Instant::now() < deadline, "{:?}", one.stream_traffic());
            // Again and again, since the kernel may take over the first whole.
            one.send(to, &message).unwrap();
            one.receive(&mut Vec::new(), Duration::from_millis(5)).unwrap();
        }
    }

    #[test]
    fn strangers_and_oversized_messages_are_cut_off() {
        let (mut one, to) = bound(limits());
        for start in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"qrat\x01\x00\xff\xff\xff\xff"] {
            let malformed = one.stream_traffic().malformed;
            let mut stranger = TcpStream::connect(to).unwrap();
            stranger.write_all(start).unwrap();
            wait_until(&mut one, |traffic| traffic.malformed == malformed + 1);
            stranger.set_read_timeout(Some(DEADLINE)).unwrap();
            assert!(matches!(stranger.read(&mut [0; 1]), Ok(0) | Err(_)));
        }
    }

    #[test]
    fn messages_that_never_become_whole_take_bounded_memory() {
        let (mut one, to) = bound(StreamLimits { incoming_bytes_max: 1 << 20, ..limits() });
        let mut start = b"qrat\x01\x00".to_vec();
        start.extend((4_u32 << 20).to_le_bytes());
        start.extend(vec![7; 600 << 10]);
        let strangers: Vec<_> = (0..4)
            .map(|_| {
                let mut stranger = TcpStream::connect(to).unwrap();
                stranger.write_all(&start).unwrap();
                stranger
            })
            .collect();
        wait_until(&mut one, |traffic| traffic.full == 2);
        assert_eq!(one.streams.open_connections().0, 2);
        drop(strangers);
    }

    #[test]
    fn quiet_connections_are_closed_and_the_quietest_makes_room() {
        let idle = Duration::from_millis(50);
        let quick = StreamLimits { idle, ..limits() };
        let ((mut one, _), (mut other, to)) = (bound(quick), bound(quick));
        one.send(to, &message(100_000)).unwrap();
        receive(&mut one, &mut other);
        assert_eq!(one.streams.open_connections(), (0, 1));
        let deadline = Instant::now() + DEADLINE;
        while one.streams.open_connections() != (0, 0) || other.streams.open_connections() != (0, 0)
        {
            assert!(Instant::now() < deadline);
            one.receive(&mut Vec::new(), Duration::from_millis(1)).unwrap();
            other.receive(&mut Vec::new(), Duration::from_millis(1)).unwrap();
        }
        let (mut few, to) = bound(StreamLimits { connections_max: 2, ..limits() });
        let strangers: Vec<_> = (0..5).map(|_| TcpStream::connect(to).unwrap()).collect();
        let deadline = Instant::now() + DEADLINE;
        // All have been accepted once the first ones are closed.
        for stranger in &strangers[..3] {
            stranger.set_nonblocking(true).unwrap();
            let mut stranger = stranger;
            while !matches!(stranger.read(&mut [0; 1]), Ok(0)) {
                assert!(Instant::now() < deadline);
                few.receive(&mut Vec::new(), Duration::from_millis(1)).unwrap();
            }
        }
        assert_eq!(few.streams.open_connections(), (2, 0));
    }
}
