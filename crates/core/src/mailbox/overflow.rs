//! What a full mailbox does with a newcomer: a function of plain data.

use crate::entry::{dead, policy};

/// What becomes of a message that meets a full mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The newcomer is a dead letter with this reason.
    Refuse(u32),
    /// The newcomer waits outside until there is room.
    Park,
    /// The oldest of the lowest priority makes room, unless the newcomer is lower than all.
    Evict,
}

/// Decides. `can_wait`: the sender waits for the acceptance or for the reply.
#[must_use]
pub fn decide(policy: u32, can_wait: bool) -> Overflow {
    match policy {
        policy::WAIT if can_wait => Overflow::Park,
        policy::DROP_NEWEST => Overflow::Refuse(dead::DROPPED),
        policy::DROP_OLDEST => Overflow::Evict,
        _ => Overflow::Refuse(dead::MAILBOX_FULL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_policies_is_complete() {
        use Overflow::{Evict, Park, Refuse};
        let full = Refuse(dead::MAILBOX_FULL);
        for (policy, tell, send) in [
            (policy::REJECT, full, full),
            (policy::WAIT, full, Park),
            (policy::DROP_NEWEST, Refuse(dead::DROPPED), Refuse(dead::DROPPED)),
            (policy::DROP_OLDEST, Evict, Evict),
        ] {
            assert_eq!((decide(policy, false), decide(policy, true)), (tell, send), "policy {policy}");
        }
    }
}
