//! Which of several build specifications counts.

use strum::Display;

/// Where a build specification was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display)]
pub enum Origin {
    /// The file `amplify.yml` at the root of the repository.
    #[strum(serialize = "amplify.yml")]
    File,
    /// The branch's `buildSpec`.
    #[strum(serialize = "the branch's buildSpec")]
    Branch,
    /// The app's `buildSpec`.
    #[strum(serialize = "the app's buildSpec")]
    App,
}

/// The build specification that counts: the file goes before the branch's, and the branch's before the app's. One of
/// white space alone is none.
///
/// If there is none at all, nothing is to be run, and the repository is published as it is:
/// [`Plan::plain`](crate::Plan::plain).
//= https://docs.aws.amazon.com/amplify/latest/userguide/monorepo-configuration.html
//# When an amplify.yml file is present, its settings override any build settings saved in the Amplify console.
#[must_use]
pub fn effective<'a>(
    file: Option<&'a str>,
    branch: Option<&'a str>,
    app: Option<&'a str>,
) -> Option<(Origin, &'a str)> {
    [(Origin::File, file), (Origin::Branch, branch), (Origin::App, app)]
        .into_iter()
        .filter_map(|(origin, text)| Some((origin, text?)))
        .find(|(_, text)| !text.trim().is_empty())
}
