//! One data folder, one trader: a lock that ends with the process that holds it, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Held as long as the value lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "{program} (process {pid}) already trades with this data folder. Close it first, or look on without trading."
    )]
    Held { pid: u32, program: String },
    #[error("another program already trades with the data folder {}, and does not say which", path.display())]
    HeldSilently { path: PathBuf },
    #[error("locking {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
}

/// How often a lock's holder is given time to write its name, and how long each time. Between taking the
/// lock and writing lie two system calls.
const PATIENCE: (u32, Duration) = (10, Duration::from_millis(20));

impl Lock {
    /// Takes the lock of a data folder for a program, or says which process holds it.
    pub fn acquire(folder: &Path, program: &str) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let failed = |cause| LockError::File { path: path.clone(), cause };
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = options.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(holder(&mut file, path)),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        let name = format!("{} {program}\n", std::process::id());
        let written = file.set_len(0).and_then(|()| file.write_all(name.as_bytes()));
        written.map_err(failed)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The name of a process that is gone would mislead; where it cannot be wiped, the next holder
        // overwrites it. The lock itself ends with the file handle.
        let _ = self.file.set_len(0);
    }
}

fn holder(file: &mut File, path: PathBuf) -> LockError {
    for _ in 0..PATIENCE.0 {
        let mut text = String::new();
        let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
        if let Some((pid, program)) = read.ok().and_then(|_| text.trim_end().split_once(' '))
            && let Ok(pid) = pid.parse()
            && text.ends_with('\n')
        {
            return LockError::Held { pid, program: program.to_owned() };
        }
        std::thread::sleep(PATIENCE.1);
    }
    LockError::HeldSilently { path }
}
