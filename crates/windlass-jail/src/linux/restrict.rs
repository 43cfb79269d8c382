//! What the kernel forbids a command beside hiding things from it: files by Landlock, rights, and the amounts of things.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, LandlockStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

use super::sight::{Access, Sight};
use crate::Limits;

/// The newest version whose rights are known here. An older kernel guards what it can.
const NEWEST: ABI = ABI::V10;
/// The first with a guard on signals and abstract sockets.
const SCOPED: i32 = 6;

/// The version of Landlock that guards the files from now on, for this thread and what it starts; `None` if the kernel
/// has none. With a root of its own, that root's `/proc`, `/tmp` and `/dev/shm` are among them.
pub(super) fn guard_files(sights: &[Sight], rooted: bool) -> Result<Option<i32>, RulesetError> {
    let with = |wanted| sights.iter().filter(move |sight| sight.access == wanted).map(|sight| sight.path.as_path());
    let own = |paths: &'static [&'static str]| paths.iter().filter(move |_| rooted).map(Path::new);
    let device: BitFlags<_> = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(with(Access::Read), AccessFs::from_read(NEWEST)))?
        .add_rules(path_beneath_rules(with(Access::Write), AccessFs::from_all(NEWEST)))?
        .add_rules(path_beneath_rules(with(Access::Device), device))?
        .add_rules(path_beneath_rules(["/proc"], AccessFs::from_read(NEWEST)))?
        .add_rules(path_beneath_rules(own(&["/", "/dev"]), AccessFs::ReadDir))?
        .add_rules(path_beneath_rules(own(&["/tmp", "/dev/shm"]), AccessFs::from_all(NEWEST)))?
        .restrict_self()?;
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => None,
        (_, LandlockStatus::Available { effective_abi, kernel_abi }) => {
            Some(kernel_abi.unwrap_or(effective_abi as i32))
        }
        (_, LandlockStatus::NotEnabled | LandlockStatus::NotImplemented) => None,
    })
}

/// Whether that version guards signals too.
pub(super) fn is_scoped(landlock: Option<i32>) -> bool {
    landlock.is_some_and(|version| version >= SCOPED)
}

/// Gives up every capability, and the hope of one: also for this thread and what it starts.
pub(super) fn give_up_rights() -> rustix::io::Result<()> {
    set_no_new_privs(true)?;
    clear_ambient_capability_set()?;
    for capability in CapabilitySet::all().iter() {
        // Refused to who has no right to: he has nothing to give up either, and `no_new_privs` keeps it so.
        let _ = remove_capability_from_bounding_set(capability);
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

/// Limits on a single process, for this one and what it starts.
pub(super) fn limit(limits: &Limits) -> rustix::io::Result<()> {
    let wanted = [
        (Resource::Core, Some(0)),
        (Resource::Data, limits.memory),
        (Resource::Nofile, limits.open_files),
        (Resource::Fsize, limits.file_size),
    ];
    for (resource, limit) in wanted {
        let Some(limit) = limit else { continue };
        let limit = getrlimit(resource).maximum.map_or(limit, |most| most.min(limit));
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}
