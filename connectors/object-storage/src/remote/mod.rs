//! Stores of a provider, reached over HTTP: S3 and what speaks as it does, Google Cloud Storage, Azure Blob.
//!
//! Keys go over the wire exactly as they are. The object store library tidies them up (white space at their edges, two slashes
//! in a row), and lists neither unfinished uploads nor snapshots nor generations, so here each provider is asked in its own
//! words, signed by the library's own signers.

mod azure;
mod client;
mod encode;
mod failure;
mod gcs;
mod position;
mod read;
mod s3;
mod upload;
mod xml;

use std::collections::BTreeSet;
use std::sync::Arc;

use adieu_core::{Body, ConnectorError, ErrorKind, Retry, async_trait};
use bytes::Bytes;

use crate::credentials::Known;
use crate::location::{Bucket, Provider};
use crate::mark::{Mark, MarkKind};
use crate::object::{At, Key, Kind, Listed, Listing, Object, Passed, Position, Spot};
use crate::place::{Finder, Place, Places};
use crate::store::{For, Opened, Removed};
use position::next_listing;
use upload::Part;

pub(crate) use position::{after, go_on};
pub(crate) use upload::Upload;

/// A bucket or container.
pub(crate) struct Remote {
    api: Arc<dyn Api>,
    /// What stands before a key in its own URL.
    url: String,
}

/// What is asked of a provider.
#[async_trait]
trait Api: Send + Sync {
    /// One page of a listing; a listing that the store does not have is empty.
    async fn page(&self, ask: Ask<'_>) -> Result<Page, ConnectorError>;

    /// Finds out what keeps each object in the store, where the listing does not tell.
    async fn look_up_holds(&self, _: &mut [Object]) -> Result<(), ConnectorError> {
        Ok(())
    }

    /// Finds out what each object is marked with, where the listing does not tell.
    async fn look_up_marks(&self, _: &MarkKind, _: &mut [Object]) -> Result<(), ConnectorError> {
        Ok(())
    }

    /// The bytes of an object from an offset on.
    async fn get(&self, object: &Object, from: u64) -> Result<Option<read::Got>, ConnectorError>;

    /// Removes objects, each for itself.
    async fn remove(
        &self,
        objects: &[&Object],
    ) -> Result<Vec<Result<Removed, ConnectorError>>, ConnectorError>;

    /// Whether a lock may keep a version, as far as is known.
    fn has_locks(&self) -> bool;

    /// Writes a short object whole.
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ConnectorError>;

    /// Begins an object that comes in parts; answers with what the store calls it.
    async fn begin(&self, key: &str) -> Result<String, ConnectorError>;

    /// Sends the next part; answers with what the store calls it.
    async fn part(&self, part: Part<'_>) -> Result<String, ConnectorError>;

    /// Puts the parts together.
    async fn complete(
        &self,
        key: &str,
        session: &str,
        parts: &[String],
    ) -> Result<(), ConnectorError>;

    /// Tries every right that is needed and can be tried without an object, under a prefix.
    async fn check(&self, prefix: &str, marks: &[&MarkKind]) -> Result<(), ConnectorError>;
}

/// Which page of which listing is wanted.
#[derive(Clone, Copy)]
struct Ask<'a> {
    listing: Listing,
    prefix: &'a str,
    after: Option<&'a Spot>,
    page: Option<&'a str>,
    limit: usize,
    /// By what objects say whose they are, when that counts.
    mark: Option<&'a MarkKind>,
}

impl<'a> Ask<'a> {
    /// A single entry, to see whether it is allowed.
    fn one_of(listing: Listing, prefix: &'a str) -> Self {
        Self {
            listing,
            prefix,
            after: None,
            page: None,
            limit: 1,
            mark: None,
        }
    }
}

/// A page of a listing, in its order.
#[derive(Default)]
struct Page {
    objects: Vec<Object>,
    /// Where the next one begins, if there is one: after this entry of the page that the store names so.
    next: Option<Next>,
    /// The last entry of somebody else that was left out, and how many objects come before it.
    passed: Option<(usize, Spot)>,
}

/// See [`Page::next`].
#[derive(Clone)]
struct Next {
    after: Option<Spot>,
    page: Option<String>,
}

impl Page {
    /// A page of a store that names its pages and sends them whole, from all that it sent: what was met already is left
    /// out, and no more than was asked for comes through.
    fn of<O: Ord>(
        ask: &Ask<'_>,
        mut objects: Vec<Object>,
        next: Option<String>,
        order: fn(&Spot) -> O,
    ) -> Self {
        objects.sort_by_key(|object| order(&object.spot()));
        if let Some(after) = ask.after {
            let last = order(after);
            objects.retain(|object| order(&object.spot()) > last);
        }
        let next = if objects.len() > ask.limit {
            objects.truncate(ask.limit);
            Some(Next {
                after: objects.last().map(Object::spot),
                page: ask.page.map(str::to_owned),
            })
        } else {
            next.map(|page| Next {
                after: None,
                page: Some(page),
            })
        };
        Self {
            objects,
            next,
            passed: None,
        }
    }
}

impl Next {
    /// Whether more of this key may come.
    fn is_at(&self, key: &[u8]) -> bool {
        self.after.as_ref().is_none_or(|spot| spot.key.0 == key)
    }
}

impl Remote {
    pub(crate) fn new(bucket: &Bucket, known: &Known) -> Result<Self, String> {
        let api: Arc<dyn Api> = match bucket.provider {
            Provider::S3 | Provider::R2 => Arc::new(s3::S3::new(bucket, known)?),
            Provider::Gcs => Arc::new(gcs::Gcs::new(bucket, known)?),
            Provider::Azure => Arc::new(azure::Azure::new(bucket, known)?),
        };
        let url = format!("{}://{}/", bucket.provider.scheme(), bucket.name);
        Ok(Self { api, url })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn has_locks(&self) -> bool {
        self.api.has_locks()
    }

    /// Proves that what an export and an erasure need is allowed.
    pub(crate) async fn check(&self, finder: &Arc<Finder>) -> Result<(), ConnectorError> {
        // Rights may end at a prefix, so the words before the first placeholder are asked for.
        let marked = finder.marked.iter().map(|one| &one.prefix);
        let templates = finder.prefixes.iter().chain(marked);
        let templates = templates.chain(finder.manifests.iter().map(|one| &one.object));
        let mut prefixes: BTreeSet<String> = templates
            .map(|one| {
                one.leading_literals()
                    .flat_map(|word| [word, "/"])
                    .collect()
            })
            .collect();
        if prefixes.is_empty() {
            prefixes.insert(finder.key_prefix.clone());
        }
        let marks: Vec<&MarkKind> = finder.marked.iter().map(|one| &one.kind).collect();
        for prefix in &prefixes {
            self.api.check(prefix, &marks).await?;
        }
        Ok(())
    }

    /// Proves the same for objects that are written here, by writing one and removing it.
    pub(crate) async fn check_writing(&self, prefix: &str) -> Result<(), ConnectorError> {
        self.api.check(prefix, &[]).await?;
        let key = format!("{prefix}adieu-check-{:032x}", fastrand::u128(..));
        self.api.put(&key, Bytes::from_static(b"adieu")).await?;
        self.clear(&key, &[Listing::Objects]).await
    }

    /// Begins an object.
    pub(crate) fn upload(&self, key: String) -> Upload {
        Upload::new(Arc::clone(&self.api), key)
    }

    /// The length of what a key holds now, and its bytes from an offset on.
    pub(crate) async fn read(
        &self,
        key: &str,
        from: u64,
    ) -> Result<Option<(u64, Body<'static>)>, ConnectorError> {
        let object = Object {
            key: key.as_bytes().to_vec(),
            kind: Kind::File,
            at: At::Key {
                version: None,
                etag: None,
                is_current: true,
            },
            modified_at: None,
            size_bytes: None,
            hold: None,
            mark: None,
        };
        read::from(&self.api, &object, from).await
    }

    /// Removes everything of some listings at exactly this key.
    pub(crate) async fn clear(
        &self,
        key: &str,
        listings: &[Listing],
    ) -> Result<(), ConnectorError> {
        for &listing in listings {
            for round in 1.. {
                let objects = self.all_of(key.as_bytes(), listing, None).await?;
                if objects.is_empty() {
                    break;
                }
                if round > MOST_ROUNDS {
                    return Err(ConnectorError::new(
                        ErrorKind::Unavailable,
                        "the store still lists what it said to have removed",
                    ));
                }
                let objects: Vec<&Object> = objects.iter().collect();
                for outcome in self.api.remove(&objects).await? {
                    outcome?;
                }
            }
        }
        Ok(())
    }

    /// See [`Store::list`](crate::store::Store::list).
    pub(crate) async fn list(
        &self,
        places: &Places,
        from: &Position,
        limit: usize,
        wanted: For,
    ) -> Result<Listed, ConnectorError> {
        for listing in [Listing::Objects, Listing::Uploads, Listing::Leaving] {
            if listing < from.listing {
                continue;
            }
            let begin = if listing == from.listing {
                from.clone()
            } else {
                Position::default()
            };
            let mut listed = self
                .list_one(listing, places, &begin, limit, wanted)
                .await?;
            if listed.objects.is_empty() && listed.next.is_none() {
                continue;
            }
            if listed.next.is_none() {
                listed.next = next_listing(listing);
            }
            return Ok(listed);
        }
        Ok(Listed::default())
    }

    /// Objects of one listing, over the borders of places.
    async fn list_one(
        &self,
        listing: Listing,
        places: &Places,
        from: &Position,
        limit: usize,
        wanted: For,
    ) -> Result<Listed, ConnectorError> {
        let mut listed = Listed {
            listing,
            ..Listed::default()
        };
        for (index, place) in places.iter().enumerate() {
            // What was begun has no mark yet.
            if listing == Listing::Uploads && matches!(place, Place::Marked { .. }) {
                continue;
            }
            if from
                .place
                .as_ref()
                .is_some_and(|first| place.key() < first.0)
            {
                continue;
            }
            let is_resumed = from
                .place
                .as_ref()
                .is_some_and(|first| first.0 == place.key());
            let (mut after, mut page) = if is_resumed {
                (from.after.clone(), from.page.clone())
            } else {
                (None, None)
            };
            for turn in 1.. {
                let answer = self
                    .page_of(
                        place,
                        listing,
                        after.as_ref(),
                        page.as_deref(),
                        limit - listed.objects.len(),
                        wanted,
                    )
                    .await?;
                let at = |after, page| Position {
                    listing,
                    place: Some(Key(place.key())),
                    after,
                    page,
                    gone: None,
                };
                if let Some((before, spot)) = answer.passed {
                    listed.passed = Some(Passed {
                        before: listed.objects.len() + before,
                        at: at(Some(spot), page.clone()),
                    });
                }
                listed.page.clone_from(&page);
                listed.objects.extend(answer.objects);
                let Some(next) = answer.next else {
                    break;
                };
                if !listed.objects.is_empty() || turn >= MOST_TURNS {
                    listed.next = Some(at(next.after, next.page));
                    return Ok(listed);
                }
                (after, page) = (next.after, next.page);
            }
            if listed.objects.len() >= limit {
                listed.next = places.iter().nth(index + 1).map(|place| Position {
                    listing,
                    place: Some(Key(place.key())),
                    ..Position::default()
                });
                return Ok(listed);
            }
        }
        Ok(listed)
    }

    /// A page of what lies in one place. The store compares texts as it likes; here they are compared once more.
    async fn page_of(
        &self,
        place: &Place,
        listing: Listing,
        after: Option<&Spot>,
        page: Option<&str>,
        limit: usize,
        wanted: For,
    ) -> Result<Page, ConnectorError> {
        let key = place.key();
        let prefix = text_of(&key)?;
        let mark = match place {
            Place::Marked { mark, .. } => Some(mark),
            Place::Prefix { .. } | Place::Object { .. } => None,
        };
        let mut page = self
            .api
            .page(Ask {
                listing,
                prefix,
                after,
                page,
                limit,
                mark: mark.map(|mark| &mark.kind),
            })
            .await?;
        page.objects.retain(|object| place.covers(&object.key));
        if let Some(mark) = mark {
            self.leave_out_others(mark, &mut page).await?;
        }
        if wanted == For::Erasing && listing == Listing::Objects {
            self.api.look_up_holds(&mut page.objects).await?;
        }
        // A single key comes first among all that begin with it; what follows belongs to others.
        if let Place::Object { .. } = place
            && page.next.as_ref().is_some_and(|next| !next.is_at(&key))
        {
            page.next = None;
        }
        Ok(page)
    }

    /// Leaves out of a page what is not marked as the person's.
    async fn leave_out_others(&self, mark: &Mark, page: &mut Page) -> Result<(), ConnectorError> {
        self.api
            .look_up_marks(&mark.kind, &mut page.objects)
            .await?;
        let mut own = Vec::new();
        for object in page.objects.drain(..) {
            let is_own = match object.kind {
                Kind::Marker => self.is_over_own(mark, &object.key).await?,
                _ => mark.is_on(&object),
            };
            if is_own {
                own.push(object);
            } else {
                page.passed = Some((own.len(), object.spot()));
            }
        }
        page.objects = own;
        Ok(())
    }

    /// Whether a note of deletion hides versions of the person alone. One that hides nothing has nobody's mark.
    async fn is_over_own(&self, mark: &Mark, key: &[u8]) -> Result<bool, ConnectorError> {
        let mut versions = self.all_of(key, Listing::Objects, Some(&mark.kind)).await?;
        versions.retain(|one| matches!(one.kind, Kind::File));
        self.api.look_up_marks(&mark.kind, &mut versions).await?;
        Ok(!versions.is_empty() && versions.iter().all(|one| mark.is_on(one)))
    }

    /// Every version at exactly this key.
    pub(crate) async fn versions_of(&self, key: &[u8]) -> Result<Vec<Object>, ConnectorError> {
        let mut versions = self.all_of(key, Listing::Objects, None).await?;
        self.api.look_up_holds(&mut versions).await?;
        Ok(versions)
    }

    async fn all_of(
        &self,
        key: &[u8],
        listing: Listing,
        mark: Option<&MarkKind>,
    ) -> Result<Vec<Object>, ConnectorError> {
        let mut versions = Vec::new();
        let mut from: Option<Next> = None;
        loop {
            let page = self
                .api
                .page(Ask {
                    listing,
                    prefix: text_of(key)?,
                    after: from.as_ref().and_then(|from| from.after.as_ref()),
                    page: from.as_ref().and_then(|from| from.page.as_deref()),
                    limit: MOST_KEYS,
                    mark,
                })
                .await?;
            versions.extend(page.objects.into_iter().filter(|object| object.key == key));
            match page.next {
                Some(next) if next.is_at(key) => from = Some(next),
                _ => return Ok(versions),
            }
        }
    }

    pub(crate) async fn open(&self, object: &Object) -> Result<Opened, ConnectorError> {
        read::open(&self.api, object).await
    }

    pub(crate) async fn remove(
        &self,
        objects: &[&Object],
    ) -> Result<Vec<Result<Removed, ConnectorError>>, ConnectorError> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        self.api.remove(objects).await
    }
}

/// How many entries a store lists or removes at a time at most.
pub(crate) const MOST_KEYS: usize = 1_000;

/// How many pages without an object of the person are passed over before the caller hears of it.
const MOST_TURNS: u32 = 32;

/// How often a key is looked at again until nothing is left at it.
const MOST_ROUNDS: u32 = 5;

/// Keys of these stores are text.
fn text_of(key: &[u8]) -> Result<&str, ConnectorError> {
    std::str::from_utf8(key).map_err(|_| {
        ConnectorError::new(
            ErrorKind::Protocol,
            "the cursor was not made by this collection",
        )
        .retry(Retry::Never)
    })
}
