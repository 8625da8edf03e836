use super::*;

pub(crate) const HUBSPOT: Provider = Provider {
    name: "hubspot",
    handler,
    fill,
    settings: &[],
    urls: URL,
    secrets: &["token"],
    ada: ADA_BY_EMAIL,
    eve: EVE_BY_EMAIL,
    nobody: NOBODY_BY_EMAIL,
    lock: Some("101"),
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (number, (email, _, name, whose)) in (101..).zip(PEOPLE) {
        world.put("contacts", number, whose, json!({
            "id": number.to_string(), "properties": {"email": email, "firstname": name},
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", "archived": false,
        }));
        for n in 0..3 {
            let id = format!("{number}{n}");
            world.put("notes", &id, whose, json!({
                "id": id, "contact": number.to_string(), "properties": {"hs_note_body": format!("called {name}")},
            }));
        }
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    if !is_bearer(ask) {
        return unauthorized();
    }
    match ask.line() {
        ("GET", path) if path == ["account-info", "v3", "details"] => {
            Reply::ok(json!({"portalId": 1}))
        }
        ("GET", path) if path.len() == 5 && path[..4] == ["crm", "v3", "objects", "contacts"] => {
            let by_email = ask.query("idProperty") == Some("email");
            let found = world.all("contacts", |one| match by_email {
                true => text(&one["properties"], "email").eq_ignore_ascii_case(path[4]),
                false => text(one, "id") == lenient_number(path[4]),
            });
            found.into_iter().next().map_or_else(not_found, Reply::ok)
        }
        ("POST", path) if path == ["crm", "v3", "objects", "contacts", "gdpr-delete"] => {
            let id = text(&ask.json(), "objectId").to_owned();
            if world.locked.contains(&id) {
                return Reply::json(
                    400,
                    &json!({"status": "error", "category": "VALIDATION_ERROR"}),
                );
            }
            if world.take("contacts", &id).is_none() {
                return not_found();
            }
            world.drop_all("notes", |note| text(note, "contact") == id);
            Reply::empty(204)
        }
        ("GET", path)
            if path.len() == 7
                && path[..4] == ["crm", "v4", "objects", "contacts"]
                && path[5..] == ["associations", "notes"] =>
        {
            if world.one("contacts", path[4]).is_none() {
                return not_found();
            }
            let notes = world.all("notes", |note| text(note, "contact") == path[4]);
            let notes: Vec<Value> = notes
                .iter()
                .map(|note| json!({"toObjectId": note["id"], "associationTypes": []}))
                .collect();
            let (results, next) = page(&notes, ask.number("after").unwrap_or(0));
            match next {
                Some(next) => Reply::ok(
                    json!({"results": results, "paging": {"next": {"after": next.to_string()}}}),
                ),
                None => Reply::ok(json!({"results": results})),
            }
        }
        ("GET", path) if path.len() == 5 && path[..4] == ["crm", "v3", "objects", "notes"] => world
            .one("notes", path[4])
            .map_or_else(not_found, Reply::ok),
        _ => not_found(),
    }
}
