//! Stores one file and prints where: `store_file <folder of the store> <file>`.

use std::io::Read;
use std::{env, error, fs::File};

use bytes::Bytes;
use oci_blob_store::{BlobStore, FsBlobStore};
use oci_types::{Algorithm, Hasher};

#[tokio::main]
async fn main() -> Result<(), Box<dyn error::Error>> {
    let mut arguments = env::args_os().skip(1);
    let (Some(root), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: store_file <folder of the store> <file>".into());
    };
    let store = FsBlobStore::open(root)?;
    let staged = store.begin().await?;
    let mut writer = store.append(&staged).await?;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        writer
            .write(Bytes::copy_from_slice(&buffer[..read]))
            .await?;
    }
    let staged = writer.checkpoint().await?;
    drop(writer);
    println!("{}", store.seal(&staged, &hasher.finish()).await?);
    Ok(())
}
