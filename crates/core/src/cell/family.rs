//! Parent and children: a list in order of start, linked through the cells.

use super::table::Table;

/// Makes `child` the youngest child of `parent`.
pub fn adopt(table: &mut Table, parent: u32, child: u32) {
    let last = table.at(parent).last_child;
    let cell = table.at_mut(child);
    cell.parent = parent;
    cell.prev = last;
    cell.next = 0;
    if last == 0 {
        table.at_mut(parent).first_child = child;
    } else {
        table.at_mut(last).next = child;
    }
    table.at_mut(parent).last_child = child;
}

/// Takes `child` from its parent.
pub fn part(table: &mut Table, child: u32) {
    let (parent, prev, next) = {
        let c = table.at(child);
        (c.parent, c.prev, c.next)
    };
    if prev == 0 {
        table.at_mut(parent).first_child = next;
    } else {
        table.at_mut(prev).next = next;
    }
    if next == 0 {
        table.at_mut(parent).last_child = prev;
    } else {
        table.at_mut(next).prev = prev;
    }
    let c = table.at_mut(child);
    (c.prev, c.next) = (0, 0);
}

/// `top` and all below it, parents before children, in order of start.
#[must_use]
pub fn tree(table: &Table, top: u32) -> Vec<u32> {
    let mut found = vec![top];
    let mut at = top;
    loop {
        let cell = table.at(at);
        let mut next = cell.first_child;
        while next == 0 && at != top {
            next = table.at(at).next;
            if next == 0 {
                at = table.at(at).parent;
            }
        }
        if next == 0 {
            return found;
        }
        found.push(next);
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_walked_parents_first_in_order_of_start() {
        let mut t = Table::default();
        for _ in 0..8 {
            t.grant().unwrap();
        }
        for (parent, child) in [(0, 1), (0, 2), (1, 3), (1, 4), (3, 5), (2, 6), (0, 7)] {
            adopt(&mut t, parent, child);
        }
        assert_eq!(tree(&t, 0), [0, 1, 3, 5, 4, 2, 6, 7]);
        assert_eq!(tree(&t, 1), [1, 3, 5, 4]);
        assert_eq!(tree(&t, 7), [7]);
        part(&mut t, 3);
        part(&mut t, 7);
        assert_eq!(tree(&t, 0), [0, 1, 4, 2, 6]);
        part(&mut t, 1);
        part(&mut t, 2);
        assert_eq!(tree(&t, 0), [0]);
    }
}
