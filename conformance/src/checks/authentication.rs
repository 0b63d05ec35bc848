//! Authentication, for registries that ask for it.

use crate::answer::Answer;
use crate::check::{Stop, Verdict, checks};
use crate::client::{Challenge, Credentials, Request, basic, encode};
use crate::context::Cx;
use crate::repository::Repo;

checks! {
    Client Writes anonymous_write "auth.anonymous-write" AUTHENTICATION
        "An anonymous push, where it is not permitted, is a 401, not a 403."
        "helm, containerd and others send credentials after a 401 only.";
    Client Reads challenge "auth.challenge" AUTHENTICATION
        "A 401 carries exactly one challenge, Basic with a realm or Bearer with a realm and a service."
        "Classic docker fails on two challenges, oras and helm read the first only.";
    Client Writes scope "auth.challenge-scope" AUTHENTICATION
        "The Bearer challenge of a push names `repository:<name>:pull,push`."
        "Clients ask for the scope that the challenge names.";
    Client Reads wrong_password "auth.wrong-password" AUTHENTICATION
        "A wrong password is a 401."
        "docker login decides by it.";
    Client Reads garbage "auth.garbage" AUTHENTICATION
        "Malformed credentials and forged tokens are a 401, however long."
        "CVE-2025-30204 and others: parsers of tokens are attacked before anybody is known.";
    Client Reads unsigned "auth.unsigned-token" AUTHENTICATION
        "A token that is not signed (`alg: none`) is a 401."
        "The oldest fault of token libraries.";
    Client Writes hidden "auth.missing-looks-forbidden" AUTHENTICATION
        "Without credentials, what is missing and what is forbidden look the same."
        "Names of repositories are secrets, too.";
    Client Reads token "auth.token" AUTHENTICATION
        "The token endpoint answers JSON with a token, the same as access_token, and an expiry of a minute at least."
        "Clients read either field, and take a short expiry for 60 seconds.";
    Client Reads scopes "auth.token-scopes" AUTHENTICATION
        "The token endpoint takes several scopes, repeated and separated by spaces."
        "helm and oras ask for several in one request, the same repository repeated.";
    Client Reads token_password "auth.token-wrong-password" AUTHENTICATION
        "The token endpoint refuses a wrong password with 401."
        "An anonymous token instead would hide the typing error.";
    Client Writes other_repository "auth.token-other-repository" AUTHENTICATION
        "A token for one repository does not push to another."
        "A build's token would open every repository.";
    Client Writes read_only "auth.token-pull-only" AUTHENTICATION
        "A token to pull does not push."
        "Gitea CVE-2025-68944, Forgejo CVE-2023-49947.";
    Client Reads ping "auth.ping" AUTHENTICATION
        "Where credentials are needed anywhere, /v2/ asks for them."
        "docker chooses its way of logging in by this answer.";
}

/// The 401 to an anonymous push; skips where anybody may push.
async fn refused_push(cx: &Cx) -> Result<Answer, Stop> {
    let answer = cx
        .send(Request::post(cx.repo().uploads_path()).anonymous())
        .await?;
    match answer.code() {
        202 => Err(Stop::skipped("the registry asks for no credentials")),
        405 => Err(Stop::skipped("the registry takes no pushes")),
        _ => Ok(answer),
    }
}

/// The challenge of an answer.
fn challenge_of(answer: &Answer) -> Result<Challenge, Stop> {
    let text = answer.status(401)?.need("WWW-Authenticate")?;
    let malformed = || answer.failed(format!("Expected a challenge, and it is `{text}`."));
    Challenge::parse(text).ok_or_else(malformed)
}

/// The Bearer challenge of a push; skips where there is another one.
async fn bearer(cx: &Cx) -> Result<Challenge, Stop> {
    let challenge = challenge_of(&refused_push(cx).await?)?;
    if challenge.scheme != "bearer" {
        return Err(Stop::skipped("the registry does not use tokens"));
    }
    Ok(challenge)
}

/// Asks the token endpoint for these scope parameters with the run's credentials.
async fn ask_token(cx: &Cx, challenge: &Challenge, query: &str) -> Result<Answer, Stop> {
    let Credentials::Password { username, password } = cx.client().credentials() else {
        return Err(Stop::skipped("no user name and password were given"));
    };
    ask_token_as(cx, challenge, query, &basic(username, password)).await
}

async fn ask_token_as(
    cx: &Cx,
    challenge: &Challenge,
    query: &str,
    authorization: &str,
) -> Result<Answer, Stop> {
    let realm = challenge.parameter("realm").unwrap_or_default();
    let service = encode(challenge.parameter("service").unwrap_or_default());
    let joint = if realm.contains('?') { '&' } else { '?' };
    let request = Request::get(format!("{realm}{joint}service={service}{query}")).anonymous();
    cx.send(request.header("Authorization", authorization))
        .await
}

/// The token of an answer.
fn token_of(answer: &Answer) -> Result<String, Stop> {
    let body = answer.status(200)?.json()?;
    let token = body.get("token").or_else(|| body.get("access_token"));
    let token = token.and_then(|token| token.as_str());
    token
        .map(str::to_owned)
        .ok_or_else(|| answer.failed("Expected a token."))
}

/// A scope parameter for a repository.
fn scope_query(repo: &Repo<'_>, actions: &str) -> String {
    format!("&scope={}", encode(&format!("repository:{repo}:{actions}")))
}

async fn anonymous_write(cx: &Cx) -> Verdict {
    refused_push(cx)
        .await?
        .status(401)?
        .need("WWW-Authenticate")?;
    Ok(())
}

async fn challenge(cx: &Cx) -> Verdict {
    let answer = refused_push(cx).await?;
    let challenge = challenge_of(&answer)?;
    let count = answer.headers().get_all("WWW-Authenticate").iter().count();
    answer.expect(
        count == 1,
        format!("Expected one challenge, and there are {count}."),
    )?;
    let realm = challenge
        .parameter("realm")
        .is_some_and(|realm| !realm.is_empty());
    let complete = match challenge.scheme.as_str() {
        "basic" => realm,
        "bearer" => realm && challenge.parameter("service").is_some(),
        _ => false,
    };
    answer.expect(
        complete,
        "Expected Basic with a realm or Bearer with a realm and a service.",
    )?;
    Ok(())
}

async fn scope(cx: &Cx) -> Verdict {
    let challenge = bearer(cx).await?;
    let scope = challenge.parameter("scope").unwrap_or_default();
    let expected = format!("repository:{}:", cx.repo());
    let actions = scope.strip_prefix(&expected).unwrap_or_default();
    let both = ["pull", "push"]
        .iter()
        .all(|action| actions.split(',').any(|a| a == *action));
    let answer = refused_push(cx).await?;
    answer.expect(
        both,
        format!("Expected the scope {expected}pull,push, not `{scope}`."),
    )?;
    Ok(())
}

async fn wrong_password(cx: &Cx) -> Verdict {
    refused_push(cx).await?;
    let authorization = basic(&format!("nobody-{}", cx.word()), "wrong");
    let request = Request::post(cx.repo().uploads_path()).anonymous();
    cx.send(request.header("Authorization", authorization))
        .await?
        .status(401)?;
    Ok(())
}

async fn garbage(cx: &Cx) -> Verdict {
    refused_push(cx).await?;
    let dots = format!("Bearer {}", ".".repeat(30_000));
    for value in [
        "Basic !!!",
        "Basic ",
        "Bearer a.b.c",
        "Bearer ",
        "Unknown x",
        "Basic Og==",
        &dots,
    ] {
        let request = Request::post(cx.repo().uploads_path()).anonymous();
        let answer = cx.send(request.header("Authorization", value)).await?;
        answer.status_in(&[401, 400, 431])?;
    }
    Ok(())
}

async fn unsigned(cx: &Cx) -> Verdict {
    refused_push(cx).await?;
    // {"alg":"none","typ":"JWT"} and {"sub":"admin","access":[]}
    let token = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhZG1pbiIsImFjY2VzcyI6W119.";
    let request = Request::post(cx.repo().uploads_path()).anonymous();
    let answer = cx
        .send(request.header("Authorization", format!("Bearer {token}")))
        .await?;
    answer.status(401)?;
    Ok(())
}

async fn hidden(cx: &Cx) -> Verdict {
    refused_push(cx).await?;
    let repo = cx.repo();
    repo.given_image("v1").await?;
    let there = cx
        .send(Request::get(repo.manifest_path("v1")).anonymous())
        .await?;
    if there.code() == 200 {
        return Err(Stop::skipped("anybody may pull"));
    }
    let nowhere = cx.other();
    let absent = cx
        .send(Request::get(nowhere.manifest_path("v1")).anonymous())
        .await?;
    absent.status(there.code())?;
    Ok(())
}

async fn token(cx: &Cx) -> Verdict {
    let challenge = bearer(cx).await?;
    let answer = ask_token(cx, &challenge, &scope_query(&cx.repo(), "pull")).await?;
    let token = token_of(&answer)?;
    let body = answer.json()?;
    let same = body
        .get("access_token")
        .is_none_or(|other| *other == token.as_str());
    answer.expect(same, "Expected token and access_token to be the same.")?;
    let expiry = body
        .get("expires_in")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(60);
    answer.expect(
        expiry >= 60,
        format!("Expected at least 60 seconds, not {expiry}."),
    )?;
    Ok(())
}

async fn scopes(cx: &Cx) -> Verdict {
    let challenge = bearer(cx).await?;
    let (a, b) = (cx.repo(), cx.other());
    let together = encode(&format!(
        "repository:{a}:pull repository:{b}:pull repository:{a}:pull,push"
    ));
    let repeated = format!("{}{}", scope_query(&a, "pull"), scope_query(&b, "pull"));
    for query in [format!("&scope={together}"), repeated, String::new()] {
        token_of(&ask_token(cx, &challenge, &query).await?)?;
    }
    Ok(())
}

async fn token_password(cx: &Cx) -> Verdict {
    let challenge = bearer(cx).await?;
    let query = scope_query(&cx.repo(), "pull");
    let authorization = basic(&format!("nobody-{}", cx.word()), "wrong");
    ask_token_as(cx, &challenge, &query, &authorization)
        .await?
        .status(401)?;
    Ok(())
}

/// Tries to push with a token for this scope only.
async fn push_with(cx: &Cx, query: &str) -> Result<Answer, Stop> {
    let challenge = bearer(cx).await?;
    let token = token_of(&ask_token(cx, &challenge, query).await?)?;
    let request = Request::post(cx.repo().uploads_path()).anonymous();
    cx.send(request.header("Authorization", format!("Bearer {token}")))
        .await
}

async fn other_repository(cx: &Cx) -> Verdict {
    let query = scope_query(&cx.other(), "pull,push");
    push_with(cx, &query).await?.status_in(&[401, 403])?;
    Ok(())
}

async fn read_only(cx: &Cx) -> Verdict {
    let query = scope_query(&cx.repo(), "pull");
    push_with(cx, &query).await?.status_in(&[401, 403])?;
    Ok(())
}

async fn ping(cx: &Cx) -> Verdict {
    refused_push(cx).await?;
    let answer = cx.send(Request::get("/v2/").anonymous()).await?;
    answer.status(401)?.need("WWW-Authenticate")?;
    Ok(())
}
