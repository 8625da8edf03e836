//! The kit rejects connectors that are wrong, each by the clause that it breaks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the fixture of a test may fail it"
)]

mod wrong;

use adieu_testkit::{Clause, Faults, Fixture, verify, verify_all};
use wrong::{Fault, Shop};

/// The clause must be broken, and the words must say how. A few other clauses must be kept, so that it is this fault
/// that was found and not a connector that does nothing.
async fn rejected(fault: Fault, by: Clause, words: &str) {
    let fixture = async || Shop::with(fault);
    let violation = verify(by, Faults::None, &fixture)
        .await
        .expect_err("it passed");
    assert_eq!(violation.clause, by);
    assert!(violation.what.contains(words), "{violation}");
    let report = verify_all(&fixture).await;
    assert!(report.kept.len() >= 9, "{report}");
    let survived = verify(by, Faults::Seeded(1), &fixture).await;
    assert!(survived.is_err(), "it passed under faults");
}

#[tokio::test]
async fn a_connector_without_fault_keeps_every_clause() {
    let report = verify_all(&async || Shop::with(Fault::None)).await;
    assert!(report.broken.is_empty(), "{report}");
    assert_eq!(report.kept, Clause::ALL);
}

macro_rules! rejects {
    ($($test:ident: $fault:ident, $clause:ident, $words:literal;)*) => {
        $(#[tokio::test]
        async fn $test() {
            rejected(Fault::$fault, Clause::$clause, $words).await;
        })*

        #[test]
        fn every_clause_rejects_somebody() {
            let clauses = [$(Clause::$clause),*];
            for clause in Clause::ALL {
                assert!(clauses.contains(clause), "nobody breaks {clause}");
            }
        }
    };
}

rejects! {
    an_undeclared_kind_is_yielded: YieldsUndeclared, DescribedHonestly, "does not declare";
    the_schema_changes_between_pages: SchemaChanges, DescribedHonestly, "not the same on every page";
    a_record_does_not_fit_its_schema: RecordMisfits, DescribedHonestly, "does not fit the schema";
    a_check_leaves_a_probe_behind: CheckLeavesProbe, CheckChangesNothing, "check changed";
    a_page_never_ends: UnboundedPage, Bounded, "to a page that is full after";
    an_erasure_takes_more_than_it_may: UnboundedErasure, Bounded, "may touch 2 records";
    a_page_is_another_one_each_time: CountsItsCalls, Repeatable, "wrote another page";
    an_offset_skips_half_of_a_shrinking_set: OffsetCursor, Resumable, "notes";
    a_lock_is_left_behind_by_a_dropped_call: LockLeftBehind, CancelSafe, "after it had been dropped";
    a_cursor_means_something_to_one_process_only: CursorInMemory, CursorSurvivesRestart, "restart";
    a_garbage_cursor_begins_anew: GarbageBeginsAnew, GarbageCursorRefused, "succeeds";
    an_unknown_collection_is_empty: UnknownIsEmpty, UnknownCollectionRefused, "does not exist succeeds";
    nobody_is_everybody: NobodyIsEverybody, EmptySubjectMatchesNothing, "without identities reaches";
    wildcards_are_interpreted: Wildcards, UnknownIdentityMatchesNothing, "which the system does not know";
    a_prefix_is_taken_for_the_whole: Prefix, BystanderUntouched, "bystander";
    a_survey_deletes: SurveyDeletes, SurveyChangesNothing, "a survey changed the subject's records";
    a_survey_counts_what_is_kept_as_erased: SurveyMiscounts, SurveyCountsWhatEraseDoes, "the erasure after it";
    an_absent_record_is_an_error: AbsentIsAnError, ErasingTwiceEqualsErasingOnce, "failed";
    the_head_is_retained_and_nothing_moves: StuckAtRetained, ProgressesPastRetained, "stuck";
    the_rest_is_left_over: Leftovers, VerifiedClean, "are pending";
    a_copy_is_left_over_that_no_survey_sees: HiddenCopy, VerifiedClean, "still has";
    an_outage_is_called_a_mistake_in_the_configuration: Misclassified, ErrorsClassified, "not unavailable";
    a_poisoned_record_is_swallowed: PoisonSwallowed, ErrorsClassified, "counts 0 as failed";
    a_poisoned_record_stops_its_batch: PoisonStops, ErrorsClassified, "poisoned records";
    the_error_of_a_page_is_swallowed: PageErrorSwallowed, ErrorsClassified, "the page refused";
    the_debug_of_a_connector_shows_a_secret: DebugShows, NothingPersonalShown, "the Debug of the connector shows";
    an_error_quotes_an_identity: ErrorQuotes, NothingPersonalShown, "an error shows";
    a_span_names_the_person: SpanNames, NothingPersonalShown, "a span or event shows";
}

#[tokio::test]
async fn a_fixture_that_proves_nothing_is_refused() {
    let poor = async || {
        let shop = Shop::with(Fault::None);
        for (key, _) in shop.system.records("notes") {
            shop.system.remove("notes", &key);
        }
        for (key, _) in shop.system.records("orders") {
            shop.system.remove("orders", &key);
        }
        shop
    };
    assert!(poor().await.state().await.of_subject.len() < 3);
    let violation = verify(Clause::DescribedHonestly, Faults::None, &poor)
        .await
        .unwrap_err();
    assert!(violation.what.contains("too poor"), "{violation}");
}
