//! What the parser must do with each message of RFC 4475.
//!
//! Where the RFC leaves a choice between refusing and guessing (§3.1.2.7 to §3.1.2.15), we refuse: what is guessed here
//! may be read differently by the next element, and numbers in these fields decide whose account is meant.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::error::ParseError;
use super::fault::{Fault, FieldError};
use super::parse;
use crate::sip::message::{Message, Method, Request, Response, Scheme};

/// What must come of a message.
enum Must {
    /// It is a good request, and this holds of it.
    Read(fn(&Request)),
    /// It is a good response, and this holds of it.
    ReadResponse(fn(&Response)),
    /// It is refused with a status, because of a fault.
    Refuse(u16, Fault),
    /// It is not to be answered.
    Drop(Fault),
}
use Must::{Drop, Read, ReadResponse, Refuse};

const fn malformed(name: &'static str) -> Fault {
    Fault::Field(FieldError::Malformed(name))
}

const fn repeated(name: &'static str) -> Fault {
    Fault::Field(FieldError::Repeated(name))
}

/// File and section, what must come of it, and the RFC's reason in short.
const TABLE: [(&str, &str, Must); 49] = [
    // 3.1.1: valid, though hard to read
    ("wsinv", "3.1.1.1", Read(wsinv)),
    ("intmeth", "3.1.1.2", Read(intmeth)),
    ("esc01", "3.1.1.3", Read(esc01)),
    ("escnull", "3.1.1.4", Read(escnull)),
    ("esc02", "3.1.1.5", Read(esc02)),
    ("lwsdisp", "3.1.1.6", Read(lwsdisp)),
    ("longreq", "3.1.1.7", Read(longreq)),
    ("dblreq", "3.1.1.8", Read(dblreq)),
    ("semiuri", "3.1.1.9", Read(semiuri)),
    ("transports", "3.1.1.10", Read(transports)),
    ("mpart01", "3.1.1.11", Read(mpart01)),
    ("unreason", "3.1.1.12", ReadResponse(unreason)),
    ("noreason", "3.1.1.13", ReadResponse(noreason)),
    // 3.1.2: invalid
    ("badinv01", "3.1.2.1", Refuse(400, malformed("Via"))), // ";;,;,," without parameters or values
    ("clerr", "3.1.2.2", Refuse(400, Fault::ShortBody)),    // fewer bytes than Content-Length
    ("ncl", "3.1.2.3", Refuse(400, malformed("Content-Length"))), // negative
    ("scalar02", "3.1.2.4", Refuse(400, malformed("CSeq"))), // beyond 32 bits; the others could be ignored
    ("scalarlg", "3.1.2.5", Drop(malformed("CSeq"))),       // the same in a response: discard
    ("quotbal", "3.1.2.6", Refuse(400, malformed("To"))),   // the quote never closes
    ("ltgtruri", "3.1.2.7", Refuse(400, Fault::RequestUri)), // <Request-URI>
    ("lwsruri", "3.1.2.8", Refuse(400, Fault::StartLine)),  // white space in the Request-URI
    ("lwsstart", "3.1.2.9", Refuse(400, Fault::StartLine)), // two spaces
    ("trws", "3.1.2.10", Refuse(400, Fault::StartLine)),    // spaces at the end
    ("escruri", "3.1.2.11", Refuse(400, Fault::RequestUri)), // header fields in the Request-URI
    ("baddate", "3.1.2.12", Read(baddate)),                 // a Date that nobody needs may be ignored
    ("regbadct", "3.1.2.13", Refuse(400, malformed("Contact"))), // "?" without angle brackets
    ("badaspec", "3.1.2.14", Refuse(400, malformed("To"))), // white space within addr-spec
    // a comma in an unquoted display name; the file lacks the empty line besides, which comes first
    ("baddn", "3.1.2.15", Refuse(400, Fault::Unterminated)),
    ("badvers", "3.1.2.16", Refuse(505, Fault::Version)), // SIP/7.0
    ("mismatch01", "3.1.2.17", Refuse(400, Fault::CSeqMethod)), // OPTIONS with CSeq: INVITE
    ("mismatch02", "3.1.2.18", Refuse(400, Fault::CSeqMethod)), // 501 or 400
    ("bigcode", "3.1.2.19", Drop(Fault::StartLine)),      // status 4294967301
    // 3.2: the transaction layer
    ("badbranch", "3.2.1", Read(badbranch)), // nothing behind the cookie: identify it as RFC 2543 did
    // 3.3: the application layer
    ("insuf", "3.3.1", Refuse(400, Fault::Field(FieldError::Missing("From")))), // Call-ID, From, To missing
    ("unkscm", "3.3.2", Refuse(416, Fault::Scheme)),
    ("novelsc", "3.3.3", Refuse(416, Fault::Scheme)),
    ("unksm2", "3.3.4", Read(unksm2)),                   // parsers must not fail
    ("bext01", "3.3.5", Read(bext01)),                   // 420 is for those who know the extensions
    ("invut", "3.3.6", Read(invut)),                     // 415 likewise
    ("regaut01", "3.3.7", Read(regaut01)),               // an unknown scheme counts as no credentials
    ("multi01", "3.3.8", Refuse(400, repeated("From"))), // From, To, Call-ID, CSeq: which one is meant?
    ("mcl01", "3.3.9", Refuse(400, repeated("Content-Length"))), // there is no way to know
    ("bcast", "3.3.10", ReadResponse(bcast)),            // the second Via is for the endpoint to see
    ("zeromf", "3.3.11", Read(zeromf)),                  // only proxies must answer 483
    ("cparam01", "3.3.12", Read(cparam01)),
    ("cparam02", "3.3.13", Read(cparam02)),
    ("regescrt", "3.3.14", Read(regescrt)),
    ("sdp01", "3.3.15", Read(sdp01)), // 406 is for the endpoint
    // 3.4: backward compatibility
    ("inv2543", "3.4.1", Read(inv2543)),
];

#[test]
fn every_message_of_rfc_4475_comes_to_what_the_rfc_says() {
    for (name, section, must) in &TABLE {
        let parsed = parse(&torture(name));
        match (must, &parsed) {
            (Read(check), Ok(Message::Request(request))) => check(request),
            (ReadResponse(check), Ok(Message::Response(response))) => check(response),
            (Refuse(status, fault), Err(ParseError::Reject(reject))) => {
                assert_eq!((*status, *fault), (reject.status, reject.fault), "{name} §{section}");
                assert!(reject.headers.contains("Via") && reject.headers.contains("CSeq"), "{name} cannot be answered");
            }
            (Drop(fault), Err(ParseError::Drop(is))) => assert_eq!(fault, is, "{name} §{section}"),
            _ => panic!("{name} §{section} came to {parsed:?}"),
        }
    }
}

#[test]
fn the_table_has_every_file() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = files.filter_map(|name| name.strip_suffix(".dat").map(str::to_owned)).collect();
    assert_eq!(files, TABLE.iter().map(|(name, ..)| (*name).to_owned()).collect());
}

#[test]
fn what_was_read_is_written_and_read_again_as_the_same() {
    for (name, ..) in TABLE {
        if let Ok(message) = parse(&torture(name)) {
            assert_eq!(parse(&message.to_bytes()).as_ref(), Ok(&message), "{name}");
        }
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/sip-torture")
}

fn torture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{name}.dat"))).unwrap()
}

fn wsinv(request: &Request) {
    assert_eq!(request.method, Method::Invite);
    assert_eq!(request.uri.user.as_deref(), Some("vivekg"));
    assert!(request.uri.params.has("unknownparam"));
    let headers = &request.headers;
    assert_eq!(headers.to().unwrap().tag(), Some("1918181833n"));
    let from = headers.from().unwrap();
    assert_eq!((from.display.as_deref(), from.tag()), (Some(r#"J Rosenberg \""#), Some("98asjd8")));
    assert_eq!(headers.max_forwards(), Some(68));
    assert_eq!(headers.cseq().unwrap().to_string(), "9 INVITE");
    assert_eq!(headers.first("Subject"), Some(""));
    assert_eq!(headers.first("NewFangledHeader"), Some("newfangled value continued newfangled value"));
    assert_eq!(headers.first("UnknownHeaderWithUnusualValue"), Some(";;,,;;,;"));
    let vias = headers.vias().unwrap();
    let hops: Vec<_> =
        vias.iter().map(|via| (via.transport.as_str(), via.host.as_str(), via.branch().unwrap())).collect();
    let expected = [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ];
    assert_eq!(hops, expected);
    assert_eq!(headers.top_via().unwrap().unique_branch(), None);
    let route = headers.routes("Route").unwrap().remove(0);
    assert!(route.uri.params.has("lr") && route.uri.params.has("unknown-no-value"));
    let contact = headers.contact().unwrap().unwrap();
    assert_eq!(contact.display.as_deref(), Some(r#"Quoted string """#));
    assert_eq!(contact.params.to_string(), ";newparam=newvalue;secondparam;q=0.33");
    assert_eq!(request.body.len(), 150);
}

fn intmeth(request: &Request) {
    let method = "!interesting-Method0123456789_*+`.%indeed'~";
    assert_eq!(request.method, Method::Other(method.into()));
    let uri = &request.uri;
    assert_eq!(uri.user.as_deref(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(uri.password.as_deref(), Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
    assert_eq!(uri.host, "example.com");
    let headers = &request.headers;
    assert_eq!(headers.to().unwrap().display.as_deref(), Some("BEL:\u{7} NUL:\0 DEL:\u{7f}"));
    let from = headers.from().unwrap();
    assert_eq!(from.display.as_deref(), Some("token1~` token2'+_ token3*%!.-"));
    assert_eq!(from.params.text("fromParam''~+*_!.-%").as_deref(), Some("работающий"));
    assert_eq!(from.tag(), Some("_token~1'+`*%!-."));
    assert_eq!(headers.call_id(), Ok(r#"intmeth.word%ZK-!.*_+'@word`~)(><:\/"][?}{"#));
    assert_eq!(headers.max_forwards(), Some(255));
    assert_eq!(headers.first("extensionHeader-!.%*+_`'~"), Some("\u{feff}大停電"));
}

fn esc01(request: &Request) {
    assert_eq!(request.uri.user.as_deref(), Some("sips%3Auser%40example.com"));
    assert_eq!(request.uri.subscriber().as_deref(), Some("sips:user@example.com"));
    assert_eq!(request.uri.host, "example.net");
    assert_eq!(request.headers.to().unwrap().uri.subscriber().as_deref(), Some("user"));
    assert_eq!(request.headers.from().unwrap().uri.subscriber().as_deref(), Some("I have spaces"));
    let contact = request.headers.contact().unwrap().unwrap().uri;
    assert_eq!(contact.subscriber().as_deref(), Some("caller"));
    assert!(contact.params.has("lr"));
    // "name=value%41", not "name=valueA"
    assert_eq!(contact.params.value("name"), Some("v%61lue%25%34%31"));
    assert_eq!(request.headers.content_type().as_deref(), Some("application/sdp"));
}

fn escnull(request: &Request) {
    assert_eq!(request.headers.to().unwrap().uri.subscriber().as_deref(), Some("null-\0-null"));
    let contacts = request.headers.routes("Contact").unwrap();
    let users: Vec<_> = contacts.iter().map(|contact| contact.uri.user.as_deref().unwrap()).collect();
    assert_eq!(users, ["%00", "%00%00"]);
}

fn esc02(request: &Request) {
    assert_eq!(request.method, Method::Other("RE%47IST%45R".into()));
    assert_eq!(request.headers.to().unwrap().display.as_deref(), Some("%Z%45"));
    // the escaped name is not Contact
    assert_eq!(request.headers.all("Contact").count(), 2);
    assert_eq!(request.headers.top_via().unwrap().branch(), Some("z9hG4bK209%fzsnel234"));
}

fn lwsdisp(request: &Request) {
    let from = request.headers.from().unwrap();
    assert_eq!((from.display.as_deref(), from.uri.user.as_deref()), (Some("caller"), Some("caller")));
}

fn longreq(request: &Request) {
    let headers = &request.headers;
    assert_eq!(headers.vias().unwrap().len(), 34);
    assert!(headers.top_via().unwrap().host == "sip33.example.com");
    assert_eq!(headers.to().unwrap().uri.port, Some(6000));
    assert_eq!(headers.cseq().unwrap().number, 3_882_340);
    assert_eq!(request.body.len(), 150);
}

fn dblreq(request: &Request) {
    // the INVITE behind the REGISTER in the same datagram is padding
    assert_eq!(request.method, Method::Register);
    assert!(request.body.is_empty());
}

fn semiuri(request: &Request) {
    assert_eq!(request.uri.user.as_deref(), Some("user;par=u%40example.net"));
    assert_eq!(request.uri.host, "example.com");
    assert!(request.uri.params.is_empty());
    assert_eq!(request.headers.list("Accept").len(), 6);
}

fn transports(request: &Request) {
    let vias = request.headers.vias().unwrap();
    let transports: Vec<_> = vias.iter().map(|via| via.transport.as_str()).collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
}

fn mpart01(request: &Request) {
    assert_eq!(request.method, Method::Message);
    assert_eq!(request.body.len(), 553);
    assert!(request.body.contains(&0) && std::str::from_utf8(&request.body).is_err());
    assert!(request.headers.top_via().unwrap().wants_rport());
}

fn unreason(response: &Response) {
    assert_eq!(response.status, 200);
    assert_eq!(response.reason, "= 2**3 * 5**2 но сто девяносто девять - простое");
}

fn noreason(response: &Response) {
    assert_eq!((response.status, response.reason.as_str()), (100, ""));
}

fn baddate(request: &Request) {
    assert_eq!(request.headers.first("Date"), Some("Fri, 01 Jan 2010 16:00:00 EST"));
}

fn badbranch(request: &Request) {
    let via = request.headers.top_via().unwrap();
    assert_eq!((via.branch(), via.unique_branch()), (Some("z9hG4bK"), None));
}

fn unksm2(request: &Request) {
    let scheme = |name: &str| Scheme::Other(name.to_owned());
    assert_eq!(request.headers.to().unwrap().uri.scheme, scheme("isbn"));
    assert_eq!(request.headers.from().unwrap().uri.to_string(), "http://www.example.com");
    assert_eq!(request.headers.contact().unwrap().unwrap().uri.scheme, scheme("name"));
}

fn bext01(request: &Request) {
    assert_eq!(request.headers.option_tags("Require"), ["nothingsupportsthis", "nothingsupportsthiseither"]);
    assert_eq!(request.headers.option_tags("Proxy-Require"), ["noproxiessupportthis", "nordoanyproxiessupportthis"]);
}

fn invut(request: &Request) {
    assert_eq!(request.headers.content_type().as_deref(), Some("application/unknownformat"));
    assert_eq!(request.body.len(), 40);
}

fn regaut01(request: &Request) {
    assert!(request.headers.first("Authorization").unwrap().starts_with("NoOneKnowsThisScheme "));
}

fn bcast(response: &Response) {
    let vias = response.headers.vias().unwrap();
    let hosts: Vec<_> = vias.iter().map(|via| via.host.as_str()).collect();
    assert_eq!(hosts, ["192.0.2.198", "255.255.255.255"]);
}

fn zeromf(request: &Request) {
    assert_eq!(request.headers.max_forwards(), Some(0));
}

fn cparam01(request: &Request) {
    // without angle brackets the parameter is the header field's
    let contact = request.headers.contact().unwrap().unwrap();
    assert!(contact.params.has("unknownparam") && contact.uri.params.is_empty());
    assert_eq!(contact.uri.user.as_deref(), Some("+19725552222"));
}

fn cparam02(request: &Request) {
    let contact = request.headers.contact().unwrap().unwrap();
    assert!(contact.params.is_empty() && contact.uri.params.has("unknownparam"));
}

fn regescrt(request: &Request) {
    let contact = request.headers.contact().unwrap().unwrap();
    assert_eq!(contact.uri.headers, [("Route".to_owned(), "%3Csip:sip.example.com%3E".to_owned())]);
}

fn sdp01(request: &Request) {
    assert_eq!(request.headers.list("Accept"), ["text/nobodyKnowsThis"]);
}

fn inv2543(request: &Request) {
    assert_eq!(request.headers.max_forwards(), None);
    assert_eq!(request.headers.from().unwrap().tag(), None);
    assert_eq!(request.headers.top_via().unwrap().branch(), None);
    // no Content-Length: all that is there is the body
    assert!(request.body.ends_with(b"m=audio 49217 RTP/AVP 0\r\n"));
    assert_eq!(request.headers.routes("Record-Route").unwrap().len(), 1);
}

#[test]
fn a_comma_in_an_unquoted_display_name_is_refused() {
    let mut message = torture("baddn");
    message.extend_from_slice(b"\r\n");
    let Err(ParseError::Reject(reject)) = parse(&message) else { panic!("baddn is read") };
    assert_eq!((reject.status, reject.fault), (400, malformed("From")));
}
