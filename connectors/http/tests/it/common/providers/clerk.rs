use super::*;

pub(crate) const CLERK: Provider = Provider {
    name: "clerk",
    handler,
    fill,
    settings: &[],
    urls: &[("url", "/v1")],
    secrets: &["key"],
    ada: ADA,
    eve: EVE,
    nobody: NOBODY,
    lock: Some("user_user1"),
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (email, user, name, whose) in PEOPLE {
        let id = format!("user_{user}");
        world.put(
            "users",
            &id,
            whose,
            json!({
                "id": id, "object": "user", "external_id": user, "first_name": name,
                "email_addresses": [{"id": format!("idn_{user}"), "email_address": email}],
            }),
        );
        for n in 0..3 {
            let session = format!("sess_{user}_{n}");
            world.put(
                "sessions",
                &session,
                whose,
                json!({"id": session, "object": "session", "user_id": id, "status": "active"}),
            );
        }
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    if !is_bearer(ask) {
        return unauthorized();
    }
    match ask.line() {
        ("GET", path) if path == ["v1", "users", "count"] => {
            Reply::ok(json!({"object": "total_count", "total_count": 0}))
        }
        ("GET", path) if path == ["v1", "users"] => {
            let found = world.all("users", |one| {
                let by_email = ask.query("email_address").is_none_or(|wanted| {
                    takes(wanted, text(&one["email_addresses"][0], "email_address"))
                });
                by_email
                    && ask
                        .query("external_id")
                        .is_none_or(|wanted| takes(wanted, text(one, "external_id")))
            });
            cut(ask, &found)
        }
        ("GET", path) if path == ["v1", "sessions"] => cut(
            ask,
            &world.all("sessions", |one| {
                ask.query("user_id")
                    .is_none_or(|wanted| text(one, "user_id") == wanted)
            }),
        ),
        ("DELETE", path) if path.len() == 3 && path[..2] == ["v1", "users"] => {
            if world.locked.contains(path[2]) {
                return Reply::json(422, &json!({"errors": [{"code": "form_param_invalid"}]}));
            }
            if world.take("users", path[2]).is_none() {
                return Reply::json(404, &json!({"errors": [{"code": "resource_not_found"}]}));
            }
            world.drop_all("sessions", |one| text(one, "user_id") == path[2]);
            Reply::ok(json!({"object": "user", "id": path[2], "deleted": true}))
        }
        _ => not_found(),
    }
}

/// `+` includes, as nothing does; `-` excludes.
fn takes(wanted: &str, value: &str) -> bool {
    match (wanted.strip_prefix('-'), wanted.strip_prefix('+')) {
        (Some(excluded), _) => !value.eq_ignore_ascii_case(excluded),
        (_, Some(included)) => value.eq_ignore_ascii_case(included),
        _ => value.eq_ignore_ascii_case(wanted),
    }
}

fn cut(ask: &Ask, found: &[Value]) -> Reply {
    let (offset, limit) = (
        ask.number("offset").unwrap_or(0),
        ask.number("limit").unwrap_or(10),
    );
    Reply::ok(json!(
        found.iter().skip(offset).take(limit).collect::<Vec<_>>()
    ))
}
