//! Archives that other programs write, and other programs reading ours.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use windlass_artifact::{Method, Packer};

use crate::builder::{Entry, Files, Zip, check, page, read_all};

#[test]
fn what_python_writes_is_read() {
    let Some(python) = command("python3") else {
        println!("SKIPPED: there is no python3");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    run(Command::new(python).args(["-c", PYTHON_WRITES]).current_dir(folder.path()));
    for name in ["plain.zip", "streamed.zip", "forced.zip", "streamed_forced.zip", "prefixed.zip"] {
        let bytes = fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read_all(&bytes), site(), "{name}");
    }
}

#[test]
fn what_info_zip_writes_is_read() {
    let Some(zip) = command("zip") else {
        println!("SKIPPED: there is no zip");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in site() {
        let path = folder.path().join("site").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let here = folder.path().join("site");
    for (name, options) in [
        ("plain.zip", &["-r"][..]),
        ("without_folders.zip", &["-r", "-D"]),
        ("stored.zip", &["-r", "-0"]),
        ("descriptors.zip", &["-r", "-fd"]),
        ("forced.zip", &["-r", "-fz"]),
    ] {
        let target = folder.path().join(name);
        run(Command::new(zip).arg("-q").args(options).arg(&target).arg(".").current_dir(&here));
        assert_eq!(read_all(&fs::read(&target).unwrap()), site(), "{name}");
    }
    let streamed = Command::new(zip).args(["-q", "-r", "-", "."]).current_dir(&here).output().unwrap();
    assert_eq!(read_all(&streamed.stdout), site(), "streamed to a pipe");

    // From one pipe to another it knows no size beforehand and calls the member `-`.
    let page = File::open(here.join("index.html")).unwrap();
    let streamed = Command::new(zip).args(["-q", "-", "-"]).stdin(page).output().unwrap();
    assert_eq!(read_all(&streamed.stdout)["-"], site()["index.html"]);
}

#[test]
fn info_zip_finds_no_fault_with_what_is_packed() {
    let Some(unzip) = command("unzip") else {
        println!("SKIPPED: there is no unzip");
        return;
    };
    let folder = packed_site();
    run(Command::new(unzip).args(["-tq", "packed.zip"]).current_dir(folder.path()));
}

#[test]
fn python_reads_what_is_packed() {
    let Some(python) = command("python3") else {
        println!("SKIPPED: there is no python3");
        return;
    };
    let folder = packed_site();
    run(Command::new(python).args(["-c", PYTHON_READS]).current_dir(folder.path()));
    for (path, content) in site() {
        assert_eq!(fs::read(folder.path().join("out").join(&path)).unwrap(), content, "{path}");
    }
}

#[test]
fn our_own_hand_made_archives_are_what_they_claim() {
    let Some(unzip) = command("unzip") else {
        println!("SKIPPED: there is no unzip");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (descriptor, zip64) in [(false, false), (true, false), (false, true)] {
        let entries = [page(), Entry::stored("b", b"b")]
            .map(|entry| entry.but(|entry| (entry.descriptor, entry.zip64) = (descriptor, zip64)));
        let bytes = Zip { entries: entries.into(), zip64, ..Zip::default() }.bytes();
        assert!(check(&bytes).is_ok());
        fs::write(folder.path().join("made.zip"), bytes).unwrap();
        run(Command::new(unzip).args(["-tq", "made.zip"]).current_dir(folder.path()));
    }
}

fn packed_site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut packer = Packer::new(Vec::new());
    for (path, content) in site() {
        packer.add(&path, &*content).unwrap();
    }
    let bytes = packer.finish().unwrap();
    let index = check(&bytes).unwrap();
    assert!(index.members().iter().any(|member| member.method == Method::Stored));
    assert!(index.members().iter().any(|member| member.method == Method::Deflated));
    fs::write(folder.path().join("packed.zip"), bytes).unwrap();
    folder
}

/// The site that both scripts below know as well.
fn site() -> Files {
    let noise = (0_u32..200_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    [
        ("index.html", "<h1>Ahoy</h1>".repeat(1000).into_bytes()),
        ("images/noise.png", noise),
        ("caf\u{e9}/menu \u{2615}.html", b"coffee".to_vec()),
        ("empty.txt", Vec::new()),
    ]
    .map(|(path, content)| (path.to_owned(), content))
    .into()
}

const PYTHON_WRITES: &str = r#"
import io, zipfile

site = {
    "index.html": b"<h1>Ahoy</h1>" * 1000,
    "images/noise.png": bytes((i * 2654435761 % 2**32) >> 24 for i in range(200000)),
    "café/menu ☕.html": b"coffee",
    "empty.txt": b"",
}

class Pipe(io.RawIOBase):
    """A file that cannot seek, so that sizes have to follow the data."""
    def __init__(self, name):
        self.file = open(name, "wb")
    def writable(self):
        return True
    def write(self, data):
        return self.file.write(data)
    def close(self):
        self.file.close()
        super().close()

def write(target, force):
    with zipfile.ZipFile(target, "w") as zip:
        for i, (name, content) in enumerate(site.items()):
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED if i % 2 == 0 else zipfile.ZIP_STORED
            with zip.open(info, "w", force_zip64=force) as member:
                member.write(content)
        zip.comment = b"written by a snake"

write("plain.zip", False)
write("forced.zip", True)
for name, force in [("streamed.zip", False), ("streamed_forced.zip", True)]:
    with Pipe(name) as pipe:
        write(pipe, force)
with open("prefixed.zip", "wb") as file:
    file.write(b"self-extracting\n")
    write(file, False)
"#;

const PYTHON_READS: &str = r#"
import zipfile

with zipfile.ZipFile("packed.zip") as zip:
    assert zip.testzip() is None
    zip.extractall("out")
"#;

/// The name of a command, if it can be started here.
fn command(name: &'static str) -> Option<&'static str> {
    let started = Command::new(name).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status();
    started.is_ok().then_some(name)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
}
