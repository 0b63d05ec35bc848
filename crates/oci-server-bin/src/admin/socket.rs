//! The socket's file: nobody else's from the first moment, and gone at the end.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::config::Config;

/// What the system has room for in the address of a socket, in bytes.
pub(crate) const MAX_PATH: usize = 107;

/// A socket that listens; its file is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct AdminSocket {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Device and inode, by which the file is known from that of another server.
    file: (u64, u64),
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    #[error(
        "admin.socket: the path {} has more than the {MAX_PATH} bytes that the system takes; set \
         it to a shorter one, or to \"\" for none", path.display()
    )]
    TooLong { path: PathBuf },
    #[error("admin.socket: there is no folder {}", path.display())]
    NoFolder { path: PathBuf },
    #[error("admin.socket: another server answers at {}", path.display())]
    Taken { path: PathBuf },
    #[error("admin.socket: {} is there and is no socket", path.display())]
    NoSocket { path: PathBuf },
    #[error("admin.socket: could not listen on {}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The socket of the admin API, if there is one to be had.
pub(crate) async fn bind(config: &Config) -> Result<Option<AdminSocket>, SocketError> {
    let Some(path) = &config.admin_socket else {
        return Ok(None);
    };
    let is_default = *path == config.data_dir.join("admin.sock");
    match AdminSocket::bind(path).await {
        Ok(socket) => Ok(Some(socket)),
        Err(SocketError::NoFolder { path }) if is_default => {
            let folder = path.display();
            tracing::debug!(%folder, "no admin socket: nothing is kept in the data folder");
            Ok(None)
        }
        Err(error @ SocketError::TooLong { .. }) => {
            tracing::warn!("{error}; going on without an admin socket");
            Ok(None)
        }
        // Some filesystems have no sockets.
        Err(ref error @ SocketError::Io { .. }) if is_default => {
            let error = crate::chain(error);
            tracing::warn!("{error}; going on without an admin socket");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl AdminSocket {
    /// Listens on a socket that only this account can open. The socket of a server that has
    /// died is replaced.
    async fn bind(path: &Path) -> Result<Self, SocketError> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let private = folder.join(format!(".{:x}", std::process::id()));
        let made = private.join("s");
        let longest = path
            .as_os_str()
            .len()
            .max(made.as_os_str().as_bytes().len());
        let path = path.to_owned();
        if longest > MAX_PATH {
            return Err(SocketError::TooLong { path });
        }
        if !folder.is_dir() {
            let path = folder.to_owned();
            return Err(SocketError::NoFolder { path });
        }
        make_way(&path).await?;
        // A socket is made with the permissions of the process's mask, which all threads share.
        // So it is made where nobody else can enter, and moved when its own are right.
        let bound = listen(&private, &made, &path);
        let _ = fs::remove_dir_all(&private);
        match bound {
            Ok((listener, file)) => Ok(Self {
                listener,
                path,
                file,
            }),
            Err(source) => Err(SocketError::Io { path, source }),
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|now| identity(&now) == self.file);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            let path = self.path.display();
            tracing::warn!(%path, %error, "could not remove the admin socket");
        }
    }
}

/// Makes sure that nothing is there that must not be replaced.
async fn make_way(path: &Path) -> Result<(), SocketError> {
    let path = path.to_owned();
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(SocketError::Io { path, source }),
        Ok(found) if !found.file_type().is_socket() => return Err(SocketError::NoSocket { path }),
        Ok(_) => {}
    }
    match UnixStream::connect(&path).await {
        // A queue of connections that is full is that of a server.
        Ok(_) => Err(SocketError::Taken { path }),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(SocketError::Taken { path }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(SocketError::Io { path, source }),
    }
}

fn listen(private: &Path, made: &Path, path: &Path) -> io::Result<(UnixListener, (u64, u64))> {
    if fs::symlink_metadata(private).is_ok() {
        // Left behind by a process of the same number that was killed.
        fs::remove_dir_all(private)?;
    }
    DirBuilder::new().mode(0o700).create(private)?;
    let listener = UnixListener::bind(made)?;
    fs::set_permissions(made, Permissions::from_mode(0o600))?;
    let file = identity(&fs::symlink_metadata(made)?);
    fs::rename(made, path)?;
    Ok((listener, file))
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn it_is_for_its_owner_and_gone_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        let socket = AdminSocket::bind(&path).await.unwrap();
        assert_eq!(mode(&path), 0o600);
        assert!(UnixStream::connect(&path).await.is_ok());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        drop(socket);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_dead_servers_is_replaced_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        drop(UnixListener::bind(&path).unwrap());
        let socket = AdminSocket::bind(&path).await.unwrap();
        let taken = AdminSocket::bind(&path).await;
        assert!(matches!(taken, Err(SocketError::Taken { .. })), "{taken:?}");
        assert!(UnixStream::connect(&path).await.is_ok());
        // What another server has put in its place is not removed.
        fs::remove_file(&path).unwrap();
        let other = AdminSocket::bind(&path).await.unwrap();
        drop(socket);
        assert!(UnixStream::connect(&path).await.is_ok());
        drop(other);

        fs::write(&path, "precious").unwrap();
        let refused = AdminSocket::bind(&path).await;
        assert!(matches!(refused, Err(SocketError::NoSocket { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_path_is_within_what_the_system_takes() {
        let dir = tempfile::tempdir().unwrap();
        let at = |len: usize| {
            let rest = len - dir.path().as_os_str().len() - 1;
            dir.path().join("s".repeat(rest))
        };
        assert!(AdminSocket::bind(&at(MAX_PATH)).await.is_ok());
        let long = AdminSocket::bind(&at(MAX_PATH + 1)).await;
        assert!(matches!(long, Err(SocketError::TooLong { .. })));
        let nowhere = AdminSocket::bind(&dir.path().join("no/s")).await;
        assert!(matches!(nowhere, Err(SocketError::NoFolder { .. })));
    }
}
