//! `qus self-update`.

use super::{Context, Failure, Report};
use crate::cli::SelfUpdateArgs;
use crate::exit::Exit;
use crate::itself::ToolObserved;
use crate::news::News;
use crate::plan::{self, Plan, ToolOffer, ToolRefusal, ToolWanted};
use crate::system::interrupt;
use crate::system::journal;
use crate::system::store::{Followed, Store};
use crate::system::tool::observe;
use crate::trust::{Memory, VerifiedIndex};

/// The channel that offers versions before their time.
const EDGE: &str = "edge";

/// What to type for another version.
const ANOTHER: &str = "the newest: qus self-update; or another one: qus self-update --allow-downgrade VERSION";

pub(super) fn run(args: &SelfUpdateArgs, context: &Context) -> Result<Exit, Failure> {
    if !context.root.is_system() {
        return Err(ToolRefusal::Image.into());
    }
    let wanted = wanted(args)?;
    if args.check {
        return check(&wanted, context);
    }
    interrupt::catch();
    // Whose copy it is, is said before anything is waited for. Half replaced, it is not what its record says: that is
    // cleared up first.
    if matches!(journal::unfinished(&context.root), Ok(None)) {
        plan::own(&observe(&context.root)?)?;
    }
    let begun = context.begin_change()?;
    let mut observed = observe(&context.root)?;
    if args.rollback && begun.finished.is_some_and(|finished| plan::is_self_rollback(&finished)) {
        // Given again because it was interrupted; going on would undo it.
        context.ui.document(&Report::empty());
        context.ui.result("nothing to do: the rollback that was interrupted is done");
        return Ok(Exit::Done);
    }
    if args.rollback {
        let news = News::of(&context.recall(observed.trust.as_deref())?);
        let plan = plan::self_rollback(&observed, &news)?;
        return carry_out(&plan, None, &observed, context);
    }
    let (followed, memory) = follow(&observed, context)?;
    let offered = Offered::from(context.believe(followed, &mut observed, &memory)?);
    offered.tell_present(&observed, context);
    let done = replace(&wanted, &observed, &offered, context);
    context.or_remember(done, &mut observed, &offered.memory)
}

fn replace(
    wanted: &ToolWanted,
    observed: &ToolObserved,
    offered: &Offered,
    context: &Context,
) -> Result<Exit, Failure> {
    let plan = plan::self_update(wanted, observed, &offered.offer(context)?)?;
    carry_out(&plan, Some(&offered.store), observed, context)
}

fn wanted(args: &SelfUpdateArgs) -> Result<ToolWanted, Failure> {
    let parse = |text: &String| text.parse().map_err(|_| Failure::NotAVersion(text.clone()));
    Ok(ToolWanted { version: args.version.as_ref().map(parse).transpose()?, allow_downgrade: args.allow_downgrade })
}

fn check(wanted: &ToolWanted, context: &Context) -> Result<Exit, Failure> {
    let observed = observe(&context.root)?;
    let (followed, memory) = follow(&observed, context)?;
    let offered = Offered::from(context.look_into(followed, &memory)?);
    offered.tell_present(&observed, context);
    let present = &observed.version;
    let newer = plan::newer(wanted, &observed, &offered.offer(context)?)?.map(|(version, _)| version.clone());
    context.ui.document(&serde_json::json!({ "schema": 1, "present": present, "newer": newer }));
    if let Some(version) = newer {
        context.ui.result(format!("qus {version} is there; this is {present}"));
        return Ok(Exit::Newer);
    }
    context.ui.result(format!("nothing to do: qus {present} is the newest"));
    Ok(Exit::Done)
}

/// The repository that this copy came from, or another that was named; and what was remembered.
fn follow(observed: &ToolObserved, context: &Context) -> Result<(Followed, Memory), Failure> {
    let receipt = plan::own(observed)?;
    let memory = context.recall(observed.trust.as_deref())?;
    let url = context.global.repository.as_ref().unwrap_or(&receipt.repository);
    let followed = Followed::at(&context.root, Some(url), context.global.offline, &memory, context.now)?;
    Ok((followed, memory))
}

/// What it says.
struct Offered {
    store: Store,
    index: VerifiedIndex,
    memory: Memory,
}

impl From<(Store, VerifiedIndex, Memory)> for Offered {
    fn from((store, index, memory): (Store, VerifiedIndex, Memory)) -> Offered {
        Offered { store, index, memory }
    }
}

impl Offered {
    fn offer(&self, context: &Context) -> Result<ToolOffer<'_>, Failure> {
        let prereleases = context.settings()?.channel.is_some_and(|channel| channel.as_str() == EDGE);
        let tools = &self.index.index().tools;
        let news = News::of(&self.memory);
        Ok(ToolOffer { tools, repository: self.store.url(), trust: self.memory.to_json(), news, prereleases })
    }

    /// Says what is known against this very program.
    fn tell_present(&self, observed: &ToolObserved, context: &Context) {
        let (news, url, present) = (News::of(&self.memory), self.store.url(), &observed.version);
        if news.revoked(url, &observed.sha256) {
            context.ui.warn(format!("this qus, {present}, was revoked: nobody is to run it any more; {ANOTHER}"));
        } else if let Some(why) = news.withdrawn_tool(url, present) {
            context.ui.note(format!("this qus, {present}, was withdrawn: {why}; {ANOTHER}"));
        }
    }
}

fn carry_out(plan: &Plan, store: Option<&Store>, observed: &ToolObserved, context: &Context) -> Result<Exit, Failure> {
    let report = context.carry_out(plan, store)?;
    context.ui.document(&report);
    let (path, present) = (&observed.path, &observed.version);
    match plan::becomes(plan) {
        None => context.ui.result(format!("nothing to do: qus {present} is the newest")),
        Some(_) if report.dry_run => {}
        Some(version) => {
            context.ui.result(format!("{path} is qus {version} now, in place of {present}"));
            context.ui.note(format!(
                "{present} is kept as {}; to go back: qus self-update --rollback",
                observed.previous_path()
            ));
            if observed.names > 1 {
                context.ui.note(format!("the file has other names (hard links), which keep qus {present}"));
            }
        }
    }
    Ok(Exit::Done)
}
