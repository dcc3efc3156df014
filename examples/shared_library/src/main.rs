//! The host: it loads the library, drives the core that is in it, tears that down, and unloads the library.
//!
//! ```sh
//! cargo build --package shared-library
//! cargo run --package shared-library
//! ```
//!
//! It knows no type of the library's: it has a pointer, numbers and bytes.

use std::error::Error;
use std::ffi::c_void;
use std::path::Path;

use libloading::Library;
use serde::Deserialize;
use serde_json::Value;

/// The core, as the host knows it.
type Core = *mut c_void;

/// Bytes that are the library's, and stay until the next call.
#[repr(C)]
struct Bytes {
    data: *const u8,
    length: usize,
}

/// What the library exports.
struct Exports {
    begin: extern "C" fn() -> Core,
    drive: unsafe extern "C" fn(Core) -> Bytes,
    resolve: unsafe extern "C" fn(Core, u64, *const u8, usize) -> bool,
    tear_down: unsafe extern "C" fn(Core) -> Bytes,
    end: unsafe extern "C" fn(&mut Core) -> bool,
}

impl Exports {
    fn of(library: &Library) -> Result<Self, libloading::Error> {
        // SAFETY: the library is this package's, which exports these functions with these types.
        unsafe {
            Ok(Self {
                begin: *library.get("begin")?,
                drive: *library.get("drive")?,
                resolve: *library.get("resolve")?,
                tear_down: *library.get("tear_down")?,
                end: *library.get("end")?,
            })
        }
    }
}

/// What the core wants, as docs/WIRE.md has it.
#[derive(Deserialize)]
struct Batch {
    items: Vec<Value>,
}

/// The items of a batch. Everything is copied, so that nothing of it is the library's.
fn items(batch: &Bytes) -> Result<Vec<Value>, serde_json::Error> {
    // SAFETY: the library gives a pointer to so many bytes, and it was not called since.
    let bytes = unsafe { std::slice::from_raw_parts(batch.data, batch.length) };
    serde_json::from_slice(bytes).map(|batch: Batch| batch.items)
}

/// Uses the library, and says whether it may be unloaded.
fn greet(exports: &Exports) -> Result<bool, Box<dyn Error>> {
    let mut core = (exports.begin)();
    loop {
        // SAFETY: the core is this library's, and not freed: so it is below.
        let wanted = items(&unsafe { (exports.drive)(core) })?;
        if wanted.is_empty() {
            break;
        }
        for item in wanted {
            let (effect, operation) = (item["effect"].as_str(), &item["operation"]);
            match (effect, operation["of"].as_str(), item["id"].as_u64()) {
                (Some("AskName"), Some("the first"), Some(id)) => {
                    let answer = br#""Ada""#;
                    // SAFETY: as above, and these are the answer's bytes.
                    let ok = unsafe { (exports.resolve)(core, id, answer.as_ptr(), answer.len()) };
                    println!("asked for a name: the answer is accepted: {ok}");
                }
                (Some("AskName"), ..) => println!("asked for another name, which nobody answers"),
                _ => println!("told: {operation}"),
            }
        }
    }
    // SAFETY: as above.
    for item in items(&unsafe { (exports.tear_down)(core) })? {
        match item["text"].as_str() {
            Some(report) => println!("{report}"),
            None => println!("the core gives up request {}", item["id"]),
        }
    }
    // SAFETY: as above; this empties the pointer.
    Ok(unsafe { (exports.end)(&mut core) })
}

fn main() -> Result<(), Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let path = program.with_file_name(libloading::library_filename("greeter"));
    println!("before: the library is {}", whereabouts(&path));

    // SAFETY: the library runs no code of its own when it is loaded or unloaded.
    let library = unsafe { Library::new(&path) }?;
    println!("loaded: the library is {}", whereabouts(&path));
    let may_go = greet(&Exports::of(&library)?)?;
    println!("it may be unloaded: {may_go}");
    library.close()?;
    println!("unloaded: the library is {}", whereabouts(&path));
    Ok(())
}

/// Whether the system has a file in this process's memory.
fn whereabouts(path: &Path) -> &'static str {
    match std::fs::read_to_string("/proc/self/maps") {
        Ok(maps)
            if maps
                .lines()
                .any(|line| line.ends_with(&*path.to_string_lossy())) =>
        {
            "mapped"
        }
        Ok(_) => "not mapped",
        Err(_) => "where only the system knows; Linux tells",
    }
}
