//! A subresource that connects: it says who was asked, and what was sent, in plain text.

use annex_apiserver::prelude::*;
use annex_apiserver::response::Response;

use crate::versions::v1::Gadget;

pub(crate) async fn answer(gadget: Gadget, request: ConnectRequest) -> Result<Response, ApiError> {
    if request.parameter("fail").as_deref() == Some("true") {
        return Err(ApiError::BadRequest("the gadget was asked to fail".into()));
    }
    let name = gadget.metadata.name.unwrap_or_default();
    let mut said = format!("{} {name} {} ", request.method, gadget.spec.common.class).into_bytes();
    said.extend(&request.body);
    said.push(b'\n');
    Ok(rest::answer("text/plain", said))
}
