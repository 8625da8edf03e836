use super::*;

pub(crate) const INTERCOM: Provider = Provider {
    name: "intercom",
    handler,
    fill,
    settings: &[],
    urls: URL,
    secrets: &["token"],
    ada: ADA,
    eve: EVE,
    nobody: NOBODY,
    lock: None,
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (email, user, name, whose) in PEOPLE {
        let id = format!("c-{user}");
        let contact =
            json!({"type": "contact", "id": id, "external_id": user, "email": email, "name": name});
        world.put("contacts", &id, whose, contact.clone());
        // What the search finds; it learns of deletions later.
        world.jobs.push(contact);
        for n in 0..3 {
            let conversation = format!("{id}-{n}");
            world.put("conversations", &conversation, whose, json!({
                "type": "conversation", "id": conversation, "contacts": {"contacts": [{"type": "contact", "id": id}]},
                "conversation_parts": {"conversation_parts": [{"body": format!("hello from {name}")}]},
            }));
        }
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    if !is_bearer(ask) {
        return unauthorized();
    }
    let query = ask.json()["query"].clone();
    match ask.line() {
        ("GET", path) if path == ["me"] => Reply::ok(json!({"type": "admin"})),
        ("POST", path) if path == ["contacts", "search"] => {
            let index = world
                .jobs
                .iter()
                .filter(|one| is_so(one, &query))
                .cloned()
                .collect();
            found(ask, "data", index)
        }
        ("POST", path) if path == ["conversations", "search"] => {
            let wanted = query["value"].clone();
            let mut listed = world.all("conversations", |one| {
                one["contacts"]["contacts"][0]["id"] == wanted
            });
            for one in &mut listed {
                one.as_object_mut().unwrap().remove("conversation_parts");
            }
            found(ask, "conversations", listed)
        }
        ("GET", path) if path.len() == 2 && path[0] == "conversations" => world
            .one("conversations", path[1])
            .map_or_else(not_found, Reply::ok),
        ("GET", path) if path.len() == 2 && path[0] == "contacts" => world
            .one("contacts", path[1])
            .map_or_else(not_found, Reply::ok),
        ("DELETE", path) if path.len() == 2 && path[0] == "contacts" => {
            if world.take("contacts", path[1]).is_none() {
                return not_found();
            }
            world.drop_all("conversations", |one| {
                text(&one["contacts"]["contacts"][0], "id") == path[1]
            });
            Reply::ok(json!({"type": "contact", "id": path[1], "deleted": true}))
        }
        _ => not_found(),
    }
}

fn is_so(contact: &Value, query: &Value) -> bool {
    assert_eq!(query["operator"], "=");
    text(contact, text(query, "field")).eq_ignore_ascii_case(text(query, "value"))
}

fn found(ask: &Ask, name: &str, found: Vec<Value>) -> Reply {
    let after = ask.json()["pagination"]["starting_after"]
        .as_str()
        .and_then(|after| after.parse().ok());
    let (data, next) = page(&found, after.unwrap_or(0));
    let next = next.map(|next| json!({"page": 2, "starting_after": next.to_string()}));
    Reply::ok(
        json!({"type": "list", name: data, "total_count": found.len(), "pages": {"type": "pages", "next": next, "page": 1, "per_page": 50, "total_pages": 1}}),
    )
}
