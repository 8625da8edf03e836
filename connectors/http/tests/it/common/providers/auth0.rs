use super::*;

pub(crate) const AUTH0: Provider = Provider {
    name: "auth0",
    handler,
    fill,
    settings: &[
        ("audience", "https://example.auth0.com/api/v2/"),
        ("client_id", "client"),
    ],
    urls: URL,
    secrets: &["client_secret"],
    ada: ADA_BY_EMAIL,
    eve: EVE_BY_EMAIL,
    nobody: NOBODY_BY_EMAIL,
    lock: Some("auth0|user1"),
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (email, user, name, whose) in PEOPLE {
        let id = format!("auth0|{user}");
        world.put(
            "users",
            &id,
            whose,
            json!({"user_id": id, "email": email, "name": name, "logins_count": 3}),
        );
        for n in 0..3 {
            world.put("logs", format!("{user}-{n}"), whose, json!({
                "log_id": format!("{user}-{n}"), "user_id": id, "type": "s", "ip": "192.0.2.1", "user_name": name,
            }));
        }
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    let (method, path) = ask.line();
    if (method, path.as_slice()) == ("POST", ["oauth", "token"].as_slice()) {
        let is = |name, value: &str| ask.form(name).as_deref() == Some(value);
        let right = is("grant_type", "client_credentials")
            && is("client_id", "client")
            && is("client_secret", SECRET)
            && is("audience", "https://example.auth0.com/api/v2/");
        return match right {
            true => Reply::ok(
                json!({"access_token": "granted", "token_type": "Bearer", "expires_in": 86400}),
            ),
            false => Reply::json(401, &json!({"error": "access_denied"})),
        };
    }
    if ask.authorization != "Bearer granted" {
        return unauthorized();
    }
    let no_user_id = || Reply::json(400, &json!({"statusCode": 400, "errorCode": "invalid_uri"}));
    match (method, path.as_slice()) {
        ("GET", ["api", "v2", "users-by-email"]) => match ask.query("email") {
            Some(email) if email.contains('@') => {
                Reply::ok(json!(world.all("users", |one| text(one, "email") == email)))
            }
            _ => Reply::json(
                400,
                &json!({"statusCode": 400, "errorCode": "invalid_query_string"}),
            ),
        },
        ("GET" | "DELETE", ["api", "v2", "users", id, ..]) if !id.contains('|') => no_user_id(),
        ("GET", ["api", "v2", "users", id]) => match world.one("users", id) {
            Some(user) => Reply::ok(user),
            None => Reply::json(
                404,
                &json!({"statusCode": 404, "errorCode": "inexistent_user"}),
            ),
        },
        ("GET", ["api", "v2", "users", id, "logs"]) => {
            let (number, size) = (
                ask.number("page").unwrap_or(0),
                ask.number("per_page").unwrap_or(50),
            );
            let found = world.all("logs", |one| text(one, "user_id") == *id);
            Reply::ok(json!(
                found
                    .into_iter()
                    .skip(number * size)
                    .take(size)
                    .collect::<Vec<_>>()
            ))
        }
        ("DELETE", ["api", "v2", "users", id]) if world.locked.contains(*id) => Reply::json(
            403,
            &json!({"statusCode": 403, "errorCode": "operation_not_supported"}),
        ),
        ("DELETE", ["api", "v2", "users", id]) => {
            // Also when there is none.
            world.take("users", id);
            Reply::empty(204)
        }
        _ => not_found(),
    }
}
