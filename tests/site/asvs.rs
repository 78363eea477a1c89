//! OWASP Application Security Verification Standard 4.0.3, level 1, gone through for the settings site and the local API: the
//! requirement's number, what it asks in our words, how it stands, and the test that shows it. Compared with the published
//! `OWASP Application Security Verification Standard 4.0.3-en.csv` (repository OWASP/ASVS, `4.0/docs_en`, commit 47721f8): the
//! requirements whose column `level1` is filled, which are 128.
//!
//! The tests below keep the table honest: no requirement of level 1 is left out, and every test that is named exists.

use std::path::Path;

/// How a requirement stands.
enum Stand {
    /// It holds, and this test shows it.
    Holds(&'static str, &'static str),
    /// It does not hold as it is written: why, and the test that shows what holds instead.
    Departs(&'static str, &'static str),
    /// There is nothing that it could be about.
    Void(&'static str),
    /// It is for whoever runs the server.
    Operator(&'static str),
}
use Stand::{Departs, Holds, Operator, Void};

type Row = (&'static str, &'static str, Stand);

const NO_FILES: &str = "an upload and a fax are read in memory; no name that came with them is used";
const NO_SCRIPT: &str = "there is no script, no eval and no template from a user";
const NO_OUT: &str = "no page makes a request to an address that a user names";

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // V2 authentication
    ("2.1.1", "own passwords have 12 characters or more", Departs("8 by the carrier's rule; [site] password_length = [12, 64] raises it", "config::tests::a_file_can_set_everything")),
    ("2.1.2", "64 characters are allowed, more than 128 are not", Holds("up to 64 by default, at most 128", "login::own_passwords_keep_the_rules")),
    ("2.1.3", "no password is cut, and spaces count", Holds("compared whole; a longer one is refused", "login::a_long_password_counts_to_its_last_character")),
    ("2.1.4", "any printable Unicode character, spaces and emoji too", Holds("only control characters are refused", "login::a_password_may_be_japanese_and_hold_spaces")),
    ("2.1.5", "users can change their password", Holds("/password", "login::own_passwords_keep_the_rules")),
    ("2.1.6", "changing asks for the current one", Holds("field current", "login::own_passwords_keep_the_rules")),
    ("2.1.7", "common and breached passwords are refused", Holds("zxcvbn, whose lists hold the most common ones", "login::own_passwords_keep_the_rules")),
    ("2.1.8", "a strength meter helps with choosing", Departs("the rules stand beside the field and each fault has its own words; a meter while typing would need script", "login::own_passwords_keep_the_rules")),
    ("2.1.9", "no rules on kinds of characters", Departs("the carrier asks for letters and digits; [site] password_letters_and_digits = false asks for neither", "login::own_passwords_keep_the_rules")),
    ("2.1.10", "no periodic change and no history", Departs("the carrier asks for another one after 60 days, and not for the one before", "login::an_own_password_is_valid_for_sixty_days")),
    ("2.1.11", "pasting and password managers work", Holds("plain fields with autocomplete names, no script", "security::password_managers_know_the_fields")),
    ("2.1.12", "a password can be seen while it is typed, where the platform does not offer that", Departs("telephones and some browsers offer it; elsewhere it would need script", "security::password_managers_know_the_fields")),
    ("2.2.1", "guessing is slowed down: at most 100 wrong passwords an hour and account", Holds("a lock after three wrong ones, logins a minute by address", "login::no_more_than_a_hundred_passwords_an_hour_are_tried_on_an_account")),
    ("2.2.2", "weak authenticators are for secondary verification only", Departs("the call is the recovery, that is the service; what it sets has to be replaced at once", "login::a_temporary_password_leads_to_an_own_one_and_then_to_the_services")),
    ("2.2.3", "users are told of changed credentials and strange logins", Holds("at the next login: the login before, wrong passwords since then, and the latest changes; an account has no address to write to", "login::whoever_logs_in_learns_of_logins_and_passwords_that_were_not_theirs")),
    ("2.3.1", "initial passwords are random, of 6 characters or more, short-lived and must be replaced", Departs("chosen by the subscriber on the line itself, 4 digits or more by [ivr] password_digits; 24 hours, once, and no own password", "login::the_temporary_password_is_no_own_one")),
    ("2.5.1", "no recovery secret is sent in clear", Holds("recovery is a call; nothing is sent", "login::a_temporary_password_leads_to_an_own_one_and_then_to_the_services")),
    ("2.5.2", "no hints or secret questions", Void("there are none")),
    ("2.5.3", "recovery shows no current password", Holds("only hashes are kept", "security::nothing_typed_as_a_password_comes_back")),
    ("2.5.4", "no default accounts", Holds("a store begins empty; the example contract has no password", "login::an_account_without_a_password_has_no_default_one")),
    ("2.5.5", "users are told of a changed factor", Holds("as in 2.2.3", "login::whoever_logs_in_learns_of_logins_and_passwords_that_were_not_theirs")),
    ("2.5.6", "recovery by a secure mechanism", Holds("a call from the contracted line, whose number the network vouches for", "login::a_temporary_password_is_valid_to_the_second")),
    ("2.7.1", "no clear text out-of-band authenticator by SMS or telephone as the default", Departs("the telephone is what the service is; only the contracted line reaches it, and nothing is spoken to a stranger's phone", "login::a_temporary_password_leads_to_an_own_one_and_then_to_the_services")),
    ("2.7.2", "out-of-band codes run out after 10 minutes", Departs("24 hours by the carrier's rule, for temporary passwords and mailed links", "login::a_temporary_password_is_valid_to_the_second")),
    ("2.7.3", "out-of-band codes work once, for what they were asked for", Holds("temporary passwords and mailed links both", "reach::a_mailed_link_reaches_its_own_number_only")),
    ("2.7.4", "the out-of-band channel is secure and independent", Holds("the telephone line", "login::a_temporary_password_opens_once")),
    ("2.8.1", "time-based one-time codes run out", Void("there are none")),
    // V3 sessions
    ("3.1.1", "no session token in an address", Holds("cookie only", "security::no_token_is_in_an_address")),
    ("3.2.1", "a new token at login", Holds("a new one at login and at a new password", "login::a_changed_password_ends_every_other_session")),
    ("3.2.2", "64 bits of entropy or more", Holds("256 random bits", "security::tokens_are_long_and_never_the_same")),
    ("3.2.3", "tokens are kept securely in the browser", Holds("HttpOnly cookie", "security::cookies_are_for_this_site_alone")),
    ("3.3.1", "logout and expiry end a session, also for the back button", Holds("the row goes; pages are not kept (tests/browser goes back)", "login::after_logout_the_cookie_opens_nothing")),
    ("3.3.2", "who stays logged in authenticates again within 30 days", Holds("15 idle minutes, 12 hours at most", "login::a_session_that_is_kept_busy_ends_after_twelve_hours")),
    ("3.4.1", "cookies are Secure", Holds("over TLS, here or before; plain HTTP is for loopback", "tls::over_tls_cookies_are_for_tls_alone_and_browsers_are_told_to_stay_there")),
    ("3.4.2", "cookies are HttpOnly", Holds("both", "security::cookies_are_for_this_site_alone")),
    ("3.4.3", "cookies are SameSite", Holds("Strict", "security::cookies_are_for_this_site_alone")),
    ("3.4.4", "the __Host- prefix", Holds("over TLS", "security::cookies_are_for_this_site_alone")),
    ("3.4.5", "a path that is as narrow as can be", Holds("a host of its own, Path=/ as __Host- demands", "security::cookies_are_for_this_site_alone")),
    ("3.7.1", "a valid session before sensitive changes", Holds("every change needs an open session; the password its current one", "login::a_temporary_password_leads_to_an_own_one_and_then_to_the_services")),
    // V4 access
    ("4.1.1", "access is decided on the server", Holds("member.rs alone", "reach::no_path_shows_or_changes_what_is_outside_the_reach")),
    ("4.1.2", "what access is decided by cannot be changed by users", Holds("the session's row and the contract", "reach::no_path_shows_or_changes_what_is_outside_the_reach")),
    ("4.1.3", "least privilege", Holds("the reach of the unit and number", "reach::the_example_reaches_what_its_table_says")),
    ("4.1.5", "access fails closed", Holds("a store that fails gives 503", "trouble::when_the_store_is_gone_pages_say_so_and_when_it_is_back_they_go_on")),
    ("4.2.1", "no direct object references", Holds("a number or a fax outside the reach is not found", "reach::no_path_shows_or_changes_what_is_outside_the_reach")),
    ("4.2.2", "no cross-site request forgery, and no automation of what needs no login", Holds("a token of the session, Origin, Sec-Fetch-Site, SameSite; logins a minute", "security::a_form_without_this_sessions_token_does_nothing")),
    ("4.3.1", "administration has more than one factor", Void("there is no administration by the site; `karipass` runs on the server")),
    ("4.3.2", "no listing of folders, no metadata files", Holds("no folder is served", "security::nothing_is_served_but_its_pages")),
    // V5 validation and encoding
    ("5.1.1", "parameters given twice do no harm", Holds("the first counts, and reach is decided on that same one", "security::of_a_field_sent_twice_the_first_counts")),
    ("5.1.2", "no mass assignment", Holds("each form reads its own fields", "security::fields_that_no_form_has_change_nothing")),
    ("5.1.3", "input is validated by what is allowed", Holds("numbers, addresses, choices, lengths", "services::mistakes_are_told_at_their_field_and_nothing_is_set")),
    ("5.1.4", "structured data has its types", Holds("typed settings", "services::voicewarp_keeps_four_destinations_and_the_one_in_use")),
    ("5.1.5", "redirects go to known places", Holds("own paths only", "security::the_language_switch_stays_here")),
    ("5.2.1", "HTML from users is sanitised", Void("no field takes HTML")),
    ("5.2.2", "unstructured data is limited", Holds("length and control characters", "services::mistakes_are_told_at_their_field_and_nothing_is_set")),
    ("5.2.3", "mail headers cannot be injected", Holds("an address is a dot-string: no line break", "site::field::tests::mail_addresses_are_those_that_servers_take")),
    ("5.2.4", "no eval", Void(NO_SCRIPT)),
    ("5.2.5", "no template injection", Void(NO_SCRIPT)),
    ("5.2.6", "no server-side request forgery", Void(NO_OUT)),
    ("5.2.7", "no scriptable SVG", Void("no image is taken")),
    ("5.2.8", "no scriptable templates or styles", Void(NO_SCRIPT)),
    ("5.3.1", "output is encoded for its place", Holds("askama escapes", "security::what_is_typed_comes_back_as_text")),
    ("5.3.2", "encoding keeps the characters", Holds("UTF-8", "security::what_is_typed_comes_back_as_text")),
    ("5.3.3", "no reflected, stored or DOM XSS", Holds("escaped, and the policy allows no script", "security::what_is_typed_comes_back_as_text")),
    ("5.3.4", "queries have parameters", Holds("rusqlite with ?1; no query is put together from input", "security::what_looks_like_sql_is_text")),
    ("5.3.5", "where not, they are escaped", Void("all have parameters")),
    ("5.3.6", "no JSON injection", Holds("serde_json writes it", "security::what_looks_like_sql_is_text")),
    ("5.3.7", "no LDAP injection", Void("no LDAP")),
    ("5.3.8", "no command injection", Void("no command is run")),
    ("5.3.9", "no file inclusion", Void("no path comes from a user")),
    ("5.3.10", "no XPath or XML injection", Void("no XML")),
    ("5.5.1", "serialised objects are not trusted", Holds("nothing serialised comes from the browser", "security::fields_that_no_form_has_change_nothing")),
    ("5.5.2", "XML parsers are restricted", Void("no XML")),
    ("5.5.3", "no deserialising of untrusted objects", Holds("fields of text, and JSON of one shape on the API", "api::what_is_asked_wrongly_is_told_as_json")),
    ("5.5.4", "JSON is parsed, not evaluated", Void(NO_SCRIPT)),
    // V6 cryptography
    ("6.2.1", "crypto fails without telling", Holds("a hash that cannot be read matches nothing; all refusals look alike", "login::three_wrong_passwords_lock_for_ten_minutes_and_tell_nothing")),
    // V7 errors and logs
    ("7.1.1", "no credentials in logs", Holds("Secret has no rendering", "login::logins_are_audited_without_any_password")),
    ("7.1.2", "no other sensitive data in logs", Holds("numbers in the audit only, which is in the store", "login::logins_are_audited_without_any_password")),
    ("7.4.1", "errors tell users nothing of the inside", Holds("one page for every trouble of the store", "trouble::while_the_store_is_locked_pages_say_so_and_nothing_is_half_set")),
    // V8 data
    ("8.2.1", "private pages are not cached", Holds("no-store on every page", "security::every_page_has_its_headers")),
    ("8.2.2", "nothing private in the browser's storage", Void(NO_SCRIPT)),
    ("8.2.3", "private data leaves the browser at the end of a session", Holds("the cookie goes, and pages were not kept", "login::after_logout_the_cookie_opens_nothing")),
    ("8.3.1", "sensitive data goes in the body or headers, not in addresses", Departs("passwords and tokens by POST only; telephone numbers stand in addresses, as agreed, and mailed links have a token that works once", "security::no_token_is_in_an_address")),
    ("8.3.2", "users can take out or delete their data", Holds("settings can be emptied; the bulk setting has a CSV", "services::a_csv_sets_all_numbers_at_once_after_a_preview")),
    ("8.3.3", "users are told what is done with their data", Operator("the carrier's terms")),
    ("8.3.4", "sensitive data is known and has a policy", Holds("the schema says what every column holds", "security::the_store_keeps_hashes_only")),
    // V9 communication
    ("9.1.1", "TLS for everything, without a way back", Holds("with a certificate no HTTP is spoken; HSTS", "tls::without_tls_there_is_no_page")),
    ("9.1.2", "strong ciphers only", Holds("rustls has no others", "tls::an_old_version_is_refused")),
    ("9.1.3", "TLS 1.2 and 1.3 only", Holds("rustls has no others", "tls::an_old_version_is_refused")),
    // V10 malicious code
    ("10.3.1", "updates are signed", Void("no automatic update")),
    ("10.3.2", "integrity of code that is loaded", Void("nothing is loaded from elsewhere: the policy allows self only")),
    ("10.3.3", "no subdomain can be taken over", Operator("the carrier's DNS")),
    // V11 business logic
    ("11.1.1", "steps in their order", Holds("the site is closed until there is an own password", "login::a_temporary_password_leads_to_an_own_one_and_then_to_the_services")),
    ("11.1.2", "steps in human time", Holds("logins a minute", "security::so_many_logins_from_one_address")),
    ("11.1.3", "limits for each user", Holds("locks and lengths", "services::ten_thousand_rows_and_no_more")),
    ("11.1.4", "no excessive use", Holds("bounded queues, connections of an address, deadlines, forms", "slow::when_all_places_are_taken_by_the_slow_they_are_freed_for_others")),
    ("11.1.5", "limits of the business", Holds("one, four, five, ten, a hundred entries", "services::mistakes_are_told_at_their_field_and_nothing_is_set")),
    // V12 files
    ("12.1.1", "large files do not fill anything", Holds("4 MiB in memory; a fax has its own limit", "security::large_uploads_are_refused")),
    ("12.3.1", "no path by a file's name", Void(NO_FILES)),
    ("12.3.2", "no inclusion by a file's name", Void(NO_FILES)),
    ("12.3.3", "no request by a file's name", Void(NO_FILES)),
    ("12.3.4", "no download named by a user", Holds("the download's name is fixed", "security::a_download_is_no_page")),
    ("12.3.5", "no command by a file's name", Void(NO_FILES)),
    ("12.4.1", "files from outside are kept outside the web's folder", Holds("faxes are rows of the store; an upload is never kept", "security::nothing_is_served_but_its_pages")),
    ("12.4.2", "files from outside are scanned", Departs("no scanner: a fax is decoded to its dots before it is kept, and refused if that fails; the PDF is written anew from them", "faxes::a_fax_lands_in_the_inbox_and_is_told_to_a_confirmed_address")),
    ("12.5.1", "only intended kinds of files are served", Holds("no folder is served", "security::nothing_is_served_but_its_pages")),
    ("12.5.2", "a file from outside is never run as a page", Holds("a fax goes as PDF with a policy of its own or as a download, with nosniff", "faxes::a_fax_is_viewed_downloaded_and_deleted")),
    ("12.6.1", "requests go to allowed places only", Void(NO_OUT)),
    // V13 interfaces
    ("13.1.1", "one parser for addresses and files", Void(NO_OUT)),
    ("13.1.3", "no secrets in addresses of the API", Holds("the token is a header", "api::without_the_token_nothing_is_told_or_done")),
    ("13.2.1", "only the methods that are meant", Holds("others get 405", "api::every_answer_is_json_to_be_kept_and_nothing_to_be_run")),
    ("13.2.2", "JSON has a schema", Holds("one shape for each event; unknown fields are refused", "api::what_is_asked_wrongly_is_told_as_json")),
    ("13.2.3", "REST with cookies is safe from forgery", Void("the API knows no cookie")),
    ("13.3.1", "XML has a schema", Void("no XML")),
    // V14 configuration
    ("14.2.1", "components are up to date", Operator("Cargo.lock names them; cargo update, and a check of advisories at each build")),
    ("14.2.2", "nothing needless is served", Holds("no sample, no console, no debug page", "security::nothing_is_served_but_its_pages")),
    ("14.2.3", "integrity of foreign assets", Void("none")),
    ("14.3.2", "no debug mode", Void("there is none")),
    ("14.3.3", "no versions in headers", Holds("no Server header", "security::every_page_has_its_headers")),
    ("14.4.1", "a content type on every answer, with its charset", Holds("redirects too", "security::every_answer_of_every_path_has_its_headers_and_every_refusal_is_a_page")),
    ("14.4.2", "answers of an API are attachments", Holds("api.json; the CSV too is one", "api::every_answer_is_json_to_be_kept_and_nothing_to_be_run")),
    ("14.4.3", "a content security policy", Holds("default-src 'none'", "security::every_page_has_its_headers")),
    ("14.4.4", "nosniff", Holds("on every answer", "security::every_answer_of_every_path_has_its_headers_and_every_refusal_is_a_page")),
    ("14.4.5", "HSTS", Holds("over TLS", "tls::over_tls_cookies_are_for_tls_alone_and_browsers_are_told_to_stay_there")),
    ("14.4.6", "a referrer policy", Holds("same-origin", "security::every_page_has_its_headers")),
    ("14.4.7", "no framing", Holds("frame-ancestors 'none'", "security::every_page_has_its_headers")),
    ("14.5.1", "only the methods in use; others are logged", Holds("others get 405 and a line in the log", "security::other_methods_are_refused")),
    ("14.5.2", "Origin is not used for access", Holds("it only refuses; the session decides", "security::a_form_from_another_site_is_refused")),
    ("14.5.3", "CORS allows no arbitrary origin", Holds("no CORS header at all", "security::every_page_has_its_headers")),
];

/// Every requirement of level 1 in version 4.0.3, by chapter.
const LEVEL_1: &str = "\
    2.1.1 2.1.2 2.1.3 2.1.4 2.1.5 2.1.6 2.1.7 2.1.8 2.1.9 2.1.10 2.1.11 2.1.12 2.2.1 2.2.2 2.2.3 2.3.1 2.5.1 2.5.2 2.5.3 \
    2.5.4 2.5.5 2.5.6 2.7.1 2.7.2 2.7.3 2.7.4 2.8.1 \
    3.1.1 3.2.1 3.2.2 3.2.3 3.3.1 3.3.2 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.7.1 \
    4.1.1 4.1.2 4.1.3 4.1.5 4.2.1 4.2.2 4.3.1 4.3.2 \
    5.1.1 5.1.2 5.1.3 5.1.4 5.1.5 5.2.1 5.2.2 5.2.3 5.2.4 5.2.5 5.2.6 5.2.7 5.2.8 5.3.1 5.3.2 5.3.3 5.3.4 5.3.5 5.3.6 \
    5.3.7 5.3.8 5.3.9 5.3.10 5.5.1 5.5.2 5.5.3 5.5.4 \
    6.2.1 7.1.1 7.1.2 7.4.1 8.2.1 8.2.2 8.2.3 8.3.1 8.3.2 8.3.3 8.3.4 9.1.1 9.1.2 9.1.3 10.3.1 10.3.2 10.3.3 \
    11.1.1 11.1.2 11.1.3 11.1.4 11.1.5 12.1.1 12.3.1 12.3.2 12.3.3 12.3.4 12.3.5 12.4.1 12.4.2 12.5.1 12.5.2 12.6.1 \
    13.1.1 13.1.3 13.2.1 13.2.2 13.2.3 13.3.1 \
    14.2.1 14.2.2 14.2.3 14.3.2 14.3.3 14.4.1 14.4.2 14.4.3 14.4.4 14.4.5 14.4.6 14.4.7 14.5.1 14.5.2 14.5.3";

#[test]
fn no_requirement_is_left_out() {
    let wanted: Vec<&str> = LEVEL_1.split_whitespace().collect();
    let have: Vec<&str> = TABLE.iter().map(|(number, ..)| *number).collect();
    assert_eq!((wanted.len(), have), (128, wanted));
    for (number, asks, stand) in TABLE {
        let told = match stand {
            Holds(how, _) | Departs(how, _) | Void(how) | Operator(how) => how,
        };
        assert!(!asks.is_empty() && !told.is_empty(), "{number}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (number, _, stand) in TABLE {
        let (Holds(_, test) | Departs(_, test)) = stand else { continue };
        let (room, name) = test.rsplit_once("::").unwrap();
        let file = match room {
            "config::tests" => "src/config/tests.rs".to_owned(),
            "site::field::tests" => "src/site/field.rs".to_owned(),
            "api" | "faxes" => format!("tests/services/{room}.rs"),
            here => format!("tests/site/{here}.rs"),
        };
        let text = std::fs::read_to_string(top.join(&file)).unwrap();
        assert!(text.contains(&format!("fn {name}(")), "{number}: {file} has no {name}");
    }
}
