//! Headers: ordered, repeatable, with values that are bytes.

use bytes::Bytes;
use compact_str::CompactString;

/// The headers of an event, in the order given. A name may stand several times.
///
/// A value is bytes: null, empty and not UTF-8 are legal, and all distinct.
///
/// ```
/// use laneway_domain::Headers;
/// let mut headers = Headers::new();
/// headers.push("a", Some("1".into()));
/// headers.push("a", None);
/// assert_eq!(headers.first("a"), Some(Some(&b"1"[..])));
/// assert_eq!(headers.first("b"), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(CompactString, Option<Bytes>)>);

impl Headers {
    /// No headers.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a header behind the others.
    pub fn push(&mut self, name: impl AsRef<str>, value: Option<Bytes>) {
        self.0.push((CompactString::new(name.as_ref()), value));
    }

    /// Makes this the only header of that name: in the place of the first one, or behind the others.
    pub fn set(&mut self, name: impl AsRef<str>, value: Option<Bytes>) {
        let name = name.as_ref();
        match self.0.iter().position(|(known, _)| known == name) {
            None => self.push(name, value),
            Some(first) => {
                self.0[first].1 = value;
                let mut at = 0;
                self.0.retain(|(known, _)| {
                    at += 1;
                    at <= first + 1 || known != name
                });
            }
        }
    }

    /// Adds the headers of `others` behind these, in their order; values are shared, not copied.
    pub fn append(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }

    /// Leaves only the headers for which `keep` says so, in their order.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, Option<&[u8]>) -> bool) {
        self.0.retain(|(name, value)| keep(name, value.as_deref()));
    }

    /// The first value of that name: `None` if there is no such header, `Some(None)` if its value is null.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<Option<&[u8]>> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All headers in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// How many headers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of all names and values.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Bytes::len)).sum()
    }

    /// A copy whose values share no buffer with this one.
    #[must_use]
    pub fn detached(&self) -> Self {
        let own = |value: &Option<Bytes>| value.as_ref().map(|v| Bytes::copy_from_slice(v));
        Self(self.0.iter().map(|(name, value)| (name.clone(), own(value))).collect())
    }
}

impl<N: AsRef<str>> FromIterator<(N, Option<Bytes>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, Option<Bytes>)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(name, value)| (CompactString::new(name.as_ref()), value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_leaves_one_header_of_a_name_in_its_place() {
        let mut headers: Headers =
            [("a", None), ("b", None), ("a", Some(Bytes::new())), ("c", None)].into_iter().collect();
        headers.set("a", Some("1".into()));
        headers.set("d", None);
        let seen: Vec<_> = headers.iter().collect();
        assert_eq!(seen, [("a", Some(&b"1"[..])), ("b", None), ("c", None), ("d", None)]);
    }

    #[test]
    fn appending_and_retaining_keep_the_order_and_share_the_values() {
        let value = Bytes::from_static(b"1");
        let mut headers: Headers = [("a", Some(value.clone())), ("b", None)].into_iter().collect();
        headers.append(&headers.clone());
        headers.retain(|name, value| name == "b" || value.is_some());
        let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b", "a", "b"]);
        assert!(headers.iter().filter_map(|(_, found)| found).all(|found| found.as_ptr() == value.as_ptr()));
        headers.retain(|_, value| value.is_some());
        assert_eq!(headers.len(), 2);
    }

    #[test]
    fn null_empty_and_non_utf8_values_stay_distinct_and_in_order() {
        let headers: Headers =
            [("n", None), ("e", Some(Bytes::new())), ("b", Some(Bytes::from_static(&[0xff])))]
                .into_iter()
                .collect();
        let seen: Vec<_> = headers.iter().collect();
        assert_eq!(seen, [("n", None), ("e", Some(&b""[..])), ("b", Some(&[0xff][..]))]);
        assert_eq!(headers.detached(), headers);
        assert_eq!(headers.size(), 4);
    }
}
