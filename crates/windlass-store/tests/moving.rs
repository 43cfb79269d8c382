//! Files that everything is moved in: what is in them, and those that are no good.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

use std::io::{self, Cursor, Read, Write};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use windlass_store::conformance::moves::rows;
use windlass_store::conformance::random::history;
use windlass_store::moving::{ExportError, ImportError, Loading, Missing, Movable, Moved, Row, export, import};
use windlass_store::{Blobs, Directory, MemoryStore, Store as _, StoreError, Vault};

#[tokio::test]
async fn what_was_exported_is_imported_with_its_large_artifacts_and_exported_again_the_same() {
    let old = Old::lived(1).await;
    let (file, moved) = old.export().await;
    assert_eq!(moved.artifacts, 2);
    let new = New::empty();
    assert_eq!(new.import(&file).await.unwrap(), moved);
    let vault: &dyn Vault = &new.vault;
    let (again, _) = exported(&new.store, Some(vault), Missing::Refused).await.unwrap();
    assert!(again == file, "another file comes out than went in");
    assert_eq!(vault.list(None, 9).await.unwrap(), old.vault.list(None, 9).await.unwrap());
    for key in ["1/1/a.zip", "1/2/same.zip", "1/3/b.zip"] {
        assert_eq!(read(&new.store, &new.vault, key).await, read(&old.store, &old.vault, key).await, "{key}");
    }
}

#[tokio::test]
async fn a_file_that_ends_anywhere_before_its_end_is_refused_as_cut_off() {
    let old = Old::small().await;
    let (file, _) = old.export().await;
    let new = New::empty();
    for end in 0..file.len() {
        let error = new.import(&file[..end]).await.unwrap_err();
        let told = error.to_string();
        assert!(matches!(error, ImportError::Cut { bytes } if bytes == end as u64), "at {end}: {told}");
        new.is_empty().await;
    }
}

#[tokio::test]
async fn a_byte_that_is_another_anywhere_is_noticed() {
    let old = Old::small().await;
    let (file, _) = old.export().await;
    let new = New::empty();
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x01;
        let error = new.import(&damaged).await.expect_err(&format!("byte {at} may be any"));
        assert!(!matches!(error, ImportError::NotEmpty | ImportError::ReadBack { .. }), "at {at}: {error}");
        new.is_empty().await;
    }
    let error = new.import(&[&file[..], b"\n"].concat()).await.unwrap_err().to_string();
    assert!(error.starts_with("line ") && error.ends_with(": something follows the end"), "{error}");
}

#[tokio::test]
async fn what_is_no_export_or_of_another_version_is_named() {
    let (file, _) = Old::small().await.export().await;
    let text = String::from_utf8_lossy(&file).into_owned();
    let cases = [
        (b"PK\x03\x04".to_vec(), "it is no export of windlass".to_owned()),
        (b"{\"windlass\":1}\n".to_vec(), "it is no export of windlass".to_owned()),
        (
            text.replacen("{\"format\":1", "{\"format\":2,\"new\":[]", 1).into_bytes(),
            "it is in format 2, and this version of windlass reads format 1; use a newer one".to_owned(),
        ),
        (vec![], "it is cut off: it ends after 0 bytes, without the line that says that it is whole".to_owned()),
    ];
    for (file, expected) in cases {
        let new = New::empty();
        assert_eq!(new.import(&file).await.unwrap_err().to_string(), expected);
        new.is_empty().await;
    }
}

#[tokio::test]
async fn members_that_a_later_version_adds_are_ignored_and_rows_that_it_adds_are_not() {
    let old = Old::small().await;
    let (file, moved) = old.export().await;
    let text = String::from_utf8(file).unwrap();
    let more = sealed(&text.replace("{\"app\":{", "{\"app\":{\"later\":[1],"));
    let new = New::empty();
    assert_eq!(new.import(&more).await.unwrap(), moved);

    let row = sealed(&text.replacen("\n{\"last\":", "\n{\"later\":1}\n{\"last\":", 1));
    let new = New::empty();
    let error = new.import(&row).await.unwrap_err().to_string();
    assert!(error.contains("unknown variant `later`") && error.starts_with("line "), "{error}");
    new.is_empty().await;
}

#[tokio::test]
async fn a_whole_file_of_what_cannot_be_is_refused_and_the_row_named() {
    let (file, _) = Old::small().await.export().await;
    let text = String::from_utf8(file).unwrap();
    let cases = [
        ("\"status\":\"PENDING\"", "\"status\":\"RUNNING\"", "job 1 of branch 2 is not what its history makes of it"),
        ("\"waiting\":1", "\"waiting\":null", "branch 2 has another job that waits than its jobs say"),
        ("\"jobs\":1", "\"jobs\":2", "branch 2 has 2 jobs by its own count, and there are 1"),
        ("\"records\":[[1,", "\"records\":[[2,", "job 1 of branch 2: record 2 follows 2"),
        ("{\"job\":{\"branch\":2", "{\"job\":{\"branch\":1", "job 1 of branch 1 does not follow its branch"),
        (
            "\"happening\":2",
            "\"happening\":1",
            "a record's place is 2, and the last that was given out is said to be 1",
        ),
        ("\"uid\":2,\"app\":\"d1\"", "\"uid\":2,\"app\":\"d9\"", "branch 2 is of app d9, and follows another"),
        ("{\"rows\":{\"apps\":1", "{\"rows\":{\"apps\":2", "it says that there is more or less than there is"),
        ("\"documents\":0,", "", "missing field `documents`"),
    ];
    for (right, wrong, expected) in cases {
        assert!(text.contains(right), "{right} is not in {text}");
        let new = New::empty();
        let error = new.import(&sealed(&text.replacen(right, wrong, 1))).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.starts_with("line "), "{right}: {error}");
        new.is_empty().await;
    }
}

#[tokio::test]
async fn a_branch_is_what_its_jobs_make_of_it() {
    let (file, _) = Old::lived(5).await.export().await;
    let text = String::from_utf8(file).unwrap();
    let shows = member(&text, "\"live\":{", "\"since\":", "}");
    let works = member(&text, "\"working\":{", "\"cancelling\":", "}");
    let jobs = text.lines().filter(|line| line.starts_with("{\"job\":")).collect::<Vec<_>>();
    let cases = [
        (shows, "\"live\":null".to_owned(), "shows something else than what went live last"),
        (works, "\"working\":null".to_owned(), "has another job that works than its jobs say"),
        (format!("{}\n", jobs[0]), String::new(), "jobs by its own count, and there are"),
        (format!("{}\n", jobs[0]), format!("{0}\n{0}\n", jobs[0]), "its number"),
    ];
    let new = New::empty();
    for (right, wrong, expected) in cases {
        let error = new.import(&sealed(&text.replacen(&right, &wrong, 1))).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.starts_with("line "), "{right}: {error}");
        new.is_empty().await;
    }
}

#[tokio::test]
async fn a_store_that_was_used_is_refused() {
    let (file, _) = Old::small().await.export().await;
    let new = New::empty();
    new.store.put_blob("mine", Bytes::new()).await.unwrap();
    let before = rows(&new.store).await.unwrap();
    let error = new.import(&file).await.unwrap_err();
    assert!(matches!(error, ImportError::NotEmpty), "{error}");
    assert_eq!(rows(&new.store).await.unwrap(), before);
}

#[tokio::test]
async fn an_artifact_that_is_nowhere_is_named_unless_it_may_be_missing() {
    let old = Old::lived(2).await;
    let (without, moved) = exported(&old.store, None, Missing::Refused).await.unwrap();
    assert_eq!(moved.artifacts, 0);
    // Into the same vault, or another that has it.
    let new = New::empty();
    import_into(&new.store, &old.vault, Missing::Refused, &without).await.unwrap();
    let new = New::empty();
    let error = new.import(&without).await.unwrap_err();
    assert!(matches!(&error, ImportError::Missing { key } if key == "1/1/a.zip"), "{error}");
    new.is_empty().await;
    let moved = import_into(&new.store, &new.vault, Missing::Allowed, &without).await.unwrap();
    assert_eq!((moved.missing_count, moved.missing.len()), (3, 3));

    let gone = old.vault.list(None, 9).await.unwrap();
    old.vault.delete(gone[0]).await.unwrap();
    let error = exported(&old.store, Some(&old.vault), Missing::Refused).await.unwrap_err();
    assert!(matches!(error, ExportError::Missing { .. }), "{error}");
    let (_, moved) = exported(&old.store, Some(&old.vault), Missing::Allowed).await.unwrap();
    assert!(moved.missing_count > 0 && moved.artifacts == 1, "{moved:?}");
}

#[tokio::test]
async fn a_damaged_artifact_goes_into_no_file() {
    let old = Old::lived(3).await;
    let content = old.vault.list(None, 1).await.unwrap()[0];
    let path = walk(old.folder.path()).into_iter().find(|path| path.ends_with(content.to_string())).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[70_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = exported(&old.store, Some(&old.vault), Missing::Refused).await.unwrap_err();
    assert!(matches!(&error, ExportError::Artifact { name } if *name == content.to_string()), "{error}");
}

#[tokio::test]
async fn an_artifact_is_found_again_by_the_next_attempt() {
    let old = Old::lived(4).await;
    let (file, moved) = old.export().await;
    let new = New::empty();
    // After the artifacts, before the end.
    let cut = file.len() - 10;
    assert!(matches!(new.import(&file[..cut]).await, Err(ImportError::Cut { .. })));
    new.is_empty().await;
    assert_eq!(new.vault.list(None, 9).await.unwrap().len(), 2);
    assert_eq!(new.import(&file).await.unwrap(), moved);
}

#[tokio::test]
async fn a_damaged_store_goes_into_no_file() {
    let old = Old::small().await;
    let mut all = rows(&old.store).await.unwrap();
    let job = all.iter_mut().find_map(|row| if let Row::Job(moved) = row { Some(moved) } else { None }).unwrap();
    job.records.pop();
    let error = exported(&Arc::new(Gives(all)), None, Missing::Refused).await.unwrap_err();
    assert!(
        matches!(&error, ExportError::Store(StoreError::Damaged { reason }) if reason.contains("history")),
        "{error}"
    );
}

#[tokio::test]
async fn a_store_that_gives_back_something_else_keeps_nothing() {
    let (file, _) = Old::small().await.export().await;
    let liar = Arc::new(Gives(rows(&New::empty().store).await.unwrap()));
    let vault = New::empty();
    let error = import_into(&liar, &vault.vault, Missing::Refused, &file).await.unwrap_err();
    assert!(matches!(&error, ImportError::ReadBack { reason } if reason.contains("was given 1 apps")), "{error}");
}

#[tokio::test]
async fn what_cannot_be_written_or_read_says_why() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Read for Full {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
    let old = Old::small().await;
    let error = export(old.movable(), None, Missing::Refused, &mut Full).await.unwrap_err();
    assert!(matches!(error, ExportError::Io(_)), "{error}");
    let new = New::empty();
    let error = import(new.movable(), &new.vault, Missing::Refused, &mut io::BufReader::new(Full)).await.unwrap_err();
    assert!(matches!(error, ImportError::Io(_)), "{error}");
}

/// A store that gives these rows, whatever it takes in.
struct Gives(Vec<Row>);

#[async_trait]
impl Movable for Gives {
    async fn dump(&self, rows: mpsc::Sender<Row>) -> Result<(), StoreError> {
        for row in &self.0 {
            let _ = rows.send(row.clone()).await;
        }
        Ok(())
    }

    async fn load(&self, mut loading: Loading) -> Result<(), StoreError> {
        while !matches!(loading.next().await?, Row::Last(_)) {}
        self.dump(loading.back()).await?;
        loading.verdict().await
    }
}

/// A store with something in it.
struct Old {
    store: Arc<MemoryStore>,
    vault: Directory,
    folder: tempfile::TempDir,
}

/// An empty one.
struct New {
    store: Arc<MemoryStore>,
    vault: Directory,
    _folder: tempfile::TempDir,
}

impl Old {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: Arc::new(MemoryStore::new([9; 32])), vault: Directory::open(folder.path()).unwrap(), folder }
    }

    /// With much that happened and two large artifacts under three names.
    async fn lived(seed: u64) -> Self {
        let old = Self::new();
        history(old.store.clone(), seed, 300).await;
        let blobs = Blobs::new(old.store.clone(), Arc::new(old.vault.clone()));
        let large = |fill: u8| vec![fill; windlass_store::INLINE_MAX + 70_000];
        for (key, bytes) in [("1/1/a.zip", large(1)), ("1/2/same.zip", large(1)), ("1/3/b.zip", large(2))] {
            let mut staging = blobs.stage();
            staging.write_all(&bytes).unwrap();
            for (key, bytes) in blobs.keep(key.to_owned(), staging.finish().unwrap()).await.unwrap() {
                old.store.put_blob(&key, bytes).await.unwrap();
            }
        }
        old
    }

    /// With one job that waits, so that it goes into a short file.
    async fn small() -> Self {
        let old = Self::new();
        windlass_store::conformance::moves::one_that_waits(&*old.store).await;
        old.store.put_blob("2/1/log", Bytes::from_static(b"\n\n")).await.unwrap();
        old
    }

    async fn export(&self) -> (Vec<u8>, Moved) {
        exported(&self.store, Some(&self.vault), Missing::Refused).await.unwrap()
    }

    fn movable(&self) -> Arc<dyn Movable> {
        self.store.clone()
    }
}

impl New {
    fn empty() -> Self {
        let Old { store, vault, folder } = Old::new();
        Self { store, vault, _folder: folder }
    }

    async fn import(&self, file: &[u8]) -> Result<Moved, ImportError> {
        import_into(&self.store, &self.vault, Missing::Refused, file).await
    }

    async fn is_empty(&self) {
        let all = rows(&self.store).await.unwrap();
        assert!(matches!(all[..], [Row::Secret(secret), Row::Last(_)] if secret == [9; 32]), "{all:?}");
    }

    fn movable(&self) -> Arc<dyn Movable> {
        self.store.clone()
    }
}

async fn exported<S: Movable>(
    store: &Arc<S>,
    vault: Option<&dyn Vault>,
    missing: Missing,
) -> Result<(Vec<u8>, Moved), ExportError> {
    let mut file = Vec::new();
    let moved = export(store.clone(), vault, missing, &mut file).await?;
    Ok((file, moved))
}

async fn import_into<S: Movable>(
    store: &Arc<S>,
    vault: &dyn Vault,
    missing: Missing,
    file: &[u8],
) -> Result<Moved, ImportError> {
    import(store.clone(), vault, missing, &mut Cursor::new(file)).await
}

async fn read(store: &Arc<MemoryStore>, vault: &Directory, key: &str) -> Vec<u8> {
    let blobs = Blobs::new(store.clone(), Arc::new(vault.clone()));
    match blobs.open(key).await.unwrap().unwrap() {
        windlass_store::Blob::Inline(bytes) => bytes.to_vec(),
        windlass_store::Blob::File(mut file) => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            bytes
        }
    }
}

/// The same rows with the checksum that they have now.
fn sealed(text: &str) -> Vec<u8> {
    use sha2::Digest as _;
    let end = text.rfind("{\"end\":").unwrap();
    let (rows, last) = text.split_at(end);
    let at = last.find("\"sha256\":\"").unwrap() + 10;
    let sum = hex::encode(sha2::Sha256::digest(rows));
    format!("{rows}{}{sum}{}", &last[..at], &last[at + 64..]).into_bytes()
}

/// The first member that begins so, up to the `end` after its last member.
fn member(text: &str, begin: &str, last: &str, end: &str) -> String {
    let at = text.find(begin).unwrap_or_else(|| panic!("there is no {begin} in it"));
    let to = at + text[at..].find(last).unwrap();
    text[at..to + text[to..].find(end).unwrap() + end.len()].to_owned()
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { paths.extend(walk(&path)) } else { paths.push(path) }
    }
    paths
}
