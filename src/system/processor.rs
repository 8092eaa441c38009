//! What this machine's processor can do.

/// Which of the levels of the x86-64 psABI (version 1.0, "Micro-Architecture Levels") the processor has, 1 to 4; none
/// if it is of another kind. Of level 2 `lahf_sahf` is not asked for: every processor with the rest has it.
pub fn x86_64_level() -> Option<u8> {
    #[cfg(target_arch = "x86_64")]
    {
        use std::is_x86_feature_detected as has;
        let second =
            has!("cmpxchg16b") && has!("popcnt") && has!("sse3") && has!("ssse3") && has!("sse4.1") && has!("sse4.2");
        let third = has!("avx")
            && has!("avx2")
            && has!("bmi1")
            && has!("bmi2")
            && has!("f16c")
            && has!("fma")
            && has!("lzcnt")
            && has!("movbe");
        let fourth = has!("avx512f") && has!("avx512bw") && has!("avx512cd") && has!("avx512dq") && has!("avx512vl");
        let levels = [second, third, fourth].into_iter().take_while(|has| *has).map(|_| 1);
        Some(1 + levels.sum::<u8>())
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
}
