use super::*;

pub(crate) const AMPLITUDE: Provider = Provider {
    name: "amplitude",
    handler,
    fill,
    settings: &[("key", "api-key")],
    urls: URL,
    secrets: &["secret"],
    ada: ADA_BY_ID,
    eve: EVE_BY_ID,
    nobody: NOBODY_BY_ID,
    lock: None,
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (number, (_, user, name, whose)) in (101..).zip(PEOPLE) {
        world.put(
            "users",
            number,
            whose,
            json!({"user_id": user, "amplitude_id": number}),
        );
        for n in 0..3 {
            world.put("events", format!("{number}-{n}"), whose, json!({
                "uuid": format!("{number}-{n}"), "amplitude_id": number, "user_id": user,
                "event_type": "open", "event_time": "2026-01-01 00:00:00", "user_properties": {"name": name},
            }));
        }
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    if ask.authorization != basic("api-key", SECRET) {
        return unauthorized();
    }
    let (method, path) = ask.line();
    match (method, path.join("/").as_str()) {
        ("GET", "api/2/annotations") => Reply::ok(json!({"data": []})),
        ("GET", "api/2/usersearch") => {
            let user = ask.query("user").unwrap_or_default();
            // It looks for device ids and Amplitude's own numbers too.
            let found = world.all("users", |one| {
                text(one, "user_id") == user || is_number(&one["amplitude_id"], user)
            });
            Reply::ok(json!({"matches": found, "type": "match_user_or_device_id"}))
        }
        ("GET", "api/2/useractivity") => {
            let user = lenient_number(ask.query("user").unwrap_or_default());
            let found = world.all("events", |event| is_number(&event["amplitude_id"], &user));
            let (offset, limit) = (
                ask.number("offset").unwrap_or(0),
                ask.number("limit").unwrap_or(1000),
            );
            let events: Vec<Value> = found.into_iter().skip(offset).take(limit).collect();
            Reply::ok(json!({"userData": {"num_events": events.len()}, "events": events}))
        }
        ("POST", "api/2/deletions/users") => {
            let ids = ask.json()["amplitude_ids"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            assert!(!ids.is_empty() && ids.len() <= 100, "1 to 100 users");
            let ids: Vec<Value> = ids
                .iter()
                .map(|id| json!({"amplitude_id": id, "requester": "adieu"}))
                .collect();
            let job = json!({"day": "2026-12-05", "status": "staging", "amplitude_ids": ids});
            world.jobs.push(job.clone());
            Reply::ok(json!([job]))
        }
        ("GET", "api/2/deletions/users") => {
            let is_day = |name| ask.query(name).is_some_and(|day| day.len() == 10);
            match is_day("start_day") && is_day("end_day") {
                true => Reply::ok(json!(world.jobs)),
                false => Reply::empty(400),
            }
        }
        _ => not_found(),
    }
}
