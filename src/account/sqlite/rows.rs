//! Between columns and the room's types.

use rusqlite::{Row, Rows};

use crate::account::tables::{Failure, Fault};
use crate::number::PhoneNumber;
use crate::time::UnixTime;

/// A column that always holds a number.
pub(super) fn number(row: &Row<'_>, column: &str) -> Result<PhoneNumber, Failure> {
    parsed(column, &row.get::<_, String>(column)?)
}

/// A column that may hold a number, a unit, or what else is written as text.
pub(super) fn optional<T>(row: &Row<'_>, column: &str) -> Result<Option<T>, Failure>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    row.get::<_, Option<String>>(column)?.map(|text| parsed(column, &text)).transpose()
}

/// A column that always holds a time.
pub(super) fn time(row: &Row<'_>, column: &str) -> Result<UnixTime, Failure> {
    Ok(UnixTime(row.get(column)?))
}

/// A column that may hold a time.
pub(super) fn optional_time(row: &Row<'_>, column: &str) -> Result<Option<UnixTime>, Failure> {
    Ok(row.get::<_, Option<i64>>(column)?.map(UnixTime))
}

/// What a column's text means.
pub(super) fn parsed<T>(column: &str, text: &str) -> Result<T, Failure>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|why| Fault::Row(format!("column {column}: {why}")).into())
}

/// All rows of a query.
pub(super) fn all<T>(mut rows: Rows<'_>, read: impl Fn(&Row<'_>) -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}
