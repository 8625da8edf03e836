//! By which number a request is found again, and as what a person is named in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use adieu_core::{IdentityKind, InvalidWord, Secret, Subject};
use aws_lc_rs::{digest, hmac};
use serde::{Deserialize, Serialize};

use super::config::OpendsrIdentity;

/// One identity as a processor is told it. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) format: String,
    pub(super) value: String,
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Which kinds of identity are told, and the secret behind the numbers of requests.
pub(super) struct Names {
    kinds: Vec<(IdentityKind, OpendsrIdentity)>,
    key: hmac::Key,
}

impl Names {
    pub(super) fn new(
        identities: &BTreeMap<String, OpendsrIdentity>,
        key: &Secret,
    ) -> Result<Self, InvalidWord> {
        let kinds = identities.iter();
        Ok(Self {
            kinds: kinds
                .map(|(kind, identity)| Ok((IdentityKind::new(&**kind)?, identity.clone())))
                .collect::<Result<_, InvalidWord>>()?,
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()),
        })
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = &(IdentityKind, OpendsrIdentity)> {
        self.kinds.iter()
    }

    /// A person's identities, in order.
    pub(super) fn of(&self, subject: &Subject) -> BTreeSet<Named> {
        let mut all = BTreeSet::new();
        for (kind, identity) in &self.kinds {
            all.extend(subject.values(kind).map(|value| Named {
                name: identity.name.clone(),
                format: identity.format.clone(),
                value: match identity.format.as_str() {
                    "sha256" => {
                        hex(digest::digest(&digest::SHA256, value.expose().as_bytes()).as_ref())
                    }
                    _ => value.expose().to_owned(),
                },
            }));
        }
        all
    }

    /// The number of an identity's n-th request for erasure: a UUID of version 4 to whoever does not have the secret, and the same one
    /// every time to us.
    pub(super) fn number(&self, named: &Named, nth: u32) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        for part in ["erasure", &named.name, &named.format, &named.value] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.update(&nth.to_be_bytes());
        let tag = context.sign();
        let mut bytes: Vec<u8> = tag.as_ref().iter().copied().take(16).collect();
        // RFC 9562, section 5.4.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = hex(&bytes);
        let parts = [
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..],
        ];
        parts.join("-")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use adieu_core::Identity;

    use super::*;

    #[test]
    fn a_number_is_the_same_every_time_and_another_one_for_anybody_else() {
        let email = |format: &str| OpendsrIdentity {
            name: "email".to_owned(),
            format: format.to_owned(),
        };
        let of = |format: &str, key: &str| {
            Names::new(
                &BTreeMap::from([("email".to_owned(), email(format))]),
                &Secret::new(key),
            )
            .unwrap()
        };
        let names = of("raw", "a secret of our own");
        let ada = Subject::new(
            ["ada@example.com", "ada@work.example"].map(|one| Identity::new("email", one).unwrap()),
        );
        let numbers: BTreeSet<String> = [
            &names,
            &of("raw", "another secret"),
            &of("sha256", "a secret of our own"),
        ]
        .into_iter()
        .flat_map(|names| {
            let both = names.of(&ada);
            both.into_iter()
                .flat_map(|one| [0, 1].map(|nth| names.number(&one, nth)))
        })
        .collect();
        assert_eq!(numbers.len(), 12);
        let one = names.of(&ada).into_iter().next().unwrap();
        assert_eq!(names.number(&one, 0), names.number(&one, 0));
        for number in numbers {
            let groups: Vec<usize> = number.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12], "{number}");
            assert_eq!(&number[14..15], "4");
            assert!("89ab".contains(&number[19..20]));
        }
        let hashed = of("sha256", "k").of(&ada).into_iter().next().unwrap();
        assert_eq!(
            (hashed.value.len(), hashed.value.contains('@')),
            (64, false)
        );
        assert!(!format!("{one:?}").contains("ada"));
    }
}
