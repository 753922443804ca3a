use http::StatusCode;

use super::*;

fn health(storage: Result<(), String>) -> Health {
    Health::new(vec![
        Check::new("ping", || async { Ok(()) }),
        Check::new("etcd", move || {
            let storage = storage.clone();
            async move { storage }
        }),
        Check::of_readiness("shutdown", || async { Ok(()) }),
    ])
}

async fn ask(health: &Health, endpoint: Endpoint, query: &str) -> (u16, String) {
    let excluded = excluded(query);
    let findings = health.ask(endpoint, &excluded).await;
    let (code, text) = of_all(endpoint, &findings, &excluded, query);
    (code.as_u16(), text)
}

#[tokio::test]
async fn health_is_ok_in_short_and_line_by_line_on_demand() {
    let health = health(Ok(()));
    assert_eq!(ask(&health, Endpoint::Healthz, "").await, (200, "ok".into()));
    assert_eq!(
        ask(&health, Endpoint::Livez, "verbose").await,
        (200, "[+]ping ok\n[+]etcd ok\nlivez check passed\n".into())
    );
    assert_eq!(
        ask(&health, Endpoint::Readyz, "verbose=&exclude=etcd").await,
        (
            200,
            "[+]ping ok\n[+]etcd excluded: ok\n[+]shutdown ok\nreadyz check passed\n".into()
        )
    );
}

#[tokio::test]
async fn what_is_wrong_is_named_and_the_reason_withheld() {
    let health = health(Err("no answer from 10.0.0.1".into()));
    assert_eq!(
        ask(&health, Endpoint::Livez, "exclude=b&exclude=a").await,
        (
            500,
            "[+]ping ok\n[-]etcd failed: reason withheld\n\
             warn: some health checks cannot be excluded: no matches for \"a\",\"b\"\nlivez check failed\n"
                .into()
        )
    );
    assert_eq!(ask(&health, Endpoint::Livez, "exclude=etcd").await.0, 200);
}

#[tokio::test]
async fn a_single_check_tells_its_reason() {
    let health = health(Err("no answer".into()));
    let one = |outcome: Option<Outcome>| outcome.map(|outcome| of_one(&outcome));
    assert_eq!(
        one(health.ask_one(Endpoint::Livez, "ping").await),
        Some((StatusCode::OK, "ok".into()))
    );
    assert_eq!(
        one(health.ask_one(Endpoint::Livez, "etcd").await),
        Some((
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal server error: no answer\n".into()
        ))
    );
    assert_eq!(health.ask_one(Endpoint::Livez, "shutdown").await, None);
}

#[test]
fn every_check_has_its_path() {
    assert_eq!(
        health(Ok(())).paths(),
        [
            "/healthz",
            "/healthz/ping",
            "/healthz/etcd",
            "/livez",
            "/livez/ping",
            "/livez/etcd",
            "/readyz",
            "/readyz/ping",
            "/readyz/etcd",
            "/readyz/shutdown"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_at_once_are_one_question_to_the_storage() {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let check = Check::new("etcd", {
        let asked = Arc::clone(&asked);
        move || {
            asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                Ok(())
            }
        }
    });
    let health = Health::new(vec![check]);
    for round in 1..=2 {
        let answers = (0..100).map(|_| ask(&health, Endpoint::Readyz, ""));
        let answers = futures::future::join_all(answers).await;
        assert!(answers.iter().all(|(code, _)| *code == 200));
        assert_eq!(
            asked.load(std::sync::atomic::Ordering::SeqCst),
            round,
            "an answer is not kept"
        );
    }
}
