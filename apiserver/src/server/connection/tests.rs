use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Method;
use http_body::Body as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::response::Body;
use crate::server::response_body::Held;
use crate::server::response_body::ResponseBody;

const PATIENCE: Duration = Duration::from_secs(60);
const PROTOCOL: Protocol = Protocol { max_streams: 1000 };

fn chained(body: Body, held: Held, life: &Lifecycle) -> HandlerBody {
    HandlerBody::Chain(ResponseBody::new(body, held, life))
}

fn answer(life: &Lifecycle) -> Response<HandlerBody> {
    Response::new(chained(Body::from(Bytes::from("ok")), Held::default(), life))
}

/// A client of a connection whose GETs are answered at once, and whose other requests wait with their bodies unread.
async fn client(
    standing: Standing,
) -> (
    h2::client::SendRequest<Bytes>,
    h2::client::Connection<tokio::io::DuplexStream>,
) {
    h2::client::handshake(served(standing, Arc::default()))
        .await
        .unwrap()
}

/// The client's end of such a connection; `begun` counts the requests that have been served or are.
fn served(standing: Standing, begun: Arc<AtomicUsize>) -> tokio::io::DuplexStream {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let life = Lifecycle::new();
    let (changes, leaf) = watch::channel(0);
    let connection = Arc::new(Connection {
        peer: Peer::default(),
        is_http2: true,
        activity: Activity::new(),
        slot: Connections::new(10).admit([127, 0, 0, 1].into()).0,
    });
    let endings = Endings {
        life: life.clone(),
        leaf,
    };
    tokio::spawn(async move {
        let _changes = changes;
        run(theirs, connection, standing, PROTOCOL, endings, move |request| {
            let life = life.clone();
            begun.fetch_add(1, Ordering::SeqCst);
            async move {
                if request.method() != Method::GET {
                    let _unread = request;
                    std::future::pending::<()>().await;
                }
                answer(&life)
            }
            .boxed()
        })
        .await;
    });
    ours
}

/// A frame of RFC 9113, section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [head.as_slice(), payload].concat()
}

/// A client's preface, and the heads of so many POSTs, whose bodies do not come.
fn posts(count: u32) -> Vec<u8> {
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const END_HEADERS: u8 = 4;
    // `:method: POST`, `:scheme: https`, `:path: /` and `:authority`, as RFC 7541 numbers them.
    let fields = [&[0x83, 0x87, 0x84, 0x41, 9], b"localhost".as_slice()].concat();
    let heads = (0..count).flat_map(|number| frame(HEADERS, END_HEADERS, 2 * number + 1, &fields));
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".iter().copied();
    preface.chain(frame(SETTINGS, 0, 0, &[])).chain(heads).collect()
}

#[tokio::test]
async fn a_connection_has_so_many_requests_at_once_and_no_more_whatever_its_client_believes() {
    const RST_STREAM: u8 = 3;
    const REFUSED_STREAM: u32 = 7;
    for (standing, most) in [
        (Standing::Unknown, 250),
        (Standing::Client, 250),
        (Standing::FrontProxy, 1000),
    ] {
        let begun = Arc::new(AtomicUsize::new(0));
        let mut client = served(standing, Arc::clone(&begun));
        client.write_all(&posts(most + 50)).await.unwrap();
        let mut refused = 0;
        let all_refused = async {
            while refused < 50 {
                let mut head = [0; 9];
                client.read_exact(&mut head).await.unwrap();
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let mut payload = vec![0; length as usize];
                client.read_exact(&mut payload).await.unwrap();
                if head[3] == RST_STREAM {
                    assert_eq!(payload, REFUSED_STREAM.to_be_bytes());
                    refused += 1;
                }
            }
        };
        tokio::time::timeout(PATIENCE, all_refused).await.unwrap();
        let most_begun = async {
            while begun.load(Ordering::SeqCst) < most as usize {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, most_begun).await.unwrap();
        // With those that were refused these are all.
        assert_eq!(begun.load(Ordering::SeqCst), most as usize, "{standing:?}");
    }
}

#[tokio::test]
async fn uploads_that_wait_do_not_stop_the_others_of_a_front_proxy() {
    let (mut sender, connection) = client(Standing::FrontProxy).await;
    tokio::spawn(async { drop(connection.await) });
    let request = |method: &str| {
        Request::builder()
            .method(method)
            .uri("https://localhost/")
            .body(())
            .unwrap()
    };
    let mut waiting = Vec::new();
    for _ in 0..128 {
        sender = sender.ready().await.unwrap();
        let (response, mut body) = sender.send_request(request("POST"), false).unwrap();
        // As much as may be sent before it is read.
        body.send_data(vec![0; WINDOW as usize].into(), false).unwrap();
        let sent = async {
            body.reserve_capacity(1);
            while body.capacity() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, sent).await.unwrap();
        waiting.push((response, body));
    }
    sender = sender.ready().await.unwrap();
    let (response, mut body) = sender.send_request(request("GET"), false).unwrap();
    // It has a body, too, which must fit beside those that wait.
    body.reserve_capacity(1);
    let room = std::future::poll_fn(|context| body.poll_capacity(context));
    assert_eq!(
        tokio::time::timeout(PATIENCE, room)
            .await
            .unwrap()
            .unwrap()
            .unwrap(),
        1
    );
    body.send_data(Bytes::from_static(b"x"), true).unwrap();
    let answered = tokio::time::timeout(PATIENCE, response).await.unwrap().unwrap();
    assert_eq!(answered.status(), 200);
}

#[test]
fn who_is_no_front_proxy_has_go_s_streams_and_small_heads() {
    for standing in [Standing::Client, Standing::Unknown] {
        let bounds = Bounds::of(standing, PROTOCOL);
        assert_eq!((bounds.streams, bounds.head_bytes), (250, 128 * 1024));
        assert_eq!(Bounds::of(standing, Protocol { max_streams: 10 }).streams, 10);
    }
    let proxy = Bounds::of(Standing::FrontProxy, PROTOCOL);
    assert_eq!((proxy.streams, proxy.head_bytes), (1000, 1 << 20));
    assert!(proxy.unread_bytes >= 1000 * WINDOW);
    let many = Bounds::of(
        Standing::FrontProxy,
        Protocol {
            max_streams: u32::MAX,
        },
    );
    assert!(many.unread_bytes <= MOST_WINDOW);
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_client_does_not_read_is_given_up_and_one_without_events_is_not() {
    let life = Lifecycle::new();
    let body = |pieces: usize| {
        let pieces = futures::stream::repeat(Bytes::from_static(b"{}\n")).take(pieces);
        let stream = pieces.chain(futures::stream::pending());
        chained(Body::Stream(stream.boxed()), Held::default(), &life)
    };
    let untaken = bounded(async {
        let mut body = body(2);
        let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        assert!(frame.is_some());
        // The client does not take it: nobody asks for more.
        std::future::pending::<()>().await;
    });
    let begun = tokio::time::Instant::now();
    assert_eq!(untaken.await, None);
    assert_eq!(begun.elapsed(), stream::LONGEST_STALL);
    let silent = bounded(async {
        let mut body = body(1);
        let mut frames = 0;
        let read = std::future::poll_fn(|context| {
            while let std::task::Poll::Ready(Some(_)) = Pin::new(&mut body).poll_frame(context) {
                frames += 1;
            }
            std::task::Poll::<()>::Pending
        });
        let _ = tokio::time::timeout(100 * stream::LONGEST_STALL, read).await;
        frames
    });
    assert_eq!(silent.await, Some(1));
}
