//! Typed access to the header fields that signalling turns on.

use super::message::{CSeq, FieldError, Headers, Method, NameAddr, RAck, Via};
use super::wire::lex;

impl Headers {
    /// All values called `name`, comma-separated ones apart; commas in quoted strings and angle brackets do not separate.
    pub fn list(&self, name: &str) -> Vec<String> {
        let values = self.all(name).flat_map(|value| lex::split(value, ','));
        values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// The first value of the first Via: the hop that the message came from, or that the response goes to.
    pub fn top_via(&self) -> Result<Via, FieldError> {
        let first = self.first("Via").ok_or(FieldError::Missing("Via"))?;
        let first = lex::split_once(first, ',').map_or(first, |(first, _)| first);
        Via::parse(lex::trim(first)).ok_or(FieldError::Malformed("Via"))
    }

    /// All Vias, topmost first.
    pub fn vias(&self) -> Result<Vec<Via>, FieldError> {
        self.list("Via").iter().map(|value| Via::parse(value).ok_or(FieldError::Malformed("Via"))).collect()
    }

    /// Puts `via` in the place of the topmost one, leaving the others as they are.
    pub fn set_top_via(&mut self, via: &Via) {
        let below = self.first("Via").and_then(|first| lex::split_once(first, ','));
        let value = below.map_or(via.to_string(), |(_, below)| format!("{via}, {}", lex::trim(below)));
        self.set_first("Via", value);
    }

    /// The caller: From.
    pub fn from(&self) -> Result<NameAddr, FieldError> {
        self.name_addr("From")
    }

    /// The callee: To.
    pub fn to(&self) -> Result<NameAddr, FieldError> {
        self.name_addr("To")
    }

    /// The first Contact; none for a request without, or with `*`.
    pub fn contact(&self) -> Result<Option<NameAddr>, FieldError> {
        match self.list("Contact").first().map(String::as_str) {
            None | Some("*") => Ok(None),
            Some(value) => NameAddr::parse(value).map(Some).ok_or(FieldError::Malformed("Contact")),
        }
    }

    /// All values of Route, Record-Route, P-Asserted-Identity or another list of addresses, in order.
    pub fn routes(&self, name: &'static str) -> Result<Vec<NameAddr>, FieldError> {
        self.list(name).iter().map(|value| NameAddr::parse(value).ok_or(FieldError::Malformed(name))).collect()
    }

    /// The sequence number and method.
    pub fn cseq(&self) -> Result<CSeq, FieldError> {
        let value = self.first("CSeq").ok_or(FieldError::Missing("CSeq"))?;
        parse_cseq(value).ok_or(FieldError::Malformed("CSeq"))
    }

    /// Which reliable provisional response a PRACK acknowledges (RFC 3262 §7.2).
    pub fn rack(&self) -> Result<RAck, FieldError> {
        let value = self.first("RAck").ok_or(FieldError::Missing("RAck"))?;
        let (sequence, cseq) = value.split_once([' ', '\t']).ok_or(FieldError::Malformed("RAck"))?;
        let (sequence, cseq) = (lex::number(sequence), parse_cseq(lex::trim(cseq)));
        sequence.zip(cseq).map(|(sequence, cseq)| RAck { sequence, cseq }).ok_or(FieldError::Malformed("RAck"))
    }

    /// The sequence number of a provisional response that wants a PRACK: it requires 100rel and has an RSeq (RFC 3262 §7.1).
    pub fn reliable_sequence(&self) -> Option<u32> {
        let required = self.option_tags("Require").iter().any(|tag| tag == "100rel");
        lex::number(self.first("RSeq")?).filter(|_| required)
    }

    /// The Call-ID.
    pub fn call_id(&self) -> Result<&str, FieldError> {
        let value = self.first("Call-ID").ok_or(FieldError::Missing("Call-ID"))?;
        if value.is_empty() || value.contains([' ', '\t']) { Err(FieldError::Malformed("Call-ID")) } else { Ok(value) }
    }

    /// How many hops are left; none when it is absent or no number up to 255 (RFC 4475 §3.1.2.4 lets it count as absent).
    pub fn max_forwards(&self) -> Option<u8> {
        lex::number(self.first("Max-Forwards")?)
    }

    /// The delta-seconds at the start of `Expires`, `Session-Expires`, `Min-SE`, `Retry-After` …; none when it is absent
    /// or out of range.
    pub fn seconds(&self, name: &str) -> Option<u32> {
        let value = self.first(name)?;
        lex::number(lex::trim(value.split([';', '(']).next()?))
    }

    /// The option tags of Supported, Require, Proxy-Require or Unsupported, in lower case.
    pub fn option_tags(&self, name: &str) -> Vec<String> {
        self.list(name).into_iter().map(|tag| tag.to_ascii_lowercase()).collect()
    }

    /// Content-Type without parameters, in lower case: `application/sdp`.
    pub fn content_type(&self) -> Option<String> {
        let value = self.first("Content-Type")?;
        Some(value.split(';').next()?.split_whitespace().collect::<String>().to_ascii_lowercase())
    }

    fn name_addr(&self, name: &'static str) -> Result<NameAddr, FieldError> {
        let value = self.first(name).ok_or(FieldError::Missing(name))?;
        NameAddr::parse(value).ok_or(FieldError::Malformed(name))
    }
}

fn parse_cseq(value: &str) -> Option<CSeq> {
    let (number_text, method) = value.split_once([' ', '\t'])?;
    let method = lex::trim(method);
    let number = lex::number(number_text)?;
    lex::is_token(method).then(|| CSeq { number, method: Method::parse(method) })
}
