//! Following a request with server-sent events.

use std::time::Duration;

use adieu_engine::{Event, Happening, RequestId, Status};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;

use crate::body::OwnBody;
use crate::gateway::Gateway;

use super::Answer;
use super::call::Call;
use super::view::RequestView;

/// How often something is sent, so that nobody on the way takes the connection for a dead one. It is also how soon a
/// change on another node is seen.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `GET /v1/requests/{id}/events`
///
/// The request as it is comes first, as `event: request`, and again at each change of its status; what happens in
/// between comes as `event: progress`. It ends with the request's final status, or with the token's time.
pub(super) async fn follow(call: Call, id: RequestId) -> Answer {
    let person = call.person().await?;
    call.owned(&person, id).await?;
    let lasts = person.grant.expires_at().duration_since(call.now());
    let following = Following {
        gateway: call.gateway().clone(),
        id,
        events: call.inner().engine.subscribe(),
        moved: call.inner().moved.subscribe(),
        until: Instant::now() + Duration::try_from(lasts).unwrap_or_default(),
        shown: None,
        stands: Stands::Unread,
    };
    let texts = stream::unfold(following, |mut following| async move {
        let text = following.next().await?;
        Some((Bytes::from(text), following))
    });
    let body = OwnBody::pieces(texts.map(Ok), None);
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

struct Following {
    gateway: Gateway,
    id: RequestId,
    events: broadcast::Receiver<Event>,
    moved: broadcast::Receiver<RequestId>,
    until: Instant,
    shown: Option<Status>,
    stands: Stands,
}

enum Stands {
    /// The request is to be read and shown.
    Unread,
    Listening,
    Over,
}

impl Following {
    /// The next thing to send; `None` when it is over.
    async fn next(&mut self) -> Option<String> {
        loop {
            match self.stands {
                Stands::Over => return None,
                Stands::Unread => return self.read().await,
                Stands::Listening => {}
            }
            let keep_alive = Instant::now() + KEEP_ALIVE;
            tokio::select! {
                () = tokio::time::sleep_until(self.until) => self.stands = Stands::Over,
                event = self.events.recv() => match event {
                    Ok(event) if event.request != self.id => {}
                    Ok(Event { what: Happening::Status { .. }, .. }) => self.stands = Stands::Unread,
                    Ok(event) => return frame("progress", &event.what),
                    // Some were missed; what they led to stands in the request.
                    Err(RecvError::Lagged(_)) => self.stands = Stands::Unread,
                    Err(RecvError::Closed) => self.stands = Stands::Over,
                },
                moved = self.moved.recv() => match moved {
                    Ok(id) if id != self.id => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => self.stands = Stands::Unread,
                    Err(RecvError::Closed) => self.stands = Stands::Over,
                },
                () = tokio::time::sleep_until(keep_alive) => return self.keep_alive().await,
            }
        }
    }

    async fn read(&mut self) -> Option<String> {
        let Ok(request) = self.gateway.engine().request(self.id).await else {
            self.stands = Stands::Over;
            return None;
        };
        self.stands = if request.status.is_final() {
            Stands::Over
        } else {
            Stands::Listening
        };
        self.shown = Some(request.status);
        frame("request", &RequestView::new(request, self.gateway.prefix()))
    }

    /// Another node may have carried the request on.
    async fn keep_alive(&mut self) -> Option<String> {
        match self.gateway.engine().request(self.id).await {
            Ok(request) if Some(request.status) != self.shown => self.read().await,
            Ok(_) => Some(": still here\n\n".to_owned()),
            Err(_) => None,
        }
    }
}

fn frame<T: Serialize>(event: &str, what: &T) -> Option<String> {
    let data = serde_json::to_string(what).ok()?;
    Some(format!("event: {event}\ndata: {data}\n\n"))
}
