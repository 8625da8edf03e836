use super::*;

pub(crate) const POSTHOG: Provider = Provider {
    name: "posthog",
    handler,
    fill,
    settings: &[("project", "42")],
    urls: URL,
    secrets: &["key"],
    ada: ADA,
    eve: EVE,
    nobody: NOBODY,
    lock: Some("uuid-user1"),
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (email, user, name, whose) in PEOPLE {
        let uuid = format!("uuid-{user}");
        world.put("persons", &uuid, whose, json!({
            "id": 1, "uuid": uuid, "name": name, "distinct_ids": [user, format!("anon-{user}")],
            "properties": {"email": email, "plan": "free"}, "created_at": "2026-01-01T00:00:00Z",
        }));
        for n in 0..3 {
            let id = format!("event-{user}-{n}");
            world.put(
                "events",
                &id,
                whose,
                json!({
                    "id": id, "distinct_id": format!("anon-{user}"), "event": "$pageview",
                    "properties": {"n": n, "name": name}, "timestamp": "2026-01-01T00:00:00Z",
                }),
            );
        }
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    if !is_bearer(ask) {
        return unauthorized();
    }
    match ask.line() {
        ("GET", path) if path == ["api", "projects", "42", ""] => Reply::ok(json!({"id": 42})),
        ("GET", path) if path == ["api", "projects", "42", "persons", ""] => {
            // A filter that is not known is ignored: then everybody is listed.
            let found = world.all("persons", |person| {
                match (ask.query("distinct_id"), ask.query("email")) {
                    (Some(id), _) => person["distinct_ids"]
                        .as_array()
                        .unwrap()
                        .contains(&json!(id)),
                    (None, Some(email)) => {
                        text(&person["properties"], "email").eq_ignore_ascii_case(email)
                    }
                    (None, None) => true,
                }
            });
            listed(world, ask, &found)
        }
        ("GET", path) if path == ["api", "projects", "42", "events", ""] => {
            let found = world.all("events", |event| {
                ask.query("distinct_id")
                    .is_none_or(|id| text(event, "distinct_id") == id)
            });
            listed(world, ask, &found)
        }
        ("DELETE", path)
            if path.len() == 6
                && path[..4] == ["api", "projects", "42", "persons"]
                && path[5].is_empty() =>
        {
            if world.locked.contains(path[4]) {
                return Reply::json(
                    403,
                    &json!({"type": "authentication_error", "code": "permission_denied"}),
                );
            }
            let Some(person) = world.take("persons", path[4]) else {
                return not_found();
            };
            if ask.query("delete_events") == Some("true") {
                let ids = person.value["distinct_ids"].as_array().unwrap().clone();
                world.drop_all("events", |event| ids.contains(&event["distinct_id"]));
            }
            Reply::empty(202)
        }
        _ => not_found(),
    }
}

fn listed(world: &World, ask: &Ask, found: &[Value]) -> Reply {
    let (results, next) = page(found, ask.number("offset").unwrap_or(0));
    let next = next.map(|offset| {
        let mut query: Vec<(String, String)> = ask
            .query
            .iter()
            .filter(|(name, _)| name != "offset")
            .cloned()
            .collect();
        query.push(("offset".to_owned(), offset.to_string()));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        format!("{}/{}?{query}", world.url, ask.path.join("/"))
    });
    Reply::ok(json!({"next": next, "previous": null, "results": results}))
}
