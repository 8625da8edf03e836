//! What a connector's author writes so that the kit can prove the connector.

use adieu_core::{Connector, ErrorKind, Subject, async_trait};

/// A system with known records in it, and how to look into it without the connector.
///
/// The kit makes one anew for every test. What is in it is the same each time: at least two people, the subject and
/// the bystander, both with records in it. The subject's identities reach every collection, directly or through what
/// other collections yield, and at least one collection holds three or more of the subject's records.
///
/// The more traps it has, the more is proved: identities of which one begins with the other (`user1` and `user10`),
/// records that must stay before records that go, two identities of one kind, several collections.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// A connector made anew over this same system, as after a restart.
    async fn connector(&self) -> Box<dyn Connector>;

    /// The person whose records are exported and erased.
    fn subject(&self) -> Subject;

    /// Somebody else with records in the system. No record of theirs looks the same as one of the subject's.
    fn bystander(&self) -> Subject;

    /// Somebody of whom the system has never heard, by identities of the same kinds and the same form.
    fn unknown(&self) -> Subject;

    /// Everything that is in the system now, read directly and not through the connector.
    async fn state(&self) -> State;

    /// Texts of at least four characters that stand in the records, and secrets of the configuration. They must show in
    /// no `Debug`, error or span; neither must the identities, which need not be repeated here.
    fn personal_values(&self) -> Vec<String>;

    /// Connectors that cannot work: over a system that cannot be reached, with a wrong password, over a missing table.
    /// Leave it empty only where nothing can go wrong.
    async fn broken(&self) -> Vec<Broken>;

    /// Makes some of the subject's records such that the system refuses to erase them while it erases the others, and
    /// says how many they are. Answer 0 where the system has no way to refuse a single record.
    async fn poison(&self) -> u64;
}

/// What is in a system: one text for each record, row, object or version, in any order.
///
/// Each tells its key and all of its content, so that two states are equal only when nothing has changed. Whose a
/// record is goes by its key or by what the fixture knows, not by a field that an erasure may replace.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct State {
    /// What belongs to the subject.
    pub of_subject: Vec<String>,
    /// What belongs to the bystander, to others and to nobody.
    pub of_others: Vec<String>,
}

/// A connector that cannot work, and the error that it should answer with.
#[derive(Debug)]
pub struct Broken {
    /// What is wrong with it, for the kit's report: "the server is down".
    pub what: &'static str,
    /// The connector.
    pub connector: Box<dyn Connector>,
    /// What sort of error it should answer with.
    pub kind: ErrorKind,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("of_subject", &self.of_subject.len())
            .field("of_others", &self.of_others.len())
            .finish()
    }
}
