//! The parser of AWS's SDK for Rust, by itself: an operation of the SDK puts it into its configuration, and here it is
//! given answers that lie in memory. No request is made and no future is polled.

use aws_sdk_amplify::config::http::HttpResponse;
use aws_sdk_amplify::config::{ConfigBag, FrozenLayer, RuntimePlugin};
use aws_sdk_amplify::operation::get_job::{GetJob, GetJobOutput};
use aws_sdk_amplify::operation::list_jobs::{ListJobs, ListJobsOutput};
use aws_smithy_runtime_api::client::interceptors::context::Output;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_runtime_api::http::StatusCode;

use super::{One, Page, parse};

pub(super) struct Sdk {
    operation: FrozenLayer,
    nothing_else: ConfigBag,
}

impl Sdk {
    pub(super) fn get_job() -> Self {
        Self::of(&GetJob::new())
    }

    pub(super) fn list_jobs() -> Self {
        Self::of(&ListJobs::new())
    }

    fn of(operation: &dyn RuntimePlugin) -> Self {
        let operation = operation.config().expect("an operation has a configuration");
        Self { operation, nothing_else: ConfigBag::base() }
    }

    pub(super) fn answer(body: &[u8]) -> HttpResponse {
        HttpResponse::new(StatusCode::try_from(200).expect("a status"), body.to_vec().into())
    }

    pub(super) fn parse(&self, answer: &HttpResponse) -> Output {
        let parser = self.operation.load::<SharedResponseDeserializer>().expect("an operation reads its answers");
        parser.deserialize_nonstreaming_with_config(answer, &self.nothing_else).expect("an answer of ours")
    }

    /// It must read what we read, or comparing us means nothing.
    pub(super) fn check_job(&self, body: &[u8]) {
        let theirs = self.parse(&Self::answer(body)).downcast::<GetJobOutput>().expect("a job");
        let theirs = theirs.job().expect("a job");
        let ours = parse::<One>(body).job;
        assert_eq!(theirs.steps().len(), ours.steps.len());
        assert_eq!(theirs.summary().map(aws_sdk_amplify::types::JobSummary::job_arn), Some(&*ours.summary.job_arn));
    }

    /// The same for a page.
    pub(super) fn check_page(&self, body: &[u8]) {
        let theirs = self.parse(&Self::answer(body)).downcast::<ListJobsOutput>().expect("a page");
        let ours = parse::<Page>(body);
        let theirs: Vec<_> = theirs.job_summaries().iter().map(|job| (job.job_id(), job.status().as_str())).collect();
        let ours: Vec<_> = ours.job_summaries.iter().map(|job| (&*job.job_id, job.status.to_string())).collect();
        assert_eq!(theirs.len(), ours.len());
        assert!(theirs.iter().zip(&ours).all(|(theirs, ours)| theirs.0 == ours.0 && theirs.1 == ours.1));
    }
}
