// Pages of docs/ as modules without items, so that who reads the documentation on the web has them too.
#![doc = links!()]
#![doc = include_str!("../docs/GUIDE.md")]

macro_rules! pages {
    ($($name:ident $page:literal $(where $needs:meta)?;)*) => {$(
        #[cfg_attr(not(doctest), doc = links!())]
        #[cfg_attr(all($($needs)?), doc = include_str!($page))]
        #[cfg_attr(not(all($($needs)?)), doc = "Built with all features, this is a page of the guide.")]
        pub mod $name {}
    )*};
}

pages! {
    tutorial "../docs/TUTORIAL.md";
    driving "../docs/DRIVING.md" where all(feature = "bridge", feature = "tokio", feature = "web");
    cancellation "../docs/CANCELLATION.md";
    limits "../docs/LIMITS.md";
    teardown "../docs/TEARDOWN.md" where feature = "testing";
    testing "../docs/TESTING.md" where feature = "testing";
    inspection "../docs/INSPECTION.md";
    record "../docs/RECORD.md" where feature = "record";
    embedding "../docs/EMBEDDING.md" where feature = "bridge";
    crux "../docs/CRUX.md" where feature = "testing";
    promises "../docs/PROMISES.md";
    wire "../docs/WIRE.md";
}
