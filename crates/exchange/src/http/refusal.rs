//! How refusals and faults leave the house: RFC 9457.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use exchange_api::{Problem, ProblemCode};

use crate::exchange::chain;
use crate::service::Failure;
use crate::store::StoreError;

/// A problem as the answer to a request.
#[derive(Debug)]
pub(super) struct Refusal(pub Problem);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(self.0.code, ProblemCode::Busy | ProblemCode::TooManyRequests) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

/// A member learns what to do; the causes go to the operator's log.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let problem = match &failure {
            Failure::Refused(problem) => return Self(problem.clone()),
            Failure::Store(error) if error.is_busy() => {
                Problem::new(ProblemCode::Busy, "Too many commands wait. Try again.")
            }
            Failure::Store(error) if error.is_disk_full() => {
                Problem::new(ProblemCode::StorageFull, "Nothing was accepted. The operator must make room.")
            }
            Failure::Store(_)
            | Failure::Config(_)
            | Failure::Settlement { .. }
            | Failure::Unverified { .. }
            | Failure::Unbalanced { .. }
            | Failure::Unencodable(_)
            | Failure::Checkpoint(_)
            | Failure::Rotation(_)
            | Failure::Randomness(_) => {
                Problem::new(ProblemCode::Internal, "Nothing was changed. The operator's log tells more.")
            }
        };
        tracing::error!(error = %chain(&failure), "a request failed");
        Self(problem)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Failure::Store(error).into()
    }
}
