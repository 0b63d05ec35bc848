//! The conformance runner program.
use oci_conformance::{Options, Silent, run};
#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    let mut o = Options::new(url.parse().unwrap());
    o.selection.only = std::env::args().skip(2).collect();
    let r = run(&o, &Silent).await.unwrap();
    for x in &r.results {
        println!(
            "{:?} {:6} {:45} {}ms {}",
            x.outcome,
            x.level,
            x.name,
            x.elapsed_ms,
            x.sentence.as_deref().unwrap_or("")
        );
        if x.outcome.is_bad() && std::env::var("V").is_ok() {
            if let Some(i) = x.culprit {
                println!("{:#?}", x.exchanges[i]);
            }
        }
    }
    println!("{:?} {}ms", r.counts(), r.elapsed_ms);
}
