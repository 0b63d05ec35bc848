//! Access control over HTTP: who is asked to log in and how, who is told what, and what is
//! written down about it.

mod audit;
mod challenges;
mod pushes;
mod reach;
mod refusals;
