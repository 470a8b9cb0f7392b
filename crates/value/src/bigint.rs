//! Integers of any size.

/// An integer that 64 bits do not hold. [`Value::bigint`](crate::Value::bigint) makes a value of one of any size.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BigInt {
    is_negative: bool,
    /// Of its magnitude, the least first; the last is not 0.
    limbs: Vec<u64>,
}

impl BigInt {
    /// The integer of a sign and a magnitude, the least 64 bits first.
    #[must_use]
    pub fn new(is_negative: bool, mut limbs: Vec<u64>) -> Self {
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        Self { is_negative: is_negative && !limbs.is_empty(), limbs }
    }

    /// Whether it is less than 0.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.is_negative
    }

    /// Its magnitude, the least 64 bits first. The last ones are not 0.
    #[must_use]
    pub fn limbs(&self) -> &[u64] {
        &self.limbs
    }

    /// The integer, if 64 bits hold it.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        let magnitude = match self.limbs[..] {
            [] => 0,
            [one] => i128::from(one),
            _ => return None,
        };
        i64::try_from(if self.is_negative { -magnitude } else { magnitude }).ok()
    }

    /// From hexadecimal digits, small letters only.
    pub(crate) fn from_hex(is_negative: bool, digits: &[u8]) -> Option<Self> {
        if digits.is_empty() {
            return None;
        }
        let mut limbs = Vec::with_capacity(digits.len().div_ceil(16));
        for chunk in digits.rchunks(16) {
            let mut limb = 0;
            for digit in chunk {
                let value = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return None,
                };
                limb = limb << 4 | u64::from(value);
            }
            limbs.push(limb);
        }
        Some(Self::new(is_negative, limbs))
    }

    /// Its magnitude in hexadecimal digits.
    pub(crate) fn to_hex(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(self.limbs.len() * 16);
        for (i, limb) in self.limbs.iter().rev().enumerate() {
            let written = if i == 0 { write!(text, "{limb:x}") } else { write!(text, "{limb:016x}") };
            debug_assert!(written.is_ok(), "a String takes all");
        }
        if text.is_empty() { "0".into() } else { text }
    }
}

impl From<i128> for BigInt {
    fn from(value: i128) -> Self {
        let magnitude = value.unsigned_abs();
        Self::new(value < 0, vec![magnitude as u64, (magnitude >> 64) as u64])
    }
}

impl From<u128> for BigInt {
    fn from(value: u128) -> Self {
        Self::new(false, vec![value as u64, (value >> 64) as u64])
    }
}
