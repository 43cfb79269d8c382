//! Every operation, as the SDK for Rust calls it, and every answer held against the public model.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_amplify::Client;
use aws_sdk_amplify::types::{DomainStatus, Job, JobStatus, JobType, Stage, SubDomainSetting};
use tokio::time::interval;
use windlass_http::operations::Operation;

use crate::model::Model;
use crate::recorder::Recorder;
use crate::support::process::Process;
use crate::support::{BRANCH, ended, error, http, page};

#[tokio::test]
async fn every_operation_answers_the_sdk_as_the_public_model_says() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::serve(data.path(), &[]);
    let recorder = Recorder::default();
    let walk = Walk { client: recorder.hear(&server.client(data.path())), http: http() };

    let app = walk.apps_and_branches().await;
    walk.deployments_and_jobs(&app).await;
    walk.tags(&app).await;
    walk.environments(&app).await;
    walk.domains(&app).await;
    walk.webhooks().await;
    walk.client.delete_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    walk.client.delete_app().app_id(&app).send().await.unwrap();

    let answers = recorder.answers();
    let asked: BTreeSet<_> = answers.iter().map(|(operation, _)| operation.as_str()).collect();
    let of_aws = Operation::ALL.into_iter().filter(|operation| !operation.is_extension());
    assert_eq!(asked, of_aws.map(|operation| operation.definition().name).collect());
    let Some(model) = Model::named() else { return };
    let wrong: Vec<_> = answers.iter().flat_map(|(operation, answer)| model.complaints(operation, answer)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

struct Walk {
    client: Client,
    http: reqwest::Client,
}

impl Walk {
    async fn apps_and_branches(&self) -> String {
        let made = self.client.create_app().name("walk").environment_variables("A", "ü").tags("team", "harbour");
        let app = made.send().await.unwrap().app.unwrap().app_id;
        let updated = self.client.update_app().app_id(&app).description("changed").send().await.unwrap().app;
        assert_eq!(self.client.get_app().app_id(&app).send().await.unwrap().app, updated);
        assert_eq!(self.client.list_apps().send().await.unwrap().apps, Vec::from_iter(updated));

        for name in [BRANCH, "feature/x"] {
            self.client.create_branch().app_id(&app).branch_name(name).send().await.unwrap();
        }
        let update = self.client.update_branch().app_id(&app).branch_name("feature/x").stage(Stage::Beta);
        let updated = update.send().await.unwrap().branch;
        let get = self.client.get_branch().app_id(&app).branch_name("feature/x");
        assert_eq!(get.send().await.unwrap().branch, updated);
        let pages = self.client.list_branches().app_id(&app).into_paginator().page_size(1).items().send();
        let names: Vec<_> = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
        assert_eq!(names.iter().map(|branch| &*branch.branch_name).collect::<Vec<_>>(), [BRANCH, "feature/x"]);
        app
    }

    async fn deployments_and_jobs(&self, app: &str) {
        let site = page("walked");
        let made = self.client.create_deployment().app_id(app).branch_name(BRANCH).send().await.unwrap();
        let put = self.http.put(&made.zip_upload_url).body(site.clone()).send().await.unwrap();
        assert_eq!(put.status(), 200);
        self.client.start_deployment().app_id(app).branch_name(BRANCH).job_id("1").send().await.unwrap();
        self.succeed(app, "1").await;
        let retry = self.client.start_job().app_id(app).branch_name(BRANCH).job_type(JobType::Retry).job_id("1");
        assert_eq!(retry.send().await.unwrap().job_summary.unwrap().job_id, "2");
        self.succeed(app, "2").await;
        self.client.delete_job().app_id(app).branch_name(BRANCH).job_id("1").send().await.unwrap();

        let map =
            self.client.create_deployment().app_id(app).branch_name(BRANCH).file_map("index.html", "0".repeat(32));
        assert_eq!(map.send().await.unwrap().file_upload_urls.len(), 1);
        let stop = self.client.stop_job().app_id(app).branch_name(BRANCH).job_id("3");
        assert_eq!(stop.clone().send().await.unwrap().job_summary.unwrap().status, JobStatus::Cancelled);
        assert_eq!(error(stop.send().await.unwrap_err()).0, "BadRequestException");
        let listed = self.client.list_jobs().app_id(app).branch_name(BRANCH).send().await.unwrap().job_summaries;
        assert_eq!(listed.iter().map(|job| &*job.job_id).collect::<Vec<_>>(), ["3", "2"]);

        let artifacts = self.client.list_artifacts().app_id(app).branch_name(BRANCH).job_id("2").send().await.unwrap();
        let zip = artifacts.artifacts.iter().find(|artifact| artifact.artifact_file_name == "artifacts.zip").unwrap();
        let url = self.client.get_artifact_url().artifact_id(&zip.artifact_id).send().await.unwrap().artifact_url;
        assert_eq!(self.http.get(url).send().await.unwrap().bytes().await.unwrap(), site);
    }

    async fn succeed(&self, app: &str, job: &str) {
        let job = self.job_until(app, job).await;
        assert_eq!(job.summary.unwrap().status, JobStatus::Succeed);
    }

    async fn job_until(&self, app: &str, job: &str) -> Job {
        let mut look = interval(Duration::from_millis(5));
        loop {
            look.tick().await;
            let call = self.client.get_job().app_id(app).branch_name(BRANCH).job_id(job);
            let job = call.send().await.unwrap().job.unwrap();
            if ended(&job.summary.as_ref().unwrap().status) {
                return job;
            }
        }
    }

    async fn tags(&self, app: &str) {
        let branch = self.client.get_branch().app_id(app).branch_name("feature/x").send().await.unwrap().branch;
        let arn = branch.unwrap().branch_arn;
        self.client.tag_resource().resource_arn(&arn).tags("a", "1").tags("b/c", "2").send().await.unwrap();
        self.client.untag_resource().resource_arn(&arn).tag_keys("a").tag_keys("none").send().await.unwrap();
        let left = self.client.list_tags_for_resource().resource_arn(&arn).send().await.unwrap().tags.unwrap();
        assert_eq!(left, [("b/c".to_owned(), "2".to_owned())].into());
    }

    async fn environments(&self, app: &str) {
        let create = self.client.create_backend_environment().app_id(app).environment_name("dev").stack_name("stack");
        let made = create.send().await.unwrap().backend_environment;
        let get = self.client.get_backend_environment().app_id(app).environment_name("dev");
        assert_eq!(get.send().await.unwrap().backend_environment, made);
        let listed = self.client.list_backend_environments().app_id(app).send().await.unwrap().backend_environments;
        assert_eq!(listed, Vec::from_iter(made.clone()));
        let delete = self.client.delete_backend_environment().app_id(app).environment_name("dev");
        assert_eq!(delete.send().await.unwrap().backend_environment, made);
    }

    async fn domains(&self, app: &str) {
        let domain = "example.com";
        let setting = |prefix, branch| SubDomainSetting::builder().prefix(prefix).branch_name(branch).build().unwrap();
        let create = self.client.create_domain_association().app_id(app).domain_name(domain);
        create.sub_domain_settings(setting("www", BRANCH)).send().await.unwrap();
        let mut look = interval(Duration::from_millis(5));
        loop {
            look.tick().await;
            let get = self.client.get_domain_association().app_id(app).domain_name(domain).send().await.unwrap();
            if get.domain_association.unwrap().domain_status == DomainStatus::Available {
                break;
            }
        }
        let update = self.client.update_domain_association().app_id(app).domain_name(domain);
        update.sub_domain_settings(setting("x", "feature/x")).send().await.unwrap();
        let listed = self.client.list_domain_associations().app_id(app).send().await.unwrap().domain_associations;
        assert_eq!(listed.iter().map(|domain| &*domain.domain_name).collect::<Vec<_>>(), [domain]);
        let log = self.client.generate_access_logs().app_id(app).domain_name(domain).send().await.unwrap();
        assert_eq!(self.http.get(log.log_url.unwrap()).send().await.unwrap().status(), 200);
        self.client.delete_domain_association().app_id(app).domain_name(domain).send().await.unwrap();
    }

    async fn webhooks(&self) {
        let app = self.client.create_app().name("git").repository("https://127.0.0.1:1/r.git").send().await.unwrap();
        let app = app.app.unwrap().app_id;
        self.client.create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
        let made = self.client.create_webhook().app_id(&app).branch_name(BRANCH).send().await.unwrap().webhook.unwrap();
        let id = &made.webhook_id;
        assert_eq!(self.client.get_webhook().webhook_id(id).send().await.unwrap().webhook.unwrap(), made);
        let listed = self.client.list_webhooks().app_id(&app).send().await.unwrap().webhooks;
        assert_eq!(listed, std::slice::from_ref(&made));
        let changed = self.client.update_webhook().webhook_id(id).description("x").send().await.unwrap().webhook;
        assert_eq!(self.client.delete_webhook().webhook_id(id).send().await.unwrap().webhook, changed);
        self.client.delete_app().app_id(&app).send().await.unwrap();
    }
}
