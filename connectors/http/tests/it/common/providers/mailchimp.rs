use super::*;

pub(crate) const MAILCHIMP: Provider = Provider {
    name: "mailchimp",
    handler,
    fill,
    settings: &[],
    urls: &[("url", "/3.0")],
    secrets: &["key"],
    ada: ADA_BY_EMAIL,
    eve: EVE_BY_EMAIL,
    nobody: NOBODY_BY_EMAIL,
    lock: Some("a1b2c3d4e5:hash-ada@example.com"),
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for list in ["a1b2c3d4e5", "f6a7b8c9d0"] {
        for (email, user, name, whose) in PEOPLE {
            // The same hash in each list.
            let id = format!("hash-{email}");
            world.put("members", format!("{list}:{id}"), whose, json!({
                "id": id, "email_address": email.to_uppercase(), "unique_email_id": user, "full_name": name,
                "list_id": list, "status": "subscribed",
            }));
        }
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    if ask.authorization != basic("adieu", SECRET) {
        return unauthorized();
    }
    match ask.line() {
        ("GET", path) if path == ["3.0", "ping"] => {
            Reply::ok(json!({"health_status": "Everything's Chimpy!"}))
        }
        ("GET", path) if path == ["3.0", "search-members"] => {
            // What begins alike is found as well, also among what is called exact.
            let wanted = ask.query("query").unwrap_or_default().to_lowercase();
            let found = world.all("members", |one| {
                text(one, "email_address")
                    .to_lowercase()
                    .starts_with(&wanted)
            });
            Reply::ok(json!({
                "exact_matches": {"members": found, "total_items": found.len()},
                "full_search": {"members": found, "total_items": found.len()},
            }))
        }
        ("POST", path)
            if path.len() == 7
                && path[1] == "lists"
                && path[5..] == ["actions", "delete-permanent"] =>
        {
            let key = format!("{}:{}", path[2], path[4]);
            if world.locked.contains(&key) {
                return Reply::json(400, &json!({"title": "Bad Request", "status": 400}));
            }
            match world.take("members", &key) {
                Some(_) => Reply::empty(204),
                None => not_found(),
            }
        }
        _ => not_found(),
    }
}
