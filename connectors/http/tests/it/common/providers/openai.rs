use super::*;

pub(crate) const OPENAI: Provider = Provider {
    name: "openai",
    handler,
    fill,
    settings: &[],
    urls: &[("url", "/v1")],
    secrets: &["key"],
    ada: &[
        ("openai_thread", "thread_user1"),
        ("openai_thread", "thread_old1"),
        ("openai_thread", "thread_user-3"),
        ("openai_conversation", "conv_user1"),
        ("openai_file", "file-user1"),
        ("openai_file", "file-old1"),
        ("openai_file", "file-user-3"),
    ],
    eve: &[
        ("openai_thread", "thread_user10"),
        ("openai_conversation", "conv_user10"),
        ("openai_file", "file-user10"),
    ],
    nobody: &[
        ("openai_thread", "thread_user2"),
        ("openai_conversation", "conv_user2"),
        ("openai_file", "file-user2"),
    ],
    lock: Some("thread_user1"),
    personal: PERSONAL,
};

fn fill(world: &mut World) {
    for (_, user, name, whose) in PEOPLE {
        let thread = format!("thread_{user}");
        world.put("threads", &thread, whose, json!({"id": thread, "object": "thread", "created_at": 1, "metadata": {}, "tool_resources": null}));
        for n in 0..3 {
            let id = format!("msg_{user}_{n}");
            world.put("messages", &id, whose, json!({
                "id": id, "object": "thread.message", "created_at": 1, "thread_id": thread, "role": "user",
                "content": [{"type": "text", "text": {"value": format!("I am {name}"), "annotations": []}}],
                "status": "completed", "incomplete_details": null, "completed_at": null, "incomplete_at": null,
                "assistant_id": null, "run_id": null, "attachments": null, "metadata": {},
            }));
        }
        let conversation = format!("conv_{user}");
        world.put("conversations", &conversation, whose, json!({"id": conversation, "object": "conversation", "created_at": 1, "metadata": {"name": name}}));
        let file = format!("file-{user}");
        world.put("files", &file, whose, json!({
            "id": file, "object": "file", "bytes": 12, "created_at": 1, "filename": format!("{name}.txt"), "purpose": "user_data", "status": "processed",
        }));
    }
}

fn handler(world: &mut World, ask: &Ask) -> Reply {
    if !is_bearer(ask) {
        return unauthorized();
    }
    let (method, path) = ask.line();
    let missing = || {
        Reply::json(
            404,
            &json!({"error": {"message": "No such object", "type": "invalid_request_error", "param": null, "code": null}}),
        )
    };
    match (method, path.as_slice()) {
        ("GET", ["v1", "models"]) => Reply::ok(json!({"object": "list", "data": []})),
        ("GET", ["v1", "threads", id, "messages"]) => {
            if world.one("threads", id).is_none() {
                return missing();
            }
            let all = world.all("messages", |one| text(one, "thread_id") == *id);
            let begin = ask
                .query("after")
                .and_then(|after| all.iter().position(|one| text(one, "id") == after))
                .map_or(0, |at| at + 1);
            let (data, next) = page(&all, begin);
            let (first, last) = (
                data.first().map(|one| one["id"].clone()),
                data.last().map(|one| one["id"].clone()),
            );
            Reply::ok(
                json!({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": next.is_some()}),
            )
        }
        ("GET", ["v1", "files", id, "content"]) => match world.one("files", id) {
            Some(file) => Reply {
                status: 200,
                headers: vec![("content-type", "application/octet-stream".to_owned())],
                body: text(&file, "filename").to_owned().into(),
            },
            None => missing(),
        },
        ("GET", ["v1", table @ ("threads" | "conversations" | "files"), id]) => {
            world.one(table, id).map_or_else(missing, Reply::ok)
        }
        ("DELETE", ["v1", _, id]) if world.locked.contains(*id) => Reply::json(
            400,
            &json!({"error": {"message": "locked", "type": "invalid_request_error", "param": null, "code": null}}),
        ),
        ("DELETE", ["v1", table @ ("threads" | "conversations" | "files"), id]) => {
            if world.take(table, id).is_none() {
                return missing();
            }
            world.drop_all("messages", |one| text(one, "thread_id") == *id);
            let object = match *table {
                "threads" => "thread.deleted",
                "conversations" => "conversation.deleted",
                _ => "file",
            };
            Reply::ok(json!({"id": id, "object": object, "deleted": true}))
        }
        _ => missing(),
    }
}
