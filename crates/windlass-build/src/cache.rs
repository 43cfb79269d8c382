//! What builds keep from one to the next.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use thiserror::Error;
use walkdir::WalkDir;

/// How long a SHA-256 is.
const HASH: usize = 32;

/// A folder with one file for each branch: what its last build left behind. Nothing in it is needed: what is damaged or
/// too large is thrown away, and the build goes on without.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    /// How many bytes one branch may keep.
    most_each: u64,
    /// How many bytes all may keep together; those not used for longest go first.
    most: u64,
}

/// What was found in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// Nothing.
    Nothing,
    /// This many bytes.
    Bytes(u64),
    /// Something that is not what was kept. It is thrown away.
    Damaged,
}

/// What was put into the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// No path was selected, so nothing is kept.
    Nothing,
    /// This many bytes.
    Bytes(u64),
    /// More than one branch may keep, so nothing is kept.
    TooLarge,
}

/// The cache cannot be read or written.
#[derive(Debug, Error)]
#[error("the cache: {0}")]
pub struct CacheError(#[from] io::Error);

impl Cache {
    /// A cache in `folder`, which is made when there is something to keep. `most_each` and `most` are bytes.
    #[must_use]
    pub const fn new(folder: PathBuf, most_each: u64, most: u64) -> Self {
        Self { folder, most_each, most }
    }

    /// Puts what `owner` has kept back into `repository`. An owner's name may be a file's.
    ///
    /// # Errors
    ///
    /// [`CacheError`] where the file system fails.
    pub fn restore(&self, owner: &str, repository: &Path) -> Result<Restored, CacheError> {
        let path = self.path(owner);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Restored::Nothing),
            Err(error) => return Err(error.into()),
        };
        let Some(size) = intact(&mut file)? else {
            std::fs::remove_file(&path)?;
            return Ok(Restored::Damaged);
        };
        file.seek(SeekFrom::Start(0))?;
        let mut archive = tar::Archive::new(BufReader::new(&file).take(size));
        archive.set_preserve_mtime(true);
        archive.unpack(repository)?;
        touch(&file)?;
        Ok(Restored::Bytes(size))
    }

    /// Keeps what is selected of `repository` for `owner`, instead of what was kept before. Links are kept as links.
    ///
    /// # Errors
    ///
    /// [`CacheError`] where the file system fails; what was kept before stays then.
    pub fn save(&self, owner: &str, repository: &Path, selects: impl Fn(&str) -> bool) -> Result<Saved, CacheError> {
        std::fs::create_dir_all(&self.folder)?;
        let file = NamedTempFile::new_in(&self.folder)?;
        let sink = Sink { file: BufWriter::new(file), sha256: Sha256::new(), size: 0, most: self.most_each };
        let mut archive = tar::Builder::new(sink);
        archive.follow_symlinks(false);
        let mut any = false;
        for entry in WalkDir::new(repository).min_depth(1).sort_by_file_name() {
            let entry = entry.map_err(io::Error::from)?;
            let kind = entry.file_type();
            let Ok(path) = entry.path().strip_prefix(repository) else { continue };
            let Some(name) = path.to_str() else { continue };
            if (kind.is_file() || kind.is_symlink()) && selects(name) {
                any = true;
                if let Err(error) = archive.append_path_with_name(entry.path(), path) {
                    return if archive.get_ref().is_full() { self.forget(owner) } else { Err(error.into()) };
                }
            }
        }
        if !any {
            self.forget(owner)?;
            return Ok(Saved::Nothing);
        }
        let sink = match archive.into_inner() {
            Ok(sink) if !sink.is_full() => sink,
            Ok(_) => return self.forget(owner),
            Err(error) => return Err(error.into()),
        };
        let Sink { file, sha256, size, .. } = sink;
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.write_all(&sha256.finalize())?;
        file.persist(self.path(owner)).map_err(|error| error.error)?;
        self.make_room(owner)?;
        Ok(Saved::Bytes(size))
    }

    /// Throws away what an owner has kept, because there is too much now.
    fn forget(&self, owner: &str) -> Result<Saved, CacheError> {
        match std::fs::remove_file(self.path(owner)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(Saved::TooLarge),
        }
    }

    /// Throws away what was not used for longest, except for `owner`'s, until the rest is within bounds.
    fn make_room(&self, owner: &str) -> Result<(), CacheError> {
        let mut kept = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == EXTENSION)
                && let Ok(about) = entry.metadata()
            {
                kept.push((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), about.len(), entry.path()));
            }
        }
        kept.sort_unstable();
        let mut all: u64 = kept.iter().map(|(_, size, _)| size).sum();
        let own = self.path(owner);
        for (_, size, path) in kept {
            if all <= self.most {
                break;
            }
            if path != own {
                std::fs::remove_file(path)?;
                all -= size;
            }
        }
        Ok(())
    }

    fn path(&self, owner: &str) -> PathBuf {
        self.folder.join(format!("{owner}.{EXTENSION}"))
    }
}

/// What a branch keeps is called after it, with this behind.
const EXTENSION: &str = "cache";

/// How many bytes of the file are the archive, if they have the hash that stands behind them.
fn intact(file: &mut File) -> io::Result<Option<u64>> {
    let Some(size) = file.metadata()?.len().checked_sub(HASH as u64) else { return Ok(None) };
    let (mut sha256, mut left, mut bytes) = (Sha256::new(), size, vec![0; 256 * 1024]);
    while left > 0 {
        let most = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let read = file.read(&mut bytes[..most])?;
        if read == 0 {
            return Ok(None);
        }
        sha256.update(&bytes[..read]);
        left -= read as u64;
    }
    let mut hash = [0; HASH];
    file.read_exact(&mut hash)?;
    Ok((sha256.finalize()[..] == hash).then_some(size))
}

/// Notes that the file was used last now, by the file system's own clock.
fn touch(file: &File) -> io::Result<()> {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    Ok(futimens(file, &Timestamps { last_access: now, last_modification: now })?)
}

/// An archive on its way to the disk, hashed as it goes, up to a size.
struct Sink {
    file: BufWriter<NamedTempFile>,
    sha256: Sha256,
    size: u64,
    most: u64,
}

impl Sink {
    const fn is_full(&self) -> bool {
        self.size > self.most
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.is_full() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.sha256.update(bytes);
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::TempDir;

    use super::*;

    fn cache(most_each: u64, most: u64) -> (TempDir, Cache) {
        let folder = TempDir::new().unwrap();
        let cache = Cache::new(folder.path().join("builds"), most_each, most);
        (folder, cache)
    }

    fn made() -> TempDir {
        let made = TempDir::new().unwrap();
        fs::create_dir_all(made.path().join("node_modules/.bin")).unwrap();
        fs::write(made.path().join("node_modules/tool.js"), "tool").unwrap();
        fs::set_permissions(made.path().join("node_modules/tool.js"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("../tool.js", made.path().join("node_modules/.bin/tool")).unwrap();
        fs::write(made.path().join("index.html"), "page").unwrap();
        made
    }

    fn modules(path: &str) -> bool {
        path.starts_with("node_modules/")
    }

    #[test]
    fn what_was_selected_comes_back_with_its_links_and_modes() {
        let (_folder, cache) = cache(1 << 20, 1 << 20);
        let (made, next) = (made(), TempDir::new().unwrap());
        assert_eq!(cache.restore("a", next.path()).unwrap(), Restored::Nothing);
        assert!(matches!(cache.save("a", made.path(), modules).unwrap(), Saved::Bytes(_)));
        assert_eq!(cache.restore("b", next.path()).unwrap(), Restored::Nothing, "an owner sees another's");
        assert!(matches!(cache.restore("a", next.path()).unwrap(), Restored::Bytes(_)));
        assert_eq!(fs::read(next.path().join("node_modules/.bin/tool")).unwrap(), b"tool");
        assert!(next.path().join("node_modules/.bin/tool").is_symlink());
        let mode = fs::metadata(next.path().join("node_modules/tool.js")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert!(!next.path().join("index.html").exists());
    }

    #[test]
    fn what_is_damaged_is_thrown_away() {
        for damage in [
            |bytes: &mut Vec<u8>| bytes[700] ^= 1,
            |bytes: &mut Vec<u8>| bytes.truncate(900),
            |bytes: &mut Vec<u8>| bytes.truncate(3),
        ] {
            let (_folder, cache) = cache(1 << 20, 1 << 20);
            cache.save("a", made().path(), modules).unwrap();
            let mut bytes = fs::read(cache.path("a")).unwrap();
            damage(&mut bytes);
            fs::write(cache.path("a"), bytes).unwrap();
            let next = TempDir::new().unwrap();
            let restored = cache.restore("a", next.path()).unwrap();
            assert!(matches!(restored, Restored::Damaged | Restored::Nothing), "{restored:?}");
            assert_eq!(fs::read_dir(next.path()).unwrap().count(), 0);
            assert_eq!(cache.restore("a", next.path()).unwrap(), Restored::Nothing);
        }
    }

    #[test]
    fn what_is_too_large_is_not_kept_and_nor_is_what_was_before() {
        let (_folder, cache) = cache(20_000, 1 << 20);
        let made = made();
        cache.save("a", made.path(), modules).unwrap();
        fs::write(made.path().join("node_modules/huge"), vec![7; 100_000]).unwrap();
        assert_eq!(cache.save("a", made.path(), modules).unwrap(), Saved::TooLarge);
        assert_eq!(cache.restore("a", TempDir::new().unwrap().path()).unwrap(), Restored::Nothing);
        assert_eq!(fs::read_dir(&cache.folder).unwrap().count(), 0, "something was left behind");
    }

    #[test]
    fn those_not_used_for_longest_make_room() {
        let (_folder, cache) = cache(1 << 20, 10_000);
        let made = made();
        for owner in ["a", "b", "c", "d"] {
            cache.save(owner, made.path(), modules).unwrap();
            let file = File::options().write(true).open(cache.path(owner)).unwrap();
            let age = u64::from(owner.as_bytes()[0]);
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(age)).unwrap();
        }
        let kept = |owner| cache.path(owner).exists();
        assert!(!kept("a") && kept("d"), "{:?}", fs::read_dir(&cache.folder).unwrap().collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_written_through_a_link_of_the_repository() {
        let (_folder, cache) = cache(1 << 20, 1 << 20);
        cache.save("a", made().path(), modules).unwrap();
        let (next, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        symlink(elsewhere.path(), next.path().join("node_modules")).unwrap();
        let _ = cache.restore("a", next.path());
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }
}
