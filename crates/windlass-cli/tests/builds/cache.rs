use aws_sdk_amplify::types::{JobStatus, JobType};

use crate::repository::{Repository, connected, ended_on, log, release};
use crate::support::{BRANCH, status};

const COUNTING: &str = "
version: 1
frontend:
  phases:
    build:
      commands:
        - mkdir -p kept out
        - echo x >> kept/count && echo y >> kept/left-out
        - wc -l < kept/count > out/index.html
        - wc -l < kept/left-out >> out/index.html
  artifacts: {baseDirectory: out, files: ['**/*']}
  cache: {paths: ['kept/**/*', '!kept/left-out']}
";

#[tokio::test]
async fn what_a_build_keeps_is_there_for_the_next_of_its_branch_and_no_other() {
    let repository = Repository::of(&[("amplify.yml", COUNTING)]);
    repository.git(&["branch", "other"]);
    let world = connected(&repository).await;
    for count in 1..=2 {
        let job = world.ended(&release(&world).await).await;
        let counted: Vec<_> = world.visit("/").await.1.split_whitespace().map(str::to_owned).collect();
        assert_eq!(counted, [count.to_string(), "1".to_owned()], "{}", log(&world, &job, "BUILD").await);
    }
    world.client.create_branch().app_id(&world.app).branch_name("other").send().await.unwrap();
    let call = world.client.start_job().app_id(&world.app).branch_name("other");
    let job = call.job_type(JobType::Release).send().await.unwrap().job_summary.unwrap().job_id;
    let job = ended_on(&world, "other", &job).await;
    assert_eq!(status(&job), JobStatus::Succeed);
    let host = world.site_host().replacen(BRANCH, "other", 1);
    let page = world.http.get(world.server.endpoint()).header("host", host).send().await.unwrap().text().await.unwrap();
    assert_eq!(page.split_whitespace().next(), Some("1"));
}
