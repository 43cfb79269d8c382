//! TLS to a server that has a certificate.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use windlass_postgres::{OpenError, Options, PostgresStore};
use windlass_store::{ManualClock, Store as _};
use windlass_testkit::Postgres;

use crate::noon;

pub(crate) async fn a_server_is_believed_that_proves_who_it_is_and_no_other() {
    let server = Postgres::start_on_tcp().unwrap();
    let database = server.database("template1");
    let at =
        |host: &str, query: &str| format!("postgres://postgres:hunter2@{host}:{}/{database}?{query}", server.port());
    let keys = tempfile::tempdir().unwrap();
    let (ours, theirs) = (authority(keys.path(), "ours"), authority(keys.path(), "theirs"));

    // One without TLS is refused by whoever wants it, and is no other's without.
    let verified = |root: &Path| format!("sslmode=verify-full&sslrootcert={}", root.display());
    for query in ["sslmode=require", &verified(&ours)] {
        refused(&at("localhost", query), "TLS").await;
    }
    open(&at("localhost", "sslmode=disable")).await.unwrap();

    let data = server.directory().join("data");
    certificate(keys.path(), "ours", &data);
    server.run("postgres", "ALTER SYSTEM SET ssl = on");
    server.run("postgres", "SELECT pg_reload_conf()");
    let trusted = at("localhost", &verified(&ours));
    // The reload takes a moment.
    let store = loop {
        match open(&trusted).await {
            Ok(store) => break store,
            Err(OpenError::Connect { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    store.last_happening().await.unwrap();
    let encrypted = "SELECT count(*) > 1 AND bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE application_name = 'windlass'";
    assert_eq!(server.run("postgres", encrypted), "t");

    refused(&at("localhost", &verified(&theirs)), "UnknownIssuer").await;
    refused(&at("127.0.0.1", &verified(&ours)), "NotValidForName").await;
    // The system's authorities do not know it.
    refused(&at("localhost", "sslmode=require"), "UnknownIssuer").await;
}

async fn open(url: &str) -> Result<PostgresStore, OpenError> {
    PostgresStore::open(url, Options::new(Arc::new(ManualClock::at(noon())))).await
}

async fn refused(url: &str, why: &str) {
    let error = open(url).await.err().unwrap_or_else(|| panic!("{url} is opened"));
    let told = format!("{error} {error:?}");
    assert!(told.contains(why), "{url}: {told}");
    assert!(!told.contains("hunter2"), "{told}");
}

/// A new authority. Answers its certificate.
fn authority(folder: &Path, name: &str) -> PathBuf {
    let root = folder.join(format!("{name}.pem"));
    openssl(folder, &format!("req -x509 {KEY} -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name}"));
    root
}

/// Has an authority certify that whoever has the key in `data` is `localhost`.
fn certificate(folder: &Path, authority: &str, data: &Path) {
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost").unwrap();
    openssl(folder, &format!("req {KEY} -keyout server.key -out server.csr -subj /CN=localhost"));
    openssl(
        folder,
        &format!(
            "x509 -req -in server.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days 2 \
             -extfile names -out server.crt"
        ),
    );
    for name in ["server.key", "server.crt"] {
        // The file is the server's, or it is not read.
        let (from, to) = (folder.join(name), data.join(name));
        let copied = Command::new("install").args(["-m", "600"]).args(owner(data)).arg(from).arg(to).status();
        assert!(copied.unwrap().success(), "{name}");
    }
}

/// Whoever is root gives it to the server's user.
fn owner(data: &Path) -> Vec<String> {
    let of = |format: &str| {
        let told = Command::new("stat").args(["-c", format]).arg(data).output().unwrap();
        String::from_utf8(told.stdout).unwrap().trim().to_owned()
    };
    vec!["-o".to_owned(), of("%u"), "-g".to_owned(), of("%g")]
}

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

fn openssl(folder: &Path, arguments: &str) {
    let done = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
}
