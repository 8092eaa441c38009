#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| qus_fuzz::check("bundle", bytes));
