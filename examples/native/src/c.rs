//! The same for C: `include/linkcheck.h` is written from this file by cbindgen, so what it says is for those who read
//! that.

use std::any::Any;
use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut, slice_from_raw_parts};
use std::sync::Arc;

use crate::{Bell, BellError, Encoding, SessionError, Settings};

/// What linkcheck_abi gives for this header. It is raised by whatever breaks a program that was compiled against it.
pub const LINKCHECK_ABI: u32 = 1;

/// What crosses is written as JSON.
pub const LINKCHECK_JSON: u32 = 0;

/// What crosses is written as MessagePack.
pub const LINKCHECK_MESSAGEPACK: u32 = 1;

/// What a call came to.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkcheckStatus {
    /// It was done.
    Ok = 0,
    /// No batch has had this id.
    Unknown = 1,
    /// Nobody awaits it any more.
    Stale = 2,
    /// It has its answer or its end, which the task has not read yet.
    AlreadyAnswered = 3,
    /// A stream was resolved, or a request was sent an item or ended.
    WrongKind = 4,
    /// The stream holds as many items as it may: send this one again after a turn.
    Full = 5,
    /// The answer is no value of the type that is wanted. The right one can still come.
    Undecodable = 6,
    /// The answer is longer than it may be.
    TooLarge = 7,
    /// Code of the library's panicked.
    Panicked = 8,
    /// The session is torn down.
    TornDown = 9,
    /// The call was made from within a bell.
    WithinBell = 10,
    /// A setting, a pointer or a text that it was given is wrong.
    BadArgument = 11,
    /// What has no number in this version.
    Other = 12,
}

impl From<&SessionError> for LinkcheckStatus {
    fn from(error: &SessionError) -> Self {
        match error {
            SessionError::Unknown(_) => Self::Unknown,
            SessionError::Stale(_) => Self::Stale,
            SessionError::AlreadyAnswered(_) => Self::AlreadyAnswered,
            SessionError::WrongKind(_) => Self::WrongKind,
            SessionError::Full(_) => Self::Full,
            SessionError::Undecodable(_) => Self::Undecodable,
            SessionError::TooLarge(_) => Self::TooLarge,
            SessionError::Panicked(_) => Self::Panicked,
            SessionError::TornDown(_) => Self::TornDown,
            SessionError::WithinBell(_) => Self::WithinBell,
            SessionError::BadArgument(_) => Self::BadArgument,
            SessionError::Other(_) => Self::Other,
        }
    }
}

/// A core and its bridge. All but linkcheck_free may be called on one from several threads at once.
pub struct LinkcheckSession(Arc<crate::Session>);

/// Bytes that the library gave. Release them with linkcheck_buffer_free and change nothing in it. Where length is 0,
/// data is NULL and there is nothing to release.
#[repr(C)]
pub struct LinkcheckBuffer {
    /// The first of them.
    pub data: *mut u8,
    /// How many.
    pub length: usize,
    /// The library's own.
    pub capacity: usize,
}

impl LinkcheckBuffer {
    const EMPTY: Self = Self {
        data: null_mut(),
        length: 0,
        capacity: 0,
    };

    fn new(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() {
            return Self::EMPTY;
        }
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        Self {
            data: bytes.as_mut_ptr(),
            length: bytes.len(),
            capacity: bytes.capacity(),
        }
    }
}

/// What a turn came to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct LinkcheckTurn {
    /// Polls made.
    pub polled: u64,
    /// Tasks that are done by it.
    pub completed: u64,
    /// Tasks that have panicked in it.
    pub panicked: u64,
    /// Tasks that are left; none means that the core is done.
    pub pending: u64,
    /// Not 0 where work is left that the budget did not reach: no bell rings for it, so take another turn.
    pub budget_spent: u32,
}

/// Called with the pointer that it was given with, when work has come and nobody is driving: take a turn soon.
///
/// It is called on whichever thread brought the work, before that call returns. It must not call the session, which is
/// LINKCHECK_STATUS_WITHIN_BELL, nor unwind (no C++ exception, no longjmp), nor wait for a thread that is in
/// linkcheck_teardown or linkcheck_free. It should post an event and return.
pub type LinkcheckBell = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// A bell and its pointer.
struct CBell {
    ring: unsafe extern "C" fn(user: *mut c_void),
    user: *mut c_void,
}

// SAFETY: the header says that the bell is called on any thread, so that what `user` points to is fit for it.
unsafe impl Send for CBell {}
// SAFETY: as above.
unsafe impl Sync for CBell {}

impl Bell for CBell {
    fn ring(&self) -> Result<(), BellError> {
        // SAFETY: the caller has given the two together, to be called until a teardown or a free has returned.
        unsafe { (self.ring)(self.user) };
        Ok(())
    }
}

type Given = Result<Vec<u8>, SessionError>;

fn bad(what: &str) -> SessionError {
    SessionError::BadArgument(what.to_owned())
}

/// Every call: what panics ends here, and what it came to is handed out.
///
/// # Safety
///
/// `out` is null or may be written to.
unsafe fn entry(out: *mut LinkcheckBuffer, act: impl FnOnce() -> Given) -> LinkcheckStatus {
    let given = catch_unwind(AssertUnwindSafe(act))
        .unwrap_or_else(|payload| Err(SessionError::Panicked(text(payload))));
    let (status, bytes) = match given {
        Ok(bytes) => (LinkcheckStatus::Ok, bytes),
        Err(error) => (
            LinkcheckStatus::from(&error),
            error.message().as_bytes().to_vec(),
        ),
    };
    if !out.is_null() {
        // SAFETY: it is not null, so by this function's contract it may be written to.
        unsafe { out.write(LinkcheckBuffer::new(bytes)) };
    }
    status
}

/// What a panic says. Its payload is not dropped: its destructor may panic as well.
fn text(payload: Box<dyn Any + Send>) -> String {
    let payload = std::mem::ManuallyDrop::new(payload);
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text")
        .to_owned()
}

/// The session of a handle.
///
/// # Safety
///
/// `session` is null, or was given by a constructor and has not been freed.
unsafe fn session<'a>(
    session: *const LinkcheckSession,
) -> Result<&'a crate::Session, SessionError> {
    // SAFETY: by this function's contract.
    match unsafe { session.as_ref() } {
        Some(session) => Ok(&session.0),
        None => Err(bad("the session is NULL")),
    }
}

/// The bytes at a pointer.
///
/// # Safety
///
/// `data` is null or points to `length` bytes that nobody changes meanwhile.
unsafe fn bytes<'a>(data: *const u8, length: usize) -> Result<&'a [u8], SessionError> {
    match length {
        0 => Ok(&[]),
        _ if data.is_null() => Err(bad("there are bytes, and their pointer is NULL")),
        _ if isize::try_from(length).is_err() => Err(SessionError::TooLarge(
            "more bytes than there are addresses".to_owned(),
        )),
        // SAFETY: it is not null, short enough for a slice, and readable by this function's contract.
        _ => Ok(unsafe { &*slice_from_raw_parts(data, length) }),
    }
}

/// A call of a session.
///
/// # Safety
///
/// As for `session` and `entry`.
unsafe fn call(
    session: *const LinkcheckSession,
    out: *mut LinkcheckBuffer,
    act: impl FnOnce(&crate::Session) -> Given,
) -> LinkcheckStatus {
    // SAFETY: by this function's contract.
    unsafe { entry(out, || act(self::session(session)?)) }
}

/// A call of a session that is given bytes.
///
/// # Safety
///
/// As for `session`, `bytes` and `entry`.
unsafe fn call_with(
    session: *const LinkcheckSession,
    data: *const u8,
    length: usize,
    out: *mut LinkcheckBuffer,
    act: impl FnOnce(&crate::Session, &[u8]) -> Result<(), SessionError>,
) -> LinkcheckStatus {
    // SAFETY: by this function's contract.
    unsafe {
        call(session, out, |session| {
            act(session, bytes(data, length)?)?;
            Ok(Vec::new())
        })
    }
}

/// Hands a new session out.
///
/// # Safety
///
/// `session` is null or may be written to.
unsafe fn give(
    session: *mut *mut LinkcheckSession,
    encoding: u32,
    make: impl FnOnce(Encoding) -> Result<Arc<crate::Session>, SessionError>,
) -> Given {
    if session.is_null() {
        return Err(bad("there is nowhere to put the session"));
    }
    // SAFETY: it is not null, so by this function's contract it may be written to.
    unsafe { session.write(null_mut()) };
    let encoding = match encoding {
        LINKCHECK_JSON => Encoding::Json,
        LINKCHECK_MESSAGEPACK => Encoding::MessagePack,
        _ => return Err(bad("the encoding is neither JSON nor MessagePack")),
    };
    let made = Box::new(LinkcheckSession(make(encoding)?));
    // SAFETY: as above.
    unsafe { session.write(Box::into_raw(made)) };
    Ok(Vec::new())
}

fn bell(ring: LinkcheckBell, user: *mut c_void) -> Option<Box<dyn Bell>> {
    Some(Box::new(CBell { ring: ring?, user }))
}

/// LINKCHECK_ABI of the library: refuse to go on where it is not that of the header.
#[unsafe(no_mangle)]
pub extern "C" fn linkcheck_abi() -> u32 {
    LINKCHECK_ABI
}

/// The version of what crosses, which every batch bears: docs/WIRE.md describes it.
#[unsafe(no_mangle)]
pub extern "C" fn linkcheck_wire_version() -> u32 {
    stillpoint::bridge::VERSION
}

/// The name of a status, as docs/WIRE.md has it; "" for a number that is none. It is never to be released.
#[unsafe(no_mangle)]
pub extern "C" fn linkcheck_status_name(status: i32) -> *const c_char {
    let name = match status {
        0 => c"ok",
        1 => c"unknown",
        2 => c"stale",
        3 => c"alreadyAnswered",
        4 => c"wrongKind",
        5 => c"full",
        6 => c"undecodable",
        7 => c"tooLarge",
        8 => c"panicked",
        9 => c"tornDown",
        10 => c"withinBell",
        11 => c"badArgument",
        12 => c"other",
        _ => c"",
    };
    name.as_ptr()
}

/// Starts a check. The settings are JSON, such as `{"concurrency":8,"offline":true}`; length 0 means the usual ones.
/// The bell may be NULL. Begin with a turn: the bell does not ring for the first one.
///
/// # Safety
///
/// settings points to that many bytes, session and out are each NULL or may be written to, and bell may be called
/// with user on any thread until linkcheck_teardown or linkcheck_free has returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_check(
    settings: *const u8,
    settings_length: usize,
    encoding: u32,
    bell: LinkcheckBell,
    user: *mut c_void,
    session: *mut *mut LinkcheckSession,
    out: *mut LinkcheckBuffer,
) -> LinkcheckStatus {
    let make = |encoding| {
        // SAFETY: as the caller promises.
        let settings = match unsafe { bytes(settings, settings_length) }? {
            [] => Settings::default(),
            json => Settings::read(json)?,
        };
        crate::Session::check(settings, encoding, self::bell(bell, user))
    };
    // SAFETY: as the caller promises.
    unsafe { entry(out, || give(session, encoding, make)) }
}

/// Starts a core that does as the shell orders, to try a shell on: the README of examples/native has the orders.
///
/// # Safety
///
/// As for linkcheck_check.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_rehearsal(
    encoding: u32,
    bell: LinkcheckBell,
    user: *mut c_void,
    session: *mut *mut LinkcheckSession,
    out: *mut LinkcheckBuffer,
) -> LinkcheckStatus {
    let make = |encoding| Ok(crate::Session::rehearsal(encoding, self::bell(bell, user)));
    // SAFETY: as the caller promises.
    unsafe { entry(out, || give(session, encoding, make)) }
}

/// Takes a turn with at most budget polls. turn may be NULL. Drain afterwards.
///
/// # Safety
///
/// session is NULL or not freed; turn and out are each NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_run(
    session: *const LinkcheckSession,
    budget: u32,
    turn: *mut LinkcheckTurn,
    out: *mut LinkcheckBuffer,
) -> LinkcheckStatus {
    let run = |session: &crate::Session| {
        let taken = session.run(budget)?;
        if !turn.is_null() {
            let taken = LinkcheckTurn {
                polled: taken.polled,
                completed: taken.completed,
                panicked: taken.panicked,
                pending: taken.pending,
                budget_spent: taken.budget_spent.into(),
            };
            // SAFETY: it is not null, and the caller promises the rest.
            unsafe { turn.write(taken) };
        }
        Ok(Vec::new())
    };
    // SAFETY: as the caller promises.
    unsafe { call(session, out, run) }
}

/// Takes what was emitted, as a batch. out is not NULL: what it takes would be lost.
///
/// # Safety
///
/// session is NULL or not freed; out is NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_drain(
    session: *const LinkcheckSession,
    out: *mut LinkcheckBuffer,
) -> LinkcheckStatus {
    let drain = |session: &crate::Session| match out.is_null() {
        true => Err(bad("there is nowhere to put the batch")),
        false => session.drain(),
    };
    // SAFETY: as the caller promises.
    unsafe { call(session, out, drain) }
}

/// Answers a request.
///
/// # Safety
///
/// session is NULL or not freed; answer points to that many bytes; out is NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_resolve(
    session: *const LinkcheckSession,
    id: u64,
    answer: *const u8,
    length: usize,
    out: *mut LinkcheckBuffer,
) -> LinkcheckStatus {
    // SAFETY: as the caller promises.
    unsafe {
        call_with(session, answer, length, out, |session, answer| {
            session.resolve_with(id, answer)
        })
    }
}

/// Fails a request, or a stream after what was sent, with a message in UTF-8.
///
/// # Safety
///
/// session is NULL or not freed; message points to that many bytes; out is NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_fail(
    session: *const LinkcheckSession,
    id: u64,
    message: *const u8,
    length: usize,
    out: *mut LinkcheckBuffer,
) -> LinkcheckStatus {
    let fail = |session: &crate::Session, message: &[u8]| {
        let message = str::from_utf8(message).map_err(|_| bad("the message is not UTF-8"))?;
        session.fail(id, message.to_owned())
    };
    // SAFETY: as the caller promises.
    unsafe { call_with(session, message, length, out, fail) }
}

/// Sends an item to a stream.
///
/// # Safety
///
/// session is NULL or not freed; item points to that many bytes; out is NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_send(
    session: *const LinkcheckSession,
    id: u64,
    item: *const u8,
    length: usize,
    out: *mut LinkcheckBuffer,
) -> LinkcheckStatus {
    // SAFETY: as the caller promises.
    unsafe {
        call_with(session, item, length, out, |session, item| {
            session.send_with(id, item)
        })
    }
}

/// Ends a stream, after what was sent.
///
/// # Safety
///
/// session is NULL or not freed; out is NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_end(
    session: *const LinkcheckSession,
    id: u64,
    out: *mut LinkcheckBuffer,
) -> LinkcheckStatus {
    // SAFETY: as the caller promises.
    unsafe { call_with(session, null(), 0, out, |session, _| session.end(id)) }
}

/// Takes a look at the tasks and requests that it holds.
///
/// # Safety
///
/// session is NULL or not freed; out is NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_snapshot(
    session: *const LinkcheckSession,
    out: *mut LinkcheckBuffer,
) -> LinkcheckStatus {
    // SAFETY: as the caller promises.
    unsafe { call(session, out, crate::Session::snapshot) }
}

/// Gives the check's report as JSON once it is done, and nothing before. It can be asked for after a teardown as well.
///
/// # Safety
///
/// session is NULL or not freed; out is NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_report(
    session: *const LinkcheckSession,
    out: *mut LinkcheckBuffer,
) -> LinkcheckStatus {
    let report = |session: &crate::Session| {
        let report = session.report();
        Ok(report.map(String::into_bytes).unwrap_or_default())
    };
    // SAFETY: as the caller promises.
    unsafe { call(session, out, report) }
}

/// Comes to rest, and gives the last batch, whose last item is the report of what was held. When it has returned the
/// bell is not ringing and will not ring. Free the session afterwards all the same.
///
/// # Safety
///
/// session is NULL or not freed; out is NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_teardown(
    session: *const LinkcheckSession,
    out: *mut LinkcheckBuffer,
) -> LinkcheckStatus {
    // SAFETY: as the caller promises.
    unsafe { call(session, out, crate::Session::teardown) }
}

/// Frees a session and sets its pointer to NULL, so that a second call does nothing. One that was not torn down frees
/// what it holds and tells nobody of it. From within a bell it is refused. No other call of this session may be under
/// way, or come after; what it gave, buffers and reports, stays.
///
/// # Safety
///
/// session is NULL or points to NULL or to a session that is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_free(session: *mut *mut LinkcheckSession) -> LinkcheckStatus {
    let free = || {
        // SAFETY: as the caller promises.
        let Some(place) = (unsafe { session.as_mut() }) else {
            return Err(bad("there is no pointer to a session"));
        };
        // SAFETY: as the caller promises.
        let Some(held) = (unsafe { place.as_ref() }) else {
            return Ok(Vec::new());
        };
        held.0.silence()?;
        let held = std::mem::replace(place, null_mut());
        // SAFETY: it is not null, was made by `give`, and its only pointer is gone.
        drop(unsafe { Box::from_raw(held) });
        Ok(Vec::new())
    };
    // SAFETY: null is no place to write to.
    unsafe { entry(null_mut(), free) }
}

/// Releases a buffer and empties it, so that a second call does nothing. NULL and an empty one are nothing to release.
///
/// # Safety
///
/// buffer is NULL, or points to one that the library gave or that is all zeros.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkcheck_buffer_free(buffer: *mut LinkcheckBuffer) {
    // SAFETY: as the caller promises.
    let Some(place) = (unsafe { buffer.as_mut() }) else {
        return;
    };
    let LinkcheckBuffer {
        data,
        length,
        capacity,
    } = std::mem::replace(place, LinkcheckBuffer::EMPTY);
    if !data.is_null() {
        // SAFETY: not null, so it was made by `LinkcheckBuffer::new` from such a vector, and its only pointer is gone.
        drop(unsafe { Vec::from_raw_parts(data, length, capacity) });
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use stillpoint::RequestId;
    use stillpoint::bridge::BridgeError;
    use stillpoint::portable::Kind;

    use super::*;

    fn name(status: i32) -> String {
        // SAFETY: it gives texts that are part of the library.
        let name = unsafe { CStr::from_ptr(linkcheck_status_name(status)) };
        name.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_status_has_the_name_that_the_wire_form_gives_its_error() {
        let id = RequestId::from_u64(7);
        let errors = [
            BridgeError::Unknown(id),
            BridgeError::Stale(id),
            BridgeError::AlreadyAnswered(id),
            BridgeError::WrongKind {
                id,
                effect: "Ask",
                kind: Kind::Request,
            },
            BridgeError::Full(id),
            BridgeError::Undecodable {
                id,
                effect: "Ask",
                path: String::new(),
                message: String::new(),
            },
            BridgeError::TooLarge { bytes: 2, limit: 1 },
            BridgeError::Panicked {
                message: String::new(),
            },
            BridgeError::TornDown,
        ];
        for (number, error) in (1..).zip(errors) {
            let status = LinkcheckStatus::from(&SessionError::from(error.clone()));
            assert_eq!(status as i32, number);
            assert_eq!(name(number), error.code());
        }
        assert_eq!(name(LinkcheckStatus::Other as i32), "other");
        assert_eq!(name(LinkcheckStatus::Other as i32 + 1), "");
    }

    #[test]
    fn a_panic_in_a_call_is_a_status_and_its_text() {
        let mut out = LinkcheckBuffer::EMPTY;
        // SAFETY: `out` may be written to.
        let status = unsafe { entry(&raw mut out, || panic!("in {}", "a call")) };
        assert_eq!(status, LinkcheckStatus::Panicked);
        // SAFETY: it was given just now.
        let text = unsafe { bytes(out.data, out.length) };
        assert_eq!(text.unwrap(), b"in a call");
        // SAFETY: as above.
        unsafe { linkcheck_buffer_free(&raw mut out) };
        assert!(out.data.is_null());
    }
}
