//! What a build has made, file by file.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use walkdir::WalkDir;

/// A file that a build has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path below the folder that was looked through, with slashes.
    pub path: String,
    /// Where it is.
    pub file: PathBuf,
}

/// What a build has made cannot be taken.
#[derive(Debug, Error)]
pub enum CollectError {
    /// The folder is not there.
    #[error("the folder {folder} is not there after the build; artifacts.baseDirectory names it")]
    NoFolder {
        /// Its path in the repository.
        folder: String,
    },
    /// A link leads somewhere that is not the build's.
    #[error("{path} is a link that leads out of the repository")]
    LeadsOut {
        /// Where the link is.
        path: String,
    },
    /// A file's name is not text.
    #[error("the name {path} is not UTF-8")]
    NotText {
        /// The name as far as it is.
        path: String,
    },
    /// It cannot be read.
    #[error("{path} cannot be read: {error}")]
    Read {
        /// What.
        path: String,
        /// Why.
        error: io::Error,
    },
}

/// The files below `folder`, a path in `repository` and `""` for all of it, that are selected, in the order of their paths.
/// Links are followed within the repository. What git keeps is left out everywhere, and so is what is no file.
///
/// # Errors
///
/// [`CollectError`] names what cannot be taken.
pub fn files(repository: &Path, folder: &str, selects: impl Fn(&str) -> bool) -> Result<Vec<Found>, CollectError> {
    let read = |path: &Path| {
        let path = path.display().to_string();
        move |error| CollectError::Read { path, error }
    };
    let repository = repository.canonicalize().map_err(read(repository))?;
    let no_folder = || CollectError::NoFolder { folder: if folder.is_empty() { "/" } else { folder }.to_owned() };
    let top = repository.join(folder);
    if !top.is_dir() {
        return Err(no_folder());
    }
    if !top.canonicalize().map_err(read(&top))?.starts_with(&repository) {
        return Err(CollectError::LeadsOut { path: folder.to_owned() });
    }
    let mut found = Vec::new();
    let all = WalkDir::new(&top).follow_links(true).min_depth(1).sort_by_file_name();
    for entry in all.into_iter().filter_entry(|entry| entry.file_name() != ".git") {
        let entry = match entry {
            Ok(entry) => entry,
            // A link to nothing is no file. One that goes round in a circle is named.
            Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => continue,
            Err(error) => {
                let path = error.path().map(|path| below(&top, path)).unwrap_or_default();
                return Err(CollectError::Read { path, error: error.into() });
            }
        };
        let path = below(&top, entry.path());
        if entry.path_is_symlink() && !entry.path().canonicalize().map_err(read(entry.path()))?.starts_with(&repository)
        {
            if entry.file_type().is_dir() || selects(&path) {
                return Err(CollectError::LeadsOut { path });
            }
            continue;
        }
        if !entry.file_type().is_file() {
            continue;
        }
        if entry.path().strip_prefix(&top).is_ok_and(|path| path.to_str().is_none()) {
            return Err(CollectError::NotText { path });
        }
        if selects(&path) {
            found.push(Found { path, file: entry.into_path() });
        }
    }
    Ok(found)
}

fn below(top: &Path, path: &Path) -> String {
    let path = path.strip_prefix(top).unwrap_or(path);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn repository(paths: &[&str]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for path in paths {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, path).unwrap();
        }
        folder
    }

    fn paths(repository: &TempDir, folder: &str) -> Vec<String> {
        files(repository.path(), folder, |_| true).unwrap().into_iter().map(|found| found.path).collect()
    }

    #[test]
    fn files_come_in_the_order_of_their_paths_without_gits() {
        let repository =
            repository(&["dist/b/c.txt", "dist/a.html", ".git/HEAD", "dist/x/.git/HEAD", "dist/.well-known/x"]);
        assert_eq!(paths(&repository, "dist"), [".well-known/x", "a.html", "b/c.txt"]);
        assert_eq!(paths(&repository, ""), ["dist/.well-known/x", "dist/a.html", "dist/b/c.txt"]);
        assert!(files(repository.path(), "dist", |path| path.ends_with(".html")).unwrap().len() == 1);
    }

    #[test]
    fn a_folder_that_is_missing_or_leads_out_is_named() {
        let (repository, other) = (repository(&["a"]), repository(&["secret"]));
        symlink(other.path(), repository.path().join("dist")).unwrap();
        assert!(
            matches!(files(repository.path(), "build", |_| true), Err(CollectError::NoFolder { folder }) if folder == "build")
        );
        assert!(matches!(files(repository.path(), "dist", |_| true), Err(CollectError::LeadsOut { .. })));
        assert!(
            matches!(files(repository.path(), "", |_| true), Err(CollectError::LeadsOut { path }) if path == "dist")
        );
    }

    #[test]
    fn a_link_is_followed_only_within_the_repository() {
        let (repository, other) = (repository(&["dist/a", "shared/b"]), repository(&["secret"]));
        symlink("../shared", repository.path().join("dist/more")).unwrap();
        assert_eq!(paths(&repository, "dist"), ["a", "more/b"]);
        symlink(other.path().join("secret"), repository.path().join("dist/keys")).unwrap();
        assert!(
            matches!(files(repository.path(), "dist", |_| true), Err(CollectError::LeadsOut { path }) if path == "keys")
        );
        assert_eq!(files(repository.path(), "dist", |path| path != "keys").unwrap().len(), 2);
        fs::remove_file(repository.path().join("dist/keys")).unwrap();
        symlink("nothing", repository.path().join("dist/dangling")).unwrap();
        assert_eq!(paths(&repository, "dist"), ["a", "more/b"]);
        symlink(".", repository.path().join("dist/ring")).unwrap();
        assert!(
            matches!(files(repository.path(), "dist", |_| true), Err(CollectError::Read { path, .. }) if path == "ring")
        );
    }
}
