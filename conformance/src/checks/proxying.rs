//! The `ns` parameter of registry proxies.

use crate::answer::Answer;
use crate::check::{Stop, Verdict, checks};
use crate::client::Request;
use crate::context::Cx;

checks! {
    Client Reads own "ns.own-host" PROXYING
        "`?ns=` with the registry's own host changes nothing."
        "containerd sends it to every mirror that it is configured with.";
    Client Reads ignored "ns.other-host" PROXYING
        "`?ns=` with another host is ignored, or leads to an upstream and says so."
        "\"A registry MAY choose to ignore the `ns` query parameter.\" containerd sends it to every mirror.";
    Draft Reads header "ns.header" PROXYING
        "An OCI-Namespace header repeats the `ns` that scoped the request."
        "A registry that uses the `ns` query parameter to scope the request SHOULD return the `ns` query parameter value in the `OCI-Namespace` header.";
    Client Reads malformed "ns.malformed" PROXYING
        "An `ns` that is no host is refused or ignored, and never a server error."
        "It must not become an address that is connected to.";
}

/// The sample's manifest, asked for with this `ns`.
async fn with_ns(cx: &Cx, ns: &str) -> Result<Answer, Stop> {
    let sample = cx.sample().await?;
    let path = sample
        .repo
        .manifest_path(&format!("{}?ns={ns}", sample.tag));
    cx.send(Request::get(path).header("Accept", sample.image.media_type.as_str()))
        .await
}

async fn own(cx: &Cx) -> Verdict {
    let host = cx.client().base().origin.authority();
    with_ns(cx, &host).await?.status(200)?;
    Ok(())
}

async fn ignored(cx: &Cx) -> Verdict {
    let answer = with_ns(cx, "registry.example").await?;
    if answer.status_in(&[200, 404, 403, 502])?.code() != 200 {
        let sentence = "Expected a request that `ns` led elsewhere to say so in OCI-Namespace.";
        answer.expect(answer.header("OCI-Namespace").is_some(), sentence)?;
    }
    Ok(())
}

async fn header(cx: &Cx) -> Verdict {
    let answer = with_ns(cx, "registry.example").await?;
    if answer.header("OCI-Namespace").is_none() {
        return Err(Stop::skipped("the registry ignores `ns`"));
    }
    answer.header_is("OCI-Namespace", "registry.example")?;
    Ok(())
}

async fn malformed(cx: &Cx) -> Verdict {
    for ns in [
        "",
        "%00",
        "..%2f..",
        "http:%2f%2f169.254.169.254%2f",
        "a%0d%0ab",
        "[::1",
    ] {
        with_ns(cx, ns).await?.no_server_error()?;
    }
    Ok(())
}
