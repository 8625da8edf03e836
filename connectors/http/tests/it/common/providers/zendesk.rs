use super::*;

pub(crate) const ZENDESK: Provider = Provider {
    name: "zendesk",
    handler,
    fill,
    settings: &[("user", "admin@example.org")],
    urls: URL,
    secrets: &["token"],
    ada: ADA,
    eve: EVE,
    nobody: NOBODY,
    lock: Some("101"),
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (number, (email, user, name, whose)) in (101..).zip(PEOPLE) {
        world.put("users", number, whose, json!({"id": number, "name": name, "email": email, "external_id": user, "active": true}));
        for n in 0..3 {
            let id = number * 10 + n;
            world.put("tickets", id, whose, json!({"id": id, "requester_id": number, "subject": "help", "description": format!("from {name}"), "status": "open"}));
        }
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    if ask.authorization != basic("admin@example.org/token", SECRET) {
        return unauthorized();
    }
    let (method, mut path) = ask.line();
    if path[..2.min(path.len())] != ["api", "v2"] {
        return not_found();
    }
    path.drain(..2);
    let last = path.pop().unwrap_or_default();
    path.push(last.strip_suffix(".json").unwrap_or(last));
    match (method, path.as_slice()) {
        ("GET", ["users", "search"]) => search(world, ask),
        ("DELETE", ["users", id]) => delete_user(world, &lenient_number(id)),
        ("GET", ["deleted_users", id]) => match world.one("trash", &lenient_number(id)) {
            Some(user) => Reply::ok(json!({"deleted_user": user})),
            None => not_found(),
        },
        ("DELETE", ["deleted_users", id]) => {
            let id = lenient_number(id);
            if world.take("trash", &id).is_none() {
                return not_found();
            }
            // It stays listed without anything of the person.
            world.put("trash", &id, Whose::Nobody, json!({"id": id.parse::<u64>().unwrap(), "name": "Permanently Deleted User", "active": false}));
            Reply::ok(json!({"deleted_user": {"id": id.parse::<u64>().unwrap()}}))
        }
        ("GET", ["users", id, "tickets", "requested"]) => {
            let id = lenient_number(id);
            let all = world.all("tickets", |ticket| is_number(&ticket["requester_id"], &id));
            let (tickets, next) = page(&all, ask.number("page[after]").unwrap_or(0));
            Reply::ok(
                json!({"tickets": tickets, "meta": {"has_more": next.is_some(), "after_cursor": next.map(|next| next.to_string())}}),
            )
        }
        ("DELETE", ["tickets", "destroy_many"]) => {
            world
                .jobs
                .push(json!({"ids": ask.query("ids"), "asked": 0}));
            let id = (world.jobs.len() - 1).to_string();
            Reply::ok(json!({"job_status": {"id": id, "status": "queued"}}))
        }
        ("GET", ["job_statuses", id]) => job_status(world, id),
        _ => not_found(),
    }
}

/// A search by words, in which a `*` stands for anything and what begins alike is found.
fn search(world: &World, ask: &Ask) -> Reply {
    if let Some(id) = ask.query("external_id") {
        return Reply::ok(
            json!({"users": world.all("users", |one| text(one, "external_id") == id), "next_page": null}),
        );
    }
    let expression = ask.query("query").unwrap_or_default();
    let quoted = expression.strip_prefix("type:user email:");
    let wanted: String = quoted
        .and_then(|quoted| serde_json::from_str(quoted).ok())
        .unwrap_or_default();
    let begins = wanted.trim_matches('*').to_lowercase();
    let found = world.all("users", |one| text(one, "email").starts_with(&begins));
    let (users, next) = page(&found, ask.number("page").unwrap_or(0));
    let next = next.map(|next| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", expression)
            .append_pair("page", &next.to_string())
            .finish();
        format!("{}/api/v2/users/search.json?{query}", world.url)
    });
    Reply::ok(json!({"users": users, "next_page": next, "count": found.len()}))
}

fn delete_user(world: &mut World, id: &str) -> Reply {
    let has_tickets = !world
        .all("tickets", |ticket| is_number(&ticket["requester_id"], id))
        .is_empty();
    if world.locked.contains(id) || (has_tickets && world.one("users", id).is_some()) {
        return Reply::json(422, &json!({"error": "RecordInvalid"}));
    }
    let Some(Row { whose, mut value }) = world.take("users", id) else {
        return not_found();
    };
    value["active"] = json!(false);
    world.put("trash", id, whose, value.clone());
    Reply::ok(json!({"user": value}))
}

/// A job works when it was asked for twice.
fn job_status(world: &mut World, id: &str) -> Reply {
    let Some(job) = id
        .parse::<usize>()
        .ok()
        .and_then(|index| world.jobs.get_mut(index))
    else {
        return not_found();
    };
    let asked = job["asked"].as_u64().unwrap() + 1;
    job["asked"] = json!(asked);
    if asked < 2 {
        return Reply::ok(json!({"job_status": {"id": id, "status": "working"}}));
    }
    let ids = job["ids"].as_str().unwrap_or_default().to_owned();
    for ticket in ids.split(',') {
        world.take("tickets", ticket);
    }
    Reply::ok(json!({"job_status": {"id": id, "status": "completed"}}))
}
