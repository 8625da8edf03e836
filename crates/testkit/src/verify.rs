//! Trying one clause, or all of them, on a connector.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::clause::Clause;
use crate::clauses;
use crate::faults::Mischief;
use crate::fixture::Fixture;
use crate::trace::Said;
use crate::trial::{Make, Verdict};

/// Whether things go wrong on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faults {
    /// Nothing goes wrong.
    None,
    /// What goes wrong is chosen by this seed.
    Seeded(u64),
}

/// A clause that a connector breaks.
#[derive(Clone, PartialEq, Eq)]
pub struct Violation {
    /// The clause.
    pub clause: Clause,
    /// The seed under which it was broken; `None` when nothing went wrong on the way.
    pub seed: Option<u64>,
    /// What was seen.
    pub what: String,
}

/// What became of every clause.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The clauses that the connector keeps.
    pub kept: Vec<Clause>,
    /// The clauses that it breaks.
    pub broken: Vec<Violation>,
}

/// Tries one clause on a connector.
///
/// Runs on the current thread's tokio runtime, which needs its timer. `nothing_personal_shown` hears what is said on
/// this thread; [`prove`] hears the runtime's other threads too.
///
/// # Errors
/// When the connector breaks the clause, or the fixture is such that it could not be seen.
pub async fn verify<F, X>(clause: Clause, faults: Faults, fixture: &F) -> Result<(), Violation>
where
    F: AsyncFn() -> X,
    X: Fixture + 'static,
{
    let said = Said::default();
    let _listening = (clause == Clause::NothingPersonalShown).then(|| said.listen());
    try_clause(clause, faults, fixture, &said).await
}

/// Tries every clause on a connector, without faults.
pub async fn verify_all<F, X>(fixture: &F) -> Report
where
    F: AsyncFn() -> X,
    X: Fixture + 'static,
{
    let mut report = Report::default();
    for clause in Clause::ALL {
        match verify(*clause, Faults::None, fixture).await {
            Ok(()) => report.kept.push(*clause),
            Err(violation) => report.broken.push(violation),
        }
    }
    report
}

/// Tries one clause on a runtime of its own; what the tests of [`conformance!`](crate::conformance) call.
///
/// # Errors
/// As [`verify`].
pub fn prove<F, X>(clause: Clause, fixture: F) -> Result<(), Violation>
where
    F: AsyncFn() -> X,
    X: Fixture + 'static,
{
    on_a_runtime(clause, Faults::None, &fixture)
}

/// Tries one clause under seeded faults: with the seeds 1 to 6, or to `ADIEU_SEEDS`, or with the seed `ADIEU_SEED` alone.
///
/// # Errors
/// As [`verify`]; the violation tells the seed.
pub fn survives<F, X>(clause: Clause, fixture: F) -> Result<(), Violation>
where
    F: AsyncFn() -> X,
    X: Fixture + 'static,
{
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let seeds = match number("ADIEU_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("ADIEU_SEEDS").unwrap_or(6),
    };
    for seed in seeds {
        on_a_runtime(clause, Faults::Seeded(seed), &fixture)?;
    }
    Ok(())
}

/// The system is part of the test.
#[doc(hidden)]
pub fn always_there() -> Result<(), String> {
    Ok(())
}

/// Whether the system is there; where it may not be missing, that is a violation.
#[doc(hidden)]
pub fn may_run(clause: Clause, there: fn() -> Result<(), String>) -> Result<bool, Violation> {
    match there() {
        Ok(()) => Ok(true),
        Err(what) if std::env::var_os("CI").is_some() => Err(Violation {
            clause,
            seed: None,
            what: format!("it could not be tried: {what}"),
        }),
        #[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
        Err(what) => {
            eprintln!("`{clause}` was skipped: {what}");
            Ok(false)
        }
    }
}

fn on_a_runtime<F, X>(clause: Clause, faults: Faults, fixture: &F) -> Result<(), Violation>
where
    F: AsyncFn() -> X,
    X: Fixture + 'static,
{
    let said = Said::default();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all();
    let mut _listening = None;
    if clause == Clause::NothingPersonalShown {
        let on_threads = said.clone();
        runtime.on_thread_start(move || on_threads.listen_for_good());
        _listening = Some(said.listen());
    }
    match runtime.build() {
        Ok(runtime) => runtime.block_on(try_clause(clause, faults, fixture, &said)),
        Err(error) => Err(Violation {
            clause,
            seed: None,
            what: format!("it could not be tried: no runtime ({})", error.kind()),
        }),
    }
}

async fn try_clause<F, X>(
    clause: Clause,
    faults: Faults,
    fixture: &F,
    said: &Said,
) -> Result<(), Violation>
where
    F: AsyncFn() -> X,
    X: Fixture + 'static,
{
    let make = || -> Pin<Box<dyn Future<Output = Box<dyn Fixture>> + '_>> {
        Box::pin(async { Box::new(fixture().await) as Box<dyn Fixture> })
    };
    let (seed, mischief) = match faults {
        Faults::None => (None, Mischief::none()),
        Faults::Seeded(seed) => (Some(seed), Mischief::seeded(seed)),
    };
    keeps(clause, &make, mischief, said)
        .await
        .map_err(|what| Violation { clause, seed, what })
}

async fn keeps(clause: Clause, make: &Make<'_>, mischief: Mischief, said: &Said) -> Verdict {
    match clause {
        Clause::DescribedHonestly => clauses::described_honestly(make, mischief).await,
        Clause::CheckChangesNothing => clauses::check_changes_nothing(make, mischief).await,
        Clause::Bounded => clauses::bounded(make, mischief).await,
        Clause::Repeatable => clauses::repeatable(make, mischief).await,
        Clause::Resumable => clauses::resumable(make, mischief).await,
        Clause::CancelSafe => clauses::cancel_safe(make, mischief).await,
        Clause::CursorSurvivesRestart => clauses::cursor_survives_restart(make, mischief).await,
        Clause::GarbageCursorRefused => clauses::garbage_cursor_refused(make, mischief).await,
        Clause::UnknownCollectionRefused => {
            clauses::unknown_collection_refused(make, mischief).await
        }
        Clause::EmptySubjectMatchesNothing => {
            clauses::empty_subject_matches_nothing(make, mischief).await
        }
        Clause::UnknownIdentityMatchesNothing => {
            clauses::unknown_identity_matches_nothing(make, mischief).await
        }
        Clause::BystanderUntouched => clauses::bystander_untouched(make, mischief).await,
        Clause::SurveyChangesNothing => clauses::survey_changes_nothing(make, mischief).await,
        Clause::SurveyCountsWhatEraseDoes => {
            clauses::survey_counts_what_erase_does(make, mischief).await
        }
        Clause::ErasingTwiceEqualsErasingOnce => {
            clauses::erasing_twice_equals_erasing_once(make, mischief).await
        }
        Clause::ProgressesPastRetained => clauses::progresses_past_retained(make, mischief).await,
        Clause::VerifiedClean => clauses::verified_clean(make, mischief).await,
        Clause::ErrorsClassified => clauses::errors_classified(make, mischief).await,
        Clause::NothingPersonalShown => clauses::nothing_personal_shown(make, mischief, said).await,
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is broken", self.clause)?;
        if let Some(seed) = self.seed {
            write!(f, " under faults (again with ADIEU_SEED={seed})")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// As `Display`: it is what a failed test prints.
impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Violation {}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} of {} clauses kept",
            self.kept.len(),
            Clause::ALL.len()
        )?;
        self.broken
            .iter()
            .try_for_each(|violation| writeln!(f, "{violation}"))
    }
}
