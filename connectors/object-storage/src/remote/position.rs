//! Where a listing goes on after a page or a batch.

use crate::object::{Key, Listed, Listing, Object, Position};
use crate::place::Places;

/// See [`Store::after`](crate::store::Store::after).
pub(crate) fn after(places: &Places, listed: &Listed, object: &Object) -> Position {
    let place = places.of(&object.key).map(|place| Key(place.key()));
    let is_last_place = listed
        .objects
        .last()
        .is_none_or(|last| places.of(&last.key).map(|one| Key(one.key())) == place);
    Position {
        listing: listed.listing,
        place,
        after: Some(object.spot()),
        // The name is that of the last place's page.
        page: listed.page.clone().filter(|_| is_last_place),
        gone: None,
    }
}

/// See [`Store::go_on`](crate::store::Store::go_on).
///
/// A bucket is listed again from the last entry that is still there, because not every server finds its way from one that
/// is gone.
pub(crate) fn go_on(
    places: &Places,
    from: Position,
    listed: &Listed,
    left: Option<&Object>,
    gone: Option<&Object>,
) -> Option<Position> {
    let next = listed.next.clone()?;
    if next.after.is_none() && next.page.is_none() {
        // Its places are all done.
        return Some(next);
    }
    let in_place =
        |object: &&Object| places.of(&object.key).map(|one| Key(one.key())) == next.place;
    let mut position = match left.filter(in_place) {
        Some(object) => after(places, listed, object),
        None if from.place == next.place && from.listing == next.listing => from,
        None => Position {
            listing: next.listing,
            place: next.place.clone(),
            ..Position::default()
        },
    };
    position.gone = gone.filter(in_place).map(Object::spot);
    Some(position)
}

/// The one that is gone through after this one.
pub(super) fn next_listing(listing: Listing) -> Option<Position> {
    let listing = match listing {
        Listing::Objects => Listing::Uploads,
        Listing::Uploads => Listing::Leaving,
        Listing::Leaving => return None,
    };
    Some(Position {
        listing,
        ..Position::default()
    })
}
