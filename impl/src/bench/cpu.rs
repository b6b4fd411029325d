//! How much of the processors processes have had.

use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// What a process has had of all processors since it started, by the clock that the operating system keeps of it;
/// `None` where there is no such process, or no such clock.
#[must_use]
pub fn cpu_of(process: u32) -> Option<Duration> {
    let pid = Pid::from_raw(i32::try_from(process).ok()?);
    #[cfg(target_os = "linux")]
    let clock = ClockId::pid_cpu_clock_id(pid).ok()?;
    #[cfg(not(target_os = "linux"))]
    let clock = (pid == Pid::this()).then_some(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
    let time: TimeSpec = clock_gettime(clock).ok()?;
    Some(Duration::from(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_has_had_grows_while_it_works_and_is_not_known_of_one_that_is_not_there() {
        let own = || cpu_of(std::process::id()).expect("this process has a clock");
        let before = own();
        let mut sum = 0_u64;
        while own() < before + Duration::from_millis(1) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert_eq!(cpu_of(u32::MAX), None);
    }
}
