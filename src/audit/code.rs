//! The codes of findings: one table, which `docs/audit.md` repeats and a test compares.

macro_rules! codes {
    ($($(#[$section:meta])* $name:ident $number:literal $slug:literal $meaning:literal $fix:literal;)*) => {
        /// What an audit can find. A number is never used for anything else again.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $meaning] $name,)* }

        impl Code {
            /// Every code, by number.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the number behind `AP`; its first digit is the area.
            pub fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// Returns the name, as `AP101 chain-broken` has it.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// Returns what is wrong.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// Returns what to do about it.
            pub fn fix(self) -> &'static str {
                match self { $(Self::$name => $fix,)* }
            }
        }
    };
}

codes! {
    ChainBroken 101 "chain-broken"
        "A line of the journal does not hold the hash of the line before it: something was changed, removed, inserted or moved."
        "do not believe this run; compare with a copy of the evidence, or with its head";
    LineMalformed 102 "line-malformed"
        "A line of the journal is not what autopilot writes: no JSON, an unknown event or field, a key twice, other bytes around it, too long."
        "do not believe this run; if a newer autopilot wrote it, audit with that one";
    VersionUnknown 103 "version-unknown"
        "The journal is of a format version that this autopilot does not read."
        "audit with the autopilot that wrote it";
    JournalTorn 104 "journal-torn"
        "The journal does not end with a whole line: its runner died while it wrote, or it was cut off."
        "run the issue again: the run that died is picked up first, and gets an end";
    RunUnfinished 105 "run-unfinished"
        "The run has no last event: it still runs, was interrupted, crashed, or was cut off."
        "wait for it; or run the issue again: a run that died is picked up first, and gets an end";
    EventAfterHead 106 "event-after-head"
        "Something other than publishing, resuming or picking up follows the head."
        "do not believe what follows the head";
    WrongRun 107 "wrong-run"
        "The journal is of another run than its name says, or does not begin with the start of a run."
        "do not believe this run: its evidence was copied or renamed";
    EvidenceMissing 108 "evidence-missing"
        "There is no journal of a run that must have one."
        "bring the evidence back from a copy; without it nothing is known of the run";
    FileMissing 201 "file-missing"
        "A file of the run's evidence is not there."
        "bring it back from a copy";
    FileChanged 202 "file-changed"
        "A file of the run's evidence is not the one that was sealed."
        "bring it back from a copy; if git converted its line ends: `.ai/logs/** -text` in .gitattributes";
    FileUnsealed 203 "file-unsealed"
        "A file of the run's evidence is there that the seal does not know."
        "take it away: the run did not write it";
    SealWrong 204 "seal-wrong"
        "The seal names other files than this run must have."
        "do not believe this run";
    NotRegular 205 "not-regular"
        "A link, folder or special file stands where a file of the evidence belongs."
        "take it away, and bring the file back from a copy";
    FileTooLarge 206 "file-too-large"
        "A file of the evidence is larger than any run makes it."
        "look at it by hand: the run did not write it like that";
    FileUnreadable 207 "file-unreadable"
        "A file of the evidence cannot be read."
        "audit as the user who ran it";
    ProvenanceChanged 208 "provenance-changed"
        "The provenance is not the one that the journal attests."
        "bring it back from a copy";
    ProvenanceWrong 209 "provenance-wrong"
        "The provenance is no in-toto statement, or says something else than the journal."
        "do not believe this run";
    HeadDiffers 210 "head-differs"
        "The head is not the one that is known from elsewhere: the journal was rewritten or cut."
        "do not believe this run; bring the evidence back from a copy";
    HeadUnknown 211 "head-unknown"
        "The file of heads does not know the run."
        "add the head that `autopilot run --json` printed, if you know it from there; not one of this journal";
    FileStray 212 "file-stray"
        "A file of evidence belongs to no run that has a journal."
        "bring the journal back from a copy, or take the file away";
    SalvageOpen 213 "salvage-open"
        "Others may read a bundle of the run, which holds files as they were, unmasked."
        "chmod 600 it";
    SalvageDiffers 214 "salvage-differs"
        "The salvage bundle holds other commits than the events say were saved."
        "do not believe this run";
    LogDiffers 215 "log-differs"
        "The log does not have the parts of the attempts where the events say they are."
        "do not believe this run";
    CheckpointsDiffer 216 "checkpoints-differ"
        "The bundle of the result's commits holds others than the events record, or stands on another base."
        "do not believe this run";
    StrayWorktree 301 "stray-worktree"
        "The directory of a run that has ended is still there."
        "autopilot clean; one that was kept goes with --kept";
    StrayLock 302 "stray-lock"
        "A lock is there whose holder is gone."
        "autopilot clean";
    StrayRef 303 "stray-ref"
        "A ref that a run holds only while it runs is still there."
        "git update-ref -d REF, once nothing runs";
    StrayProcess 304 "stray-process"
        "A process of a run that has ended is still there."
        "look at what it does, then end it: kill PID";
    StateUnreadable 305 "state-unreadable"
        "The state directory cannot be read, so what is left there is unknown."
        "audit as the user who ran it, with the same AUTOPILOT_STATE_DIR";
    StartWithoutEnd 401 "start-without-end"
        "Something began and never ended, or ended without having begun."
        "do not believe this run";
    OutOfOrder 402 "out-of-order"
        "The events are in an order that no run has."
        "do not believe this run";
    ResultWrong 403 "result-wrong"
        "A result does not follow from what happened, such as success over a failed step."
        "do not believe the result; read the journal's commands";
    PlanNotFollowed 404 "plan-not-followed"
        "What was run is not what the plan in the journal's first event says."
        "do not believe this run";
    SummaryWrong 405 "summary-wrong"
        "The summary says something else than the events."
        "do not believe the summary";
    FailureReportWrong 406 "failure-report-wrong"
        "The failure report says something else than the events."
        "do not believe the failure report";
    NotConfined 501 "not-confined"
        "A command ran, and nothing tells what was enforced for it."
        "do not merge before somebody has looked at what it did";
    PolicyWeakened 502 "policy-weakened"
        "Less was enforced for a command than its policy demands."
        "run it again on a host that can: autopilot doctor";
    Degraded 503 "degraded"
        "A protection was given up by --allow-degraded."
        "run it again on a host that can: autopilot doctor";
    NetworkOpen 504 "network-open"
        "A command shared the host's network, and the plan does not say so."
        "do not merge before somebody has looked at what it did";
    Survivors 505 "survivors"
        "Processes of a command could not be ended."
        "look for them, then run it again";
    SecretFound 601 "secret-found"
        "Something that looks like a secret stands in the evidence."
        "revoke it; then take the evidence out of wherever it was published";
    BaseMissing 701 "base-missing"
        "The base commit is not in the repository."
        "audit in a full clone: git fetch --unshallow, or the repository the run was made in";
    BranchMissing 702 "branch-missing"
        "The result branch is gone, and no other ref holds its commits."
        "bring it back from where it was pushed, or from the reflog";
    BranchRewritten 703 "branch-rewritten"
        "The result branch does not hold the recorded result."
        "do not merge it as the run's result";
    CommitsDiffer 704 "commits-differ"
        "The commits between base and result are not the recorded checkpoints."
        "do not merge it as the run's result";
    ChangesDiffer 705 "changes-differ"
        "A checkpoint changes other paths than its record says."
        "do not merge it before somebody has read the whole diff";
    BranchUnrecorded 706 "branch-unrecorded"
        "There is a result branch that no journal tells of."
        "bring the journal back, or rename the branch if a person made it";
    RepositoryUnreadable 707 "repository-unreadable"
        "Git could not tell what has to be compared."
        "git fsck; then audit again";
    PlanDiffers 708 "plan-differs"
        "The commit that is said to hold the plan file does not hold it as it was read."
        "do not believe where the plan came from; read it in the journal's first event";
    CacheForeign 709 "cache-foreign"
        "A run says that it found a cache that no run like it can have left: of a base that its own does not have in its history, or with other lock files."
        "do not believe what was built from it: autopilot clean --caches, and run it again";
    CommentMissing 801 "comment-missing"
        "No comment on the issue tells the run's head."
        "autopilot publish RUN, if the run is to be believed for other reasons; else do not believe it";
    CommentDiffers 802 "comment-differs"
        "A comment on the issue that bears the run's marker tells another head."
        "look at who wrote it when; unless it is a stranger's, do not believe this run";
    GithubUnreachable 803 "github-unreachable"
        "GitHub could not be asked for the comment."
        "gh auth status; then audit again";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AP{} {}", self.number(), self.slug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_used_once_and_grow() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number(), "{} {}", pair[0], pair[1]);
        }
        let mut slugs: Vec<&str> = Code::ALL.iter().map(|code| code.slug()).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), Code::ALL.len());
    }
}
