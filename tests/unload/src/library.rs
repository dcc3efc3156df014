//! A library's exports, each behind a type that keeps to the order in which they may be called.

use std::ffi::c_void;
use std::path::Path;

type Object = *mut c_void;
type Act<T> = unsafe extern "C" fn(Object) -> T;

struct Exports {
    begin: unsafe extern "C" fn() -> Object,
    line: Act<Object>,
    answer: Act<bool>,
    hang_up: Act<()>,
    drive: Act<()>,
    tear_down: Act<Object>,
    is_baseline: Act<bool>,
    is_unloadable: Act<bool>,
    let_go: Act<()>,
}

/// A library that is loaded. What it makes borrows it.
pub struct Library {
    exports: Exports,
    handle: libloading::Library,
}

impl Library {
    pub fn load(path: &Path) -> Self {
        // SAFETY: the fixtures run no code of their own when they are loaded.
        let handle = unsafe { libloading::Library::new(path) }.expect("the library loads");
        macro_rules! exports {
            ($($name:ident),*) => {
                Exports {
                    $(
                        // SAFETY: the fixtures export it by this name, with this many pointers in and this out.
                        $name: *unsafe { handle.get(stringify!($name)) }
                            .expect("the library exports it"),
                    )*
                }
            };
        }
        let exports = exports!(
            begin,
            line,
            answer,
            hang_up,
            drive,
            tear_down,
            is_baseline,
            is_unloadable,
            let_go
        );
        Self { exports, handle }
    }

    pub fn begin(&self) -> Core<'_> {
        Core {
            // SAFETY: it may be called at any time.
            object: unsafe { (self.exports.begin)() },
            exports: &self.exports,
        }
    }

    /// Unloads it. Nothing that it made is left, as the borrows say.
    pub fn unload(self) {
        self.handle.close().expect("the library unloads");
    }
}

/// What a library holds.
pub struct Core<'a> {
    exports: &'a Exports,
    object: Object,
}

impl<'a> Core<'a> {
    pub fn line(&mut self) -> Line<'a> {
        Line {
            exports: self.exports,
            // SAFETY: the object is this library's, and not torn down.
            object: unsafe { (self.exports.line)(self.object) },
        }
    }

    pub fn drive(&mut self) {
        // SAFETY: as in `line`.
        unsafe { (self.exports.drive)(self.object) }
    }

    pub fn tear_down(self) -> Report<'a> {
        Report {
            exports: self.exports,
            // SAFETY: as in `line`; it is given up by this.
            object: unsafe { (self.exports.tear_down)(self.object) },
        }
    }
}

/// A way to answer.
pub struct Line<'a> {
    exports: &'a Exports,
    object: Object,
}

// SAFETY: it is a box of resolvers and a feed, which may go to other threads, and nobody else has it.
unsafe impl Send for Line<'_> {}

impl Line<'_> {
    pub fn answer(&mut self) -> bool {
        // SAFETY: the object is this library's, and not given back.
        unsafe { (self.exports.answer)(self.object) }
    }

    pub fn hang_up(self) {
        // SAFETY: as in `answer`; it is given up by this.
        unsafe { (self.exports.hang_up)(self.object) }
    }
}

/// What a teardown reported.
pub struct Report<'a> {
    exports: &'a Exports,
    object: Object,
}

impl Report<'_> {
    pub fn is_baseline(&self) -> bool {
        // SAFETY: the object is this library's, and not dropped.
        unsafe { (self.exports.is_baseline)(self.object) }
    }

    pub fn is_unloadable(&self) -> bool {
        // SAFETY: as in `is_baseline`.
        unsafe { (self.exports.is_unloadable)(self.object) }
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        // SAFETY: as in `is_baseline`; nobody calls it after this.
        unsafe { (self.exports.let_go)(self.object) }
    }
}
