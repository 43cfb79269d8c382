//! Sites as visitors see them, through a real server: their names, their rules, and what is written down of visits.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod access;
mod elsewhere;
mod names;
mod protocol;
mod rules;
#[path = "../support/mod.rs"]
mod support;

use aws_sdk_amplify::operation::update_app::builders::UpdateAppFluentBuilder;
use aws_sdk_amplify::types::CustomRule;
use reqwest::{Method, RequestBuilder, Response};

use support::{World, zip};

impl World {
    /// A server with this site on its branch.
    pub(crate) async fn with_site(files: &[(&str, &str)]) -> Self {
        let world = Self::new().await;
        world.deploy(zip(files)).await;
        world
    }

    /// A request under a host's name.
    pub(crate) fn at_host(&self, method: Method, host: &str, target: &str) -> RequestBuilder {
        let url = format!("{}{target}", self.server.endpoint());
        visitor().request(method, url).header("host", host)
    }

    /// A visit to the branch's own site.
    pub(crate) async fn see(&self, target: &str) -> Response {
        self.at_host(Method::GET, &self.site_host(), target).send().await.unwrap()
    }

    pub(crate) fn update_app(&self) -> UpdateAppFluentBuilder {
        self.client.update_app().app_id(&self.app)
    }

    /// Sets these rules: source, target, status.
    pub(crate) async fn rules(&self, rules: &[[&str; 3]]) {
        let rule = |[source, target, status]: &[&str; 3]| {
            CustomRule::builder().source(*source).target(*target).status(*status).build().unwrap()
        };
        self.update_app().set_custom_rules(Some(rules.iter().map(rule).collect())).send().await.unwrap();
    }
}

/// A browser that goes where it is told only when asked to.
fn visitor() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn shown(response: Response) -> (u16, String) {
    (response.status().as_u16(), response.text().await.unwrap())
}
