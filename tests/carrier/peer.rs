//! The network's end of a call: text in, text out, with nothing of our own SIP code. It writes compact and folded header
//! fields, and hangs up on an answer that lacks what this network insists on.

use std::sync::Arc;
use std::time::Duration;

use karipass::caller::{self, Caller, Conclusion, Output, Step};
use karipass::internals::account::DEMO_CUSTOMER_NUMBER;
use karipass::internals::sip::sdp::{self, LocalMedia};
use karipass::time::Time;

use crate::support::network::{Datagram, Kind};
use crate::support::trace::Outlet;
use crate::support::{LEXICON, PHONE_MEDIA, PHONE_SIP, SERVICE_SIP, rtcp_of};

/// What stands in the INVITE. Header lines may be folded; each ends with CRLF.
#[derive(Clone, Debug)]
pub struct Invite {
    pub uri: String,
    pub to: String,
    pub from: String,
    /// P-Asserted-Identity, Privacy and their like.
    pub identity: String,
    /// What is said of session timers.
    pub timers: String,
    /// Further header lines.
    pub more: String,
    /// Payload type of telephone-event, if it is offered.
    pub events: Option<u8>,
    /// The whole body, when it is not the network's usual.
    pub body: Option<Vec<u8>>,
}

impl Default for Invite {
    fn default() -> Invite {
        Invite {
            uri: "sip:0664806430@ntt-west.ne.jp;user=phone".to_owned(),
            to: "<tel:0664806430;phone-context=ntt-west.ne.jp>".to_owned(),
            from: format!("<sip:{DEMO_CUSTOMER_NUMBER}@ntt-west.ne.jp>"),
            identity: format!(
                "P-Asserted-Identity: <sip:{DEMO_CUSTOMER_NUMBER}@ntt-west.ne.jp>,\r\n \
                 <tel:{DEMO_CUSTOMER_NUMBER};phone-context=ntt-west.ne.jp>\r\nPrivacy: none\r\n"
            ),
            timers: "k: timer,\r\n\t100rel\r\nSession-Expires: 300;refresher=uac\r\nMin-SE: 300\r\n".to_owned(),
            more: String::new(),
            events: Some(96),
            body: None,
        }
    }
}

/// How the network keeps its part of the session timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    ReInvite,
    Update,
    /// It forgets.
    Never,
}

/// One call by the network.
pub struct Peer {
    pub invite: Invite,
    pub refresh: Refresh,
    /// It takes UPDATE.
    pub updates: bool,
    /// It acknowledges reliable provisional responses.
    pub pracks: bool,
    manner: caller::Manner,
    caller: Option<Caller>,
    wakes: Time,
    refresh_at: Time,
    cseq: u32,
    branches: u32,
    /// Number and branch of the last INVITE, which its ACK names whatever came in between.
    invited: (u32, u32),
    /// To with the service's tag, once there is one.
    to: String,
    target: String,
    /// The direction that it last asked for.
    pub hold: Option<&'static str>,
    /// Start lines of what came, without 100: `200 INVITE`, `BYE`.
    pub heard: Vec<String>,
    /// The last provisional response, and whether one was acknowledged.
    pub progress: String,
    acknowledged: bool,
    /// The last response to an INVITE or UPDATE.
    pub response: String,
    /// What the answer lacked, for which the network has hung up.
    pub lacking: Vec<&'static str>,
    pub refused: Option<u16>,
    pub over: bool,
    pub conclusion: Conclusion,
    pub keyed: usize,
}

impl Peer {
    pub fn new(invite: Invite, manner: caller::Manner) -> Peer {
        Peer {
            to: invite.to.clone(),
            target: invite.uri.clone(),
            invite,
            refresh: Refresh::ReInvite,
            updates: true,
            pracks: true,
            invited: (0, 0),
            manner,
            caller: None,
            wakes: Time::MAX,
            refresh_at: Time::MAX,
            cseq: 0,
            branches: 0,
            hold: None,
            heard: vec![],
            progress: String::new(),
            acknowledged: false,
            response: String::new(),
            lacking: vec![],
            refused: None,
            over: false,
            conclusion: Conclusion::Undecided,
            keyed: 0,
        }
    }

    pub fn dial(&mut self, out: &mut Outlet<'_>) {
        let body = self.invite.body.clone().unwrap_or_else(|| self.description("sendrecv").into_bytes());
        self.send_invite(&body, out);
    }

    /// Puts the call on hold (`sendonly`, `inactive`) or takes it back (`sendrecv`).
    pub fn change(&mut self, direction: &'static str, out: &mut Outlet<'_>) {
        self.hold = Some(direction);
        // who is held neither listens nor keys, and comes back without having waited
        if direction != "sendrecv" {
            self.caller = None;
        }
        let body = self.description(direction).into_bytes();
        self.send_invite(&body, out);
    }

    pub fn hang_up(&mut self, out: &mut Outlet<'_>) {
        self.cseq += 1;
        self.request("BYE", "", b"", out);
    }

    // What the edge does

    pub fn wakes(&self) -> Time {
        self.wakes.min(self.refresh_at)
    }

    pub fn is_idle(&self) -> bool {
        self.over && self.caller.is_none()
    }

    pub fn receive(&mut self, datagram: &Datagram, out: &mut Outlet<'_>) {
        let Datagram { kind, from, to, bytes } = datagram;
        match (kind, &mut self.caller) {
            (Kind::Sip, _) if *to == PHONE_SIP => self.hear(std::str::from_utf8(bytes).unwrap(), out),
            (Kind::Rtp, Some(caller)) if *to == PHONE_MEDIA => caller.handle_rtp(out.now, *from, bytes),
            (Kind::Rtcp, Some(caller)) if *to == rtcp_of(PHONE_MEDIA) => caller.handle_rtcp(out.now, *from, bytes),
            (Kind::Sip | Kind::Rtp | Kind::Rtcp, _) => {}
        }
    }

    pub fn handle_timeout(&mut self, out: &mut Outlet<'_>) {
        if self.refresh_at <= out.now {
            self.refresh_at = Time::MAX;
            self.refresh_now(out);
        }
        if let Some(caller) = self.caller.as_mut().filter(|_| self.wakes <= out.now) {
            caller.handle_timeout(out.now);
        }
    }

    pub fn flush(&mut self, out: &mut Outlet<'_>) {
        loop {
            let Some(caller) = &mut self.caller else { return self.wakes = Time::MAX };
            match caller.poll_output() {
                Output::Rtp { to, bytes } => out.send(Datagram { kind: Kind::Rtp, from: PHONE_MEDIA, to, bytes }),
                Output::Rtcp { to, bytes } => {
                    out.send(Datagram { kind: Kind::Rtcp, from: rtcp_of(PHONE_MEDIA), to, bytes });
                }
                Output::Info(_) => panic!("this network carries no INFO"),
                Output::HangUp if self.over => {}
                Output::HangUp => self.hang_up(out),
                Output::Step(Step::Keyed { keys, .. }) => self.keyed += keys,
                Output::Step(step) => out.note(format!("caller: {step:?}")),
                Output::Timeout(at) => {
                    self.wakes = at;
                    self.conclusion = caller.conclusion().clone();
                    if self.over {
                        self.caller = None;
                        continue;
                    }
                    return;
                }
            }
        }
    }

    // What it says

    fn send_invite(&mut self, body: &[u8], out: &mut Outlet<'_>) {
        self.cseq += 1;
        let Invite { identity, timers, more, .. } = &self.invite;
        let update = if self.updates { ",UPDATE" } else { "" };
        let headers = format!(
            "m: <sip:192.0.2.77:5060>\r\nAllow: INVITE,ACK,BYE,CANCEL,PRACK{update}\r\n{timers}\
             P-Called-Party-ID: <sip:0664806430@ntt-west.ne.jp>\r\n{identity}{more}c: application/sdp\r\n"
        );
        self.request("INVITE", &headers, body, out);
        self.invited = (self.cseq, self.branches);
    }

    /// Gives up before there is an answer.
    pub fn cancel(&mut self, reason: &str, out: &mut Outlet<'_>) {
        let to = std::mem::replace(&mut self.to, self.invite.to.clone());
        self.request_in("CANCEL", self.invited, reason, b"", out);
        self.to = to;
    }

    pub fn hang_up_because(&mut self, reason: &str, out: &mut Outlet<'_>) {
        self.cseq += 1;
        self.request("BYE", reason, b"", out);
    }

    fn refresh_now(&mut self, out: &mut Outlet<'_>) {
        match self.refresh {
            Refresh::ReInvite => {
                let body = self.description(self.hold.unwrap_or("sendrecv")).into_bytes();
                self.send_invite(&body, out);
            }
            Refresh::Update => {
                self.cseq += 1;
                let timers = self.invite.timers.clone();
                self.request("UPDATE", &format!("m: <sip:192.0.2.77:5060>\r\n{timers}"), b"", out);
            }
            Refresh::Never => {}
        }
    }

    fn request(&mut self, method: &str, headers: &str, body: &[u8], out: &mut Outlet<'_>) {
        self.branches += 1;
        self.request_in(method, (self.cseq, self.branches), headers, body, out);
    }

    fn request_in(&self, method: &str, (cseq, branch): (u32, u32), headers: &str, body: &[u8], out: &mut Outlet<'_>) {
        let Peer { to, target, .. } = self;
        let head = format!(
            "{method} {target} SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bKngn{branch}\r\n\
             Max-Forwards: 69\r\nt: {to}\r\nf: {};tag=ngn-0a\r\ni: 8fa3-77c1@ngn\r\n\
             CSeq: {cseq} {method}\r\n{headers}l: {}\r\n\r\n",
            self.invite.from,
            body.len()
        );
        let bytes = [head.as_bytes(), body].concat();
        out.send(Datagram { kind: Kind::Sip, from: PHONE_SIP, to: SERVICE_SIP, bytes });
    }

    fn respond(&self, request: &str, headers: &str, body: &str, out: &mut Outlet<'_>) {
        let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"]
            .iter()
            .map(|name| format!("{name}: {}\r\n", field(request, name).unwrap()))
            .collect();
        let text = format!("SIP/2.0 200 OK\r\n{copied}{headers}l: {}\r\n\r\n{body}", body.len());
        out.send(Datagram { kind: Kind::Sip, from: PHONE_SIP, to: SERVICE_SIP, bytes: text.into_bytes() });
    }

    // What it hears

    fn hear(&mut self, text: &str, out: &mut Outlet<'_>) {
        let cseq = field(text, "CSeq").unwrap().to_owned();
        let method = cseq.split(' ').nth(1).unwrap();
        match text.strip_prefix("SIP/2.0 ") {
            Some(rest) => {
                let status: u16 = rest[..3].parse().unwrap();
                if status > 100 {
                    self.heard.push(format!("{status} {method}"));
                    self.hear_response(status, method, text, out);
                }
            }
            None => {
                self.heard.push(method.to_owned());
                self.hear_request(method, text, out);
            }
        }
    }

    fn hear_request(&mut self, method: &str, text: &str, out: &mut Outlet<'_>) {
        let session = field(text, "Session-Expires").unwrap_or_default();
        let headers = format!("m: <sip:192.0.2.77:5060>\r\nRequire: timer\r\nSession-Expires: {session}\r\n");
        match method {
            "BYE" => {
                self.respond(text, "", "", out);
                self.end(out);
            }
            "UPDATE" => self.respond(text, &headers, "", out),
            "INVITE" => {
                let body = self.description(self.hold.unwrap_or("sendrecv"));
                self.respond(text, &format!("{headers}c: application/sdp\r\n"), &body, out);
            }
            "ACK" => {}
            _ => panic!("the service sends {method}"),
        }
    }

    fn hear_response(&mut self, status: u16, method: &str, text: &str, out: &mut Outlet<'_>) {
        match (method, status) {
            ("BYE", _) => self.end(out),
            ("PRACK" | "CANCEL", _) => assert_eq!(status, 200, "{text}"),
            ("INVITE", ..200) => self.hear_progress(text, out),
            (_, 200) => {
                let known = field(text, "CSeq") == field(&self.response, "CSeq");
                self.response = text.to_owned();
                if method == "INVITE" {
                    self.to = field(text, "To").unwrap().to_owned();
                    let contact = field(text, "Contact").unwrap();
                    self.target = contact[contact.find('<').unwrap() + 1..contact.find('>').unwrap()].to_owned();
                    self.branches += 1;
                    self.request_in("ACK", (self.invited.0, self.branches), "", b"", out);
                }
                if !known {
                    self.accepted(text, out);
                }
            }
            ("INVITE", _) => {
                self.to = field(text, "To").unwrap().to_owned();
                self.request_in("ACK", self.invited, "", b"", out);
                if self.response.is_empty() {
                    self.refused = Some(status);
                    self.response = text.to_owned();
                    self.end(out);
                }
            }
            _ => panic!("{status} to {method}"),
        }
    }

    fn hear_progress(&mut self, text: &str, out: &mut Outlet<'_>) {
        self.to = field(text, "To").unwrap().to_owned();
        self.progress = text.to_owned();
        let reliable = field(text, "Require").is_some_and(|tags| tags.contains("100rel"));
        if reliable && self.pracks && !self.acknowledged {
            self.acknowledged = true;
            let contact = field(text, "Contact").unwrap();
            self.target = contact[contact.find('<').unwrap() + 1..contact.find('>').unwrap()].to_owned();
            let rack = format!("RAck: {} {} INVITE\r\n", field(text, "RSeq").unwrap(), self.invited.0);
            self.cseq += 1;
            self.request("PRACK", &rack, b"", out);
            self.target = self.invite.uri.clone();
        }
    }

    fn accepted(&mut self, text: &str, out: &mut Outlet<'_>) {
        let talks = self.hold.is_none_or(|direction| direction == "sendrecv");
        let starts = talks && self.caller.is_none();
        let is_invite = field(text, "CSeq").unwrap().ends_with("INVITE");
        self.lacking = lacking(text, &self.invite.timers, is_invite);
        if !self.lacking.is_empty() {
            out.note(format!("network: hangs up, the answer lacks {:?}", self.lacking));
            return self.hang_up(out);
        }
        if let Some((seconds, "uac")) = session(text) {
            self.refresh_at = out.now + Duration::from_secs(seconds / 2);
        }
        if starts {
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            let local = LocalMedia { telephone_event_pt: 96, ..LocalMedia::new(PHONE_MEDIA, 1) };
            let plan = sdp::accept(body.as_bytes(), &local).unwrap();
            let caller =
                Caller::new(out.now, 0x6e67_6e00 << self.cseq, self.manner.clone(), Arc::clone(&LEXICON), &plan);
            self.caller = Some(caller);
            self.wakes = out.now;
        }
    }

    fn end(&mut self, out: &mut Outlet<'_>) {
        (self.over, self.refresh_at) = (true, Time::MAX);
        if let Some(caller) = &mut self.caller {
            caller.close(out.now);
        }
    }

    /// The network's own description: µ-law at 20 ms and nothing else to choose from.
    fn description(&self, direction: &str) -> String {
        let (types, map) = match self.invite.events {
            Some(event) => {
                (format!("0 {event}"), format!("a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-15\r\n"))
            }
            None => ("0".to_owned(), String::new()),
        };
        let (ip, port) = (PHONE_MEDIA.ip(), PHONE_MEDIA.port());
        format!(
            "v=0\r\no=- 77 {} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {types}\r\n\
             a=rtpmap:0 PCMU/8000\r\n{map}a=ptime:20\r\na={direction}\r\n",
            self.cseq
        )
    }
}

/// What an answer lacks of what the network insists on, if it asked for a session timer.
pub fn lacking(answer: &str, asked: &str, is_invite: bool) -> Vec<&'static str> {
    let has = |name: &str, word: &str| {
        field(answer, name).is_some_and(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(word)))
    };
    let timed = asked.contains("Session-Expires");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let rules = [
        ("Session-Expires", !timed || session(answer).is_some()),
        ("Require: timer", !timed || has("Require", "timer")),
        ("Supported: timer", has("Supported", "timer")),
        ("Allow", ["INVITE", "ACK", "BYE", "CANCEL"].iter().all(|method| has("Allow", method))),
        ("Contact", field(answer, "Contact").is_some()),
        ("ptime", !is_invite || body.lines().any(|line| line.starts_with("a=ptime:"))),
        ("PCMU", !is_invite || body.lines().any(|line| line.starts_with("m=audio ") && line.contains("RTP/AVP 0"))),
        ("a tag", field(answer, "To").is_some_and(|to| to.contains(";tag="))),
    ];
    rules.into_iter().filter(|(_, holds)| !holds).map(|(what, _)| what).collect()
}

/// Seconds and refresher of an answer's session timer.
fn session(answer: &str) -> Option<(u64, &str)> {
    let (seconds, refresher) = field(answer, "Session-Expires")?.split_once(";refresher=")?;
    Some((seconds.parse().ok()?, refresher))
}

/// A header field of the service's, which writes each in full on one line.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    head.lines().skip(1).find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
