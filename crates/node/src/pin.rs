//! One CPU for the thread of an isolate.

/// Keeps the calling thread on one of the CPUs that it may use: the `nth`, round and round. Whether that was done.
#[cfg(target_os = "linux")]
pub(crate) fn pin(nth: usize) -> bool {
    use libc::{CPU_ISSET, CPU_SET, CPU_SETSIZE, cpu_set_t, sched_getaffinity, sched_setaffinity};

    let size = size_of::<cpu_set_t>();
    // SAFETY: a set is words of bits; all zero is the empty one.
    let (mut allowed, mut one) = unsafe { (std::mem::zeroed::<cpu_set_t>(), std::mem::zeroed::<cpu_set_t>()) };
    // SAFETY: 0 is the calling thread; the set is of the size that is given.
    if unsafe { sched_getaffinity(0, size, &mut allowed) } != 0 {
        return false;
    }
    let all = usize::try_from(CPU_SETSIZE).unwrap_or(0);
    // SAFETY: below CPU_SETSIZE, so within the set.
    let cpus: Vec<usize> = (0..all).filter(|cpu| unsafe { CPU_ISSET(*cpu, &allowed) }).collect();
    let Some(cpu) = cpus.get(nth % cpus.len().max(1)) else { return false };
    // SAFETY: as above.
    unsafe {
        CPU_SET(*cpu, &mut one);
        sched_setaffinity(0, size, &one) == 0
    }
}

/// Only Linux lets a thread choose its CPU like this.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_nth: usize) -> bool {
    false
}
