//! No secret is ever in a log, an error or a list: a server that tells all it can, a long walk, and a search for each
//! secret in everything that was told.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use windlass_cli::server::SystemClock;
use windlass_store::Clock as _;

use crate::Request;
use crate::support::process::{Process, windlass};
use crate::support::{http, page};

/// A key pair.
struct Key(String, String);

/// A walk, and what came of it.
struct Walk {
    server: Process,
    http: reqwest::Client,
    /// What nobody may be told, by what it is.
    secrets: Vec<(&'static str, String)>,
    /// What somebody was told.
    told: Vec<String>,
}

const OAUTH: &str = "gho-oauth-token-4711";
const ACCESS: &str = "ghp-access-token-4712";
/// The token of a repository that takes an earlier one's place.
const REPLACED: &str = "github-pat-token-4716";
const PASSWORD: &str = "open-sesame-4713";
/// `visitor:` and the password.
const CREDENTIALS: &str = "dmlzaXRvcjpvcGVuLXNlc2FtZS00NzEz";
const AT_THE_SOURCE: &str = "source-password-4714";
const SIGNED_SOURCE: &str = "source-signature-4715";
const OF_A_SUBSCRIBER: &str = "the secret of a subscriber";

#[tokio::test]
async fn no_secret_is_in_a_log_an_error_or_a_list() {
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("log");
    let server = Process::serve_telling_all(&data.path().join("data"), &[], File::create(&log).unwrap());
    let data = data.path().join("data");
    let mut walk = Walk { server, http: http(), secrets: Vec::new(), told: Vec::new() };
    for (what, secret) in [
        ("an oauthToken", OAUTH),
        ("an accessToken", ACCESS),
        ("a token that took another's place", REPLACED),
        ("a site's password", PASSWORD),
        ("a site's credentials", CREDENTIALS),
        ("a password in a source URL", AT_THE_SOURCE),
        ("a signature in a source URL", SIGNED_SOURCE),
    ] {
        walk.secrets.push((what, secret.to_owned()));
    }
    let admin = own_key(&data);
    walk.secrets.push(("the server's own key", admin.1.clone()));
    let (by_hand, built) = walk.fill(&admin).await;
    let subscriber = walk.subscribe(&admin, &data).await;
    let deploy = walk.make_key(&data, &["--role", "deploy", "--app", &by_hand, "--app", &built]);
    let read = walk.make_key(&data, &["--role", "read", "--name", "reader"]);

    let (job, upload) = walk.deploy(&deploy, &by_hand).await;
    walk.fail_to_fetch(&deploy, &by_hand).await;
    walk.err(&admin, &by_hand, &built, &upload).await;
    for key in [&deploy, &read] {
        walk.look(key, &by_hand, &built, &job).await;
    }
    walk.ask(&admin, "GET", "/-/keys", "").await;
    walk.ask(&admin, "GET", "/-/keys?maxResults=1", "").await;
    walk.command(&data, &["keys", "list"]);
    walk.ask(&admin, "GET", "/-/subscribers", "").await;
    walk.ask(&admin, "GET", "/-/subscribers?maxResults=1", "").await;
    walk.is_told_of_failures(&admin, &subscriber).await;
    walk.command(&data, &["subscribers", "list"]);
    walk.command(&data, &["subscribers", "list", "--output", "json"]);
    walk.command(&data, &["subscribers", "remove", &subscriber]);
    walk.command(&data, &["jobs", "list", "--app", &by_hand]);
    walk.command(&data, &["jobs", "why", "--app", &by_hand, &job]);
    walk.command(&data, &["keys", "revoke", &read.0]);
    walk.ask(&read, "GET", "/apps", "").await;

    let Walk { server, secrets, told, .. } = walk;
    server.kill();
    // Sealed, they are not even there for whoever has the disk.
    for token in [OAUTH, ACCESS, REPLACED] {
        if let Some(file) = file_with(&data, token.as_bytes()) {
            panic!("the token of a repository is in {}", file.display());
        }
    }
    assert!(file_with(&data, CREDENTIALS.as_bytes()).is_some(), "what is kept as it was given would be found");
    let log = fs::read_to_string(&log).unwrap();
    // Each request is in it, with its path.
    for sign in ["windlass_http::api: answered", "path=\"/apps", "path=\"/-/webhooks", "path=\"/-/uploads/"] {
        assert!(log.contains(sign), "{sign} is not in the log:\n{}", &log[..log.len().min(2000)]);
    }
    assert!(told.len() > 50);
    for (what, secret) in secrets {
        assert!(secret.len() > 12, "{what} is too short to be searched for");
        if let Some(line) = log.lines().find(|line| line.contains(&secret)) {
            panic!("{what} is in the log: {line}");
        }
        if let Some(text) = told.iter().find(|text| text.contains(&secret)) {
            panic!("{what} was told: {text}");
        }
    }
}

impl Walk {
    /// Makes an app for deployments by hand and one with a repository, both with all the secrets that an app can have.
    async fn fill(&mut self, admin: &Key) -> (String, String) {
        let secrets = json!({
            "enableBasicAuth": true,
            "basicAuthCredentials": CREDENTIALS,
            "autoBranchCreationConfig": { "enableBasicAuth": true, "basicAuthCredentials": CREDENTIALS },
        });
        let mut apps = Vec::new();
        for (name, repository) in [("by-hand", None), ("built", Some("https://example.com/r"))] {
            let mut new = secrets.clone();
            new["name"] = name.into();
            if let Some(repository) = repository {
                new["repository"] = repository.into();
                new["oauthToken"] = OAUTH.into();
                new["accessToken"] = ACCESS.into();
            }
            let app = self.json(admin, "POST", "/apps", &new).await["app"]["appId"].as_str().unwrap().to_owned();
            let branch = json!({ "branchName": "main", "enableBasicAuth": true, "basicAuthCredentials": CREDENTIALS });
            self.json(admin, "POST", &format!("/apps/{app}/branches"), &branch).await;
            apps.push(app);
        }
        let [by_hand, built] = apps.try_into().unwrap();
        self.replace_the_token(admin, &built).await;
        let hook = self.json(admin, "POST", &format!("/apps/{built}/webhooks"), &json!({ "branchName": "main" })).await;
        let url = hook["webhook"]["webhookUrl"].as_str().unwrap().to_owned();
        self.secrets.push(("a webhook's token", url.split_once("token=").unwrap().1.to_owned()));
        self.call("POST", &url, &[], "{}").await;
        self.call("POST", &url.replace("token=", "token=x"), &[], "{}").await;
        self.call("GET", &url, &[], "").await;
        (by_hand, built)
    }

    /// Changes the token of a repository, which nobody is shown, and tries an address that has one in it.
    async fn replace_the_token(&mut self, admin: &Key, app: &str) {
        let app = format!("/apps/{app}");
        // It shows the site's password, to whoever may set it.
        let shown = self.json(admin, "POST", &app, &json!({ "accessToken": REPLACED })).await.to_string();
        assert!([OAUTH, ACCESS, REPLACED].iter().all(|token| !shown.contains(token)), "{shown}");
        for repository in [format!("https://{REPLACED}@example.com/r"), format!("https://x:{REPLACED}@example.com/r")] {
            let refused = self.ask(admin, "POST", &app, &json!({ "repository": repository }).to_string()).await;
            assert!(refused.contains("give the token as accessToken"), "{refused}");
        }
        for commit in [REPLACED, ACCESS] {
            let start = json!({ "jobType": "RELEASE", "commitId": commit });
            self.ask(admin, "POST", &format!("{app}/branches/main/jobs"), &start.to_string()).await;
        }
    }

    /// Has somebody told of everything who takes nothing, by the command line and by request, which may show the secrets.
    /// Answers the id of one of them.
    async fn subscribe(&mut self, admin: &Key, data: &Path) -> String {
        let url = "http://127.0.0.1:1/hook";
        let mut command = windlass();
        command.args(["subscribers", "add", url, "--output", "json"]).arg("--data").arg(data);
        let made = command.env("RUST_LOG", "trace").output().unwrap();
        self.told.push(String::from_utf8(made.stderr).unwrap());
        let by_command: Value = serde_json::from_slice(&made.stdout).unwrap();
        let by_request = self.json(admin, "POST", "/-/subscribers", &json!({ "url": url })).await;
        for made in [&by_command, &by_request["subscriber"]] {
            let secret = made["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap();
            self.secrets.push((OF_A_SUBSCRIBER, secret.to_owned()));
        }
        let id = by_command["subscriberId"].as_str().unwrap().to_owned();
        self.ask(admin, "GET", &format!("/-/subscribers/{id}"), "").await;
        id
    }

    /// Waits until a subscriber is said to take nothing, and why.
    async fn is_told_of_failures(&mut self, admin: &Key, id: &str) {
        while !self.ask(admin, "GET", &format!("/-/subscribers/{id}"), "").await.contains("statusReason") {}
    }

    /// Makes a key by the command line, which may show its secret.
    fn make_key(&mut self, data: &Path, args: &[&str]) -> Key {
        let mut command = windlass();
        command.args(["keys", "create", "--output", "json"]).args(args).arg("--data").arg(data);
        let made = command.env("RUST_LOG", "trace").output().unwrap();
        self.told.push(String::from_utf8(made.stderr).unwrap());
        let key: Value = serde_json::from_slice(&made.stdout).unwrap();
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        let key = Key(text("accessKeyId"), text("secretAccessKey"));
        self.secrets.push(("the secret of a key", key.1.clone()));
        key
    }

    /// Deploys a site and visits it. Answers the job and the signed URL of its upload.
    async fn deploy(&mut self, key: &Key, app: &str) -> (String, String) {
        let branch = format!("/apps/{app}/branches/main");
        let made = self.json(key, "POST", &format!("{branch}/deployments"), &json!({})).await;
        let (job, url) =
            (made["jobId"].as_str().unwrap().to_owned(), made["zipUploadUrl"].as_str().unwrap().to_owned());
        self.secrets.push(("an upload's signature", url.split_once("Signature=").unwrap().1.to_owned()));
        self.call("PUT", &url.replace("Signature=", "Signature=0"), &[], "nothing").await;
        assert_eq!(self.http.put(&url).body(page("hello")).send().await.unwrap().status(), 200);
        self.json(key, "POST", &format!("{branch}/deployments/start"), &json!({ "jobId": job })).await;
        assert_eq!(self.ended(key, &format!("{branch}/jobs/{job}")).await, "SUCCEED");
        let endpoint = self.server.endpoint.clone();
        let host = format!("main.{app}.localhost:{}", endpoint.rsplit(':').next().unwrap());
        for authorization in [format!("Basic {CREDENTIALS}"), format!("Basic {CREDENTIALS}x")] {
            self.call("GET", &endpoint, &[("host", &host), ("authorization", &authorization)], "").await;
        }
        (job, url)
    }

    /// A job that has a URL with secrets in it, and cannot fetch from there.
    async fn fail_to_fetch(&mut self, key: &Key, app: &str) {
        let branch = format!("/apps/{app}/branches/main");
        let url = format!("{}/nothing.zip?X-Amz-Signature={SIGNED_SOURCE}", self.server.endpoint);
        let url = url.replace("http://", &format!("http://somebody:{AT_THE_SOURCE}@"));
        // AWS's summaries show a job's source as it was given, so only what is told elsewhere counts.
        let start = self.raw(key, "POST", &format!("{branch}/deployments/start"), &json!({ "sourceUrl": url })).await;
        let started: Value = serde_json::from_str(&start).unwrap();
        let Some(job) = started["jobSummary"]["jobId"].as_str() else {
            self.told.push(start);
            return;
        };
        let job = format!("{branch}/jobs/{job}");
        assert_eq!(self.ended(key, &job).await, "FAILED");
        let shown: Value = serde_json::from_str(&self.raw(key, "GET", &job, &Value::Null).await).unwrap();
        self.told.push(shown["job"]["steps"].to_string());
    }

    /// Provokes errors with secrets in what is sent.
    async fn err(&mut self, admin: &Key, by_hand: &str, built: &str, upload: &str) {
        let forged = Key(admin.0.clone(), "somebody else's".to_owned());
        let unknown = Key("WDLSNOBODY".to_owned(), admin.1.clone());
        for key in [&forged, &unknown] {
            self.ask(key, "GET", "/apps", "").await;
        }
        let app = format!("/apps/{by_hand}");
        let mut secrets = self.secrets.iter().filter(|(what, _)| *what == OF_A_SUBSCRIBER);
        let whsec = secrets.next().unwrap().1.clone();
        let long = "x".repeat(5000);
        for (method, target, body) in [
            ("POST", "/apps".to_owned(), format!("{{\"name\":\"a\",\"accessToken\":\"{ACCESS}\"")),
            ("POST", "/apps".to_owned(), format!("{{\"name\":\"a\",\"accessToken\":[\"{ACCESS}\"]}}")),
            ("POST", "/apps".to_owned(), json!({ "name": "a", "accessToken": format!("{ACCESS}{long}") }).to_string()),
            ("POST", "/apps".to_owned(), json!({ "name": "a", "oauthToken": OAUTH, "platform": ACCESS }).to_string()),
            ("POST", app.clone(), json!({ "basicAuthCredentials": format!("{PASSWORD}%") }).to_string()),
            ("POST", app.clone(), json!({ "basicAuthCredentials": PASSWORD }).to_string()),
            ("POST", format!("{app}/branches/main"), json!({ "basicAuthCredentials": PASSWORD }).to_string()),
            ("POST", format!("{app}/branches/main"), json!({ "basicAuthCredentials": { "a": PASSWORD } }).to_string()),
            ("POST", "/-/keys".to_owned(), json!({ "role": admin.1 }).to_string()),
            ("DELETE", format!("/-/keys/{}", admin.0), String::new()),
            ("POST", "/-/subscribers".to_owned(), json!({ "url": whsec }).to_string()),
            ("POST", "/-/subscribers".to_owned(), json!({ "url": "http://a.example/", "secret": whsec }).to_string()),
            (
                "POST",
                "/-/subscribers".to_owned(),
                json!({ "url": format!("http://me:{}@a.example/", whsec.replace('/', "-")) }).to_string(),
            ),
            ("POST", "/-/subscribers".to_owned(), json!({ "url": "http://a.example/", "appId": whsec }).to_string()),
            ("GET", format!("/-/subscribers?nextToken={}", whsec.replace(['/', '+', '='], "-")), String::new()),
            ("GET", format!("/-/events?cursor={}", whsec.replace(['/', '+', '='], "-")), String::new()),
            ("GET", format!("/apps/{built}/branches?nextToken={}", admin.1.replace(['/', '+'], "-")), String::new()),
            ("POST", format!("/apps/{built}/branches/main/deployments"), "{}".to_owned()),
        ] {
            let answer = self.ask(admin, method, &target, &body).await;
            // Where it was obeyed, the password is shown to whoever set it, as AWS does.
            if !answer.contains("\"message\"") {
                self.told.pop();
            }
        }
        let credentials = json!({ "basicAuthCredentials": CREDENTIALS });
        self.json(admin, "POST", &app, &credentials).await;
        self.json(admin, "POST", &format!("{app}/branches/main"), &credentials).await;
        for url in [upload.replace("/uploads/", "/logs/"), upload.replace("Expires=10800", "Expires=1")] {
            self.call("PUT", &url, &[], "x").await;
        }
    }

    /// Everything that a key that is no admin's may look at.
    async fn look(&mut self, key: &Key, by_hand: &str, built: &str, job: &str) {
        self.ask(key, "GET", "/apps", "").await;
        self.ask(key, "GET", "/-/keys", "").await;
        self.ask(key, "GET", "/-/subscribers", "").await;
        for path in ["/metrics", "/healthz"] {
            let url = format!("{}{path}", self.server.endpoint);
            self.call("GET", &url, &[], "").await;
        }
        for app in [by_hand, built] {
            for below in ["", "/branches", "/branches/main", "/webhooks", "/domains", "/backendenvironments"] {
                self.ask(key, "GET", &format!("/apps/{app}{below}"), "").await;
            }
        }
        let hooks = self.raw(key, "GET", &format!("/apps/{built}/webhooks"), &Value::Null).await;
        let hooks: Value = serde_json::from_str(&hooks).unwrap();
        let id = hooks["webhooks"][0]["webhookId"].as_str().unwrap();
        self.ask(key, "GET", &format!("/webhooks/{id}"), "").await;
        let job = format!("/apps/{by_hand}/branches/main/jobs/{job}");
        let shown: Value = serde_json::from_str(&self.ask(key, "GET", &job, "").await).unwrap();
        self.ask(key, "GET", &format!("{job}/artifacts"), "").await;
        for step in shown["job"]["steps"].as_array().unwrap() {
            self.call("GET", step["logUrl"].as_str().unwrap(), &[], "").await;
        }
    }

    fn command(&mut self, data: &Path, args: &[&str]) {
        let output = windlass().args(args).arg("--data").arg(data).env("RUST_LOG", "trace").output().unwrap();
        if args[..2] != ["jobs", "list"] {
            self.told.push(String::from_utf8(output.stdout).unwrap());
        }
        self.told.push(String::from_utf8(output.stderr).unwrap());
    }

    /// Waits for the end of a job; answers how it ended.
    async fn ended(&mut self, key: &Key, job: &str) -> String {
        loop {
            let shown: Value = serde_json::from_str(&self.raw(key, "GET", job, &Value::Null).await).unwrap();
            let status = shown["job"]["summary"]["status"].as_str().unwrap();
            if ["SUCCEED", "FAILED", "CANCELLED"].contains(&status) {
                return status.to_owned();
            }
        }
    }

    /// Asks, and keeps what is told.
    async fn ask(&mut self, key: &Key, method: &'static str, target: &str, body: &str) -> String {
        let answer = self.signed(key, method, target, body).await;
        self.told.push(answer.clone());
        answer
    }

    /// Asks for what may be told to this key alone.
    async fn json(&self, key: &Key, method: &'static str, target: &str, body: &Value) -> Value {
        let answer = self.raw(key, method, target, body).await;
        let json: Value = serde_json::from_str(&answer).unwrap();
        assert!(json.get("message").is_none(), "{method} {target}: {answer}");
        json
    }

    async fn raw(&self, key: &Key, method: &'static str, target: &str, body: &Value) -> String {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.signed(key, method, target, &body).await
    }

    async fn signed(&self, key: &Key, method: &'static str, target: &str, body: &str) -> String {
        let request = Request {
            method,
            target: target.to_owned(),
            body: body.to_owned(),
            key: key.0.clone(),
            secret: key.1.clone(),
            region: "us-east-1",
            service: "amplify",
            at: SystemClock.now(),
            token: None,
            presigned: None,
        };
        let signed = request.sign_for(&self.server.endpoint);
        let url = format!("{}{}", self.server.endpoint, signed.target);
        let headers: Vec<_> = signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.send(method, &url, &headers, body).await
    }

    /// Sends a request that is not signed in its headers, and keeps what is told.
    async fn call(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) {
        let told = self.send(method, url, headers, body).await;
        self.told.push(told);
    }

    /// Everything that is answered, headers and all.
    async fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut request = self.http.request(method.parse().unwrap(), url).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().text().await.unwrap()
    }
}

/// The file below `directory` that has these bytes in it.
fn file_with(directory: &Path, bytes: &[u8]) -> Option<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).find_map(|path| {
        if path.is_dir() {
            return file_with(&path, bytes);
        }
        let found = fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes);
        found.then_some(path)
    })
}

/// The key pair that the server wrote down for its owner.
fn own_key(data: &Path) -> Key {
    let text = fs::read_to_string(data.join("credentials")).unwrap();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
        line.unwrap().trim().to_owned()
    };
    Key(value("aws_access_key_id"), value("aws_secret_access_key"))
}
