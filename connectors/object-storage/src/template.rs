//! Prefix templates: `users/{customer_id}/`.

use std::collections::BTreeSet;

use adieu_core::{IdentityKind, Need, Subject};

use crate::segment::{Unfit, fits};

/// A prefix in which placeholders stand for identities of the person, one at most in each segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    segments: Vec<Segment>,
}

/// What stands between two slashes: `users`, `{customer_id}` or `user-{customer_id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    before: String,
    placeholder: Option<Placeholder>,
    after: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Placeholder {
    Tenant,
    Identity(IdentityKind),
}

/// The prefixes of one person by one template.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    /// The segments of each prefix.
    pub(crate) prefixes: Vec<Vec<String>>,
    /// Why an identity's value could not stand in a segment, once for each.
    pub(crate) unfit: Vec<Unfit>,
}

/// Several identities are needed together, and it is not known which of several values belong together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous;

impl Template {
    /// Parses a template of a person's own prefix: it must hold an identity.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let template = Self::parse_pattern(text)?;
        if template.kinds().is_empty() {
            return Err(format!(
                "`{text}` would reach everybody's objects; name an identity in it, such as `users/{{customer_id}}/`"
            ));
        }
        Ok(template)
    }

    /// Parses a template that may hold no placeholder at all.
    pub(crate) fn parse_pattern(text: &str) -> Result<Self, String> {
        if text.is_empty() || text == "/" {
            return Err(
                "an empty prefix would reach every object; write one such as `users/{customer_id}/`".to_owned(),
            );
        }
        let Some(body) = text.strip_suffix('/') else {
            return Err(format!(
                "`{text}` must end in `/`: without it `users/1` would also reach `users/10`; write `{text}/`"
            ));
        };
        let segments = body
            .split('/')
            .map(|segment| {
                Segment::parse(segment).map_err(|problem| format!("in `{text}`, {problem}"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { segments })
    }

    /// The kinds of identity that it needs.
    pub(crate) fn kinds(&self) -> BTreeSet<&IdentityKind> {
        self.placeholders()
            .filter_map(|placeholder| match placeholder {
                Placeholder::Identity(kind) => Some(kind),
                Placeholder::Tenant => None,
            })
            .collect()
    }

    /// Whether the tenant stands in it.
    pub(crate) fn needs_tenant(&self) -> bool {
        self.placeholders().any(|one| *one == Placeholder::Tenant)
    }

    /// What must be known of a person to fill it.
    pub(crate) fn need(&self) -> Need {
        let need = Need::all(self.kinds().into_iter().cloned());
        if self.needs_tenant() {
            need.within_tenant()
        } else {
            need
        }
    }

    /// The segments from the last placeholder on: what belongs to one person alone. The ones before it are shared.
    pub(crate) fn shared_segments(&self) -> usize {
        self.segments
            .iter()
            .rposition(|segment| segment.placeholder.is_some())
            .unwrap_or(self.segments.len())
    }

    /// The leading segments without a placeholder, which stand in the store whoever is asked for.
    pub(crate) fn leading_literals(&self) -> impl Iterator<Item = &str> {
        self.segments
            .iter()
            .take_while(|segment| segment.placeholder.is_none())
            .map(|segment| segment.before.as_str())
    }

    /// The prefixes of a person. Values are put in as they are; one that cannot stand in a segment reaches nothing.
    ///
    /// # Errors
    /// When two kinds are needed together and one of them has several values: `{org}/{user}` of somebody who is user 5 in
    /// organisation 1 and user 7 in organisation 2 must never reach user 7 of organisation 1.
    pub(crate) fn fill(&self, subject: &Subject) -> Result<Filled, Ambiguous> {
        let kinds = self.kinds();
        if !self.need().is_met_by(subject) {
            return Ok(Filled::default());
        }
        if kinds.len() > 1 && kinds.iter().any(|kind| subject.values(kind).count() > 1) {
            return Err(Ambiguous);
        }
        // At most one kind has several values: take each of them with the only one of the others.
        let many = kinds
            .iter()
            .copied()
            .max_by_key(|kind| subject.values(kind).count());
        let mut filled = Filled::default();
        let Some(many) = many else {
            return Ok(filled);
        };
        for value in subject.values(many) {
            match self.fill_once(subject, many, value.expose()) {
                Ok(prefix) => filled.prefixes.push(prefix),
                Err(unfit) => filled.unfit.push(unfit),
            }
        }
        Ok(filled)
    }

    /// The prefix of a template in which no identity stands; `None` while the tenant is not known that stands in it.
    pub(crate) fn fill_shared(&self, subject: &Subject) -> Option<Result<Vec<String>, Unfit>> {
        let tenant = subject.tenant().map(|tenant| tenant.expose());
        if self.needs_tenant() && tenant.is_none() {
            return None;
        }
        let filled = self.segments.iter().map(|segment| {
            let value = segment.placeholder.as_ref().and(tenant).unwrap_or_default();
            let full = format!("{}{value}{}", segment.before, segment.after);
            fits(&full).map(|()| full)
        });
        Some(filled.collect())
    }

    fn fill_once(
        &self,
        subject: &Subject,
        many: &IdentityKind,
        value: &str,
    ) -> Result<Vec<String>, Unfit> {
        let mut prefix = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            let value = match &segment.placeholder {
                None => "",
                Some(Placeholder::Identity(kind)) if kind == many => value,
                Some(Placeholder::Identity(kind)) => {
                    subject.values(kind).next().ok_or(Unfit::Empty)?.expose()
                }
                Some(Placeholder::Tenant) => subject.tenant().ok_or(Unfit::Empty)?.expose(),
            };
            let full = format!("{}{value}{}", segment.before, segment.after);
            fits(&full)?;
            prefix.push(full);
        }
        Ok(prefix)
    }

    /// Whether the key may lie under this prefix for some person. Case counts for nothing here, so that the answer holds
    /// in stores that ignore it.
    pub(crate) fn may_hold(&self, key: &[&str]) -> bool {
        key.len() > self.segments.len()
            && self
                .segments
                .iter()
                .zip(key)
                .all(|(segment, part)| segment.may_be(part))
    }

    /// Whether the key may be this template, without the slash at its end, for some person.
    pub(crate) fn may_be(&self, key: &[&str]) -> bool {
        key.len() == self.segments.len()
            && self
                .segments
                .iter()
                .zip(key)
                .all(|(segment, part)| segment.may_be(part))
    }

    /// Whether some person's prefix of this template and some person's prefix of the other could overlap.
    pub(crate) fn may_meet(&self, other: &Self) -> bool {
        self.segments
            .iter()
            .zip(&other.segments)
            .all(|(one, other)| one.may_be_same(other))
    }

    fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.segments
            .iter()
            .filter_map(|segment| segment.placeholder.as_ref())
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, String> {
        let Some((before, rest)) = text.split_once('{') else {
            return Self::literal(text);
        };
        let Some((word, after)) = rest.split_once('}') else {
            return Err("a `{` has no `}`".to_owned());
        };
        if after.contains(['{', '}']) || before.contains('}') {
            return Err(format!(
                "`{text}` has two placeholders in one segment, which cannot be told apart; put a `/` between them"
            ));
        }
        let placeholder = if word == "tenant" {
            Placeholder::Tenant
        } else {
            let kind = IdentityKind::new(word)
                .map_err(|rule| format!("`{{{word}}}` is no placeholder: {rule}"))?;
            Placeholder::Identity(kind)
        };
        // With a value in its middle, only the edges can be wrong.
        fits(&format!("{before}x{after}"))
            .map_err(|unfit| format!("`{text}` cannot be a segment: {}", unfit.as_str()))?;
        Ok(Self {
            before: before.to_owned(),
            placeholder: Some(placeholder),
            after: after.to_owned(),
        })
    }

    fn literal(text: &str) -> Result<Self, String> {
        if text.contains('}') {
            return Err("a `}` has no `{`".to_owned());
        }
        fits(text).map_err(|unfit| match unfit {
            Unfit::Empty => {
                "two slashes follow each other, or one stands in front; keys begin without one"
                    .to_owned()
            }
            _ => format!("`{text}` cannot be a segment: {}", unfit.as_str()),
        })?;
        Ok(Self {
            before: text.to_owned(),
            placeholder: None,
            after: String::new(),
        })
    }

    fn may_be(&self, part: &str) -> bool {
        let part = part.to_lowercase();
        let (before, after) = (self.before.to_lowercase(), self.after.to_lowercase());
        match self.placeholder {
            None => part == before,
            Some(_) => {
                part.len() > before.len() + after.len()
                    && part.starts_with(&before)
                    && part.ends_with(&after)
            }
        }
    }

    fn may_be_same(&self, other: &Self) -> bool {
        match (&self.placeholder, &other.placeholder) {
            (_, None) => self.may_be(&other.before),
            (None, _) => other.may_be(&self.before),
            (Some(_), Some(_)) => {
                let [a, b] = [self, other].map(|one| one.before.to_lowercase());
                let [c, d] = [self, other].map(|one| one.after.to_lowercase());
                (a.starts_with(&b) || b.starts_with(&a)) && (c.ends_with(&d) || d.ends_with(&c))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use adieu_core::{Identity, Tenant};

    use super::*;

    fn person(identities: &[&str]) -> Subject {
        Subject::new(
            identities
                .iter()
                .map(|text| text.parse::<Identity>().unwrap()),
        )
    }

    fn filled(template: &str, subject: &Subject) -> Vec<String> {
        let filled = Template::parse(template).unwrap().fill(subject).unwrap();
        filled
            .prefixes
            .iter()
            .map(|prefix| prefix.join("/"))
            .collect()
    }

    #[test]
    fn a_prefix_that_could_reach_others_is_refused() {
        for bad in [
            "",
            "/",
            "users/",
            "users/{customer_id}",
            "{tenant}/",
            "/users/{customer_id}/",
            "users//{customer_id}/",
            "users/../{customer_id}/",
            "users/{a}{b}/",
            "users/{a}-{b}/",
            "users/{customer_id/",
            "users/customer_id}/",
            "users/{Customer}/",
            "users/{}/",
            "users/{customer_id}./",
            " {customer_id}/",
        ] {
            assert!(Template::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn every_value_of_one_kind_has_its_prefix() {
        let subject = person(&["customer_id=7", "customer_id=9", "email=a@b.c"]);
        assert_eq!(
            filled("users/{customer_id}/", &subject),
            ["users/7", "users/9"]
        );
        assert_eq!(
            filled("u-{customer_id}.d/x/", &subject),
            ["u-7.d/x", "u-9.d/x"]
        );
        assert!(filled("users/{other}/", &subject).is_empty());
        assert!(filled("{tenant}/{customer_id}/", &subject).is_empty());
        let within = subject.within(Tenant::new("acme").unwrap());
        assert_eq!(
            filled("{tenant}/{customer_id}/", &within),
            ["acme/7", "acme/9"]
        );
    }

    #[test]
    fn several_values_of_kinds_that_belong_together_are_never_mixed() {
        let template = Template::parse("{org}/{user}/").unwrap();
        let one = person(&["org=1", "user=5"]);
        assert_eq!(filled("{org}/{user}/", &one), ["1/5"]);
        let two = person(&["org=1", "org=2", "user=5", "user=7"]);
        assert_eq!(template.fill(&two).unwrap_err(), Ambiguous);
        let half = person(&["org=1", "user=5", "user=7"]);
        assert_eq!(template.fill(&half).unwrap_err(), Ambiguous);
    }

    #[test]
    fn a_value_that_is_no_segment_reaches_nothing() {
        let template = Template::parse("users/{name}/").unwrap();
        for value in ["../7", "..", ".", "a/b", "a\\b", "7.", " 7", "7 "] {
            let filled = template.fill(&person(&[&format!("name={value}")])).unwrap();
            assert!(filled.prefixes.is_empty(), "{value:?}");
            assert_eq!(filled.unfit.len(), 1, "{value:?}");
        }
    }

    #[test]
    fn templates_in_which_a_value_could_spell_the_other_meet() {
        let meet = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| Template::parse(text).unwrap());
            assert_eq!(one.may_meet(&other), other.may_meet(&one));
            one.may_meet(&other)
        };
        assert!(meet("{id}/", "avatars/{id}/"));
        assert!(meet("users/{id}/", "users/{email}/"));
        assert!(meet("users/{id}/", "users/{id}/private/"));
        assert!(meet("users/u{id}/", "users/user-{id}/"));
        assert!(meet("users/{id}-x/", "USERS/abc-x/{id}/"));
        assert!(!meet("users/{id}/a/", "users/{id}/b/"));
        assert!(!meet("users/{id}/a/", "users/{email}/b/"));
        assert!(!meet("users/{id}/", "avatars/{id}/"));
        assert!(!meet("users/a-{id}/", "users/b-{id}/"));
        assert!(!meet("users/{id}-a/", "users/{id}-b/"));
    }
}
