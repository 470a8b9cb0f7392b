//! Where a core thread may run.
//!
//! Linux: the affinity of a thread is set to one CPU of those that the process may use, counted from the first. Elsewhere
//! nothing is done: macOS has no such call, and Windows schedules by groups that a thread would have to be told of.

/// The calling thread stays on the `at`-th CPU of those that it may use, round and round when there are fewer. Whether it does.
#[cfg(target_os = "linux")]
pub fn pin(at: usize) -> bool {
    let may = cpus();
    let Some(&cpu) = may.get(at.checked_rem(may.len()).unwrap_or(0)) else { return false };
    // SAFETY: an empty set is all zeros.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the number came out of such a set, so it is within.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set is as long as is said; 0 is the calling thread.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) == 0 }
}

/// Does nothing here.
#[cfg(not(target_os = "linux"))]
pub fn pin(_at: usize) -> bool {
    false
}

/// The CPUs that the calling thread may use, in order; none when the system has more than a set has room for (1,024).
#[cfg(target_os = "linux")]
#[must_use]
pub fn cpus() -> Vec<usize> {
    // SAFETY: an empty set is all zeros.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is as long as is said; 0 is the calling thread.
    let told = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) };
    let room = 8 * size_of::<libc::cpu_set_t>();
    // SAFETY: all numbers are within the set.
    (0..room).filter(|cpu| told == 0 && unsafe { libc::CPU_ISSET(*cpu, &set) }).collect()
}

#[cfg(all(test, target_os = "linux", not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_pinned_to_one_of_the_cpus_it_may_use_and_others_are_not() {
        let may = cpus();
        assert!(!may.is_empty());
        for at in 0..may.len() + 2 {
            let only = std::thread::spawn(move || {
                assert!(pin(at));
                cpus()
            });
            assert_eq!(only.join().unwrap(), [may[at % may.len()]]);
        }
        assert_eq!(cpus(), may);
    }
}
