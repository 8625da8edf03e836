//! What goes wrong in a trial, and when: chosen by a seed.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::dice::Dice;

/// One sending of a step; only the last one of a step counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// The step runs to its end and its answer counts.
    Whole,
    /// The future is dropped after so many polls: while it waits, or when what it waited for has come.
    Dropped { polls: u64, while_waiting: bool },
    /// The future is dropped after some time.
    DroppedAfter(Duration),
    /// The step runs to its end, and its answer is thrown away.
    AnswerLost,
    /// The page refuses the record of this number; means nothing to an erasure.
    PageRefuses(usize),
}

/// Chooses what goes wrong; without a seed nothing does.
#[derive(Clone, Debug)]
pub(crate) struct Mischief {
    pub(crate) seed: Option<u64>,
    /// Whether the connector is made anew before every call.
    pub(crate) always_restarts: bool,
    pub(crate) dice: Dice,
}

impl Mischief {
    pub(crate) fn none() -> Self {
        Self {
            seed: None,
            always_restarts: false,
            dice: Dice::new(0),
        }
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            seed: Some(seed),
            always_restarts: false,
            dice: Dice::new(seed),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.seed.is_some()
    }

    /// Whether the connector is made anew now.
    pub(crate) fn restarts(&mut self) -> bool {
        self.always_restarts || (self.is_on() && self.dice.one_in(4))
    }

    /// Whether the page takes its time.
    pub(crate) fn dawdles(&mut self) -> bool {
        self.is_on() && self.dice.one_in(4)
    }

    /// How a step is sent: up to two times in vain, then whole.
    pub(crate) fn sendings(&mut self) -> Vec<Sending> {
        let in_vain = if self.is_on() { self.dice.below(3) } else { 0 };
        let mut sendings: Vec<Sending> = (0..in_vain).map(|_| self.in_vain()).collect();
        sendings.push(Sending::Whole);
        sendings
    }

    fn in_vain(&mut self) -> Sending {
        match self.dice.below(5) {
            0 | 1 => Sending::Dropped {
                polls: self.dice.below(12),
                while_waiting: self.dice.one_in(2),
            },
            2 => Sending::DroppedAfter(Duration::from_micros(self.dice.below(3_000))),
            3 => Sending::AnswerLost,
            _ => Sending::PageRefuses(self.dice.below(4) as usize),
        }
    }
}

/// Runs a future as this sending says; `None` when it was dropped before its end.
pub(crate) async fn run<F: Future>(sending: Sending, future: F) -> Option<F::Output> {
    match sending {
        Sending::Whole | Sending::AnswerLost | Sending::PageRefuses(_) => Some(future.await),
        Sending::Dropped {
            polls,
            while_waiting,
        } => poll_some(polls, while_waiting, future).await,
        Sending::DroppedAfter(time) => tokio::time::timeout(time, future).await.ok(),
    }
}

async fn poll_some<F: Future>(polls: u64, while_waiting: bool, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 && while_waiting => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_future_is_dropped_after_so_many_polls() {
        let work = || async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            "done"
        };
        for while_waiting in [true, false] {
            for polls in 0..4 {
                assert_eq!(
                    run(
                        Sending::Dropped {
                            polls,
                            while_waiting
                        },
                        work()
                    )
                    .await,
                    None
                );
            }
            let enough = Sending::Dropped {
                polls: 4,
                while_waiting,
            };
            assert_eq!(run(enough, work()).await, Some("done"));
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_mischief() {
        let sendings = |seed| {
            let mut mischief = Mischief::seeded(seed);
            (0..50)
                .flat_map(|_| mischief.sendings())
                .collect::<Vec<_>>()
        };
        assert_eq!(sendings(7), sendings(7));
        assert_ne!(sendings(7), sendings(8));
        assert_eq!(Mischief::none().sendings(), [Sending::Whole]);
    }
}
