use super::*;

pub(crate) const SENDGRID: Provider = Provider {
    name: "sendgrid",
    handler,
    fill,
    settings: &[],
    urls: &[("url", "/v3")],
    secrets: &["key"],
    ada: ADA_BY_EMAIL,
    eve: EVE_BY_EMAIL,
    nobody: NOBODY_BY_EMAIL,
    lock: Some("ada@work.example"),
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (email, user, name, whose) in PEOPLE {
        world.put(
            "contacts",
            format!("id-{user}"),
            whose,
            json!({
                "id": format!("id-{user}"), "email": email, "first_name": name, "custom_fields": {},
                "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            }),
        );
        world.put("bounces", email, whose, json!({"created": 1_450_000_000, "email": email, "reason": format!("no {name} here"), "status": "5.1.1"}));
        world.put(
            "spam_reports",
            email,
            whose,
            json!({"created": 1_450_000_000, "email": email, "ip": "192.0.2.1"}),
        );
        world.put(
            "unsubscribes",
            email,
            whose,
            json!({"recipient_email": email}),
        );
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    if !is_bearer(ask) {
        return unauthorized();
    }
    match ask.line() {
        ("GET", path) if path == ["v3", "scopes"] => {
            Reply::ok(json!({"scopes": ["marketing.read"]}))
        }
        ("POST", path) if path == ["v3", "marketing", "contacts", "search", "emails"] => {
            let emails = ask.json()["emails"].as_array().cloned().unwrap_or_default();
            if !emails
                .iter()
                .all(|email| email.as_str().is_some_and(|email| email.contains('@')))
            {
                return Reply::json(
                    400,
                    &json!({"errors": [{"message": "not an address", "field": "emails"}]}),
                );
            }
            let found = world.all("contacts", |one| {
                emails.iter().any(|email| email == &one["email"])
            });
            let result: serde_json::Map<String, Value> = found
                .iter()
                .map(|one| (text(one, "email").to_owned(), json!({"contact": one})))
                .collect();
            match result.is_empty() {
                true => Reply::json(404, &json!({"errors": [{"message": "not found"}]})),
                false => Reply::ok(json!({"result": result})),
            }
        }
        ("DELETE", path) if path == ["v3", "marketing", "contacts"] => {
            for id in ask.query("ids").unwrap_or_default().split(',') {
                world.take("contacts", id);
            }
            Reply::json(202, &json!({"job_id": "job-1"}))
        }
        ("GET", path) if path.len() == 4 && path[1] == "suppression" => Reply::ok(json!(
            world.all(path[2], |one| text(one, "email") == path[3])
        )),
        ("DELETE", path) if path.len() == 4 && path[..3] == ["v3", "suppression", "bounces"] => {
            if world.locked.contains(path[3]) {
                return Reply::json(400, &json!({"errors": []}));
            }
            match world.take("bounces", path[3]) {
                Some(_) => Reply::empty(204),
                None => not_found(),
            }
        }
        ("GET", path)
            if path.len() == 5 && path[..4] == ["v3", "asm", "suppressions", "global"] =>
        {
            Reply::ok(
                world
                    .one("unsubscribes", path[4])
                    .unwrap_or_else(|| json!({})),
            )
        }
        _ => not_found(),
    }
}
