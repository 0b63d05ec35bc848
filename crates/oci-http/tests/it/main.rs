//! The API as clients meet it: in process, and over a socket where the connection matters.

mod deletes;
mod embed;
mod fixture;
mod hostile;
mod lists;
mod manifests;
mod middleware;
mod mounts;
mod pulls;
mod refusals;
mod routing;
mod socket;
mod stub;
mod uploads;
