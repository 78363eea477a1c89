//! Contracts as CSV: `customer_number,number,services`, one number a row, services joined by `+`.

use std::collections::HashMap;

use crate::number::{NumberError, PhoneNumber};

use super::{Contract, ContractedNumber, Services, UnknownService};

const HEADER: [&str; 3] = ["customer_number", "number", "services"];
const COMMENT: u8 = b'#';

/// Reads contracts; the header line is optional. Every mistake is reported, not only the first.
pub fn read(text: &[u8]) -> Result<ContractTable, Vec<CsvError>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(COMMENT))
        .from_reader(text);
    let mut table = ContractTable::default();
    let mut errors = Vec::new();
    let mut first = true;
    for record in reader.byte_records() {
        let entered = record.map_err(|error| unreadable(&error)).and_then(|record| {
            let line = record.position().map_or(0, |position| line_of(position, text));
            let is_header = std::mem::take(&mut first) && record.iter().eq(HEADER.iter().map(|name| name.as_bytes()));
            if is_header { Ok(()) } else { read_row(line, &record).and_then(|row| table.enter(line, row)) }
        });
        errors.extend(entered.err());
    }
    if errors.is_empty() { Ok(table) } else { Err(errors) }
}

/// The line where a record begins. The reader's own count stops before the empty lines and comments in front of it.
fn line_of(position: &csv::Position, text: &[u8]) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let mut rest = text.get(start..).unwrap_or_default();
    let mut line = position.line();
    while let [first @ (b'\n' | b'\r' | COMMENT), after @ ..] = rest {
        let end_of_line = after.iter().position(|byte| *byte == b'\n').map_or(after.len(), |at| at + 1);
        line += u64::from(*first != b'\r');
        rest = if *first == COMMENT { after.get(end_of_line..).unwrap_or_default() } else { after };
    }
    line
}

/// The contracts of a file, and the line that each number came from.
#[derive(Debug, Default)]
pub struct ContractTable {
    contracts: Vec<Contract>,
    place: HashMap<PhoneNumber, usize>,
    rows: HashMap<PhoneNumber, u64>,
    begun: HashMap<PhoneNumber, u64>,
}

impl ContractTable {
    /// The contracts, as [`Store::save_contracts`](super::Store::save_contracts) takes them: `numbers` holds the rows as
    /// they came, so the contract number is among them only when it has a row of its own.
    pub fn contracts(&self) -> &[Contract] {
        &self.contracts
    }

    /// The row of `number`, or else where the contract that it is the customer number of begins.
    pub fn line_of(&self, number: PhoneNumber) -> Option<u64> {
        self.rows.get(&number).or_else(|| self.begun.get(&number)).copied()
    }

    fn enter(&mut self, line: u64, row: Row) -> Result<(), CsvError> {
        let Row { customer_number, number, services } = row;
        self.refuse_taken(line, &row)?;
        let place = *self.place.entry(customer_number).or_insert_with(|| {
            self.contracts.push(Contract { customer_number, numbers: Vec::new() });
            self.contracts.len() - 1
        });
        self.begun.entry(customer_number).or_insert(line);
        self.rows.insert(number, line);
        if let Some(contract) = self.contracts.get_mut(place) {
            contract.numbers.push(ContractedNumber { number, services });
        }
        Ok(())
    }

    /// A number has one row, and a customer number is no additional number of another contract.
    fn refuse_taken(&self, line: u64, row: &Row) -> Result<(), CsvError> {
        let Row { customer_number, number, .. } = *row;
        let at = |column, problem| Err(CsvError { line, column, problem });
        if let Some(&earlier) = self.rows.get(&number) {
            return at(2, CsvProblem::Twice { number, earlier });
        }
        match (self.begun.get(&number), self.begun.get(&customer_number), self.rows.get(&customer_number)) {
            (Some(&earlier), _, _) if number != customer_number => {
                at(2, CsvProblem::OthersContractNumber { number, earlier })
            }
            (_, None, Some(&earlier)) => at(1, CsvProblem::Twice { number: customer_number, earlier }),
            (_, _, _) => Ok(()),
        }
    }
}

/// What is wrong in a CSV, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column} ({name}): {problem}", name = HEADER.get(column.saturating_sub(1)).unwrap_or(&"too many"))]
pub struct CsvError {
    /// The line in the file, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: CsvProblem,
}

/// What is wrong in a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvProblem {
    /// Too few or too many columns.
    #[error("the row has {found} columns; customer_number,number,services are needed")]
    Columns {
        /// How many there are.
        found: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8 text")]
    Encoding,
    /// No telephone number.
    #[error("{text:?}: {why}")]
    Number {
        /// What is there.
        text: String,
        /// What is wrong with it.
        why: NumberError,
    },
    /// No services.
    #[error(transparent)]
    Services(UnknownService),
    /// The number was in an earlier row.
    #[error("{number} is already in line {earlier}")]
    Twice {
        /// The number.
        number: PhoneNumber,
        /// Where it was.
        earlier: u64,
    },
    /// The number is itself the customer number of another contract of the file.
    #[error("{number} is the contract number of the contract in line {earlier}")]
    OthersContractNumber {
        /// The number.
        number: PhoneNumber,
        /// Where that contract begins.
        earlier: u64,
    },
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

#[derive(Clone, Copy)]
struct Row {
    customer_number: PhoneNumber,
    number: PhoneNumber,
    services: Services,
}

fn read_row(line: u64, record: &csv::ByteRecord) -> Result<Row, CsvError> {
    let at = |column, problem| CsvError { line, column, problem };
    if record.len() != HEADER.len() {
        // the first one that is missing, or the first that is too much
        let column = record.len().min(HEADER.len()) + 1;
        return Err(at(column, CsvProblem::Columns { found: record.len() }));
    }
    let text = |column: usize| {
        let bytes = record.get(column.saturating_sub(1)).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| at(column, CsvProblem::Encoding))
    };
    let number = |column: usize| {
        let text = text(column)?;
        PhoneNumber::parse(text).map_err(|why| at(column, CsvProblem::Number { text: text.to_owned(), why }))
    };
    Ok(Row {
        customer_number: number(1)?,
        number: number(2)?,
        services: text(3)?.parse().map_err(|unknown| at(3, CsvProblem::Services(unknown)))?,
    })
}

fn unreadable(error: &csv::Error) -> CsvError {
    let line = error.position().map_or(0, csv::Position::line);
    CsvError { line, column: 1, problem: CsvProblem::Unreadable(error.to_string()) }
}

#[cfg(test)]
#[path = "contract_csv_tests.rs"]
mod tests;
