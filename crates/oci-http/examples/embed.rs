//! A registry inside of a program that has other things to say.
//!
//! `cargo run -p oci-http --example embed`, and push to the address that it prints.

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    serve(TcpListener::bind("127.0.0.1:0").await?).await
}

/// Serves a registry below `/v2`, and a page beside it.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    println!("listening on http://{}", listener.local_addr()?);
    let registry = oci_registry::testing::memory_registry();
    let app = Router::new()
        .route(
            "/",
            get(|| async { "This program has a registry: see /v2/" }),
        )
        .merge(oci_http::router(registry));
    axum::serve(listener, app).await
}
