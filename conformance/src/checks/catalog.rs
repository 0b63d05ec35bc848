//! `GET /v2/_catalog`, which the specification reserves and many clients use.

use crate::answer::Answer;
use crate::check::{Stop, Verdict, checks};
use crate::client::encode;
use crate::context::Cx;

checks! {
    Client Writes listed "catalog.listed" CATALOG
        "A repository that was pushed to is in the catalog, as `{\"repositories\"}`."
        "Mirrors, web interfaces and clean-up tools begin there.";
    Client Writes sorted "catalog.sorted" CATALOG
        "The catalog is in ASCII order."
        "`last` pages through an order that both sides must agree on.";
    Client Writes limited "catalog.n-and-last" CATALOG
        "`n` and `last` page through the catalog."
        "A catalog of a large registry fits into no single answer.";
    Client Writes linked "catalog.link" CATALOG
        "A page of the catalog that is not the last one has a Link that leads on."
        "Clients that follow Links stop where there is none.";
    Client Writes zero "catalog.n-zero" CATALOG
        "`n=0` lists nothing, or is refused."
        "It is what it is for tags.";
    Client Writes bad "catalog.n-malformed" CATALOG
        "An `n` that is negative or no number is a 400."
        "Registries have taken it for a huge number.";
    Client Writes huge "catalog.n-huge" CATALOG
        "A huge `n` is answered or a 400, and the registry survives it."
        "CVE-2023-2253: memory was reserved for as many entries as were asked for.";
    Client Writes unpushed "catalog.only-pushed" CATALOG
        "A repository in which an upload was merely opened is not in the catalog."
        "Kaniko probes permissions by opening uploads.";
}

/// A page of the catalog; skips where there is none.
async fn page(cx: &Cx, query: &str) -> Result<(Answer, Vec<String>), Stop> {
    let answer = cx.get(format!("/v2/_catalog{query}")).await?;
    if [401, 403, 404, 405, 501].contains(&answer.code()) {
        return Err(Stop::skipped(format!(
            "there is no catalog: {}",
            answer.code()
        )));
    }
    let body = answer.status(200)?.json()?;
    let names = body["repositories"].as_array();
    let names = names.ok_or_else(|| answer.failed("Expected `repositories` to be an array."))?;
    let names = names
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    Ok((answer, names))
}

/// Three repositories with an image each, side by side in the catalog, and one right before them.
async fn three(cx: &Cx) -> Result<[String; 3], Stop> {
    for part in ["0", "a", "b", "c"] {
        cx.below(part).given_image("v1").await?;
    }
    Ok(["a", "b", "c"].map(|part| cx.below(part).name().to_owned()))
}

/// The name that sorts right before the three.
fn before(cx: &Cx) -> String {
    encode(cx.below("0").name())
}

async fn listed(cx: &Cx) -> Verdict {
    let names = three(cx).await?;
    let (answer, found) = page(cx, &format!("?n=10&last={}", before(cx))).await?;
    for name in &names {
        answer.expect(
            found.contains(name),
            format!("Expected {name} in the catalog."),
        )?;
    }
    Ok(())
}

async fn sorted(cx: &Cx) -> Verdict {
    three(cx).await?;
    let (answer, found) = page(cx, "?n=100").await?;
    let ordered = found.windows(2).all(|pair| pair[0] < pair[1]);
    answer.expect(
        ordered,
        "Expected the catalog in ASCII order, each name once.",
    )?;
    Ok(())
}

async fn limited(cx: &Cx) -> Verdict {
    let [a, b, c] = three(cx).await?;
    let (answer, found) = page(cx, &format!("?n=2&last={}", before(cx))).await?;
    answer.expect(
        found == [a, b.clone()],
        format!("Expected the first two, not {found:?}."),
    )?;
    let (answer, found) = page(cx, &format!("?n=1&last={}", encode(&b))).await?;
    answer.expect(found == [c], format!("Expected the third, not {found:?}."))?;
    Ok(())
}

async fn linked(cx: &Cx) -> Verdict {
    let [_, b, _] = three(cx).await?;
    let (answer, _) = page(cx, &format!("?n=1&last={}", before(cx))).await?;
    answer.need("Link")?;
    let next = answer
        .next_link()?
        .map(|next| next.to_string())
        .unwrap_or_default();
    let answer = cx.get(next).await?;
    let found = answer.status(200)?.json()?["repositories"].clone();
    answer.expect(
        found == serde_json::json!([b]),
        format!("Expected {b}, not {found}."),
    )?;
    Ok(())
}

async fn zero(cx: &Cx) -> Verdict {
    page(cx, "?n=1").await?;
    let answer = cx.get("/v2/_catalog?n=0").await?;
    if answer.status_in(&[200, 400])?.code() == 200 {
        let found = answer.json()?["repositories"].clone();
        let empty = found.as_array().is_none_or(Vec::is_empty);
        answer.expect(empty, format!("Expected nothing, not {found}."))?;
    }
    Ok(())
}

async fn bad(cx: &Cx) -> Verdict {
    page(cx, "?n=1").await?;
    for n in ["-1", "abc"] {
        cx.get(format!("/v2/_catalog?n={n}")).await?.status(400)?;
    }
    Ok(())
}

async fn huge(cx: &Cx) -> Verdict {
    page(cx, "?n=1").await?;
    for n in ["9223372036854775807", "99999999999999999999999999"] {
        cx.get(format!("/v2/_catalog?n={n}"))
            .await?
            .status_in(&[200, 400])?;
    }
    Ok(())
}

async fn unpushed(cx: &Cx) -> Verdict {
    let pushed = cx.below("pushed");
    cx.below("0").given_image("v1").await?;
    pushed.given_image("v1").await?;
    let opened = cx.below("opened");
    opened.given_upload().await?;
    let (answer, found) = page(cx, &format!("?n=10&last={}", before(cx))).await?;
    answer.expect(
        found.iter().any(|name| name == pushed.name()),
        "Expected the pushed one.",
    )?;
    let there = found.iter().any(|name| name == opened.name());
    answer.expect(!there, "Expected no repository where nothing was pushed.")?;
    Ok(())
}
