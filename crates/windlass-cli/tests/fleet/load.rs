//! Clients that deploy all the time, by whichever process answers, and visitors who look on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_amplify::types::{JobStatus, JobType};
use tokio::task::JoinSet;

use crate::chance::Chance;
use crate::fleet::Door;
use crate::large_site;
use crate::source::Source;
use crate::support::{ended, http, page};

/// The ways to the processes that serve now.
#[derive(Clone, Default)]
pub(crate) struct Doors(Arc<Mutex<BTreeMap<String, Door>>>);

impl Doors {
    pub(crate) fn open(&self, name: &str, door: Door) {
        self.lock().insert(name.to_owned(), door);
    }

    pub(crate) fn close(&self, name: &str) {
        self.lock().remove(name);
    }

    pub(crate) fn all(&self) -> Vec<Door> {
        self.lock().values().cloned().collect()
    }

    fn any(&self, chance: &mut Chance) -> Option<Door> {
        let doors = self.lock();
        let nth = chance.below(doors.len().max(1) as u64) as usize;
        doors.values().nth(nth).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Door>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What clients were told, to be held against what is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// The branches and jobs that were said to be started, and what each deploys.
    pub(crate) started: Vec<(String, String, String)>,
    /// Those that were said to be stopped.
    pub(crate) stopped: Vec<(String, String)>,
    /// What visitors saw of which job.
    pub(crate) seen: BTreeMap<(String, u64), String>,
    /// What must never be.
    pub(crate) violations: Vec<String>,
}

/// Clients and visitors at work.
pub(crate) struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    app: String,
    doors: Doors,
    source: Source,
    over: AtomicBool,
    told: Mutex<Told>,
    ended: AtomicU64,
    visits: AtomicU64,
}

/// What the clients do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// How many branches there are, each with a client and a visitor.
    pub(crate) branches: u64,
    /// Of how many jobs one is stopped; none where that is 0.
    pub(crate) stops: u64,
    /// Of how many jobs one fetches its site from elsewhere, which takes up to this long.
    pub(crate) slow: (u64, Duration),
    /// Of how many jobs one is large, so that it lies in the bucket; none where that is 0.
    pub(crate) large: u64,
}

impl Default for Habits {
    fn default() -> Self {
        Self { branches: 6, stops: 10, slow: (3, Duration::from_millis(1500)), large: 12 }
    }
}

impl Load {
    /// An app with branches, on which it begins.
    pub(crate) async fn start(doors: Doors, habits: Habits, mut chance: Chance) -> Self {
        let client = doors.all()[0].client.clone();
        let app = client.create_app().name("load").send().await.unwrap().app.unwrap().app_id;
        let mut branches = Vec::new();
        for n in 0..habits.branches {
            let branch = format!("b{n}");
            client.create_branch().app_id(&app).branch_name(&branch).send().await.unwrap();
            branches.push(branch);
        }
        let source = Source::start().await;
        let shared = Arc::new(Shared {
            app,
            doors,
            source,
            over: AtomicBool::new(false),
            told: Mutex::default(),
            ended: AtomicU64::new(0),
            visits: AtomicU64::new(0),
        });
        let mut tasks = JoinSet::new();
        for branch in branches {
            let client = Client { shared: Arc::clone(&shared), branch: branch.clone(), habits, chance: chance.fork() };
            tasks.spawn(client.deploy());
            tasks.spawn(visit(Arc::clone(&shared), branch, chance.fork()));
        }
        Self { shared, tasks }
    }

    pub(crate) fn app(&self) -> &str {
        &self.shared.app
    }

    /// How many jobs clients saw end.
    pub(crate) fn ended(&self) -> u64 {
        self.shared.ended.load(Ordering::SeqCst)
    }

    /// How often visitors were shown something.
    pub(crate) fn visits(&self) -> u64 {
        self.shared.visits.load(Ordering::SeqCst)
    }

    /// Waits until clients have seen so many more jobs end: however it is, work goes on.
    pub(crate) async fn goes_on(&self, jobs: u64) {
        let before = self.ended();
        while self.ended() < before + jobs {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Has clients end what they have begun, stops what nobody has started, and answers what they were told.
    pub(crate) async fn end(self) -> Told {
        self.shared.over.store(true, Ordering::SeqCst);
        self.tasks.join_all().await;
        let told = self.shared.told();
        told.clone()
    }
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

/// A client that deploys to one branch.
struct Client {
    shared: Arc<Shared>,
    branch: String,
    habits: Habits,
    chance: Chance,
}

impl Client {
    async fn deploy(mut self) {
        while !self.shared.is_over() {
            let begun = self.begin().await;
            match begun {
                Some(job) => {
                    if self.habits.stops > 0 && self.chance.one_in(self.habits.stops) {
                        let wait = self.chance.below(300);
                        tokio::time::sleep(Duration::from_millis(wait)).await;
                        self.stop(&job).await;
                    }
                    self.until_ended(&job).await;
                }
                // Whoever was not answered does not know what is there.
                None => self.clear().await,
            }
        }
        self.clear().await;
    }

    /// Starts a deployment, and answers its job if the server said that it is started.
    async fn begin(&mut self) -> Option<String> {
        let door = self.door().await;
        let text = format!("{}-{:016x}", self.branch, self.chance.next());
        let (app, branch) = (self.shared.app.clone(), self.branch.clone());
        let (often, longest) = self.habits.slow;
        let started = if self.chance.one_in(often) {
            let url = self.shared.source.slow(&text, self.chance.below(longest.as_millis() as u64));
            door.client.start_deployment().app_id(app).branch_name(branch).source_url(url).send().await
        } else {
            let made = door.client.create_deployment().app_id(&app).branch_name(&branch).send().await.ok()?;
            let job = made.job_id?;
            let is_large = self.habits.large > 0 && self.chance.one_in(self.habits.large);
            let zip = if is_large { large_site(&text, (1 << 20) + 1000) } else { page(&text) };
            // Each step by another process, as behind a balancer.
            let other = self.door().await;
            if !put(&door, &other, &made.zip_upload_url, zip).await {
                return None;
            }
            let third = self.door().await;
            third.client.start_deployment().app_id(app).branch_name(branch).job_id(job).send().await
        };
        let job = started.ok()?.job_summary?.job_id;
        self.shared.told().started.push((self.branch.clone(), job.clone(), text));
        Some(job)
    }

    async fn stop(&mut self, job: &str) {
        let door = self.door().await;
        let stop = door.client.stop_job().app_id(&self.shared.app).branch_name(&self.branch).job_id(job);
        if stop.send().await.is_ok() {
            self.shared.told().stopped.push((self.branch.clone(), job.to_owned()));
        }
    }

    async fn until_ended(&mut self, job: &str) {
        loop {
            let door = self.door().await;
            let look = door.client.get_job().app_id(&self.shared.app).branch_name(&self.branch).job_id(job);
            let status = look.send().await.ok().and_then(|shown| Some(shown.job?.summary?.status));
            if status.is_some_and(|status| ended(&status)) {
                self.shared.ended.fetch_add(1, Ordering::SeqCst);
                return;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Sees to it that nothing is unfinished.
    async fn clear(&mut self) {
        loop {
            let door = self.door().await;
            let list = door.client.list_jobs().app_id(&self.shared.app).branch_name(&self.branch).max_results(5);
            let Ok(jobs) = list.send().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let unfinished: Vec<_> = jobs.job_summaries.into_iter().filter(|job| !ended(&job.status)).collect();
            if unfinished.is_empty() {
                return;
            }
            for job in unfinished {
                // What waits for an upload would do so for hours; all else ends by itself.
                if job.status == JobStatus::Created {
                    self.stop(&job.job_id).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    async fn door(&mut self) -> Door {
        loop {
            if let Some(door) = self.shared.doors.any(&mut self.chance) {
                return door;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Sends a zip to the URL that one process gave, through another. Answers whether it was taken.
async fn put(gave: &Door, takes: &Door, url: &str, zip: Vec<u8>) -> bool {
    let host = gave.endpoint.trim_start_matches("http://").to_owned();
    let put = http().put(url.replace(&gave.endpoint, &takes.endpoint)).header("host", host).body(zip);
    let sent = put.timeout(Duration::from_secs(8)).send().await;
    sent.is_ok_and(|answer| answer.status().is_success())
}

/// Looks at a branch's site by one process after the other: no answer may be older than the one before.
async fn visit(shared: Arc<Shared>, branch: String, mut chance: Chance) {
    let (client, host) = (http(), format!("{branch}.{}.localhost", shared.app));
    let mut last = 0;
    while !shared.is_over() {
        tokio::time::sleep(Duration::from_millis(15)).await;
        let Some(door) = shared.doors.any(&mut chance) else { continue };
        let look = client.get(&door.endpoint).header("host", &host).timeout(Duration::from_secs(8)).send().await;
        let Ok(answer) = look else { continue };
        let job = answer.headers().get("x-windlass-job").and_then(|job| job.to_str().ok()?.parse::<u64>().ok());
        let (status, job) = (answer.status(), job);
        // Before the first success, and without a database, there is nothing to be seen.
        let (200, Some(job), Ok(text)) = (status.as_u16(), job, answer.text().await) else { continue };
        shared.visits.fetch_add(1, Ordering::SeqCst);
        let mut told = shared.told();
        if job < last {
            told.violations.push(format!("{} shows job {job} of {branch} after job {last}", door.endpoint));
        }
        let before = told.seen.entry((branch.clone(), job)).or_insert_with(|| text.clone()).clone();
        if before != text {
            told.violations.push(format!("job {job} of {branch} shows {before} and {text}"));
        }
        last = job;
    }
}

/// Goes back to an earlier job, and answers the new one.
pub(crate) async fn retry(door: &Door, app: &str, branch: &str, job: &str) -> String {
    let call = door.client.start_job().app_id(app).branch_name(branch).job_type(JobType::Retry).job_id(job);
    call.send().await.unwrap().job_summary.unwrap().job_id
}
