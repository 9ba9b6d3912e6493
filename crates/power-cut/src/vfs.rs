//! The layer beneath SQLite: passes everything to the system's own files, notes it, and fails when told to.
//!
//! The shape is that of SQLite's own `test_vfs` and of <https://www.sqlite.org/vfs.html>: a file of ours is
//! followed in memory by the file of the VFS below. Files elsewhere are opened by that one directly.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::ffi;

use crate::Watched;
use crate::tape::Deed;

const JOURNALS: c_int = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;

static WATCHED: Mutex<Vec<Arc<Watched>>> = Mutex::new(Vec::new());
static BELOW: OnceLock<Below> = OnceLock::new();

/// The VFS of the system.
struct Below(*mut ffi::sqlite3_vfs);

// SAFETY: a registered VFS is never freed, and SQLite itself calls it from all threads.
unsafe impl Send for Below {}
// SAFETY: as above.
unsafe impl Sync for Below {}

/// A file in a watched folder, as SQLite sees it. The file below lies behind it.
#[repr(C, align(8))]
struct File {
    base: ffi::sqlite3_file,
    /// Boxed; freed when the file is closed.
    note: *mut Note,
}

struct Note {
    disk: Arc<Watched>,
    name: Arc<str>,
    /// A new journal or log: SQLite's first sync of it syncs its folder too.
    folder_too: AtomicBool,
}

pub(crate) fn watch(disk: &Arc<Watched>) {
    BELOW.get_or_init(register);
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(disk));
}

pub(crate) fn forget(disk: &Arc<Watched>) {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, disk));
}

fn register() -> Below {
    // SAFETY: the default VFS lives for ever; ours is leaked, so it does too.
    unsafe {
        ffi::sqlite3_initialize();
        let below = ffi::sqlite3_vfs_find(std::ptr::null());
        assert!(!below.is_null(), "SQLite has a default VFS");
        let mut ours = *below;
        ours.szOsFile += size_of::<File>() as c_int;
        ours.pNext = std::ptr::null_mut();
        ours.zName = c"power-cut".as_ptr();
        ours.xOpen = Some(open);
        ours.xDelete = Some(delete);
        let registered = ffi::sqlite3_vfs_register(Box::into_raw(Box::new(ours)), 1);
        assert_eq!(registered, ffi::SQLITE_OK, "SQLite takes a VFS");
        Below(below)
    }
}

fn below() -> *mut ffi::sqlite3_vfs {
    BELOW.get().expect("registered before it is called").0
}

/// Finds whose file a path is. SQLite has made it absolute.
fn note_of(path: *const c_char) -> Option<Note> {
    if path.is_null() {
        return None;
    }
    // SAFETY: SQLite hands a C string.
    let path = Path::new(unsafe { CStr::from_ptr(path) }.to_str().ok()?);
    let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
    let watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    let disk = watched.iter().find(|disk| disk.folder == folder)?;
    Some(Note { disk: Arc::clone(disk), name: Arc::from(name), folder_too: AtomicBool::new(false) })
}

impl Note {
    /// Does something to a file and writes it down if it worked; nothing else comes between.
    fn record(&self, work: impl FnOnce() -> c_int, deed: impl FnOnce() -> Deed) -> c_int {
        let Some(tape) = &self.disk.tape else { return work() };
        let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = work();
        if outcome == ffi::SQLITE_OK {
            tape.push(&self.name, deed());
        }
        outcome
    }

    /// Takes room for the growth of a file; returns whether there was enough.
    fn grow(&self, by: u64) -> bool {
        let take = |room: u64| if room == u64::MAX { Some(room) } else { room.checked_sub(by) };
        self.disk.faults.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok()
    }

    fn sync(&self, work: impl FnOnce() -> c_int) -> c_int {
        let disk = &self.disk;
        disk.syncs.fetch_add(1, Ordering::SeqCst);
        let began = disk.tape.as_ref().map(|tape| tape.lock().unwrap_or_else(PoisonError::into_inner).len());
        let delay = disk.faults.sync_delay_us.load(Ordering::SeqCst);
        if delay > 0 {
            std::thread::sleep(Duration::from_micros(delay));
        }
        if disk.faults.syncs_fail.load(Ordering::SeqCst) {
            return ffi::SQLITE_IOERR_FSYNC;
        }
        let outcome = work();
        self.record(
            || outcome,
            || Deed::Sync {
                began: began.unwrap_or_default(),
                folder: self.folder_too.swap(false, Ordering::SeqCst),
            },
        )
    }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let passing = flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0;
    let note = if passing { None } else { note_of(path) };
    // SAFETY: SQLite gives room for `szOsFile` bytes, which is ours and that of the VFS below together.
    unsafe {
        let open_below = (*below()).xOpen.expect("every VFS opens");
        let Some(note) = note else { return open_below(below(), path, file, flags, out_flags) };
        (*file).pMethods = std::ptr::null();
        let inner = file.byte_add(size_of::<File>());
        let existed = note.disk.folder.join(&*note.name).exists();
        let outcome = note.record(
            || open_below(below(), path, inner, flags, out_flags),
            // A file that was there is not made; setting its size to what it has says nothing.
            || if existed { Deed::Sync { began: 0, folder: false } } else { Deed::Create },
        );
        if !(*inner).pMethods.is_null() {
            note.folder_too.store(!existed && flags & JOURNALS != 0, Ordering::SeqCst);
            (*file.cast::<File>()).note = Box::into_raw(Box::new(note));
            (*file).pMethods = &raw const METHODS;
        }
        outcome
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, path: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: the arguments are SQLite's own, for the VFS below.
    let work = || unsafe { (*below()).xDelete.expect("every VFS deletes")(below(), path, sync_folder) };
    match note_of(path) {
        Some(note) => note.record(work, || Deed::Delete { synced: sync_folder != 0 }),
        None => work(),
    }
}

/// Returns the file of the VFS below and its methods.
unsafe fn inner(file: *mut ffi::sqlite3_file) -> (*mut ffi::sqlite3_file, &'static ffi::sqlite3_io_methods) {
    // SAFETY: only files that `open` completed have our methods.
    unsafe {
        let inner = file.byte_add(size_of::<File>());
        (inner, &*(*inner).pMethods)
    }
}

unsafe fn note<'a>(file: *mut ffi::sqlite3_file) -> &'a Note {
    // SAFETY: set by `open`, freed by `close` alone, after which SQLite calls nothing.
    unsafe { &*(*file.cast::<File>()).note }
}

/// Passes a call on as it is.
macro_rules! pass {
    ($name:ident, $method:ident, ($($argument:ident: $kind:ty),*) $(-> $result:ty)?) => {
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file $(, $argument: $kind)*) $(-> $result)? {
            // SAFETY: the arguments are SQLite's own, for the file below.
            unsafe {
                let (inner, methods) = inner(file);
                methods.$method.expect("the system's files have it")(inner $(, $argument)*)
            }
        }
    };
}

pass!(read, xRead, (to: *mut c_void, length: c_int, offset: i64) -> c_int);
pass!(size, xFileSize, (size: *mut i64) -> c_int);
pass!(lock, xLock, (kind: c_int) -> c_int);
pass!(unlock, xUnlock, (kind: c_int) -> c_int);
pass!(is_reserved, xCheckReservedLock, (reserved: *mut c_int) -> c_int);
pass!(sector_size, xSectorSize, () -> c_int);
pass!(characteristics, xDeviceCharacteristics, () -> c_int);
pass!(shm_map, xShmMap, (page: c_int, size: c_int, extend: c_int, to: *mut *mut c_void) -> c_int);
pass!(shm_lock, xShmLock, (offset: c_int, count: c_int, flags: c_int) -> c_int);
pass!(shm_barrier, xShmBarrier, ());
pass!(shm_unmap, xShmUnmap, (delete: c_int) -> c_int);

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as in `inner` and `note`; the file is not used again.
    unsafe {
        let (inner, methods) = inner(file);
        drop(Box::from_raw((*file.cast::<File>()).note));
        methods.xClose.expect("files close")(inner)
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: SQLite hands `length` readable bytes; the rest as in `inner` and `note`.
    unsafe {
        let ((inner, methods), note) = (inner(file), note(file));
        let mut before = 0;
        let sized = methods.xFileSize.expect("files have a size")(inner, &raw mut before);
        if sized == ffi::SQLITE_OK && !note.grow((offset + i64::from(length) - before).max(0) as u64) {
            return ffi::SQLITE_FULL;
        }
        note.record(
            || methods.xWrite.expect("files are written")(inner, from, length, offset),
            || Deed::Write {
                offset: offset as usize,
                bytes: std::slice::from_raw_parts(from.cast::<u8>(), length as usize).into(),
            },
        )
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: as in `inner` and `note`.
    unsafe {
        let (inner, methods) = inner(file);
        let work = || methods.xTruncate.expect("files are shortened")(inner, size);
        note(file).record(work, || Deed::Truncate(size as usize))
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: as in `inner` and `note`.
    unsafe {
        let (inner, methods) = inner(file);
        note(file).sync(|| methods.xSync.expect("files are synced")(inner, flags))
    }
}

unsafe extern "C" fn control(file: *mut ffi::sqlite3_file, operation: c_int, argument: *mut c_void) -> c_int {
    // SAFETY: for a pragma SQLite hands an array of an answer, the name and the value; see `SQLITE_FCNTL_PRAGMA`.
    unsafe {
        if operation == ffi::SQLITE_FCNTL_PRAGMA
            && note(file).disk.faults.synchronous_full_is_off.load(Ordering::SeqCst)
        {
            let [_, name, value] = *argument.cast::<[*mut c_char; 3]>();
            if !value.is_null()
                && CStr::from_ptr(name).to_bytes().eq_ignore_ascii_case(b"synchronous")
                && CStr::from_ptr(value).to_bytes().eq_ignore_ascii_case(b"full")
            {
                // The value is a copy that belongs to the statement alone; "off" fits into it.
                value.copy_from(c"off".as_ptr(), 4);
            }
        }
        let (inner, methods) = inner(file);
        methods.xFileControl.expect("files are controlled")(inner, operation, argument)
    }
}

/// Version 2: with shared memory for the write-ahead log, without memory maps, which would hide writes.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(is_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
