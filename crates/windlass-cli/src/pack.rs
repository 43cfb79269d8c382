//! Packing a folder into the zip that a deployment takes.

use std::fs::File;
use std::io::{BufWriter, Seek};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use walkdir::{DirEntry, WalkDir};
use windlass_artifact::Packer;

/// A packed folder.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The zip, at its beginning. It has no name and vanishes when it is closed.
    pub zip: File,
    /// The size of the zip in bytes.
    pub size: u64,
    /// How many files are in it.
    pub files: usize,
    /// Whether there is an `index.html` at its root, without which a visitor of `/` finds nothing.
    pub has_index: bool,
}

/// Packs every file below `root`, always in the same order, except for [`SKIPPED`].
///
/// # Errors
///
/// Naming what cannot be deployed: a folder without files, a link that leaves it, anything that is neither file nor folder, or
/// what cannot be read.
pub(crate) fn pack(root: &Path) -> anyhow::Result<Packed> {
    let canonical = root.canonicalize().with_context(|| format!("{} cannot be read", root.display()))?;
    ensure!(canonical.is_dir(), "{} is not a folder", root.display());
    let mut packer = Packer::new(BufWriter::new(tempfile::tempfile().context("a temporary file cannot be made")?));
    let mut packed = 0;
    let mut has_index = false;
    for entry in WalkDir::new(&canonical).follow_links(true).sort_by_file_name().into_iter().filter_entry(is_wanted) {
        let entry = entry.with_context(|| format!("{} cannot be packed", root.display()))?;
        refuse_escape(&entry, &canonical)?;
        if entry.file_type().is_dir() {
            continue;
        }
        ensure!(entry.file_type().is_file(), "{} is neither a file nor a folder", entry.path().display());
        let path = name_of(&entry, &canonical)?;
        let content = File::open(entry.path()).with_context(|| format!("{path} cannot be read"))?;
        packer.add(&path, content)?;
        has_index |= path == "index.html";
        packed += 1;
    }
    if packed == 0 {
        bail!("there are no files to deploy in {}", root.display());
    }
    let mut zip = packer.finish()?.into_inner().context("the zip cannot be written")?;
    zip.rewind().context("the zip cannot be read again")?;
    let size = zip.metadata().context("the zip cannot be read again")?.len();
    Ok(Packed { zip, size, files: packed, has_index })
}

/// What belongs to a version control or to a desktop, not to a site.
const SKIPPED: [&str; 2] = [".git", ".DS_Store"];

fn is_wanted(entry: &DirEntry) -> bool {
    entry.depth() == 0 || !SKIPPED.iter().any(|name| entry.file_name() == *name)
}

/// A link may stand for whatever lies in the folder, and for nothing else: what is deployed can be read by everyone.
fn refuse_escape(entry: &DirEntry, root: &Path) -> anyhow::Result<()> {
    if !entry.path_is_symlink() || entry.depth() == 0 {
        return Ok(());
    }
    let link = entry.path();
    let target = link.canonicalize().with_context(|| format!("the link {} cannot be followed", link.display()))?;
    ensure!(target.starts_with(root), "the link {} leads out of the folder, to {}", link.display(), target.display());
    Ok(())
}

/// The path of an entry on the site.
fn name_of(entry: &DirEntry, root: &Path) -> anyhow::Result<String> {
    let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
    let segments: Option<Vec<&str>> = path.iter().map(|segment| segment.to_str()).collect();
    let segments = segments.with_context(|| format!("the name {} is not UTF-8", path.display()))?;
    Ok(segments.join("/"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use bytes::Bytes;
    use tempfile::TempDir;
    use windlass_artifact::{Budget, verify};

    use super::*;

    #[test]
    fn everything_in_a_folder_is_packed_in_one_order() {
        let names = ["z.html", "index.html", "a/b/c.txt", "a/b.txt", ".well-known/security.txt", ".env.example"];
        let one = folder(&names);
        let other = folder(&names.iter().rev().copied().collect::<Vec<_>>());
        assert_eq!(bytes(one.path()), bytes(other.path()));
        let packed = pack(one.path()).unwrap();
        assert_eq!((packed.files, packed.has_index), (names.len(), true));
        assert_eq!(packed.size, packed.zip.metadata().unwrap().len());
        let mut expected = names.to_vec();
        expected.sort_unstable();
        assert_eq!(packed_names(one.path()), expected);
    }

    #[test]
    fn what_git_and_the_finder_keep_is_left_out_everywhere() {
        let site = folder(&["index.html", ".git/HEAD", ".DS_Store", "img/.DS_Store", "sub/.git", ".gitignore"]);
        assert_eq!(packed_names(site.path()), [".gitignore", "index.html"]);
    }

    #[test]
    fn an_index_counts_only_at_the_root() {
        assert!(!pack(folder(&["dist/index.html"]).path()).unwrap().has_index);
    }

    #[test]
    fn a_folder_without_files_is_refused() {
        let empty = TempDir::new().unwrap();
        assert!(refusal(empty.path()).contains("there are no files to deploy"));
        fs::create_dir(empty.path().join("deep")).unwrap();
        fs::write(empty.path().join(".DS_Store"), "").unwrap();
        assert!(refusal(empty.path()).contains("there are no files to deploy"));
        assert!(refusal(&empty.path().join(".DS_Store")).contains("is not a folder"));
        assert!(refusal(&empty.path().join("absent")).contains("cannot be read"));
    }

    #[test]
    fn a_link_within_the_folder_is_followed() {
        let site = folder(&["index.html", "v2/page.html"]);
        symlink("index.html", site.path().join("home.html")).unwrap();
        symlink("v2", site.path().join("latest")).unwrap();
        assert_eq!(packed_names(site.path()), ["home.html", "index.html", "latest/page.html", "v2/page.html"]);
        let link = TempDir::new().unwrap();
        symlink(site.path(), link.path().join("site")).unwrap();
        assert_eq!(packed_names(&link.path().join("site")).len(), 4);
    }

    #[test]
    fn a_link_out_of_the_folder_is_refused_by_name() {
        let secret = folder(&["id_rsa"]);
        for target in [secret.path().join("id_rsa"), secret.path().to_path_buf()] {
            let site = folder(&["index.html"]);
            symlink(target, site.path().join("keys")).unwrap();
            let refusal = refusal(site.path());
            assert!(refusal.contains("keys leads out of the folder"), "{refusal}");
        }
    }

    #[test]
    fn a_link_to_nothing_or_around_is_refused_by_name() {
        for target in ["absent", "ring", "."] {
            let site = folder(&["index.html"]);
            symlink(target, site.path().join("ring")).unwrap();
            let refusal = refusal(site.path());
            assert!(refusal.contains("ring"), "{refusal}");
        }
    }

    fn folder(names: &[&str]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    fn refusal(root: &Path) -> String {
        format!("{:#}", pack(root).unwrap_err())
    }

    fn bytes(root: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        pack(root).unwrap().zip.read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn packed_names(root: &Path) -> Vec<String> {
        let index = verify(&Bytes::from(bytes(root)), &Budget::default(), &|| true).unwrap();
        let mut names: Vec<String> = index.members().iter().map(|member| member.path.to_string()).collect();
        names.sort_unstable();
        names
    }
}
