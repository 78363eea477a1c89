//! A table that can take back what was written since the transaction began, and since the last flush to the disk.

use std::collections::BTreeMap;
use std::collections::btree_map::{Iter, Range};
use std::ops::RangeBounds;

use karipass::internals::account::tables::Durability;

#[derive(Clone, Debug)]
pub struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// What each write since the last flush has overwritten.
    undo: Vec<(K, Option<V>)>,
    /// How much of that is older than the transaction.
    begun: usize,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Table<K, V> {
        Table { rows: BTreeMap::new(), undo: Vec::new(), begun: 0 }
    }
}

/// Tables are the same when their rows are.
impl<K: PartialEq, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Table<K, V>) -> bool {
        self.rows == other.rows
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub fn iter(&self) -> Iter<'_, K, V> {
        self.rows.iter()
    }

    pub fn range(&self, keys: impl RangeBounds<K>) -> Range<'_, K, V> {
        self.rows.range(keys)
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn put(&mut self, key: K, row: V) {
        let before = self.rows.insert(key.clone(), row);
        self.undo.push((key, before));
    }

    /// Returns whether there was such a row.
    pub fn delete(&mut self, key: &K) -> bool {
        let before = self.rows.remove(key);
        let was_there = before.is_some();
        if was_there {
            self.undo.push((key.clone(), before));
        }
        was_there
    }

    /// Deletes at most `limit` of the rows that are meant, in order; returns how many.
    pub fn delete_where(&mut self, limit: usize, is_meant: impl Fn(&K, &V) -> bool) -> usize {
        let keys: Vec<K> =
            self.rows.iter().filter(|(key, row)| is_meant(key, row)).map(|(key, _)| key.clone()).take(limit).collect();
        keys.iter().filter(|key| self.delete(key)).count()
    }

    pub fn begin(&mut self) {
        self.begun = self.undo.len();
    }

    pub fn commit(&mut self, durability: Durability) {
        if durability == Durability::Full {
            self.undo.clear();
        }
        self.begun = self.undo.len();
    }

    pub fn roll_back(&mut self) {
        for (key, before) in self.undo.drain(self.begun..).rev() {
            match before {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }

    /// Back to the last flush.
    pub fn crash(&mut self) {
        self.begun = 0;
        self.roll_back();
    }
}
