//! Folders inside of a repository, as texts.

/// `folder` as seen from `from`, without `.`, `..`, doubled slashes and slashes at its ends; `None` if it is outside of
/// the repository. A slash at the beginning says nothing: it means `from`, too.
pub(crate) fn below(from: &str, folder: &str) -> Option<String> {
    let mut segments: Vec<&str> = from.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in folder.trim().split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

/// How `to` is reached from `from`, both from the repository's root: `../../dist`.
pub(crate) fn relative(from: &str, to: &str) -> String {
    let split = |path: &'_ str| path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
    let (from, to): (Vec<String>, Vec<String>) = (split(from), split(to));
    let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = from.iter().skip(shared).map(|_| "..");
    up.chain(to.iter().skip(shared).map(String::as_str)).collect::<Vec<_>>().join("/")
}
