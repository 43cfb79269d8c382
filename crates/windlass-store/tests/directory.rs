//! The vault in a directory takes the exam of vaults.

use windlass_store::Directory;

windlass_store::vault_exam!(async || {
    let folder = tempfile::tempdir().expect("a temporary directory");
    (Directory::open(folder.path()).expect("an empty directory"), folder)
});
