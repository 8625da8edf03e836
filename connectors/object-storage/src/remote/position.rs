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
    is_left: &[bool],
) -> Option<Position> {
    let next = listed.next.clone()?;
    if next.after.is_none() && next.page.is_none() {
        // Its places are all done.
        return Some(next);
    }
    let in_place =
        |object: &&Object| places.of(&object.key).map(|one| Key(one.key())) == next.place;
    let left = is_left.iter().rposition(|&left| left);
    let passed = listed.passed.as_ref().filter(|passed| {
        passed.at.place == next.place && left.is_none_or(|left| passed.before > left)
    });
    let left = left.and_then(|index| Some((index, listed.objects.get(index)?)));
    let (mut position, met) = match (passed, left) {
        (Some(passed), _) => (passed.at.clone(), passed.before),
        (None, Some((index, object))) if in_place(&object) => {
            (after(places, listed, object), index + 1)
        }
        (None, left) => {
            let met = left.map_or(0, |(index, _)| index + 1);
            let begin = if from.place == next.place && from.listing == next.listing {
                from
            } else {
                Position {
                    listing: next.listing,
                    place: next.place.clone(),
                    ..Position::default()
                }
            };
            (begin, met)
        }
    };
    let gone = listed.objects.get(met).filter(in_place);
    position.gone = gone.map(Object::spot);
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
