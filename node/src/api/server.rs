//! Sockets of the local API: bind, serve, stop.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connections::{self, Limits};
use super::{Api, router};
use crate::agent::AgentHandle;

/// How long open requests may take to end once the server stops. They are cut off after that.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the API listens.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// A loopback address; port 0 asks the OS.
    pub listen: SocketAddr,
    /// A Unix socket beside it. A dead socket at this path is replaced, a living one is refused.
    pub socket: Option<PathBuf>,
}

/// Why the API does not listen. Nothing is bound.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// There is no authentication yet, so the API stays on this machine.
    #[error("the API address {addr} is not a loopback address")]
    NotLoopback {
        /// What was given.
        addr: SocketAddr,
    },
    /// The address is taken or not allowed.
    #[error("cannot listen on {place}: {reason}")]
    Bind {
        /// Address or path.
        place: String,
        /// The system's words.
        reason: String,
    },
    /// Something else lies where the socket should be.
    #[error("{} exists and is not a dead socket", path.display())]
    SocketTaken {
        /// Where.
        path: PathBuf,
    },
}

impl ApiError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            ApiError::NotLoopback { addr } => format!("use 127.0.0.1:{}", addr.port()),
            ApiError::Bind { .. } => "choose another address, or port 0".to_owned(),
            ApiError::SocketTaken { .. } => {
                "stop the agent that listens there, or choose another path".to_owned()
            }
        }
    }
}

/// Sockets that are bound and not served yet, so that a process can refuse a bad address before
/// it starts anything else.
#[derive(Debug)]
pub struct Bound {
    tcp: TcpListener,
    unix: Option<(UnixListener, PathBuf)>,
    addr: SocketAddr,
}

impl Bound {
    /// Binds the sockets.
    ///
    /// # Errors
    /// Any [`ApiError`]; nothing stays bound.
    pub async fn bind(config: &ApiConfig) -> Result<Bound, ApiError> {
        if !config.listen.ip().is_loopback() {
            return Err(ApiError::NotLoopback { addr: config.listen });
        }
        let refused = |error: std::io::Error| ApiError::Bind {
            place: config.listen.to_string(),
            reason: error.to_string(),
        };
        let tcp = TcpListener::bind(config.listen).await.map_err(refused)?;
        let addr = tcp.local_addr().map_err(refused)?;
        let unix = match &config.socket {
            Some(path) => Some((bind_unix(path).await?, path.clone())),
            None => None,
        };
        Ok(Bound { tcp, unix, addr })
    }

    /// The address with the port that the OS chose.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes the sockets and removes the socket file.
    pub fn discard(self) {
        if let Some((listener, path)) = self.unix {
            drop(listener);
            // Gone already is as good.
            let _ = fs::remove_file(path);
        }
    }
}

/// A running API. Dropping it does not stop it; see [`ApiServer::stop`].
#[derive(Debug)]
pub struct ApiServer {
    addr: SocketAddr,
    socket: Option<PathBuf>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl ApiServer {
    /// Serves `agent` on sockets that are bound.
    pub fn start(agent: AgentHandle, bound: Bound) -> ApiServer {
        let (stop, stopping) = watch::channel(false);
        let routes = router(Api { agent, stopping: stopping.clone() });
        let limits = Limits::default();
        let mut tasks = Vec::new();
        let (tcp, local) = (routes.clone(), stopping.clone());
        tasks.push(tokio::spawn(connections::serve(NoDelay(bound.tcp), tcp, local, limits)));
        let socket = bound.unix.map(|(listener, path)| {
            let local = stopping;
            tasks.push(tokio::spawn(connections::serve(listener, routes, local, limits)));
            path
        });
        ApiServer { addr: bound.addr, socket, stop, tasks }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The Unix socket, if there is one.
    pub fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Stops: accepts nothing more, lets open requests end, removes the socket file.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let deadline = tokio::time::Instant::now() + STOP_TIMEOUT;
        for mut task in self.tasks {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
            }
        }
        if let Some(path) = self.socket {
            // Gone already is as good.
            let _ = fs::remove_file(path);
        }
    }
}

/// Small answers must not wait for an acknowledgement (Nagle).
struct NoDelay(TcpListener);

impl axum::serve::Listener for NoDelay {
    type Io = tokio::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, addr) = axum::serve::Listener::accept(&mut self.0).await;
        // A socket that refuses the option is slower, not broken.
        let _ = io.set_nodelay(true);
        (io, addr)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

async fn bind_unix(path: &Path) -> Result<UnixListener, ApiError> {
    let failed = |error: std::io::Error| ApiError::Bind {
        place: path.display().to_string(),
        reason: error.to_string(),
    };
    if let Ok(about) = fs::symlink_metadata(path) {
        let dead = about.file_type().is_socket() && UnixStream::connect(path).await.is_err();
        if !dead {
            return Err(ApiError::SocketTaken { path: path.to_owned() });
        }
        fs::remove_file(path).map_err(failed)?;
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660)).map_err(failed)?;
    Ok(listener)
}
