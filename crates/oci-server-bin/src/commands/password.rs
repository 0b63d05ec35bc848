//! `hash-password`: a password as a file of users has it. It is read where nobody looks on, and
//! never from the command line, which everybody on the machine can see.

use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use oci_auth::{Htpasswd, Secret, UserName};

use crate::BoxError;

/// More than any password that is taken.
const MAX_INPUT: usize = 4096;

/// Reads a password and prints its hash, as a whole line of the file if there is a user.
pub(crate) fn hash_password(user: Option<&UserName>) -> Result<ExitCode, BoxError> {
    let password = if io::stdin().is_terminal() {
        ask()?
    } else {
        piped()?
    };
    let hash = oci_auth::hash_password(&password)?;
    let line = match user {
        Some(user) => format!("{user}:{hash}"),
        None => hash,
    };
    if let Some(user) = user {
        let read = Htpasswd::parse(&line).map(|file| file.users());
        if !read.is_ok_and(|users| users.contains(user)) {
            let why = "it begins with # or a space, or ends with one";
            return Err(format!("a file of users cannot have `{user}`: {why}").into());
        }
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn ask() -> Result<Secret<String>, BoxError> {
    let first = Secret::new(rpassword::prompt_password("Password: ")?);
    let second = Secret::new(rpassword::prompt_password("The same again: ")?);
    if first.expose() != second.expose() {
        return Err("the two are not the same".into());
    }
    Ok(first)
}

/// All of the standard input, without the end of its line.
fn piped() -> Result<Secret<String>, BoxError> {
    // Large enough from the beginning, so that no copy is left behind by growing.
    let mut input = Vec::with_capacity(MAX_INPUT + 1);
    io::stdin().take(MAX_INPUT as u64).read_to_end(&mut input)?;
    let input = Secret::new(input);
    let bytes = input.expose().strip_suffix(b"\n").unwrap_or(input.expose());
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| "the password is not UTF-8")?;
    Ok(Secret::from(text))
}
