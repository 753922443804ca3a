//! The contract of every store, on files.

use crate::storage::conformance::Fresh;
use crate::storage::embedded::{EmbeddedStore, Options};

async fn fresh() -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&Options::new(directory.path())).unwrap();
    Fresh::new(store, directory)
}

crate::storage_conformance!(fresh);
