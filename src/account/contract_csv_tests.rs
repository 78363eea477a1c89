//! Tests of the CSV reader.
#![allow(clippy::unwrap_used)]

use super::*;

fn contracts(csv: &str) -> Vec<String> {
    let table = read(csv.as_bytes()).unwrap();
    let line = |contract: &Contract| {
        let numbers: Vec<String> =
            contract.numbers.iter().map(|own| format!("{}={}", own.number, own.services)).collect();
        format!("{}: {}", contract.customer_number, numbers.join(" "))
    };
    table.contracts().iter().map(line).collect()
}

fn complaints(csv: &[u8]) -> Vec<String> {
    read(csv).unwrap_err().iter().map(ToString::to_string).collect()
}

const TWO: [&str; 2] =
    ["0600001111: 0600001111=arrival-mail 0600002222=arrival-mail+fax-mail", "0312345678: 0312345678=none"];

#[test]
fn rows_gather_into_contracts_with_or_without_a_header() {
    let rows =
        "0600001111,0600001111,arrival-mail\n0600001111,0600002222,arrival-mail+fax-mail\n0312345678,0312345678,\n";
    assert_eq!(contracts(rows), TWO);
    assert_eq!(contracts(&format!("customer_number,number,services\n{rows}")), TWO);
    assert_eq!(
        contracts(&format!("\u{feff}customer_number,number,services\n{rows}")),
        TWO,
        "as a spreadsheet writes it"
    );
    assert_eq!(contracts(&rows.replace('\n', "\r\n")), TWO);
}

#[test]
fn numbers_are_read_as_people_write_them_and_rows_need_not_be_together() {
    let csv = "\
        # customers of the western area\n\
        06-0000-1111, 06-0000-1111, arrival-mail\n\
        \n\
        ０３１２３４５６７８,03(1234)5678,none\n\
        \"0600001111\",+81600002222,fax-mail + arrival-mail\n";
    assert_eq!(contracts(csv), TWO);
}

#[test]
fn a_contract_number_without_a_row_is_left_to_the_store() {
    assert_eq!(
        contracts("0600001111,0600002222,all"),
        ["0600001111: 0600002222=voicewarp+arrival-mail+bulk-transfer+fault-notice+fax-mail"]
    );
    assert!(contracts("").is_empty());
    assert!(contracts("customer_number,number,services\n").is_empty());
}

#[test]
fn every_mistake_is_told_with_line_and_column() {
    let csv = "\
        customer_number,number,services\n\
        600001111,0600001111,none\n\
        0600001111,office,none\n\
        0600001111,0600001111,fax\n\
        0600001111,0600001111\n\
        0600001111,0600001111,none,extra\n\
        \n\
        0600001111,0600002222,none\n\
        0312345678,0600002222,none\n";
    let told = complaints(csv.as_bytes());
    let expected = [
        "line 2, column 1 (customer_number): \"600001111\": the number lacks",
        "line 3, column 2 (number): \"office\": 'o' does not belong",
        "line 4, column 3 (services): \"fax\" is no service: use voicewarp, arrival-mail",
        "line 5, column 3 (services): the row has 2 columns; customer_number,number,services are needed",
        "line 6, column 4 (too many): the row has 4 columns",
        "line 9, column 2 (number): 0600002222 is already in line 8",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}\nnot {expected}");
    }
}

#[test]
fn a_number_belongs_to_one_contract() {
    let taken = |csv: &str| complaints(csv.as_bytes()).join("; ");
    let other = "0600001111,0600002222,none\n";
    assert!(taken(&format!("{other}0600002222,0600003333,none")).starts_with("line 2, column 1"), "as customer number");
    assert!(taken(&format!("{other}0600002222,0600002222,none")).starts_with("line 2, column 2"), "as contract number");
    assert!(taken("0600002222,0600003333,none\n0600001111,0600002222,none").starts_with("line 2, column 2"));
    assert!(taken(&format!("{other}0600001111,0600001111,none\n0600001111,0600001111,none")).starts_with("line 3"));
}

#[test]
fn what_is_no_text_is_told() {
    assert_eq!(complaints(b"0600001111,0600001111,\x83t\x83@"), ["line 1, column 3 (services): not UTF-8 text"]);
    // a workbook in place of a CSV
    assert!(!complaints(b"PK\x03\x04\x14\x00\x06\x00\x08\x00").is_empty());
    let unclosed = complaints(b"0600001111,\"0600001111,none\n0312345678,0312345678,none\n");
    assert!(unclosed.first().unwrap().starts_with("line 1"), "{unclosed:?}");
}

#[test]
fn the_line_of_each_number_is_known() {
    let table = read("customer_number,number,services\n0600001111,0600002222,none\n0312345678,0312345678,".as_bytes());
    let table = table.unwrap();
    let line = |text: &str| table.line_of(PhoneNumber::parse(text).unwrap());
    assert_eq!(line("0600002222"), Some(2));
    assert_eq!(line("0600001111"), Some(2), "where its contract begins");
    assert_eq!(line("0312345678"), Some(3));
    assert_eq!(line("0399999999"), None);
}
