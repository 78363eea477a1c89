//! Attributes of a session description by name.

use sdp_types::Attribute;

/// The values of the attributes called `name`, in any case and in order.
pub(super) fn values<'a>(attributes: &'a [Attribute], name: &'static str) -> impl Iterator<Item = &'a str> {
    let named = attributes.iter().filter(move |attribute| attribute.attribute.eq_ignore_ascii_case(name));
    named.filter_map(|attribute| attribute.value.as_deref())
}
