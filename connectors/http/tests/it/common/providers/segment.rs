use super::*;

pub(crate) const SEGMENT: Provider = Provider {
    name: "segment",
    handler,
    fill,
    settings: &[("space", "spa_1")],
    urls: &[("url", ""), ("profiles_url", "")],
    secrets: &["token", "profiles_token"],
    ada: ADA_BY_ID,
    eve: EVE_BY_ID,
    nobody: NOBODY_BY_ID,
    lock: None,
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (email, user, name, whose) in PEOPLE {
        world.put(
            "profiles",
            user,
            whose,
            json!({"email": email, "name": name}),
        );
        for n in 0..3 {
            world.put("events", format!("{user}-{n}"), whose, json!({
                "external_ids": [{"type": "user_id", "id": user}], "message_id": format!("{user}-{n}"), "type": "track",
                "event": "Opened", "timestamp": "2026-01-01T00:00:00Z", "properties": {"name": name},
            }));
        }
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    match ask.line() {
        (method, path) if path.first() == Some(&"v1") => {
            match ask.authorization == basic(SECRET, "") {
                true => profiles(world, ask, method, &path),
                false => unauthorized(),
            }
        }
        _ if !is_bearer(ask) => unauthorized(),
        ("GET", path) if path == [""] => Reply::ok(json!({"data": {"workspace": {"id": "w"}}})),
        ("POST", path) if path == ["regulations"] => {
            let body = ask.json();
            assert_eq!(
                (text(&body, "regulationType"), text(&body, "subjectType")),
                ("SUPPRESS_WITH_DELETE", "USER_ID")
            );
            assert!(
                body["subjectIds"]
                    .as_array()
                    .is_some_and(|ids| !ids.is_empty() && ids.len() <= 5000)
            );
            world.jobs.push(body);
            Reply::ok(json!({"data": {"regulateId": "reg_1"}}))
        }
        _ => not_found(),
    }
}

fn profiles(world: &World, ask: &Ask, method: &str, path: &[&str]) -> Reply {
    let (
        "GET",
        [
            "v1",
            "spaces",
            "spa_1",
            "collections",
            "users",
            "profiles",
            who,
            what,
        ],
    ) = (method, path)
    else {
        return not_found();
    };
    let user = who.strip_prefix("user_id:").unwrap_or_default();
    let Some(traits) = world.one("profiles", user) else {
        return Reply::json(404, &json!({"error": {"code": "not_found"}}));
    };
    if *what == "traits" {
        return Reply::ok(
            json!({"traits": traits, "cursor": {"url": "", "has_more": false, "next": "", "limit": 200}}),
        );
    }
    let found = world.all("events", |event| {
        text(&event["external_ids"][0], "id") == user
    });
    let (data, next) = page(&found, ask.number("next").unwrap_or(0));
    let cursor = json!({"url": "", "has_more": next.is_some(), "next": next.map_or(String::new(), |next| next.to_string()), "limit": 100});
    Reply::ok(json!({"data": data, "cursor": cursor}))
}
