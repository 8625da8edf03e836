use super::*;

pub(crate) const OKTA: Provider = Provider {
    name: "okta",
    handler,
    fill,
    settings: &[],
    urls: URL,
    secrets: &["token"],
    ada: ADA_BY_EMAIL,
    eve: EVE_BY_EMAIL,
    nobody: NOBODY_BY_EMAIL,
    lock: Some("00u-user1"),
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (email, user, name, whose) in PEOPLE {
        let id = format!("00u-{user}");
        world.put(
            "users",
            &id,
            whose,
            json!({
                "id": id, "status": "ACTIVE", "created": "2026-01-01T00:00:00.000Z",
                "profile": {"email": email, "login": email, "displayName": name},
            }),
        );
    }
    // Two accounts have the same address.
    world.put("users", "00u-twin", Whose::Ada, json!({
        "id": "00u-twin", "status": "SUSPENDED", "profile": {"email": "ada@example.com", "login": "ada.admin", "displayName": "Ada Byron"},
    }));
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    if ask.authorization != format!("SSWS {SECRET}") {
        return unauthorized();
    }
    match ask.line() {
        ("GET", path) if path == ["api", "v1", "users"] => search(world, ask),
        ("GET", path) if path.len() == 4 && path[..3] == ["api", "v1", "users"] => {
            found(world, path[3]).map_or_else(missing, Reply::ok)
        }
        ("GET", path)
            if path.len() == 5 && path[..3] == ["api", "v1", "users"] && path[4] == "groups" =>
        {
            let Some(user) = found(world, path[3]) else {
                return missing();
            };
            let groups = ["Everyone", "Staff", "Admins"].map(|name| json!({"id": format!("00g-{name}-{}", text(&user, "id")), "profile": {"name": name}}));
            linked(world, ask, &groups)
        }
        ("DELETE", path) if path.len() == 4 && path[..3] == ["api", "v1", "users"] => {
            if world.locked.contains(path[3]) {
                return Reply::json(403, &json!({"errorCode": "E0000006"}));
            }
            let Some(row) = world
                .tables
                .get_mut("users")
                .and_then(|users| users.get_mut(path[3]))
            else {
                return missing();
            };
            if row.value["status"] == "DEPROVISIONED" {
                world.take("users", path[3]);
            } else {
                row.value["status"] = json!("DEPROVISIONED");
            }
            // 202 by the published schema, 204 by the pages.
            Reply::empty(202)
        }
        _ => missing(),
    }
}

/// By id, by log-in name, or the owner of the key.
fn found(world: &World, id_or_login: &str) -> Option<Value> {
    let wanted = if id_or_login == "me" {
        "00u-user10"
    } else {
        id_or_login
    };
    world
        .all("users", |one| {
            text(one, "id") == wanted || text(&one["profile"], "login") == wanted
        })
        .into_iter()
        .next()
}

fn search(world: &World, ask: &Ask) -> Reply {
    let Some(expression) = ask.query("search") else {
        return linked(
            world,
            ask,
            &world.all("users", |one| one["status"] != "DEPROVISIONED"),
        );
    };
    let quoted = expression.strip_prefix("profile.email eq ");
    match quoted.and_then(|quoted| serde_json::from_str::<String>(quoted).ok()) {
        None => Reply::json(400, &json!({"errorCode": "E0000031"})),
        Some(email) => {
            let is_so = |one: &Value| {
                text(&one["profile"], "email").eq_ignore_ascii_case(&email)
                    && one["status"] != "DEPROVISIONED"
            };
            linked(world, ask, &world.all("users", is_so))
        }
    }
}

/// One record a page, with the header `Link` twice.
fn linked(world: &World, ask: &Ask, all: &[Value]) -> Reply {
    let after = ask.number("after").unwrap_or(0);
    let records: Vec<&Value> = all.iter().skip(after).take(1).collect();
    let here = format!("{}/{}", world.url, ask.path.join("/"));
    let reply = Reply::ok(json!(records)).with("link", format!("<{here}>; rel=\"self\""));
    if after + 1 >= all.len() {
        return reply;
    }
    let mut query: Vec<(String, String)> = ask
        .query
        .iter()
        .filter(|(name, _)| name != "after")
        .cloned()
        .collect();
    query.push(("after".to_owned(), (after + 1).to_string()));
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    reply.with("link", format!("<{here}?{query}>; rel=\"next\""))
}

fn missing() -> Reply {
    Reply::json(
        404,
        &json!({"errorCode": "E0000007", "errorSummary": "Not found"}),
    )
}
