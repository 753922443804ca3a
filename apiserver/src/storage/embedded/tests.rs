//! The contract, on files.

use super::*;
use crate::storage::conformance::Fresh;

async fn fresh() -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&Options::new(directory.path())).unwrap();
    Fresh::new(store, directory)
}

crate::storage_conformance!(fresh);
