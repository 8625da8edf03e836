//! An export that is sent while it is gathered.

use adieu_archive::Format;
use adieu_auth::Scope;
use adieu_engine::{DirectExport, EngineError, Kind};
use futures_util::StreamExt as _;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, Method, Response};

use crate::body::{BrokenOff, OwnBody};
use crate::problem::Problem;
use crate::sending::BeingSent;

use super::Answer;
use super::call::Call;
use super::person::unfinished_at_most;
use super::query::Query;

/// `GET /v1/export?format=`
///
/// Connectors are read as fast as the body is. A body that ends without an error is a whole archive.
pub(super) async fn export(call: Call) -> Answer {
    let person = call.asking().await?;
    person.grant.require(&Scope::EXPORT)?;
    let mut query = Query::parse(call.query());
    let format = query.take::<Format>("format")?.unwrap_or_default();
    query.end()?;
    if *call.method() == Method::HEAD {
        return Ok(answer(OwnBody::empty(), format, "export"));
    }
    let begun = {
        let _turn = call.gateway().turn(person.caller).await;
        let limit = call.inner().limits.exports_at_once.max(1);
        unfinished_at_most(&call, &person, Kind::Export, limit).await?;
        call.inner().sending.begin(person.caller)
    };
    let subject = person.grant.subject().clone();
    let export = match call.gateway().export_directly(subject, format).await {
        Ok(export) => export,
        Err(EngineError::Conflict(_)) => return Err(Problem::approval_needed()),
        Err(error) => return Err(error.into()),
    };
    let name = export.id().to_string();
    Ok(answer(pieces(export, begun), format, &name))
}

fn pieces(export: DirectExport, begun: BeingSent) -> OwnBody {
    let pieces = export.map(move |piece| {
        // As long as it is being sent it counts as one of the person's exports.
        let _ = &begun;
        match piece {
            Ok(bytes) => {
                metrics::counter!("adieu_archive_bytes_total").increment(bytes.len() as u64);
                Ok(bytes)
            }
            Err(_) => Err(BrokenOff),
        }
    });
    OwnBody::pieces(pieces, None)
}

fn answer(body: OwnBody, format: Format, name: &str) -> Response<OwnBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    let name = format!(
        "attachment; filename=\"adieu-export-{name}.{}\"",
        format.extension()
    );
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    response
}
