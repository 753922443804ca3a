//! Handshakes with good servers and with everything else that can listen on a port.

use tokio::net::TcpSocket;

use super::*;
use crate::pki::testing::{NAME, authority, in_days, leaf, names, now};
use crate::pki::{Leaf, TrustFault, issue_leaf, verify_chain};
use crate::probe::testing::{AMPLE, PATIENT, answer, https, listen, recorder, tls_config, usual};

/// Limits that a silent peer runs into.
const SHORT: Limits = Limits {
    connect: AMPLE,
    handshake: Duration::from_millis(50),
    request: Duration::from_millis(50),
    whole: AMPLE,
};

fn good() -> Leaf {
    leaf(&authority(&[NAME]))
}

#[tokio::test]
async fn what_is_served_is_seen_whoever_signed_it() {
    let leaf = good();
    for version in rustls::ALL_VERSIONS {
        for protocols in [&[][..], &["http/1.1"], &["h2", "http/1.1"]] {
            let config = tls_config(&leaf.certificate, &leaf.key_pem, &[version], protocols);
            let server = recorder(config).await;
            let served = handshake(server.addr, NAME, &PATIENT).await.expect("a handshake");
            assert_eq!(served.leaf, leaf.certificate);
            assert_eq!(served.chain, std::slice::from_ref(&leaf.certificate.der));
        }
    }
}

#[tokio::test]
async fn every_handshake_is_full_and_carries_no_data() {
    let leaf = good();
    let server = recorder(usual(&leaf.certificate, &leaf.key_pem)).await;
    for _ in 0..3 {
        handshake(server.addr, NAME, &PATIENT).await.expect("a handshake");
    }
    let seen = server.wait(|seen| seen.data.len() == 3).await;
    assert_eq!(seen.data, [0; 3]);
    assert_eq!(seen.handshakes, [Some(rustls::HandshakeKind::Full); 3]);
    assert_eq!(
        seen.server_names,
        [const { Some(NAME) }; 3].map(|name| name.map(str::to_owned))
    );
}

#[tokio::test]
async fn an_expired_or_misnamed_certificate_is_still_shown() {
    let ca = authority(&[NAME, "api.example.com"]);
    let bundle = [ca.certificate().clone()];
    let other = issue_leaf(&ca, &names(&["api.example.com"]), now(), AMPLE).expect("a leaf");
    let server = recorder(usual(&other.certificate, &other.key_pem)).await;
    let served = handshake(server.addr, NAME, &PATIENT).await.expect("a handshake");
    let at = |time| verify_chain(&served.chain, &bundle, NAME, time);
    assert_eq!(
        at(now()),
        Err(TrustFault::SanMismatch {
            names: names(&["api.example.com"])
        })
    );
    assert_eq!(
        at(in_days(2)),
        Err(TrustFault::Expired {
            not_after: served.leaf.not_after
        })
    );
}

#[tokio::test]
async fn a_certificate_without_its_key_proves_nothing() {
    let (leaf, other) = (good(), good());
    for version in rustls::ALL_VERSIONS {
        let config = tls_config(&leaf.certificate, &other.key_pem, &[version], &[]);
        let server = recorder(config).await;
        let failed = handshake(server.addr, NAME, &PATIENT).await;
        assert!(
            matches!(failed, Err(HandshakeError::HandshakeFailed(_))),
            "{failed:?}"
        );
    }
}

#[tokio::test]
async fn nothing_listens() {
    // Bound but not listening: the port is nobody else's, and refuses.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port");
    let addr = socket.local_addr().expect("an address");
    assert_eq!(
        handshake(addr, NAME, &PATIENT).await,
        Err(HandshakeError::ConnectionRefused)
    );
}

#[tokio::test]
async fn nobody_answers_the_connection_attempt() {
    // Once the backlog is full, Linux lets further attempts go unanswered.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port");
    let listener = socket.listen(1).expect("a listener");
    let addr = listener.local_addr().expect("an address");
    let limits = Limits {
        connect: Duration::from_millis(300),
        ..SHORT
    };
    let mut ends = Vec::new();
    while ends.last() != Some(&Err(HandshakeError::ConnectTimeout)) && ends.len() < 50 {
        ends.push(handshake(addr, NAME, &limits).await);
    }
    assert_eq!(
        ends.last(),
        Some(&Err(HandshakeError::ConnectTimeout)),
        "{ends:?}"
    );
}

#[tokio::test]
async fn a_plain_http_server_does_not_speak_tls() {
    let server = listen(|stream, _| async move {
        let service = hyper::service::service_fn(|_| async {
            Ok::<_, hyper::Error>(answer(200, "ok").expect("an answer"))
        });
        let io = hyper_util::rt::TokioIo::new(stream);
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(io, service)
            .await;
    })
    .await;
    assert_eq!(
        handshake(server.addr, NAME, &PATIENT).await,
        Err(HandshakeError::NotTls)
    );
}

#[tokio::test]
async fn a_server_that_speaks_first_does_not_speak_tls() {
    let server = listen(|mut stream, _| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await;
    assert_eq!(
        handshake(server.addr, NAME, &PATIENT).await,
        Err(HandshakeError::NotTls)
    );
}

#[tokio::test]
async fn a_silent_peer_and_one_that_hangs_up() {
    let silent = listen(|stream, _| async move {
        let _stream = stream;
        std::future::pending().await
    })
    .await;
    assert_eq!(
        handshake(silent.addr, NAME, &SHORT).await,
        Err(HandshakeError::TlsTimeout)
    );

    let rude = listen(|mut stream, _| async move {
        let mut hello = [0; 16];
        let _ = stream.read_exact(&mut hello).await;
    })
    .await;
    let failed = handshake(rude.addr, NAME, &PATIENT).await;
    assert!(
        matches!(failed, Err(HandshakeError::HandshakeFailed(_))),
        "{failed:?}"
    );
}

#[tokio::test]
async fn no_common_protocol_is_told_in_the_peers_words() {
    let leaf = good();
    let config = tls_config(&leaf.certificate, &leaf.key_pem, rustls::ALL_VERSIONS, &["imap"]);
    let server = https(config, |_| answer(200, "")).await;
    let failed = handshake(server.addr, NAME, &PATIENT).await;
    assert!(
        matches!(&failed, Err(HandshakeError::HandshakeFailed(text)) if text.contains("NoApplicationProtocol")),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_name_that_is_none_is_not_asked_for() {
    let failed = handshake(([127, 0, 0, 1], 1).into(), "not a name", &PATIENT).await;
    assert_eq!(
        failed,
        Err(HandshakeError::InvalidServerName("not a name".to_owned()))
    );
}

#[test]
fn kernel_errors_have_causes() {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, PermissionDenied, TimedOut};
    let cause = |kind| connect_error(&io::Error::new(kind, "said so"));
    assert_eq!(cause(HostUnreachable), HandshakeError::Unreachable);
    assert_eq!(cause(NetworkUnreachable), HandshakeError::Unreachable);
    assert_eq!(cause(TimedOut), HandshakeError::ConnectTimeout);
    assert_eq!(
        cause(PermissionDenied),
        HandshakeError::ConnectFailed("said so".to_owned())
    );
}
