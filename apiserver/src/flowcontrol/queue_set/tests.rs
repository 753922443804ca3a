use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::*;

const WAIT: Duration = Duration::from_secs(5);

fn limits(seats: usize) -> Limits {
    Limits {
        seats,
        per_flow: (seats / 2).max(1),
        sending: (seats - seats / 4).max(1),
        queued: 100,
        queued_per_flow: 20,
        wait: WAIT,
    }
}

fn of(seats: usize) -> QueueSet {
    QueueSet::new(limits(seats), Gauges::default())
}

fn seated(set: &QueueSet, flow: &str, seats: usize) -> Seat {
    match set.ask(flow, seats, false) {
        Ok(Admitted::Seated(seat)) => seat,
        other => panic!("{flow} is not seated: {other:?}"),
    }
}

fn queued(set: &QueueSet, flow: &str, seats: usize) -> BoxFuture<'static, Result<Seat, Rejected>> {
    match set.ask(flow, seats, false) {
        Ok(Admitted::Queued(queued)) => queued.seat().boxed(),
        other => panic!("{flow} does not wait: {other:?}"),
    }
}

fn is_idle(set: &QueueSet) -> bool {
    let state = set.0.lock();
    let is_idle = (state.taken, state.sending, state.waiting) == (0, 0, 0);
    is_idle && state.flows.is_empty() && state.turns.is_empty()
}

#[tokio::test]
async fn one_flow_has_half_at_most_and_the_others_the_rest() {
    let set = of(4);
    let first = [seated(&set, "a", 1), seated(&set, "a", 1)];
    let third = queued(&set, "a", 1);
    let others = [seated(&set, "b", 1), seated(&set, "c", 1)];
    drop(others);
    // What others leave is not for who has half already.
    let mut third = third;
    assert!((&mut third).now_or_never().is_none());
    drop(first);
    let third = third.await.expect("its own seats are free again");
    drop(third);
    assert!(is_idle(&set), "{set:?}");
}

#[tokio::test]
async fn turns_go_round_between_flows_and_by_age_within_one() {
    let set = of(2);
    let (a, b) = (seated(&set, "a", 1), seated(&set, "b", 1));
    let mut waiting = vec![
        ("c1", queued(&set, "c", 1)),
        ("c2", queued(&set, "c", 1)),
        ("c3", queued(&set, "c", 1)),
        ("d1", queued(&set, "d", 1)),
        ("e1", queued(&set, "e", 1)),
    ];
    drop(b);
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let at = waiting
            .iter_mut()
            .position(|(_, seat)| {
                // Who has its seat gives it back at once.
                seat.now_or_never()
                    .inspect(|seat| assert!(seat.is_ok()))
                    .is_some()
            })
            .expect("somebody has the seat");
        order.push(waiting.remove(at).0);
    }
    assert_eq!(order, ["c1", "d1", "e1", "c2", "c3"]);
    drop(a);
    assert!(is_idle(&set), "{set:?}");
}

#[tokio::test]
async fn who_needs_many_is_not_kept_out_by_those_who_need_few() {
    let set = of(8);
    let mut small: Vec<Seat> = ["a", "a", "a", "b", "b", "b"]
        .map(|flow| seated(&set, flow, 1))
        .into();
    let mut large = queued(&set, "large", 4);
    let mut next = queued(&set, "c", 1);
    small.pop();
    assert!(
        (&mut next).now_or_never().is_none(),
        "two are free, kept for who came first"
    );
    small.pop();
    let large = (&mut large).now_or_never().expect("four are free").unwrap();
    assert!((&mut next).now_or_never().is_none());
    drop(large);
    assert!(next.await.is_ok());
}

#[tokio::test]
async fn what_is_read_slowly_leaves_seats_for_work() {
    let set = of(8);
    let ask = |flow: &str, seats| set.ask(flow, seats, true);
    let lists: Vec<_> = [("a", 3), ("b", 3)].map(|(flow, seats)| ask(flow, seats)).into();
    assert!(lists.iter().all(|list| matches!(list, Ok(Admitted::Seated(_)))));
    let Ok(Admitted::Queued(third)) = ask("c", 1) else {
        panic!("six of eight are held by who reads slowly");
    };
    // Although somebody waits.
    let mut work = seated(&set, "d", 2);
    assert!(!work.keep_while_sending());
    drop(lists);
    assert!(work.keep_while_sending());
    assert!(third.seat().await.is_ok());
    drop(work);
    assert!(is_idle(&set), "{set:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_one_may() {
    let set = of(2);
    let held = [seated(&set, "a", 1), seated(&set, "b", 1)];
    let begun = tokio::time::Instant::now();
    let waited = set.seat("c", 1, false).await;
    assert!(matches!(waited, Err(Rejected::TimedOut)), "{waited:?}");
    assert_eq!(begun.elapsed(), WAIT);
    drop(held);
    assert!(is_idle(&set), "{set:?}");
}

#[tokio::test]
async fn queues_are_bounded_for_each_and_for_all() {
    let set = of(2);
    let held = [seated(&set, "a", 1), seated(&set, "b", 1)];
    let own: Vec<_> = (0..20).map(|_| queued(&set, "c", 1)).collect();
    assert!(matches!(set.ask("c", 1, false), Err(Rejected::QueueFull)));
    let others: Vec<_> = (0..80)
        .map(|flow| queued(&set, &format!("flow {flow}"), 1))
        .collect();
    assert!(matches!(set.ask("d", 1, false), Err(Rejected::QueueFull)));
    drop((own, others));
    assert!(matches!(set.ask("d", 1, false), Ok(Admitted::Queued(_))));
    drop(held);
    assert!(is_idle(&set), "{set:?}");
}

#[tokio::test]
async fn a_full_queue_keeps_nobody_out_who_need_not_wait() {
    let set = of(400);
    let held: Vec<_> = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|flow| set.ask(flow, 60, true).unwrap())
        .collect();
    assert!(held.iter().all(|held| matches!(held, Admitted::Seated(_))));
    let lists: Vec<_> = (0..100)
        .map(|number| set.ask(&(number % 5), 60, true).unwrap())
        .collect();
    assert!(lists.iter().all(|list| matches!(list, Admitted::Queued(_))));
    assert!(matches!(set.ask("f", 60, true), Err(Rejected::QueueFull)));
    // There are seats left for work.
    assert!(!set.is_full("f"));
    drop(seated(&set, "f", 1));
    drop((held, lists));
    assert!(is_idle(&set), "{set:?}");
}

#[tokio::test]
async fn who_leaves_while_it_waits_is_forgotten() {
    let set = of(2);
    let held = [seated(&set, "a", 1), seated(&set, "b", 1)];
    let gone = queued(&set, "c", 1);
    let stays = queued(&set, "d", 1);
    drop(gone);
    drop(held);
    drop(stays.await.unwrap());
    assert!(is_idle(&set), "{set:?}");
}

#[tokio::test]
async fn nobody_needs_more_than_there_can_be() {
    let set = of(4);
    assert_eq!(seated(&set, "a", 100).need.seats, 2);
    let one = of(1);
    assert_eq!(seated(&one, "a", 100).need.seats, 1);
    assert!(is_idle(&one), "{one:?}");
}

#[test]
fn no_number_is_no_limit() {
    let set = of(0);
    let mut seats: Vec<_> = (0..1000).map(|_| seated(&set, "a", 100)).collect();
    assert!(seats.iter_mut().all(Seat::keep_while_sending));
    drop(seats);
    assert!(is_idle(&set), "{set:?}");
}

#[test]
fn gauges_show_what_is_held_and_who_waits() {
    let gauges = Gauges::default();
    let set = QueueSet::new(limits(4), gauges.clone());
    let shown = || (gauges.executing.get(), gauges.seats.get(), gauges.queued.get());
    let seat = seated(&set, "a", 2);
    let waiting = queued(&set, "a", 1);
    assert_eq!(shown(), (1, 2, 1));
    drop(seat);
    drop(waiting);
    assert_eq!(shown(), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_never_hold_more_than_there_is() {
    let set = of(8);
    let most = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let tasks: Vec<_> = (0..64)
        .map(|number: usize| {
            let (set, most) = (set.clone(), Arc::clone(&most));
            tokio::spawn(async move {
                for round in 0..50 {
                    let flow = format!("flow {}", number % 5);
                    let Ok(seat) = set.seat(&flow, 1 + (number + round) % 3, round % 2 == 0).await else {
                        continue;
                    };
                    let taken = set.0.lock().taken;
                    most.fetch_max(taken, std::sync::atomic::Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    drop(seat);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let most = most.load(std::sync::atomic::Ordering::SeqCst);
    assert!((2..=8).contains(&most), "{most}");
    assert!(is_idle(&set), "{set:?}");
}
