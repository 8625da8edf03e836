//! The clauses of the contract by name, and a test for each of them.

use std::fmt;

/// Calls another macro with what was given and the list of all clauses; the one place where they are listed.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_clause {
    ([$($callback:tt)*] $($given:tt)*) => {
        $($callback)* {
            [$($given)*]
            described_honestly DescribedHonestly "What the descriptor says is so.";
            check_changes_nothing CheckChangesNothing "`check` leaves the system as it was.";
            bounded Bounded "A step does no more than it was asked for.";
            repeatable Repeatable "The same export step writes the same page.";
            resumable Resumable "From cursor to cursor, every record is met exactly once.";
            cancel_safe CancelSafe "A step that was dropped can be sent again.";
            cursor_survives_restart CursorSurvivesRestart "A connector made anew understands a cursor.";
            garbage_cursor_refused GarbageCursorRefused "A cursor of somebody else is refused.";
            unknown_collection_refused UnknownCollectionRefused "A collection that does not exist is refused.";
            empty_subject_matches_nothing EmptySubjectMatchesNothing "Nobody has no records.";
            unknown_identity_matches_nothing UnknownIdentityMatchesNothing "Values are compared, never interpreted.";
            bystander_untouched BystanderUntouched "Nobody else is read, changed or deleted.";
            survey_changes_nothing SurveyChangesNothing "A survey leaves the system as it was.";
            survey_counts_what_erase_does SurveyCountsWhatEraseDoes "The preview and the act agree.";
            erasing_twice_equals_erasing_once ErasingTwiceEqualsErasingOnce "Erasure is idempotent.";
            progresses_past_retained ProgressesPastRetained "Records that stay do not hold up the others.";
            verified_clean VerifiedClean "After an erasure nothing is pending.";
            errors_classified ErrorsClassified "An error says what sort it is.";
            nothing_personal_shown NothingPersonalShown "No value of a person shows anywhere.";
        }
    };
}

macro_rules! clause {
    ([] $($name:ident $variant:ident $doc:literal;)*) => {
        /// One clause of the contract; [`Clause::name`] is its name in [`adieu_core::CONTRACT`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Clause {
            $(#[doc = $doc] $variant,)*
        }

        impl Clause {
            /// All clauses, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The clause's name in the contract.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($name),)*
                }
            }
        }
    };
}

__each_clause! { [clause!] }

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Proves a connector: one test for each clause of the contract, and each again under seeded faults.
///
/// It takes the path of an `async fn() -> impl Fixture`, which is called anew for every test, so that each begins with
/// an untouched system. The tests are called `conformance::CLAUSE` and `under_faults::CLAUSE`.
///
/// Where the system may be missing (a server that is not installed), give a second path, of a
/// `fn() -> Result<(), String>` that says what is missing. The tests then print it and pass, unless the environment
/// variable `CI` is set: there they fail.
///
/// ```text
/// adieu_testkit::conformance!(fixture);
/// adieu_testkit::conformance!(fixture, postgres_is_there);
/// ```
#[macro_export]
macro_rules! conformance {
    ($fixture:path) => {
        $crate::conformance!($fixture, $crate::always_there);
    };
    ($fixture:path, $there:path) => {
        /// Each clause of the connector contract.
        mod conformance {
            #[allow(unused_imports)]
            use super::*;
            $crate::__each_clause! { [$crate::__clause_tests!] $fixture, $there, prove }
        }
        /// Each clause of the connector contract, under seeded faults.
        mod under_faults {
            #[allow(unused_imports)]
            use super::*;
            $crate::__each_clause! { [$crate::__clause_tests!] $fixture, $there, survives }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __clause_tests {
    ([$fixture:path, $there:path, $run:ident] $($name:ident $variant:ident $doc:literal;)*) => {
        $(
            #[test]
            #[doc = $doc]
            fn $name() -> ::std::result::Result<(), $crate::Violation> {
                if $crate::may_run($crate::Clause::$variant, $there)? {
                    $crate::$run($crate::Clause::$variant, $fixture)?;
                }
                Ok(())
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_kit_has_the_clauses_of_the_contract_and_no_others() {
        let (_, clauses) = adieu_core::CONTRACT
            .split_once("\n# The contract\n")
            .unwrap();
        let of_the_contract: BTreeSet<&str> = clauses
            .lines()
            .filter_map(|line| line.strip_prefix("- `")?.split_once("`:"))
            .map(|(name, _)| name)
            .collect();
        let of_the_kit: BTreeSet<&str> = Clause::ALL.iter().map(|clause| clause.name()).collect();
        assert!(of_the_contract.len() > 15, "{of_the_contract:?}");
        assert_eq!(of_the_kit, of_the_contract);
        assert_eq!(of_the_kit.len(), Clause::ALL.len());
    }
}
