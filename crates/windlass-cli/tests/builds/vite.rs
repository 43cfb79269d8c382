use std::path::{Path, PathBuf};

use windlass_cli::server::{BuildConfig, Config};
use windlass_jail::Network;

use crate::repository::{Repository, building, connected_with, log, release};
use crate::support::BRANCH;

const FILES: [(&str, &str); 5] = [
    ("amplify.yml", include_str!("vite/amplify.yml")),
    ("package.json", include_str!("vite/package.json")),
    ("package-lock.json", include_str!("vite/package-lock.json")),
    ("index.html", include_str!("vite/index.html")),
    ("src/main.js", include_str!("vite/src/main.js")),
];

/// A site that is bundled by a tool of npm's, without a network: `scripts/test` has filled npm's cache before.
#[tokio::test]
async fn a_site_of_vite_is_built_without_a_network() {
    let Some(packages) = packages() else {
        assert!(std::env::var_os("WINDLASS_NPM_CACHE_REQUIRED").is_none(), "WINDLASS_NPM_CACHE names no folder");
        eprintln!("not tested: WINDLASS_NPM_CACHE names no folder that `npm ci` has filled");
        return;
    };
    let repository = Repository::of(&FILES);
    let world = connected_with(&repository, |config: &mut Config| {
        building(config);
        let readable = vec![packages.clone()];
        config.builds = BuildConfig { network: Network::None, readable, ..config.builds.clone() };
    })
    .await;
    let call = world.client.update_branch().app_id(&world.app).branch_name(BRANCH);
    // npm writes into its cache, and the build may not write into ours: it takes a copy.
    let call = call.environment_variables("VITE_AUDIENCE", "visitors");
    let call = call.environment_variables("PACKAGES", packages.to_str().unwrap());
    // npm knows what it has by where it came from.
    let registry = std::env::var("WINDLASS_NPM_REGISTRY").unwrap_or_default();
    call.environment_variables("npm_config_registry", registry).send().await.unwrap();
    let job = world.ended(&release(&world).await).await;
    let text = log(&world, &job, "BUILD").await;
    assert_eq!(job.summary.unwrap().status.as_str(), "SUCCEED", "{text}");
    let page = world.visit("/").await.1;
    let script = page.split('"').find(|part| part.starts_with("/assets/")).unwrap_or_else(|| panic!("{page}"));
    assert!(world.visit(script).await.1.contains("built for visitors"));
    // The second time its packages come out of the cache of the branch.
    let again = world.ended(&release(&world).await).await;
    assert!(log(&world, &again, "BUILD").await.contains("from the cache"), "{text}");
}

fn packages() -> Option<PathBuf> {
    std::env::var_os("WINDLASS_NPM_CACHE").map(PathBuf::from).filter(|path| Path::is_dir(path))
}
