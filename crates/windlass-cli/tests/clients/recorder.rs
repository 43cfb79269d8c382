//! What AWS's client got, before it made values of it: its parser drops what it does not know.

use std::sync::{Arc, Mutex};

use aws_sdk_amplify::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_amplify::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_amplify::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use serde_json::Value;

/// The answers in their order, each with the operation that was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<(String, Value)>>>);

impl Recorder {
    /// The same client, heard by this recorder.
    pub(crate) fn hear(&self, client: &aws_sdk_amplify::Client) -> aws_sdk_amplify::Client {
        aws_sdk_amplify::Client::from_conf(client.config().to_builder().interceptor(self.clone()).build())
    }

    /// The answers that were no errors.
    pub(crate) fn answers(self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        if answer.status().is_success() {
            let operation = settings.load::<Metadata>().unwrap().name().to_owned();
            let body = serde_json::from_slice(answer.body().bytes().unwrap())?;
            self.0.lock().unwrap().push((operation, body));
        }
        Ok(())
    }
}
