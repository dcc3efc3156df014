// Where the labels lead by which the pages of docs/ name each other. A page defines them at its end as files beside it, so
// that it leads there on a forge. Of two definitions of a label the first counts: these stand before each page of the
// documentation, and lead to its modules.
macro_rules! links {
    () => {
        "
[front page]: crate
[guide]: crate::guide
[tutorial]: crate::guide::tutorial
[driving]: crate::guide::driving
[by bytes]: crate::guide::driving#by-bytes
[cancellation]: crate::guide::cancellation
[limits]: crate::guide::limits
[what is too much]: crate::guide::limits#limits
[teardown]: crate::guide::teardown
[testing]: crate::guide::testing
[probes]: crate::guide::testing#what-is-to-come-back
[inspection]: crate::guide::inspection
[embedding]: crate::guide::embedding
[crux]: crate::guide::crux
[promises]: crate::guide::promises
[record]: crate::guide::record
[wire]: crate::guide::wire
[a batch]: crate::guide::wire#a-batch
[a bridge's snapshots]: crate::guide::wire#a-snapshot
[codes]: crate::guide::wire#errors
"
    };
}
