//! Files of older formats, which are taken over when they are opened.

use redb::{Database, ReadableDatabase, ReadableTable};

use super::failure::{Failure, guarded};
use super::format::{FORMAT, INDEX, Kind, LOG, META, OLDEST_FORMAT, meta, parse_index};
use super::medium::{Medium, open_error};
use super::options::OpenError;

/// Opens the database on a medium, and makes it one of the present format.
pub(super) fn open(medium: &dyn Medium) -> Result<Database, OpenError> {
    let database = medium.open(false)?;
    match guarded(|| take_over(&database)) {
        Ok(()) => Ok(database),
        Err(Failure::NoSpace(_)) if medium.release_spare() => {
            // A full disk. What was set aside for deletions is enough.
            drop(database);
            let database = medium.open(true)?;
            guarded(|| take_over(&database)).map_err(|failure| open_error(medium.path(), failure))?;
            Ok(database)
        }
        Err(failure) => Err(open_error(medium.path(), failure)),
    }
}

/// Brings the database to the present format, in one transaction.
fn take_over(database: &Database) -> Result<(), Failure> {
    let found = {
        let transaction = database.begin_read()?;
        let table = transaction.open_table(META)?;
        table.get(meta::FORMAT)?.map(|number| number.value())
    };
    match found {
        // What is missing is told by whoever reads it.
        None | Some(FORMAT) => return Ok(()),
        Some(older @ OLDEST_FORMAT..FORMAT) => {
            tracing::info!(
                from = older,
                to = FORMAT,
                "the storage is brought to the present format"
            );
        }
        Some(other) => return Err(Failure::Format(other)),
    }
    let transaction = database.begin_write()?;
    {
        let history = history(&transaction.open_table(INDEX)?, &transaction.open_table(LOG)?)?;
        let mut meta = transaction.open_table(META)?;
        meta.insert(meta::HISTORY, history)?;
        meta.insert(meta::FORMAT, FORMAT)?;
    }
    Ok(transaction.commit()?)
}

/// Bytes of the records that are history: all but the newest of each key, and that too where it is a deletion.
fn history(
    index: &impl ReadableTable<&'static [u8], u64>,
    log: &impl ReadableTable<u64, &'static [u8]>,
) -> Result<u64, Failure> {
    let size = |revision: u64| -> Result<u64, Failure> {
        let record = log.get(revision)?;
        Ok(record.map_or(0, |record| record.value().len() as u64))
    };
    let mut bytes = 0;
    // The newest of the present key, so far.
    let mut newest: Option<(String, u64, Kind)> = None;
    for item in index.iter()? {
        let (key, mark) = item?;
        let (key, revision, kind) = parse_index(key.value(), mark.value())?;
        let before = newest.replace((key.to_owned(), revision.get(), kind));
        if let Some((before, revision, kind)) = before
            && (before == key || kind == Kind::Deleted)
        {
            bytes += size(revision)?;
        }
    }
    match newest {
        Some((_, revision, Kind::Deleted)) => Ok(bytes + size(revision)?),
        Some(_) | None => Ok(bytes),
    }
}
