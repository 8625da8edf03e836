use super::*;

pub(crate) const MIXPANEL: Provider = Provider {
    name: "mixpanel",
    handler,
    fill,
    settings: &[
        ("project", "42"),
        ("project_token", "tok"),
        ("user", "service.1"),
    ],
    urls: URL,
    secrets: &["secret", "gdpr_token"],
    ada: ADA,
    eve: EVE,
    nobody: NOBODY,
    lock: None,
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (email, user, name, whose) in PEOPLE {
        world.put(
            "profiles",
            user,
            whose,
            json!({
                "$distinct_id": user, "$properties": {"$email": email, "$name": name},
            }),
        );
        // Events say whose they are in two ways, by Mixpanel's own example.
        for (n, whom) in ["$distinct_id", "distinct_id"].into_iter().enumerate() {
            world.put("events", format!("{user}-{n}"), whose, json!({
                "event": "Signed up", "properties": {whom: user, "$insert_id": format!("{user}-{n}"), "name": name},
            }));
        }
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    let (method, path) = ask.line();
    if path.get(2) == Some(&"data-deletions") {
        if !is_bearer(ask) {
            return unauthorized();
        }
        return match (method, path[3..].join("/").as_str(), ask.query("token")) {
            ("POST", "v3.0", Some("tok")) => {
                let body = ask.json();
                assert!(matches!(
                    body["compliance_type"].as_str(),
                    Some("GDPR" | "CCPA")
                ));
                assert!(
                    body["distinct_ids"]
                        .as_array()
                        .is_some_and(|ids| !ids.is_empty() && ids.len() <= 2000)
                );
                let task = format!("task-{}", world.jobs.len());
                world.jobs.push(body);
                Reply::ok(json!({"status": "ok", "results": {"task_id": task}}))
            }
            _ => not_found(),
        };
    }
    if ask.authorization != basic("service.1", SECRET) {
        return unauthorized();
    }
    match (method, path.as_slice()) {
        ("GET", ["api", "app", "me"]) => Reply::ok(json!({"status": "ok"})),
        ("POST", ["api", "query", "engage"]) => {
            let wanted = ask.form("where").map(|expression| {
                let quoted = expression.strip_prefix("properties[\"$email\"] == ")?;
                serde_json::from_str::<String>(quoted).ok()
            });
            if wanted == Some(None) {
                return Reply::json(400, &json!({"error": "unable to parse the where clause"}));
            }
            let found = world.all("profiles", |profile| {
                match (ask.form("distinct_id"), &wanted) {
                    (Some(id), _) => text(profile, "$distinct_id") == id,
                    (None, Some(email)) => {
                        profile["$properties"]["$email"].as_str() == email.as_deref()
                    }
                    (None, None) => true,
                }
            });
            Reply::ok(
                json!({"page": 0, "page_size": 1000, "results": found, "session_id": "s", "status": "ok", "total": found.len()}),
            )
        }
        ("GET", ["api", "query", "stream", "query"]) => {
            let ids: Result<Vec<String>, _> =
                serde_json::from_str(ask.query("distinct_ids").unwrap_or_default());
            let Ok(ids) = ids else {
                return Reply::json(400, &json!({"error": "distinct_ids"}));
            };
            let found = world.all("events", |event| {
                ["$distinct_id", "distinct_id"]
                    .iter()
                    .any(|name| ids.contains(&text(&event["properties"], name).to_owned()))
            });
            Reply::ok(json!({"status": "ok", "results": {"events": found}}))
        }
        _ => not_found(),
    }
}
