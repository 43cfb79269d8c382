//! The VERIFY step: reads what was kept as a visitor would.

use std::io;

use windlass_artifact::ShownName;

use crate::deploy::{Deployed, Stoppable, blocking};
use crate::log::Log;
use crate::run::{Claimed, Halt};
use crate::runner::Runner;

/// What a visitor of the site's root is shown.
const FRONT_PAGE: &str = "index.html";

impl Runner {
    /// Executes the step.
    pub(crate) async fn verify(&self, claimed: &Claimed, deployed: &Deployed, log: &Log) -> Result<(), Halt> {
        let archive = deployed.archive.clone();
        if let Some(folder) = archive.index().single_top_folder() {
            let reason = format!(
                "the zip holds everything in one folder, {}, so the site would have no front page; zip what is in \
                 the folder, not the folder",
                ShownName::from(folder)
            );
            log.error(&reason);
            return Err(Halt::Failed(reason));
        }
        if claimed.let_go().is_cancelled() {
            return Err(Halt::LetGo);
        }
        let Some(page) = archive.member(FRONT_PAGE).cloned() else {
            log.warning(format_args!(
                "There is no {FRONT_PAGE} at the root: visitors of the front page will see an error"
            ));
            return Ok(());
        };
        let let_go = claimed.let_go().clone();
        let read = blocking(move || {
            let mut page = Stoppable { content: archive.plain(&page), let_go: &let_go };
            match io::copy(&mut page, &mut io::sink()) {
                Ok(bytes) => Ok(bytes),
                Err(_) if let_go.is_cancelled() => Err(Halt::LetGo),
                Err(error) => Err(Halt::Failed(format!("{FRONT_PAGE} cannot be read back: {error}"))),
            }
        });
        let bytes = read.await?;
        log.info(format_args!("Read {FRONT_PAGE}, {bytes} bytes"));
        Ok(())
    }
}
