//! What a test can do to the system in memory while a connector works on it.

use std::time::Duration;

use adieu_core::{
    Attachment, Blocker, Connector, ConnectorError, Effect, Erased, ErrorKind, Identity, Step,
    StepKey, Subject, Tenant,
};
use adieu_testkit::Collector;
use adieu_testkit::memory::{MemoryConnector, MemorySystem, Misuse, Rule, Table};
use serde_json::json;

fn orders() -> Result<(MemorySystem, MemoryConnector), Box<dyn std::error::Error>> {
    let shop = MemorySystem::new();
    shop.create(Table::new("orders").found_by("user", "user"))?;
    shop.create(Table::new("notes").found_by("user", "user"))?;
    for n in 0..4 {
        shop.put("orders", n.to_string(), json!({"user": 7, "n": n}))?;
    }
    let connector = shop.connector("shop")?;
    Ok((shop, connector))
}

fn user7() -> Result<Subject, Box<dyn std::error::Error>> {
    Ok(Subject::new([Identity::new("user", "7")?]))
}

fn first(collection: &str) -> Result<Step, Box<dyn std::error::Error>> {
    Ok(Step::new(
        user7()?,
        collection.parse()?,
        StepKey::new("one"),
    ))
}

async fn erase(
    connector: &MemoryConnector,
) -> Result<Result<Erased, ConnectorError>, Box<dyn std::error::Error>> {
    Ok(connector.erase(&first("orders")?).await)
}

#[tokio::test]
async fn a_system_that_is_switched_off_is_unavailable_and_loses_nothing() {
    let (shop, connector) = orders().unwrap();
    shop.set_unavailable(true);
    assert_eq!(
        connector.check().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        erase(&connector).await.unwrap().unwrap_err().effect_seen(),
        Effect::None
    );
    assert_eq!(shop.count("orders"), 4);
    shop.set_unavailable(false);
    assert_eq!(erase(&connector).await.unwrap().unwrap().tally.erase(), 4);
    assert_eq!(shop.count("orders"), 0);
}

#[tokio::test]
async fn one_collection_fails_so_many_times_and_the_others_do_not() {
    let (shop, connector) = orders().unwrap();
    shop.fail_times("orders", ErrorKind::RateLimited, 2)
        .unwrap();
    let survey = connector.survey(&user7().unwrap()).await.unwrap();
    let held: Vec<bool> = survey
        .holdings
        .iter()
        .map(|holding| holding.tally.is_ok())
        .collect();
    assert_eq!(held, [false, true]);
    assert_eq!(
        erase(&connector).await.unwrap().unwrap_err().kind(),
        ErrorKind::RateLimited
    );
    assert!(erase(&connector).await.unwrap().is_ok());
    shop.fail_collection("orders", ErrorKind::Forbidden)
        .unwrap();
    for _ in 0..5 {
        assert_eq!(
            erase(&connector).await.unwrap().unwrap_err().kind(),
            ErrorKind::Forbidden
        );
    }
    shop.heal();
    assert!(erase(&connector).await.unwrap().is_ok());
    assert_eq!(
        shop.fail_collection("nothing", ErrorKind::Internal),
        Err(Misuse::NoSuchTable("nothing".to_owned()))
    );
}

#[tokio::test]
async fn a_lost_answer_leaves_its_effect_behind() {
    let (shop, connector) = orders().unwrap();
    shop.lose_answers(1);
    let error = erase(&connector).await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.effect_seen()),
        (ErrorKind::TimedOut, Effect::Unknown)
    );
    assert_eq!(shop.count("orders"), 0);
    assert!(erase(&connector).await.unwrap().unwrap().tally.is_empty());
}

#[tokio::test]
async fn calls_wait_at_a_closed_door_and_are_counted() {
    let (shop, connector) = orders().unwrap();
    shop.hold();
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let connector = connector.clone();
            tokio::spawn(async move { connector.check().await })
        })
        .collect();
    while shop.calls().running < 3 {
        tokio::task::yield_now().await;
    }
    assert!(calls.iter().all(|call| !call.is_finished()));
    calls[0].abort();
    shop.release();
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
    let counted = shop.calls();
    assert_eq!(
        (counted.check, counted.running, counted.most_at_once),
        (3, 0, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_as_long_as_its_seed_says() {
    let (shop, connector) = orders().unwrap();
    let mut times = Vec::new();
    for _ in 0..2 {
        shop.set_latency(Duration::from_millis(100), Duration::from_millis(300), 7);
        for _ in 0..4 {
            let began = tokio::time::Instant::now();
            connector.check().await.unwrap();
            times.push(began.elapsed());
        }
    }
    assert_eq!(times[..4], times[4..]);
    assert!(
        times
            .iter()
            .all(|time| (100..=301).contains(&time.as_millis())),
        "{times:?}"
    );
}

#[tokio::test]
async fn who_is_blocked_has_a_blocker_in_the_survey_and_nobody_else() {
    let (shop, _) = orders().unwrap();
    let blocker = Blocker {
        code: "open_invoice".to_owned(),
        advice: "pay it".to_owned(),
    };
    shop.block(Identity::new("user", "7").unwrap(), blocker.clone());
    let connector = shop.connector("shop").unwrap();
    assert!(connector.descriptor().may_block);
    assert_eq!(
        connector.survey(&user7().unwrap()).await.unwrap().blockers,
        [blocker]
    );
    let other = Subject::new([Identity::new("user", "8").unwrap()]);
    assert!(connector.survey(&other).await.unwrap().blockers.is_empty());
    shop.unblock();
    assert!(
        connector
            .survey(&user7().unwrap())
            .await
            .unwrap()
            .blockers
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_scheduled_goes_when_the_system_gets_to_it() {
    let (shop, connector) = orders().unwrap();
    shop.rule("orders", "2", Rule::Schedule { by: None })
        .unwrap();
    let tally = erase(&connector).await.unwrap().unwrap().tally;
    assert_eq!((tally.erase(), tally.scheduled().unwrap().records), (3, 1));
    assert_eq!(
        (shop.count("orders"), shop.scheduled("orders")),
        (1, vec!["2".to_owned()])
    );
    assert_eq!(shop.carry_out_schedule(), 1);
    assert_eq!(shop.count("orders"), 0);
}

#[tokio::test]
async fn a_tenant_sees_its_own_people_alone() {
    let shop = MemorySystem::new();
    shop.create(
        Table::new("members")
            .found_by("user", "user")
            .within_tenant("tenant"),
    )
    .unwrap();
    for tenant in ["acme", "globex"] {
        shop.put("members", tenant, json!({"user": "7", "tenant": tenant}))
            .unwrap();
    }
    let connector = shop.connector("shop").unwrap();
    let step = |subject| Step::new(subject, "members".parse().unwrap(), StepKey::new("one"));
    assert!(
        connector
            .erase(&step(user7().unwrap()))
            .await
            .unwrap()
            .tally
            .is_empty()
    );
    let at_acme = user7().unwrap().within(Tenant::new("acme").unwrap());
    assert_eq!(
        connector.erase(&step(at_acme)).await.unwrap().tally.erase(),
        1
    );
    assert_eq!(shop.records("members")[0].0, "globex");
}

#[tokio::test]
async fn an_export_has_files_and_says_what_is_missing() {
    let (shop, connector) = orders().unwrap();
    shop.attach("orders", "1", Attachment::new("bill.pdf"), vec![1; 200_000])
        .unwrap();
    shop.make_unreadable("orders", "3").unwrap();
    let mut collector = Collector::new(&connector.descriptor().collections[0]).full_after(2);
    collector
        .export_all(&connector, first("orders").unwrap())
        .await
        .unwrap();
    assert_eq!(collector.records().count(), 3);
    let files: Vec<usize> = collector
        .attachments()
        .map(|(_, bytes)| bytes.len())
        .collect();
    assert_eq!(files, [200_000]);
    assert_eq!(
        collector
            .pages()
            .iter()
            .map(|page| page.missing.len())
            .sum::<usize>(),
        1
    );
    assert_eq!(shop.files("orders"), ["bill.pdf"]);
    erase(&connector).await.unwrap().unwrap();
    assert!(shop.files("orders").is_empty());
}

#[tokio::test]
async fn a_page_of_a_step_that_was_dropped_or_failed_is_taken_back() {
    let (shop, connector) = orders().unwrap();
    let mut collector = Collector::new(&connector.descriptor().collections[0]);
    let step = first("orders").unwrap();
    shop.lose_answers(1);
    assert!(collector.export(&connector, &step).await.is_err());
    assert_eq!(collector.records().count(), 0);
    let dropped = async {
        tokio::select! {
            biased;
            _ = collector.export(&connector, &step) => panic!("it was not dropped"),
            () = async { for _ in 0..3 { tokio::task::yield_now().await } } => {}
        }
    };
    dropped.await;
    assert_eq!(collector.records().count(), 0);
    collector.export(&connector, &step).await.unwrap();
    assert_eq!(collector.records().count(), 4);
}
