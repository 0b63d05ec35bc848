//! `admin`: what is asked of a running server, and what it answers, for people.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use oci_auth::UserName;
use tokio::runtime::Runtime;

use crate::BoxError;
use crate::admin::{Outcome, ReloadAnswer, RevokeAnswer, Server, StatusAnswer};
use crate::cli::{AdminCommand, ServerArgs};
use crate::config;

/// Asks a running server.
pub(crate) fn admin(command: &AdminCommand, args: &ServerArgs) -> Result<ExitCode, BoxError> {
    let server = server(args)?.ok_or("admin.socket is \"\": the server has no admin socket")?;
    let runtime = runtime()?;
    let (text, code) = runtime.block_on(async {
        Ok::<_, BoxError>(match command {
            AdminCommand::Status => {
                let status = server.get("/v1/status").await?;
                (status_text(&status), ExitCode::SUCCESS)
            }
            AdminCommand::Reload => {
                let answer = server.post("/v1/reload", &()).await?;
                reload_text(&answer)
            }
            AdminCommand::RotateKeys => {
                server.order("/v1/keys/rotate").await?;
                let text = "a new key signs tokens, and those that were handed out before are \
                            void; refresh tokens stay, see `admin revoke`\n";
                (text.to_owned(), ExitCode::SUCCESS)
            }
            AdminCommand::Revoke { user } => {
                let path = format!("/v1/refresh-tokens/{}", encoded(user));
                let answer: RevokeAnswer = server.delete(&path).await?;
                (revoke_text(user, &answer), ExitCode::SUCCESS)
            }
        })
    })?;
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(code)
}

/// The server that is meant; none if its settings say that it has no socket.
pub(super) fn server(args: &ServerArgs) -> Result<Option<Server>, BoxError> {
    let path = match &args.socket {
        Some(path) => Some(path.clone()),
        None => config::admin_socket(args.config.as_deref(), args.data_dir.clone())
            .map_err(|error| format!("{error}\n--socket says where the server is without it"))?,
    };
    Ok(path.map(Server::at))
}

pub(super) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

fn status_text(status: &StatusAnswer) -> String {
    let uptime = humantime::format_duration(Duration::from_secs(status.uptime_seconds));
    let state = if status.draining {
        "draining"
    } else {
        "serving"
    };
    let users = status
        .users
        .map_or_else(|| "none of its own".to_owned(), |users| users.to_string());
    format!(
        "oci-server {}, {state} on {} for {uptime}\n\
         auth.scheme      {}\n\
         users            {users}\n\
         groups           {}\n\
         access rules     {}\n\
         immutable rules  {}\n",
        status.version,
        status.url,
        status.scheme,
        status.groups,
        status.access_rules,
        status.immutable_rules
    )
}

fn reload_text(answer: &ReloadAnswer) -> (String, ExitCode) {
    let mut text = String::new();
    let mut is_good = true;
    for file in &answer.files {
        let source = &file.source;
        text.push_str(&match file.outcome {
            Outcome::Read => format!("read       {source}\n"),
            Outcome::Unchanged => format!("unchanged  {source}\n"),
            Outcome::Refused => {
                is_good = false;
                let error = file.error.as_deref().unwrap_or("it cannot be used");
                format!("refused    {source}: {error}\n")
            }
        });
    }
    if answer.files.is_empty() {
        text.push_str("there is nothing to read: the server has no files for access or TLS\n");
    }
    if !is_good {
        text.push_str("what held before stays where something was refused\n");
    }
    for warning in &answer.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    let code = if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    };
    (text, code)
}

fn revoke_text(user: &UserName, answer: &RevokeAnswer) -> String {
    let tokens = match answer.removed {
        1 => "1 refresh token".to_owned(),
        removed => format!("{removed} refresh tokens"),
    };
    format!(
        "removed {tokens} of {user}; tokens that are out already live for auth.tokens.lifetime at \
         most, unless `admin rotate-keys` ends them\n"
    )
}

/// A name as a segment of a path.
fn encoded(user: &UserName) -> String {
    let mut path = String::new();
    for byte in user.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}
