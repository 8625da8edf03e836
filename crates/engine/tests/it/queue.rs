//! What wakes a node: no weakness of the queue loses a request, doubles one, or tries one again when it should not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adieu_engine::{Engine, Kind, NewRequest, Options, RequestId, RetryPolicy, Status};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::world::{World, erasure, export, person};

/// A worker that carries requests on until it is told to stop.
struct Working {
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Working {
    fn on(engine: &Engine) -> Self {
        let turns = engine.clone();
        Self::with(engine, move |id| {
            let engine = turns.clone();
            async move {
                engine.advance(id, Duration::from_secs(5)).await.unwrap();
            }
        })
    }

    fn with<W: Future<Output = ()> + Send + 'static>(
        engine: &Engine,
        carry_on: impl Fn(RequestId) -> W + Send + Sync + 'static,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let engine = engine.clone();
        let running = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            engine.work(4, carry_on, stopped).await.unwrap();
        });
        Self { stop, running }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
    }
}

impl World {
    /// A look into the store's tables from outside.
    async fn tables(&self) -> SqlitePool {
        let file = self.folder.path().join("adieu.db");
        SqlitePool::connect_with(SqliteConnectOptions::new().filename(file))
            .await
            .unwrap()
    }

    async fn count(&self, what: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {what}");
        sqlx::query(AssertSqlSafe(sql))
            .fetch_one(&self.tables().await)
            .await
            .unwrap()
            .get(0)
    }

    async fn change(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&self.tables().await)
            .await
            .unwrap();
    }

    /// In how many seconds the only job is to be run.
    async fn next_job_in(&self) -> i64 {
        let jobs: Vec<i64> = sqlx::query("SELECT run_at FROM Jobs WHERE status = 'Pending'")
            .fetch_all(&self.tables().await)
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(jobs.len(), 1, "a request has one job");
        jobs[0] - now.as_secs() as i64
    }
}

/// Waits until the request is over.
async fn ended(engine: &Engine, id: RequestId) -> Status {
    let begun = Instant::now();
    loop {
        let status = engine.request(id).await.unwrap().status;
        if status.is_final() {
            return status;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_carried_on_as_soon_as_it_is_submitted() {
    let world = World::new();
    let engine = world.engine().await;
    let working = Working::on(&engine);
    let (first, _) = engine.submit(export("ada")).await.unwrap();
    assert_eq!(ended(&engine, first.id).await, Status::Completed);
    // Nobody looks more than twice a second on their own.
    let begun = Instant::now();
    for _ in 0..10 {
        let (request, _) = engine.submit(export("ada")).await.unwrap();
        assert_eq!(ended(&engine, request.id).await, Status::Completed);
    }
    assert!(
        begun.elapsed() < Duration::from_millis(2500),
        "it is rung for: {:?}",
        begun.elapsed()
    );
    working.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_live_workers_run_no_job_twice() {
    let world = World::new();
    let engines = [world.engine().await, world.engine().await];
    let mut asked = Vec::new();
    for _ in 0..60 {
        asked.push(engines[0].submit(export("ada")).await.unwrap().0.id);
    }
    let runs: Arc<Mutex<BTreeMap<RequestId, usize>>> = Arc::default();
    let mine = [AtomicUsize::new(0), AtomicUsize::new(0)].map(Arc::new);
    let working = [0, 1].map(|n| {
        let (runs, mine, engine) = (runs.clone(), mine[n].clone(), engines[n].clone());
        Working::with(&engines[n], move |id| {
            *runs.lock().unwrap().entry(id).or_default() += 1;
            mine.fetch_add(1, Ordering::SeqCst);
            let engine = engine.clone();
            async move {
                engine.advance(id, Duration::from_secs(5)).await.unwrap();
            }
        })
    });
    for id in &asked {
        assert_eq!(ended(&engines[0], *id).await, Status::Completed);
    }
    for one in working {
        one.stop().await;
    }
    let runs = runs.lock().unwrap();
    assert_eq!(runs.len(), asked.len());
    assert!(runs.values().all(|times| *times == 1), "{runs:?}");
    assert!(
        mine.iter().all(|runs| runs.load(Ordering::SeqCst) > 0),
        "both had some"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_database_failed_begins_anew_under_another_name() {
    let world = World::new();
    let engine = world.engine().await;
    let working = Working::on(&engine);
    let (request, _) = engine.submit(export("ada")).await.unwrap();
    assert_eq!(ended(&engine, request.id).await, Status::Completed);
    world
        .change(
            "CREATE TRIGGER broken BEFORE UPDATE ON Jobs WHEN new.status = 'Queued'
             BEGIN SELECT RAISE (ABORT, 'no'); END",
        )
        .await;
    let (request, _) = engine.submit(export("ada")).await.unwrap();
    let begun = Instant::now();
    while world.count("Workers").await < 3 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it begins anew");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.change("DROP TRIGGER broken").await;
    assert_eq!(ended(&engine, request.id).await, Status::Completed);
    working.stop().await;
    assert_eq!(world.count("Workers").await, 0, "whoever stopped is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_worker_had_taken_is_taken_up_by_another_within_seconds() {
    let world = World::new();
    let (one, two) = (world.engine().await, world.engine().await);
    let (request, _) = one.submit(export("ada")).await.unwrap();
    let (taken, was_taken) = oneshot::channel();
    let taken = Mutex::new(Some(taken));
    let dying = Working::with(&one, move |_| {
        let _ = taken.lock().unwrap().take().unwrap().send(());
        std::future::pending()
    });
    was_taken.await.unwrap();
    dying.running.abort();
    let begun = Instant::now();
    let working = Working::on(&two);
    assert_eq!(ended(&two, request.id).await, Status::Completed);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    working.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_panics_is_not_tried_again_by_the_queue() {
    let world = World::new();
    let engine = world.engine().await;
    let (request, _) = engine.submit(export("ada")).await.unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let seen = runs.clone();
    let working = Working::with(&engine, move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
        async { panic!("a fault of the handler") }
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(
        engine.due(10).await.unwrap(),
        [request.id],
        "nothing is lost"
    );
    drop(working.stop);
    let _ = working.running.await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_failed_waits_in_our_own_table_and_its_job_with_it() {
    let world = World::new();
    let engine = world
        .engine_with(Options {
            retry: RetryPolicy {
                quick_attempts: 1,
                ..RetryPolicy::default()
            },
            ..Options::default()
        })
        .await;
    let runs = Arc::new(AtomicUsize::new(0));
    let (seen, turns) = (runs.clone(), engine.clone());
    let working = Working::with(&engine, move |id| {
        seen.fetch_add(1, Ordering::SeqCst);
        let engine = turns.clone();
        async move {
            engine.advance(id, Duration::from_secs(5)).await.unwrap();
        }
    });
    world.shop.set_unavailable(true);
    let (request, _) = engine.submit(export("ada")).await.unwrap();
    // Each round doubles the wait, hour after hour; time is passed by the engine's clock, and found by the sweep.
    let mut waits = Vec::new();
    for round in 1..=8 {
        let begun = Instant::now();
        while runs.load(Ordering::SeqCst) < round
            || engine.request(request.id).await.unwrap().next_at <= Some(world.now())
        {
            assert!(begun.elapsed() < Duration::from_secs(10), "round {round}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let next = engine.request(request.id).await.unwrap().next_at.unwrap();
        let wait = next.duration_since(world.now()).as_secs();
        waits.push(wait);
        assert!((0..=2).contains(&(world.next_job_in().await - wait)));
        assert_eq!(engine.sweep(|_| false).await.unwrap(), 0, "it is not due");
        world.clock.forward(Duration::from_secs(wait as u64));
        if round == 8 {
            world.shop.set_unavailable(false);
        }
        assert_eq!(engine.sweep(|_| false).await.unwrap(), 1);
    }
    assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
    assert_eq!(ended(&engine, request.id).await, Status::Completed);
    assert_eq!(runs.load(Ordering::SeqCst), 9, "one job a round");
    working.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_has_its_job_at_the_end_of_its_grace_period_and_none_once_it_is_cancelled() {
    let world = World::new();
    let engine = world.engine().await;
    let working = Working::on(&engine);
    let three_days = || NewRequest {
        grace_days: 3,
        ..erasure("ada")
    };
    let (cancelled, _) = engine.submit(three_days()).await.unwrap();
    let days = 3 * 24 * 3600;
    assert!((days - 2..=days + 2).contains(&world.next_job_in().await));
    engine.cancel(cancelled.id).await.unwrap();
    assert_eq!(world.count("Jobs").await, 0);

    let (request, _) = engine.submit(three_days()).await.unwrap();
    assert_eq!(request.kind, Kind::Erasure);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(
        engine.request(request.id).await.unwrap().status,
        Status::Scheduled
    );
    assert_eq!(world.held_of("ada"), [3, 3, 1, 1]);
    world.clock.forward(Duration::from_secs(days as u64));
    assert_eq!(engine.sweep(|_| false).await.unwrap(), 1);
    assert_eq!(ended(&engine, request.id).await, Status::Completed);
    assert_eq!(world.held_of("ada"), [0, 3, 0, 0]);
    working.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_and_its_first_job_are_written_together_or_not_at_all() {
    let world = World::new();
    let engine = world.engine().await;
    world
        .change("CREATE TRIGGER full BEFORE INSERT ON Jobs BEGIN SELECT RAISE (ABORT, 'no'); END")
        .await;
    engine.submit(export("ada")).await.unwrap_err();
    assert_eq!(world.count("adieu_request").await, 0);
    assert_eq!(world.count("adieu_audit").await, 0);
    world.change("DROP TRIGGER full").await;
    engine.submit(export("ada")).await.unwrap();
    assert_eq!(world.count("adieu_request").await, 1);
    assert_eq!(world.count("Jobs").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_job_takes_the_place_of_one_that_is_there_whatever_has_become_of_it() {
    for status in ["Pending", "Queued", "Running", "Done", "Failed", "Killed"] {
        let world = World::new();
        let engine = world.engine().await;
        let (request, _) = engine.submit(export("ada")).await.unwrap();
        // The queue leaves out a second job under a key without a word, even where the first is over.
        world
            .change(&format!(
                "UPDATE Jobs SET status = '{status}', run_at = run_at + 3600"
            ))
            .await;
        assert_eq!(engine.sweep(|_| false).await.unwrap(), 1, "{status}");
        assert!(world.next_job_in().await <= 0, "{status}");
        let working = Working::on(&engine);
        assert_eq!(
            ended(&engine, request.id).await,
            Status::Completed,
            "{status}"
        );
        working.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_the_queue_lost_are_put_back_by_the_sweep() {
    let world = World::new();
    let engine = world.engine().await;
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.push(engine.submit(export("ada")).await.unwrap().0.id);
    }
    assert_eq!(
        engine.sweep(|_| false).await.unwrap(),
        0,
        "each has its job"
    );
    world.change("DELETE FROM Jobs").await;
    let first = asked[0];
    assert_eq!(engine.sweep(|id| id == first).await.unwrap(), 4);
    assert_eq!(engine.sweep(|_| false).await.unwrap(), 1);
    assert_eq!(engine.sweep(|_| false).await.unwrap(), 0);
    let working = Working::on(&engine);
    for id in asked {
        assert_eq!(ended(&engine, id).await, Status::Completed);
    }
    working.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_are_over_do_not_pile_up() {
    let world = World::new();
    let engine = world.engine().await;
    let working = Working::on(&engine);
    let mut asked = Vec::new();
    for _ in 0..20 {
        asked.push(engine.submit(export("ada")).await.unwrap().0.id);
    }
    for id in asked {
        assert_eq!(ended(&engine, id).await, Status::Completed);
    }
    assert_eq!(world.count("Jobs").await, 0);
    // One for a request that is over already, as a late sweep may leave it.
    let (over, _) = engine.submit(export("ada")).await.unwrap();
    world
        .change("CREATE TABLE kept AS SELECT * FROM Jobs")
        .await;
    assert_eq!(ended(&engine, over.id).await, Status::Completed);
    world
        .change("INSERT OR IGNORE INTO Jobs SELECT * FROM kept; UPDATE Jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL")
        .await;
    let begun = Instant::now();
    while world.count("Jobs WHERE lock_at IS NULL").await > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    engine.sweep(|_| false).await.unwrap();
    assert_eq!(world.count("Jobs").await, 1, "somebody may just look at it");
    world.change("UPDATE Jobs SET lock_at = lock_at - 60").await;
    engine.sweep(|_| false).await.unwrap();
    assert_eq!(world.count("Jobs").await, 0);
    working.stop().await;
    assert_eq!(world.count("Workers").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stops_ends_what_was_begun_and_takes_up_nothing_new() {
    let world = World::new();
    let engine = world.engine().await;
    let mut asked = Vec::new();
    for _ in 0..12 {
        asked.push(engine.submit(export("ada")).await.unwrap().0.id);
    }
    world.shop.hold();
    let working = Working::on(&engine);
    let begun = Instant::now();
    while world.shop.calls().running < 4 {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stopping = tokio::spawn(working.stop());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!stopping.is_finished(), "four are still at work");
    world.shop.release();
    stopping.await.unwrap();
    let mut over = 0;
    for id in &asked {
        over += usize::from(engine.request(*id).await.unwrap().status == Status::Completed);
    }
    assert_eq!(over, 4);
    assert_eq!(world.count("Jobs WHERE status = 'Pending'").await, 8);
    let working = Working::on(&engine);
    for id in asked {
        assert_eq!(ended(&engine, id).await, Status::Completed);
    }
    working.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_taken_up_in_the_order_in_which_they_were_asked_for() {
    let world = World::new();
    let engine = world.engine().await;
    let mut asked = Vec::new();
    for _ in 0..30 {
        asked.push(engine.submit(export("ada")).await.unwrap().0.id);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let order: Arc<Mutex<Vec<RequestId>>> = Arc::default();
    let (seen, turns) = (order.clone(), engine.clone());
    let working = Working::with(&engine, move |id| {
        seen.lock().unwrap().push(id);
        let engine = turns.clone();
        async move {
            engine.advance(id, Duration::from_secs(5)).await.unwrap();
        }
    });
    for id in &asked {
        assert_eq!(ended(&engine, *id).await, Status::Completed);
    }
    working.stop().await;
    assert_eq!(
        *order.lock().unwrap(),
        asked,
        "each in one job, the oldest first"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queues_migrations_are_kept_apart() {
    let world = World::new();
    let engine = world.engine().await;
    let working = Working::on(&engine);
    let (request, _) = engine.submit(export("ada")).await.unwrap();
    assert_eq!(ended(&engine, request.id).await, Status::Completed);
    working.stop().await;
    assert_eq!(
        world
            .count("sqlite_schema WHERE name = 'adieu_queue_migrations'")
            .await,
        1
    );
    assert_eq!(
        world
            .count("sqlite_schema WHERE name = '_sqlx_migrations'")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_holds_nothing_of_the_person() {
    let world = World::new();
    let engine = world.engine().await;
    let new = export("ada").owned_by(person("ada").identities().next().unwrap().clone());
    let (request, _) = engine.submit(new).await.unwrap();
    let rows = sqlx::query("SELECT * FROM Jobs")
        .fetch_all(&world.tables().await)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    let job: Vec<u8> = rows[0].get("job");
    assert_eq!(job, format!("\"{}\"", request.id).into_bytes());
    let metadata: String = rows[0].get("metadata");
    assert_eq!(metadata, "{}");
}
