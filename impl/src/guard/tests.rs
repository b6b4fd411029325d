use quorate_model::ids::ClientId;

use super::*;
use crate::keys::{Grant, KeyFile, Right, Rights};

const NOW: u64 = 1_800_000_000_000;
const LIFETIME: Duration = Duration::from_secs(30);
const ADDRESS: SocketAddr =
    SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 7));

/// Guards of one cluster, with keys in a directory of their own.
struct Fixture {
    directory: tempfile::TempDir,
    ring: Keyring,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Fixture { directory: tempfile::tempdir().unwrap(), ring: Keyring::fresh() };
        fixture.write(KeyFile::Cluster(fixture.ring.clone()), "cluster");
        fixture
    }

    fn write(&self, keys: KeyFile, name: &str) {
        keys.replace(&self.directory.path().join(name)).unwrap();
    }

    fn settings(&self, name: &str) -> GuardSettings {
        GuardSettings {
            access: Access::KeyFile(self.directory.path().join(name)),
            cluster: Fingerprint::from_bytes([1; 8]),
            nodes: 3,
            lifetime: LIFETIME,
            configuration: b"ours".to_vec(),
        }
    }

    fn node(&self, node: u16) -> Guard {
        let settings = self.settings("cluster");
        let keys = HeldKeys::open_cluster(&settings.access).unwrap();
        Guard::new(&settings, keys, Me::Node(NodeId(node)), rand::random(), 0)
    }

    fn client(&self, rights: Rights, expires: Option<u64>) -> Guard {
        let grant = Grant { name: "alice".into(), rights, expires };
        self.write(KeyFile::Client(self.ring.keys()[0].client_key(grant)), "client");
        Guard::of_client(&self.settings("client")).unwrap()
    }
}

fn to(guard: &Guard) -> Party {
    let Me::Node(node) = guard.me else { panic!("clients are only answered") };
    Party::node(node, ADDRESS)
}

fn sealed(from: &mut Guard, to: &Party, body: &[u8], now_ms: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.seal(to, body, now_ms, &mut bytes);
    bytes
}

fn open(guard: &mut Guard, bytes: &[u8]) -> Result<Vec<u8>, Refused> {
    guard.open(bytes, ADDRESS, NOW).map(|(_, body)| bytes[body].to_vec())
}

#[test]
fn what_is_sealed_for_a_process_is_taken_in_once_and_answered() {
    let fixture = Fixture::new();
    let (mut one, mut two) = (fixture.node(0), fixture.node(1));
    let bytes = sealed(&mut one, &to(&two), b"hello", NOW);
    let (from, body) = two.open(&bytes, ADDRESS, NOW).unwrap();
    assert_eq!((from.peer, &bytes[body]), (NodeId(0).into(), &b"hello"[..]));
    assert_eq!(open(&mut two, &bytes), Err(Refused::Replayed));
    assert_eq!(two.refusals(), Refusals { replayed: 1, ..Refusals::default() });
    let read: Rights = [Right::Read].into_iter().collect();
    for mut client in
        [fixture.client(read, None), Guard::of_client(&fixture.settings("cluster")).unwrap()]
    {
        let bytes = sealed(&mut client, &to(&two), b"ask", NOW);
        let (from, _) = two.open(&bytes, ADDRESS, NOW).unwrap();
        assert_eq!(from.peer, client.clients()[0].into());
        assert!(from.may(Right::Read));
        assert_eq!(from.may(Right::Write), client.keys().is_of_cluster());
        let answer = sealed(&mut two, &from, b"answer", NOW);
        let (from, body) = client.open(&answer, ADDRESS, NOW).unwrap();
        assert_eq!((from.peer, &answer[body]), (NodeId(1).into(), &b"answer"[..]));
        assert_eq!(open(&mut client, &answer), Err(Refused::Replayed));
    }
}

#[test]
fn a_datagram_that_is_altered_anywhere_is_refused() {
    let fixture = Fixture::new();
    let (mut one, mut two) = (fixture.node(0), fixture.node(1));
    let bytes = sealed(&mut one, &to(&two), b"hello", NOW);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            assert!(open(&mut two, &altered).is_err(), "bit {bit} of byte {at}");
        }
    }
    for length in 0..bytes.len() {
        let refused = open(&mut two, &bytes[..length]).unwrap_err();
        let expected = if length < 4 { Refused::NotQuorate } else { Refused::Truncated };
        assert_eq!(refused, expected, "{length} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(open(&mut two, &longer), Err(Refused::Malformed));
    assert!(two.refusals().unauthenticated > 0);
    assert_eq!(open(&mut two, &bytes), Ok(b"hello".to_vec()));
}

#[test]
fn what_is_not_for_us_or_not_of_now_is_refused_for_what_it_is() {
    let fixture = Fixture::new();
    let other = Fixture::new();
    let (mut one, mut two, mut three) = (fixture.node(0), fixture.node(1), fixture.node(2));
    let ms = LIFETIME.as_millis() as u64;
    let foreign = sealed(&mut other.node(0), &to(&two), b"", NOW);
    let misdirected = sealed(&mut one, &to(&three), b"", NOW);
    let old = sealed(&mut one, &to(&two), b"", NOW - ms - 1);
    let ahead = sealed(&mut one, &to(&two), b"", NOW + ms + 1);
    let mut version = sealed(&mut one, &to(&two), b"", NOW);
    version[4] = 5;
    let mut cluster = sealed(&mut one, &to(&two), b"", NOW);
    cluster[5] ^= 1;
    let mut client = fixture.client(Rights::ALL, None);
    let to_client = sealed(&mut client, &to(&two), b"", NOW);
    let mut unknown = Guard { me: Me::Node(NodeId(3)), ..fixture.node(0) };
    for (bytes, refused) in [
        (foreign, Refused::ForeignKey),
        (misdirected.clone(), Refused::Misdirected),
        (old, Refused::TooOld),
        (ahead, Refused::FromFuture),
        (version, Refused::OtherVersion { version: 5 }),
        (cluster, Refused::OtherCluster),
        (sealed(&mut unknown, &to(&two), b"", NOW), Refused::UnknownNode),
        (b"hello world".to_vec(), Refused::NotQuorate),
    ] {
        assert_eq!(open(&mut two, &bytes), Err(refused));
    }
    assert!(open(&mut three, &misdirected).is_ok());
    assert_eq!(open(&mut client, &to_client), Err(Refused::Misdirected));
    let counted = Refusals {
        foreign_key: 1,
        misdirected: 1,
        too_old: 1,
        from_future: 1,
        other_version: 1,
        other_cluster: 1,
        unknown_node: 1,
        malformed: 1,
        ..Refusals::default()
    };
    assert_eq!(two.refusals(), counted);
}

#[test]
fn what_was_sent_before_a_node_listened_is_refused_and_what_is_sent_since_is_not() {
    let fixture = Fixture::new();
    let mut one = fixture.node(1);
    // It opens its keys a while after it began to listen, and has what came meanwhile to take in.
    let mut two = Guard::of_node(&fixture.settings("cluster"), NodeId(2), NOW - 100).unwrap();
    let mut sent = |sent_ms| sealed(&mut one, &to(&fixture.node(2)), b"hello", sent_ms);
    let (before, since) = (sent(NOW - 101), sent(NOW - 100));
    assert_eq!(open(&mut two, &before), Err(Refused::TooOld));
    assert!(open(&mut two, &since).is_ok());
    assert_eq!(open(&mut two, &since), Err(Refused::Replayed));
}

#[test]
fn a_client_cannot_pass_for_a_node_or_another_client_nor_give_itself_rights() {
    let fixture = Fixture::new();
    let mut node = fixture.node(0);
    let read: Rights = [Right::Read].into_iter().collect();
    let mut client = fixture.client(read, None);
    // It has a secret, and says of itself what it likes.
    let key = client.keys.client_key();
    let header = |sender, session| Header {
        key: key.key_id,
        sender,
        receiver: NodeId(0).into(),
        session,
        number: 1,
        sent_ms: NOW,
        body_bytes: 0,
    };
    let grant = Grant { rights: Rights::ALL, ..key.grant.clone() };
    let named = Grant { name: "bob".into(), ..key.grant.clone() };
    let for_ever = Grant { expires: Some(u64::MAX), ..key.grant.clone() };
    for sender in [
        Sender::Node(NodeId(1)),
        Sender::Client { grant: grant.as_ref(), index: 0 },
        Sender::Client { grant: named.as_ref(), index: 0 },
        Sender::Client { grant: for_ever.as_ref(), index: 0 },
    ] {
        let mut bytes = Vec::new();
        let (cluster, header) = (client.cluster, header(sender, 7));
        envelope::seal(cluster, &header, b"", &mut bytes, |bytes| key.secret.tag(bytes));
        assert_eq!(open(&mut node, &bytes), Err(Refused::Unauthenticated), "{sender:?}");
    }
    let mut ids: Vec<ClientId> =
        (0..4).map(|session| client_id(key.grant.as_ref(), session, 0)).collect();
    ids.push(client_id(key.grant.as_ref(), 0, 1));
    ids.push(client_id(named.as_ref(), 0, 0));
    ids.push(client_id(grant.as_ref(), 0, 0));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 7, "an id follows from all of a grant and the session");
    assert!(open(&mut node, &sealed(&mut client, &to(&fixture.node(0)), b"", NOW)).is_ok());
}

#[test]
fn a_client_whose_key_has_expired_or_was_revoked_is_heard_no_more() {
    let fixture = Fixture::new();
    let mut node = fixture.node(0);
    let party = to(&node);
    let mut client = fixture.client(Rights::ALL, Some(NOW / 1_000 + 1));
    assert!(open(&mut node, &sealed(&mut client, &party, b"", NOW)).is_ok());
    let later = NOW + 1_000;
    let bytes = sealed(&mut client, &party, b"", later);
    assert_eq!(node.open(&bytes, ADDRESS, later).unwrap_err(), Refused::Expired);
    let ring = fixture.ring.revoking(["alice".to_owned()]);
    fixture.write(KeyFile::Cluster(ring), "cluster");
    node.refresh(Instant::now() + Duration::from_secs(5));
    assert_eq!(open(&mut node, &sealed(&mut client, &party, b"", NOW)), Err(Refused::Revoked));
}

#[test]
fn keys_are_rotated_while_everybody_goes_on() {
    let fixture = Fixture::new();
    let (mut one, mut two) = (fixture.node(0), fixture.node(1));
    let mut client = Guard::of_client(&fixture.settings("cluster")).unwrap();
    let mut reader = fixture.client(Rights::ALL, None);
    let party = to(&two);
    let at = |seconds| Instant::now() + Duration::from_secs(seconds);
    let mut all_are_heard = |one: &mut Guard, two: &mut Guard, client: &mut Guard, now_ms| {
        [one, client, &mut reader].map(|from| {
            let bytes = sealed(from, &party, b"", now_ms);
            two.open(&bytes, ADDRESS, now_ms).is_ok()
        })
    };
    let rotated = fixture.ring.rotated(NOW / 1_000 + 10);
    fixture.write(KeyFile::Cluster(rotated.clone()), "cluster");
    // Some have read it, some have not, and nothing changes before the time has come.
    one.refresh(at(1));
    assert_eq!(all_are_heard(&mut one, &mut two, &mut client, NOW), [true; 3]);
    two.refresh(at(1));
    client.refresh(at(1));
    assert_eq!(all_are_heard(&mut one, &mut two, &mut client, NOW), [true; 3]);
    let later = NOW + 10_000;
    assert_eq!(all_are_heard(&mut one, &mut two, &mut client, later), [true; 3]);
    fixture.write(KeyFile::Cluster(rotated.without_older(later / 1_000)), "cluster");
    for guard in [&mut one, &mut two, &mut client] {
        guard.refresh(at(2));
    }
    // Keys of clients that were made from the old one are gone with it.
    assert_eq!(all_are_heard(&mut one, &mut two, &mut client, later), [true, true, false]);
}

#[test]
fn a_process_can_be_several_clients_and_who_takes_its_session_does_not_disturb_it() {
    let fixture = Fixture::new();
    let mut node = fixture.node(0);
    let party = to(&node);
    let mut clients = Guard::of_clients(&fixture.settings("cluster"), 3).unwrap();
    let ids = clients.clients().to_vec();
    let mut copycat = Guard { session: clients.session, ..fixture.client(Rights::ALL, None) };
    for (index, id) in (0..).zip(ids) {
        assert!(open(&mut node, &sealed(&mut copycat, &party, b"", NOW)).is_ok());
        let bytes = sealed(&mut clients, &party.by(index), b"", NOW);
        let (from, _) = node.open(&bytes, ADDRESS, NOW).unwrap();
        assert_eq!(from.peer, id.into());
        assert!(open(&mut clients, &sealed(&mut node, &from, b"", NOW)).is_ok());
    }
    let bytes = sealed(&mut clients, &party.by(3), b"", NOW);
    let (from, _) = node.open(&bytes, ADDRESS, NOW).unwrap();
    let answer = sealed(&mut node, &from, b"", NOW);
    assert_eq!(open(&mut clients, &answer), Err(Refused::Misdirected), "there are three");
}

#[test]
fn of_a_large_message_the_start_says_whether_it_may_be_taken_in() {
    let fixture = Fixture::new();
    let (mut one, mut two, three) = (fixture.node(0), fixture.node(1), fixture.node(2));
    let body = vec![7; 100_000];
    let bytes = sealed(&mut one, &to(&two), &body, NOW);
    let start = &bytes[..ENVELOPE_BYTES_MAX];
    assert!(two.admits(start, bytes.len(), NOW));
    assert!(!two.admits(start, bytes.len() + 1, NOW));
    assert!(!two.admits(start, bytes.len(), NOW + 60_000));
    assert!(!three.admits(start, bytes.len(), NOW));
    assert!(!two.admits(&vec![7; ENVELOPE_BYTES_MAX], bytes.len(), NOW));
    let body_start = bytes.len() - body.len() - envelope::TAG_BYTES;
    for at in 0..body_start {
        let mut altered = start.to_vec();
        altered[at] ^= 1;
        assert!(!two.admits(&altered, bytes.len(), NOW), "byte {at}");
    }
    assert_eq!(open(&mut two, &bytes), Ok(body));
    assert!(!two.admits(start, bytes.len(), NOW), "it came");
}

#[test]
fn a_million_clients_take_bounded_memory_and_nothing_of_theirs_is_taken_in_twice() {
    let mut sessions = Sessions::new(CLIENT_SESSIONS_MAX, 0);
    let clients = 1_000_000;
    for client in 0..clients {
        let sent_ms = NOW + client / 1_000;
        sessions.admit((0, client), 1, false, sent_ms).unwrap();
    }
    assert_eq!(sessions.len(), CLIENT_SESSIONS_MAX.get());
    for client in (0..clients).step_by(997) {
        assert!(sessions.admit((0, client), 1, false, NOW + client / 1_000).is_err(), "{client}");
    }
}

#[test]
fn a_client_that_names_another_cluster_is_told_how_this_one_is_configured_once() {
    let fixture = Fixture::new();
    let mut node = fixture.node(0);
    let elsewhere = |settings: GuardSettings| GuardSettings {
        cluster: Fingerprint::from_bytes([2; 8]),
        ..settings
    };
    let mut client = Guard::of_client(&elsewhere(fixture.settings("cluster"))).unwrap();
    // To the client it is n2, say.
    let asked = Party::node(NodeId(1), ADDRESS);
    let bytes = sealed(&mut client, &asked, b"ask", NOW);
    assert_eq!(open(&mut node, &bytes), Err(Refused::OtherCluster));
    let answer = node.answer_to_other_cluster(&bytes, NOW).unwrap();
    let (from, body) = client.open(&answer, ADDRESS, NOW).unwrap();
    assert_eq!((from.peer, &answer[body]), (NodeId(1).into(), &b"ours"[..]));
    assert_eq!(open(&mut client, &answer), Err(Refused::Replayed));
    assert_eq!(node.answer_to_other_cluster(&bytes, NOW), None, "it came before");

    // Neither who has no key of ours, nor what was altered, nor what is old, is told anything.
    let stranger = Fixture::new();
    let mut stranger = Guard::of_client(&elsewhere(stranger.settings("cluster"))).unwrap();
    let bytes = sealed(&mut stranger, &asked, b"ask", NOW);
    assert_eq!(node.answer_to_other_cluster(&bytes, NOW), None);
    let mut bytes = sealed(&mut client, &asked, b"ask", NOW);
    assert_eq!(node.answer_to_other_cluster(&bytes, NOW + 40_000), None);
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(node.answer_to_other_cluster(&bytes, NOW), None);
    // A client of this cluster has nothing to be told.
    let mut ours = Guard::of_client(&fixture.settings("cluster")).unwrap();
    let bytes = sealed(&mut ours, &asked, b"ask", NOW);
    assert_eq!(node.answer_to_other_cluster(&bytes, NOW), None);
}
