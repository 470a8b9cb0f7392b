//! Numbers of calls, timers, watches and causes that an isolate gives: its own, and those of guests.
//!
//! A handler that another thread runs as a guest asks and sets timers in the name of its home lane, while the home's own thread does so
//! too. Both keep tables of their own: every eighth number is the guests'.

/// Whose numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The isolate's own.
    #[default]
    Own,
    /// Those of guests.
    Guests,
}

impl Whose {
    /// The number of a place in the table.
    #[inline]
    pub(crate) fn number(self, at: usize) -> u32 {
        let at = u32::try_from(at).unwrap_or(u32::MAX / 16);
        match self {
            Whose::Own => at + at / 7 + 1,
            Whose::Guests => at * 8,
        }
    }

    /// The place of a number in the table.
    #[inline(always)]
    pub(crate) fn place(self, number: u32) -> usize {
        match self {
            Whose::Own => (number - number / 8).wrapping_sub(1) as usize,
            Whose::Guests => (number / 8) as usize,
        }
    }

    /// Whose a number is.
    #[inline(always)]
    pub(crate) fn of(number: u32) -> Whose {
        if number.is_multiple_of(8) { Whose::Guests } else { Whose::Own }
    }
}

#[cfg(test)]
mod tests {
    use super::Whose;

    #[test]
    fn every_number_is_somebodys_place_and_nobody_elses() {
        let mut seen = std::collections::HashSet::new();
        for whose in [Whose::Own, Whose::Guests] {
            for at in 0..1000 {
                let number = whose.number(at);
                assert_eq!((Whose::of(number), whose.place(number)), (whose, at));
                assert!(seen.insert(number));
            }
        }
        assert!((0..1000).all(|number| seen.contains(&number)));
    }
}
