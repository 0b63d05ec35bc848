//! `access explain`: which rule allows something, or that none does.

use std::io::{self, Write};
use std::process::ExitCode;

use super::admin::{runtime, server};
use crate::BoxError;
use crate::admin::{ExplainAnswer, ExplainQuestion, Server};
use crate::auth::{Sources, Surroundings};
use crate::cli::{ExplainArgs, ServeArgs};
use crate::config::Config;

/// Asks the running server; where none answers, and none was named, reads the configuration.
pub(crate) fn explain(args: &ExplainArgs) -> Result<ExitCode, BoxError> {
    let asked = match server(&args.server)? {
        Some(server) => ask(args, &server)?,
        None => None,
    };
    let (answer, origin) = match asked {
        Some(asked) => asked,
        None => read(args)?,
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{}\n({origin})", answer.text.trim_end())?;
    out.flush()?;
    Ok(ExitCode::from(u8::from(!answer.allowed)))
}

/// What a running server says; none if there is none.
fn ask(args: &ExplainArgs, server: &Server) -> Result<Option<(ExplainAnswer, String)>, BoxError> {
    let question = ExplainQuestion {
        who: args.who.clone(),
        action: args.action.to_string(),
        repository: args.repository.to_string(),
    };
    let answered = server.post("/v1/access/explain", &question);
    match runtime()?.block_on(answered) {
        Ok(answer) => {
            let path = server.path().display();
            let origin = format!("the rules in force, from the server behind {path}");
            Ok(Some((answer, origin)))
        }
        Err(error) if error.is_absence() && args.server.socket.is_none() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What the configuration says.
fn read(args: &ExplainArgs) -> Result<(ExplainAnswer, String), BoxError> {
    let serve = ServeArgs {
        config: args.server.config.clone(),
        data_dir: args.server.data_dir.clone(),
        // Whether a start would be refused is for `config check`.
        allow_unauthenticated: true,
        ..ServeArgs::default()
    };
    let config = Config::load(serve)?;
    let surroundings = Surroundings::of(&config);
    let origin = match &config.file {
        Some(file) => format!("no server is running; the rules of {}", file.display()),
        None => "no server is running, and no configuration file was named".to_owned(),
    };
    let sources = Sources::rules_only(config).map_err(|findings| {
        let texts: Vec<_> = findings.into_iter().map(|finding| finding.text).collect();
        texts.join("; ")
    })?;
    let answer = surroundings.explain(&sources, &args.who, args.action, &args.repository)?;
    Ok((answer, origin))
}
