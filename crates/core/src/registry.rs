//! Names: which actor is called what under which parent.

use std::collections::HashMap;
use std::sync::Arc;

/// Names that were given. Actors without one are called after their class and index, which needs no entry here.
#[derive(Debug, Default)]
pub struct Registry {
    by_name: HashMap<(u32, Arc<str>), u32>,
    by_index: HashMap<u32, (u32, Arc<str>)>,
    classes: HashMap<u32, Arc<str>>,
}

/// The name was taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken;

impl Registry {
    /// Gives `index` the name under `parent`.
    ///
    /// # Errors
    /// [`Taken`] when another actor has it.
    pub fn give(&mut self, parent: u32, name: &str, index: u32) -> Result<(), Taken> {
        let name: Arc<str> = name.into();
        let key = (parent, name.clone());
        if self.by_name.contains_key(&key) {
            return Err(Taken);
        }
        self.by_name.insert(key, index);
        self.by_index.insert(index, (parent, name));
        Ok(())
    }

    /// Takes the name of `index` back, if it has one.
    pub fn take(&mut self, index: u32) {
        if let Some(key) = self.by_index.remove(&index) {
            self.by_name.remove(&key);
        }
    }

    /// Takes the names of those back that `wanted` does not accept.
    pub fn retain(&mut self, wanted: impl Fn(u32) -> bool) {
        let gone: Vec<u32> = self.by_index.keys().copied().filter(|index| !wanted(*index)).collect();
        for index in gone {
            self.take(index);
        }
    }

    /// Who has the name under `parent`.
    #[must_use]
    pub fn find(&self, parent: u32, name: &str) -> Option<u32> {
        // a borrowed key would need a type of its own; lookups are rare
        self.by_name.get(&(parent, name.into())).copied()
    }

    /// The name that was given to `index`.
    #[must_use]
    pub fn given(&self, index: u32) -> Option<&str> {
        self.by_index.get(&index).map(|(_, name)| &**name)
    }

    /// Tells how the class `id` is called.
    pub fn set_class(&mut self, id: u32, name: &str) {
        self.classes.insert(id, name.into());
    }

    /// How the class `id` is called, if that was told.
    #[must_use]
    pub fn class(&self, id: u32) -> Option<&str> {
        self.classes.get(&id).map(|name| &**name)
    }

    /// The same, for a name.
    #[must_use]
    pub fn class_name(&self, id: u32) -> &str {
        self.class(id).unwrap_or("Actor")
    }
}

/// Splits `Counter-7` into `("Counter", 7)`.
#[must_use]
pub fn split_number(name: &str) -> Option<(&str, u64)> {
    let (class, digits) = name.rsplit_once('-')?;
    let plain = digits == "0" || !digits.starts_with('0');
    if !plain || digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((class, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_free_again_after_it_was_taken_back() {
        let mut r = Registry::default();
        assert_eq!(r.give(0, "a", 1), Ok(()));
        assert_eq!(r.give(0, "a", 2), Err(Taken));
        assert_eq!(r.give(1, "a", 2), Ok(()));
        assert_eq!((r.find(0, "a"), r.find(1, "a"), r.given(1)), (Some(1), Some(2), Some("a")));
        r.take(1);
        assert_eq!((r.find(0, "a"), r.given(1)), (None, None));
        assert_eq!(r.give(0, "a", 3), Ok(()));
    }

    #[test]
    fn only_a_plain_number_is_split_off() {
        assert_eq!(split_number("Counter-7"), Some(("Counter", 7)));
        assert_eq!(split_number("a-b-0"), Some(("a-b", 0)));
        for name in ["Counter", "Counter-", "Counter-07", "Counter-x", "Counter-99999999999999999999"] {
            assert_eq!(split_number(name), None, "{name}");
        }
    }
}
