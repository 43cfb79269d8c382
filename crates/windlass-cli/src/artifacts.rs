//! `--artifacts`: where large artifacts lie, for whoever serves or examines them.

use std::ffi::OsString;

use windlass_cli::server::Artifacts;

/// Where large artifacts lie.
#[derive(clap::Args, Debug)]
pub(crate) struct ArtifactArgs {
    /// Where to keep large artifacts: a directory, or a bucket that AWS's variables say how to reach (AWS_ENDPOINT_URL_S3,
    /// AWS_REGION, AWS_ACCESS_KEY_ID and so on) [default: artifacts in the data directory]
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX", env = "WINDLASS_ARTIFACTS")]
    artifacts: Option<OsString>,

    /// How many bytes of a bucket's artifacts are kept on this machine, too
    #[arg(long, value_name = "BYTES", default_value_t = 10_000_000_000)]
    artifact_cache: u64,
}

impl ArtifactArgs {
    pub(crate) fn artifacts(self) -> Artifacts {
        let place = self.artifacts.as_ref().and_then(|place| place.to_str()).filter(|place| place.starts_with("s3:"));
        match place {
            Some(place) => {
                // A name or a value that is no text is none of AWS's.
                let variables = std::env::vars_os();
                let variables =
                    variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
                let variables = variables.filter(|(name, _)| name.starts_with("AWS_")).collect();
                Artifacts::S3 { place: place.to_owned(), variables, cache_max: self.artifact_cache, cache: None }
            }
            None => Artifacts::Directory(self.artifacts.map(Into::into)),
        }
    }
}
