//! Dialogs (RFC 3261 §12): the state that two user agents share between requests.

use super::message::{CSeq, FieldError, Headers, Method, NameAddr, Request, Response, Uri};

/// The identity of a dialog, seen from this end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DialogId {
    /// The Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The other side's tag; none as long as there is no dialog, and with peers of RFC 2543.
    pub remote_tag: Option<String>,
}

impl DialogId {
    /// The dialog that a request from the other side names; none when To has no tag.
    pub fn of_request(headers: &Headers) -> Result<Option<DialogId>, FieldError> {
        let Some(local_tag) = headers.to()?.tag().map(str::to_owned) else { return Ok(None) };
        let remote_tag = headers.from()?.tag().map(str::to_owned);
        Ok(Some(DialogId { call_id: headers.call_id()?.to_owned(), local_tag, remote_tag }))
    }
}

/// One end of a dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    local: NameAddr,
    remote: NameAddr,
    local_number: u32,
    remote_number: Option<u32>,
    target: Uri,
    routes: Vec<NameAddr>,
    is_ours: bool,
}

impl Dialog {
    /// The dialog that our response with `local_tag` to this INVITE makes (§12.1.1). A peer of RFC 2543 (`is_old`)
    /// may leave Contact out, and is called back at From.
    pub fn of_invite(request: &Request, local_tag: &str, is_old: bool) -> Result<Dialog, FieldError> {
        let remote = request.headers.from()?;
        let target = match target_of(&request.headers) {
            Err(FieldError::Missing(_)) if is_old && remote.uri.is_sip() => remote.uri.clone(),
            target => target?,
        };
        let mut local = request.headers.to()?;
        local.set_tag(local_tag);
        Ok(Dialog {
            id: DialogId {
                call_id: request.headers.call_id()?.to_owned(),
                local_tag: local_tag.to_owned(),
                remote_tag: remote.tag().map(str::to_owned),
            },
            local,
            remote,
            local_number: 0,
            remote_number: Some(request.headers.cseq()?.number),
            target,
            routes: request.headers.routes("Record-Route")?,
            is_ours: false,
        })
    }

    /// The dialog that our INVITE begins, before it is answered.
    pub fn placing(request: &Request) -> Result<Dialog, FieldError> {
        let local = request.headers.from()?;
        Ok(Dialog {
            id: DialogId {
                call_id: request.headers.call_id()?.to_owned(),
                local_tag: local.tag().unwrap_or_default().to_owned(),
                remote_tag: None,
            },
            local,
            remote: request.headers.to()?,
            local_number: request.headers.cseq()?.number,
            remote_number: None,
            target: request.uri.clone(),
            routes: Vec::new(),
            is_ours: true,
        })
    }

    /// The dialog that this 2xx to our INVITE makes (§12.1.2): the route set is Record-Route in reverse.
    pub fn answered(&self, response: &Response) -> Result<Dialog, FieldError> {
        let remote = response.headers.to()?;
        let mut routes = response.headers.routes("Record-Route")?;
        routes.reverse();
        let id = DialogId { remote_tag: remote.tag().map(str::to_owned), ..self.id.clone() };
        // without a Contact, which it must have, the Request-URI is the best guess
        let target = target_of(&response.headers).unwrap_or_else(|_| self.target.clone());
        Ok(Dialog { id, remote, routes, target, ..self.clone() })
    }

    /// Continues the sequence numbers of `early`, the same dialog before its 2xx: PRACKs were sent in it.
    pub fn count_on_from(&mut self, early: &Dialog) {
        self.local_number = self.local_number.max(early.local_number);
        self.remote_number = self.remote_number.max(early.remote_number);
    }

    /// Its name.
    pub const fn id(&self) -> &DialogId {
        &self.id
    }

    /// Whether our INVITE began it, so that the Call-ID is ours.
    pub const fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// The CSeq number of our last request.
    pub const fn local_number(&self) -> u32 {
        self.local_number
    }

    /// Takes the sequence number of a request from the other side; false when it is out of order (§12.2.2).
    pub fn advance(&mut self, number: u32) -> bool {
        let in_order = self.remote_number.is_none_or(|last| last < number);
        if in_order {
            self.remote_number = Some(number);
        }
        in_order
    }

    /// A target refresh (§12.2): the other side may have moved. Without a usable Contact it has not.
    pub fn refresh_target(&mut self, headers: &Headers) {
        if let Ok(target) = target_of(headers) {
            self.target = target;
        }
    }

    /// The first hop of requests: the topmost route, or else the remote target.
    pub fn next_hop(&self) -> &Uri {
        self.routes.first().map_or(&self.target, |route| &route.uri)
    }

    /// The next request, without Via and Contact (§12.2.1.1).
    pub fn request(&mut self, method: Method) -> Request {
        self.local_number = self.local_number.wrapping_add(1);
        self.numbered(method, self.local_number)
    }

    /// The ACK for the 2xx to the INVITE with this sequence number (§13.2.2.4).
    pub fn ack(&self, number: u32) -> Request {
        self.numbered(Method::Ack, number)
    }

    fn numbered(&self, method: Method, number: u32) -> Request {
        let (uri, routes) = self.way();
        let mut request = Request::new(method.clone(), uri);
        request.headers.push("Max-Forwards", "70");
        routes.iter().for_each(|route| request.headers.push("Route", route.clone()));
        request.headers.push("From", self.local.to_string());
        request.headers.push("To", self.remote.to_string());
        request.headers.push("Call-ID", self.id.call_id.clone());
        request.headers.push("CSeq", CSeq { number, method }.to_string());
        request
    }

    /// Request-URI and Route: a first route without `lr` is a strict router, which must be the Request-URI itself.
    fn way(&self) -> (Uri, Vec<String>) {
        match self.routes.split_first() {
            Some((first, rest)) if !first.uri.params.has("lr") => {
                let target = NameAddr::new(self.target.clone());
                let routes = rest.iter().chain([&target]).map(NameAddr::to_string).collect();
                (Uri { headers: Vec::new(), ..first.uri.clone() }, routes)
            }
            Some(_) | None => (self.target.clone(), self.routes.iter().map(NameAddr::to_string).collect()),
        }
    }
}

/// Contact, which must hold one SIP URI (§8.1.1.8, §12.1.1).
fn target_of(headers: &Headers) -> Result<Uri, FieldError> {
    let contact = headers.contact()?.ok_or(FieldError::Missing("Contact"))?;
    if contact.uri.is_sip() { Ok(contact.uri) } else { Err(FieldError::Malformed("Contact")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    fn invite(record_routes: &[&str]) -> Request {
        let mut request = Request::new(Method::Invite, uri("sip:0664806430@192.0.2.1"));
        for (name, value) in [
            ("From", "\"A\" <sip:0600001111@192.0.2.9>;tag=caller"),
            ("To", "<sip:0664806430@192.0.2.1>"),
            ("Call-ID", "one"),
            ("CSeq", "7 INVITE"),
            ("Contact", "<sip:a@192.0.2.9:5070>"),
        ] {
            request.headers.push(name, value);
        }
        record_routes.iter().for_each(|route| request.headers.push("Record-Route", *route));
        request
    }

    fn start_line(request: &Request) -> String {
        String::from_utf8(request.to_bytes()).unwrap().lines().next().unwrap().to_owned()
    }

    #[test]
    fn a_request_goes_back_to_the_contact_with_the_ends_exchanged() {
        let mut dialog = Dialog::of_invite(&invite(&[]), "ours", false).unwrap();
        let bye = dialog.request(Method::Bye);
        assert_eq!(start_line(&bye), "BYE sip:a@192.0.2.9:5070 SIP/2.0");
        assert_eq!(bye.headers.first("From"), Some("<sip:0664806430@192.0.2.1>;tag=ours"));
        assert_eq!(bye.headers.to().unwrap().tag(), Some("caller"));
        assert_eq!((bye.headers.first("CSeq"), bye.headers.first("Call-ID")), (Some("1 BYE"), Some("one")));
        assert_eq!(dialog.request(Method::Info).headers.first("CSeq"), Some("2 INFO"));
    }

    #[test]
    fn a_callee_keeps_the_record_route_in_order() {
        let mut dialog = Dialog::of_invite(
            &invite(&["<sip:p1.example;lr>, <sip:p2.example;lr>", "<sip:p3.example;lr>"]),
            "x",
            false,
        )
        .unwrap();
        let bye = dialog.request(Method::Bye);
        assert_eq!(start_line(&bye), "BYE sip:a@192.0.2.9:5070 SIP/2.0");
        let routes: Vec<&str> = bye.headers.all("Route").collect();
        assert_eq!(routes, ["<sip:p1.example;lr>", "<sip:p2.example;lr>", "<sip:p3.example;lr>"]);
        assert_eq!(dialog.next_hop(), &uri("sip:p1.example;lr"));
    }

    #[test]
    fn a_caller_keeps_the_record_route_in_reverse() {
        let placing = Dialog::placing(&invite(&[])).unwrap();
        let mut response = Response::to(&invite(&[]).headers, 200);
        response.headers.set("To", "<sip:0664806430@192.0.2.1>;tag=callee");
        response.headers.push("Contact", "<sip:service@192.0.2.1:5062>");
        response.headers.push("Record-Route", "<sip:p1.example;lr>, <sip:p2.example;lr>");
        let dialog = placing.answered(&response).unwrap();
        assert_eq!(dialog.id().remote_tag.as_deref(), Some("callee"));
        let ack = dialog.ack(7);
        assert_eq!(start_line(&ack), "ACK sip:service@192.0.2.1:5062 SIP/2.0");
        assert_eq!(ack.headers.first("CSeq"), Some("7 ACK"));
        assert_eq!(ack.headers.all("Route").collect::<Vec<_>>(), ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]);
    }

    #[test]
    fn a_strict_router_becomes_the_request_uri() {
        let mut dialog = Dialog::of_invite(&invite(&["<sip:old.example>", "<sip:p2.example;lr>"]), "x", false).unwrap();
        let bye = dialog.request(Method::Bye);
        assert_eq!(start_line(&bye), "BYE sip:old.example SIP/2.0");
        let routes: Vec<&str> = bye.headers.all("Route").collect();
        assert_eq!(routes, ["<sip:p2.example;lr>", "<sip:a@192.0.2.9:5070>"]);
    }

    #[test]
    fn numbers_must_rise() {
        let mut dialog = Dialog::of_invite(&invite(&[]), "x", false).unwrap();
        assert!(!dialog.advance(6));
        assert!(!dialog.advance(7));
        assert!(dialog.advance(8));
        assert!(dialog.advance(20));
        assert!(!dialog.advance(19));
    }

    #[test]
    fn the_target_moves_with_a_usable_contact_only() {
        let mut dialog = Dialog::of_invite(&invite(&[]), "x", false).unwrap();
        let mut headers = Headers::default();
        dialog.refresh_target(&headers);
        headers.push("Contact", "<mailto:a@example.com>");
        dialog.refresh_target(&headers);
        assert_eq!(dialog.next_hop(), &uri("sip:a@192.0.2.9:5070"));
        headers.set("Contact", "<sip:a@192.0.2.200>");
        dialog.refresh_target(&headers);
        assert_eq!(dialog.next_hop(), &uri("sip:a@192.0.2.200"));
    }

    #[test]
    fn an_invite_without_a_sip_contact_makes_no_dialog() {
        let mut request = invite(&[]);
        request.headers.remove("Contact");
        assert_eq!(Dialog::of_invite(&request, "x", false).err(), Some(FieldError::Missing("Contact")));
        request.headers.push("Contact", "<tel:0600001111>");
        assert_eq!(Dialog::of_invite(&request, "x", false).err(), Some(FieldError::Malformed("Contact")));
    }
}
